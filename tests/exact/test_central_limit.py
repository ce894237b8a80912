"""Sums of heavy-tailed draws: scale and distribution of the limit laws, and a study at a small size."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import levy_stable

from fpsim.statistics import stable
from validation.central_limit.laws import limit_index, limit_scale, stable_distribution
from validation.central_limit.measures import Size, Sums, _distance, _drawn, _growth, _row, pareto_sums
from validation.central_limit.verdicts import SIGNIFICANT, verdicts


@pytest.mark.parametrize("tail", [1.0, 1.25, 1.5, 1.9])
def test_scale_of_the_limit_is_that_of_the_characteristic_function(tail):
    """1 - E cos(tX) -> |g t|^a for small t, X with density (a/2) |x|^(-a-1) beyond 1; the integral by quadrature."""
    t = 1e-3
    # 1 - E cos(tX) = a t^a int_t^inf (1 - cos y) y^(-a-1) dy
    near = quad(lambda y: (1 - math.cos(y)) * y ** (-tail - 1), t, 1)[0]
    far = quad(lambda y: y ** (-tail - 1), 1, np.inf)[0] - quad(
        lambda y: y ** (-tail - 1), 1, np.inf, weight="cos", wvar=1
    )[0]  # fmt: skip
    found = tail * t**tail * (near + far)
    missing = tail / (2 * (2 - tail)) * t**2  # the next term, from below the cutoff
    assert found + missing == pytest.approx((limit_scale(tail) * t) ** tail, rel=2e-5)


def test_scale_beyond_two_is_half_the_variance():
    assert 2 * limit_scale(3.0) ** 2 == pytest.approx(3.0, rel=1e-12)
    assert limit_index(3.0) == 2 and limit_index(1.3) == 1.3
    with pytest.raises(ValueError, match="not like a power of n"):
        limit_scale(2.0)


@pytest.mark.parametrize("alpha", [1.0, 1.25, 1.5, 2.0])
def test_distribution_of_the_stable_law(alpha):
    """Against scipy near zero, against its own symmetry, and against drawn numbers."""
    x = np.array([-3.0, -0.7, 0.0, 0.4, 2.0, 11.0])
    np.testing.assert_allclose(stable_distribution(alpha, x), levy_stable.cdf(x, alpha, 0), atol=2e-5)
    np.testing.assert_allclose(stable_distribution(alpha, x) + stable_distribution(alpha, -x), 1, atol=1e-12)
    edge = np.array([49.999, 50.001])
    assert abs(np.diff(stable_distribution(alpha, edge))[0]) < 1e-6
    draws = np.sort(stable(alpha, 50_000, seed=2))
    assert _distance(stable_distribution(alpha, draws)) < SIGNIFICANT / math.sqrt(50_000)


def test_single_draws_are_pareto():
    x = np.sort(np.abs(pareto_sums(1.5, [1], 50_000, 4)[1]))
    assert x[0] >= 1
    assert _distance(1 - x**-1.5) < SIGNIFICANT / math.sqrt(50_000)


def test_verdicts_hold_for_the_right_index_only():
    size = Size(tails=(1.25, 3.0), counts=(16, 64, 256, 1024), sums=3000)
    drawn = [
        (tail, n, sums)
        for k, tail in enumerate(size.tails)
        for n, sums in pareto_sums(tail, size.counts, size.sums, [1, k]).items()
    ]
    rows = [_row(*one) for one in drawn]
    growth = [_growth(tail, [r for r in rows if r["a"] == tail]) for tail in size.tails]
    drawn_laws = _drawn(map(limit_index, size.tails), size.sums, 0)

    def judged(rows, growth):
        return {v.key: v for v in verdicts(Sums(rows, growth, [], drawn_laws))}

    right = judged(rows, growth)
    assert all(v.as_expected for v in right.values()), [str(v) for v in right.values()]
    wrong = [{**g, "theory": 0.5 + 0.2 * (g["a"] > 2)} for g in growth]
    assert not judged(rows, wrong)["growth"].holds
    # the same sums against a limit law of a wrong scale
    key = "distance to the stable law"
    stretched = [{**r, key: _row(tail, n, 1.2 * sums)[key]} for r, (tail, n, sums) in zip(rows, drawn, strict=True)]
    assert not judged(stretched, growth)["stable-limit"].holds


def test_distance_is_kolmogorov_smirnov():
    from scipy.stats import kstest

    x = np.sort(np.random.default_rng(1).random(500))
    assert _distance(x) == pytest.approx(kstest(x, "uniform").statistic, rel=1e-12)
