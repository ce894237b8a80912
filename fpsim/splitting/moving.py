"""What flies for each kind of SGD: the dynamics, its start, how many of its steps are an iteration, and its score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.numbers import share
from fpsim.paths.edges import start_edges
from fpsim.sgd.batches import MiniBatchSGD
from fpsim.sgd.chain import Chain
from fpsim.sgd.minibatch import as_batches
from fpsim.sgd.momentum import HeavyBall
from fpsim.splitting.batch_committor import LARGEST, batch_committor
from fpsim.splitting.batches import batch_flights, batch_start
from fpsim.splitting.card import Placeable
from fpsim.splitting.committor import chain_committor
from fpsim.splitting.draws import DrawFlights
from fpsim.splitting.momentum_scores import CoastingScore, PlaceScore
from fpsim.splitting.scores import score_of
from fpsim.splitting.step_in_parts import AtStepEnd, StepInParts
from fpsim.splitting.stochastic import StochasticFlights
from fpsim.targets import PlaceTarget, Target

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas

Array = NDArray[np.float64]
PLACES = 33
"""On the straight way, at which single examples are looked at."""
SHORT = 0.1
"""Of the way: batches that go no farther have to come many times, in which others take part."""
FEW_PLACES, MOST_NUMBERS = 5, 20_000_000
"""The same in all parameters of a network, and how many numbers the examples' gradients may hold there."""
PARTS = 16
"""Of a chain's step: a jump of five deviations is then made of parts of about one."""


@dataclass(frozen=True)
class Moving:
    """What flies.

    Attributes:
        dynamics: flights of it, on the CPU.
        start: (d,) its state at the start.
        parts: how many of its steps are one iteration.
        score: the score in words.
        checks: what can be said of the score at once.
    """

    dynamics: Placeable
    start: Array
    parts: int
    score: str
    checks: tuple[Assumption, ...] = ()


def moving(
    sgd: Any, point: Array, goal: Target, seed: int, score: Any, replicas: Replicas | None, momentum: float | None
) -> Moving:
    """What flies for ``sgd`` from ``point`` (d,) to ``goal``; arguments as of ``split_iterations``."""
    if momentum is not None and not isinstance(sgd, Chain):
        raise ValueError(f"momentum= is for a Chain; give it to {type(sgd).__name__} itself")
    if isinstance(sgd, Chain):
        if momentum is not None:
            return _with_momentum(sgd, point, goal, seed, score, momentum)
        if _on_line(sgd, goal, score):
            return _in_parts(sgd, point, goal, seed)
        own = _own(score, point.size)
        edges = start_edges(sgd.sde, point, None, seed)
        return Moving(StochasticFlights(sgd.sde, goal, edges, sgd.eta, seed, False, own), point, 1, _words(own))
    if _draw_by_draw(sgd, goal, score):
        return _by_draws(sgd, point, goal, seed)
    own = _own(score, point.size)
    flights = batch_flights(sgd, goal, seed, own, replicas)
    checks = _lone_example(as_batches(sgd), point, goal)
    return Moving(flights, batch_start(sgd, point), 1, _words(flights.own), checks)


def _own(score: Any, dimension: int) -> Any:
    """The score that was given; ``None`` for the distance."""
    if isinstance(score, str) and score == "committor":
        raise ValueError(
            "a committor is known on a line, to a number, Ball or HalfSpace, of a chain without momentum and of at "
            f"most {LARGEST} draws with replacement; give another score"
        )
    return None if score is None else score_of(score, dimension)


def _words(own: Any) -> str:
    return "distance" if own is None else str(own)


def _on_line(sgd: Any, goal: Target, score: Any) -> bool:
    """Whether the committor can be found and is wanted."""
    wanted = score is None or (isinstance(score, str) and score == "committor")
    return wanted and sgd.landscape.dimension == 1 and goal.interval() is not None


def _lone_example(sgd: MiniBatchSGD, point: Array, goal: Target) -> tuple[Assumption, ...]:
    """Whether no example alone carries a batch: flights that gather in small steps would never meet it.

    Kicks are measured by their length on data, in all parameters of a network along the straight way.
    """
    anchors, place = goal.anchors(point), sgd.landscape
    if not (anchors and sgd.draws_examples and place.number_of_examples * point.size <= MOST_NUMBERS):
        return ()
    step, worst, longest = anchors[0] - point, 0.0, 0.0
    length = max(float(np.linalg.norm(step)), 1e-300)
    for part in np.linspace(0.0, 1.0, FEW_PLACES if sgd.moves_network else PLACES):
        pulls = np.asarray(place.example_gradients((point + part * step)[:, None]))[..., 0]
        pulls = pulls - pulls.mean(axis=0)
        sizes = np.abs(pulls @ step) / length if sgd.moves_network else np.linalg.norm(pulls, axis=1)
        worst = max(worst, float(sizes.max()) / max(float(np.sqrt(np.mean(sizes**2))), 1e-300))
        longest = max(longest, float(sizes.max()))
    alone, reach = worst / math.sqrt(sgd.batch_size), sgd.learning_rate * longest / length
    what = (
        f"no example alone moves a batch by more than its standard deviation, or a batch of it goes {SHORT:g} of the "
        "straight way at most"
    )
    detail = f"{alone:.2g} of it, {reach:.2g} of the way; whole batches go round such rare ones"
    return (Assumption(what, alone <= 1 or reach <= SHORT, detail, key="lone example"),)


def _draw_by_draw(sgd: Any, goal: Target, score: Any) -> bool:
    independent = isinstance(sgd, MiniBatchSGD) and not sgd.moves_network and sgd.replacement
    plain = independent and sgd.draws_examples and sgd.is_plain
    return plain and sgd.batch_size <= LARGEST and _on_line(sgd, goal, score)


def _by_draws(sgd: MiniBatchSGD, point: Array, goal: Target, seed: int) -> Moving:
    """Mini-batches on a line by their own committor, draw by draw."""
    interval = goal.interval()
    assert interval is not None
    score = batch_committor(sgd, float(point[0]), interval)
    begun = np.array([point[0], point[0], 0.0])
    return Moving(DrawFlights(sgd, goal, seed, score), begun, int(sgd.batch_size), str(score))


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
    share(momentum, "momentum")
    d = chain.dimension
    given = _own(score, d)
    own = CoastingScore(goal, d, float(momentum)) if given is None else PlaceScore(given)
    edges = start_edges(chain.sde, point, None, seed)
    sde = HeavyBall(chain.sde, float(momentum), chain.eta)
    flights = StochasticFlights(sde, PlaceTarget(goal), edges, chain.eta, seed, False, own)
    return Moving(flights, np.concatenate([point, np.zeros(d)]), 1, str(own))
