"""Philox 4x32-10: (counter, key) -> four random 32-bit words.

    round:  (c0, c1, c2, c3) -> (hi(M1 c2) ^ c1 ^ k0,  lo(M1 c2),  hi(M0 c0) ^ c3 ^ k1,  lo(M0 c0))

Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), section 4.3.  There is no state: a
word is a function of its counter, so a path has the same random numbers alone, in any block and on any thread.

In the loop over lanes every word has 64 bits of its own, whose upper half may hold leftovers: a product reads the lower
halves only.  Six operations on eight lanes make a round: two products, two shifts, two xors of three numbers.  The last
round leaves two words of a lane in one integer each, word 0 above word 1 and word 2 above word 3.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from fpsim.kernels import BLOCK, compiled, inlined

u4, u8 = np.uint32, np.uint64
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


@intrinsic
def hidden(context: Any, number: Any) -> Any:
    """A uint32 of which the compiler does not know that it is a constant.

    It would fold the shift of a product into the multiplier else, which takes products of 64 bits, three times as dear.
    """

    def emit(ctx: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        word = ir.IntType(32)
        return builder.asm(ir.FunctionType(word, [word]), "", "=r,0", arguments, False)

    return types.uint32(types.uint32), emit


@inlined
def rounds(number, a, b, c, d, k0, k1, m0, m1):
    """So many rounds of words ``a`` ... ``d``: words 0 and 1, and words 2 and 3, in one 64-bit integer each."""
    for _ in range(number - 1):
        p, q = (a & LOW) * m0, (c & LOW) * m1
        a, b, c, d = (q >> SHIFT) ^ (b ^ u8(k0)), q, (p >> SHIFT) ^ (d ^ u8(k1)), p
        k0 = u4(k0 + W0)
        k1 = u4(k1 + W1)
    p, q = (a & LOW) * m0, (c & LOW) * m1
    return q ^ ((b ^ u8(k0)) << SHIFT), p ^ ((d ^ u8(k1)) << SHIFT)


@inlined
def place(k, lane):
    """Where word k of a lane stands in the ``words`` of a block, seen as 32-bit words."""
    return (k // 2) * 2 * BLOCK + 2 * lane + 1 - k % 2


@inlined
def block_words(words, counters, tag, key0, key1):
    """Fill ``words`` (2 rows of BLOCK pairs) from per-lane ``counters`` (rows c0, c2, c3 of BLOCK)."""
    wide()
    m0, m1 = u8(hidden(u4(M0))), u8(hidden(u4(M1)))
    lanes = counters.view(np.uint32)
    for j in range(BLOCK):
        c0, c2, c3 = u8(lanes[j]), u8(lanes[BLOCK + j]), u8(lanes[2 * BLOCK + j])
        words[j], words[BLOCK + j] = rounds(10, c0, u8(tag), c2, c3, key0, key1, m0, m1)


@inlined
def begin_words(begun, path, tag, key0):
    """What two rounds make of BLOCK paths from ``path`` on, whatever the step: ``begun`` (3 rows of BLOCK)."""
    wide()
    for j in range(BLOCK):
        q = u8(u4(path + u8(j))) * M1
        p = (((q >> SHIFT) ^ u8(tag ^ key0)) & LOW) * M0
        begun[j], begun[BLOCK + j], begun[2 * BLOCK + j] = q, p >> SHIFT, p


@inlined
def step_words(words, begun, path, quad, key0, key1):
    """As :func:`block_words` for the lanes of :func:`begin_words`, all at one group of four steps, quad = step // 4.

    What the first two rounds make of the step is the same for all lanes, if they agree in path // 2^32.
    """
    wide()
    m0, m1 = u8(hidden(u4(M0))), u8(hidden(u4(M1)))
    p = (quad & LOW) * M0
    q = ((p >> SHIFT) ^ high_word(path, quad) ^ u8(key1)) * M1
    k0, k1 = u4(key0 + W0), u4(key1 + W1)
    first, third = (q >> SHIFT) ^ u8(k0), p ^ u8(k1)
    k0, k1 = u4(k0 + W0), u4(k1 + W1)
    for j in range(BLOCK):
        a, c = begun[j] ^ first, begun[BLOCK + j] ^ third
        words[j], words[BLOCK + j] = rounds(8, a, q, c, begun[2 * BLOCK + j], k0, k1, m0, m1)


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
def high_word(path, quad):
    """The upper halves of both, c3."""
    return (u8(path) >> SHIFT) | (u8(quad) >> SHIFT << u8(16))


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
