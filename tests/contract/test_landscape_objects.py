"""Landscapes are frozen values, check shapes, and say in one sentence what they expected."""

import math
import pickle
from typing import Any

import numpy as np
import pytest

from landscapes import DoubleWell, DriftField, ExpressionError, Landscape
from landscapes.evaluation import _compiled
from landscapes.landscape import as_point

PLANE = Landscape.from_expression("(x**2-1)**2/4 + w*y**2/2", variables="x y", w=2.0)
FLOW = DriftField.from_expression(["x - x**3 - b*x*y**2", "-(1 + x**2)*y"], variables="x y", b=10.0)


def test_constant_parts_fill_the_points_axes() -> None:
    flat = Landscape.from_expression("3 + y", variables="x y")
    x = np.zeros((2, 4))
    np.testing.assert_array_equal(flat.gradient(x), [[0] * 4, [1] * 4])
    assert not flat.hessian(x).any() and flat.hessian(x).shape == (2, 2, 4)
    assert Landscape.from_expression("7").loss(np.zeros((1, 3))).tolist() == [7, 7, 7]


def test_the_jacobian_has_components_in_rows() -> None:
    x, y, b = 0.4, -0.3, 10.0
    expected = [[1 - 3 * x**2 - b * y**2, -2 * b * x * y], [-2 * x * y, -(1 + x**2)]]
    np.testing.assert_allclose(FLOW.jacobian([x, y]), expected, rtol=1e-14)
    numeric = DriftField(FLOW.drift, dimension=2)
    np.testing.assert_allclose(numeric.jacobian([x, y]), expected, rtol=1e-8)


@pytest.mark.parametrize("x", [0.5, [[1.0, 2.0]], np.zeros((3, 2)), [1.0]])
def test_the_first_axis_holds_coordinates(x: Any) -> None:
    with pytest.raises(ValueError, match=r"shape \(2, \.\.\.\)"):
        PLANE.loss(x)


def test_x_is_real() -> None:
    for x in ([1j, 0], ["a", "b"], [True, False]):
        with pytest.raises(TypeError, match="real numbers"):
            PLANE.gradient(x)


def test_what_is_not_a_number_is_an_error() -> None:
    landscape = Landscape.from_expression("log(x)*y", "x y")
    with pytest.raises(ValueError, match=r"loss of log\(x\)\*y is not a number at x = \[-1"):
        landscape.loss(np.array([[1.0, -1.0], [2.0, 2.0]]))
    with pytest.raises(ValueError, match="not a number"):
        Landscape(lambda x: x[0] * np.nan).loss([1.0])
    # a path that has already diverged is reported by who follows it
    difference = Landscape.from_expression("x**2 - x**4")
    assert np.isnan(difference.loss([math.inf]))
    assert np.isinf(DoubleWell().loss([1e200]))


def test_formula_landscapes_are_values_too() -> None:
    again = Landscape.from_expression("(x**2-1)**2/4 + w*y**2/2", variables=("x", "y"), w=2)
    assert again == PLANE and pickle.loads(pickle.dumps(PLANE)) == PLANE
    assert PLANE.with_parameters(w=3.0) != PLANE and PLANE.with_parameters(w=2.0) == PLANE
    assert repr(PLANE) == "Landscape('(x**2-1)**2/4 + w*y**2/2', variables='x y', w=2)"
    assert repr(FLOW).startswith("DriftField(['x - x**3")
    parameters = PLANE.parameters
    parameters["w"] = 99.0
    assert PLANE.parameters == {"w": 2.0}


def test_changing_parameters_compiles_nothing() -> None:
    PLANE.hessian([0.0, 0.0])
    before = _compiled.cache_info().misses
    other = PLANE.with_parameters(w=5.0)
    assert other.hessian([0.0, 1.0])[1, 1] == 5.0
    assert _compiled.cache_info().misses == before
    assert DoubleWell().with_parameters(width=2.0) == DoubleWell(width=2.0)  # its box follows
    with pytest.raises(ValueError, match="no parameter 'v'; it has w"):
        PLANE.with_parameters(v=1.0)
    with pytest.raises(ValueError, match="finite"):
        PLANE.with_parameters(w=math.nan)


def test_symbolic() -> None:
    symbolic = PLANE.symbolic
    assert symbolic is not None
    x, y = symbolic.variables
    (w,) = symbolic.parameters
    assert x.is_real and w.is_real and symbolic.parameters[w] == 2.0
    assert symbolic.drift[1] == -w * y and symbolic.jacobian[1] == (0, -w)
    assert FLOW.symbolic is not None and FLOW.symbolic.loss is None
    assert Landscape(lambda x: x[0]).symbolic is None


def test_plain_functions() -> None:
    landscape = Landscape(
        lambda x: x[0] ** 2 + x[1] ** 4, lambda x: np.stack([2 * x[0], 4 * x[1] ** 3]), dimension=2, name="mine"
    )
    x = np.random.default_rng(1).normal(size=(2, 3))
    np.testing.assert_allclose(landscape.hessian(x)[1, 1], 12 * x[1] ** 2, rtol=1e-8)
    assert landscape.parameters == {} and repr(landscape) == "Landscape(mine, dimension=2)"
    with pytest.raises(ValueError, match="no parameter"):
        landscape.with_parameters(a=1.0)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Landscape(lambda x: x).loss([1.0]), ValueError, r"loss returned shape \(1,\).*expected \(\)"),
        (lambda: Landscape(lambda x: x[0], lambda x: x[0]).gradient([1.0]), ValueError, "gradient returned shape"),
        (lambda: Landscape(lambda x: x[0], None, lambda x: x).hessian([1.0]), ValueError, "hessian returned shape"),
        (lambda: Landscape(lambda x: x[0] * 1j).loss([1.0]), TypeError, "real numbers"),
        (lambda: DriftField(lambda x: x[:1], dimension=2).drift([1.0, 1.0]), ValueError, "drift returned shape"),
        (lambda: Landscape("x**2"), TypeError, "from_expression"),  # type: ignore[arg-type]
        (lambda: DriftField(None), TypeError, "function"),  # type: ignore[arg-type]
        (lambda: Landscape(lambda x: x[0], dimension=0), ValueError, "positive integer"),
        (lambda: Landscape(lambda x: x[0], bounds=(1, 0)), ValueError, "low < high"),
        (lambda: Landscape(lambda x: x[0], bounds="ab"), ValueError, "low < high"),
        (lambda: Landscape.from_expression("x", bounds=[(0, 1), (0, 1)]), ValueError, r"1 pair"),
        (lambda: Landscape.from_expression("x", bounds=(0, math.inf)), ValueError, "finite"),
        (lambda: Landscape.from_expression("x + k"), ExpressionError, "'k' is not declared"),
        (lambda: Landscape.from_expression("x + k", k="a"), ValueError, "finite number"),  # type: ignore[arg-type]
        (lambda: Landscape.from_expression("x", variables=""), ExpressionError, "at least one variable"),
        (lambda: Landscape.from_expression("x", variables="x x"), ExpressionError, "twice"),
        (lambda: Landscape.from_expression("x", x=1.0), ExpressionError, "twice"),
        (lambda: DriftField.from_expression(["x"], variables="x y"), ValueError, "as many formulas"),
        (lambda: as_point([1, 2], 3), ValueError, "3 coordinate"),
        (lambda: as_point(math.nan, 1), ValueError, "finite"),
        (lambda: as_point("a", 1), TypeError, "real number"),
    ],
)  # fmt: skip
def test_errors_are_one_sentence(make: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_as_point() -> None:
    assert as_point(1, 1).tolist() == [1.0] and as_point((1, 2), 2).tolist() == [1.0, 2.0]
