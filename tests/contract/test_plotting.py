"""What the pictures say, read back from their axes: the data drawn are the data given, with labels and units."""

import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex, to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from fpsim import plotting
from fpsim.paths.ensembles import Moments, Paths
from fpsim.paths.exit_sample import ExitSample
from fpsim.plotting.exits import poisson_interval
from fpsim.plotting.style import CYCLE, TIME
from fpsim.results import Assumption, Comparison, EscapeTime
from fpsim.route import ROUTES
from fpsim.targets import Ball, Point
from landscapes import DoubleWell, Landscape, MaierStein, MuellerBrown, Quadratic, TiltedCosine
from validation.double_well.picture import demo_figure


def exits(paths=3000, mean=40.0, horizon=np.inf, seed=5):
    times = np.random.default_rng(seed).exponential(mean, paths)
    censored = times > horizon
    return ExitSample(np.minimum(times, horizon), np.zeros((paths, 1)), censored, horizon, 0.01)


def walks(paths=6, dimension=1, times=50, seed=2):
    steps = np.random.default_rng(seed).normal(0, 0.1, (times, paths, dimension))
    return Paths(np.arange(times) * 0.5, np.cumsum(steps, axis=0))


FAILS = (Assumption("barrier / noise >= 5", False, "barrier / noise = 2.5"),)
ROUTE_TIMES = (
    EscapeTime(mean=66.2686, method="quadrature", systematic_error=1e-9),
    EscapeTime(mean=66.0, method="paths", standard_error=0.3, systematic_error=0.4),
    EscapeTime(mean=54.1, method="kramers", assumptions=FAILS),
    EscapeTime(mean=62.2, method="kramers-next", assumptions=(Assumption("small noise", True),)),
)
COMPARISON = Comparison("double well", ROUTE_TIMES)
ROWS = [
    {"method": method, "x": x, "mean": factor * np.exp(x), "error": error * np.exp(x)}
    for x in (2.0, 1.0, 3.0)
    for method, factor, error in (("quadrature", 4.0, 0.0), ("paths", 4.1, 0.2), ("kramers", 3.0, 0.0))
]


def bars(axes, label):
    (found,) = (c for c in axes.containers if isinstance(c, ErrorbarContainer) and c.get_label() == label)
    return found


def bar_ends(container, direction):
    (segments,) = container.lines[2]
    return np.array([[end[direction] for end in segment] for segment in segments.get_segments()])


def line(axes, label):
    (found,) = (x for x in axes.lines if x.get_label() == label)
    return found


def texts(axes):
    return " | ".join(t.get_text() for t in [axes.title, *axes.texts])


# --- exits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("horizon", [np.inf, 60.0])
def test_histogram_is_a_density_of_all_paths_on_a_log_axis(horizon):
    sample = exits(horizon=horizon)
    figure = plotting.exit_histogram(sample, mean=40.0)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert axes.get_yscale() == "log" and axes.get_xscale() == "linear"
    assert TIME in axes.get_xlabel() and "1 / time" in axes.get_ylabel()
    (steps,) = (p for p in axes.patches if isinstance(p, StepPatch))
    density, edges, _ = steps.get_data()
    assert edges[0] == 0 and edges[-1] == sample.exits.max()
    assert np.sum(density * np.diff(edges)) == pytest.approx(1 - sample.censored.mean(), rel=1e-12)
    counts = density * np.diff(edges) * sample.times.size
    assert counts == pytest.approx(np.histogram(sample.exits, edges)[0], rel=1e-9)
    assert ("censored" in texts(axes)) == np.isfinite(horizon)
    if np.isfinite(horizon):
        assert f"{sample.censored.sum()} paths" in texts(axes)


def test_histogram_points_carry_poisson_errors_and_the_law_is_the_exponential():
    sample = exits()
    (axes,) = plotting.exit_histogram(sample, mean=40.0).axes
    (steps,) = (p for p in axes.patches if isinstance(p, StepPatch))
    density, edges, _ = steps.get_data()
    points = bars(axes, "3\u202f000 paths")
    np.testing.assert_allclose(points.lines[0].get_xdata(), ((edges[1:] + edges[:-1]) / 2)[density > 0])
    np.testing.assert_allclose(points.lines[0].get_ydata(), density[density > 0])
    ends = bar_ends(points, 1) * np.diff(edges)[0] * 3000
    first = density[0] * np.diff(edges)[0] * 3000
    assert first > 100  # where Poisson is nearly normal: n - sqrt(n), n + sqrt(n) to a per cent of n
    np.testing.assert_allclose(ends[0], [first - np.sqrt(first), first + np.sqrt(first)], rtol=0.01)
    assert (ends > 0).all()
    (law,) = (x for x in axes.lines if "tau" in x.get_label())
    t, p = law.get_data()
    np.testing.assert_allclose(p, np.exp(-t / 40) / 40, rtol=1e-12)


def test_poisson_interval_covers_as_stated():
    from scipy.stats import poisson

    counts = np.array([0, 1, 5, 80])
    low, high = poisson_interval(counts, 0.9)
    np.testing.assert_allclose(poisson.sf(counts[1:] - 1, low[1:]), 0.05, rtol=1e-9)
    np.testing.assert_allclose(poisson.cdf(counts, high), 0.05, rtol=1e-9)
    assert low[0] == 0


def test_survival_chart_shows_the_band_of_the_sample():
    sample = exits()
    (axes,) = plotting.survival_chart(sample, mean=40.0).axes
    t, probability, half = sample.survival()
    assert axes.get_yscale() == "log"
    drawn = line(axes, "3\u202f000 paths")
    np.testing.assert_array_equal(drawn.get_xdata(), t[probability > 0])
    np.testing.assert_array_equal(drawn.get_ydata(), probability[probability > 0])
    (band,) = (c for c in axes.collections if isinstance(c, PolyCollection))
    corners = band.get_paths()[0].vertices
    i = 40
    assert probability[i] > half[i]
    at = np.sort(corners[np.isclose(corners[:, 0], t[i]), 1])
    assert at[0] == pytest.approx(probability[i] - half[i]) and at[-1] == pytest.approx(probability[i] + half[i])
    (law,) = (x for x in axes.lines if "tau" in x.get_label())
    np.testing.assert_allclose(law.get_ydata(), np.exp(-t / 40))


@pytest.mark.parametrize("draw", [plotting.exit_histogram, plotting.survival_chart])
def test_exits_that_cannot_be_drawn(draw):
    sample = exits(20, horizon=1e-9)
    with pytest.raises(ValueError, match="none of 20 paths left before the horizon"):
        draw(sample, mean=40.0)
    for mean in (0.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="positive time"):
            draw(exits(20), mean=mean)


# --- routes ---------------------------------------------------------------------------------------------------------


def test_comparison_has_one_row_per_route_with_its_error():
    figure = COMPARISON.plot()
    (axes,) = figure.axes
    assert [t.get_text() for t in axes.get_yticklabels()] == [r.method for r in ROUTE_TIMES]
    assert TIME in axes.get_xlabel()
    for row, route in enumerate(ROUTE_TIMES):
        point = bars(axes, route.method).lines[0]
        assert point.get_xdata() == [route.mean] and point.get_ydata() == [row]
        hollow = to_rgb(point.get_markerfacecolor()) == (1, 1, 1)
        assert hollow == bool(route.violated)
    np.testing.assert_allclose(bar_ends(bars(axes, "paths"), 0), [[65.5, 66.5]])
    assert not bars(axes, "kramers").has_xerr
    assert 66.2686 in [x.get_xdata()[0] for x in axes.lines if x.get_linestyle() == "--"]
    assert "hollow" in texts(axes) and "66.00 ± 0.50" in texts(axes) and "66.2686" in texts(axes)
    low, high = axes.get_ylim()
    assert low > high  # the first route is on top


def test_comparison_without_failed_assumptions_explains_no_hollow_marker():
    (axes,) = plotting.comparison_chart(Comparison("p", ROUTE_TIMES[:2])).axes
    assert "hollow" not in texts(axes)


def test_comparison_names_what_it_cannot_draw_and_takes_a_log_axis_for_far_routes():
    chain = EscapeTime(mean=700.0, method="chain", units="iterations")
    far = replace(ROUTE_TIMES[2], mean=5000.0)
    (axes,) = plotting.comparison_chart(Comparison("p", (*ROUTE_TIMES[:2], far, chain))).axes
    assert [t.get_text() for t in axes.get_yticklabels()] == ["quadrature", "paths", "kramers"]
    assert "not drawn: chain (iterations)" in texts(axes)
    assert axes.get_xscale() == "log"
    with pytest.raises(ValueError, match="no route"):
        plotting.comparison_chart(Comparison("p", ()))


def test_arrhenius_draws_logarithms_in_order_with_relative_errors():
    (axes,) = plotting.arrhenius_chart(ROWS).axes
    assert axes.get_xlabel() == "barrier / temperature" and axes.get_ylabel() == "ln(escape time)"
    for method, factor in (("quadrature", 4.0), ("paths", 4.1), ("kramers", 3.0)):
        x, y = bars(axes, method).lines[0].get_data(orig=False)
        np.testing.assert_allclose(x, [1, 2, 3])
        np.testing.assert_allclose(y, np.log(factor) + x)
    ends = bar_ends(bars(axes, "paths"), 1)
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], 2 * 0.2 / 4.1)
    assert not bars(axes, "kramers").has_yerr
    assert bars(axes, "kramers").lines[0].get_linestyle() == "-"
    assert bars(axes, "paths").lines[0].get_linestyle() == "None"


def test_arrhenius_inset_shows_ratios_to_the_exact_route():
    (axes,) = plotting.arrhenius_chart(ROWS).axes
    (inset,) = axes.child_axes
    assert inset.get_title("left") == "time / quadrature"
    np.testing.assert_allclose(bars(inset, "kramers").lines[0].get_ydata(), 0.75)
    np.testing.assert_allclose(bars(inset, "paths").lines[0].get_ydata(), 1.025)
    np.testing.assert_allclose(np.diff(bar_ends(bars(inset, "paths"), 1)), 0.1)
    formulas = [row for row in ROWS if row["method"] == "kramers"]
    assert plotting.arrhenius_chart(formulas).axes[0].child_axes == []


def test_arrhenius_refuses_what_has_no_logarithm():
    with pytest.raises(ValueError, match="no rows"):
        plotting.arrhenius_chart([])
    with pytest.raises(ValueError, match="kramers gives inf"):
        plotting.arrhenius_chart([{"method": "kramers", "x": 1.0, "mean": np.inf, "error": 0.0}])


def test_a_route_looks_the_same_everywhere_and_unlike_the_others():
    styles = [row.style for row in ROUTES.values() if row.style is not None]
    assert len(set(styles)) == len({color for color, _ in styles}) == len(styles)
    assert len(set(CYCLE)) == len(CYCLE)
    (axes,) = plotting.comparison_chart(COMPARISON).axes
    (others,) = plotting.arrhenius_chart(ROWS).axes
    for method in ("quadrature", "paths", "kramers"):
        one, two = bars(axes, method).lines[0], bars(others, method).lines[0]
        assert to_hex(one.get_color()) == to_hex(two.get_color()) == to_hex(ROUTES[method].style[0])
        assert one.get_marker() == two.get_marker()
    new = Comparison("p", tuple(EscapeTime(mean=m, method=f"new-{m}") for m in (1.0, 2.0)))
    (axes,) = plotting.comparison_chart(new).axes
    assert len({bars(axes, f"new-{m}").lines[0].get_marker() for m in (1.0, 2.0)}) == 2


# --- paths ----------------------------------------------------------------------------------------------------------


def test_path_chart_draws_the_first_paths_against_time():
    paths = walks()
    (axes,) = paths.plot().axes
    assert axes.get_xlabel() == TIME and axes.get_ylabel() == "x"
    assert 1 <= len(axes.lines) < 6 and f"first {len(axes.lines)} of 6 paths" in texts(axes)
    for number, drawn in enumerate(axes.lines):
        np.testing.assert_array_equal(drawn.get_xdata(), paths.time)
        np.testing.assert_array_equal(drawn.get_ydata(), paths.x[:, number, 0])


def test_path_chart_in_two_and_three_dimensions():
    paths = walks(2, 2)
    (axes,) = plotting.path_chart(paths).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
    np.testing.assert_array_equal(axes.lines[1].get_data(), paths.x[:, 1].T)
    np.testing.assert_array_equal(line(axes, "start").get_data(), paths.x[0].T)
    (axes,) = plotting.path_chart(walks(2, 3)).axes
    assert axes.get_xlabel() == TIME and "first of 3 coordinates" in axes.get_ylabel()
    with pytest.raises(ValueError, match="keep='paths'"):
        plotting.path_chart(walks(times=1))


def test_moment_chart_draws_mean_and_standard_deviation():
    paths = walks(500, 2)
    mean, variance = paths.x.mean(axis=1), paths.x.var(axis=1, ddof=1)
    moments = Moments(paths.time, mean, variance, 0 * mean, 3 * variance**2, 500)
    (axes,) = moments.plot().axes
    bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
    for i in range(2):
        np.testing.assert_array_equal(line(axes, f"x_{i}").get_data(), [paths.time, mean[:, i]])
        corners = bands[i].get_paths()[0].vertices
        at = corners[np.isclose(corners[:, 0], paths.time[20]), 1]
        assert at.min() == pytest.approx(mean[20, i] - np.sqrt(variance[20, i]))
        assert at.max() == pytest.approx(mean[20, i] + np.sqrt(variance[20, i]))
    assert "500 paths" in texts(axes)


# --- landscapes -----------------------------------------------------------------------------------------------------


def test_double_well_with_its_points_and_barrier():
    well = DoubleWell(barrier=0.4, width=2.0)
    (axes,) = plotting.landscape_picture(well, start=-2.0, target=2.0).axes
    x, loss = axes.lines[0].get_data()
    np.testing.assert_allclose(loss, 0.4 * ((x / 2) ** 2 - 1) ** 2, atol=1e-14)
    np.testing.assert_allclose(line(axes, "minimum").get_data(), [[-2, 2], [0, 0]], atol=1e-9)
    np.testing.assert_allclose(line(axes, "saddle").get_data(), [[0], [0.4]], atol=1e-9)
    np.testing.assert_allclose(line(axes, "start").get_data(), [[-2], [0]], atol=1e-9)
    assert r"$\Delta L$ = 0.4" in texts(axes)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "loss L(x)")
    (shaded,) = (c for c in axes.collections if c.get_label() == "target")
    assert shaded.get_paths()[0].vertices[:, 0].min() == pytest.approx(2.0, abs=0.02)
    assert axes.get_ylim()[1] < 0.4 * 9  # the walls of the box do not flatten the wells


def test_barrier_is_that_of_the_escape_asked_for():
    cosine = TiltedCosine(barrier=1.0, tilt=-0.1)
    lowest, middle = sorted(cosine.minima, key=lambda p: p.x[0])[:2]
    left, right = (p for p in sorted(cosine.saddles, key=lambda p: p.x[0]) if p.x[0] > lowest.x[0])
    for minimum, saddle, target in ((lowest, left, middle.x[0]), (middle, right, right.x[0] + 0.1)):
        (axes,) = plotting.landscape_picture(cosine, start=minimum.x, target=target).axes
        assert rf"$\Delta L$ = {saddle.loss - minimum.loss:.4g}" in texts(axes)
    tilted = DoubleWell(tilt=0.05)
    (axes,) = plotting.landscape_picture(tilted).axes  # out of the deepest minimum, on the left
    (top,), left = tilted.saddles, min(tilted.minima, key=lambda p: p.x[0])
    assert rf"$\Delta L$ = {top.loss - left.loss:.4g}" in texts(axes)


def test_landscape_without_a_saddle_shows_no_barrier():
    (axes,) = plotting.landscape_picture(Quadratic(2.0)).axes
    assert "Delta" not in texts(axes)
    assert [x.get_label() for x in axes.lines[1:]] == ["minimum"]


def test_mueller_brown_in_contours():
    surface = MuellerBrown()
    target = Ball(surface.default_target, 0.1)
    axes, bar = plotting.landscape_picture(surface, start=surface.default_start, target=target).axes
    filled, _, shaded, edge = (c for c in axes.collections if isinstance(c, QuadContourSet))
    assert filled.filled and filled.levels[0] <= surface.loss(surface.default_start) < filled.levels[1]
    assert list(shaded.levels) == [0, np.inf] and list(edge.levels) == [0]
    ring = edge.get_paths()[0].vertices.T
    np.testing.assert_allclose(target.level(ring), 0, atol=1e-3)
    minima, saddles = line(axes, "minimum").get_xydata(), line(axes, "saddle").get_xydata()
    assert minima.shape == (3, 2) and saddles.shape == (2, 2)
    np.testing.assert_allclose(saddles[np.argmin(saddles[:, 0])], [-0.8220016, 0.6243128], atol=1e-6)
    assert r"$\Delta L$ = 106" in texts(axes)  # -40.66 - (-146.70)
    assert bar.get_ylabel() == "loss L(x, y)" and axes.get_ylabel() == "y"


def test_points_of_another_box_are_marked():
    plain = Landscape.from_expression("(x**2-1)**2/4")
    with pytest.raises(ValueError, match="box"):
        plotting.landscape_picture(plain)
    (axes,) = plotting.landscape_picture(plain, points=plain.critical_points([(-1.5, 0.5)])).axes
    np.testing.assert_allclose(line(axes, "minimum").get_xdata(), [-1])


def test_landscapes_that_have_no_picture():
    with pytest.raises(ValueError, match="3 dimensions"):
        plotting.landscape_picture(Quadratic(1.0, 3))
    with pytest.raises(ValueError, match="drift field"):
        plotting.landscape_picture(MaierStein())


# --- all together ---------------------------------------------------------------------------------------------------


def test_demo_figure_is_written_with_four_panels(tmp_path):
    problem, file = SimpleNamespace(start=(-1.0,), target=Point(1.0, -1.0)), tmp_path / "demo.png"
    paths = walks()
    figure = demo_figure(DoubleWell(), problem, paths, exits(), COMPARISON, ROWS, file)
    assert file.read_bytes().startswith(b"\x89PNG")
    width = int.from_bytes(file.read_bytes()[16:20], "big")
    assert width >= 1200
    titles = [a.get_title("left") for a in figure.axes if a.get_title("left")]
    assert [t[0] for t in titles] == ["a", "b", "c", "d"]
    above, below = figure.axes[:2]
    assert above.get_xlim() == below.get_xlim()
    first = below.lines[-1]
    np.testing.assert_array_equal(first.get_data(), [paths.x[:, 0, 0], paths.time])
    assert below.get_ylim() == (paths.time[-1], 0)  # time runs down
    (law,) = (x for a in figure.axes for x in a.lines if r"/\tau" in x.get_label())
    assert law.get_ydata()[0] == pytest.approx(1 / 66.2686)  # the mean of the reference
    with pytest.raises(ValueError, match="create it first"):
        demo_figure(DoubleWell(), problem, paths, exits(), COMPARISON, ROWS, tmp_path / "none" / "demo.png")


def test_own_axes_are_used_and_their_figure_returned():
    figure = Figure()
    axes = figure.subplots(2, 4).ravel()
    results = [
        plotting.exit_histogram(exits(), mean=40.0, axes=axes[0]),
        plotting.survival_chart(exits(), mean=40.0, axes=axes[1]),
        plotting.comparison_chart(COMPARISON, axes=axes[2]),
        plotting.arrhenius_chart(ROWS, axes=axes[3]),
        plotting.path_chart(walks(), axes=axes[4]),
        plotting.landscape_picture(DoubleWell(), axes=axes[5]),
        plotting.landscape_picture(MuellerBrown(), axes=axes[6]),
    ]
    assert all(result is figure for result in results)
    assert all(a.has_data() for a in axes[:7]) and not axes[7].has_data()


def test_pictures_leave_pyplot_and_its_settings_alone():
    program = """
import sys
from fpsim import plotting
assert "matplotlib" not in sys.modules
import matplotlib
before = dict(matplotlib.rcParams)
from landscapes import DoubleWell
plotting.landscape_picture(DoubleWell()).canvas.draw()
assert "matplotlib.pyplot" not in sys.modules
assert dict(matplotlib.rcParams) == before
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_cheapest_jumps_are_those_of_the_quasipotential(tmp_path):
    """The outer wall is climbed first, then one long jump over the inflection; file and picture hold the same path."""
    import xarray

    from fpsim import HessianDiffusion
    from fpsim.sgd.chain import Chain

    noise = HessianDiffusion(learning_rate=0.3, batch_size=1, at="everywhere", floor=0.0)
    found = Chain(DoubleWell(), noise).quasipotential(-1.0, 0.0, points=300)
    axes = found.plot().axes[0]
    drawn = np.asarray(axes.lines[0].get_ydata())
    start = int(np.flatnonzero(found.path == drawn[0])[0])
    np.testing.assert_array_equal(drawn, found.path[start : start + drawn.size])
    assert drawn.min() == found.path.min() < -1.5 and found.costs[:start].sum() < 2e-3 * found.value
    assert "V = 1.09" in axes.get_title(loc="left")
    with xarray.open_dataset(found.save(tmp_path / "jumps.nc"), engine="h5netcdf") as kept:
        np.testing.assert_array_equal(kept.path, found.path)
        assert float(kept.cost.sum()) == pytest.approx(kept.attrs["value"], rel=1e-12)
