"""A first-passage time by quadrature, with what it rests on.

Means and variances are kept as logarithms, since both overflow for high barriers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from fpsim.assumption import Assumption
from fpsim.exact.feller import Edge

SEEN = 1e-3  # a share of the mean that may come from places seldom visited


@dataclass(frozen=True)
class Rare:
    """The share of a mean that comes from places which almost no path visits.

    Attributes:
        share: of the mean, from beyond ``place``.
        place: the point that a path reaches with probability ``chance``.
        chance: that probability, at most 1e-6.
        log_rest: logarithm of the mean without that share.
    """

    share: float
    place: float
    chance: float
    log_rest: float

    def assumption(self, log_mean: float) -> Assumption:
        """Whether a simulation of a million paths would see what the mean is made of, with both numbers."""
        statement = "the mean comes from places that at least one path in 10^6 visits"
        if self.share <= SEEN:
            return Assumption(statement, True, f"all but {self.share:.2g} of it", key="rare places")
        detail = (
            f"{_percent(self.share)} of it comes from beyond x = {self.place:.6g}, which one path in "
            f"{1 / max(self.chance, 1e-300):.2g} visits; without that it is {_shown(self.log_rest)}, with it "
            f"{_shown(log_mean)}"
        )
        return Assumption(statement, False, detail, key="rare places")


@dataclass(frozen=True)
class Passage:
    """A first-passage time from ``start`` to the boundary ``target``.

    Attributes:
        log_mean: logarithm of the mean (finite also where the mean itself overflows).
        log_variance: logarithm of the variance; infinite where the variance is, nan where it is not known.
        relative_error: estimated relative error of mean and variance (the larger of the two).
        start: where the process starts.
        target: the point to be reached; the nearer one, if there are two.
        far_bound: where the far side was cut off (its weight being below 1e-18 of the largest, or known in closed
            form), the wall there, or the second boundary of the target.
        nodes: number of quadrature nodes.
        edge: Feller's verdict on the end of the line away from the target; ``None`` between walls or two boundaries.
        rare: what almost no path sees of the mean, if that is more than nothing.
        searches: how far wells and narrow features were looked for, in words.
    """

    log_mean: float
    log_variance: float
    relative_error: float
    start: float
    target: float
    far_bound: float
    nodes: int
    edge: Edge | None = None
    rare: Rare | None = None
    searches: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> dict[str, Any]:
        """What a result prints beside the number."""
        words: dict[str, Any] = {"far bound": self.far_bound, "nodes": self.nodes}
        if self.edge is not None:
            words["far end"] = str(self.edge)
        if self.log_variance == math.inf:
            words["variance"] = "infinite: the far side falls off too slowly"
        return words | self.searches

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Whether a simulation would see what the mean is made of."""
        return () if self.rare is None else (self.rare.assumption(self.log_mean),)

    @property
    def mean(self) -> float:
        """The mean time; ``ValueError`` beyond the floating-point range (use ``log_mean``)."""
        return from_log(self.log_mean, "mean first-passage time", "log_mean")

    @property
    def variance(self) -> float:
        """The variance; ``ValueError`` beyond the floating-point range (use ``log_variance``)."""
        if not self.log_variance < math.inf:
            known = "infinite" if self.log_variance == math.inf else "not known, as the far end is undecided"
            raise ValueError(f"the variance of the first-passage time is {known}")
        return from_log(self.log_variance, "variance of the first-passage time", "log_variance")


def from_log(logarithm: float, name: str, attribute: str) -> float:
    """e^logarithm, refusing in one sentence what does not fit into a float."""
    if logarithm > 709.7:
        raise ValueError(f"the {name} is e^{logarithm:.6g}, which no float can hold; use {attribute}")
    return math.exp(logarithm)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %" if share < 0.9995 else "practically all"


def _shown(logarithm: float) -> str:
    return f"{math.exp(logarithm):.6g}" if logarithm < 700 else f"e^{logarithm:.6g}"
