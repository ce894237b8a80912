"""The quasi-potential of a 1-D chain with Gaussian noise,

    V(target) = inf  sum_k (x_{k+1} - m(x_k))^2 / (2 eta^2 C1(x_k))      over x_0 = minimum, ..., x_n in the target,

m(x) = x + eta b(x) and C1 = S C the noise covariance of one example.  By the large-deviation principle for
discrete-time Markov chains with small noise (Freidlin and Wentzell, Random Perturbations of Dynamical Systems,
chapter 6; Kifer 1990), ln(iterations) ~ S V as the batch size S grows at fixed eta.

The infimum is a shortest path with costs >= 0.  On a grid the min-plus iteration V(y) = min_x [V(x) + cost(x, y)] is
exact after one sweep in the order of V (Dijkstra).  Newton's method then frees the path from the grid.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.fields import Kept
from fpsim.sgd.cheapest_path import Terms, domain_of, on_grid, polished, with_tails
from fpsim.sgd.transfer import target_interval
from fpsim.storage import Stored
from fpsim.targets import Target

if TYPE_CHECKING:
    from fpsim.sgd.iteration import Iteration

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class QuasiPotential(Stored):
    """The cost of the cheapest way out of a valley, for one example's noise.

    Attributes:
        value: V; ln(iterations) ~ batch_size * V.
        error: what V may be off by: distance of the polished path from the grids' extrapolated value.
        path: (n,) the optimal jumps from the minimum to the target's edge, one entry per iteration.
        costs: (n - 1,) the cost of each of them; they sum to ``value``.
        grid_values: V on the coarse and the fine grid (both upper bounds).
        spacings: the two grids' spacings.
        domain: the interval searched; it was enlarged until V stayed.
        batch_size: S of the chain (1 where its noise has none).
        target: the target in words.
    """

    value: float
    error: float
    path: Annotated[Array, Kept("iteration", "", "position on the cheapest way out")]
    costs: Annotated[Array, Kept("jump", "", "cost of each jump", "cost")]
    grid_values: tuple[float, float]
    spacings: tuple[float, float]
    domain: tuple[float, float]
    batch_size: float
    target: str

    @property
    def exponent(self) -> float:
        """batch_size * V, the leading term of ln(iterations)."""
        return self.batch_size * self.value

    def plot(self, axes: Any = None) -> Any:
        """The cheapest jumps, and the share of V that each of them spends."""
        from fpsim.plotting import jump_chart

        return jump_chart(self, axes)

    def __str__(self) -> str:
        low, high = self.domain
        far = self.path[np.abs(self.path - self.path[-1]).argmax()]
        return (
            f"quasi-potential of the chain from {self.path[0]:.6g} to {self.target}: "
            f"{self.value:.8g} +- {self.error:.1g}\n"
            f"  ln(iterations) ~ S V = {self.exponent:.6g} at S = {self.batch_size:g}\n"
            f"  {self.path.size - 1} jumps, outermost point {far:.5g}, last jump from {self.path[-2]:.5g} "
            f"(cost {self.costs[-1]:.4g}); searched [{low:.4g}, {high:.4g}]; on the grids "
            f"{self.grid_values[0]:.6g}, {self.grid_values[1]:.6g}"
        )


def quasipotential_of_chain(chain: Iteration, start: float, target: Target, points: int = 1500) -> QuasiPotential:
    """V from the minimum that ``start`` runs to without noise.

    Args:
        chain: a 1-D chain; its batch size does not enter V.
        start: a number outside the target.
        target: a half-line (a number, ``HalfSpace``) or an interval (``Ball``).
        points: nodes of the fine grid between minimum and target; the coarse one has half as many.

    Raises:
        ValueError: if the noiseless map does not come to rest outside the target, or the target cannot be reached.
    """
    goal, rest = target_interval(target), _rest(chain, float(start), target_interval(target))
    edge = min((e for e in goal if math.isfinite(e)), key=lambda e: abs(e - rest))
    fine = abs(edge - rest) / points
    domain = domain_of(chain, rest, goal, 8 * fine)
    coarse_value, _ = on_grid(chain, rest, goal, domain, 2 * fine)
    fine_value, jumps = on_grid(chain, rest, goal, domain, fine)
    path = polished(chain, with_tails(chain, jumps, fine))
    costs = Terms.at(chain, path).cost
    value = float(costs.sum())
    if not value <= fine_value * (1 + 1e-9):
        raise ValueError(
            f"the path could not be polished: it costs {value:.8g}, on the grid {fine_value:.8g}; use more points"
        )
    extrapolated = fine_value - (coarse_value - fine_value) / 3
    error, grids = max(abs(value - extrapolated), 1e-12 * value), (coarse_value, fine_value)
    return QuasiPotential(value, error, path, costs, grids, (2 * fine, fine), domain, chain.batch_size, str(target))


def _rest(chain: Iteration, start: float, goal: tuple[float, float]) -> float:
    """The fixed point that the noiseless map takes ``start`` to."""
    before, here, length = math.nan, start, max(abs(edge - start) for edge in goal if math.isfinite(edge))
    for _ in range(20_000):
        moved = float(chain.line(np.array([here]))[0][0])
        if goal[0] <= moved <= goal[1]:
            raise ValueError(f"without noise the chain runs from {start:g} into the target; leaving costs nothing")
        if abs(moved - here) <= 1e-6 * length:
            return _at_rest(chain, moved, length)
        if abs(moved - before) <= 1e-9 * length:
            break  # a cycle of two
        before, here = here, moved
    raise ValueError(
        f"without noise the chain does not come to rest from {start:g} at learning rate {chain.eta:g}; a learning rate "
        "above 2 / curvature never does"
    )


def _at_rest(chain: Iteration, x: float, length: float) -> float:
    """The zero of the drift next to ``x``, by Newton's method, to rounding in ``length``."""
    for _ in range(50):
        point = np.array([[x]])
        move = float(chain.landscape.drift(point)[0, 0] / chain.landscape.jacobian(point)[0, 0, 0])
        if not abs(move) > 1e-15 * (length + abs(x)):
            break
        x -= move
    return x
