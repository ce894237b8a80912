"""The valley that an escape starts in, and the pass it leaves by.

    x' = -grad L(x)

takes a start to its minimum.  The pass towards a target is the saddle at which the sublevel sets {L <= h} of start
and target first join: the minimax height over all paths.  In 1-D it follows from the order of the critical points;
beyond, the two ends of every saddle's unstable direction flow to the minima it connects, and the graph of minima
and saddles is joined from the lowest saddle upwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.targets import Ball, HalfSpace, Point, Target, as_target

Array = NDArray[np.float64]
Link = tuple[float, int, int, Any]  # height, the two minima joined, the saddle


@dataclass(frozen=True)
class Valley:
    """A minimum, and the lowest pass on the way to a target (``None`` if there is none).

    Attributes:
        minimum: the critical point of index 0 that the start flows to.
        saddle: the critical point of index 1 to be crossed (in 1-D a barrier top).
        others: further saddles between the same two valleys, whose rates add (always empty in 1-D).
        competing: the largest other climb from a minimum to a pass that the path may have to make before it
            arrives, ``-inf`` if there is none.  Formulas with one minimum and one pass need it well below ``barrier``.
        beyond: a minimum where paths that crossed come to rest (beyond 1-D: inside the target), if there is one.
        complete: whether all critical points of the searched box are known to have been found.
    """

    minimum: Any
    saddle: Any | None
    others: tuple[Any, ...] = ()
    competing: float = -math.inf
    beyond: Any | None = None
    complete: bool = True

    @property
    def barrier(self) -> float:
        """Height of the pass above the minimum; ``ValueError`` without a saddle."""
        if self.saddle is None:
            raise ValueError("this valley has no saddle, hence no barrier")
        return float(self.saddle.loss - self.minimum.loss)


def valley(landscape: Any, start: ArrayLike, target: Any) -> Valley:
    """The valley of ``start`` and its pass towards ``target``.

    Args:
        landscape: a landscape (a drift field has no heights).
        start: a point (d,) or, in 1-D, a number.
        target: a number (1-D), a :class:`~fpsim.targets.Target` or a level function.

    Raises:
        ValueError: if there is no loss or no minimum, or the start rests on a saddle or flows to no minimum.
    """
    if not hasattr(landscape, "loss"):
        raise ValueError("valleys and passes need a landscape with a loss; a drift field has none")
    x = np.asarray(start, dtype=float).reshape(-1)
    if x.shape != (landscape.dimension,) or not np.isfinite(x).all():
        raise ValueError(f"a start has shape ({landscape.dimension},) and finite entries; got {start!r}")
    goal = as_target(target, x)
    points = landscape.critical_points(_box(landscape, x, goal))
    minima, saddles = points.minima, points.saddles
    if not minima:
        raise ValueError(f"no minimum with curvature was found that the start {x.tolist()} could flow to")
    edge = boundary(goal, x) if landscape.dimension == 1 else None
    if edge is not None:
        found = _valley_on_line(landscape, float(x[0]), edge, minima, saddles)
    else:
        found = _valley_in_space(landscape, x, goal, minima, saddles)
    return replace(found, complete=points.complete)


def boundary(target: Target, start: Array) -> float | None:
    """The point at which a 1-D path from ``start`` (1,) enters the target; ``None`` for a level function."""
    if isinstance(target, Point):
        return target.value
    if isinstance(target, Ball):
        side = 1.0 if target.center[0] > start[0] else -1.0
        return target.center[0] - side * target.radius
    if isinstance(target, HalfSpace):
        return target.offset * target.normal[0]
    return None


def _box(landscape: Any, start: Array, target: Target) -> tuple[tuple[float, float], ...]:
    """The landscape's own box (or one around start and target), grown to hold both."""
    ends = [start]
    if isinstance(target, Point):
        ends.append(np.array([target.value]))
    elif isinstance(target, Ball):
        ends.append(np.array(target.center))
    elif isinstance(target, HalfSpace):
        ends.append(start - float(target.level(start)) * np.array(target.normal))
    low, high = np.min(ends, axis=0), np.max(ends, axis=0)
    if landscape.bounds is None:
        reach = max(1.0, float(np.max(high - low)))
        low, high = low - reach, high + reach
    else:
        own = np.array(landscape.bounds, dtype=float)
        low, high = np.minimum(low, own[:, 0]), np.maximum(high, own[:, 1])
    return tuple((float(a), float(b)) for a, b in zip(low, high, strict=True))


# --- one dimension: order along the line ---


def _valley_on_line(landscape: Any, start: float, edge: float, minima: Sequence[Any], saddles: Sequence[Any]) -> Valley:
    bottom = _downhill(landscape, start, minima, saddles)
    side = 1.0 if edge > start else -1.0

    def along(point: Any) -> float:
        return side * float(point.x[0])

    near = 1e-9 * max(1.0, abs(edge))
    climb = sorted((s for s in saddles if along(s) > along(bottom)), key=along)
    between = [s for s in climb if along(s) <= side * edge + near]
    if side * edge <= along(bottom) or not climb:
        return Valley(bottom, None)
    # a target on the way up has its pass behind it
    top = max(between, key=lambda s: float(s.loss)) if between else climb[0]
    climbs = [
        float(s.loss - m.loss)
        for s in between
        for m in minima
        if along(m) < along(s) and not (s is top and m is bottom)
    ]
    after = sorted((m for m in minima if along(m) > along(top)), key=along)
    return Valley(bottom, top, competing=max(climbs, default=-math.inf), beyond=after[0] if after else None)


def _downhill(landscape: Any, start: float, minima: Sequence[Any], saddles: Sequence[Any]) -> Any:
    """The minimum that a start on the line slides to."""
    scale = 1e-9 * max(1.0, abs(start))
    for point in minima:
        if abs(point.x[0] - start) <= scale:
            return point
    for point in saddles:
        if abs(point.x[0] - start) <= scale:
            raise ValueError(f"the start {start:g} rests on a barrier top and belongs to no valley; move it")
    side = float(np.sign(landscape.drift(np.array([[start]]))[0, 0]))
    downhill = [p for p in (*minima, *saddles) if side * (p.x[0] - start) > 0]
    ahead = sorted(downhill, key=lambda p: abs(float(p.x[0]) - start))
    if not ahead or ahead[0].index != 0:
        raise ValueError(f"the start {start:g} flows to no minimum in the searched box; give the landscape bounds")
    return ahead[0]


# --- more dimensions: the graph of minima and saddles ---


def _valley_in_space(
    landscape: Any, start: Array, target: Target, minima: Sequence[Any], saddles: Sequence[Any]
) -> Valley:
    bottoms = np.stack([np.asarray(m.x, dtype=float) for m in minima], axis=1)
    home = int(descend(landscape, start[:, None], bottoms)[0])
    if home < 0:
        raise ValueError(f"the start {start.tolist()} flows to no known minimum; is it on a saddle?")
    links = _links(landscape, bottoms, saddles, target)
    goal = len(minima)  # one more node: the target itself
    joined = [i for i in range(goal) if target.level(bottoms[:, i : i + 1])[0] >= 0]
    inside = bool(joined)
    if not joined and not any(goal in link[1:3] for link in links):
        joined = _basin_of_target(landscape, bottoms, target)
    # of links of one height those straight from home to the target come first, whatever the rounding
    scale = 1e-9 * max((abs(link[0]) for link in links), default=1.0) or 1.0
    links.sort(key=lambda link: (round(link[0] / scale), not (home in link[1:3] and {*link[1:3]} & {*joined, goal})))
    groups, tree = _Groups(goal + 1), [(node, goal, math.nan) for node in joined]
    for node in joined:
        groups.join(node, goal)
    for height, i, j, saddle in links:
        sides = {groups.root(i), groups.root(j)}
        if len(sides) == 1:
            continue
        if sides == {groups.root(home), groups.root(goal)}:
            both = [k[3] for k in links if {groups.root(k[1]), groups.root(k[2])} == sides]
            others = tuple({id(o): o for o in both if o is not saddle}.values())
            side = _competing(minima, links, joined, groups, home, height)
            series = [h - float(minima[home].loss) for h in _heights([*tree, (i, j, math.nan)], home, goal)]
            beyond = minima[joined[0]] if inside else None
            return Valley(minima[home], saddle, others, max([side, *series]), beyond)
        groups.join(i, j)
        tree.append((i, j, height))
    return Valley(minima[home], None)


def _heights(tree: list[tuple[int, int, float]], node: int, goal: int) -> list[float]:
    """Heights of the passes (those that have one) on the tree's path from a node to the goal."""
    paths: dict[int, list[float]] = {node: []}
    while goal not in paths:
        for i, j, height in tree:
            for here, there in ((i, j), (j, i)):
                if here in paths and there not in paths:
                    paths[there] = paths[here] + ([] if math.isnan(height) else [height])
    return paths[goal]


def _links(landscape: Any, bottoms: Array, saddles: Sequence[Any], target: Target) -> list[Link]:
    """Which minima each saddle joins; one inside the target joins both its sides to the target."""
    if not saddles:
        return []
    passes = np.stack([np.asarray(s.x, dtype=float) for s in saddles], axis=1)
    hessians = np.moveaxis(landscape.hessian(passes), -1, 0)
    unstable = np.linalg.eigh(hessians)[1][:, :, 0].T
    gaps = np.linalg.norm(passes[:, :, None] - bottoms[:, None, :], axis=0).min(axis=1)
    ends = [descend(landscape, passes + sign * 1e-3 * gaps * unstable, bottoms) for sign in (-1, 1)]
    levels, sizes = target.level(passes), 1e-9 * (1 + np.abs(passes).max(axis=0))
    links: list[Link] = []
    for k, saddle in enumerate(saddles):
        i, j, height = int(ends[0][k]), int(ends[1][k]), float(saddle.loss)
        if levels[k] >= -sizes[k]:
            links += [(height, side, bottoms.shape[1], saddle) for side in (i, j) if side >= 0]
        elif i >= 0 and j >= 0 and i != j:
            links.append((height, i, j, saddle))
    return links


def _basin_of_target(landscape: Any, bottoms: Array, target: Target) -> list[int]:
    """The minimum that a ball's center flows to, if the ball holds no minimum and no saddle itself."""
    if not isinstance(target, Ball):
        return []
    node = int(descend(landscape, np.array(target.center)[:, None], bottoms)[0])
    return [node] if node >= 0 else []


def _competing(
    minima: Sequence[Any],
    links: Sequence[Link],
    joined: Sequence[int],
    groups: _Groups,
    home: int,
    height: float,
) -> float:
    """The largest climb out of another minimum that may hold the path up."""
    climbs, goal = [], len(minima)
    for k, minimum in enumerate(minima):
        if k == home or k in joined:
            continue
        # behind the pass a path has to climb out of k to the target; before it, to the pass itself
        top = _bottleneck(links, joined, k, goal) if groups.same(k, goal) else height
        climbs.append(top - float(minimum.loss))
    return max(climbs, default=-math.inf)


def _bottleneck(links: Sequence[Link], joined: Sequence[int], node: int, goal: int) -> float:
    """Minimax height from a minimum to the target."""
    groups = _Groups(goal + 1)
    for k in joined:
        groups.join(k, goal)
    for height, i, j, _ in links:
        groups.join(i, j)
        if groups.same(node, goal):
            return height
    return math.inf


class _Groups:
    """Disjoint sets (union-find)."""

    def __init__(self, size: int) -> None:
        self.parent = list(range(size))

    def root(self, node: int) -> int:
        while self.parent[node] != node:
            node = self.parent[node]
        return node

    def join(self, a: int, b: int) -> None:
        self.parent[self.root(a)] = self.root(b)

    def same(self, a: int, b: int) -> bool:
        return self.root(a) == self.root(b)


def descend(landscape: Any, points: Array, bottoms: Array, steps: int = 50_000) -> NDArray[np.int64]:
    """Index of the minimum in ``bottoms`` (d, m) that gradient flow takes ``points`` (d, n) to, -1 if none.

    Explicit Euler with steps of 0.3 / |H| (Frobenius norm, so well inside stability) and moves of at most two per
    cent of the extent of points and minima; a point has arrived within two per cent of the gap between minima.
    """
    x, found = points.copy(), np.full(points.shape[1], -1)
    extent = float(np.ptp(np.concatenate([points, bottoms], axis=1), axis=1).max()) or 1.0
    gaps = np.linalg.norm(bottoms[:, :, None] - bottoms[:, None, :], axis=0)
    gap = float(gaps[gaps > 0].min()) if (gaps > 0).any() else extent
    moving = np.arange(points.shape[1])
    for step in range(steps):
        if step % 10 == 0:
            distances = np.linalg.norm(x[:, :, None] - bottoms[:, None, :], axis=0)
            arrived = distances.min(axis=1) < 0.02 * gap
            found[moving[arrived]] = distances.argmin(axis=1)[arrived]
            moving, x = moving[~arrived], x[:, ~arrived]
            if not moving.size:
                break
        gradient = landscape.gradient(x)
        stiffness = np.sqrt(np.sum(landscape.hessian(x) ** 2, axis=(0, 1)))
        speed = np.sqrt(np.sum(gradient**2, axis=0))
        if not np.isfinite(speed).all() or not speed.any():
            break
        longest = 0.02 * extent / np.maximum(speed, 1e-300)
        x = x - gradient * np.minimum(0.3 / np.maximum(stiffness, 1e-300), longest)
    return found
