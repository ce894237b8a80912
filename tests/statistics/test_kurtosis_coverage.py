"""Errors of the statistics of noise cover the truth: fixed seeds, shares of 92 % less five standard deviations.

An infinite error covers: it says that the sample does not tell.  The share of infinite errors is bounded where a finite
one can be had.
"""

import math

import numpy as np
import pytest

from fpsim.statistics import effective_rank, excess_kurtosis, stable, tail_index

REPEATS = 200
LEAST = 0.92 - 5 * math.sqrt(0.92 * 0.08 / REPEATS)


def student(nu):
    return lambda g, k: g.standard_t(nu, k) / math.sqrt(nu / (nu - 2)), 6 / (nu - 4) if nu > 4 else math.inf


def pareto(a):
    mean, variance = a / (a - 1), a / ((a - 1) ** 2 * (a - 2))
    truth = 6 * (a**3 + a**2 - 6 * a - 2) / (a * (a - 3) * (a - 4)) if a > 4 else math.inf
    return lambda g, k: (g.pareto(a, k) + 1 - mean) / math.sqrt(variance), truth


def lognormal(s):
    square = s * s
    mean, spread = math.exp(square / 2), math.sqrt((math.exp(square) - 1) * math.exp(square))
    truth = math.exp(4 * square) + 2 * math.exp(3 * square) + 3 * math.exp(2 * square) - 6
    return lambda g, k: (np.exp(s * g.standard_normal(k)) - mean) / spread, truth


LAWS = {
    "normal": (lambda g, k: g.standard_normal(k), 0.0),
    "uniform": (lambda g, k: g.uniform(-math.sqrt(3), math.sqrt(3), k), -1.2),
    "exponential": (lambda g, k: g.exponential(size=k) - 1, 6.0),
    "Student 15": student(15),
    "Student 8": student(8),
    "Student 5": student(5),
    "Student 3": student(3),
    "Pareto 9": pareto(9),
    "Pareto 5": pareto(5),
    "lognormal 0.25": lognormal(0.25),
    "lognormal 1": lognormal(1),
}


@pytest.mark.parametrize("count", [100, 2500])
@pytest.mark.parametrize("law", LAWS)
def test_excess_kurtosis(law, count):
    draw, truth = LAWS[law]
    generator = np.random.default_rng([7, count, len(law)])
    found = [excess_kurtosis(draw(generator, count)) for _ in range(REPEATS)]
    covered = np.mean([math.isinf(e.error) or abs(e.value - truth) <= 2 * e.error for e in found])
    assert covered >= LEAST, covered
    unknown = np.mean([math.isinf(e.error) for e in found])
    if count > 2000 and law in ("normal", "uniform"):
        assert unknown < 0.3
    if law in ("Student 3", "Student 5", "Pareto 5", "lognormal 1"):  # E z^8 is infinite, or out of reach
        assert unknown > 0.85


def test_stable_values_have_no_kurtosis_and_no_error():
    for seed in range(20):
        assert math.isinf(excess_kurtosis(stable(1.5, 5000, seed=seed)).error)


def test_rows_count_and_wrong_values_are_refused():
    rows = np.random.default_rng(1).uniform(-math.sqrt(3), math.sqrt(3), (2000, 50))
    found = excess_kurtosis(rows)
    scatter = (rows**4).mean(axis=1).std(ddof=1) / math.sqrt(2000)
    assert scatter <= found.error < 2 * scatter
    assert abs(found.value + 1.2) < 5 * found.error
    assert math.isinf(excess_kurtosis(rows[:20]).error)  # too few to look at a tail
    with pytest.raises(ValueError, match="finite numbers of shape"):
        excess_kurtosis([1.0, np.nan, 2.0])
    with pytest.raises(ValueError, match="two independent"):
        excess_kurtosis([[1.0, 2.0]])
    assert excess_kurtosis(np.where(np.arange(400) % 2, 1.0, -1.0)).value == -2  # a coin: no tail at all


@pytest.mark.parametrize("alpha", [2.0, 1.5, 0.8])
def test_tail_index(alpha):
    for count in (400, 2500):
        found = [tail_index(stable(alpha, count, seed=[3, r])) for r in range(REPEATS)]
        covered = np.mean([abs(t.inverse - 1 / alpha) <= 2 * t.inverse_error for t in found])
        assert covered >= LEAST, (count, covered)


@pytest.mark.parametrize("law", ["normal", "Student 5", "lognormal 1", "Pareto 5"])
def test_effective_rank(law):
    """Lengths of any law: u = length * Gaussian of covariance C."""
    scales = np.arange(1, 61) ** -0.5
    truth = (scales**2).sum() ** 2 / (scales**4).sum()
    generator, draw = np.random.default_rng(11), LAWS[law][0]
    for count in (30, 100):
        inside = 0
        for _ in range(REPEATS):
            lengths = 1 if law == "normal" else draw(generator, (count, 1))
            u = scales * generator.standard_normal((count, 60)) * lengths
            found = effective_rank(u @ u.T)
            inside += abs(found.value - truth) <= 2 * found.error
        assert inside / REPEATS >= LEAST, (count, inside)
