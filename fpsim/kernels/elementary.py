"""What compiled networks call: lanes of 64 bytes, places in an array, arrays on the stack, and elementary functions.

    exp(u) = 2^n exp(r),    n = round(u / log 2),    |r| <= log(2)/2        (Cody, Waite 1980)
    erfc(z) = exp(-z^2) P(t) / (1 + 2 z),    t = (z - 3)/(z + 3),    z >= 0      (Shepherd, Laframboise 1981)

No library calls and no branches, so that a loop over lanes vectorises; errors are a few units of the last place, of erf
of that of 1.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numba.np.arrayobj import make_array

from fpsim.kernels import MATH, inlined
from fpsim.kernels.normals import bits_double, bits_float, double_bits, float_bits

f4, i4, i8 = np.float32, np.int32, np.int64
HIGH, LOW = 0.693147180369123816490, 1.90821492927058770002e-10  # log 2 in two pieces (fdlibm)
HIGH_SINGLE, LOW_SINGLE = f4(0.693359375), f4(-2.12194440e-4)
ROUND, ROUND_SINGLE = 1.5 * 2.0**52, f4(1.5 * 2.0**23)  # adding it rounds to an integer, in the last bits
C = [1 / math.factorial(n) for n in range(14)]
(A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13) = C
(B0, B1, B2, B3, B4, B5, B6) = (f4(c) for c in C[:7])
FARTHEST, FARTHEST_SINGLE = 700.0, f4(80.0)
ROOT_HALF, PEAK = math.sqrt(0.5), 1 / math.sqrt(2 * math.pi)
P = (
    1.2530080582697296, -0.13562110612457576, -0.04756229435342038, 0.12964515870228346, -0.11927366341676002,
    0.06830802735638397, -0.023770514891530075, 0.0025293916672051724, 0.0018886900977441495, -0.0007798312797290158,
    -0.00010515831297813128, 0.00012509531076254534, 4.94412434222366e-06, -2.0089997833284275e-05,
    -7.187883834404266e-07, 3.454294770277738e-06, 3.3669790806407595e-07, -5.963983625522741e-07,
    -1.205414228648938e-07, 8.765881411730558e-08, 2.7843881265502222e-08, -7.641962892589975e-09,
    -3.1813541434969274e-09,
)  # fmt: skip  # Chebyshev series of (1 + 2 z) exp(z^2) erfc(z) in t, to 2e-16
Q = (
    1.2530080563677553, -0.1356210694002736, -0.047562156927520076, 0.1296441143440814, -0.1192752752822409,
    0.06831656777114085, -0.02376357643949504, 0.0024991168696069477, 0.001875079123772353, -0.0007264536790340485,
    -9.254516686923966e-05, 7.731024224076895e-05,
)  # fmt: skip  # the same to 8e-8
(P0, P1, P2, P3, P4, P5, P6, P7, P8, P9, P10, P11, P12, P13, P14, P15, P16, P17, P18, P19, P20, P21, P22) = P
(Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9, Q10, Q11) = (f4(c) for c in Q)


def _on_stack(real: Any) -> Any:
    """What makes room on the stack for as many numbers as the last argument says."""

    def emit(ctx: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        item = ctx.get_value_type(real)
        with builder.goto_entry_block():
            room = builder.alloca(ir.ArrayType(item, signature.args[-1].literal_value))
            room.align = 64
            return builder.bitcast(room, item.as_pointer())

    return emit


def stack_array(real: Any) -> Any:
    """``local(n)``: n (a literal) numbers on the stack, which for the compiler are no other's.

    It is a pointer, not an array: an array's indices might count from its end, which takes compilers long to rule out.
    """

    @intrinsic(prefer_literal=True)
    def local(context: Any, size: Any) -> Any:
        if not isinstance(size, types.IntegerLiteral):
            return None
        return types.CPointer(real)(size), _on_stack(real)

    return local


@inlined
def exp_double(u):
    """exp of a float64 between -700 and 700; beyond them that of the nearest."""
    u = min(max(u, -FARTHEST), FARTHEST)
    n = u * 1.4426950408889634 + ROUND
    k = n - ROUND
    r = (u - k * HIGH) - k * LOW
    r2 = r * r
    r4 = r2 * r2
    low = ((A0 + r * A1) + r2 * (A2 + r * A3)) + r4 * ((A4 + r * A5) + r2 * (A6 + r * A7))
    high = ((A8 + r * A9) + r2 * (A10 + r * A11)) + r4 * (A12 + r * A13)
    return bits_double(i8(double_bits(low + (r4 * r4) * high) + (double_bits(n) << i8(52))))


@inlined
def exp_single(u):
    """The same of a float32, between -80 and 80."""
    u = min(max(u, -FARTHEST_SINGLE), FARTHEST_SINGLE)
    n = u * f4(1.44269504) + ROUND_SINGLE
    k = n - ROUND_SINGLE
    r = (u - k * HIGH_SINGLE) - k * LOW_SINGLE
    r2 = r * r
    p = ((B0 + r * B1) + r2 * (B2 + r * B3)) + (r2 * r2) * ((B4 + r * B5) + r2 * B6)
    return bits_float(i4(i4(float_bits(p)) + i4(i4(float_bits(n)) << i4(23))))


@inlined
def tanh_double(u):
    """1 - 2/(exp(2 u) + 1)."""
    return 1.0 - 2.0 / (exp_double(u + u) + 1.0)


@inlined
def tanh_single(u):
    """The same of a float32."""
    return f4(1) - f4(2) / (exp_single(u + u) + f4(1))


@inlined
def logistic_double(u):
    """1/(1 + exp(-u))."""
    return 1.0 / (1.0 + exp_double(-u))


@inlined
def logistic_single(u):
    """The same of a float32."""
    return f4(1) / (f4(1) + exp_single(-u))


@inlined
def tail_double(z):
    """erfc(z)/2 and exp(-z^2) of a float64 z >= 0."""
    bell = exp_double(-z * z)
    t = (z - 3.0) / (z + 3.0)
    t2 = t * t
    t4 = t2 * t2
    t8 = t4 * t4
    low = ((P0 + t * P1) + t2 * (P2 + t * P3)) + t4 * ((P4 + t * P5) + t2 * (P6 + t * P7))
    middle = ((P8 + t * P9) + t2 * (P10 + t * P11)) + t4 * ((P12 + t * P13) + t2 * (P14 + t * P15))
    high = ((P16 + t * P17) + t2 * (P18 + t * P19)) + t4 * ((P20 + t * P21) + t2 * P22)
    return bell * (low + t8 * (middle + t8 * high)) / (2.0 + 4.0 * z), bell


@inlined
def tail_single(z):
    """The same of a float32."""
    bell = exp_single(-z * z)
    t = (z - f4(3)) / (z + f4(3))
    t2 = t * t
    t4 = t2 * t2
    low = ((Q0 + t * Q1) + t2 * (Q2 + t * Q3)) + t4 * ((Q4 + t * Q5) + t2 * (Q6 + t * Q7))
    high = (Q8 + t * Q9) + t2 * (Q10 + t * Q11)
    return bell * (low + (t4 * t4) * high) / (f4(2) + f4(4) * z), bell


@inlined
def gauss_double(u):
    """Phi(u) and phi(u) of a float64."""
    tail, bell = tail_double(abs(u) * ROOT_HALF)
    return (tail if u < 0.0 else 1.0 - tail), bell * PEAK


@inlined
def gauss_single(u):
    """The same of a float32."""
    tail, bell = tail_single(abs(u) * f4(ROOT_HALF))
    return (tail if u < f4(0) else f4(1) - tail), bell * f4(PEAK)


@inlined
def erf_double(u):
    """The error function of a float64."""
    e = 1.0 - 2.0 * tail_double(abs(u))[0]
    return -e if u < 0.0 else e


@inlined
def erf_single(u):
    """The same of a float32."""
    e = f4(1) - f4(2) * tail_single(abs(u))[0]
    return -e if u < f4(0) else e


WORDS = {
    "float64": (stack_array(types.float64), tanh_double, logistic_double, exp_double, erf_double),
    "float32": (stack_array(types.float32), tanh_single, logistic_single, exp_single, erf_single),
}
"""``local``, ``tanh``, ``logistic``, ``exp`` and ``erf`` for each precision."""


# --- the same, by the precision of what they are given ---


@intrinsic(prefer_literal=True)
def local(context: Any, like: Any, size: Any) -> Any:
    """``local(like, n)``: n (a literal) numbers on the stack, of the precision of the array ``like``."""
    if not isinstance(size, types.IntegerLiteral):
        return None
    return types.CPointer(like.dtype)(like, size), _on_stack(like.dtype)


@intrinsic
def pointer(context: Any, array: Any, place: Any) -> Any:
    """Where number ``place`` of a flat array is."""

    def emit(ctx: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return builder.gep(make_array(array)(ctx, builder, arguments[0]).data, [arguments[1]])

    return types.CPointer(array.dtype)(array, types.int64), emit


def lanes(array: Any) -> Any:
    """How many numbers of an array's precision 64 bytes hold."""
    return 64 // array.dtype.itemsize


def exp(u: Any) -> Any:
    """E^u."""
    raise NotImplementedError("only called from compiled code")


def tanh(u: Any) -> Any:
    """Hyperbolic tangent."""
    raise NotImplementedError("only called from compiled code")


def logistic(u: Any) -> Any:
    """1/(1 + exp(-u))."""
    raise NotImplementedError("only called from compiled code")


def gauss(u: Any) -> Any:
    """Phi(u) and phi(u): the normal distribution function and density."""
    raise NotImplementedError("only called from compiled code")


def _by_precision(word: Any, single: Any, double: Any) -> None:
    options = {"fastmath": MATH, "error_model": "numpy", "forceinline": True}

    @overload(word, jit_options=options)
    def chosen(u):
        return single.py_func if u == types.float32 else double.py_func


@overload(lanes, jit_options={"forceinline": True})
def _lanes(array):
    count = 512 // array.dtype.bitwidth
    return lambda array: count


_by_precision(exp, exp_single, exp_double)
_by_precision(tanh, tanh_single, tanh_double)
_by_precision(logistic, logistic_single, logistic_double)
_by_precision(gauss, gauss_single, gauss_double)
