"""Sampled landscapes: splines exact on polynomials, derivatives of one another, walls, formulas, files."""

import math
import pickle

import numba
import numpy as np
import pytest
import sympy

import fpsim
from fpsim.paths.step import compiled_step
from fpsim.sgd.cramer import cramer_exponent
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from landscapes.catalogue.example_losses import PerExampleDoubleWell
from landscapes.examples.dataset import DatasetLandscape
from landscapes.examples.sampled import SampledLandscape
from landscapes.formula.symbolic import block_code
from landscapes.formula.tables import Table
from landscapes.formula.tabulated import table_function

NODES = np.linspace(-2, 2, 81)
POINTS = np.random.default_rng(0).uniform(-1.95, 1.95, (1, 40))
EVERYWHERE = np.random.default_rng(1).uniform(-2.5, 2.5, (1, 400))


def quartic() -> DatasetLandscape:
    """A loss that separates into no few terms and is a polynomial of degree 5 for every example."""
    draws = np.random.default_rng(2)
    a, b, c = draws.normal(size=(3, 30))
    formula = "(x**2 - 1)**2/4 + 0.3*a*x + 0.2*b*x**3 + 0.02*c*x**5"
    return DatasetLandscape.from_expression(formula, data={"a": a - a.mean(), "b": b - b.mean(), "c": c - c.mean()})


def sampled(landscape: DatasetLandscape, nodes: np.ndarray = NODES, **settings: object) -> SampledLandscape:
    return SampledLandscape(nodes, landscape.example_losses(nodes[None]), **settings)  # type: ignore[arg-type]


def waves(count: int) -> SampledLandscape:
    """sin(x + phase) + x^2 for three phases, whose splines are not exact."""
    x = np.linspace(-2, 2, count)
    return SampledLandscape(x, np.sin(2 * x + np.array([[0.0], [1.0], [2.5]])) + x**2)


# --- splines ---


@pytest.mark.parametrize(
    "what", ["loss", "gradient", "hessian", "example_losses", "example_gradients", "gradient_covariance"]
)
def test_polynomials_are_exact(what: str) -> None:
    exact, found = quartic(), sampled(quartic())
    expected, value = getattr(exact, what)(POINTS), getattr(found, what)(POINTS)
    assert value.shape == expected.shape
    np.testing.assert_allclose(value, expected, rtol=1e-11, atol=1e-11)


def test_splines_converge_with_order_six() -> None:
    x = np.linspace(-1, 1, 301)[None]  # away from the ends, where not-a-knot splines are less exact
    phases = np.array([0.0, 1.0, 2.5])[:, None]
    exact = np.mean(np.sin(2 * x[0] + phases), axis=0) + x[0] ** 2
    errors = [np.abs(waves(n).loss(x) - exact).max() for n in (41, 81)]
    assert 5.6 < math.log2(errors[0] / errors[1]) < 6.6


def test_spline_error_estimates_the_coarser_grid() -> None:
    fine, coarse = waves(81), waves(41)
    x = fine.nodes[1::2]
    exact = np.abs(coarse.loss(x[None]) - fine.values[:, 1::2].mean(axis=0)).max()
    assert fine.spline_error == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(("lower", "upper"), [("loss", "gradient"), ("gradient", "hessian")])
def test_derivatives_of_one_another_everywhere(lower: str, upper: str) -> None:
    landscape, h = waves(25), 1e-4
    difference = (getattr(landscape, lower)(EVERYWHERE + h) - getattr(landscape, lower)(EVERYWHERE - h)) / (2 * h)
    slope = getattr(landscape, upper)(EVERYWHERE)
    np.testing.assert_allclose(difference.ravel(), slope.ravel(), atol=2e-5, rtol=2e-6)


def test_covariance_is_the_variance_of_the_gradients_everywhere() -> None:
    landscape = waves(25)
    gradients = landscape.example_gradients(EVERYWHERE)[:, 0]
    np.testing.assert_allclose(landscape.gradient_covariance(EVERYWHERE)[0, 0], gradients.var(axis=0), rtol=1e-11)
    np.testing.assert_allclose(landscape.gradient(EVERYWHERE)[0], gradients.mean(axis=0), atol=1e-12)
    losses = landscape.example_losses(EVERYWHERE)
    np.testing.assert_allclose(landscape.loss(EVERYWHERE), losses.mean(axis=0), atol=1e-12)


# --- walls ---


@pytest.mark.parametrize("side", [-1, 1])
def test_walls_confine_with_two_continuous_derivatives(side: int) -> None:
    landscape = sampled(quartic(), wall=7.0)
    h = landscape.nodes[1] - landscape.nodes[0]
    for joint in (2.0, 2.0 + h):
        near = side * (joint + 1e-9 * np.array([[-1.0, 1.0]]))
        for what, size in (("loss", 1e-6), ("gradient", 1e-6), ("hessian", 1e-5)):
            inside, outside = getattr(landscape, what)(near).ravel()
            assert abs(inside - outside) < size, (joint, what)
    far = side * np.array([[2.0 + h, 2.5, 3.0, 50.0]])
    np.testing.assert_allclose(landscape.hessian(far)[0, 0], 7.0, rtol=1e-10)
    c = landscape.gradient_covariance(far)[0, 0]
    np.testing.assert_allclose(c, c[0], rtol=1e-10)
    assert np.all(np.diff(landscape.loss(far)) > 0)
    assert landscape.critical_points([(-60, 60)]).confining


def test_default_wall_is_the_steepest_curvature() -> None:
    landscape = sampled(quartic())
    assert landscape.wall == pytest.approx(np.abs(quartic().hessian(np.linspace(-2, 2, 400)[None])).max(), rel=1e-9)


def test_a_table_that_falls_outward_is_refused() -> None:
    with pytest.raises(ValueError, match=r"does not rise outward at the upper end x = 0.5 \(outward slope -0"):
        sampled(quartic(), np.linspace(-2, 0.5, 60))
    with pytest.raises(ValueError, match=r"lower end x = -0\.5"):
        sampled(quartic(), np.linspace(-0.5, 2, 60))


@pytest.mark.parametrize(
    ("nodes", "losses", "message"),
    [
        (np.arange(5.0), np.zeros((2, 5)), "n >= 8"),
        (np.arange(9.0), np.zeros((2, 8)), "losses"),
        (np.arange(9.0) ** 2, np.zeros((2, 9)), "rise by equal steps"),
        (-np.arange(9.0), np.zeros((2, 9)), "rise by equal steps"),
        (np.arange(9.0), np.full((2, 9), np.inf), "not finite"),
        (np.arange(9.0), np.zeros(9), "positive curvature"),
    ],
)
def test_wrong_tables(nodes: np.ndarray, losses: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SampledLandscape(nodes, losses)


def test_a_loss_without_examples() -> None:
    landscape = SampledLandscape(NODES, (NODES**2 - 1) ** 2 / 4)
    assert landscape.number_of_examples == 1
    assert landscape.gradient_covariance(POINTS).max() == 0
    assert [round(float(p.x[0]), 9) for p in landscape.minima] == [-1, 1]
    problem = fpsim.EscapeProblem(fpsim.SDE(landscape, fpsim.ConstantDiffusion(0.1)), start=-1.0, target=0.0)
    # the walls at -2 and 2, e^-22 of the density away, change the last digits
    assert problem.by_quadrature().mean == pytest.approx(30.8213024727, rel=1e-8)


# --- tables as formulas ---


def test_table_calculus() -> None:
    draws = np.random.default_rng(4)
    family = Table(-1.0, 0.5, draws.normal(size=(6, 8, 4)))
    x = draws.uniform(-2, 4, 50)
    rows = family.every_row(x)
    np.testing.assert_allclose(family.mean()(x), rows.mean(axis=0), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(family.variance()(x), rows.var(axis=0), rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(family(x, np.full(50, 3.0)), rows[3], rtol=1e-13)
    flat = family.mean()
    for _ in range(4):
        flat = flat.derivative()
    assert np.all(flat(x) == 0)
    assert np.isnan(family.mean()(np.nan))


def test_formula_knows_values_and_derivatives() -> None:
    x = sympy.Symbol("x", real=True)
    table = sampled(quartic()).examples.family.mean()
    f = table_function(table)(x)
    assert f.diff(x) == table_function(table.derivative())(x)
    assert f.is_real
    values = sympy.lambdify([x], sympy.exp(-f) * f.diff(x, 2), modules="numpy", cse=True)(POINTS[0])
    expected = np.exp(-table(POINTS[0])) * table.derivative().derivative()(POINTS[0])
    np.testing.assert_allclose(values, expected, rtol=1e-13)
    assert pickle.loads(pickle.dumps(f)) == f


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("precision", [np.float64, np.float32])
def test_block_code(compiled: bool, precision: type) -> None:
    landscape = waves(41)
    x, e = (sympy.Symbol(name, real=True) for name in ("x", "example"))
    one = landscape.examples.expression
    assert one.free_symbols == {x, e}
    outputs = [one, one.diff(x), landscape.covariance_formula()[0][0, 0] * 3]  # type: ignore[index]
    code = block_code(outputs, {"x": (x,), "u": (e,)}, {}, width=16)
    namespace: dict[str, object] = {"math": math, "np": np}
    exec(code.source, namespace)
    function = numba.njit(namespace["block"]) if compiled else namespace["block"]
    points = np.random.default_rng(3).uniform(-2.6, 2.6, 16).astype(precision)
    points[:3] = np.nan, np.inf, -np.inf
    rows = (np.arange(16) % 3).astype(precision)
    out = np.full(48, 7.0, dtype=precision)
    with np.errstate(invalid="ignore", over="ignore"):
        function(points, rows, code.data.astype(precision), out)  # type: ignore[operator]
    out = out.reshape(3, 16)
    assert not np.isfinite(out[:, :3]).any()
    good, which = points[None, 3:].astype(float), rows[3:].astype(int)
    lanes = np.arange(13)
    expected = np.stack([
        landscape.example_losses(good)[which, lanes],
        landscape.example_gradients(good)[which, 0, lanes],
        3 * landscape.gradient_covariance(good)[0, 0],
    ])  # fmt: skip
    tolerance = 1e-12 if precision is np.float64 else 2e-5
    np.testing.assert_allclose(out[:, 3:], expected, rtol=tolerance, atol=tolerance)


def test_another_table_compiles_nothing() -> None:
    def source(landscape: SampledLandscape) -> str:
        symbolic = landscape.symbolic
        assert symbolic is not None
        return block_code(symbolic.drift, {"x": symbolic.variables}, {}).source

    assert source(waves(41)) == source(sampled(quartic()))


def test_paths_are_those_of_the_formula() -> None:
    """On a loss that splines represent exactly, formula and table give the same paths, compiled and in NumPy."""
    exact = PerExampleDoubleWell()
    landscape = sampled(exact)
    found = []
    for one in (exact, landscape):
        sde = MiniBatchSGD(one, 0.1, 2).surrogate()
        assert compiled_step(sde, 0.01, None, np.float64) is not None
        found.append(fpsim.simulate(sde, -1.0, 1.0, 0.01, paths=300, seed=3, keep="final").x)
    noise = fpsim.GradientNoise(learning_rate=0.1, batch_size=2, covariance=landscape.gradient_covariance)
    plain = fpsim.simulate(fpsim.SDE(landscape, noise), -1.0, 1.0, 0.01, paths=300, seed=3, keep="final")
    assert plain.settings["engine"] == "numpy"
    np.testing.assert_allclose(found[1], found[0], atol=1e-11)
    np.testing.assert_allclose(plain.x, found[0], atol=1e-11)


def test_mini_batches_are_those_of_the_formula() -> None:
    exact = PerExampleDoubleWell(noise=1.5)
    times = [
        exit_iterations(MiniBatchSGD(one, 0.3, 2), -1.0, 0.0, paths=300, seed=3).times
        for one in (exact, sampled(exact))
    ]
    assert np.array_equal(times[0], times[1])


def test_cramer_exponent_is_that_of_the_formula() -> None:
    exact = PerExampleDoubleWell()
    a, b = (cramer_exponent(one, -1.0, 0.0) for one in (exact, sampled(exact)))
    assert b.exponent == pytest.approx(a.exponent, rel=1e-9)
    assert b.gaussian == pytest.approx(a.gaussian, rel=1e-9)


# --- lines and files ---


def test_lines_through_a_landscape_of_two_coordinates() -> None:
    draws = np.random.default_rng(6)
    u, v = draws.normal(size=(2, 40))
    plane = DatasetLandscape.from_expression("(u*x + y - v)**2/2 + 0.1*x**2", "x y", data={"u": u, "v": v})
    a, b = np.array([-1.0, 2.0]), np.array([2.0, -2.0])
    line = SampledLandscape.between(plane, a, b, margin=1.0, count=41)
    assert line.bounds == ((-5.0, 10.0),)
    e = (b - a) / 5
    t = np.linspace(-4, 9, 11)
    points = a[:, None] + np.outer(e, t)
    np.testing.assert_allclose(line.loss(t[None]), plane.loss(points), rtol=1e-11)
    np.testing.assert_allclose(line.gradient(t[None])[0], e @ plane.gradient(points), atol=1e-9)
    covariance = np.einsum("i,ijn,j->n", e, plane.gradient_covariance(points), e)
    np.testing.assert_allclose(line.gradient_covariance(t[None])[0, 0], covariance, rtol=1e-9)
    with pytest.raises(ValueError, match=r"shape \(2,\) and the direction a length"):
        SampledLandscape.along(plane, a, np.zeros(2), t)


def test_files(tmp_path) -> None:  # type: ignore[no-untyped-def]
    landscape = sampled(quartic(), name="a line", start=-1.0, facts={"seed": 3, "of": ["a", "b"]})
    back = SampledLandscape.load(landscape.save(tmp_path / "line.nc"))
    assert back == landscape
    assert hash(back) == hash(landscape)
    assert (back.name, back.default_start, back.default_target) == ("a line", (-1.0,), None)
    assert back.facts == {"seed": 3, "of": ["a", "b"]}
    assert np.array_equal(back.values, landscape.values)
    assert back != sampled(quartic(), wall=9.0, name="a line")
    with pytest.raises(ValueError, match=r"name\.nc"):
        landscape.save(tmp_path / "line.npz")
    with pytest.raises(ValueError, match="no file"):
        SampledLandscape.load(tmp_path / "absent.nc")
    (tmp_path / "text.nc").write_text("nothing")
    with pytest.raises(ValueError, match="not a saved slice"):
        SampledLandscape.load(tmp_path / "text.nc")


def test_frozen() -> None:
    landscape = waves(25)
    with pytest.raises(AttributeError, match="frozen"):
        landscape.wall = 3.0
    with pytest.raises(ValueError, match="read-only"):
        landscape.values[0] = 1.0
