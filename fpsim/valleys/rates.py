"""A Markov chain of valleys:  i -> j at the rate sum_b k_ij(b), one Eyring-Kramers rate per saddle b between them.

    pi_i ~ e^(-L_i / T) / sqrt(det H_i),      sum_l k_il (t_l - t_i) = -1,  t_j = 0      (mean times to j)

Rates differ by hundreds of powers of ten, so that times are found without a subtraction, in logarithms: states are
eliminated one by one (W. Grassmann, M. Taksar, D. Heyman, Oper. Res. 33 (1985) 1107).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.assumption import Assumption
from fpsim.storage import Stored, dataset, facts_of
from fpsim.valleys.eyring import anharmonicity, log_rate, require_spectrum
from fpsim.valleys.joining import SAME
from fpsim.valleys.patience import Told, patience
from fpsim.valleys.saddle import Saddle, certified, require_loss, unit_of_length
from fpsim.valleys.stored import (
    checks_packed,
    checks_unpacked,
    minima_packed,
    minima_unpacked,
    saddles_packed,
    saddles_unpacked,
)
from landscapes.critical.points import CriticalPoint
from landscapes.field import in_words

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
MOST = 300
"""Valleys of a chain, at most: its mean times take the fourth power of their number."""
SHOWN = 8


@dataclass(frozen=True)
class ValleyRates(Stored):
    """The valleys of a landscape as a Markov chain.

    Attributes:
        name: the landscape.
        temperature: T of D = T I.
        minima: the states, n of them.
        saddles: the passes between two different ones.
        links: which two states each of them joins.
        log_rates: ln of the rate from state i to j, (n, n); minus infinity where no pass joins them.
        log_stationary: ln of the stationary law, (n,).
        assumptions: what the rates rest on.
        notes: what was left out.
    """

    name: str
    temperature: float
    minima: tuple[CriticalPoint, ...]
    saddles: tuple[Saddle, ...]
    links: tuple[tuple[int, int], ...]
    log_rates: Array
    log_stationary: Array
    assumptions: tuple[Assumption, ...]
    notes: tuple[str, ...] = ()
    landscape: Any = field(default=None, repr=False, compare=False)

    @property
    def rates(self) -> Array:
        """The rate from state i to j, (n, n), zero on the diagonal."""
        return np.exp(self.log_rates)

    @property
    def stationary(self) -> Array:
        """The share of time spent in each valley, (n,)."""
        return np.exp(self.log_stationary)

    def state(self, x: int | ArrayLike) -> int:
        """The number of the state whose minimum is nearest to a point (d,); a number stays."""
        if isinstance(x, int):
            if not 0 <= x < len(self.minima):
                raise ValueError(f"states are numbered 0 to {len(self.minima) - 1}; got {x}")
            return x
        point = np.asarray(x, dtype=float).reshape(-1)
        return int(np.argmin([np.linalg.norm(m.x - point) for m in self.minima]))

    def log_times(self, target: int | ArrayLike) -> Array:
        """ln of the mean time from every state to one, (n,); minus infinity there, infinity where no way leads."""
        return log_mean_times(self.log_rates, self.state(target))

    def time(self, start: int | ArrayLike, target: int | ArrayLike) -> float:
        """The mean time from one valley to another; infinite beyond floats and where no way leads."""
        value = float(self.log_times(target)[self.state(start)])
        return math.exp(value) if value < 709 else math.inf

    def modes(self) -> tuple[Array, Array]:
        """Rates at which deviations from the stationary law die out, ascending, the first 0, and the modes as columns.

        The modes are functions on states (right eigenvectors of the generator), orthogonal under the stationary law.

        Raises:
            ValueError: where rates differ by more than floats resolve.
        """
        top, half = float(self.log_rates.max()), self.log_stationary / 2
        between = np.exp((self.log_rates + self.log_rates.T) / 2 - top)
        diagonal = np.exp(np.logaddexp.reduce(self.log_rates, axis=1) - top)
        values, vectors = np.linalg.eigh(np.diag(diagonal) - between)
        resolved = 1e3 * np.finfo(float).eps * diagonal.max()
        if len(values) > 1 and values[1] <= resolved:
            raise ValueError(
                "the slow modes are slower than the fastest rate by more than floats resolve; log_times has no limit"
            )
        values[0] = 0.0
        return values * math.exp(top), vectors * np.exp(np.min(half) - half)[:, None]

    def plot(self, axes: Any = None, tree: bool = False) -> Any:
        """The chain as a graph, or (``tree``) its disconnectivity graph: which valleys join below which height."""
        from fpsim.valleys.drawn import draw_chain, draw_tree

        return draw_tree(self, axes) if tree else draw_chain(self, axes)

    def to_xarray(self) -> xarray.Dataset:
        """Everything, with the dimensions ``state``, ``target``, ``pass`` and ``coordinate``."""
        times = np.stack([self.log_times(k) for k in range(len(self.minima))], axis=1)
        saddles, facts = saddles_packed(self.saddles)
        entries = {
            **minima_packed(self.minima),
            **saddles,
            "log_rate": (("state", "target"), self.log_rates, "", "ln of the rate from state to target"),
            "log_time": (("state", "target"), times, "", "ln of the mean time from state to target"),
            "log_stationary": ("state", self.log_stationary, "", "ln of the share of time in a valley"),
        }
        return dataset(entries, name=self.name, temperature=self.temperature, passes=facts, notes=list(self.notes),
                       links=[list(pair) for pair in self.links],
                       assumptions=checks_packed(self.assumptions))  # fmt: skip

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`, without the landscape."""
        facts = facts_of(data)
        links = tuple((int(i), int(j)) for i, j in facts["links"])
        return cls(facts["name"], facts["temperature"], minima_unpacked(data), saddles_unpacked(data, facts["passes"]),
                   links, data.log_rate.values, data.log_stationary.values, checks_unpacked(facts["assumptions"]),
                   tuple(facts["notes"]))  # fmt: skip

    def __str__(self) -> str:
        lines = [
            f"{len(self.minima)} valleys and {len(self.saddles)} passes of {self.name} at T = {self.temperature:g}"
        ]
        for k, m in enumerate(self.minima[:SHOWN]):
            out = ", ".join(
                f"to {j} e^{self.log_rates[k, j]:.5g}" for j in np.flatnonzero(np.isfinite(self.log_rates[k]))[:SHOWN]
            )
            share = math.exp(self.log_stationary[k])
            lines.append(f"  {k}: {in_words(m.x)} loss {m.loss:.8g}, share {share:.4g}, rates {out or 'none'}")
        if len(self.minima) > SHOWN:
            lines.append(f"  ... and {len(self.minima) - SHOWN} more")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes), *(f"  {a}" for a in self.assumptions)])


def rates(
    sde: Any, bounds: Any = None, progress: Callable[[float], None] | None = None, deadline: float = math.inf
) -> ValleyRates:
    """The valleys of a landscape as a Markov chain with Eyring-Kramers rates.

    Args:
        sde: a landscape with a loss under noise D = T I.
        bounds: the box whose minima are the states; the landscape's own if None.
        progress: called with the share of the saddles that are certified, in [0, 1].
        deadline: seconds for certifying these (after the search of the box for critical points), then an error that
            says what was found.

    Raises:
        ValueError: for another noise, without a loss or a box, if there is no minimum, or the deadline passes.
    """
    temperature, landscape = _temperature(sde), sde.landscape
    require_loss(landscape)
    require_spectrum(landscape)
    points = landscape.critical_points(bounds)
    minima = points.minima
    if not 0 < len(minima) <= MOST:
        raise ValueError(f"a chain of valleys has 1 to {MOST} of them; {len(minima)} minima were found in the box")
    saddles: list[Saddle] = []
    with patience(deadline, lambda: f"{len(minima)} minima and {len(saddles)} certified passes were known"):
        length = unit_of_length(landscape, minima[0].x)
        links, notes = _joined(landscape, points, length, saddles, Told(progress))
    if not points.complete:
        notes.append("minima and passes come from a search that may have missed some")
    log_rates = np.full((len(minima), len(minima)), -np.inf)
    for s, (i, j) in zip(saddles, links, strict=True):
        for a, b in ((i, j), (j, i)):
            log_rates[a, b] = np.logaddexp(log_rates[a, b], log_rate(minima[a], s, temperature))
    weights = np.array([-m.loss / temperature - np.sum(np.log(m.eigenvalues)) / 2 for m in minima])
    stationary = weights - float(np.logaddexp.reduce(weights))
    checks = _checks(landscape, minima, saddles, links, temperature)
    return ValleyRates(landscape.name, temperature, minima, tuple(saddles), tuple(links), log_rates, stationary, checks,
                       tuple(notes), landscape)  # fmt: skip


def _temperature(sde: Any) -> float:
    """T of D = T I."""
    if not (hasattr(sde, "noise") and hasattr(sde, "landscape")):
        raise TypeError(f"rates expected an SDE, a landscape together with its noise; got {sde!r}")
    tensor = np.asarray(sde.diffusion(np.zeros((sde.dimension, 1)))[..., 0]) if sde.noise.is_constant else None
    level = None if tensor is None else float(tensor[0, 0])
    if tensor is None or not np.allclose(tensor, level * np.eye(len(tensor)), rtol=1e-12, atol=0):  # type: ignore[operator]
        raise ValueError(
            f"rates between valleys are for noise D = T I, equal in all directions; this SDE has {sde.noise}"
        )
    assert level is not None
    return level


def _joined(
    landscape: Any, points: Any, length: float, saddles: list[Saddle], told: Told
) -> tuple[list[tuple[int, int]], list[str]]:
    """Add the certified saddles between two different minima of the box; which two, and what was left out."""
    links, left = [], 0
    for done, p in enumerate(points.saddles, 1):
        try:
            found = certified(landscape, p.x, length)
        except ValueError:
            left += 1
            continue
        ends = [_number(points.minima, m, length) for m in found.minima]
        if ends[0] is None or ends[1] is None:
            left += 1
        elif ends[0] != ends[1]:
            saddles.append(found)
            links.append((ends[0], ends[1]))
        told(done / len(points.saddles))
    told(1.0)
    notes = [f"{left} saddle(s) lead out of the box or to no minimum and are left out"] if left else []
    degenerate = sum(p.degenerate for p in points)
    if degenerate:
        notes.append(f"{degenerate} degenerate critical point(s) have no rate and are left out")
    return links, notes


def _number(minima: Sequence[CriticalPoint], m: CriticalPoint, length: float) -> int | None:
    return next((k for k, known in enumerate(minima) if np.linalg.norm(known.x - m.x) <= SAME * length), None)


def _checks(
    landscape: Any, minima: Sequence[CriticalPoint], saddles: Sequence[Saddle], links: Any, temperature: float
) -> tuple[Assumption, ...]:
    if not saddles:
        return (Assumption("valleys are joined", False, "no pass joins two of them"),)
    least = min(s.loss - max(minima[i].loss, minima[j].loss) for s, (i, j) in zip(saddles, links, strict=True))
    off = max(
        anharmonicity(landscape, (minima[k], s), temperature)
        for s, pair in zip(saddles, links, strict=True)
        for k in pair
    )
    return (
        Assumption("every climb / T >= 5", least >= 5 * temperature, f"the least {least / temperature:.4g}"),
        Assumption("loss is quadratic within a thermal width (0.1 noise units)", off <= 0.1, f"off by {off:.3g}"),
    )


def log_mean_times(log_rates: Array, target: int) -> Array:
    """ln of the mean times (n,) to a state of a chain with these logarithms of rates (n, n)."""
    n = len(log_rates)
    rate, wait = log_rates.copy(), np.zeros(n)
    np.fill_diagonal(rate, -np.inf)
    order = [k for k in range(n) if k != target]
    kept: list[tuple[int, Array, float, float]] = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for position, k in enumerate(order):
            rest = np.array([*order[position + 1 :], target])
            out = float(np.logaddexp.reduce(rate[k, rest]))
            kept.append((k, rest, out, float(wait[k])))
            if out == -np.inf:  # nobody leaves: for ever
                ways = np.isfinite(rate[rest, k])
                wait[rest[ways]] = np.inf
                continue
            into = rate[rest, k] - out
            wait[rest] = np.logaddexp(wait[rest], into + wait[k])
            rate[np.ix_(rest, rest)] = np.logaddexp(rate[np.ix_(rest, rest)], into[:, None] + rate[k, rest][None, :])
            rate[rest, rest] = -np.inf
        times = np.full(n, -np.inf)
        for k, rest, out, own in reversed(kept):
            if out == -np.inf or own == np.inf:
                times[k] = np.inf
                continue
            ways = np.isfinite(rate[k, rest])
            times[k] = np.logaddexp.reduce([own - out, *(rate[k, rest][ways] - out + times[rest][ways])])
    return times
