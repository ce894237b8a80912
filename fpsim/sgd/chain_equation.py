"""The equation of a 1-D chain's first passage on panels of Gauss nodes, with T(x) = T(x_o) + w(x):

    T = 1 + P T,      matrix (1 - P) with the column of x_o replaced by the chances to step into the target

The small chances to get out enter as they are, not as one minus a row sum, so that a rare exit keeps its digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.collocation import Panels, interval_chance, panel_edges, panel_weights, tables, values_at

if TYPE_CHECKING:
    from fpsim.sgd.iteration import Iteration

Array = NDArray[np.float64]

ORDER, HIGH_ORDER = 10, 14  # nodes per panel, and for the error estimate
MOST_NODES = 6000
LONGEST = 1e16  # iterations; beyond, rounding counts and positive weights are taken
GROWTHS = 24  # the domain grows by half each time: 17,000-fold in all


class Unresolved(ValueError):
    """The equation was solved, and its digits do not tell the time."""


@dataclass(frozen=True)
class Solution:
    """Mean and second moment at the start, w and the expected visits at the nodes, and what is not exact about them.

    ``lost`` is the expected number of steps out of the domain before arriving, ``rounding`` relative.
    """

    mean: float
    second: float
    differences: Array
    visits: Array
    lost: float
    rounding: float

    @property
    def nodes(self) -> int:
        return self.differences.size


@dataclass(frozen=True)
class ChainEquation:
    """A 1-D chain from ``start`` to the interval ``goal``."""

    chain: Iteration
    start: float
    goal: tuple[float, float]

    def breaks(self, low: float, high: float) -> Array:
        """Points in (low, high) where D has a zero, a kink or a jump, as far as the noise model tells."""
        found = self.chain.noise.breaks(self.chain.landscape, low, high)
        return np.empty(0) if found is None else found

    def reach(self) -> tuple[float, float]:
        """An interval around start and target, and the landscape's box if it has one, up to a target without end."""
        low, high = self.goal
        near = [edge for edge in self.goal if math.isfinite(edge)]
        span = max(abs(self.start - edge) for edge in near)
        reach = (min([self.start, *near]) - span, max([self.start, *near]) + span)
        if self.chain.landscape.bounds is not None:
            box = self.chain.landscape.bounds[0]
            reach = min(reach[0], box[0]), max(reach[1], box[1])
        return (high if math.isinf(low) else reach[0]), (low if math.isinf(high) else reach[1])

    def overshoots(self) -> bool:
        """Whether steps from not far outside jump across the whole domain: smaller growths may end before that."""
        low, high = self.reach()
        far = np.array([low - (high - low), high + (high - low)])
        mean, _ = self.chain.line(far)
        return bool(mean[0] > far[1] or mean[1] < far[0])

    def widened(self, low: float, high: float) -> tuple[float, float]:
        """The interval with a tenth of its length more at each end that is not the target's."""
        more = (high - low) / 10
        return (low if low == self.goal[1] else low - more), (high if high == self.goal[0] else high + more)

    def first_panels(self) -> Panels:
        """Panels around start and target, within the landscape's box if it has one."""
        low, high = self.goal
        reach = self.reach()
        pieces = [panel_edges(a, b, 12, self.breaks) for a, b in ((reach[0], low), (high, reach[1])) if a < b]
        return Panels(
            np.concatenate([p[:-1] for p in pieces]), np.concatenate([p[1:] for p in pieces]),
            math.isfinite(low), math.isfinite(high),
        )  # fmt: skip

    def steady_panels(self, tolerance: float, share: float) -> tuple[Panels, float]:
        """Panels on a domain that is large enough, and the relative error that its ends may cause.

        Large enough: the chance to leave it before arriving is negligible, and the mean does not change when it grows
        by half (or cannot be told there, since the chain runs away to infinity from so far out).
        """
        panels, found = self.resolved(self.first_panels(), tolerance)
        for _ in range(GROWTHS):
            before = found
            try:
                larger, found = self.resolved(panels.grown(self.breaks, share), tolerance)
                change = abs(found.mean - before.mean) / found.mean
            except ValueError:
                larger, change = panels, math.inf
            if before.lost <= tolerance / 100 and (change <= tolerance / 4 or larger is panels):
                return panels, before.lost + (change if change < math.inf else 0.0)
            if larger is panels:
                break
            panels = larger
        raise ValueError(
            f"the chain leaves the domain [{panels.low[0]:.4g}, {panels.high[-1]:.4g}] before it arrives with chance "
            f"{before.lost:.1e}, and the mean is infinite or keeps growing with the domain: the far side does not "
            "confine; sample it with exit_times(horizon=...)"
        )

    def resolved(self, panels: Panels, tolerance: float) -> tuple[Panels, Solution]:
        """Halve panels until what they leave out of T, weighed with the expected visits, is small.

        Smooth kernels are kinder than this measure by many powers of ten; the error estimate decides in the end.
        """
        while True:
            found = self.solve(panels, ORDER)
            values = found.differences.reshape(-1, ORDER)
            tail = np.abs(values @ tables(ORDER)[1])[:, -2:].max(axis=1)
            visits = np.abs(found.visits).reshape(-1, ORDER).sum(axis=1)
            wrong = tail * visits / found.mean > 30 * tolerance
            wrong &= panels.high - panels.low > 1e-9 * (panels.high[-1] - panels.low[0])
            if not wrong.any():
                return panels, found
            panels = panels.split(wrong)
            if panels.low.size * ORDER > MOST_NODES:
                raise ValueError(
                    f"more than {MOST_NODES} states are needed for tolerance = {tolerance:g}; ask for a larger one, or "
                    "sample with exit_times"
                )

    def solve(self, panels: Panels, order: int) -> Solution:
        """Collocation with ``order`` nodes per panel."""
        from scipy.linalg import lu_factor, lu_solve

        nodes = panels.nodes(order).ravel()
        mean, spread = self.chain.line(np.append(nodes, self.start))
        moves, beyond = self._moves(panels, order, mean, spread)
        out = interval_chance(mean, spread, *self.goal)
        first, first_out, moves, out = moves[-1], out[-1], moves[:-1], out[:-1]
        scale = out.max()
        if not scale > 0:
            raise ValueError("no state of the chain leads into the target in one step; it cannot be reached")
        origin = int(np.abs(nodes - self.start).argmin())
        matrix = np.eye(nodes.size) - moves
        matrix[:, origin] = out / scale
        factors = lu_factor(matrix, check_finite=False)

        def solved(right: Array) -> tuple[float, Array, float]:
            return _refined(factors, moves, out, scale, origin, right)

        base, w, rounding = solved(np.ones(nodes.size))
        at_start = base + (1 - base * first_out + first @ w)
        base2, w2, rounding2 = solved(2 * (base + w) - 1)
        rounding = max(rounding, rounding2)
        second = base2 + (2 * at_start - 1 - base2 * first_out + first @ w2)
        right = first.copy()
        right[origin] = (1 - first_out) / scale
        visits = lu_solve(factors, right, trans=1, check_finite=False)
        if not (np.isfinite([at_start, second]).all() and 1 - 1e-9 <= at_start < LONGEST and rounding < 1e-3):
            raise Unresolved(
                f"the mean number of iterations cannot be told from infinity here: its equation gave {at_start:g} with "
                f"a rounding error of {rounding:.1g} of it; the far side may not confine (the explicit step runs away "
                "there), or the chain is stuck in between; sample it with exit_times(horizon=...)"
            )
        lost = float(np.append(visits, 1.0) @ beyond)
        return Solution(float(at_start), float(second), w, visits, lost, float(rounding))

    def _moves(self, panels: Panels, order: int, mean: Array, spread: Array) -> tuple[Array, Array]:
        """Matrix (rows, nodes) of E[f(x')], f constant beyond an open end, and the chance to get there (rows,)."""
        moves, lost = panel_weights(panels.low, panels.high, order, mean, spread), np.zeros(mean.size)
        low, high = float(panels.low[0]), float(panels.high[-1])
        ends = ((panels.open_low, 0, -math.inf, low), (panels.open_high, -1, high, math.inf))
        for open_, panel, a, b in ends:
            if open_:
                beyond = interval_chance(mean, spread, a, b)
                moves[:, panel] += beyond[:, None] * values_at(1.0 if panel else -1.0, order)
                lost += beyond
        return moves.reshape(mean.size, -1), lost


def _refined(
    factors: Any, moves: Array, out: Array, scale: float, origin: int, right: Array
) -> tuple[float, Array, float]:
    """T(origin), T - T(origin) and the relative rounding error, with two rounds of iterative refinement."""
    from scipy.linalg import lu_solve

    u, elsewhere = np.zeros(out.size), np.arange(out.size) != origin
    for _ in range(3):
        w = np.where(elsewhere, u, 0.0)
        change = lu_solve(factors, right - (u[origin] / scale * out + w - moves @ w), check_finite=False)
        u = u + change
    return float(u[origin] / scale), np.where(elsewhere, u, 0.0), float(abs(change[origin] / u[origin]))
