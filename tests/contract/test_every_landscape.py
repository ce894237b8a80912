"""What CONTRIBUTING promises of a landscape, for every row of a table; a new landscape is covered by adding its row.

A named landscape has its row by itself.  `check(landscape)` holds for anybody's own landscape too.
"""

from __future__ import annotations

import json
import math
import pickle
import warnings
from typing import Any

import numba
import numpy as np
import pytest
from numpy.typing import NDArray

import landscapes
from landscapes import DatasetLandscape, DriftField, Landscape, SampledLandscape
from landscapes.catalogue.named import catalogue
from landscapes.critical.found import confines
from landscapes.description import described, rebuilt
from landscapes.field import Field
from landscapes.formula.symbolic import block_code

Array = NDArray[np.float64]
TEXT, BOX = "(x**2 - 1)**2/4 + w*y**2/2 + x*y/5", [(-2.0, 2.0), (-2.0, 2.0)]
NODES = np.linspace(-2.0, 2.0, 33)

LANDSCAPES: dict[str, Field] = {
    **{name: landscapes.named(name) for name in catalogue()},
    "tilted double well": landscapes.DoubleWell(barrier=3.0, width=0.5, tilt=0.4, offset=2.0),
    "quadratic of a matrix": landscapes.Quadratic([[2.0, 0.5], [0.5, 1.0]]),
    "quadratic in 50 dimensions": landscapes.Quadratic(2.0, dimension=50),
    "line of four wells": landscapes.CoupledDoubleWells(4, coupling=0.3, ring=False),
    "text": Landscape.from_expression(TEXT, variables="x y", bounds=BOX, w=2.0),
    "text with powers": Landscape.from_expression(
        "sqrt(x**2 + 1)**3 - 1/(5 + y**2) + (x + 3)**a*exp(-y)/9 + y**4", "x y", bounds=BOX, a=2.5
    ),
    "slice of the text": Landscape.from_expression("(x**2 - 1)**2/4 + 2*c**2/2 + x*c/5", bounds=[(-2, 2)], c=0.3),
    "functions": Landscape(
        lambda x: (x[0] ** 2 - 1) ** 2 / 4 + x[1] ** 2,
        lambda x: np.stack([x[0] ** 3 - x[0], 2 * x[1]]), dimension=2, bounds=BOX, name="by hand",
    ),
    "loss alone": Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, bounds=[(-2, 2)], name="by hand"),
    "examples": DatasetLandscape.from_expression(
        "(x - u)**2/2 + u*x**3/12", data={"u": [-1.0, 0.5, 1.5]}, bounds=[(-2, 2)]
    ),
    "sampled": SampledLandscape(NODES, [(NODES**2 - 1) ** 2 / 4 + u * NODES for u in (-0.3, 0.1, 0.35)]),
    "drift of text": DriftField.from_expression(["-x + y", "-x - y**3"], variables="x y", bounds=BOX),
    "drift by hand": DriftField(lambda x: np.stack([x[0] - x[0] ** 3, -x[1]]), dimension=2, bounds=BOX),
    "spiral": DriftField.from_expression(["-x + w*y", "-w*x - y"], "x y", bounds=BOX, w=0.7),
}  # fmt: skip
PLACES = [name for name, field in LANDSCAPES.items() if field.default_start is not None]
FORMULAS = [name for name, field in LANDSCAPES.items() if field.symbolic is not None]


def points(field: Field, shape: tuple[int, ...] = (6,)) -> Array:
    """Points (d, ...) in the box, away from its walls; the same ones always."""
    low, high = (edge.reshape(-1, *[1] * len(shape)) for edge in np.array(field.bounds).T)
    return np.asarray(low + (high - low) * (0.1 + 0.8 * np.random.default_rng(5).random((field.dimension, *shape))))


def differenced(function: Any, x: Array) -> Array:
    """d f_i / d x_j (..., j, n) of a function of x (d, n) by central differences of fourth order."""
    columns = []
    for j in range(len(x)):
        h = 1e-3 * np.eye(len(x))[:, j : j + 1]
        near, far = (function(x + k * h) - function(x - k * h) for k in (1, 2))
        columns.append((8 * near - far) / 12e-3)
    return np.stack(columns, axis=-2)


def check_derivatives(field: Field) -> None:
    """The Jacobian is the derivative of the drift, the drift minus that of the loss; both are what NumPy calls them."""
    x = points(field)
    drift, jacobian = field.drift(x), field.jacobian(x)
    slack = 1e-5 if field.is_differenced else 1e-7
    np.testing.assert_allclose(differenced(field.drift, x), jacobian, rtol=0, atol=slack * np.abs(jacobian).max())
    if isinstance(field, Landscape):
        slopes = differenced(field.loss, x)
        np.testing.assert_allclose(slopes, -drift, rtol=0, atol=slack * max(1e-2, np.abs(drift).max()))
        np.testing.assert_array_equal(field.gradient(x), -drift)
        np.testing.assert_array_equal(field.hessian(x), -jacobian)
        np.testing.assert_allclose(jacobian, np.swapaxes(jacobian, 0, 1), rtol=1e-12, atol=1e-300)


def check_shapes(field: Field) -> None:
    """One point, a grid and no point at all; the same numbers alone and among others."""
    d, many = field.dimension, points(field, (2, 3))
    assert field.drift(many).shape == (d, 2, 3) and field.jacobian(many).shape == (d, d, 2, 3)
    one = many[:, 1, 2]
    slack = 1e-7 if field.is_differenced or field.symbolic is None else 1e-13
    np.testing.assert_allclose(field.drift(one), field.drift(many)[:, 1, 2], rtol=slack, atol=slack)
    np.testing.assert_allclose(field.jacobian(one), field.jacobian(many)[..., 1, 2], rtol=slack, atol=1e2 * slack)
    assert field.drift(many[:, :0]).shape == (d, 0, 3) and field.jacobian(one).dtype == np.float64
    if isinstance(field, Landscape):
        assert np.shape(field.loss(many)) == (2, 3) and np.ndim(field.loss(one)) == 0
    with pytest.raises(ValueError, match=rf"shape \({d}, \.\.\.\)"):
        field.drift(np.zeros(d + 1))


def check_value(field: Field) -> None:
    """A frozen value: equal to its copy, with a name in one line, printed shortly."""
    with pytest.raises(AttributeError, match="frozen"):
        field.dimension = 7
    with pytest.raises(AttributeError, match="frozen"):
        del field.bounds
    for text in (repr(field), str(field)):
        assert "\n" not in text and type(field).__name__ in text
    assert len(str(field)) <= 200
    if field.symbolic is None and not isinstance(field, SampledLandscape):
        return  # functions by hand are equal only to themselves
    copy = pickle.loads(pickle.dumps(field))
    assert copy == field and hash(copy) == hash(field)
    np.testing.assert_array_equal(copy.drift(points(field)), field.drift(points(field)))


def check_description(field: Field) -> None:
    """As plain data and back it is the same, or the file says what it does not hold."""
    facts = json.loads(json.dumps(described(field)))
    if "formulas" in facts or "shipped" in facts:
        again = rebuilt(facts)
        assert again == field and again.default_start == field.default_start
        np.testing.assert_array_equal(again.jacobian(points(field)), field.jacobian(points(field)))
    else:
        with pytest.raises(ValueError, match=f"made of {facts['made of'][:8]}.*build it again"):
            rebuilt(facts)


def check_parameters(field: Field) -> None:
    """Each parameter counts or is refused, and a name that is none is answered by those that are."""
    with pytest.raises(ValueError, match=r"no parameter 'nobody'; it has"):
        field.with_parameters(nobody=1.0)
    assert not field.parameters or field.with_parameters(**field.parameters) == field
    for name, value in list(field.parameters.items())[:4]:
        other = field.with_parameters(**{name: 1.01 * value + 0.003})
        assert other != field and other.parameters[name] == 1.01 * value + 0.003
        with pytest.raises(ValueError):
            field.with_parameters(**{name: math.nan})


def check_critical_points(field: Field) -> None:
    """Each is one, with its own eigenvalues and index; where the box confines and all are found they sum to one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # doubts are in the result
        found: Any = field.critical_points() if isinstance(field, Landscape) else field.fixed_points()
    assert len(found) > 0 and found.confining == confines(field, field.bounds)
    scale = np.abs(field.jacobian(points(field))).max()
    for p in found:
        inside = all(low <= v <= high for v, (low, high) in zip(p.x, field.bounds, strict=True))
        assert inside and np.abs(field.drift(p.x)).max() <= 1e-6 * scale
        own = np.sort_complex(np.linalg.eigvals(field.jacobian(p.x)))
        told = np.sort_complex(
            np.asarray(p.eigenvalues if not isinstance(field, Landscape) else -p.eigenvalues, complex)
        )
        np.testing.assert_allclose(told, own, atol=1e-6 * scale)
        assert p.degenerate or p.index == np.sum(own.real > 0)
        assert not isinstance(field, Landscape) or p.loss == pytest.approx(float(field.loss(p.x)), rel=1e-12, abs=1e-12)
    signs = sum((-1) ** p.index for p in found if not p.degenerate)
    assert found.index_sum == signs and found.complete == (not found.warnings and field.dimension <= 2)
    assert signs == 1 or not (found.complete and found.confining)


CHECKS = (check_derivatives, check_shapes, check_value, check_description, check_parameters, check_critical_points)


def check(field: Field) -> None:
    """All that is promised of any landscape or drift field with a box."""
    for promise in CHECKS:
        promise(field)


@pytest.mark.parametrize("promise", CHECKS, ids=lambda promise: promise.__name__)
@pytest.mark.parametrize("name", LANDSCAPES)
def test_promises(name: str, promise: Any):
    promise(LANDSCAPES[name])


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("name", FORMULAS)
def test_compiled_code_computes_what_numpy_does(name: str, precision: str):
    field = LANDSCAPES[name]
    symbolic = field.symbolic
    assert symbolic is not None
    code = block_code(symbolic.drift, {"x": symbolic.variables}, symbolic.parameters, 64)
    names: dict[str, Any] = {"math": math, "np": np}
    exec(code.source, names)
    vector = numba.types.Array(getattr(numba.types, precision), 1, "C")
    x = points(field, (64,)).astype(precision)
    out = np.full(field.dimension * 64, np.nan, dtype=precision)
    numba.njit(numba.void(vector, vector, vector), error_model="numpy")(names["block"])(
        x.ravel(), code.data.astype(precision), out
    )
    exact = field.drift(x.astype(np.float64))
    slack = 1e-12 if precision == "float64" else 2e-5
    np.testing.assert_allclose(out.reshape(exact.shape), exact, rtol=slack, atol=slack * np.abs(exact).max())


NO_MINIMA = {"quadratic", "quadratic of a matrix", "quadratic in 50 dimensions"}  # a bowl has one, and no escape


@pytest.mark.parametrize("name", PLACES)
def test_an_escape_starts_in_one_minimum_and_ends_in_another(name: str):
    field = LANDSCAPES[name]
    assert field.bounds is not None and field.default_start != field.default_target
    for point in (field.default_start, field.default_target)[: 1 if name in NO_MINIMA else 2]:
        assert point is not None and all(low < v < high for v, (low, high) in zip(point, field.bounds, strict=True))
        slopes = field.jacobian(point)
        assert np.abs(field.drift(point)).max() < 1e-7 * np.abs(slopes).max()
        assert np.linalg.eigvals(slopes).real.max() < 0


@pytest.mark.parametrize("name", catalogue())
def test_a_mistyped_argument_is_answered_by_those_that_there_are(name: str):
    with pytest.raises(ValueError, match=f"{name} has no parameter 'nobody'; it has"):
        landscapes.named(name, nobody=1.0)
