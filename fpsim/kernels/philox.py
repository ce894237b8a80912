"""Philox 4x32-10: (counter, key) -> four random 32-bit words.

    round:  (c0, c1, c2, c3) -> (hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0))

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.3.  There is no state: a
word is a function of its counter, so a path has the same random numbers alone, in any block and on any thread.

Two lanes share one 64-bit integer in memory (even lane in the low half).  In the loop each has 64 bits of its own, so
that the products need no shuffles, and the two are independent, so that their latencies overlap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fpsim.kernels import BLOCK, compiled, inlined

u4, u8 = np.uint32, np.uint64
HALF = BLOCK // 2
M0, M1 = u8(0xD2511F53), u8(0xCD9E8D57)
W0, W1 = u4(0x9E3779B9), u4(0xBB67AE85)
LOW = u8(0xFFFFFFFF)
SHIFT = u8(32)


@intrinsic
def wide(context: Any) -> Any:
    """Let what is compiled around this use vectors of 512 bits: LLVM alone keeps to 256 on many CPUs that have them.

    Paths were 1.15 to 1.2 times as fast on an Intel Xeon with AVX-512; without it nothing changes.  An inlined function
    is compiled before it is pasted in, so that both sides say it.
    """

    def emit(ctx: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')  # llvmlite's own add knows no such names
        return ctx.get_dummy_value()

    return types.void(), emit


@inlined
def block_words(words, counters, tag, key0, key1):
    """Fill ``words`` (4 rows of BLOCK 32-bit words, as 64-bit pairs) from per-lane ``counters`` (rows c0, c2, c3)."""
    wide()
    for j in range(HALF):
        a, c, d = counters[j], counters[HALF + j], counters[2 * HALF + j]
        b = u8(tag)
        e, f, g, h = a >> SHIFT, b, c >> SHIFT, d >> SHIFT
        k0 = key0
        k1 = key1
        for _ in range(10):  # the high halves of a ... h may hold leftovers: a product reads the low halves only
            p, q = (a & LOW) * M0, (c & LOW) * M1
            a, b, c, d = (q >> SHIFT) ^ (b ^ u8(k0)), q, (p >> SHIFT) ^ (d ^ u8(k1)), p
            p, q = (e & LOW) * M0, (g & LOW) * M1
            e, f, g, h = (q >> SHIFT) ^ (f ^ u8(k0)), q, (p >> SHIFT) ^ (h ^ u8(k1)), p
            k0 = u4(k0 + W0)
            k1 = u4(k1 + W1)
        words[j] = (a & LOW) | (e << SHIFT)
        words[HALF + j] = (b & LOW) | (f << SHIFT)
        words[2 * HALF + j] = (c & LOW) | (g << SHIFT)
        words[3 * HALF + j] = (d & LOW) | (h << SHIFT)


@inlined
def lane_words(c0, c1, c2, c3, key0, key1):
    """Four words for one counter (32-bit words in, 32-bit words out)."""
    k0 = key0
    k1 = key1
    for _ in range(10):
        p0 = u8(c0) * M0
        p1 = u8(c2) * M1
        c0, c1, c2, c3 = u4(p1 >> SHIFT) ^ c1 ^ k0, u4(p1), u4(p0 >> SHIFT) ^ c3 ^ k1, u4(p0)
        k0 = u4(k0 + W0)
        k1 = u4(k1 + W1)
    return c0, c1, c2, c3


@inlined
def set_path(counters, lane, path):
    """Point one lane of ``counters`` (viewed as 32-bit, 3 rows of BLOCK) at a path number < 2^48."""
    counters[BLOCK + lane] = u4(u8(path) & LOW)
    counters[2 * BLOCK + lane] = u4(u8(path) >> SHIFT)


@inlined
def set_quad(counters, lane, quad):
    """Point one lane of ``counters`` at a group of four steps, quad = step // 4 < 2^48."""
    row = 2 * BLOCK + lane
    counters[lane] = u4(u8(quad) & LOW)
    counters[row] = (counters[row] & u4(0xFFFF)) | u4((u8(quad) >> SHIFT) << u8(16))


@compiled(lambda real: types.void(*[types.uint32[::1]] * 4, types.uint32, types.uint32, types.uint32[:, ::1]))
def words_of_lanes(c0, c1, c2, c3, key0, key1, out):
    """Words for many counters, one by one: ``out`` (4, n) from counter words of length n."""
    for i in range(c0.size):
        out[0, i], out[1, i], out[2, i], out[3, i] = lane_words(c0[i], c1[i], c2[i], c3[i], key0, key1)
