"""Formulas mean what Python's own arithmetic means, and their derivatives are exact."""

import math

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from landscapes import ExpressionError, Landscape
from landscapes.formula.grammar import CONSTANTS, FUNCTIONS
from landscapes.formula.symbolic import adopt, derivative, parse, symbol

numbers = st.sampled_from(["2", "0.5", "3", "1.25", "7"])
atoms = st.sampled_from(["x", "y", "p"]) | numbers


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return (
        st.tuples(inner, st.sampled_from([" + ", " - ", "*", " / "]), inner).map(lambda t: f"({t[0]}){t[1]}({t[2]})")
        | st.tuples(inner, st.sampled_from(["2", "3", "-1", "0.5"])).map(lambda t: f"({t[0]})**{t[1]}")
        | st.tuples(st.sampled_from(["sin", "cos", "exp", "tanh", "abs", "atan"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        )
        | inner.map(lambda t: f"-({t})")
    )


@given(st.recursive(atoms, combined, max_leaves=8))
def test_values_agree_with_python(text: str) -> None:
    values = {"x": 0.7, "y": 1.3, "p": 0.4}
    try:
        expected = eval(text, {"__builtins__": {}}, {**FUNCTIONS, **CONSTANTS, **values})
        expression = parse(text, ["x", "y"], ["p"])
    except (ExpressionError, ZeroDivisionError, OverflowError):
        return
    if isinstance(expected, complex) or not abs(expected) < 1e12:
        return
    found = complex(expression.subs({symbol(name): value for name, value in values.items()}).evalf())
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_numbers_are_exact() -> None:
    assert parse("0.1*x + 1/3", ["x"]) == sympy.Rational(1, 10) * symbol("x") + sympy.Rational(1, 3)


def test_all_functions_and_constants() -> None:
    x = 0.37
    for name, function in FUNCTIONS.items():
        two = ", 2*x" if name in ("min", "max") else ""
        landscape = Landscape.from_expression(f"{name}(x{two}) + pi*e")
        expected = (function(x, 2 * x) if two else function(x)) + math.pi * math.e
        assert landscape.loss([x]) == pytest.approx(expected, rel=1e-14)
        assert landscape.loss(np.full((1, 3, 2), x)).shape == (3, 2)


def test_derivatives_are_exact() -> None:
    x, a = symbol("x"), symbol("a")
    expression = parse("exp(-a*x**2)*sin(x)", ["x"], ["a"])
    expected = sympy.exp(-a * x**2) * (sympy.cos(x) - 2 * a * x * sympy.sin(x))
    assert sympy.simplify(derivative(expression, x) - expected) == 0


def test_kinks_of_what_could_be_complex_are_differentiated_piecewise() -> None:
    """Only sympy doubts that sqrt(x - a) is real; taken apart into two parts the slope has thousands of terms."""
    x, a = symbol("x"), symbol("a")
    expression = parse("x**2*abs(sqrt(x - a)*(x - 3) + abs(log(x) - 2))", ["x"], ["a"])
    slope = derivative(expression, x)
    assert not slope.has(sympy.re, sympy.im, sympy.Derivative) and slope.count_ops() < 5 * expression.count_ops()
    value, found = (sympy.lambdify([x, a], formula) for formula in (expression, slope))
    for place in (1.5, 2.5, 9.0):
        difference = (value(place + 1e-6, 0.3) - value(place - 1e-6, 0.3)) / 2e-6
        assert found(place, 0.3) == pytest.approx(difference, rel=1e-8)


def test_kinks_are_differentiated_piecewise() -> None:
    landscape = Landscape.from_expression("abs(x) + max(x, 0)**2")
    x = np.array([[-2.0, 3.0]])
    np.testing.assert_array_equal(landscape.gradient(x), [[-1.0, 7.0]])
    np.testing.assert_array_equal(landscape.hessian(x), [[[0.0, 2.0]]])


def test_sympy_expressions_are_taken_over() -> None:
    u, k = sympy.symbols("u k")
    landscape = Landscape.from_expression(k * u**4 + sympy.cos(u), variables="u", k=2.0)
    assert landscape.loss([0.5]) == pytest.approx(2 * 0.5**4 + math.cos(0.5), rel=1e-15)
    smooth = sympy.Piecewise((u**2, u < 1), (2 * u - 1, True))
    assert Landscape.from_expression(smooth, variables="u").loss([[0.5, 2.0]]).tolist() == [0.25, 3.0]


@pytest.mark.parametrize(
    "expression",
    [sympy.gamma(sympy.Symbol("x")), sympy.I * sympy.Symbol("x"), sympy.Symbol("z"), sympy.oo, sympy.true,
     sympy.Integral(sympy.Symbol("x"), sympy.Symbol("x")), sympy.Function("f")(sympy.Symbol("x"))],
)  # fmt: skip
def test_other_sympy_expressions_are_refused(expression: sympy.Basic) -> None:
    with pytest.raises(ExpressionError):
        adopt(expression, ["x"])
