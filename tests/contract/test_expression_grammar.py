"""The formula parser takes what its list allows; all else is one clear error, and nothing is ever executed."""

import string
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import landscapes.formula.symbolic
from landscapes import ExpressionError
from landscapes.formula.symbolic import parse

FORBIDDEN = [
    # code
    "__import__('os').system('true')", "open('x')", "x.__class__", "x.real", "x[0]", "lambda: 1", "[x]", "{x}",
    "(x, y)", "x if y else 1", "x and y", "not x", "x < 1", "x == y", "x := 1", "f'{x}'", "await x", "x; y",
    "exp(*x)", "exp(x, base=2)", "getattr(x, y)", "eval(x)", "exp", "exp()", "exp(x, y)", "max(x)", "...",
    # operators that formulas have not
    "x // 2", "x % 2", "x @ y", "~x", "x << 2", "x | y", "x ^ 2",
    # constants that are not real numbers
    "1j*x", "True", "None", "'a'", "1e400", "1e308", "inf", "nan",
    # towers and undefined constants
    "9**9**9", "10.0**400", "exp(710)", "exp(exp(exp(10)))", "1e200*1e200*x", "1e200*x*1e200", "9" * 400,
    "1/0", "x/0.0", "x/(1-1)", "x/(x-x)", "0**(-1)", "log(0)", "sqrt(-1)", "(-8)**(1/3)", "asin(2)*x",
    # exponents
    "x**65", "x**(-65)", "x**64.5", "(x**9)**9", "((2*x)**64)**64", "((x*y)**64 + 0)**64", "2**65",
    # names
    "z", "_x", "__x", "e*e0", "é*x", "x\u0430",
    # unreadable
    "", "  ", "(x", "x)", "x +", "x y", "1e", "0x", "1or 2", "x\0",
]  # fmt: skip


@pytest.mark.parametrize("text", FORBIDDEN)
def test_anything_else_is_one_clear_error(text: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text, ["x", "y"], ["p"])
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text",
    ["x" * 2001, "-" * 1500 + "x", "(" * 300 + "x" + ")" * 300, "sin(" * 51 + "x" + ")" * 51, "9" * 1999],
    ids=["long", "minus signs", "parentheses", "nesting", "digits"],
)
def test_long_and_deep_texts_are_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse(text, ["x"])


def test_a_long_sum_is_not_deep() -> None:
    assert str(parse("+".join(["x"] * 900), ["x"])) == "900*x"


@pytest.mark.parametrize("text", [5, None, b"x", ["x"]])
def test_a_formula_is_a_text(text: object) -> None:
    with pytest.raises(ExpressionError):
        parse(text, ["x"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["exp", "pi", "e", "lambda", "class", "_a", "a__b", "1a", "a b", "α", "", "x", "True", "a.b"]
)
def test_names_that_mean_something_else_are_refused(name: str) -> None:
    with pytest.raises(ExpressionError):
        parse("x", ["x", name])
    with pytest.raises(ExpressionError):
        parse("x", ["x"], [name])


def test_the_check_comes_before_sympy(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(node: object) -> None:
        raise AssertionError("sympy saw a text that the grammar refuses")

    monkeypatch.setattr(landscapes.formula.symbolic, "_translate", reached)
    for text in FORBIDDEN:
        if text in ("1e200*x*1e200", "x/(x-x)"):  # these two are only found out by algebra
            continue
        with pytest.raises(ExpressionError):
            parse(text, ["x", "y"])


def test_refusing_needs_no_sympy() -> None:
    program = (
        "import sys, landscapes\n"
        "try:\n    landscapes.Landscape.from_expression('__import__(\"os\")')\n"
        "except landscapes.ExpressionError:\n    pass\n"
        "landscapes.Landscape.from_expression('x**2')\n"
        "print([m for m in ('sympy', 'scipy', 'numba', 'fpsim') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


pieces = st.sampled_from(
    ["x", "y", "2", "0.5", "1e9", "64", "+", "-", "*", "/", "**", "(", ")", ",", " ", "exp", "sqrt", "max",
     "abs", "__import__", "lambda", ".", "_", "j", "e", "pi", "if", "else", "not", "in", "[", "'", "=", "\n"]
)  # fmt: skip


@given(st.lists(pieces, max_size=14).map("".join) | st.text(string.printable, max_size=40) | st.text(max_size=20))
def test_random_text_parses_or_raises_this_error_only(text: str) -> None:
    try:
        expression = parse(text, ["x", "y"])
    except ExpressionError:
        return
    assert {str(symbol) for symbol in expression.free_symbols} <= {"x", "y"}
