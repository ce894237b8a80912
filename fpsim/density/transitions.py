"""Reactive trajectories between two sets (transition path theory for jump processes).

    flux = sum_{i, j in b} p_i q-_i rate_ij,      k_ab = flux / sum_i p_i q-_i
    f_ij = p_i q-_i rate_ij q+_j                                  (reactive flow along an edge)

Metzner, Schuette, Vanden-Eijnden 2009 (Multiscale Model. Simul. 7, 1192), equations 2.24-2.36.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.cuts import Restricted
from fpsim.density.discretisation import Judged
from fpsim.density.passage import committors, entering
from fpsim.density.stationary import current_dataset, net_current
from fpsim.density.walk import Walk

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Transitions(Judged):
    """Transitions between two sets a and b in the stationary state.

    Attributes:
        flux: reactive trajectories from a to b per unit time (as many return).
        rate: k_ab = flux / (chance to have been in a last): the inverse of the mean time from a to b.
        return_rate: k_ba likewise.
        flux_mismatch: relative difference of the flux out of a and the flux into b: what rounding has cost.
        fields: ``committor``, ``backward_committor``, ``reactive_density`` and ``reactive_current`` on the grid.
    """

    flux: float
    rate: float
    return_rate: float
    flux_mismatch: float
    fields: xarray.Dataset

    @property
    def time(self) -> float:
        """Mean time from a to b, 1 / rate."""
        return 1 / self.rate

    def plot(self, axes: Any = None) -> Any:
        """Where reactive paths are, the line of even chances and, in the plane, their current; returns the figure."""
        from fpsim.plotting import transition_chart

        return transition_chart(self, axes)

    def __str__(self) -> str:
        return (
            f"reactive flux {self.flux:.8g} per unit time; rate a -> b {self.rate:.8g} (time {1 / self.rate:.8g}), "
            f"b -> a {self.return_rate:.8g} (time {1 / self.return_rate:.8g}){self._told()}"
        )


def transitions(walk: Walk, part: Restricted, mass: Array, facts: dict[str, Any]) -> Transitions:
    """Transitions from the first to the second set cut out of ``part``; ``mass`` is stationary, shape (n,)."""
    forward, backward, accuracy = committors(walk, part, mass)
    reached = float((mass[part.keep] * backward) @ part.losses[1])
    left = float(entering(walk, part, mass)[part.keep] @ forward)
    ahead, behind = part.spread(forward), part.spread(backward)
    ahead[part.inside[1]], behind[part.inside[0]] = 1.0, 1.0
    entries = {
        "committor": (ahead, "", "chance to meet b before a"),
        "backward_committor": (behind, "", "chance to have met a after b"),
        "reactive_density": (mass * ahead * behind / walk.grid.volume, "1/volume", "density of reactive trajectories"),
    }
    fields = walk.grid.dataset(entries, linear_solver_accuracy=accuracy, **facts)
    flow = mass[walk.source] * behind[walk.source] * walk.rate * ahead[walk.target]
    current = current_dataset(walk, net_current(walk, flow), "reactive current")["current"]
    fields = fields.assign(reactive_current=current)
    from_a, from_b = float(mass @ behind), float(mass @ (1 - behind))
    flux = (reached + left) / 2
    if not (flux > 0 and flux / from_a > 0 and flux / from_b > 0):
        raise ValueError(
            f"the reactive flux came out as {flux:g}: transitions are rarer than floats can tell (or the sets are not "
            "joined); ask by_quadrature or a formula, which answer in logarithms"
        )
    return Transitions(flux, flux / from_a, flux / from_b, abs(reached - left) / flux, fields)
