"""The generalised central limit theorem on heavy-tailed draws: what sums of n of them tend to.

    P(|X| > x) = x^-a  (x >= 1),  symmetric:    (X_1 + ... + X_n) / n^(1/alpha)  ->  stable law, alpha = min(a, 2)

(B. Gnedenko, A. Kolmogorov, Limit Distributions for Sums of Independent Random Variables, 1954, section 35.)  For a < 2
the limit has the characteristic function exp(-|g t|^a) with g^a = Gamma(2 - a) cos(pi a/2)/(1 - a) (a != 1; pi/2 at
a = 1), so that its tail is that of X; for a > 2 it is Gaussian of variance a/(a - 2).  The next term of -ln E exp(itX),
in t^2 for a < 2 and |t|^a for 2 < a < 4, makes the sums come near to it like n^(1 - 2/a) and n^(1 - a/2): slowly
as a nears 2.  Growth exponents are fitted beside this term.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import stable, tail_index
from validation.central_limit.laws import limit_index, limit_scale, stable_distribution
from validation.study.findings import Findings, Row, Rows

if TYPE_CHECKING:
    from validation.study.run import Run

Array = NDArray[np.float64]
PARTS = 20
"""Into which the sums are cut for the error of their interquartile range."""


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        tails: the exponents a.
        counts: how many draws are summed.
        sums: how many sums of each.
        fit: counts from here on enter the growth exponent.
    """

    tails: tuple[float, ...] = (1.0, 1.25, 1.5, 3.0)
    counts: tuple[int, ...] = (1, 4, 16, 64, 256, 1024, 4096)
    sums: int = 20_000
    fit: int = 16

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """Some seconds, or half a minute."""
        return replace(cls(), counts=cls.counts[:-1], sums=10_000) if quick else cls()


@dataclass(frozen=True)
class Sums(Findings):
    """What sums of draws do.

    Attributes:
        sums: per exponent a and number n of draws: width and distances of the scaled sums.
        growth: per a the power of n with which the sums grow.
        density: per n the density of |sum| for the second exponent, and of its two laws.
        drawn: tail index of numbers drawn from the limit laws.
    """

    sums: Rows
    growth: Rows
    density: Rows
    drawn: Rows


def measure(run: Run[Size]) -> Sums:
    """Draw and sum for every exponent."""
    size, sums, density = run.size, [], []
    for k, tail in enumerate(size.tails):
        run.tell(k / len(size.tails), f"a = {tail:g}")
        draw = cache(partial(pareto_sums, tail, size.counts, size.sums, [run.seed, k]))
        known: dict[str, Any] = {"tail": tail, "stream": k, "counts": size.counts}
        sums += run.rows("sums", partial(_rows, tail, draw), "sums", **known)
        if k == 1:
            density = run.rows("density", partial(_densities, tail, draw), "sums", **known)
    growth = [_growth(tail, [r for r in sums if r["a"] == tail and r["n"] >= size.fit]) for tail in size.tails]
    return Sums(sums, growth, density, _drawn(map(limit_index, size.tails), size.sums, run.seed))


def _rows(tail: float, draw: Callable[[], dict[int, Array]]) -> Rows:
    return [_row(tail, count, values) for count, values in draw().items()]


def _densities(tail: float, draw: Callable[[], dict[int, Array]]) -> Rows:
    counts = list(draw())
    return [row for count in (counts[0], counts[2], counts[-1]) for row in _density(tail, count, draw()[count])]


def pareto_sums(tail: float, counts: Sequence[int], sums: int, seed: Any) -> dict[int, Array]:
    """For each n of ``counts``, ``sums`` independent values of n^(-1/alpha) (X_1 + ... + X_n)."""
    draws, found = np.random.Generator(np.random.Philox(seed)), {}
    for count in counts:
        total = np.zeros(sums)
        for first in range(0, count, 64):
            shape = (min(64, count - first), sums)
            total += ((1 - draws.random(shape)) ** (-1 / tail) * (2 * draws.integers(0, 2, shape) - 1)).sum(axis=0)
        found[count] = total / count ** (1 / limit_index(tail))
    return found


def _row(tail: float, count: int, sums: Array) -> Row:
    """Distances of scaled sums from the limit law and from the Gaussian of the same quartiles."""
    from scipy.stats import norm

    alpha = limit_index(tail)
    quartiles = np.quantile(sums, [0.25, 0.75])
    width, ordered = float(quartiles[1] - quartiles[0]), np.sort(sums)
    parts = [np.subtract(*np.quantile(part, [0.75, 0.25])) for part in np.array_split(sums, PARTS)]
    index = tail_index(sums)
    return {
        "a": tail, "n": count, "sums": sums.size, "alpha": alpha, "width": width,
        "growth": width * count ** (1 / alpha),
        "its relative error": float(np.std(parts, ddof=1) / math.sqrt(PARTS) / width),
        "distance to the stable law": _distance(stable_distribution(alpha, ordered / limit_scale(tail))),
        "distance to a Gaussian": _distance(np.asarray(norm.cdf(ordered / width * 2 * norm.ppf(0.75)))),
        "tail index of the sums": index.value, "its error": index.error,
    }  # fmt: skip


def _distance(cumulative: Array) -> float:
    """Kolmogorov-Smirnov distance of ordered values with these cumulative probabilities."""
    steps = np.arange(cumulative.size + 1) / cumulative.size
    return float(max(np.max(steps[1:] - cumulative), np.max(cumulative - steps[:-1])))


def correction_power(tail: float) -> float:
    """The power of n with which scaled sums come near to their limit, for a < 4."""
    return 1 - 2 / tail if tail < 2 else 1 - tail / 2


def _growth(tail: float, rows: list[Row]) -> Row:
    """The power p in: interquartile range ~ n^p exp(c n^correction), by weighted least squares."""
    n = np.array([r["n"] for r in rows], dtype=np.float64)
    weight = 1 / np.array([r["its relative error"] for r in rows])
    terms = np.stack([np.log(n), np.ones_like(n), n ** correction_power(tail)], axis=1) * weight[:, None]
    found = np.linalg.lstsq(terms, np.log([r["growth"] for r in rows]) * weight)[0]
    error = math.sqrt(np.linalg.inv(terms.T @ terms)[0, 0])
    return {"a": tail, "exponent": float(found[0]), "error": error, "theory": 1 / limit_index(tail)}


EDGES = np.logspace(-1, 3, 41)


def _density(tail: float, count: int, sums: Array) -> Rows:
    """Density of |sum| in bins, of the stable law, and of the Gaussian of the same median."""
    middles, widths = np.sqrt(EDGES[1:] * EDGES[:-1]), np.diff(EDGES)
    share = np.histogram(np.abs(sums), EDGES)[0] / sums.size / widths / 2
    law = np.diff(2 * stable_distribution(limit_index(tail), EDGES / limit_scale(tail)) - 1) / widths / 2
    spread = float(np.quantile(np.abs(sums), 0.5)) / 0.6745
    gaussian = np.exp(-((middles / spread) ** 2) / 2) / spread / math.sqrt(2 * math.pi)
    values = np.stack([middles, share, law, gaussian], axis=1).tolist()
    columns = "x", "drawn", "stable", "gaussian"
    return [{"a": tail, "n": count, **dict(zip(columns, row, strict=True))} for row in values]


def _drawn(indices: Iterable[float], count: int, seed: int) -> Rows:
    """The tail index of stable numbers of known index."""
    found = [(alpha, tail_index(stable(alpha, count, [seed, 90 + k]))) for k, alpha in enumerate(indices)]
    return [{"alpha": alpha, "index": one.value, "error": one.error} for alpha, one in found]
