"""What paths and exits refuse, and how they say it; a diverging path is named, by every route alike."""

import numpy as np
import pytest

import fpsim
from fpsim.kernels.random_numbers import normals, seed_words
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.paths.step import DivergenceError
from fpsim.targets import LevelSet, Point, as_target
from fpsim.walls import Walls
from landscapes import DoubleWell, Landscape

WELL = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1))
UNBOXED = fpsim.SDE(Landscape.from_expression("x**2/2 + y**2/2", "x y"), fpsim.ConstantDiffusion(0.1))
FUNCTIONS = fpsim.SDE(
    Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, lambda x: x**3 - x, dimension=1), fpsim.ConstantDiffusion(0.1)
)
TOP = Point(0.0, -1.0)


def run(sde=WELL, start=-1.0, duration=1.0, step=0.01, paths=10, **how):
    return simulate(sde, start, duration, step, paths, **how)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"step": 0.0}, "step must be a positive number"),
        ({"step": -0.1}, "step must be a positive number"),
        ({"step": float("nan")}, "step must be a positive number"),
        ({"duration": 0.0}, "duration must be a positive number"),
        ({"duration": float("inf")}, "duration must be a positive number"),
        ({"paths": 0}, "paths must be a whole number"),
        ({"paths": 2.5}, "paths must be a whole number"),
        ({"save_every": 0}, "save_every counts steps"),
        ({"save_every": 1.5}, "save_every counts steps"),
        ({"keep": "all"}, "keep must be 'paths', 'final' or 'moments'; got 'all'"),
        ({"dtype": np.float16}, "dtype must be float64 or float32; got float16"),
        ({"threads": 0}, "threads must be a whole number"),
        ({"boundary": "absorbing"}, "walls are 'reflecting' or 'periodic'"),
        ({"boundary": 3}, "boundary is None, 'reflecting', 'periodic' or Walls"),
        ({"sde": UNBOXED, "start": [0, 0], "boundary": "reflecting"}, "but it has none; use Walls"),
        ({"boundary": Walls("reflecting", [(0, 1), (0, 1)])}, "has 1 dimensions, but the walls have 2"),
        ({"start": [0.0, 1.0]}, "a start point needs 1 coordinates"),
        ({"start": np.zeros((2, 10))}, r"start points need shape \(1, paths\)"),
        ({"start": np.zeros((1, 9))}, r"start points need shape \(1, paths\)"),
        ({"start": float("nan")}, "every start point must be finite"),
        ({"start": lambda u: u[0]}, r"must turn uniforms of shape \(1, n\) into points"),
        ({"paths": 10**9, "save_every": 1}, "would take .* GB; use a larger save_every"),
    ],
)
def test_simulate_refuses(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        run(**arguments)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "7", None, True])
def test_seeds_out_of_range(seed):
    for call in (
        lambda: run(seed=seed),
        lambda: run(FUNCTIONS, seed=seed),
        lambda: exit_times(WELL, -1.0, TOP, 10, 0.01, seed),
        lambda: normals(seed, 3, 3),
    ):
        with pytest.raises(ValueError, match=r"a seed is an integer with 0 <= seed < 2\^64"):
            call()


def test_the_largest_seed_works():
    assert seed_words(2**64 - 1) == (2**32 - 1, 2**32 - 1)
    assert np.isfinite(run(seed=np.uint64(2**64 - 1)).x).all()


@pytest.mark.parametrize(("kind", "box"), [("mirror", [(0, 1)]), ("periodic", [(1, 0)]), ("periodic", [(0, np.inf)])])
def test_walls_refuse(kind, box):
    with pytest.raises(ValueError, match=r"walls are|each side of the box"):
        Walls(kind, box)


def test_noise_that_no_path_can_cross():
    with pytest.raises(ValueError, match="needs floor="):
        fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere")
    closed = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.0)
    with pytest.raises(ValueError, match="no continuous path crosses it"):
        run(fpsim.SDE(DoubleWell(), closed))


def test_conventions_that_are_not_defined():
    noise = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.1)
    with pytest.raises(ValueError, match="use floor_shape='smooth'"):
        run(fpsim.SDE(DoubleWell(), noise, "anti-ito"))
    levels = fpsim.HessianDiffusion(
        learning_rate=0.1, batch_size=1, at="path", minimum=-1.0, saddle=0.0, climb_fraction=0.5
    )
    for call in (lambda s: run(s), lambda s: exit_times(s, -1.0, TOP, 10, 0.01)):
        with pytest.raises(ValueError, match="no anti-ito drift; use 'ito' here"):
            call(fpsim.SDE(DoubleWell(), levels, "anti-ito"))
    bare = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="path", climb_fraction=0.5)
    with pytest.raises(ValueError, match="needs minimum= and saddle= here"):
        run(fpsim.SDE(DoubleWell(), bare))
    with pytest.raises(ValueError, match="'stratonovich' is ambiguous"):
        fpsim.SDE(UNBOXED.landscape, fpsim.DiffusionField.from_expression("1 + x**2", "x y"), "stratonovich")


# --- divergence -------------------------------------------------------------------------------------------------------

FAR = np.concatenate([np.full(137, -1.0), [30.0], np.full(62, -1.0)])[None]  # path 137 is too far out for this step


def first_divergence(limit):
    """The step at which x' = x - h (x^3 - x) from 30 passes ``limit``; noise is small beside it."""
    x, n = 30.0, 0
    while abs(x) <= limit:
        x, n = x - 0.05 * (x**3 - x), n + 1
    return n


@pytest.mark.parametrize("keep", ["paths", "final", "moments"])
@pytest.mark.parametrize(
    ("sde", "dtype"),
    [(WELL, np.float64), (WELL, np.float32), (FUNCTIONS, np.float64), (FUNCTIONS, np.float32)],
    ids=["compiled", "compiled, single", "functions", "functions, single"],
)
def test_a_diverging_path_is_named(sde, dtype, keep):
    expected = first_divergence(1e150 if dtype == np.float64 else 1e30)
    with pytest.raises(DivergenceError) as caught:
        run(sde, FAR, 100 * 0.05, 0.05, paths=200, keep=keep, dtype=dtype, save_every=3 if keep == "paths" else None)
    assert (caught.value.path, caught.value.step) == (137, expected)
    text = f"path 137 diverged at step {expected} (t = {0.05 * expected:g})"
    assert str(caught.value).startswith(text) and "reduce step=" in str(caught.value)


@pytest.mark.parametrize(
    ("sde", "dtype"),
    [(WELL, np.float64), (WELL, np.float32), (FUNCTIONS, np.float64)],
    ids=["compiled", "compiled, single", "functions"],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_diverging_path_on_its_way_out_is_named(sde, dtype, threads):
    # the target is a small ball far off, which the leaps of path 137 do not hit
    expected = first_divergence(1e150 if dtype == np.float64 else 1e30)
    with pytest.raises(DivergenceError) as caught:
        exit_times(sde, FAR, fpsim.Ball([7.0], 0.5), 200, 0.05, horizon=5.0, dtype=dtype, threads=threads, bridge=False)
    assert (caught.value.path, caught.value.step) == (137, expected)


def test_a_leap_beyond_all_numbers_is_no_exit():
    # one step from -1e60 goes past the largest double, into {x >= 0}
    for sde in (WELL, FUNCTIONS):
        with pytest.raises(DivergenceError, match=r"path 1 diverged at step 1 "):
            exit_times(sde, np.array([[-1.0, -1e60, -1.0]]), TOP, 3, 0.05, horizon=1.0)


@pytest.mark.parametrize("paths", [1, 100, 257])
@pytest.mark.parametrize("sde", [WELL, FUNCTIONS], ids=["compiled", "functions"])
def test_lanes_without_a_path_cannot_diverge(sde, paths):
    # hot noise and a large step: some numbers below 512 diverge, and only true ones may be named
    hot = fpsim.SDE(sde.landscape, fpsim.ConstantDiffusion(3.0))
    fates = {}
    for n in (paths, 512):
        try:
            fates[n] = run(hot, duration=40.0, step=0.11, paths=n, seed=1, keep="final", threads=1)
        except DivergenceError as error:
            fates[n] = error
    assert isinstance(fates[512], DivergenceError)
    if isinstance(fates[paths], DivergenceError):
        assert fates[paths].path < paths
    else:
        assert paths == 1


def test_the_edge_of_a_root_is_caught():
    # sqrt(x) below zero: there is no step to the left of 0
    root = fpsim.SDE(Landscape.from_expression("sqrt(x)**3 + x"), fpsim.ConstantDiffusion(0.1))
    for keep in ("paths", "final", "moments"):
        with pytest.raises(DivergenceError):
            run(root, 0.1, 5.0, 0.01, keep=keep)
    with pytest.raises(DivergenceError):
        exit_times(root, 0.1, Point(50.0, 0.1), 10, 0.01, horizon=50.0)


@pytest.mark.parametrize("keep", ["paths", "final", "moments"])
@pytest.mark.parametrize("step", [1, 2, 63, 64, 65, 99, 100])
def test_injected_not_a_number_is_caught_at_its_step(monkeypatch, step, keep):
    # a drift that is NaN after a given step: x = t is a clock
    clock = Landscape.from_expression("-x - 0*sqrt(a - x)", a=step - 0.5)
    quiet = fpsim.SDE(clock, fpsim.ConstantDiffusion(1e-12))
    broken = fpsim.SDE(
        Landscape(lambda x: -x[0], lambda x: np.where(x > step - 1.5, np.nan, -1.0), dimension=1), quiet.noise
    )
    with pytest.raises(ValueError, match="is not a number at x"):
        run(broken, 0.0, 100, 1.0, keep=keep)
    cut = fpsim.SDE(Landscape.from_expression("-x - b*exp(c*(x - a))", a=step - 1.5, b=1e-300, c=1e5), quiet.noise)
    with pytest.raises(DivergenceError) as caught:
        run(cut, 0.0, 100, 1.0, keep=keep)
    assert caught.value.step == step


# --- exits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"step": 0.0}, "step must be a positive number"),
        ({"paths": 0}, "paths must be a whole number"),
        ({"horizon": 0.0}, "the horizon must be a positive time"),
        ({"horizon": float("nan")}, "the horizon must be a positive time"),
        ({"dtype": np.float16}, "dtype must be float64 or float32"),
        ({"start": 0.5}, "already lies in the target"),
        ({"start": 0.0}, "already lies in the target"),
        ({"start": lambda u: 2 * u - 1.7}, "start points already lie in the target"),
        ({"target": fpsim.Ball([0.0, 0.0], 0.1)}, "has 1 dimensions, but the target .* has 2"),
        ({"target": LevelSet(lambda x: x)}, "must return one finite number per point"),
        ({"target": LevelSet(lambda x: np.nan * x[0])}, "must return one finite number per point"),
        ({"target": "right"}, "a target is Ball"),
    ],
)
def test_exit_times_refuses(arguments, sentence):
    given = {"sde": WELL, "start": -1.0, "target": TOP, "paths": 100, "step": 0.01} | arguments
    with pytest.raises(ValueError, match=sentence):
        exit_times(**given)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: fpsim.Ball([0.0], 0.0), "radius > 0"),
        (lambda: fpsim.Ball([np.nan], 1.0), "finite center"),
        (lambda: fpsim.HalfSpace([0.0, 0.0], 1.0), "a HalfSpace needs a non-zero normal"),
        (lambda: as_target(-1.0, np.array([-1.0])), "start and target are both -1"),
        (lambda: as_target(1.0, np.array([0.0, 0.0])), "in 2 dimensions a target is Ball"),
        (lambda: as_target(lambda x: x[0] + 9, np.array([-1.0])), "already lies in the target"),
        (lambda: as_target(lambda x: x, np.array([-1.0])), "one finite number per point"),
    ],
)
def test_targets_refuse(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_too_few_exits_to_extrapolate():
    cold = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.02))
    sample = exit_times(cold, -1.0, TOP, 50, 0.05, horizon=4.0)
    with pytest.raises(ValueError, match=r"too few to extrapolate .* use a longer horizon, more paths, or an exact"):
        sample.mean_and_error()


def test_a_single_exit_has_no_error_bar():
    sample = ExitSample(np.array([2.0]), np.zeros((1, 1)), np.array([False]), np.inf, 0.1)
    assert sample.mean_and_error() == (2.0, float("inf"))


def test_horizon_is_rounded_up_to_four_steps():
    sample = exit_times(fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(1e-3)), -1.0, TOP, 5, 0.1, horizon=0.9)
    assert sample.horizon == pytest.approx(1.2)
    assert sample.censored.all() and np.isfinite(sample.places).all()
    shortest = exit_times(WELL, -1.0, TOP, 5, 0.1, horizon=1e-6)
    assert shortest.horizon == pytest.approx(0.4)


@pytest.mark.parametrize("sde", [WELL, FUNCTIONS], ids=["compiled", "functions"])
def test_progress_ends_at_one(sde):
    seen = []
    run(sde, paths=5000, duration=0.1, progress=seen.append)
    assert seen[-1] == 1.0 and seen == sorted(seen)
    seen.clear()
    exit_times(sde, -1.0, fpsim.HalfSpace([1.0], -0.9), 300, 0.01, progress=seen.append)
    assert all(0 <= share <= 1 for share in seen)
