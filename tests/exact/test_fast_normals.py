"""Normals by a GPU's own functions under the worst errors that NVIDIA states for these, and what becomes of their law.

The kernels' own function runs on log, sin, cos and sqrt that err by their bounds, in each combination of signs; so
every normal comes with the largest and the smallest value that it may have on a card.  The law of either extreme is as
far from the normal one as any choice of errors can make it.
"""

import itertools
import math
from types import FunctionType, SimpleNamespace

import numpy as np
import pytest

from fpsim.cuda import fast_normals
from fpsim.kernels import random_numbers
from fpsim.kernels.random_numbers import Stream

LOG, SINE, COSINE, ROOT = 2.0**-21.41, 2.0**-21.41, 2.0**-21.19, 2.0**-23
N = 2**24
"""Normals on which tests/statistics/test_normals.py looks for deviations, at five standard errors."""
rng = np.random.default_rng(1)


def pair(radial=0, sine=0, cosine=0):
    """The function with errors of these signs."""

    def log(u):
        exact = math.log(u)
        return np.float32(exact - radial * (LOG if u >= 0.5 else 3 * 2.0**-23 * abs(exact)))

    erring = SimpleNamespace(
        log=log,
        sin=lambda a: np.float32(math.sin(a) + sine * SINE),
        cos=lambda a: np.float32(math.cos(a) + cosine * COSINE),
        sqrt=lambda q: np.float32(math.sqrt(q) * (1 + radial * ROOT)),
        pi=math.pi,
    )
    bits = {"float_bits": lambda x: x.view(np.int32), "bits_float": lambda x: x.view(np.float32)}
    own = fast_normals.pair_fast
    return FunctionType(own.__code__, {**own.__globals__, **bits, "math": erring})


def drawn(function, words):
    """Pairs (n, 2) in double precision."""
    with np.errstate(over="ignore"):
        return np.array([function(np.uint32(r), np.uint32(s)) for r, s in words.tolist()], dtype=float)


def strata():
    """Words (n, 2) with weights (n,): the first from strata that become narrow at both ends, the second evenly."""
    edges = np.unique(np.rint(2.0 ** np.linspace(0, 31, 94)).astype(np.int64))
    edges = np.concatenate([[0], edges, 2**32 - edges[-2::-1], [2**32]])
    first = rng.integers(edges[:-1], edges[1:])
    second = (np.arange(32) * 2**27 + rng.integers(0, 2**27, (first.size, 32))).ravel()
    return np.stack([np.repeat(first, 32), second], axis=1), np.repeat(np.diff(edges) / 2.0**37, 32)


@pytest.fixture(scope="module")
def extremes():
    """Exact normals, the largest and the smallest that a card may make of the same words, their weights, and 1 - u."""
    words, weights = strata()
    assert weights.sum() == pytest.approx(1, rel=1e-14)
    u = (words[:, 0] >> 1) * 2.0**-31 + 2.0**-33  # single precision reads 31 bits of a word
    radius = np.sqrt(-2 * np.log(u))
    angle = ((words[:, 1] << 2).astype(np.uint32).view(np.int32) >> 2) * (math.pi * 2.0**-31)
    sides = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    turned, sign = (words[:, 1] >> 30) & 1, 1 - 2 * (words[:, 1] >> 31)
    sides[turned == 1] = sides[turned == 1, ::-1]
    exact = radius[:, None] * sides * sign[:, None]
    every = [drawn(pair(*signs), words) for signs in itertools.product((-1, 1), repeat=3)]
    return exact, np.max(every, axis=0), np.min(every, axis=0), weights, 1 - u


def test_each_normal_is_close_to_the_exact_one(extremes):
    """Never NaN, even where the logarithm comes out positive; farther than 1e-5 for one u in a thousand, next to 1."""
    exact, high, low, _, rest = extremes
    assert np.isfinite(high).all() and np.isfinite(low).all()
    gap = np.maximum(high - exact, exact - low).max(axis=1)
    assert gap[rest > 1e-3].max() < 1e-5 and gap.max() < 1e-3
    assert np.abs(exact).max() > 6.75 and max(high.max(), -low.min()) < 6.77
    worst = drawn(pair(-1), np.array([[2**32 - 1, 5]]))
    assert not worst.any()  # -2 log u < 0, cut


def test_without_errors_it_is_the_cpu_s_single_precision():
    z = random_numbers.normals(3, 500, 4, dtype=np.float32)[:, 0]
    words = random_numbers.words(3, Stream.INCREMENTS, np.arange(500), 0)
    for k in (0, 2):  # two words, two normals
        found = drawn(pair(), words[k : k + 2].T)
        assert np.abs(found.T - z[k : k + 2]).max() < 3e-6


def test_moments_move_by_a_five_hundredth_of_what_is_seen(extremes):
    exact, high, low, weights, _ = extremes
    for power, spread in ((1, 1), (2, 2), (3, 15), (4, 96)):
        most, least = np.maximum(high**power, low**power), np.minimum(high**power, low**power)
        for extreme in (most, least):
            shift = np.abs(weights @ (extreme - exact**power)).max()
            assert 0 < shift < 0.002 * 5 * math.sqrt(spread / N)


def test_tails_and_distribution_do_not_change(extremes):
    """No x is passed by more than max |error| times the largest density; of those with larger errors, at most all."""
    exact, high, low, _, rest = extremes
    gap = np.maximum(high - exact, exact - low).max(axis=1)
    ladder = [gap[rest > t].max() / math.sqrt(2 * math.pi) * 2 + t for t in (1e-6, 1e-5, 1e-4)]
    assert min(ladder) < 0.12 * 2.7 / math.sqrt(N)
    for level in (3.0, 4.0, 5.0):  # the density at the level is level times the tail, to a tenth
        far = np.abs(exact).max(axis=1) > level
        assert gap[far].max() * (level + 1 / level) < 1e-4 < 5 / math.sqrt(N * math.erfc(level / math.sqrt(2)) / 2)
