"""Densities by independent ways: the integrators, scipy, loops against their NumPy definitions, and paths."""

import numpy as np
import pytest

import fpsim
from fpsim.density.evolution import poisson_weights, propagate
from fpsim.density.motion import Motion
from fpsim.kernels.assembly import cut_rates, edge_rates
from landscapes import DoubleWell, DriftField, Landscape

WELL = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1))
PLANE = fpsim.SDE(Landscape.from_expression("(x**2-1)**2/4 + y**2/2", variables="x y"), fpsim.ConstantDiffusion(0.1))


def l1(a, b, volume):
    return float(np.abs(np.asarray(a) - np.asarray(b)).sum() * volume)


def test_contour_and_uniformisation_agree_with_scipy():
    from scipy.sparse.linalg import expm_multiply

    line = fpsim.FokkerPlanck(WELL, fpsim.Grid((-2.2, 2.2, 120)))
    start = line.grid.density(-1.0)
    exact = expm_multiply(line.generator * 3.0, start)
    for method in ("contour", "uniformisation"):
        assert l1(line.evolve(start, [3.0], method=method)["density"].values[0], exact, line.grid.volume) < 1e-10


def test_all_methods_agree_in_the_plane():
    plane = fpsim.FokkerPlanck(PLANE, fpsim.Grid((-2.2, 2.2, 30), (-1.8, 1.8, 26)))
    methods = ("chebyshev", "uniformisation", "krylov", "implicit")
    found = {m: plane.evolve((-1.0, 0.0), [0.3, 4.0], method=m) for m in methods}
    exact = found["uniformisation"]["density"]
    for method in ("chebyshev", "krylov"):
        assert l1(found[method]["density"], exact, plane.grid.volume) < 1e-11
    assert l1(found["implicit"]["density"], exact, plane.grid.volume) < 1e-4
    for one in found.values():
        assert one["density"].min() >= 0
        assert np.abs(one["mass"] - 1).max() < 1e-12
    assert plane.evolve((-1.0, 0.0), [4.0]).attrs["method"] == "chebyshev"


def swirling(cells, turn=0.5):
    """A double well whose drift turns around the origin: no detailed balance."""
    field = DriftField(
        lambda x: -np.stack([x[0] ** 3 - x[0] + turn * x[1], x[1] - turn * x[0]]),
        lambda x: np.zeros((2, *x.shape)),
        dimension=2,
    )
    return fpsim.FokkerPlanck(fpsim.SDE(field, fpsim.ConstantDiffusion(0.1)), fpsim.Grid(*[(-2.2, 2.2, cells)] * 2))


@pytest.mark.parametrize(("turn", "start"), [(0.5, (-1.0, 0.0)), (5.0, lambda x: np.exp(-8 * (x**2).sum(axis=0)))])
def test_a_swirl_by_subspaces(turn, start):
    """Times over five decades, each against Poisson sums, and the last against the stationary density."""
    swirl, times = swirling(40, turn), [1e-3, 0.02, 0.3, 0.5, 5.0, 30.0]
    exact = swirl.evolve(start, times, method="uniformisation")["density"]
    found = swirl.evolve(start, times, method="krylov")
    apart = np.abs(found["density"] - exact).sum(("x", "y")) * swirl.grid.volume
    assert float(apart.max()) < 1e-9 and found.attrs["time_error"] < 1e-9
    assert swirl.evolve((-1.0, 0.0), [30.0]).attrs["method"] == "krylov"
    assert swirl.evolve((-1.0, 0.0), [1e-3]).attrs["method"] == "uniformisation"
    late = swirl.evolve((-1.0, 0.0), [2000.0])
    assert l1(late["density"].values[0], swirl.stationary()["density"], swirl.grid.volume) < 1e-9


def test_subspaces_that_do_not_agree_give_way(monkeypatch):
    swirl = swirling(24)
    exact = swirl.evolve((-1.0, 0.0), [30.0], method="uniformisation")["density"]
    monkeypatch.setattr("fpsim.density.rational.SIZES", (2, 3))
    found = swirl.evolve((-1.0, 0.0), [30.0])
    assert found.attrs["method"] == "uniformisation" and l1(found["density"], exact, swirl.grid.volume) == 0
    with pytest.raises(ValueError, match="leave method out"):
        swirl.evolve((-1.0, 0.0), [30.0], method="krylov")


def test_a_walk_that_leaves_densities_negative_is_left_by_its_first_accurate_method(monkeypatch):
    """Poisson sums or implicit steps over 1e5 would give the same negative densities, after minutes."""
    from fpsim.density import evolution

    field = DriftField.from_expression(
        ["x - x**3 - 6*y*exp(-x**2)", "-3*y + 4*x*exp(2*y)/(1 + exp(2*y))"], variables="x y"
    )
    noise = fpsim.DiffusionField.from_expression(["0.002 + 0.5*exp(-4*(x - 1)**2)", "0.02 + 0.3*x**2"], "x y")
    swirl = fpsim.FokkerPlanck(fpsim.SDE(field, noise), fpsim.Grid((-3, 3, 20), (-3, 3, 20)))
    tried, integrate = [], evolution._integrate
    monkeypatch.setattr(evolution, "_integrate", lambda *given: tried.append(given[1]) or integrate(*given))
    found = swirl.evolve(lambda x: np.exp(-10 * ((x[0] + 0.8) ** 2 + (x[1] - 0.3) ** 2)), [0.3, 1e5])
    assert tried == ["krylov", "krylov"]  # the guided walk, then the fitted one
    assert found["density"].min() >= 0
    last = found["density"].values[1].ravel()
    assert np.abs(swirl.fitted.generator @ last).max() < 1e-9 * np.abs(swirl.fitted.leaving * last).max()


def test_long_times_of_a_swirl_by_implicit_steps():
    swirl = swirling(30)
    exact = swirl.evolve((-1.0, 0.0), [5.0, 30.0])
    found = swirl.evolve((-1.0, 0.0), [5.0, 30.0], method="implicit")
    assert l1(found["density"], exact["density"], swirl.grid.volume) < 1e-4


def test_mass_in_the_far_tail_does_not_spoil_the_bulk():
    plane = fpsim.FokkerPlanck(PLANE, fpsim.Grid((-3, 3, 30), (-3, 3, 30)))
    flat = np.ones((30, 30))
    found = plane.evolve(flat, [0.5])
    exact = plane.evolve(flat, [0.5], method="uniformisation")
    assert l1(found["density"], exact["density"], plane.grid.volume) < 1e-9


def test_survival_in_the_plane_is_that_of_the_line():
    times = [1.0, 10.0, 60.0]
    line = fpsim.FokkerPlanck(WELL, fpsim.Grid((-2.5, 2.5, 1000))).survival(-1.0, 0.0, times)
    for offset in (0.0, -0.0249):  # the second boundary nearly touches cell centres
        grid = fpsim.Grid((-2.5, 2.5, 100), (-1.9, 1.9, 40))
        plane = fpsim.FokkerPlanck(PLANE, grid).survival((-1.0, 0.0), fpsim.HalfSpace([1, 0], offset), times)
        reference = (
            line
            if offset == 0
            else fpsim.FokkerPlanck(WELL, fpsim.Grid((-2.5, 2.5, 1000))).survival(-1.0, offset, times)
        )
        np.testing.assert_allclose(plane["survival"], reference["survival"], atol=4e-4)
        np.testing.assert_allclose(plane["first_passage_density"], reference["first_passage_density"], rtol=5e-3)


def test_rates_are_their_numpy_definition():
    random = np.random.default_rng(1)
    slope, bend = random.uniform(-3, 3, 50), random.uniform(-0.5, 0.5, 50)
    mid, end, scale = slope / 2 + bend / 4, slope + bend, random.exponential(size=50)
    a = random.uniform(0.05, 1, 50)

    def chord(low, high):
        return (np.exp(high) - np.exp(low)) / (high - low)

    def integral(middle, last):
        return (2 * (chord(0, middle) + chord(middle, last)) - chord(0, last)) / 3

    short = a * integral(slope * a / 2 + bend * a**2 / 4, slope * a + bend * a**2)
    np.testing.assert_allclose(edge_rates(scale, mid, end), scale / integral(mid, end), rtol=1e-11)
    np.testing.assert_allclose(cut_rates(scale, mid, end, a), scale / short, rtol=1e-11)
    s = (np.arange(20_000) + 0.5) / 20_000
    true = np.exp(np.outer(slope, s) + np.outer(bend, s**2)).mean(axis=1)
    np.testing.assert_allclose(edge_rates(scale, mid, end), scale / true, rtol=2e-3)


@pytest.mark.parametrize("mean", [1e-6, 0.3, 7.0, 5e3, 3e6])
def test_poisson_weights(mean):
    first, weights = poisson_weights(mean)
    k = first + np.arange(weights.size)
    assert weights.sum() == pytest.approx(1, abs=1e-14)
    assert weights @ k == pytest.approx(mean, rel=1e-9)
    assert weights @ (k - mean) ** 2 == pytest.approx(mean, rel=1e-6)


def test_killing_is_what_is_lost():
    part = fpsim.FokkerPlanck(PLANE, fpsim.Grid((-2, 0.2, 22), (-1.5, 1.5, 20)), "absorbing")
    motion = Motion(part.walk.rates, part.walk.killing)
    masses = part.grid.density((-1.0, 0.0)).ravel() * part.grid.volume
    times = np.linspace(3, 3.2, 5)
    found = propagate(motion, masses, times)
    slope = np.gradient(found.masses.sum(axis=1), times)[2]
    assert found.lost[2] == pytest.approx(-slope, rel=1e-3)


@pytest.mark.parametrize("convention", ["ito", "anti-ito"])
def test_histogram_of_paths_on_a_line(convention):
    noise = fpsim.DiffusionField.from_expression("0.1*(1 + x**2/2)", variables="x")
    problem = fpsim.SDE(DoubleWell(), noise, convention)
    compare_with_paths(problem, fpsim.Grid((-2.6, 2.6, 520)), -1.0, 1.5, 26, paths=300_000)


def test_histogram_of_paths_in_the_plane():
    tensor = ((0.1, 0.05), (0.05, 0.12))
    problem = fpsim.SDE(PLANE.landscape, fpsim.ConstantDiffusion(tensor))
    grid = fpsim.Grid((-2.4, 2.4, 192), (-2.0, 2.0, 160))
    compare_with_paths(problem, grid, (-1.0, 0.0), 1.0, (12, 10), paths=300_000)


@pytest.mark.parametrize("convention", ["ito", "anti-ito"])
def test_histogram_of_paths_under_a_full_varying_tensor(convention):
    entries = [["0.15 + x**2/20", "0.05*cos(y)"], ["0.05*cos(y)", "0.12 + y**2/20"]]
    noise = fpsim.DiffusionField.from_expression(entries, variables="x y")
    problem = fpsim.SDE(PLANE.landscape, noise, convention)
    grid = fpsim.Grid((-3.0, 3.0, 240), (-2.4, 2.4, 200))
    compare_with_paths(problem, grid, (-1.0, 0.0), 1.0, (15, 10), paths=200_000)


@pytest.mark.parametrize("boundary", ["reflecting", "periodic"])
@pytest.mark.parametrize("noise", [fpsim.ConstantDiffusion(0.3), "0.2*(1 + 0.5*cos(x)**2)"], ids=["constant", "field"])
def test_histogram_of_paths_between_walls(boundary, noise):
    slope = Landscape.from_expression("0.3*sin(x)", variables="x", bounds=((0.0, 2 * np.pi),))
    noise = fpsim.DiffusionField.from_expression(noise, variables="x") if isinstance(noise, str) else noise
    grid = fpsim.Grid((0.0, 2 * np.pi, 400))
    compare_with_paths(fpsim.SDE(slope, noise), grid, 1.0, 1.0, 20, boundary=boundary)


def compare_with_paths(problem, grid, start, duration, bins, paths=100_000, boundary=None):
    """Chi-square of end points against cell masses: below its mean + 5 standard deviations, plus the step bias."""
    ends = fpsim.simulate(problem, start, duration, 2e-3, paths=paths, seed=11, keep="final", boundary=boundary).x[-1]
    density = fpsim.FokkerPlanck(problem, grid, boundary or "reflecting").evolve(start, [duration])
    density = density["density"].values[0] * grid.volume
    counts = np.atleast_1d(bins)
    edges = [np.linspace(low, high, b + 1) for (low, high, _), b in zip(grid.axes, counts, strict=True)]
    seen, _ = np.histogramdd(ends, bins=edges)
    expected = density
    for k, b in enumerate(counts):
        expected = np.add.reduceat(expected, np.arange(0, grid.shape[k], grid.shape[k] // b), axis=k)
    expected = expected * paths
    used = expected > 20
    chi2 = float(((seen - expected)[used] ** 2 / expected[used]).sum())
    freedom = int(used.sum())
    assert chi2 < freedom + 5 * np.sqrt(2 * freedom)
