"""Streams of synthetic noise whose law is known: norms, ranks, kurtosis, both tail indices; five standard errors."""

import math

import numpy as np
import pytest

from fpsim.statistics import NoiseRecord, NoiseStream, Probe, anisotropy_index, effective_rank, stable, tail_index
from fpsim.statistics.record import COORDINATE_EDGES, PARAMETER_EDGES

DIMENSION = 40_000
PROBE = Probe(DIMENSION, coordinates=16_384, watched=300, sketch=4096, seed=3)


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


DEVIATION = np.exp(philox(1).standard_normal(DIMENSION))


def recorded(noises, probe=PROBE, deviation=DEVIATION, first=0):
    stream = NoiseStream(probe, deviation[probe.sample], first)
    for noise in noises:
        stream.add(noise)
    return stream.record()


def gaussian(count, seed=5):
    draws = philox(seed)
    return [DEVIATION * draws.standard_normal(DIMENSION) for _ in range(count)]


@pytest.fixture(scope="module")
def normal_record():
    return recorded(gaussian(96))


def test_gaussian_noise_is_gaussian_across_batches_and_anisotropic_across_parameters(normal_record):
    across = normal_record.index_across_parameters
    variances = DEVIATION[PROBE.sample] ** 2
    assert across.value == pytest.approx(anisotropy_index(variances, 128), rel=0.02) and across.value < 1.5
    batches = normal_record.index_across_batches(8)
    assert abs(batches.value - 2) < 5 * batches.error < 0.25
    kurtosis = normal_record.kurtosis_across_batches
    assert abs(kurtosis.value) < 5 * kurtosis.error < 0.05
    assert normal_record.second.mean() == pytest.approx(1, abs=5 * math.sqrt(2 / 96 / 16_384))
    assert normal_record.kurtosis_across_parameters.value > 20  # of log-normal scales, e^8 at most


def test_norm_and_rank_of_the_whole_vector(normal_record):
    trace, square = (DEVIATION**2).sum(), (DEVIATION**4).sum()
    norm = normal_record.mean_square_norm
    assert abs(norm.value - trace) < 5 * norm.error < 0.1 * trace
    true = trace**2 / square
    rank = normal_record.effective_rank
    biased = true / (1 + true / PROBE.sketch)  # the sketch adds |u|^2 |v|^2 / b to (u . v)^2
    assert abs(rank.value - biased) < 5 * rank.error < 0.6 * true
    spread = normal_record.spread_of_square_norm
    assert abs(spread.value - 2 / true) < 5 * spread.error


def test_histograms_are_densities(normal_record):
    x = (COORDINATE_EDGES[1:] + COORDINATE_EDGES[:-1]) / 2
    share = normal_record.coordinates.mean(axis=0)
    expected = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi) * np.diff(COORDINATE_EDGES)
    count = 96 * 16_384
    assert np.all(np.abs(share - expected) < 5 * np.sqrt(expected / count) + 2e-4 * expected.max() + 3 / count)
    assert share.sum() == pytest.approx(1, abs=1e-12)
    across = normal_record.parameters.mean(axis=0)
    assert 0.99 < across.sum() <= 1 and across.argmax() in (99, 100)
    assert len(across) == len(PARAMETER_EDGES) - 1


def test_stable_noise_is_stable_both_ways():
    scales, alpha = np.ones(DIMENSION), 1.5
    record = recorded([stable(alpha, DIMENSION, seed=s) for s in range(48)], deviation=scales)
    across, batches = record.index_across_parameters, record.index_across_batches(8)
    assert abs(across.value - alpha) < 5 * across.error < 0.15
    assert abs(batches.value - alpha) < 5 * batches.error < 0.3


def test_streams_can_be_shared_out():
    """Two streams of four vectors each are one of eight, but for the random orders."""
    noises = gaussian(8, seed=9)
    whole = recorded(noises)
    parts = NoiseRecord.joined([recorded(noises[:4]), recorded(noises[4:], first=4)])
    for name in ("norm", "sketch", "second", "fourth", "across_kurtosis", "watched", "coordinates", "magnitudes"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    np.testing.assert_array_equal(whole.across[:4], parts.across[:4])
    assert not np.array_equal(recorded(noises[:1]).across, recorded(noises[:1], first=4).across)


def test_record_is_what_the_vectors_say():
    """Every row against a calculation on the vector itself."""
    noise = gaussian(1, seed=2)[0]
    record = recorded([noise])
    u = noise[PROBE.sample]
    z = u / DEVIATION[PROBE.sample]
    assert len(set(PROBE.sample)) == 16_384
    assert record.norm[0] == pytest.approx(np.linalg.norm(noise), rel=1e-12)
    np.testing.assert_allclose(record.watched[0], z[:300], rtol=1e-12)
    assert record.fourth[0] == pytest.approx(np.mean(z**4), rel=1e-12)
    moment = np.mean((u - u.mean()) ** 4) / np.var(u) ** 2 - 3
    assert record.across_kurtosis[0] == pytest.approx(moment, rel=1e-12)
    folded = np.zeros(PROBE.sketch)
    np.add.at(folded, np.arange(DIMENSION) % PROBE.sketch, noise * PROBE.signs)
    np.testing.assert_allclose(record.sketch[0], folded, atol=1e-9)
    inverse = tail_index(u, shuffle=1).inverse
    assert record.across[0] == pytest.approx(inverse, abs=0.05)


def test_sketch_keeps_inner_products():
    """Over many signs E (T u . T v) = u . v, and the spread is (|u|^2 |v|^2 + (u . v)^2) / b at most."""
    draws, size = philox(7), 64
    u, v = draws.standard_normal((2, 1000))
    probes = [Probe(1000, 100, 10, size, seed) for seed in range(400)]
    found = np.array([p.sketched(u) @ p.sketched(v) for p in probes])
    bound = math.sqrt(((u @ u) * (v @ v) + (u @ v) ** 2) / size)
    assert found.std() < 1.2 * bound
    assert found.mean() == pytest.approx(u @ v, abs=5 * bound / 20)


def test_low_rank_noise_seen_through_the_sketch():
    """Three directions of equal variance in 40 000 dimensions: rank 3, from the sketches and from the vectors."""
    draws = philox(8)
    directions = draws.standard_normal((3, DIMENSION)) / 200
    noises = [draws.standard_normal(3) @ directions for _ in range(64)]
    deviation = np.sqrt((directions**2).sum(axis=0))
    found, whole = recorded(noises, deviation=deviation).effective_rank, np.array(noises)
    exact = effective_rank(whole @ whole.T)
    assert found.value == pytest.approx(exact.value, rel=5 / PROBE.sketch + 5e-2)
    assert abs(found.value - 3) < 5 * found.error


def test_bad_noise_is_refused():
    stream = NoiseStream(PROBE, DEVIATION[PROBE.sample])
    for bad, words in (
        (np.ones(3), "shape"), (np.zeros(DIMENSION), "not zero throughout"), (np.full(DIMENSION, np.nan), "finite"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            stream.add(bad)
    with pytest.raises(ValueError, match="no noise vector"):
        stream.record()
    with pytest.raises(ValueError, match="one positive number per sampled"):
        NoiseStream(PROBE, np.zeros(PROBE.sample.shape))
    with pytest.raises(ValueError, match="at least 4"):
        Probe(2)
