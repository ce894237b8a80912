"""The compiled loops against their NumPy twins, and formulas against plain functions, on the same random numbers."""

import numpy as np
import pytest

import fpsim
from fpsim.kernels import BLOCK
from fpsim.kernels.random_numbers import Stream
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.edges import Edges
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.paths.step import compiled_step, numpy_step
from fpsim.paths.wall import compiled_wall, numpy_wall
from fpsim.targets import LevelSet, Point
from fpsim.walls import Walls
from landscapes import CoupledDoubleWells, DoubleWell, DriftField, Landscape, Quadratic, TiltedCosine

SEED, TOLERANCE = 12, 1e-12
PLANE = Landscape.from_expression("(x**2 - 1)**2/4 + w*y**2/2 + c*x*y", variables="x y", w=2.0, c=0.3)
HESSIAN = {"learning_rate": 0.1, "batch_size": 1.0, "floor": 0.2}


def constant(value):
    return fpsim.ConstantDiffusion(value)


def field(texts, variables="x y", **parameters):
    return fpsim.DiffusionField.from_expression(texts, variables, **parameters)


def hessian(at="everywhere", **more):
    return fpsim.HessianDiffusion(at=at, **(HESSIAN | more))


SPACE = Landscape.from_expression("(x**2 - 1)**2/4 + y**2 + x*y/3 + z**2/2", variables="x y z")
FULL = field([["0.3 + x**2/9", "x*y/10", "z/9"], ["x*y/10", "0.2 + y**2", "a"], ["z/9", "a", "0.3"]], "x y z", a=0.1)
RANK_2 = field(  # of the columns (1, x, y)/3 and (0, 1, z)/3
    [["1/9", "x/9", "y/9"], ["x/9", "(1 + x**2)/9", "(x*y + z)/9"], ["y/9", "(x*y + z)/9", "(y**2 + z**2)/9"]], "x y z"
)
EDGE = [f"sin(x_{i})/9" for i in range(5)]
ARROW = [
    [f"0.4 + x_{i}**2/9" if i == j else EDGE[max(i, j)] if 0 in (i, j) else "0" for j in range(5)] for i in range(5)
]
FIVE = field(ARROW, "x_0 x_1 x_2 x_3 x_4")
TENSOR = [[0.2, 0.05], [0.05, 0.1]]
CASES = {
    "1-D": (DoubleWell(), constant(0.1), "ito"),
    "1-D, tilted, exponentials": (TiltedCosine(tilt=0.1), constant(0.3), "ito"),
    "vector": (PLANE, constant([0.1, 0.3]), "ito"),
    "full constant": (PLANE, constant(TENSOR), "ito"),
    "diagonal matrix": (PLANE, constant(np.diag([0.1, 0.3])), "ito"),
    "one coordinate without noise": (PLANE, constant([0.1, 0.0]), "ito"),
    "isotropic field": (PLANE, field("0.1 + a*x**2 + y**2/20", a=0.05), "ito"),
    "diagonal field": (PLANE, field(["0.1 + x**2/20", "0.2 + sin(x*y)/10"]), "ito"),
    "full field": (PLANE, field([["0.3 + x**2/9", "x*y/10"], ["x*y/10", "0.2 + y**2"]]), "ito"),
    "field, 1-D, Stratonovich": (DoubleWell(), field("0.1 + x**2/9", "x"), "stratonovich"),
    "field, anti-Ito": (PLANE, field([["0.3 + x**2/9", "x*y/10"], ["x*y/10", "0.2 + y**2"]]), "anti-ito"),
    "full field, 3-D": (SPACE, FULL, "ito"),
    "full field, 3-D, anti-Ito": (SPACE, FULL, "anti-ito"),
    "full field of rank 2, 3-D": (SPACE, RANK_2, "ito"),
    "full field, 5-D": (CoupledDoubleWells(5), FIVE, "ito"),
    "measured noise, 3-D": (SPACE, fpsim.GradientNoise(learning_rate=0.1, batch_size=2, covariance=FULL), "ito"),
    "Hessian, 1-D": (DoubleWell(), hessian(), "ito"),
    "Hessian, 1-D, smooth, anti-Ito": (DoubleWell(), hessian(floor_shape="smooth"), "anti-ito"),
    "Hessian at the minimum": (PLANE, hessian("minimum", minimum=(-1.0, 0.0)), "ito"),
    "Hessian along the path": (DoubleWell(), hessian("path", minimum=-1.0, saddle=0.0, climb_fraction=0.6), "ito"),
    "Hessian, 2-D, root in closed form": (PLANE, hessian(injected=0.01), "ito"),
    "Hessian, 2-D, smooth": (PLANE, hessian(floor_shape="smooth"), "ito"),
    "Hessian, 2-D, smooth, anti-Ito": (PLANE, hessian(floor_shape="smooth"), "anti-ito"),
    "Hessian, 2-D, diagonal": (PLANE.with_parameters(c=0.0), hessian(), "ito"),
    "Hessian, 2-D, zero at the start": (Landscape.from_expression("x**4 + y**4 + x*y**3", "x y"), hessian(), "ito"),
    "measured noise": (
        PLANE,
        fpsim.GradientNoise(learning_rate=0.1, batch_size=2, covariance=field([["2", "x/9"], ["x/9", "1 + y**2"]])),
        "ito",
    ),
    "10 coupled wells": (CoupledDoubleWells(10), constant(0.1), "ito"),
    "drift field": (DriftField.from_expression(["x - x**3 - 2*x*y**2", "-(1 + x**2)*y"], "x y"), constant(0.1), "ito"),
    "blanks, not clashes, in names": (
        Landscape.from_expression("(z_0**2 - 1)**2/4 + step_h*z_1**2", "z_0 z_1", step_h=0.7),
        constant(0.1),
        "ito",
    ),
}


def case(name):
    landscape, noise, convention = CASES[name]
    return fpsim.SDE(landscape, noise, convention)


def by_twin(sde, start, steps, step, paths, walls=None, seed=SEED):
    """Final states (paths, d) by the NumPy definition."""
    x = np.repeat(np.reshape(np.asarray(start, dtype=float), (-1, 1)), paths, axis=1)
    edges = Edges(sde, walls, x[:, 0])
    x, lost = twin.walk(x, 0, 0, steps, numpy_step(sde, step, edges), seed, Stream.INCREMENTS)
    assert lost == -1
    return x.T


def start_of(sde):
    return np.zeros(2) if "x**4 + y**4" in str(sde.landscape) else np.linspace(-1.0, 0.2, sde.dimension)


@pytest.mark.parametrize("name", CASES)
def test_walk(name):
    sde = case(name)
    run = simulate(sde, start_of(sde), 1.0, 0.01, paths=300, seed=SEED, keep="final")
    assert run.settings["engine"] == "compiled"
    np.testing.assert_allclose(run.x[0], by_twin(sde, start_of(sde), 100, 0.01, 300), rtol=0, atol=TOLERANCE)


SINGLE = ["1-D", "full constant", "diagonal field", "full field, 3-D", "Hessian, 2-D, root in closed form"]


@pytest.mark.parametrize("name", SINGLE)
def test_walk_in_single_precision(name):
    sde = case(name)
    run = simulate(sde, start_of(sde), 1.0, 0.01, paths=300, seed=SEED, keep="final", dtype=np.float32)
    assert run.x.dtype == np.float32
    np.testing.assert_allclose(run.x[0], by_twin(sde, start_of(sde), 100, 0.01, 300), rtol=0, atol=3e-5)


@pytest.mark.parametrize("kind", ["reflecting", "periodic", ("reflecting", "periodic"), (None, "reflecting")])
def test_walk_between_walls(kind):
    sde = fpsim.SDE(PLANE, constant([0.5, 2.0]))
    walls = Walls(kind, [(-1.2, 0.3), (-0.2, 0.5)])  # narrow: some steps go through both walls
    run = simulate(sde, [-1.0, 0.0], 2.0, 0.02, paths=300, seed=SEED, keep="final", boundary=walls)
    np.testing.assert_allclose(run.x[0], by_twin(sde, [-1.0, 0.0], 100, 0.02, 300, walls), rtol=0, atol=TOLERANCE)
    inside = [(low <= run.x[0, :, i]) & (run.x[0, :, i] <= high) for i, (low, high) in enumerate(walls.box)]
    assert all(np.all(ok) for ok, k in zip(inside, walls.kind, strict=True) if k)


def test_fold_is_reflection_and_rotation():
    x = np.array([[-0.25, 0.0, 0.75, 1.25, 2.25, -1.5], [-0.25, 0.0, 0.75, 1.25, 2.25, -1.5]])
    folded = Walls(("reflecting", "periodic"), [(0.0, 1.0), (0.0, 1.0)]).fold(x)
    np.testing.assert_allclose(folded, [[0.25, 0, 0.75, 0.75, 0.25, 0.5], [0.75, 0, 0.75, 0.25, 0.25, 0.5]], atol=1e-15)


def test_a_long_run_draws_its_normals_where_the_twin_does():
    # 2^14 steps of a quiet bowl: rounding stays small, and a slip in the counters would show
    sde = fpsim.SDE(Quadratic(1.0, 1), constant(0.1))
    run = simulate(sde, 0.0, 0.1 * 2**14, 0.1, paths=3, seed=SEED, keep="final")
    np.testing.assert_allclose(run.x[0], by_twin(sde, 0.0, 2**14, 0.1, 3), rtol=0, atol=TOLERANCE)


# --- plain functions --------------------------------------------------------------------------------------------------


def plain(landscape):
    """The same landscape as plain functions."""
    return Landscape(landscape.loss, landscape.gradient, landscape.hessian, dimension=landscape.dimension)


AS_FUNCTIONS = [
    "1-D", "full constant", "diagonal field", "full field", "full field, 3-D", "Hessian, 2-D, smooth",
    "10 coupled wells",
]  # fmt: skip


@pytest.mark.parametrize("name", AS_FUNCTIONS)
def test_functions_equal_formulas(name):
    landscape, noise, convention = CASES[name]
    sde, other = fpsim.SDE(landscape, noise, convention), fpsim.SDE(plain(landscape), noise, convention)
    first, second = (simulate(s, start_of(s), 1.0, 0.01, paths=40, seed=SEED, save_every=30) for s in (sde, other))
    assert (first.settings["engine"], second.settings["engine"]) == ("compiled", "numpy")
    np.testing.assert_array_equal(first.time, second.time)
    np.testing.assert_allclose(first.x, second.x, rtol=0, atol=TOLERANCE)
    moments = [simulate(s, start_of(s), 1.0, 0.01, paths=40, seed=SEED, keep="moments") for s in (sde, other)]
    for which in ("mean", "variance", "third", "fourth"):
        np.testing.assert_allclose(getattr(moments[0], which), getattr(moments[1], which), rtol=0, atol=TOLERANCE)


def test_noise_given_as_a_function_equals_its_formula():
    def diagonal(x):
        return np.stack([0.1 + x[0] ** 2 / 20, 0.2 + np.sin(x[0] * x[1]) / 10])

    function = fpsim.DiffusionField(diagonal, 2, "diagonal")
    first, second = (
        simulate(fpsim.SDE(PLANE, noise, "anti-ito"), [-1.0, 0.2], 1.0, 0.01, paths=40, keep="final").x
        for noise in (CASES["diagonal field"][1], function)
    )
    np.testing.assert_allclose(first, second, rtol=0, atol=TOLERANCE)


# --- exits ------------------------------------------------------------------------------------------------------------


def same_exits(compiled, reference, step):
    np.testing.assert_array_equal(compiled.censored, reference.censored)
    # one step is long: the moment inside it is a quotient of small distances
    np.testing.assert_array_equal(np.floor(compiled.times / step + 1e-9), np.floor(reference.times / step + 1e-9))
    np.testing.assert_allclose(compiled.times, reference.times, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(compiled.places, reference.places, rtol=0, atol=TOLERANCE)


EXITS = {
    "1-D": (DoubleWell(), constant(0.2), -1.0, Point(0.0, -1.0)),
    "1-D, leftwards": (DoubleWell(), constant(0.2), 1.0, Point(0.0, 1.0)),
    "half-space, full D": (PLANE, constant(TENSOR), (-1.0, 0.0), fpsim.HalfSpace([1.0, 0.5], -0.3)),
    "ball, diagonal field": (PLANE, CASES["diagonal field"][1], (-1.0, 0.0), fpsim.Ball([0.2, 0.1], 0.6)),
    "ball, full field in 3-D": (SPACE, FULL, (-1.0, 0.0, 0.0), fpsim.Ball([0.2, 0.1, 0.0], 0.35)),
    "ball, Hessian": (PLANE, hessian(injected=0.1), (-1.0, 0.0), fpsim.Ball([0.2, 0.1], 0.6)),
    "10-D": (CoupledDoubleWells(10), constant(0.3), [-1.0] * 10, fpsim.HalfSpace([1.0] * 10, -2.2)),
}


@pytest.mark.parametrize("bridge", [True, False], ids=["bridge", "chain"])
@pytest.mark.parametrize("name", EXITS)
def test_exits(name, bridge):
    landscape, noise, start, target = EXITS[name]
    runs = [
        exit_times(fpsim.SDE(which, noise), start, target, 300, 0.02, SEED, horizon=12.0, bridge=bridge)
        for which in (landscape, plain(landscape))
    ]
    assert [run.settings["engine"] for run in runs] == ["compiled", "numpy"]
    assert 50 < runs[0].exits.size < 300
    same_exits(*runs, 0.02)


def test_exits_between_walls():
    landscape, noise, start, target = EXITS["half-space, full D"]
    walls = Walls(("reflecting", None), [(-1.1, 3.0), (-9.0, 9.0)])
    runs = [
        exit_times(fpsim.SDE(which, noise), start, target, 300, 0.02, SEED, horizon=12.0, walls=walls)
        for which in (landscape, plain(landscape))
    ]
    same_exits(*runs, 0.02)


def test_level_function_equals_the_target_it_describes():
    landscape, noise, start, target = EXITS["half-space, full D"]
    sde = fpsim.SDE(landscape, noise)
    level = LevelSet(lambda x: 7 * (x[0] + 0.5 * x[1]) / np.sqrt(1.25) + 7 * 0.3 / np.sqrt(1.25))
    geometric, general = (exit_times(sde, start, t, 300, 0.02, SEED, horizon=12.0) for t in (target, level))
    assert general.settings["engine"] == "numpy"
    np.testing.assert_array_equal(geometric.censored, general.censored)
    np.testing.assert_allclose(geometric.times, general.times, rtol=0, atol=1e-8)  # its normal is a difference


def test_walls_of_the_kernel_and_of_the_twin():
    # signed distance and 1/(D_n h) themselves, at random points
    x = np.random.default_rng(1).normal(size=(2, BLOCK))
    for name in ("half-space, full D", "ball, diagonal field", "ball, Hessian"):
        landscape, noise, _, target = EXITS[name]
        sde = fpsim.SDE(landscape, noise)
        compiled, out = compiled_wall(sde, target, 0.02, np.float64), np.empty(2 * BLOCK)
        compiled.function(np.ascontiguousarray(x.ravel()), compiled.data, out)
        distance, rate = numpy_wall(sde, target, 0.02)(x)
        np.testing.assert_allclose(out[:BLOCK], distance, rtol=0, atol=1e-14)
        np.testing.assert_allclose(out[BLOCK:], rate, rtol=1e-11)


def test_one_step_of_every_case_at_random_points():
    # away from the valley too, where a walk does not go
    rng = np.random.default_rng(2)
    for name in CASES:
        sde = case(name)
        x, z = rng.uniform(-2, 2, size=(sde.dimension, BLOCK)), rng.normal(size=(sde.dimension, BLOCK))
        step, out = compiled_step(sde, 0.01, None, np.float64), np.empty(x.size)
        step.function(np.ascontiguousarray(x.ravel()), np.ascontiguousarray(z.ravel()), step.data, out)
        expected = numpy_step(sde, 0.01, None)(x, z)
        np.testing.assert_allclose(out.reshape(x.shape), expected, rtol=0, atol=TOLERANCE, err_msg=name)
