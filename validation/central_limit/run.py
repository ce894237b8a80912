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
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.statistics import stable, tail_index
from validation.central_limit.laws import limit_index, limit_scale, stable_distribution
from validation.study.report import Progress, Report, Table, Verdict

Array = NDArray[np.float64]
Row = dict[str, Any]
SIGMAS = 5.0
SIGNIFICANT = 2.76
"""sqrt(N) times a Kolmogorov-Smirnov distance exceeds this with probability 5e-7, as five sigma do."""
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
    def of(cls, quick: bool) -> Size:
        """Some seconds, or half a minute."""
        return replace(cls(), counts=cls.counts[:-1], sums=10_000) if quick else cls()


def central_limit(
    quick: bool = False, seed: int = 0, threads: int | None = None, progress: Progress | None = None
) -> Report:
    """Sums of symmetric Pareto draws against the stable law that they tend to, and against the Gaussian.

    Args:
        quick: fewer sums.
        seed: of all draws.
        threads: not used.
        progress: called with a share and a name.

    Returns:
        a report: growth of the sums, their distance from the limit law, tail indices.
    """
    size, tell = Size.of(quick), progress or (lambda share, name="": None)
    rows: list[Row] = []
    samples: dict[float, dict[int, Array]] = {}
    for k, tail in enumerate(size.tails):
        tell(k / len(size.tails), f"a = {tail:g}")
        samples[tail] = pareto_sums(tail, size.counts, size.sums, [seed, k])
        rows += [_row(tail, count, sums) for count, sums in samples[tail].items()]

    def draw() -> Any:
        from validation.central_limit.pictures import sums_figure

        return sums_figure(rows, samples, SIGNIFICANT / math.sqrt(size.sums))

    growth = [_growth(tail, [r for r in rows if r["a"] == tail and r["n"] >= size.fit]) for tail in size.tails]
    return Report(
        name="central-limit",
        title="The generalised central limit theorem, drawn",
        summary=(
            "Symmetric draws with P(|X| > x) = x^-a are summed. For a < 2 (infinite variance) the sums grow like "
            "n^(1/a) and tend to the stable law of index a, whose scale is known; for a > 2 they grow like n^(1/2) and "
            f"tend to a Gaussian. Each line rests on {size.sums} sums."
        ),
        verdicts=tuple(_verdicts(size, rows, growth, seed)),
        tables=(
            Table.of("Growth of the sums' interquartile range: exponent 1/alpha", growth),
            Table.of("Kolmogorov-Smirnov distance of the scaled sums from both laws, and their tail index", rows),
        ),
        pictures={"sums": draw},
        data=_data(rows, growth, seed),
        settings={"quick": quick, **asdict(size)},
        seed=seed,
    )


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
        "a": tail, "n": count, "alpha": alpha, "width": width, "growth": width * count ** (1 / alpha),
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


def _verdicts(size: Size, rows: list[Row], growth: list[Row], seed: int) -> list[Verdict]:
    last = [r for r in rows if r["n"] == size.counts[-1]]
    heavy, light = ([r for r in last if (r["a"] < 2) == wanted] for wanted in (True, False))
    limit = SIGNIFICANT / math.sqrt(size.sums)
    off = max(abs(g["exponent"] - g["theory"]) / g["error"] for g in growth)
    stably = [r["distance to the stable law"] for r in last]
    gaussian = [r["distance to a Gaussian"] for r in heavy]
    drawn = [(r["alpha"], tail_index(stable(r["alpha"], size.sums, [seed, 90 + k]))) for k, r in enumerate(last)]
    z = max(abs(found.value - alpha) / found.error for alpha, found in drawn)
    return [
        Verdict(
            "sums of n heavy-tailed draws grow like n^(1/alpha), alpha = min(a, 2)",
            off <= SIGMAS,
            ", ".join(
                f"{g['exponent']:.4f} +- {g['error']:.1g} (a = {g['a']:g}, theory {g['theory']:.4f})" for g in growth
            )
            + f"; largest |z| = {off:.2f} (limit {SIGMAS:g})",
        ),
        Verdict(
            "scaled, they tend to the stable law of that index and of the known scale",
            max(stably) <= limit,
            f"Kolmogorov-Smirnov distances at n = {size.counts[-1]}: "
            + ", ".join(f"{d:.4f}" for d in stably)
            + f" (limit {limit:.4f}, five sigma of {size.sums} sums)",
        ),
        Verdict(
            "sums of many independent draws tend to a Gaussian, whatever the tails",
            max(gaussian) <= limit,
            f"distances for a < 2 from the Gaussian of the same quartiles: {', '.join(f'{d:.3f}' for d in gaussian)} "
            f"(limit {limit:.4f})",
            expected=False,
        ),
        Verdict(
            "with finite variance they do, heavy tails or not",
            all(r["distance to the stable law"] <= limit for r in light),
            ", ".join(f"a = {r['a']:g}: {r['distance to the stable law']:.4f}" for r in light)
            + f" (limit {limit:.4f}), though the fourth moment of a draw is infinite",
        ),
        Verdict(
            "the tail index of drawn stable numbers is their alpha",
            z <= SIGMAS,
            ", ".join(f"{found.value:.3f} +- {found.error:.2g} ({alpha:g})" for alpha, found in drawn)
            + f"; largest |z| = {z:.2f} (limit {SIGMAS:g})",
        ),
    ]


def _data(rows: list[Row], growth: list[Row], seed: int) -> Any:
    """All rows as variables along one dimension per table."""
    from fpsim.storage import dataset

    tables = {"sums": rows, "growth": growth}
    entries = {
        f"{table}_{key.replace(' ', '_')}": (f"{table}_row", [row[key] for row in found], "", key)
        for table, found in tables.items()
        for key in found[0]
    }
    return dataset(entries, experiment="central-limit", seed=seed)
