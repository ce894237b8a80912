"""Philox 4x32-10 against the known answers of Random123 and a definition in plain Python integers.

The answers are the lines ``philox4x32 10`` of ``kat_vectors`` in Random123 (Salmon, Moraes, Dror, Shaw, SC 2011).
"""

import numpy as np
import pytest

from fpsim.kernels import BLOCK
from fpsim.kernels import random_numbers as noise
from fpsim.kernels.philox import begin_words, block_words, lane_words, step_words, words_of_lanes

KNOWN = {
    "zeros": ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    "ones": ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    "pi": (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
}


def philox(counter, key):
    """Ten rounds on Python integers, as printed in the paper."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % 2**32, (k1 + 0xBB67AE85) % 2**32
    return [c0, c1, c2, c3]


def random_counters(count, seed=3):
    draw = np.random.default_rng(seed).integers(0, 2**32, size=(6, count), dtype=np.uint32)
    return draw[:4], draw[4, 0], draw[5, 0]


@pytest.mark.parametrize("name", KNOWN)
def test_plain_definition_gives_the_known_answers(name):
    counter, key, answer = KNOWN[name]
    assert philox(counter, key) == answer


@pytest.mark.parametrize("name", KNOWN)
def test_kernel_gives_the_known_answers(name):
    counter, key, answer = KNOWN[name]
    out = np.empty((4, 1), dtype=np.uint32)
    words_of_lanes[np.float64](*np.array(counter, dtype=np.uint32)[:, None], *np.array(key, dtype=np.uint32), out)
    assert out[:, 0].tolist() == answer


def test_kernel_equals_the_plain_definition_on_random_counters():
    counters, k0, k1 = random_counters(500)
    out = np.empty((4, 500), dtype=np.uint32)
    words_of_lanes[np.float64](*counters, k0, k1, out)
    expected = [philox([int(c) for c in column], [int(k0), int(k1)]) for column in counters.T]
    np.testing.assert_array_equal(out.T, expected)


def rows(words):
    """(4, BLOCK) words of a block from its pairs: word 0 above word 1, word 2 above word 3."""
    return np.stack([words[:BLOCK] >> 32, words[:BLOCK] & 2**32 - 1, words[BLOCK:] >> 32, words[BLOCK:] & 2**32 - 1])


def test_block_form_equals_lane_form():
    # two words share a 64-bit integer in the block form; all lanes, all carries
    counters, k0, k1 = random_counters(BLOCK)
    tag = np.uint32(0x08000005)
    packed = np.concatenate([counters[0], counters[2], counters[3]]).view(np.uint64)
    words = np.empty(2 * BLOCK, dtype=np.uint64)
    block_words(words, packed, tag, k0, k1)
    out = np.empty((4, BLOCK), dtype=np.uint32)
    words_of_lanes[np.float64](counters[0], np.full(BLOCK, tag), counters[2], counters[3], k0, k1, out)
    np.testing.assert_array_equal(rows(words), out)
    single = lane_words(counters[0, 7], tag, counters[2, 7], counters[3, 7], k0, k1)
    assert [int(w) for w in single] == out[:, 7].tolist()


@pytest.mark.parametrize("quad", [0, 2**32 - 1, 2**47 + 12345])
@pytest.mark.parametrize("path", [0, 77, 2**32 - BLOCK, 2**47 + BLOCK])
def test_two_rounds_ahead_give_the_same_words(path, quad):
    tag, k0, k1 = np.uint32(0x08000005), np.uint32(0x89ABCDEF), np.uint32(0x01234567)
    begun, words = np.empty(3 * BLOCK, np.uint64), np.empty(2 * BLOCK, np.uint64)
    begin_words(begun, np.uint64(path), tag, k0)
    step_words(words, begun, np.uint64(path), np.uint64(quad), k0, k1)
    for lane, column in enumerate(rows(words).T.tolist()):
        number = path + lane
        counter = [quad % 2**32, int(tag), number % 2**32, (quad >> 32 << 16) + (number >> 32)]
        assert column == philox(counter, [int(k0), int(k1)])


@pytest.mark.parametrize("quad", [0, 5, 2**32 - 1, 2**32, 2**47 + 12345])
@pytest.mark.parametrize("coordinate", [0, 3])
def test_words_sit_on_the_documented_counter(quad, coordinate):
    seed = 0x0123456789ABCDEF
    paths = np.array([0, 1, 255, 256, 2**32 - 1, 2**32, 2**47 + 99])
    stream = noise.Stream.COARSE_BRIDGE
    got = noise.words(seed, stream, paths, quad, coordinate)
    for column, path in zip(got.T, paths.tolist(), strict=True):
        counter = [quad % 2**32, (int(stream) << 24) + coordinate, path % 2**32, (quad >> 32 << 16) + (path >> 32)]
        assert column.tolist() == philox(counter, [0x89ABCDEF, 0x01234567])


def box_muller(first, second):
    """The transform in NumPy's own functions: radius from the first word, angle from the second."""
    radius = np.sqrt(-2 * np.log((first.astype(float) + 0.5) * 2.0**-32))
    angle = np.pi / 2 * ((second.astype(np.int64) + 2**29) % 2**30 - 2**29) / 2.0**30
    sine, cosine = radius * np.sin(angle), radius * np.cos(angle)
    turned = (second >> np.uint32(30)) & np.uint32(1) == 1
    sign = np.where(second >> np.uint32(31), -1.0, 1.0)
    return sign * np.where(turned, sine, cosine), sign * np.where(turned, cosine, sine)


# the error is one of the squared radius, hence the larger in a normal the smaller its radius
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 2e-12), (np.float32, 1e-6)])
@pytest.mark.parametrize("first_step", [0, 3, 4 * 2**32 - 2])
def test_normals_are_box_muller_of_the_words(dtype, tolerance, first_step):
    seed, steps, dimension, paths, first_path = 11, 9, 3, 300, 2**32 - 100
    got = noise.normals(seed, paths, steps, dimension, noise.Stream.JUMPS, first_path, first_step, dtype)
    assert got.dtype == dtype and got.shape == (steps, dimension, paths)
    numbers = first_path + np.arange(paths)
    for n in range(steps):
        quad, k = divmod(first_step + n, 4)
        for i in range(dimension):
            words = noise.words(seed, noise.Stream.JUMPS, numbers, quad, i)
            pair = box_muller(*words[2 * (k // 2) : 2 * (k // 2) + 2])
            error = np.abs(got[n, i] - pair[k % 2])
            assert np.all(error < tolerance * (1 + 1 / np.hypot(*pair)))


def test_bridge_draws_the_documented_uniform():
    from fpsim.kernels.exits import bridge_uniform

    seed, path, stream = 2**63 + 17, 2**33 + 5, int(noise.Stream.BRIDGE)
    for step in (0, 1, 2, 3, 4 * 2**32 + 6):
        expected = noise.uniforms(seed, stream, np.array([path]), step)[0]
        assert bridge_uniform(stream, path, step, *noise.seed_words(seed)) == expected
