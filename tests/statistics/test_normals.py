"""Moments, tails, distribution and independence of the normals and uniforms.

Seeds are fixed.  Every figure lies within 5 standard deviations of its exact value (Kolmogorov-Smirnov distances below
the value that a true law exceeds with the probability of 5 sigma, 5.7e-7).
"""

import math

import numpy as np
import pytest
from scipy.special import ndtr

from fpsim.kernels import random_numbers as noise
from fpsim.kernels.random_numbers import Stream

FIVE_SIGMA_DISTANCE = math.sqrt(math.log(2 / 5.7e-7) / 2)  # of sqrt(n) D
DTYPES = [np.float64, np.float32]


def close(value, expected, deviation):
    """Within 5 standard deviations."""
    off = (value - expected) / deviation
    assert abs(off) < 5, f"{value} is {off:.1f} sigma from {expected}"


def distance(levels, bins=4096):
    """sqrt(n) times the largest gap between the distribution of uniform ``levels`` and the uniform law, on a grid."""
    counts = np.histogram(levels, bins=bins, range=(0, 1))[0]
    assert counts.sum() == levels.size
    return np.sqrt(levels.size) * np.abs(np.cumsum(counts) / levels.size - np.arange(1, bins + 1) / bins).max()


@pytest.fixture(scope="module", params=DTYPES, ids=["float64", "float32"])
def sample(request):
    """16.8 million normals, over steps, coordinates and paths."""
    return noise.normals(2024, 2**17, 64, 2, dtype=request.param).astype(float).ravel()


def test_moments(sample):
    n = sample.size
    close(sample.mean(), 0, math.sqrt(1 / n))
    square = sample * sample
    close(square.mean(), 1, math.sqrt(2 / n))
    close((square * sample).mean(), 0, math.sqrt(15 / n))
    close((square * square).mean(), 3, math.sqrt(96 / n))


@pytest.mark.parametrize("level", [3, 4, 5])
@pytest.mark.parametrize("side", [-1, 1])
def test_tails(sample, level, side):
    expected = sample.size * math.erfc(level / math.sqrt(2)) / 2
    close(np.count_nonzero(side * sample > level), expected, math.sqrt(expected))


def test_largest_is_within_the_documented_range(sample):
    assert np.abs(sample).max() < 6.77


def test_distribution(sample):
    assert distance(ndtr(sample)) < FIVE_SIGMA_DISTANCE


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_of_the_four_normals_of_a_counter_is_normal(dtype):
    z = noise.normals(5, 2**18, 4, 1, dtype=dtype).astype(float)[:, 0]
    for row in z:
        close(row.mean(), 0, 1 / math.sqrt(row.size))
        close((row**2).mean(), 1, math.sqrt(2 / row.size))
        assert distance(ndtr(row)) < FIVE_SIGMA_DISTANCE


def uncorrelated(a, b):
    """No correlation of the values, of their squares (two normals of a pair share their radius) or of the two mixed."""
    a, b = a.ravel().astype(float), b.ravel().astype(float)
    p, q = (a * a - 1) / math.sqrt(2), (b * b - 1) / math.sqrt(2)
    for left, right in ((a, b), (p, q), (a, q), (p, b)):
        close((left * right).mean(), 0, 1 / math.sqrt(a.size))


@pytest.fixture(scope="module", params=DTYPES, ids=["float64", "float32"])
def block(request):
    """Normals (steps, coordinates, paths)."""
    return noise.normals(77, 2**13, 64, 3, dtype=request.param)


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 8])
def test_steps_are_independent(block, lag):
    uncorrelated(block[:-lag], block[lag:])


@pytest.mark.parametrize("k", [0, 1, 2, 3])
def test_neighbouring_steps_inside_a_counter_are_independent(block, k):
    uncorrelated(block[k::4], block[(k + 1) % 4 :: 4])


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_coordinates_are_independent(block, pair):
    uncorrelated(block[:, pair[0]], block[:, pair[1]])


@pytest.mark.parametrize("lag", [1, 2, 128, 256])
def test_paths_are_independent(block, lag):
    uncorrelated(block[:, :, :-lag], block[:, :, lag:])


@pytest.mark.parametrize("stream", [s for s in Stream if s != Stream.INCREMENTS])
def test_streams_are_independent(stream):
    first, second = (noise.normals(1, 2**13, 32, 2, s) for s in (Stream.INCREMENTS, stream))
    uncorrelated(first, second)


@pytest.mark.parametrize("other", [2, 1 + 2**32, 2**64 - 1])
def test_seeds_are_independent(other):
    uncorrelated(noise.normals(1, 2**13, 32, 2), noise.normals(other, 2**13, 32, 2))


def test_one_path_is_normal_along_its_steps():
    z = noise.normals(9, 1, 2**15).ravel()
    close(z.mean(), 0, 1 / math.sqrt(z.size))
    close((z**2).mean(), 1, math.sqrt(2 / z.size))
    assert distance(ndtr(z)) < FIVE_SIGMA_DISTANCE


def test_bridge_uniforms():
    paths = np.arange(2**16)
    u = np.stack([noise.uniforms(3, Stream.BRIDGE, paths, step) for step in range(16)])
    assert u.min() > 0 and u.max() < 1
    n = u.size
    close(u.mean(), 1 / 2, math.sqrt(1 / 12 / n))
    close(u.var(), 1 / 12, math.sqrt(1 / 180 / n))
    assert distance(u.ravel()) < FIVE_SIGMA_DISTANCE
    centred = (u - 0.5) * math.sqrt(12)
    close((centred[1:] * centred[:-1]).mean(), 0, 1 / math.sqrt(centred[1:].size))
    close((centred[:, 1:] * centred[:, :-1]).mean(), 0, 1 / math.sqrt(centred[:, 1:].size))
    z = noise.normals(3, paths.size, 16)[:, 0]  # the increments of the same steps of the same paths
    for values in (z, (z * z - 1) / math.sqrt(2)):
        close((centred * values).mean(), 0, 1 / math.sqrt(n))
