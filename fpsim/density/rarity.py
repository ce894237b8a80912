"""Whether a mean is carried by paths so rare that no simulation would see them.

    T = sum over valleys k of  P(k before the end) E_k[time to the end]  +  the time of paths that meet none of them

P(k before the end) = G(start, k) / G(k, k), G the expected time spent at the bottom of valley k before the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.density.cuts import Restricted
from fpsim.density.passage import passage_solver
from fpsim.density.solver import solver_for, valley_bottoms
from fpsim.density.walk import Walk

Array = NDArray[np.float64]
RARE = 1e-6  # a visit that fewer paths make before they arrive is seen by no simulation
SHARE = 0.01  # of the mean that must come from such visits to be told
STATEMENT = "the mean comes from places that at least one path in 10^6 visits"


def carried_by_rare_paths(
    walk: Walk, part: Restricted, start: Array, place: Callable[[Array], Any]
) -> tuple[Assumption, ...]:
    """A failed assumption if valleys visited by fewer than ``RARE`` of the paths carry the mean, else nothing.

    ``place`` takes points of the grid to points of the landscape.
    """
    points = walk.grid.points[:, part.keep]
    home = int(np.argmin(np.abs((points - start[:, None]) / walk.grid.spacing[:, None]).sum(axis=0)))
    bottoms = valley_bottoms(part.rates, part.killing, points)
    if bottoms.size < 2:
        return ()
    solver = passage_solver(walk, part)
    times = solver.backward(np.ones(part.killing.size))
    rare, chances, shares = [], [], []
    for k in bottoms:
        visits = solver.backward((np.arange(times.size) == k).astype(float))
        chance = float(visits[home] / visits[k])
        if chance < RARE and chance * times[k] > SHARE * times[home]:
            rare.append(int(k))
            chances.append(chance)
            shares.append(float(chance * times[k] / times[home]))
    if not rare:
        return ()
    ends = part.killing.copy()
    ends[rare] += 1e12 * part.leaving[rare]
    without = float(solver_for(part.rates, ends, points, walk.is_line).backward(np.ones(ends.size))[home])
    most = int(np.argmax(shares))
    where = ", ".join(f"{value:.4g}" for value in np.ravel(place(points[:, rare[most]])))
    detail = (
        f"{min(sum(shares), 1.0):.3g} of it comes from paths that visit the valley at {where} first, which happens "
        f"with probability {chances[most]:.2g}; paths that do not take {without:.6g} on average"
    )
    return (Assumption(STATEMENT, False, detail, key="rare paths"),)
