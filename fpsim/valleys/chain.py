"""A Markov chain of valleys:  i -> j at the rate k_ij,  and the mean times between them.

    sum_l k_il (t_l - t_i) = -1,  t_j = 0      (mean times to j)

Rates differ by hundreds of powers of ten, so that times are found without a subtraction, in logarithms: states are
eliminated one by one (W. Grassmann, M. Taksar, D. Heyman, Oper. Res. 33 (1985) 1107).  A time is a ratio of polynomials
in the rates with positive coefficients, of degrees n - 2 and n - 1 (the Markov chain tree theorem), so that relative
errors e of the rates are at most (2 n - 3) e in a time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim import fields
from fpsim.assumption import Assumption
from fpsim.digits import digits
from fpsim.fields import Kept
from fpsim.storage import Stored, dataset, facts_of
from fpsim.valleys.saddle import Saddle
from fpsim.valleys.stored import minima_packed, minima_unpacked, saddles_packed, saddles_unpacked
from landscapes.critical.points import CriticalPoint
from landscapes.field import as_point, in_words

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
SHOWN = 8
BEYOND = 690.0
"""Logarithms beyond which numbers, or their inverses, are no floats."""


@dataclass(frozen=True, repr=False)
class ValleyRates(Stored):
    """The valleys of a landscape as a Markov chain.

    Attributes:
        name: the landscape.
        temperature: T of D = T I; ``None`` under another noise (rates from a grid).
        minima: the states, n of them.
        saddles: the passes between two different ones.
        links: which two states each of them joins.
        log_rates: ln of the rate from state i to j, (n, n); minus infinity where no pass joins them.
        log_stationary: ln of the stationary law, (n,).
        log_rate_errors: numerical error of ``log_rates``, (n, n).  That Eyring-Kramers rates are a limit of low
            temperature is an assumption, not part of it.
        method: ``"eyring-kramers"`` or ``"grid"``.
        log_known_times: ln of the mean times where they are known without the rates, (n, n); from a grid.
        log_known_errors: their errors.
        assumptions: what the rates rest on.
        notes: what was left out.
    """

    name: str
    temperature: float | None
    minima: tuple[CriticalPoint, ...]
    saddles: tuple[Saddle, ...]
    links: tuple[tuple[int, int], ...]
    log_rates: Annotated[Array, Kept("state target", "", "ln of the rate from state to target", "log_rate")]
    log_stationary: Annotated[Array, Kept("state", "", "ln of the share of time in a valley")]
    log_rate_errors: Annotated[Array, Kept("state target", "", "numerical error of log_rate", "log_rate_error")]
    assumptions: tuple[Assumption, ...]
    notes: tuple[str, ...] = ()
    method: str = "eyring-kramers"
    log_known_times: Array | None = None
    log_known_errors: Array | None = None
    landscape: Any = field(default=None, repr=False, compare=False)

    @property
    def rates(self) -> Array:
        """The rate from state i to j, (n, n), zero on the diagonal and below floats (``log_rates`` has no limit)."""
        return np.exp(self.log_rates)

    @property
    def stationary(self) -> Array:
        """The share of time spent in each valley, (n,), zero below floats (``log_stationary`` has no limit)."""
        return np.exp(self.log_stationary)

    def state(self, x: int | ArrayLike) -> int:
        """The number of the state whose minimum is nearest to a point (d,); a whole number stays.

        Raises:
            ValueError: for a number that is none of the states', or a point of another dimension or not finite.
        """
        if isinstance(x, int | np.integer):
            if not 0 <= x < len(self.minima):
                raise ValueError(f"states are numbered 0 to {len(self.minima) - 1}; got {x}")
            return int(x)
        point = as_point(x, len(self.minima[0].x))
        return int(np.argmin([np.linalg.norm(m.x - point) for m in self.minima]))

    def log_times(self, target: int | ArrayLike) -> Array:
        """ln of the mean time from every state to one, (n,); minus infinity there, infinity where no way leads."""
        if self.log_known_times is not None:
            return self.log_known_times[:, self.state(target)]
        return log_mean_times(self.log_rates, self.state(target))

    def log_time_errors(self, target: int | ArrayLike) -> Array:
        """Numerical error of :meth:`log_times`, (n,): of the grid, or what those of the rates amount to at most."""
        to = self.state(target)
        if self.log_known_errors is not None:
            return self.log_known_errors[:, to]
        n = len(self.minima)
        worst = (2 * n - 3) * float(self.log_rate_errors.max(initial=0.0))
        return np.where(np.arange(n) == to, 0.0, worst + 4 * n * float(np.finfo(float).eps))

    def time_error(self, start: int | ArrayLike, target: int | ArrayLike) -> float:
        """Numerical error of :meth:`time`; what the rates assume is not part of it."""
        return self.time(start, target) * math.expm1(float(self.log_time_errors(target)[self.state(start)]))

    def time(self, start: int | ArrayLike, target: int | ArrayLike) -> float:
        """The mean time from one valley to another; infinite beyond floats and where no way leads."""
        value = float(self.log_times(target)[self.state(start)])
        return math.exp(value) if value < 709 else math.inf

    def modes(self) -> tuple[Array, Array]:
        """Rates at which deviations from the stationary law die out, ascending, the first 0, and the modes as columns.

        The modes are functions on states (right eigenvectors of the generator), orthogonal under the stationary law.

        Raises:
            ValueError: where rates or shares differ by more than floats resolve, or are themselves beyond them.
        """
        if len(self.minima) == 1:
            return np.zeros(1), np.ones((1, 1))
        top, half = float(self.log_rates.max()), self.log_stationary / 2
        if top == -np.inf:
            raise ValueError("no pass joins two valleys: every state stays for ever, and there are no modes")
        between = np.exp((self.log_rates + self.log_rates.T) / 2 - top)
        diagonal = np.exp(np.logaddexp.reduce(self.log_rates, axis=1) - top)
        values, vectors = np.linalg.eigh(np.diag(diagonal) - between)
        resolved = 1e3 * np.finfo(float).eps * diagonal.max()
        if values[1] <= resolved or abs(top) > BEYOND or float(np.ptp(half)) > BEYOND:
            raise ValueError(
                "the slow modes, or the shares of the valleys, are beyond what floats resolve (or two valleys are not "
                "joined); log_times has no limit"
            )
        values[0] = 0.0
        return values * math.exp(top), vectors * np.exp(np.min(half) - half)[:, None]

    def plot(self, axes: Any = None, tree: bool = False) -> Any:
        """The chain as a graph, or (``tree``) its disconnectivity graph: which valleys join below which height."""
        from fpsim.valleys.drawn import draw_chain, draw_tree

        return draw_tree(self, axes) if tree else draw_chain(self, axes)

    def to_xarray(self) -> xarray.Dataset:
        """Everything, with the dimensions ``state``, ``target``, ``pass`` and ``coordinate``."""
        times, errors = (
            np.stack([of(k) for k in range(len(self.minima))], axis=1) for of in (self.log_times, self.log_time_errors)
        )
        saddles, facts = saddles_packed(self.saddles)
        entries = {
            **minima_packed(self.minima),
            **saddles,
            **fields.variables(self),
            "log_time": (("state", "target"), times, "", "ln of the mean time from state to target"),
            "log_time_error": (("state", "target"), errors, "", "numerical error of log_time"),
        }
        own = fields.words(self, "minima", "saddles", "log_known_times", "log_known_errors")
        return dataset(entries, passes=facts, known=self.log_known_times is not None, **own)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`, without the landscape."""
        facts = facts_of(data)
        given: dict[str, Any] = {"temperature": facts.pop("temperature", None), "minima": minima_unpacked(data)}
        if facts["known"]:
            given |= {"log_known_times": data.log_time.values, "log_known_errors": data.log_time_error.values}
        return fields.made(cls, data, facts, saddles=saddles_unpacked(data, facts["passes"]), **given)

    def __str__(self) -> str:
        level = "" if self.temperature is None else f" at T = {self.temperature:g}"
        lines = [
            f"{len(self.minima)} valleys and {len(self.saddles)} passes of {self.name}{level}, rates by {self.method} "
            f"(numerical error {self._rate_error():.1g})"
        ]
        for k, m in enumerate(self.minima[:SHOWN]):
            out = ", ".join(
                f"to {j} e^{self.log_rates[k, j]:.5g}" for j in np.flatnonzero(np.isfinite(self.log_rates[k]))[:SHOWN]
            )
            share = math.exp(self.log_stationary[k])
            lines.append(f"  {k}: {in_words(m.x)} loss {m.loss:.8g}, share {share:.4g}, rates {out or 'none'}")
            if len(self.minima) <= SHOWN and self.saddles:
                lines.append(f"     mean times {self._times_from(k)}")
        if len(self.minima) > SHOWN:
            lines.append(f"  ... and {len(self.minima) - SHOWN} more")
        return "\n".join([*lines, *(f"  {note}" for note in self.notes), *(f"  {a}" for a in self.assumptions)])

    def _rate_error(self) -> float:
        """Largest relative error of a rate."""
        return math.expm1(float(self.log_rate_errors.max(initial=0.0)))

    def _times_from(self, k: int) -> str:
        """Mean times from a state in words."""
        found = []
        for j in range(len(self.minima)):
            value, error = self.time(k, j), float(self.log_time_errors(j)[k])
            if j == k:
                continue
            shown = f"{value:.{digits(1.0, max(error, 1e-7))}g}" if math.isfinite(value) else "beyond floats"
            found.append(f"to {j} {shown}" + (f" +- {value * math.expm1(error):.1g}" if error > 1e-6 else ""))
        return ", ".join(found)


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
