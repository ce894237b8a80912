"""Box-Muller by a GPU's own logarithm, sine, cosine and square root, in single precision.

    (z0, z1) = sqrt(-2 log u) (sin phi, cos phi)

The words are read as in :mod:`fpsim.kernels.normals`, so that each normal is the strict one's neighbour.  NVIDIA states
these errors (CUDA C++ Programming Guide, intrinsic functions; PTX ISA, sqrt.approx):

    log u   2^-21.41 for 1/2 <= u <= 2, else 3 units of the last place        sin, cos   2^-21.41, 2^-21.19 on [-pi, pi]
    sqrt    2^-23 of it

Near u = 1 the logarithm may come out positive, which is why it is cut.  What the worst of them do to moments, tails and
distribution is in tests/exact/test_fast_normals.py.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

f4, i4, u4 = np.float32, np.int32, np.uint32
float_bits: Any = None
bits_float: Any = None
"""Given by the target (:func:`fpsim.cuda.functions.pair_function`)."""


def pair_fast(r, s):
    """Two float32 normals from the 32-bit words ``r`` and ``s``."""
    u = f4(i4(u4(r) >> u4(1))) * f4(2.0**-31) + f4(2.0**-33)
    radius = f4(math.sqrt(max(f4(f4(-2) * math.log(u)), f4(0))))
    angle = f4(i4(i4(i4(s) << i4(2)) >> i4(2))) * f4(math.pi * 2.0**-31)
    sine, cosine = f4(math.sin(angle)) * radius, f4(math.cos(angle)) * radius
    sign = i4(s) & i4(-2147483648)
    turned = (i4(s) & i4(0x40000000)) != i4(0)
    first = sine if turned else cosine
    second = cosine if turned else sine
    return bits_float(i4(float_bits(first) ^ sign)), bits_float(i4(float_bits(second) ^ sign))
