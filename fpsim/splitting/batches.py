"""Flights of SGD with actual mini-batches: on a data set or in all parameters of a network, compiled or in torch.

A copy of a flight begins with fresh draws, so the law of the batches must not remember earlier ones: independent draws,
or S different examples anew for every batch, but no reshuffled epochs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.networks import sgd as network
from fpsim.paths.step import Compiled
from fpsim.sgd import network_batches
from fpsim.sgd.batch_paths import LIMIT, compiled_level, kernel_arguments
from fpsim.sgd.batches import BatchDivergenceError, MiniBatchSGD
from fpsim.sgd.minibatch import as_batches
from fpsim.sgd.rules import at_rest
from fpsim.sgd.written import compiles, why_not
from fpsim.splitting.card import calls, fly_on_card
from fpsim.splitting.dynamics import Flown, Integers, Stop, Until
from fpsim.splitting.lanes import fly_lanes
from fpsim.splitting.momentum_scores import CoastingScore, PlaceScore
from fpsim.splitting.scores import Score
from fpsim.splitting.stepping import fly_steps
from fpsim.targets import Target

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas
    from fpsim.networks.sgd import NetworkSGD

Array = NDArray[np.float64]
Draw = Callable[[int, int], tuple[NDArray[Any], ...]]


def batch_flights(
    sgd: MiniBatchSGD | NetworkSGD, target: Target, seed: int, own: Score | None, replicas: Replicas | None = None
) -> BatchFlights | NetworkFlights:
    """Flights of real mini-batches, compiled if everything about them compiles.

    Raises:
        ValueError: for reshuffled epochs, optimisers, and a network with momentum, Gaussian or isotropic noise that
            does not compile.
    """
    batches = as_batches(sgd)
    require_forgetful(batches.sampling)
    if batches.optimiser is not None:
        raise ValueError(f"splitting knows SGD, plain or with momentum, not {batches.optimiser}; use exit_iterations")
    own = _of_state(batches, target, own)
    if not batches.moves_network or (replicas is None and _compile(batches, target, own)):
        return BatchFlights(batches, target, seed, own)
    if not isinstance(sgd, MiniBatchSGD) and replicas is None:
        from fpsim.networks.replicas import Replicas

        replicas = Replicas(sgd.landscape)
    return NetworkFlights(sgd, target, seed, own, replicas)


def batch_start(sgd: object, point: Array) -> Array:
    """The state at a start: with momentum there are velocities, 0."""
    return at_rest(sgd, point) if isinstance(sgd, MiniBatchSGD) else point


def _of_state(sgd: MiniBatchSGD, target: Target, own: Score | None) -> Score | None:
    """The score of a whole state: with momentum by default where it would coast to."""
    if not sgd.momentum:
        return own
    return CoastingScore(target, int(sgd.landscape.dimension), sgd.momentum) if own is None else PlaceScore(own)


def _compile(sgd: MiniBatchSGD, target: Target, own: Score | None) -> bool:
    if compiles(sgd) and target.is_distance and (own is None or own.compiled(np.float64) is not None):
        return True
    if not sgd.draws_examples or sgd.momentum:
        raise ValueError(
            "momentum, Gaussian and isotropic noise need a network whose layers compile, with a distance or a path as "
            "score and a ball or half-space as target; here "
            f"{why_not(sgd.landscape) or 'score or target do not compile'}"
        )
    return False


def require_forgetful(sampling: str) -> None:
    """Refuse reshuffled epochs."""
    if sampling == "reshuffled":
        raise ValueError(
            "splitting copies paths, and reshuffled epochs remember which examples are left; use sampling="
            "'without-replacement' or 'with-replacement'"
        )


@dataclass(frozen=True, eq=False)
class BatchFlights:
    """Mini-batch SGD, compiled.

    Attributes:
        sgd, target, seed: as in :func:`fpsim.exit_iterations`.
        own: the score; ``None``: the signed distance to the target.
        device: ``"cpu"`` or ``"cuda"``.
    """

    sgd: MiniBatchSGD
    target: Target
    seed: int
    own: Score | None = None
    device: str = "cpu"

    @property
    def dimension(self) -> int:
        """Coordinates of a state, velocities included."""
        return self.sgd.coordinates

    @property
    def turns(self) -> bool:
        """Whether it has velocities."""
        return self.sgd.momentum > 0

    @property
    def engine(self) -> str:
        """``"compiled"`` or ``"cuda"``."""
        return "compiled" if self.device == "cpu" else "cuda"

    @property
    def heavy(self) -> bool:
        """Whether a step costs so much, or a GPU wants so many flights, that repetitions share a call."""
        return self.sgd.moves_network or self.device == "cuda"

    def on_card(self) -> BatchFlights | None:
        """The same on a GPU, unless its score is a plain function."""
        compiles_too = self.own is None or self.own.compiled(np.float64, "cuda") is not None
        return replace(self, device="cuda") if compiles_too else None

    def score(self, x: Array) -> Array:
        """Scores (n,) of states (n, coordinates)."""
        points = np.ascontiguousarray(x.T)
        return np.asarray(self.target.level(points) if self.own is None else self.own(points))

    @cached_property
    def _moving(self) -> tuple[tuple[Any, ...], Compiled, Compiled | None]:
        """What a kernel takes of the batches, from the table to the seed's halves; distance and score."""
        wall = Compiled(*compiled_level(self.sgd, self.target, self.device))
        return kernel_arguments(self.sgd, self.seed, self.device), wall, self._score()

    def _score(self) -> Compiled | None:
        score = None if self.own is None else self.own.compiled(np.float64, self.device)
        if self.own is not None and score is None:
            raise ValueError(
                "mini-batches on a data set are compiled, and a plain function as score is not; use the distance or a "
                "path"
            )
        return score

    def fly(self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop) -> Flown:
        """Flights, as :class:`fpsim.splitting.dynamics.Dynamics` says."""
        if self.device == "cuda":
            return self._fly_on_card(starts, numbers, first, until, recording, stop)
        from fpsim.kernels.batch_flights import batch_flights

        kernel, ((*batches, key0, key1), wall, score) = batch_flights[np.float64], self._moving
        measured = wall if score is None else score
        geometry = wall.data, wall.function, measured.data, measured.function, score is not None, LIMIT

        def call(state: tuple[Any, ...], budget: int, written: tuple[Any, ...]) -> int:
            *lanes, end = state
            levels = end.low, end.low_from, end.high, end.quads
            busy: int = kernel(*lanes, *levels, budget, key0, key1, *batches, *geometry, *written)
            return busy

        return fly_lanes(call, starts, numbers, first, until, recording, stop, np.float64, self._lost)

    def _fly_on_card(
        self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop
    ) -> Flown:
        from numba import cuda

        from fpsim.cuda.batches import moving
        from fpsim.cuda.flights import flight_kernel
        from fpsim.sgd.cuda_batches import CardBatches

        arguments, wall, score = self._moving
        batches = CardBatches(self.sgd, arguments)
        level, scored = (cuda.to_device(part.data) for part in (wall, score or wall))
        given = batches.batches(min(batches.lanes, len(starts))), level
        kernel = flight_kernel(
            moving(batches.gradient.function, wall.function, batches.shape),
            None if score is None else (score.function, score.data.size),
        )
        call = calls(kernel, given, scored, until)
        return fly_on_card(call, starts, numbers, first, recording, stop, self._lost, batches.lanes)

    def _lost(self, flight: int) -> BatchDivergenceError:
        return BatchDivergenceError(flight, self.sgd)


@dataclass(frozen=True, eq=False)
class NetworkFlights:
    """SGD in all parameters of a network.

    Attributes:
        sgd: what moves.
        target, seed, own: as in :class:`BatchFlights`; a score is a function of x (d, n).
        replicas: many copies of the network, for ``NetworkSGD``.
    """

    sgd: MiniBatchSGD | NetworkSGD
    target: Target
    seed: int
    own: Score | None = None
    replicas: Replicas | None = None

    @property
    def dimension(self) -> int:
        """Coordinates of a state."""
        return int(self.sgd.landscape.dimension)

    @property
    def turns(self) -> bool:
        """Whether it has velocities."""
        return bool(getattr(self.sgd, "momentum", 0.0) > 0)

    @property
    def engine(self) -> str:
        """``"torch"``."""
        return "torch"

    def on_card(self) -> None:
        """What runs in torch has no kernel."""

    def score(self, x: Array) -> Array:
        """Scores (n,) of states (n, d)."""
        points = np.ascontiguousarray(x.T)
        return np.asarray(self.target.level(points) if self.own is None else self.own(points))

    def fly(self, starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop) -> Flown:
        """Flights, as :class:`fpsim.splitting.dynamics.Dynamics` says."""

        def wall(x: Array) -> tuple[Array, Array]:
            level = np.asarray(self.target.level(x), dtype=float)
            return level, np.ones_like(level)

        def lost(flight: int, step: int) -> ValueError:
            return ValueError(
                f"flight {flight} diverged at iteration {step}: the learning rate {self.sgd.learning_rate:g} is too "
                "large for this loss; reduce it"
            )

        return fly_steps(
            starts, numbers, first, until, recording, stop, self._advance(), wall, self.own, None, None, lost
        )

    def _advance(self) -> Callable[[Array, Integers, int], Array]:
        held: dict[str, Any] = {}
        block = network_batches.BLOCK

        def advance(x: Array, alive: Integers, k: int) -> Array:
            if k % block == 0:
                held["of"], held["parts"] = alive, self._drawn(alive, k, block)
            still = np.isin(held["of"], alive, assume_unique=True)
            return self._moved(x, tuple(part[k % block][still] for part in held["parts"]))

        return advance

    def _drawn(self, numbers: Integers, begin: int, steps: int) -> tuple[NDArray[Any], ...]:
        """What flights draw, each (steps, n, ...)."""
        if isinstance(self.sgd, MiniBatchSGD):
            return (network_batches.drawn(self.sgd, self.seed, numbers, begin, steps).swapaxes(1, 2),)
        return network.drawn(self.sgd, self.seed, numbers, begin, steps)

    def _moved(self, x: Array, parts: tuple[NDArray[Any], ...]) -> Array:
        if isinstance(self.sgd, MiniBatchSGD):
            return np.asarray(x - self.sgd.learning_rate * self.sgd.landscape.batch_gradients(x, parts[0].T))
        assert self.replicas is not None
        slopes = network.slopes_of(self.sgd, self.replicas, np.ascontiguousarray(x.T), parts)
        return np.asarray(x - self.sgd.learning_rate * slopes.T)
