"""What flies for each kind of SGD: the dynamics, its start, how many of its steps are an iteration, and its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.edges import start_edges
from fpsim.sgd.chain import Chain
from fpsim.sgd.momentum import HeavyBall, PlaceTarget
from fpsim.splitting.batches import batch_flights, batch_start
from fpsim.splitting.committor import chain_committor
from fpsim.splitting.dynamics import Dynamics
from fpsim.splitting.momentum_scores import CoastingScore, PlaceScore
from fpsim.splitting.scores import score_of
from fpsim.splitting.step_in_parts import AtStepEnd, StepInParts
from fpsim.splitting.stochastic import StochasticFlights
from fpsim.targets import Target

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas

Array = NDArray[np.float64]
PARTS = 16
"""Of a chain's step: a jump of five deviations is then made of parts of about one."""


@dataclass(frozen=True)
class Moving:
    """What flies.

    Attributes:
        dynamics: flights of it.
        start: (d,) its state at the start.
        parts: how many of its steps are one iteration.
        score: the score in words.
    """

    dynamics: Dynamics
    start: Array
    parts: int
    score: str


def moving(
    sgd: Any, point: Array, goal: Target, seed: int, score: Any, replicas: Replicas | None, momentum: float | None
) -> Moving:
    """What flies for ``sgd`` from ``point`` (d,) to ``goal``; arguments as of ``split_iterations``."""
    if isinstance(sgd, Chain):
        if momentum is not None:
            return _with_momentum(sgd, point, goal, seed, score, momentum)
        if _knows_committor(sgd, goal, score):
            return _in_parts(sgd, point, goal, seed)
        own = _own(score, point.size)
        edges = start_edges(sgd.sde, point, None, seed)
        return Moving(StochasticFlights(sgd.sde, goal, edges, sgd.eta, seed, False, own), point, 1, _words(own))
    if momentum is not None:
        raise ValueError("momentum is that of a Chain; give momentum to the network's own SGD, or leave it out")
    own = _own(score, point.size)
    return Moving(batch_flights(sgd, goal, seed, own, replicas), batch_start(sgd, point), 1, _words(own))


def _own(score: Any, dimension: int) -> Any:
    """The score that was given; ``None`` for the distance."""
    if isinstance(score, str) and score == "committor":
        raise ValueError("a committor is known of a 1-D chain to a number, Ball or HalfSpace; give another score")
    return None if score is None else score_of(score, dimension)


def _words(own: Any) -> str:
    return "distance" if own is None else str(own)


def _knows_committor(chain: Chain, goal: Target, score: Any) -> bool:
    wanted = score is None or (isinstance(score, str) and score == "committor")
    return wanted and chain.dimension == 1 and goal.interval() is not None


def _in_parts(chain: Chain, point: Array, goal: Target, seed: int) -> Moving:
    """A 1-D chain by its own committor, its steps in parts."""
    interval = goal.interval()
    assert interval is not None
    score = chain_committor(chain, float(point[0]), interval)
    sde = StepInParts(chain.sde, chain.eta, PARTS)
    edges = start_edges(chain.sde, point, None, seed)
    flights = StochasticFlights(sde, AtStepEnd(goal, PARTS), edges, 1.0, seed, False, score)
    return Moving(flights, sde.begun(point), PARTS, str(score))


def _with_momentum(chain: Chain, point: Array, goal: Target, seed: int, score: Any, momentum: float) -> Moving:
    """The state (x, v) from rest; by default scored by where the ball would coast to."""
    if not 0 <= momentum < 1:
        raise ValueError(f"momentum must be a number in [0, 1); got {momentum!r}")
    d = chain.dimension
    given = _own(score, d)
    own = CoastingScore(goal, d, float(momentum)) if given is None else PlaceScore(given)
    edges = start_edges(chain.sde, point, None, seed)
    sde = HeavyBall(chain.sde, float(momentum), chain.eta)
    flights = StochasticFlights(sde, PlaceTarget(goal), edges, chain.eta, seed, False, own)
    return Moving(flights, np.concatenate([point, np.zeros(d)]), 1, str(own))
