"""The way over a pass: steepest descent from certified saddles, and the ridge that parts the valleys.

    dx/ds = -+ grad L / |grad L|,   from a saddle along its unstable direction (path) or its stable one (ridge)

Under constant isotropic noise the most probable path between two minima is steepest descent from the saddles between
them (Freidlin and Wentzell, Random Perturbations of Dynamical Systems, chapter 4).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscapes.field import in_words

Array = NDArray[Any]
AWAY = 1e-5
"""How far from a saddle the flow starts, in units of the box."""
POINTS, UPHILL_POINTS = 200, 2000
"""Points per branch, evenly spaced along it."""


def slide(place: Any, point: Array, uphill: bool, until: Array, length: float) -> Array:
    """The flow line (n, 2) from ``point`` (2,), evenly in length, to one of ``until`` (k, 2) or of this ``length``."""
    from scipy.integrate import solve_ivp

    sign = 1.0 if uphill else -1.0

    def slope(_: float, x: Array) -> Array:
        g = place.gradient(x[:, None])[:, 0]
        return np.asarray(sign * g / max(float(np.hypot(*g)), 1e-12))

    near = 1e-3 * length

    def arrived(_: float, x: Array) -> float:
        return float(np.hypot(*(until - x).T).min() - near) if len(until) else 1.0

    vars(arrived)["terminal"] = True
    found = solve_ivp(slope, (0.0, length), point, events=arrived, rtol=1e-9, atol=1e-10, dense_output=True,
                      max_step=length / 50)  # fmt: skip
    assert found.sol is not None
    line = found.sol(np.linspace(0.0, found.t[-1], UPHILL_POINTS if uphill else POINTS)).T
    if len(until) and found.status == 1:
        line = np.concatenate([line, until[[int(np.argmin(np.hypot(*(until - line[-1]).T)))]]])
    return np.asarray(line)


def branches(place: Any, saddle: Any, minima: Array, box: Array, uphill: bool = False) -> tuple[Array, Array]:
    """Both flow lines from a saddle, each (n, 2): down its unstable direction, or up its stable one."""
    values, vectors = np.linalg.eigh(place.hessian(saddle.x[:, None])[..., 0])
    along = vectors[:, 1] if uphill else vectors[:, 0]
    if not values[0] < 0 < values[1]:
        raise ValueError(f"the point {in_words(saddle.x)} is no saddle with one unstable direction")
    scale = float(np.hypot(*(box[:, 1] - box[:, 0])))
    ends = np.empty((0, 2)) if uphill else minima
    a, b = (
        np.concatenate([saddle.x[None], slide(place, saddle.x + s * AWAY * scale * along, uphill, ends, 2 * scale)])
        for s in (-1.0, 1.0)
    )
    return a, b


def steepest_path(place: Any, start: Array, end: Array) -> tuple[Array, list[Any]]:
    """The path (n, 2) from minimum ``start`` to minimum ``end`` over the lowest passes, and the saddles on it.

    Raises:
        ValueError: where no chain of saddles joins the two minima.
    """
    points = place.critical_points()
    minima = np.array([p.x for p in points.minima])
    box = np.array(points.bounds)
    first, last = (int(np.argmin(np.hypot(*(minima - np.asarray(x)).T))) for x in (start, end))
    joined: dict[int, list[tuple[int, Array, Any]]] = {i: [] for i in range(len(minima))}
    for saddle in sorted(points.saddles, key=lambda p: p.loss):
        one, two = branches(place, saddle, minima, box)
        i, j = (int(np.argmin(np.hypot(*(minima - b[-1]).T))) for b in (one, two))
        if i == j or not all(np.hypot(*(minima[k] - b[-1])) < 1e-9 for k, b in ((i, one), (j, two))):
            continue  # it leads out of the box, or back into the same valley
        joined[i].append((j, np.concatenate([one[::-1], two[1:]]), saddle))
        joined[j].append((i, np.concatenate([two[::-1], one[1:]]), saddle))
        way = _way(joined, first, last)
        if way:
            pieces = [piece if k == 0 else piece[1:] for k, (_, piece, _) in enumerate(way)]
            return np.concatenate(pieces), [s for _, _, s in way]
    raise ValueError(f"no chain of saddles in the box joins the minima at {minima[first]} and {minima[last]}")


def _way(joined: dict[int, list[tuple[int, Array, Any]]], first: int, last: int) -> list[tuple[int, Array, Any]]:
    """Steps (next minimum, piece of path, saddle) from ``first`` to ``last``, fewest first; empty if there are none."""
    ways: dict[int, list[tuple[int, Array, Any]]] = {first: []}
    queue = [first]
    while queue:
        here = queue.pop(0)
        for step in joined[here]:
            if step[0] not in ways:
                ways[step[0]] = [*ways[here], step]
                queue.append(step[0])
    return ways.get(last, [])
