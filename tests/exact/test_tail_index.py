"""Tail index, anisotropy formula, stable draws: closed forms worked out by hand, with seeds; five standard errors."""

import math

import numpy as np
import pytest
from scipy.special import digamma

from fpsim.statistics import anisotropy_index, effective_rank, excess_kurtosis, rejected, stable, tail_index


def philox(seed):
    return np.random.Generator(np.random.Philox(seed))


def anisotropic_deviations(count, spread, seed=1):
    """Log-normal: ln(AM/GM) of the variances is 2 spread^2."""
    return np.exp(spread * philox(seed).standard_normal(count))


@pytest.mark.parametrize("alpha", [0.8, 1.0, 1.5, 1.9, 2.0])
def test_stable_draws_have_their_characteristic_function(alpha):
    x = stable(alpha, 400_000, seed=3)
    for t in (0.2, 1.0, 2.5):
        expected = math.exp(-(t**alpha))
        spread = math.sqrt(max((1 + math.exp(-((2 * t) ** alpha))) / 2 - expected**2, 0) / x.size)
        assert np.mean(np.cos(t * x)) == pytest.approx(expected, abs=5 * spread)
        assert np.mean(np.sin(t * x)) == pytest.approx(0, abs=5 / math.sqrt(2 * x.size))


def test_stable_draws_at_two_are_normal_with_variance_two():
    x = stable(2.0, 200_000, seed=1)
    assert np.var(x) == pytest.approx(2, abs=5 * 2 * math.sqrt(2 / x.size))
    assert np.array_equal(stable(1.5, (3, 4), seed=2), stable(1.5, (3, 4), seed=2))
    assert not np.array_equal(stable(1.5, 12, seed=2), stable(1.5, 12, seed=3))
    for alpha in (0.0, 2.1, math.nan):
        with pytest.raises(ValueError, match="0 < alpha <= 2"):
            stable(alpha, 3)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_stable_noise_is_recovered_across_parameters_and_across_batches(alpha):
    """Across parameters of equal scale, and across batches whatever the scales."""
    across = tail_index(stable(alpha, 250_000, seed=5), shuffle=1)
    assert across.group == 500 and across.groups == 500
    assert abs(across.value - alpha) < 5 * across.error < 0.16
    scales = anisotropic_deviations(3000, 3.0)
    batches = tail_index(scales * stable(alpha, (96, 3000), seed=6))
    assert (batches.group, batches.groups) == (8, 12)
    assert abs(batches.value - alpha) < 5 * batches.error < 0.08


@pytest.mark.parametrize("spread", [0.5, 1.0, 1.5])
def test_gaussian_noise_of_unequal_variances(spread):
    """Across parameters: the anisotropy formula within 2 %. Across batches: 2 within five errors."""
    scales = anisotropic_deviations(1_000_000, spread)
    noise = scales * philox(7).standard_normal(scales.size)
    found = tail_index(noise, shuffle=2)
    predicted = anisotropy_index(scales**2, found.group)
    assert found.value == pytest.approx(predicted, rel=0.02)
    assert predicted == pytest.approx(2 / (1 + 2 * spread**2 / math.log(found.group)), rel=0.01)
    assert predicted < 1.9
    few = scales[:4000] * philox(8).standard_normal((96, 4000))
    across_batches = tail_index(few)
    assert abs(across_batches.value - 2) < 5 * across_batches.error < 0.05


def test_order_of_storage_matters():
    """Equal scales side by side read as Gaussian, shuffled ones do not: the order must be stated."""
    scales = np.repeat(np.exp(np.linspace(-6, 6, 1000)), 1000)
    noise = scales * philox(1).standard_normal(scales.size)
    stored, shuffled = tail_index(noise), tail_index(noise, shuffle=0)
    assert abs(stored.value - 2) < 0.05
    assert shuffled.value == pytest.approx(anisotropy_index(scales**2, 1000), rel=0.02)
    assert shuffled.value < 1.1


def test_inverse_has_no_small_sample_bias_but_the_index_has():
    """Groups of 8 out of 96: 1/alpha averages to 1/2, alpha itself to more than 2."""
    noise = philox(4).standard_normal((96, 5000))
    blocks = noise.reshape(12, 8, 5000)
    each = (np.log(np.abs(blocks.sum(axis=1))).mean(axis=0) - np.log(np.abs(noise)).mean(axis=0)) / math.log(8)
    assert each.mean() == pytest.approx(0.5, abs=5 * each.std() / math.sqrt(5000))
    assert np.mean(1 / each[each > 0.1]) > 2.1
    assert tail_index(noise).inverse == pytest.approx(each.mean(), rel=1e-12)


def test_kurtosis_lowers_the_index_across_batches_by_a_known_amount():
    """Means of S values of excess kurtosis k1: 1/alpha - 1/2 = k1/(12 S) (1 - 1/K1) / ln K1 to first order in 1/S.

    E ln|z| = (digamma(1/2) + ln 2)/2 for a normal z, and minus k/12 for an excess kurtosis k (Gram-Charlier).
    """
    size, group, draws = 16, 8, philox(9)
    means = sum((draws.laplace(size=(96, 20_000)) for _ in range(size)), np.zeros(())) / size
    found = tail_index(means, group)
    excess = 3 / (12 * size) * (1 - 1 / group) / math.log(group)
    assert abs(found.inverse - 0.5 - excess) < 5 * found.inverse_error < 1.2 * excess
    z = means * math.sqrt(size / 2)
    normal = (digamma(0.5) + math.log(2)) / 2
    assert np.log(np.abs(z)).mean() - normal == pytest.approx(-3 / (12 * size), abs=5 * 1.11 / math.sqrt(z.size) + 2e-4)


def test_zeros_are_left_out_and_bad_input_is_refused():
    x = stable(1.5, 900, seed=1)
    holes = np.where(np.arange(900) % 3 == 0, 0.0, x)
    found = tail_index(holes, group=30)
    blocks = holes.reshape(30, 30)
    single = [np.log(np.abs(b[b != 0])).mean() for b in blocks]
    expected = np.mean((np.log(np.abs(blocks.sum(axis=1))) - single) / math.log(30))
    assert found.inverse == pytest.approx(expected, rel=1e-12)
    for bad, words in (
        (np.ones(3), "two groups of two"),
        (np.full(100, np.nan), "finite numbers"),
        (np.zeros(100), "zero throughout"),
        (np.ones((2, 2, 2)), "shape"),
    ):
        with pytest.raises(ValueError, match=words):
            tail_index(bad)
    for variances, group, words in (([1.0, 0.0], 8, "positive"), ([], 8, "positive"), ([1.0], 1, "at least 2")):
        with pytest.raises(ValueError, match=words):
            anisotropy_index(variances, group)


def test_anisotropy_formula_by_hand():
    """Variances 1 and e^2 in equal number, K1 = e^4 (rounded): AM/GM = cosh(1)."""
    assert anisotropy_index([1.0, math.e**2], 55) == pytest.approx(2 / (1 + math.log(math.cosh(1)) / math.log(55)))
    assert anisotropy_index(np.full(7, 3.0), 10) == pytest.approx(2, rel=1e-12)


def test_effective_rank_of_a_known_spectrum():
    """lambda_i = 1/i, i = 1..40; unbiased sums: the plain ratio of the same 24 vectors is far too small."""
    spectrum = 1 / np.arange(1, 41)
    true = spectrum.sum() ** 2 / (spectrum**2).sum()
    draws = philox(2)
    found, errors, plain = [], [], []
    for _ in range(400):
        u = draws.standard_normal((24, 40)) * np.sqrt(spectrum)
        gram = u @ u.T
        estimate = effective_rank(gram)
        found.append(estimate.value)
        errors.append(estimate.error)
        eigenvalues = np.linalg.eigvalsh(gram)
        plain.append(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())
    spread = np.std(found) / math.sqrt(400)
    assert np.mean(found) == pytest.approx(true, abs=5 * spread)
    assert abs(np.mean(plain) - true) > 20 * np.std(plain) / math.sqrt(400)
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(np.std(found), rel=0.3)
    with pytest.raises(ValueError, match="Gram matrix"):
        effective_rank(np.ones((3, 3)))
    for bad in (np.eye(5), np.full((5, 5), np.nan)):
        with pytest.raises(ValueError, match="not all zero beside the diagonal"):
            effective_rank(bad)


def test_jackknife_of_the_rank_is_the_one_by_leaving_out():
    u = philox(3).standard_normal((9, 5))
    gram = u @ u.T

    def ratio(g):
        n, d, off = len(g), np.diag(g), ~np.eye(len(g), dtype=bool)
        return (np.outer(d, d)[off].mean() / (g[off] ** 2).mean(), n)[0]

    less = np.array([ratio(np.delete(np.delete(gram, k, 0), k, 1)) for k in range(9)])
    found = effective_rank(gram)
    assert found.value == pytest.approx(9 * ratio(gram) - 8 * less.mean(), rel=1e-10)
    assert found.error == pytest.approx(math.sqrt(8 / 9 * ((less - less.mean()) ** 2).sum()), rel=1e-10)


def test_kurtosis_and_normality():
    draws = philox(6)
    uniform = draws.uniform(-math.sqrt(3), math.sqrt(3), (2000, 50))
    found = excess_kurtosis(uniform)
    assert abs(found.value + 1.2) < 5 * found.error < 0.1
    assert abs(excess_kurtosis(draws.standard_normal((3000, 20))).value) < 0.2
    gaussian = rejected(draws.standard_normal((96, 1000)))
    assert gaussian == pytest.approx(0.05, abs=5 * math.sqrt(0.05 * 0.95 / 1000))
    assert rejected(draws.laplace(size=(96, 200))) > 0.6
    assert rejected(np.ones((96, 4))) == 1
    with pytest.raises(ValueError, match="K >= 3"):
        rejected(np.ones((2, 4)))
    with pytest.raises(ValueError, match="two independent"):
        excess_kurtosis([1.0])
