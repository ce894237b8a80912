"""Where a grid has to reach: all wells outside the target, down to tails that no longer matter.

    keep x where log p(x) > min(max log p - 30, log p_bottleneck - 20)

p is the stationary density where paths can be before they arrive, and the bottleneck the lowest point of the best way
from the start to the target, so that the tails cut away carry below 1e-12 of the mass and below 1e-8 of the flux.
Boxes up to ``AHEAD`` times as wide are sampled for wells behind the walls.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpsim.density.grid import Grid
from fpsim.density.open_ends import refuse_infinite
from fpsim.density.space import NOTHING, Box, Space, cell_of
from fpsim.targets import Target

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
COARSE = {1: 400, 2: 60, 3: 24}
TAIL, FLUX_TAIL = 30.0, 20.0  # e^-30 of the largest density, e^-20 of the bottleneck's
ROUNDS = 60
WIDE = 8.2  # deviations of a normal law to e^-34 of its density
AHEAD = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
SAMPLES = {1: 20_000, 2: 160, 3: 40}  # per axis of each box that is sampled for wells further out


def needed_box(sde: Any, start: Array, target: Target | None, space: Space | None = None) -> Box:
    """The smallest box that matters, found on a coarse grid that grows and shrinks, and looked for beyond it.

    Raises:
        ValueError: if it keeps growing, or the target is not met.
    """
    space = space or Space.of(sde, start)
    box = _found(sde, start, target, space, space.clipped(_first_box(sde, start, target, space)))
    for _ in range(4):
        wider = _with_wells_beyond(sde, start, target, space, box)
        if wider == box:
            return box
        box = _settled(sde, start, target, space, wider)
    return box


class UnsettledError(ValueError):
    """Tails count in every box that was tried."""


def _found(sde: Any, start: Array, target: Target | None, space: Space, box: Box) -> Box:
    """The settled box; where rotation smears coarse grids, from finer ones around the linearised density."""
    if space.knows_density(sde):
        return _settled(sde, start, target, space, box)
    try:
        return _settled(sde, start, target, space, box, rounds=24)
    except UnsettledError as error:
        linear = _linear_box(sde, start)
        if linear is None or sde.dimension > 2:
            raise
        for finer, rounds in ((2, 6), (4, 3)):
            try:
                return _settled(sde, start, target, space, space.clipped(linear), finer, rounds)
            except UnsettledError:
                continue
        raise UnsettledError(
            f"no box was found for this problem: in {_words(linear)}, which holds the linearised density, the drift "
            "turns too fast for coarse grids (or the tails go further); put walls around it"
        ) from error


def _linear_box(sde: Any, start: Array) -> Box | None:
    """The resting point that the start leads to, with ``WIDE`` deviations of the linear SDE there on each side."""
    from scipy.linalg import solve_continuous_lyapunov
    from scipy.optimize import root

    def drift(x: Array) -> Array:
        return np.asarray(sde.drift(x[:, None])[:, 0])

    rest = root(drift, start)
    if not rest.success:
        return None
    pull = np.asarray(sde.landscape.jacobian(rest.x[:, None]))[..., 0]
    if not (np.linalg.eigvals(pull).real < 0).all():
        return None
    spread = solve_continuous_lyapunov(pull, -2 * np.asarray(sde.diffusion(rest.x[:, None]))[..., 0])
    reach = WIDE * np.sqrt(np.diag(spread))
    low, high = np.minimum(rest.x - reach, start), np.maximum(rest.x + reach, start)
    return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))


def _settled(
    sde: Any, start: Array, target: Target | None, space: Space, box: Box, finer: int = 1, rounds: int = ROUNDS
) -> Box:
    """The box after as many rounds of growing and shrinking as it takes."""
    for turn in range(rounds):
        grid = Grid(*((low, high, finer * COARSE[sde.dimension]) for low, high in box))
        seen = _look(sde, grid, start, target, space)
        following = []
        settled, growth = True, 0.25 if turn < 8 else 1.0
        for k, (low, high) in enumerate(box):
            along = np.flatnonzero(seen.needed.any(axis=tuple(j for j in range(grid.dimension) if j != k)))
            h, first, last = grid.spacing[k], along[0], along[-1]
            width = high - low
            grows = first == 0 and low > space.low[k], last == grid.shape[k] - 1 and high < space.high[k]
            new_low = low - width * growth if grows[0] else low + max(first - 2, 0) * h
            new_high = high + width * growth if grows[1] else low + min(last + 3, grid.shape[k]) * h
            settled &= not any(grows) and new_high - new_low > 0.8 * width
            following.append((new_low, new_high))
        previous, box = box, space.clipped(tuple(following))
        if settled and seen.is_met:
            return box
        if box == previous:
            break
    if not seen.is_met:
        where = "inside the walls" if box == previous else f"in the box {_words(box)}"
        raise ValueError(f"the target ({target}) was not met {where}: no path can reach it there, or it is empty")
    refuse_infinite(sde, start, target, space, box)
    raise UnsettledError(
        f"no grid holds this problem: in the box {_words(box)} the tails still count, since the landscape does not "
        "confine there or rises too slowly (the mean time is infinite or carried by places this far away); choose "
        "another target, or walls"
    )


def _first_box(sde: Any, start: Array, target: Target | None, space: Space) -> Box:
    """The landscape's own box, or one around start and target."""
    points = [start] if target is None else [start, *target.anchors(start)]
    ball = None if target is None else target.ball()
    if ball is not None:
        points += [ball[0] - ball[1], ball[0] + ball[1]]
    bounds = getattr(sde.landscape, "bounds", None)
    if bounds is not None:
        points += [np.array([low for low, _ in bounds]), np.array([high for _, high in bounds])]
    low, high = np.min(points, axis=0), np.max(points, axis=0)
    low, high = np.maximum(low, space.low), np.minimum(high, space.high)
    size = float(np.max(high - low)) or space.length(sde, start, target)
    margins = 0.05 * (high - low) if bounds is not None else np.full(start.size, 0.3 * size)
    return tuple((float(a - m), float(b + m)) for a, b, m in zip(low, high, margins, strict=True))


def _with_wells_beyond(sde: Any, start: Array, target: Target | None, space: Space, box: Box) -> Box:
    """The box, or one that also holds wells that samples of wider boxes show."""
    if not space.knows_density(sde):
        return box
    grid = Grid(*((low, high, COARSE[sde.dimension]) for low, high in box))
    level = _look(sde, grid, start, target, space).level
    for factor in AHEAD:
        middle = [(low + high) / 2 for low, high in box]
        half = [factor * (high - low) / 2 for low, high in box]
        ahead = space.clipped(tuple((m - w, m + w) for m, w in zip(middle, half, strict=True)))
        if ahead == box:
            break
        grid = Grid(*((low, high, SAMPLES[sde.dimension]) for low, high in ahead))
        needed = (space.log_density(sde, grid, start) > level) & _reached(grid, start, target, space)
        hull = []
        for k, (low, high) in enumerate(box):
            x, h = grid.points[k, needed], float(grid.spacing[k])
            below, above = float(x.min(initial=low)) - 2 * h, float(x.max(initial=high)) + 2 * h
            hull.append((below if below < low - 4 * h else low, above if above > high + 4 * h else high))
        wider = space.clipped(tuple(hull))
        if wider != box:
            return wider
    return box


def _reached(grid: Grid, start: Array, target: Target | None, space: Space) -> Mask:
    """Cells that paths can reach before they arrive, shape (n,)."""
    from scipy.ndimage import label

    if target is None:
        return np.ones(grid.size, dtype=bool)
    free = space.level(target, grid.points) < 0
    home = cell_of(grid, start)
    free[home] = True
    if space.has_period:  # both arcs of a ring are in reach
        return np.asarray(free)
    regions, _ = label(free.reshape(grid.shape))
    return np.asarray(regions.ravel() == regions.ravel()[home])


class Seen(NamedTuple):
    """What a coarse grid shows: cells that matter (shape of the grid), the log density above which they do, and whether
    the target is met on it.
    """

    needed: Mask
    level: float
    is_met: bool


def _look(sde: Any, grid: Grid, start: Array, target: Target | None, space: Space) -> Seen:
    """Cells of a coarse grid that matter; all of them if the target is not met."""
    logs = space.log_density(sde, grid, start)
    home = np.zeros(grid.size, dtype=bool)
    home[cell_of(grid, start)] = True
    if target is None:
        level = float(logs.max() - TAIL)
        return Seen((home | (logs > level)).reshape(grid.shape), level, True)
    inside = space.inside(target, grid, start)
    if not inside.any():
        return Seen(np.ones(grid.shape, dtype=bool), -np.inf, False)
    reached = _reached(grid, start, target, space) & ~(inside & ~home)
    inside &= ~home
    outside = np.where(reached, logs, -np.inf)
    level = float(outside.max() - TAIL)
    if inside.any():
        level = min(level, _bottleneck(logs.reshape(grid.shape), home, inside) - FLUX_TAIL)
    needed = (home | (outside > level)).reshape(grid.shape)
    edge = inside.reshape(grid.shape) & _grown(reached.reshape(grid.shape))
    return Seen(np.asarray(needed | (edge & _grown(needed))), level, True)


def _grown(mask: Mask) -> Mask:
    from scipy.ndimage import binary_dilation

    return np.asarray(binary_dilation(mask))


def _bottleneck(logs: Array, home: Mask, inside: Mask) -> float:
    """Highest level at which the start's cell is joined to the target, by bisection on connected regions."""
    from scipy.ndimage import label

    start, goal = home.reshape(logs.shape), inside.reshape(logs.shape)
    finite = logs[logs > NOTHING]
    low, high = float(finite.min()), float(finite.max())
    for _ in range(40):
        middle = (low + high) / 2
        regions, _ = label(start | goal | (logs >= middle))
        if np.isin(regions[goal], regions[start]).any():
            low = middle
        else:
            high = middle
    return low


def _words(box: Box) -> str:
    return " x ".join(f"[{low:g}, {high:g}]" for low, high in box)
