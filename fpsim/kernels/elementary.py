"""What the text of a network calls (:mod:`landscapes.networks.network_code`): arrays on the stack, tanh, logistic.

    exp(u) = 2^n exp(r),    n = round(u / log 2),    |r| <= log(2)/2        (Cody, Waite 1980)

No library calls and no branches, so that a loop over lanes vectorises; errors are a few units of the last place.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fpsim.kernels import inlined
from fpsim.kernels.normals import bits_double, bits_float, double_bits, float_bits

f4, i4, i8 = np.float32, np.int32, np.int64
HIGH, LOW = 0.693147180369123816490, 1.90821492927058770002e-10  # log 2 in two pieces (fdlibm)
HIGH_SINGLE, LOW_SINGLE = f4(0.693359375), f4(-2.12194440e-4)
ROUND, ROUND_SINGLE = 1.5 * 2.0**52, f4(1.5 * 2.0**23)  # adding it rounds to an integer, in the last bits
C = [1 / math.factorial(n) for n in range(14)]
(A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13) = C
(B0, B1, B2, B3, B4, B5, B6) = (f4(c) for c in C[:7])
FARTHEST, FARTHEST_SINGLE = 700.0, f4(80.0)


def stack_array(real: Any) -> Any:
    """``local(n)``: n (a literal) numbers on the stack, which for the compiler are no other's.

    It is a pointer, not an array: an array's indices might count from its end, which takes compilers long to rule out.
    """

    @intrinsic(prefer_literal=True)
    def local(context: Any, size: Any) -> Any:
        if not isinstance(size, types.IntegerLiteral):
            return None
        pointer = types.CPointer(real)

        def emit(ctx: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            item = ctx.get_value_type(real)
            with builder.goto_entry_block():
                room = builder.alloca(ir.ArrayType(item, size.literal_value))
                room.align = 64
                return builder.bitcast(room, item.as_pointer())

        return pointer(size), emit

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


WORDS = {
    "float64": (stack_array(types.float64), tanh_double, logistic_double),
    "float32": (stack_array(types.float32), tanh_single, logistic_single),
}
"""``local``, ``tanh`` and ``logistic`` for each precision."""
