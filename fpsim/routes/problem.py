"""An escape as a value: what moves, from where, to where; and what all routes need of it, each computed once."""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.description import describe
from fpsim.escape_time import LARGEST_LOG, EscapeTime
from fpsim.lengths import distance
from fpsim.routes.steps import first_step, inertial_step, inertial_stiffness, rest, stiffness
from fpsim.sde.gates import Gate, gates
from fpsim.sde.sde import SDE, require_sde
from fpsim.valleys.finding import valley
from fpsim.valleys.valley import Valley
from fpsim.walls import Walls, own_walls, require_place
from landscapes.field import NotDefinedError, as_point, in_words
from landscapes.notebook import Shown

if TYPE_CHECKING:
    from fpsim.exact.passage import Passage

Array = NDArray[np.float64]
BESIDE = 0.01
"""How far beside a rest without a derivative of the drift its stiffness is taken, in ways to the target."""


@dataclass(frozen=True, repr=False)
class Problem(Shown):
    """An SDE, a start and a target, as routes take it; users meet it as :class:`fpsim.EscapeProblem`.

    Attributes:
        sde: what moves; its noise knows minimum and saddle where it refers to them.
        start: the start, a tuple of d numbers.
        target: a :class:`fpsim.targets.Target` that the start lies outside of.
        boundary: the walls, or ``None``.
    """

    sde: SDE
    start: Any  # as given; a tuple[float, ...] from here on
    target: Any  # as given; a Target from here on
    boundary: Any = None

    def __post_init__(self) -> None:
        require_sde(self.sde, "EscapeProblem")
        start = as_point(self.sde.started(self.start), self.sde.dimension) + 0.0  # no minus zero
        object.__setattr__(self, "boundary", own_walls(self.sde, self.boundary))
        require_place(self.sde, start, self.walls)
        target = self.sde.goal(self.target, start)
        noise = self.sde.noise.resolved(self.sde.landscape, start, target)
        object.__setattr__(self, "start", tuple(start.tolist()))
        object.__setattr__(self, "target", target)
        if noise is not self.sde.noise:
            object.__setattr__(self, "sde", self.sde.with_noise(noise))

    @property
    def point(self) -> Array:
        """The start as an array (d,)."""
        return np.array(self.start)

    @property
    def walls(self) -> Walls | None:
        """The walls of the problem; ``None`` on the whole line or space."""
        walls: Walls | None = self.boundary
        return walls

    @property
    def _pictured(self) -> Any:
        return self.sde.landscape

    def __str__(self) -> str:
        start = f"{self.start[0]:g}" if len(self.start) == 1 else in_words(self.start)
        inside = "" if self.walls is None else f"; {self.walls}"
        return f"escape from {start} to {self.target} on {self.sde}{inside}"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Landscape, noise, start, target and walls as plain data."""
        return describe(self)

    def result(self, method: str, began: float, mean: float | None = None, **facts: Any) -> EscapeTime:
        """An answer with what all answers share; of times beyond floats ``log_mean`` (and ``log_error``) is given."""
        log_mean = facts.get("log_mean", math.nan)
        if mean is None and math.isfinite(log_mean):
            mean = math.exp(log_mean) if log_mean <= LARGEST_LOG else math.inf
        if mean is None or not (mean > 0 and (math.isfinite(mean) or math.isfinite(log_mean))):
            raise ValueError(
                f"the route '{method}' found no finite positive time (it gave {mean!r}); check the problem"
            )
        common = {
            "convention": self.sde.convention,
            "target": str(self.target),
            "seconds": clock.perf_counter() - began,
        }
        walled = {} if self.walls is None else {"walls": str(self.walls)}
        facts["settings"] = {**walled, **facts.get("settings", {}), **self.gate_settings}
        return EscapeTime(mean=mean, method=method, problem=self.facts, **{**common, **facts})

    @property
    def edge(self) -> float | None:
        """Where a path on a line enters the target; ``None`` in space and for a level function."""
        return self.target.edge(self.point) if self.sde.dimension == 1 else None

    @cached_property
    def valley(self) -> Valley:
        """Minimum and pass of the start.

        Raises:
            ValueError: for a drift field, or where no minimum is found.
        """
        return valley(self.sde.landscape, self.point, self.target, self.walls)

    @cached_property
    def gates(self) -> tuple[Gate, ...]:
        """Where |H|-shaped noise dies out between start and target (1-D, target with a known edge)."""
        return () if self.edge is None else tuple(gates(self.sde, self.start[0], self.edge))

    @cached_property
    def gate_settings(self) -> dict[str, Any]:
        """Floor and delta, printed with every result whose noise dies out on the way."""
        if not self.gates:
            return {}
        delta, floor = max(gate.delta for gate in self.gates), self.sde.noise.floor_of
        assert floor is not None
        return {"floor": floor.floor, "delta": f"{delta:.4g} (the time grows like floor^-delta)"}

    @cached_property
    def passage(self) -> tuple[Passage, float]:
        """The first passage on a line by quadrature (:mod:`fpsim.exact.first_passage`), and the seconds it took."""
        from fpsim.exact.first_passage import first_passage

        began = clock.perf_counter()
        found = first_passage(self.sde, self.point, self.target, walls=self.walls, accepted=1e-6)
        return found, clock.perf_counter() - began

    @cached_property
    def default_step(self) -> float:
        """0.02 / (stiffness where the start comes to rest), the step that ``by_paths`` begins with unless told.

        The stiffness is the largest curvature, |lambda|^2 / |Re lambda| for eigenvalues lambda of the drift; where it
        is nil, a kick may be a twentieth of the way to the target.
        """
        if self.sde.inertia is not None:
            return inertial_step(self.stiffness)
        return first_step(self.sde, self.stiffness, self.point, self.target)

    @cached_property
    def stiffness(self) -> float:
        """Largest |lambda|^2 / |Re lambda| over the eigenvalues lambda of the drift where the start comes to rest.

        With inertia sqrt(curvature / mass + (friction / mass)^2), which is what its steps have to follow.
        """
        if self.sde.inertia is not None:
            return inertial_stiffness(self.sde.inertia, np.split(self.rest, 2)[0])
        try:
            return stiffness(self.sde.landscape.jacobian(self.rest[:, None])[..., 0])
        except NotDefinedError:  # a kink of the drift right there: beside it, on the way to the target
            beside = self.rest + BESIDE * distance(self.target, self.point)
            return stiffness(self.sde.landscape.jacobian(beside[:, None])[..., 0])

    @cached_property
    def rest(self) -> Array:
        """Where the drift takes the start, roughly: its minimum, or the start itself where there is none."""
        return rest(self.sde.landscape, self.point)
