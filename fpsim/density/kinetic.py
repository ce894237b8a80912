"""Mean times of motion with inertia on a grid in (x, v), x on a line, to a target {x >= c}:

    v T_x + (b(x) - friction v) / mass T_v + friction D(x) / mass^2 T_vv = -1,      T(c, v) = 0 for v > 0 only.

Where v < 0 at c a body comes back into the valley, so nothing is known there beforehand.  In x differences of third
order are taken from where the body comes from here, so that T stays free of oscillations; in v central ones of fourth
order.  At the far end, a reflecting wall or where the loss is high, the velocity turns round, T(x, v) = T(x, -v); on a
ring that end is the target's, too, and T(x, v) = 0 for v < 0.  At (c, 0) T has a singularity (Burschka and Titulaer,
J. Stat. Phys. 25 (1981) 569), which a target beyond the pass hardly feels.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.sde.sde import Inertia
from fpsim.walls import Walls

Array = NDArray[np.float64]
UNITS = 14.0
"""How far above the highest point of the way the box ends, in units of the noise."""
POINTS = 4001
DOUBLINGS = 40


class PhaseTimes(NamedTuple):
    """Mean and variance of the time from the start, how exactly they are solved, and the share of it at box ends."""

    mean: float
    variance: float
    accuracy: float
    at_ends: float


@dataclass(frozen=True)
class PhaseBox:
    """Where a body may be on its way from ``start`` (x, v) to {side x >= side edge}, in coordinates that point there.

    Attributes:
        inertia: what moves, on a line.
        side: +1 for a target to the right, -1 to the left; x and v below are multiplied by it.
        low, edge: ends in x.
        fastest: |v| at most.
        start: (x, v).
        behind: what is at ``low``: a high ``"loss"``, a ``"wall"``, or the ``"seam"`` of a ring, where the target ends.
    """

    inertia: Inertia
    side: float
    low: float
    edge: float
    fastest: float
    start: tuple[float, float]
    behind: str = "loss"

    @classmethod
    def of(
        cls, inertia: Inertia, start: tuple[float, float], edge: float, side: float, walls: Walls | None = None
    ) -> PhaseBox:
        """The box that reaches UNITS above the highest point of the way, or to the walls.

        Raises:
            ValueError: if there is neither such a rise of the loss nor a wall behind the start.
        """
        x0, c = side * start[0], side * edge
        drift, noise = _fields(inertia, side)
        end, what = _behind(walls, side)
        energy = inertia.mass * start[1] ** 2 / (2 * float(noise(np.array([x0]))[0]))
        for k in range(DOUBLINGS):
            far = c - (c - x0) * 1.25 * 1.5**k
            x = np.linspace(c, max(far, end), POINTS)
            with np.errstate(all="ignore"):
                rate = -drift(x) / noise(x)
                height = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(x))])
            top = float(max(height[x >= x0].max(), np.interp(-x0, -x, height) + energy))
            higher = np.flatnonzero((x < x0) & (height >= top + UNITS))
            if higher.size or (far <= end and np.isfinite(height).all()):
                last = int(higher[0]) if higher.size else POINTS - 1
                inner = slice(0, last + 1)
                kinetic = (top + UNITS - float(height[inner].min())) * float(noise(x[inner]).max())
                fastest = float(np.sqrt(2 * kinetic / inertia.mass))
                found = "loss" if higher.size else what
                return cls(inertia, side, float(x[last]), c, fastest, (x0, side * start[1]), found)
            if not np.isfinite(height).all():
                break
        raise ValueError(
            f"the loss does not rise {UNITS:g} noise units above the way to the target behind the start, and no wall "
            "is there, so that no box in (x, v) holds the body; use by_paths(), or give boundary="
        )

    def times(self, cells: int) -> PhaseTimes:
        """The answers on ``cells`` x ``cells`` cells."""
        from scipy.sparse.linalg import splu

        x, v, operator = self.operator(cells)
        solver: Any = splu(operator)
        mean = solver.solve(-np.ones(x.size * v.size))
        left = solver.solve(-1 - operator @ mean)  # one step of refinement says what rounding leaves
        mean = mean + left
        square = solver.solve(-2 * mean)
        first, second = (self._at_start(x, v, values) for values in (mean, square))
        accuracy = float(np.abs(left).max() / np.abs(mean).max())
        nearest = [int(np.argmin(np.abs(row - at))) for row, at in zip((x, v), self.start, strict=True)]
        source = np.zeros((x.size, v.size))
        source[tuple(nearest)] = 1.0
        visits = solver.solve(source.ravel(), trans="T").reshape(source.shape)
        ends = visits[:, [0, -1]].sum(axis=0).tolist() + ([visits[0].sum()] if self.behind == "loss" else [])
        return PhaseTimes(first, second - first**2, accuracy, float(np.abs(ends).sum() / abs(visits.sum())))

    def _at_start(self, x: Array, v: Array, values: Array) -> float:
        from scipy.interpolate import RectBivariateSpline

        return float(RectBivariateSpline(x, v, values.reshape(x.size, v.size)).ev(*np.array(self.start)))

    def operator(self, cells: int) -> tuple[Any, Any, Any]:
        """Cell centres in x and v, and the backward operator on (x, v), a sparse matrix.

        Velocities have an even number of cells, so that none is 0, which would behave as neither sign does.
        """
        from scipy.sparse import csr_matrix, diags, identity, kron

        rows = cells + cells % 2
        hx, hv = (self.edge - self.low) / cells, 2 * self.fastest / rows
        x = self.low + hx * (np.arange(cells, dtype=float) + 0.5)
        v = -self.fastest + hv * (np.arange(rows, dtype=float) + 0.5)
        drift, noise = _fields(self.inertia, self.side)
        mass, friction = self.inertia.mass, self.inertia.friction
        force, spread = drift(x) / mass, friction * noise(x) / mass**2
        ahead, back, turned = _along_x(cells)
        first, second, bottom, top = _along_v(rows)
        if self.behind == "seam":  # the target's other end, where T = 0
            turned = 0 * turned
        turn = csr_matrix(np.fliplr(np.eye(rows)))
        fast, slow = diags(np.maximum(v, 0) / hx), diags(np.minimum(v, 0) / hx)
        moving = kron(ahead, fast) + kron(back, slow) + kron(turned, slow @ turn)
        pushed = kron(diags(force / hv), first) - kron(identity(cells), diags(friction / mass * v / hv) @ first)
        pushed += kron(diags(spread / hv**2), second)
        pulled = friction / mass * self.fastest * (1 - 1 / rows)  # inwards, at the two last velocities
        pushed += kron(diags(np.maximum(force + pulled, 0) / hv), bottom)
        pushed += kron(diags(np.minimum(force - pulled, 0) / hv), top)
        return x, v, (moving + pushed).tocsc()


def _behind(walls: Walls | None, side: float) -> tuple[float, str]:
    """Where the box between walls ends on the far side of the target, and what is there."""
    if walls is None:
        return -math.inf, "loss"
    return min(side * end for end in walls.box[0]), "wall" if walls.kind[0] == "reflecting" else "seam"


def _fields(inertia: Inertia, side: float) -> tuple[Callable[[Array], Array], Callable[[Array], Array]]:
    """Drift and D of the place x (n,), each (n,), with x multiplied by ``side``."""
    plain = inertia.overdamped
    drift = lambda x: side * np.asarray(plain.drift(side * x[None]))[0]  # noqa: E731
    noise = lambda x: np.asarray(plain.diffusion(side * x[None]))[0, 0]  # noqa: E731
    return drift, noise


def _weights(points: Array, order: int) -> Array:
    """Weights of the derivative of an order (0 to 2) at 0 from values at ``points``, exact for polynomials."""
    right = np.zeros(points.size)
    right[order] = max(order, 1)  # its factorial, up to the second
    return np.asarray(np.linalg.solve(np.vander(points, increasing=True).T, right), dtype=float)


def _along_x(cells: int) -> tuple[Any, Any, Any]:
    """h d/dx for v > 0 (zero half a cell beyond the last centre), for v < 0, and what of it is of turned velocities."""
    from scipy.sparse import lil_matrix

    ahead, back, turned = (lil_matrix((cells, cells)) for _ in range(3))
    for i in range(cells):
        points = i + np.arange(-1.0, 3.0) + (i == 0)
        if i >= cells - 2:  # the target's face in place of what lies beyond
            points = np.append(np.arange(cells - 3.0, cells), cells - 0.5)
        for point, weight in zip(points, _weights(points - i, 1), strict=True):
            if point < cells - 0.5:
                ahead[i, int(point)] = weight
        points = i + np.array([1.0, 0.0, -1.0, -2.0]) - (i == cells - 1)
        if i < 2:  # no difference across the wall, where T has a kink if a force is there
            points = np.array([-0.5, 0.0, 1.0, 2.0])
        for point, weight in zip(points, _weights(points - i, 1), strict=True):
            if point < 0:
                turned[i, :3] = weight * _weights(np.arange(3.0) + 0.5, 0)
            else:
                back[i, int(point)] = weight
    return ahead.tocsr(), back.tocsr(), turned.tocsr()


def _along_v(cells: int) -> tuple[Any, Any, Any, Any]:
    """h d/dv and h^2 d^2/dv^2 within, and h d/dv inwards at the lowest and at the highest velocity."""
    from scipy.sparse import lil_matrix

    first, second, bottom, top = (lil_matrix((cells, cells)) for _ in range(4))
    for j in range(1, cells - 1):
        reach = min(2, j, cells - 1 - j)
        offsets = np.arange(-reach, reach + 1)
        first[j, j + offsets] = _weights(offsets.astype(float), 1)
        second[j, j + offsets] = _weights(offsets.astype(float), 2)
    bottom[0, 0], bottom[0, 1] = -1.0, 1.0
    top[cells - 1, cells - 2], top[cells - 1, cells - 1] = -1.0, 1.0
    return tuple(part.tocsr() for part in (first, second, bottom, top))  # type: ignore[return-value]
