"""Box-Muller without branches or library calls, so that the lane loop vectorises.

    (z0, z1) = sqrt(-2 log u) (sin phi, cos phi)

Two 32-bit words give two normals: u = (word + 1/2) 2^-32, hence |z| <= 6.76, and the angle's two top bits choose sign
and quadrant.  -2 log u on [1, 2), sin and cos of a quarter turn are Chebyshev fits; their errors in double precision
are 1.1e-12, 2e-15 and 1e-15, in single precision rounding dominates.  Polynomials are summed in pairs (Estrin), which
shortens the chain of dependent operations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.polynomial import chebyshev, polynomial

from fpsim.kernels import BLOCK, MATH, inlined
from fpsim.kernels.philox import begin_words, block_words, step_words, wide

f4, f8, i4, i8, u4, u8 = np.float32, np.float64, np.int32, np.int64, np.uint32, np.uint64


def _fit(function: Any, low: float, high: float, degree: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Power-series coefficients of the Chebyshev interpolant of ``function`` on [low, high]."""
    nodes = np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    series = chebyshev.cheb2poly(chebyshev.chebfit(nodes, function(low + (high - low) * (nodes + 1) / 2), degree))
    substitution = np.array([-(low + high) / (high - low), 2 / (high - low)])
    powers = np.zeros(1)
    for coefficient in series[::-1]:
        powers = polynomial.polyadd(polynomial.polymul(powers, substitution), [coefficient])
    return powers[: degree + 1]


def _minus_two_log(m: Any) -> Any:
    return -2 * np.log(m + 1.5)


def _quarter_sine(q2: Any) -> Any:
    q = np.sqrt(q2)
    return np.pi / 2 * np.sinc(q / 2)


def _quarter_cosine(q2: Any) -> Any:
    return np.cos(np.pi / 2 * np.sqrt(q2))


L0, L1, L2, L3, L4, L5, L6, L7 = (f4(c) for c in _fit(_minus_two_log, -0.5, 0.5, 7))
S0, S1, S2, S3 = (f4(c) for c in _fit(_quarter_sine, 0, 0.25, 3))
C0, C1, C2, C3 = (f4(c) for c in _fit(_quarter_cosine, 0, 0.25, 3))
(A0, A1, A2, A3, A4, A5, A6, A7, A8, A9, A10, A11, A12, A13, A14) = map(float, _fit(_minus_two_log, -0.5, 0.5, 14))
D0, D1, D2, D3, D4, D5, D6 = map(float, _fit(_quarter_sine, 0, 0.25, 6))
E0, E1, E2, E3, E4, E5, E6 = map(float, _fit(_quarter_cosine, 0, 0.25, 6))
LOG4 = 2 * math.log(2)
MAGIC = 2.0**52  # the double whose last bits hold an integer below 2^32


def _bitcast(source: Any, target: Any) -> Any:
    """The intrinsic that reads the bits of ``source`` as ``target``."""

    @intrinsic
    def cast(context: Any, value: Any) -> Any:
        def emit(ctx: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], ctx.get_value_type(target))

        return target(source), emit

    return cast


float_bits, bits_float = _bitcast(types.float32, types.int32), _bitcast(types.int32, types.float32)
double_bits, bits_double = _bitcast(types.float64, types.int64), _bitcast(types.int64, types.float64)


# numba widens shifts of 32-bit integers to 64 bits, which breaks sign extension: every result is narrowed at once
@inlined
def pair_single(r, s):
    """Two float32 normals from the 32-bit words ``r`` and ``s``."""
    u = f4(i4(u4(r) >> u4(1))) * f4(2.0**-31) + f4(2.0**-33)
    bits = float_bits(u)
    exponent = f4(i4(i4(bits >> i4(23)) - i4(127)))
    m = bits_float(i4((bits & i4(0x7FFFFF)) | i4(0x3F800000))) - f4(1.5)
    m2 = m * m
    squared = ((L0 + m * L1) + m2 * (L2 + m * L3)) + (m2 * m2) * ((L4 + m * L5) + m2 * (L6 + m * L7))
    squared -= exponent * f4(LOG4)
    radius = bits_float(i4(float_bits(f4(math.sqrt(max(squared, f4(0))))) ^ (i4(s) & i4(-2147483648))))
    q = f4(i4(i4(s) << i4(2))) * f4(2.0**-32)
    q2 = q * q
    q4 = q2 * q2
    sine = ((S0 + q2 * S1) + q4 * (S2 + q2 * S3)) * (q * radius)
    cosine = ((C0 + q2 * C1) + q4 * (C2 + q2 * C3)) * radius
    turned = (i4(s) & i4(0x40000000)) != i4(0)
    return sine if turned else cosine, cosine if turned else sine


@inlined
def pair_double(r, s):
    """Two float64 normals from the 32-bit words ``r`` and ``s``."""
    u = (bits_double(i8(u8(r) | u8(0x4330000000000000))) - (MAGIC - 0.5)) * 2.0**-32
    bits = double_bits(u)
    exponent = bits_double(i8((bits >> i8(52)) | i8(0x4330000000000000))) - (MAGIC + 1023.0)
    m = bits_double(i8((bits & i8(0xFFFFFFFFFFFFF)) | i8(0x3FF0000000000000))) - 1.5
    m2 = m * m
    m4 = m2 * m2
    low = ((A0 + m * A1) + m2 * (A2 + m * A3)) + m4 * ((A4 + m * A5) + m2 * (A6 + m * A7))
    high = ((A8 + m * A9) + m2 * (A10 + m * A11)) + m4 * ((A12 + m * A13) + m2 * A14)
    squared = low + (m4 * m4) * high
    sign = i8(u8(u4(s) >> u4(31)) << u8(63))
    radius = bits_double(i8(double_bits(f8(math.sqrt(max(squared - exponent * LOG4, 0.0)))) ^ sign))
    q = f8(i4(i4(s) << i4(2))) * 2.0**-32
    q2 = q * q
    q4 = q2 * q2
    sine = ((D0 + q2 * D1) + q4 * ((D2 + q2 * D3) + q4 * ((D4 + q2 * D5) + q4 * D6))) * (q * radius)
    cosine = ((E0 + q2 * E1) + q4 * ((E2 + q2 * E3) + q4 * ((E4 + q2 * E5) + q4 * E6))) * radius
    turned = (i4(s) & i4(0x40000000)) != i4(0)
    return sine if turned else cosine, cosine if turned else sine


# which of the two vectorises depends on the width of what is made of them
@inlined
def apart_narrow(words, narrow, k):
    """The two words of ``words[k]``, read from a view of 32-bit words."""
    return narrow[2 * k + 1], narrow[2 * k]


@inlined
def apart_wide(words, narrow, k):
    """The same by a shift."""
    return u4(words[k] >> u8(32)), u4(words[k])


def transform(words, z, row, stride):
    """Words of a block to the normals of four steps: rows of BLOCK, ``stride`` apart, from ``row`` on."""
    raise NotImplementedError("only called from compiled code")


@overload(transform, jit_options={"fastmath": MATH, "error_model": "numpy", "forceinline": True})
def _transform(words, z, row, stride):
    pair, apart = (pair_single, apart_narrow) if z.dtype == types.float32 else (pair_double, apart_wide)

    def implementation(words, z, row, stride):
        wide()
        narrow = words.view(np.uint32)
        for half in range(2):
            start = row + 2 * half * stride
            one, two = z[start : start + BLOCK], z[start + stride : start + stride + BLOCK]
            for j in range(BLOCK):
                one[j], two[j] = pair(*apart(words, narrow, half * BLOCK + j))

    return implementation


@inlined
def block_normals(z, words, counters, stream, dimension, key0, key1):
    """Normals of four consecutive steps for a block: ``z`` holds 4 groups of ``dimension`` rows of BLOCK."""
    for i in range(dimension):
        block_words(words, counters, u4(stream) << u4(24) | u4(i), key0, key1)
        transform(words, z, i * BLOCK, dimension * BLOCK)


@inlined
def begin_paths(begun, path, stream, key0):
    """What is the same for all steps of a block of paths from ``path`` on: ``begun`` (d, 3 * BLOCK)."""
    for i in range(begun.shape[0]):
        begin_words(begun[i], path, u4(stream) << u4(24) | u4(i), key0)


@inlined
def step_normals(z, words, begun, path, quad, key0, key1):
    """As :func:`block_normals` for such a block, all of it at the steps 4 quad ... 4 quad + 3."""
    dimension = begun.shape[0]
    for i in range(dimension):
        step_words(words, begun[i], path, quad, key0, key1)
        transform(words, z, i * BLOCK, dimension * BLOCK)
