"""Flights of an SDE's Euler-Maruyama steps, or of a discrete chain, compiled or in NumPy.

With ``bridge`` arrival between two steps is told as in :mod:`fpsim.paths.exits`; back and reached are of the chain of
steps, of which the renewal of loops holds exactly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.edges import Edges
from fpsim.paths.step import (
    LIMITS,
    Compiled,
    DivergenceError,
    compiled_fold,
    compiled_step,
    numpy_step,
)
from fpsim.paths.wall import compiled_wall, numpy_wall
from fpsim.sde.sde import SDE
from fpsim.splitting.card import calls, fly_on_card
from fpsim.splitting.dynamics import Flown, Integers, Stop, Until
from fpsim.splitting.lanes import fly_lanes
from fpsim.splitting.scores import Score
from fpsim.splitting.stepping import fly_steps
from fpsim.targets import Target

Array = NDArray[np.float64]
DTYPE = np.dtype(np.float64)


@dataclass(frozen=True, eq=False)
class StochasticFlights:
    """What moves: an SDE at a step, watched at a target.

    Attributes:
        sde, step, seed, bridge: as in :func:`fpsim.paths.exits.exit_times`.
        target: as watched, between walls (:func:`fpsim.paths.enclosure.enclosed`).
        edges: walls and edges of the domain.
        own: the score; ``None``: the signed distance to the target.
        device: ``"cpu"`` or ``"cuda"``.
    """

    sde: SDE
    target: Target
    edges: Edges
    step: float
    seed: int
    bridge: bool
    own: Score | None = None
    device: str = "cpu"

    @property
    def dimension(self) -> int:
        """Coordinates of a state."""
        return self.sde.dimension

    @property
    def turns(self) -> bool:
        """Whether the drift is no gradient of a loss in the state's coordinates."""
        return not hasattr(self.sde.landscape, "loss") or self.sde.landscape.dimension != self.dimension

    @property
    def engine(self) -> str:
        """``"compiled"``, ``"numpy"`` or ``"cuda"``."""
        return "numpy" if self._compiled is None else "compiled" if self.device == "cpu" else "cuda"

    @property
    def heavy(self) -> bool:
        """Whether repetitions share a call: a GPU wants many flights at once."""
        return self.device == "cuda"

    def on_card(self) -> StochasticFlights | None:
        """The same on a GPU, if all of it compiles there."""
        found = replace(self, device="cuda")
        return None if found._compiled is None else found

    def score(self, x: Array) -> Array:
        """Scores (n,) of states (n, d)."""
        if self.own is not None:
            return self.own(np.ascontiguousarray(x.T))
        return self._wall(np.ascontiguousarray(x.T))[0]

    @cached_property
    def _wall(self) -> Any:
        return numpy_wall(self.sde, self.target, self.step, self.edges)

    @cached_property
    def _compiled(self) -> tuple[Compiled, Compiled, Compiled, Compiled] | None:
        """Step, distance, score and fold, if all of them compile; what is not there is the distance again."""
        work = 0.0 if self.edges else math.inf  # plain functions compile in free space
        advance = compiled_step(self.sde, self.step, None, DTYPE, self.device, work=work)
        wall = None if advance is None else compiled_wall(self.sde, self.target, self.step, DTYPE, self.device, work)
        score = wall if self.own is None or wall is None else self.own.compiled(DTYPE, self.device)
        if advance is None or wall is None or score is None:
            return None
        return advance, wall, score, (compiled_fold(self.edges, DTYPE, self.device) if self.edges else None) or wall

    def fly(self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop) -> Flown:
        """Flights, as :class:`fpsim.splitting.dynamics.Dynamics` says."""
        if self._compiled is None:
            return self._fly_numpy(starts, numbers, first, until, recording, stop)
        if self.device == "cuda":
            return self._fly_on_card(starts, numbers, first, until, recording, stop)
        from fpsim.kernels.flights import flights

        advance, wall, score, fold = self._compiled
        kernel, key = flights[DTYPE], seed_words(self.seed)
        moving = (
            advance.data, advance.function, wall.data, wall.function, score.data, score.function, self.own is not None,
            fold.data, fold.function, bool(self.edges), LIMITS[DTYPE.name],
        )  # fmt: skip
        streams = int(self.bridge), int(Stream.INCREMENTS), int(Stream.BRIDGE)

        def call(state: tuple[Any, ...], budget: int, written: tuple[Any, ...]) -> int:
            *lanes, end = state
            levels = end.low, end.low_from, end.high, end.quads
            busy: int = kernel(*lanes, *levels, budget, *key, *streams, *moving, *written)
            return busy

        return fly_lanes(call, starts, numbers, first, until, recording, stop, DTYPE, self._lost)

    def _fly_on_card(
        self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop
    ) -> Flown:
        from numba import cuda

        from fpsim.cuda.flights import flight_kernel
        from fpsim.cuda.moving import Given, moving

        assert self._compiled is not None
        there = True, True, self.own is not None, bool(self.edges)
        step, wall, score, fold = (
            (part.function, part.data.size) if known else None
            for part, known in zip(self._compiled, there, strict=True)
        )
        walked, level, scored, folded = (cuda.to_device(part.data) for part in self._compiled)
        streams = int(Stream.INCREMENTS), int(Stream.BRIDGE)
        given = Given(walked, level, folded, self.bridge, *seed_words(self.seed), *streams)
        kernel = flight_kernel(moving(step, wall, fold, self.dimension, DTYPE.name), score)
        call = calls(kernel, given, scored, until)
        return fly_on_card(call, starts, numbers, first, recording, stop, self._lost)

    def _lost(self, flight: int, steps: int = 0) -> DivergenceError:
        return DivergenceError(flight, steps, self.step)

    def _fly_numpy(
        self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop
    ) -> Flown:
        step = numpy_step(self.sde, self.step, None)
        drawn: dict[str, Any] = {}

        def advance(x: Array, alive: Integers, k: int) -> Array:
            """States one step on, by the normals of their groups of four steps."""
            if k % 4 == 0:
                quads = np.full(alive.size, k // 4)
                z = twin.quad_normals(alive, quads, self.sde.normals, self.seed, int(Stream.INCREMENTS))
                drawn["z"], drawn["of"] = z, alive
            z = drawn["z"][k % 4]
            if alive.size != drawn["of"].size:
                z = z[:, np.isin(drawn["of"], alive, assume_unique=True)]
            return np.asarray(twin._advanced(step, x, z))

        def wall(x: Array) -> tuple[Array, Array]:
            return twin._wall_of(self._wall, x)

        fold = self.edges.fold if self.edges else None
        bridge = (self.seed, int(Stream.BRIDGE)) if self.bridge else None
        return fly_steps(
            starts, numbers, first, until, recording, stop, advance, wall, self.own, fold, bridge, self._lost
        )
