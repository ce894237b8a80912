"""The graph of minima and saddles: which minima a saddle joins, and the lowest way from one to another.

    x' = -grad L(x)

from both ends of a saddle's unstable direction ends in the two minima that it joins.  Joined from the lowest saddle
upwards (Kruskal), the first that connects two minima is the minimax pass between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.targets import Target

if TYPE_CHECKING:
    from scipy.cluster.hierarchy import DisjointSet

Array = NDArray[np.float64]
Link = tuple[float, int, int, Any]  # height, the two minima joined, the saddle


def heights(tree: list[tuple[int, int, float]], node: int, goal: int) -> list[float]:
    """Heights of the passes (those that have one) on the tree's path from a node to the goal."""
    paths: dict[int, list[float]] = {node: []}
    while goal not in paths:
        for i, j, height in tree:
            for here, there in ((i, j), (j, i)):
                if here in paths and there not in paths:
                    paths[there] = paths[here] + ([] if math.isnan(height) else [height])
    return paths[goal]


def links_of(landscape: Any, bottoms: Array, saddles: Sequence[Any], target: Target) -> list[Link]:
    """Which minima each saddle joins; one inside the target joins both its sides to the target."""
    if not saddles:
        return []
    passes = np.stack([np.asarray(s.x, dtype=float) for s in saddles], axis=1)
    hessians = np.moveaxis(landscape.hessian(passes), -1, 0)
    unstable = np.linalg.eigh(hessians)[1][:, :, 0].T
    gaps = np.linalg.norm(passes[:, :, None] - bottoms[:, None, :], axis=0).min(axis=1)
    ends = [descend(landscape, passes + sign * 1e-3 * gaps * unstable, bottoms) for sign in (-1, 1)]
    extent = np.ptp(np.concatenate([passes, bottoms], axis=1), axis=1).max()
    steep = np.linalg.norm(target.gradient(passes), axis=0)
    levels, sizes = target.level(passes), 1e-9 * extent * steep
    links: list[Link] = []
    for k, saddle in enumerate(saddles):
        i, j, height = int(ends[0][k]), int(ends[1][k]), float(saddle.loss)
        if levels[k] >= -sizes[k]:
            links += [(height, side, bottoms.shape[1], saddle) for side in (i, j) if side >= 0]
        elif i >= 0 and j >= 0 and i != j:
            links.append((height, i, j, saddle))
    return links


def basin_of_target(landscape: Any, bottoms: Array, target: Target) -> list[int]:
    """The minimum that a ball's center flows to, if the ball holds no minimum and no saddle itself."""
    ball = target.ball()
    if ball is None:
        return []
    node = int(descend(landscape, ball[0][:, None], bottoms)[0])
    return [node] if node >= 0 else []


def competing_climb(
    minima: Sequence[Any],
    links: Sequence[Link],
    joined: Sequence[int],
    groups: DisjointSet[int],
    home: int,
    height: float,
) -> float:
    """The largest climb out of another minimum that may hold the path up."""
    climbs, goal = [], len(minima)
    for k, minimum in enumerate(minima):
        if k == home or k in joined:
            continue
        # behind the pass a path has to climb out of k to the target; before it, to the pass itself
        top = bottleneck(links, joined, k, goal) if groups.connected(k, goal) else height
        climbs.append(top - float(minimum.loss))
    return max(climbs, default=-math.inf)


def joint(joined: Sequence[int], goal: int) -> DisjointSet[int]:
    """The nodes 0, ..., goal, of which some are one with the goal."""
    from scipy.cluster.hierarchy import DisjointSet

    groups = DisjointSet(range(goal + 1))
    for node in joined:
        groups.merge(node, goal)
    return groups


def bottleneck(links: Sequence[Link], joined: Sequence[int], node: int, goal: int) -> float:
    """Minimax height from a minimum to the target."""
    groups = joint(joined, goal)
    for height, i, j, _ in links:
        groups.merge(i, j)
        if groups.connected(node, goal):
            return height
    return math.inf


def descend(landscape: Any, points: Array, bottoms: Array, steps: int = 5_000) -> NDArray[np.int64]:
    """Index of the minimum in ``bottoms`` (d, m) that gradient flow takes ``points`` (d, n) to, -1 if none.

    Exponential Euler, dx = -(1 - exp(-h H)) H^(-1) grad L, of second order and exact where H stays (Hochbruck and
    Ostermann, Acta Numerica 19 (2010) 209), so that narrow valleys cost no small steps.  The time h of a step lets no
    unstable direction grow by more than a third, and nothing move by more than 1.2 per cent of the extent of points and
    minima.  A point has arrived within two per cent of the gap between minima.
    """
    x, found = points.copy(), np.full(points.shape[1], -1)
    extent = float(np.ptp(np.concatenate([points, bottoms], axis=1), axis=1).max()) or 1.0
    gaps = np.linalg.norm(bottoms[:, :, None] - bottoms[:, None, :], axis=0)
    gap = float(gaps[gaps > 0].min()) if (gaps > 0).any() else extent
    moving = np.arange(points.shape[1])
    for _ in range(steps):
        distances = np.linalg.norm(x[:, :, None] - bottoms[:, None, :], axis=0)
        arrived = distances.min(axis=1) < 0.02 * gap
        found[moving[arrived]] = distances.argmin(axis=1)[arrived]
        moving, x = moving[~arrived], x[:, ~arrived]
        if not moving.size:
            break
        gradient, hessian = landscape.gradient(x), np.moveaxis(landscape.hessian(x), -1, 0)
        speed = np.sqrt(np.sum(gradient**2, axis=0))
        if not (np.isfinite(speed).all() and np.isfinite(hessian).all() and speed.any()):
            break
        curvature, modes = np.linalg.eigh(hessian)
        rates = np.maximum(speed / (0.01 * extent), 4 * np.maximum(-curvature[:, 0], 0.0))[:, None]
        x = x - np.einsum("nij,nj,nkj,kn->in", modes, _flown(curvature, np.maximum(rates, 1e-300)), modes, gradient)
    return found


def _flown(curvature: Array, rates: Array) -> Array:
    """(1 - exp(-c / rate)) / c for curvatures c (n, d) and rates (n, 1); 1 / rate where c vanishes beside it."""
    with np.errstate(over="ignore"):
        way = curvature / rates
    flat = np.abs(way) < 1e-12
    return np.asarray(np.where(flat, 1 / rates, -np.expm1(-way) / np.where(flat, 1.0, curvature)))
