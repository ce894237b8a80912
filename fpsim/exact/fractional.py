"""Mean time to leave an interval under alpha-stable noise, by its backward equation with killing outside:

    b(x) T' - scale^alpha (-d^2/dx^2)^(alpha/2) T = -1    in (low, high),      T = 0 outside

    (-d^2/dx^2)^(alpha/2) T = C int_0^inf (2 T(x) - T(x + y) - T(x - y)) y^(-1-alpha) dy,
    C = Gamma(1 + alpha) sin(pi alpha / 2) / pi

The quotient of the second difference and y^2 is smooth at y = 0; it is interpolated linearly between multiples of the
cell width h and integrated exactly against y^(1-alpha): after Y. Huang and A. Oberman, SIAM J. Numer. Anal. 52 (2014)
3056, in the form of S. Duo, H. van Wyk and Y. Zhang, J. Comput. Phys. 355 (2018) 233.  T falls to zero at the ends like
(distance)^(alpha/2), by which its error is O(h); it is extrapolated from grids of h and 2h.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.exact.ends import Line, line_of
from fpsim.noise.facts import StableLaw
from fpsim.sde.sde import SDE
from fpsim.targets import Target, as_target
from fpsim.walls import Walls

Array = NDArray[np.float64]
CELLS, MOST_CELLS = 1600, 6400
GRIDS = 4
SAFETY = 2.5
"""What the last extrapolation moved, times this, is the error: what is left falls by sqrt 2 or more per grid."""


@dataclass(frozen=True)
class FractionalPassage:
    """What the equation gives.

    Attributes:
        mean: extrapolated mean time.
        error: 2.5 times what the last extrapolation moved it by (or a quarter of what the one before did), and a
            thousandth of what it added.
        variance: of the time, extrapolated.
        order: rate at which the means of the last three grids converge (1 is expected).
        means: on each grid, the coarsest first.
        cells: of the finest grid.
        low, high: the interval.
    """

    mean: float
    error: float
    variance: float
    order: float
    means: tuple[float, ...]
    cells: int
    low: float
    high: float


def fractional_passage(
    sde: SDE, start: ArrayLike, target: object, *, walls: Walls | None = None, cells: int = CELLS
) -> FractionalPassage:
    """Mean time from ``start`` until a 1-D process with alpha-stable noise has jumped out of an interval.

    Args:
        sde: one-dimensional, with :class:`~fpsim.noise.LevyNoise`.
        start: a number.
        target: all that lies outside an interval, such as :class:`~fpsim.targets.Outside`.
        walls: none are known here.
        cells: of the finest of four grids, a multiple of 8.

    Raises:
        ValueError: for another noise, dimension or target, with walls, or from within a cell of an end.
    """
    law = sde.noise.stable
    if law is None:
        raise ValueError(f"the fractional equation is for alpha-stable noise with alpha < 2; this SDE has {sde.noise}")
    if walls is not None:
        raise ValueError(f"the fractional equation knows no walls, and this problem has {walls}; use by_paths()")
    if not isinstance(cells, int | np.integer) or cells % 8 or not 64 <= cells <= MOST_CELLS:
        raise ValueError(f"cells is a multiple of 8 from 64 to {MOST_CELLS}; got {cells!r}")
    line = interval(sde, start, target)
    x0 = float(np.ravel(start)[0])
    _require_inside(line, x0, cells)
    sizes = [cells // 2**k for k in reversed(range(GRIDS))]
    central = _is_resolved(sde, law, line, cells)
    moments = np.array([_moments(sde, law, line, x0, n, central) for n in sizes])
    sharper = 2 * moments[1:] - moments[:-1]
    steps = np.abs(np.diff(moments[:, 0]))
    order = math.log2(steps[-2] / steps[-1]) if steps[-2:].all() else math.nan
    mean, second = (float(value) for value in sharper[-1])
    moves = np.abs(np.diff(sharper[:, 0]))  # the last one may be small by chance
    error = SAFETY * float(max(moves[-1], moves[-2] / 4)) + 1e-3 * abs(mean - float(moments[-1, 0]))
    means = tuple(moments[:, 0].tolist())
    return FractionalPassage(mean, error, second - mean**2, order, means, cells, line.low, line.high)


def _require_inside(line: Line, x0: float, cells: int) -> None:
    """Refuse a start between an end and its neighbour: T ~ (distance)^(alpha/2) there, if not a jump."""
    if min(x0 - line.low, line.high - x0) * cells < (1 - 1e-9) * (line.high - line.low):
        raise ValueError(
            f"the start {x0:.6g} lies within a cell of an end of ({line.low:g}, {line.high:g}), where {cells} cells do "
            f"not tell the time; use more of them, up to {MOST_CELLS}, or by_paths(), or without a drift 'getoor'"
        )


def interval(sde: SDE, start: ArrayLike, target: object, name: str = "the fractional equation") -> Line:
    """The interval that the target is the outside of; ``ValueError`` of ``name`` if jumps end elsewhere."""
    if sde.dimension != 1:
        raise ValueError(f"{name} is for 1-D problems; this landscape has {sde.dimension} dimensions")
    x0, line = line_of(sde, start, target)
    for end, kind in ((line.low, line.low_end), (line.high, line.high_end)):
        if kind == "edge" and math.isfinite(end):
            raise ValueError(
                f"{name} needs a drift up to the target on both sides, and the landscape ends before "
                f"it, at x = {end:.6g}, where jumps do not stop; take one that is defined there"
            )
    goal = as_target(target, np.array([x0]))
    if not (line.is_two_sided and _is_outside(goal, line)):
        raise ValueError(
            f"{name} is for a target that is all the outside of an interval, where every jump out of it ends; {goal} "
            f"is not (use Outside(center, radius), or by_paths())"
        )
    return line


def _is_outside(goal: Target, line: Line) -> bool:
    away = (line.high - line.low) * np.concatenate([np.linspace(1e-9, 1, 1001), np.logspace(0, 12, 1201)])
    with np.errstate(all="ignore"):
        return bool((np.asarray(goal.level(np.concatenate([line.low - away, line.high + away])[None])) >= 0).all())


def _nodes(sde: SDE, line: Line, cells: int) -> tuple[Array, Array, float]:
    """Inner nodes, the drift there, and the width of a cell."""
    h = (line.high - line.low) / cells
    x = line.low + h * np.arange(1.0, float(cells))
    return x, np.asarray(sde.drift(x[None]))[0], h


def _is_resolved(sde: SDE, law: StableLaw, line: Line, cells: int) -> bool:
    """Whether jumps to the neighbours outweigh the drift on the finest grid; decided once, for one law of the error."""
    x, drift, h = _nodes(sde, line, cells)
    return bool(np.abs(drift).max() <= 2 * h * jump_rates(x.size, law, h)[0][0])


def _moments(sde: SDE, law: StableLaw, line: Line, x0: float, cells: int, central: bool) -> tuple[float, float]:
    """E tau and E tau^2 from x0, on ``cells`` cells."""
    from scipy.linalg import lu_factor, lu_solve

    x, drift, h = _nodes(sde, line, cells)
    factors = lu_factor(matrix(drift, law, h, central), overwrite_a=True)
    first = lu_solve(factors, np.ones(cells - 1))
    second = lu_solve(factors, 2 * first)
    return _between(x, first, x0), _between(x, second, x0)


def _between(x: Array, values: Array, x0: float) -> float:
    """Cubic interpolation at x0; between the end of a rough grid and its neighbour, where T falls to zero, linear."""
    h = x[1] - x[0]
    k = int(np.clip(np.floor((x0 - x[0]) / h) - 1, 0, x.size - 4))
    if not x[0] <= x0 <= x[-1]:
        return float(np.interp(x0, [x[0] - h, *x, x[-1] + h], [0.0, *values, 0.0]))
    near, total = x[k : k + 4], 0.0
    for i in range(4):
        others = np.delete(near, i)
        total += values[k + i] * np.prod((x0 - others) / (near[i] - others))
    return float(total)


def matrix(drift: Array, law: StableLaw, h: float, central: bool) -> Array:
    """Minus the generator on the inner nodes (n, n); the drift as a central difference, else one against the wind."""
    from scipy.linalg import toeplitz

    n = drift.size
    weights, diagonal = jump_rates(n, law, h)
    full = toeplitz(np.concatenate([[diagonal], -weights[: n - 1]]))
    up = drift / (2 * h) if central else np.maximum(drift, 0) / h
    down = -drift / (2 * h) if central else np.maximum(-drift, 0) / h
    i = np.arange(n)
    full[i, i] += up + down
    full[i[:-1], i[1:]] -= up[:-1]
    full[i[1:], i[:-1]] -= down[1:]
    return np.asarray(full)


def jump_rates(n: int, law: StableLaw, h: float) -> tuple[Array, float]:
    """Rates of jumps by j = 1 ... n cells, and of all jumps; those further than n + 1 cells leave for certain.

    C h^-alpha j^-2 int y^(1-alpha) hat_j(y) dy, where the first hat is 1 from 0 to 1 and the last one ends at n + 1.
    """
    alpha = law.alpha
    j = np.arange(1, n + 2, dtype=float)
    up = (j + 1) * _power(1 - alpha, j, j + 1) - _power(2 - alpha, j, j + 1)
    up[-1] = 0.0
    down = np.full(n + 1, 1 / (2 - alpha))
    down[1:] = _power(2 - alpha, j[:-1], j[1:]) - j[:-1] * _power(1 - alpha, j[:-1], j[1:])
    factor = math.gamma(1 + alpha) * math.sin(math.pi * alpha / 2) / math.pi * (law.scale / h) ** law.alpha
    rates = factor * (up + down) / j**2
    return rates[:n], float(2 * rates.sum() + 2 * factor * (n + 1) ** -alpha / alpha)


def _power(power: float, low: Array, high: Array) -> Array:
    """Int y^power dy from low to high, all above zero, and to rounding where the difference is small."""
    q = power + 1
    return np.log(high / low) if q == 0 else low**q * np.expm1(q * np.log(high / low)) / q
