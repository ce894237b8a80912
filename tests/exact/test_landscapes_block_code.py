"""Kernel source computes what the NumPy functions compute, in plain Python and compiled, in both precisions."""

import math
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from landscapes import CoupledDoubleWells, DoubleWell, ExpressionError, Landscape, MuellerBrown, SharpFlatWell
from landscapes.formula.symbolic import BlockCode, block_code, parse, symbol

CASES = [
    DoubleWell(tilt=0.1),
    MuellerBrown(),
    CoupledDoubleWells(10),
    SharpFlatWell(sharp=20.0),
    Landscape.from_expression("sqrt(x**2 + 1)**3 - 1/(2 + y**2) + x**a*exp(-y)/3 + abs(x - 1.5) + x**7", "x y", a=2.5),
]
NAMES = ["quartic", "Mueller-Brown", "10-D", "sharp-flat", "mixed"]


def drift_code(landscape: Landscape, width: int = 256) -> BlockCode:
    symbolic = landscape.symbolic
    assert symbolic is not None
    return block_code(symbolic.drift, {"x": symbolic.variables}, symbolic.parameters, width)


def plain(code: BlockCode) -> Callable[..., None]:
    namespace: dict[str, Any] = {"math": math, "np": np}
    exec(code.source, namespace)
    return namespace["block"]  # type: ignore[no-any-return]


def points(landscape: Landscape, width: int) -> NDArray[np.float64]:
    return np.random.default_rng(1).uniform(0.2, 1.2, (landscape.dimension, width))


def run(function: Callable[..., None], code: BlockCode, x: NDArray[Any], rows: int) -> NDArray[Any]:
    out = np.full(rows * code.width, np.nan, dtype=x.dtype)
    function(x.ravel(), code.data.astype(x.dtype), out)
    return out.reshape(rows, code.width)


@pytest.mark.parametrize("precision", ["float64", "float32"])
@pytest.mark.parametrize("landscape", CASES, ids=NAMES)
def test_compiled_and_vectorised(landscape: Landscape, precision: str) -> None:
    code = drift_code(landscape)
    vector = numba.types.Array(getattr(numba.types, precision), 1, "C")
    compiled = numba.njit(numba.void(vector, vector, vector), error_model="numpy")(plain(code))
    x = points(landscape, 256).astype(precision)
    out = run(compiled, code, x, landscape.dimension)
    exact = landscape.drift(x.astype(np.float64))
    tolerance = 1e-12 if precision == "float64" else 2e-4
    np.testing.assert_allclose(out, exact, rtol=tolerance, atol=tolerance * np.abs(exact).max())

    assembly = compiled.inspect_llvm(compiled.signatures[0])
    number = "double" if precision == "float64" else "float"
    if landscape is not CASES[1]:  # exp is a call unless the caller brings a vector version
        assert re.search(rf"<\d+ x {number}>", assembly), "the loop over lanes is not vectorised"
    if precision == "float32":
        assert "fpext" not in assembly, "float32 arithmetic is widened to float64"


def test_the_quartic_is_four_operations() -> None:
    body = drift_code(DoubleWell()).source.split("range(256):\n")[1]
    assert body == ("        x_0 = x[j]\n        t0 = x_0 * x_0\n        out[j] = c3 - c2 * x_0 * (c1 + c0 * t0)\n")


def test_parameters_change_the_data_and_never_the_source() -> None:
    first, second = drift_code(SharpFlatWell()), drift_code(SharpFlatWell(sharp=50.0, flat=3.0, barrier=0.7))
    assert first.source == second.source
    assert not np.array_equal(first.data, second.data)
    assert not re.search(r"\d\.\d", first.source)


def test_every_kind_of_function() -> None:
    x, y, a = symbol("x"), symbol("y"), symbol("a")
    outputs = [
        parse("max(x, y, a) - min(x, y)*sign(x - y)", ["x", "y"], ["a"]),
        sympy.Piecewise((x**2, (x < y) & (x > a)), (1 / y, ~(x < 1)), (sympy.exp(-x), True)),
        sympy.Heaviside(x - y) + sympy.floor(3 * x) + sympy.ceiling(y * a),
        parse("erf(x)*tanh(y) + atan(x)/cosh(y) - 2**x + x**(1/3)*x**(-1.5) - x**-7", ["x", "y"]),
        a + sympy.sqrt(2),
        x,
    ]
    code = block_code(outputs, {"x": (x,), "z": (y,)}, {a: 0.3}, width=50)
    assert code.source.startswith("def block(x, z, data, out):")
    rng = np.random.default_rng(2)
    u, v = rng.uniform(0.1, 2, (2, 50))
    v[:5] = u[:5]
    out = np.empty(6 * 50)
    plain(code)(u, v, code.data, out)
    for row, expression in zip(out.reshape(6, 50), outputs, strict=True):
        exact = [float(expression.subs({x: s, y: t, a: 0.3}).evalf()) for s, t in zip(u, v, strict=True)]
        np.testing.assert_allclose(row, exact, rtol=1e-13)


def test_inputs_may_bear_any_name() -> None:
    names = [symbol(name) for name in ("c0", "t0", "data", "out", "shared0", "j", "math")]
    code = block_code([sum(k * name**2 for k, name in enumerate(names, 3))], {"x": names}, {}, width=4)
    x = np.arange(28.0).reshape(7, 4)
    expected = sum(k * row**2 for k, row in enumerate(x, 3))
    np.testing.assert_allclose(run(plain(code), code, x, 1)[0], expected)


def test_a_block_may_be_its_own_output() -> None:
    landscape = CoupledDoubleWells(3)
    code = drift_code(landscape, width=16)
    x = points(landscape, 16)
    flat = x.ravel().copy()
    plain(code)(flat, code.data, flat)
    np.testing.assert_allclose(flat.reshape(3, 16), landscape.drift(x), rtol=1e-13)


def test_the_source_is_the_same_in_every_process() -> None:
    program = (
        "import landscapes\nfrom landscapes.formula.symbolic import block_code\n"
        "s = landscapes.MuellerBrown().symbolic\n"
        "print(block_code(s.drift, {'x': s.variables}, s.parameters).source)"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(texts) == 1
    assert texts == {drift_code(MuellerBrown()).source + "\n"}


def test_what_has_no_kernel_code_is_an_error() -> None:
    x, y = symbol("x"), symbol("y")
    with pytest.raises(ExpressionError, match="neither inputs nor parameters"):
        block_code([x + y], {"x": (x,)}, {})
    with pytest.raises(ExpressionError, match="no kernel code"):
        block_code([sympy.gamma(x)], {"x": (x,)}, {})
    with pytest.raises(ExpressionError, match="no kernel code"):
        block_code([sympy.DiracDelta(x)], {"x": (x,)}, {})
    with pytest.raises(ExpressionError, match="not a finite real number"):
        block_code([x * sympy.sqrt(y)], {"x": (x,)}, {y: -1.0})
    with pytest.raises(ExpressionError, match="argument is named"):
        block_code([x], {"data": (x,)}, {})
