"""Mean iterations until SGD leaves, by splitting: the Gaussian chain, mini-batches on data, or a whole network."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.cuda.device import Device
from fpsim.escape_time import LARGEST_LOG, EscapeTime
from fpsim.kernels.pacing import Stopped
from fpsim.kernels.random_numbers import own_seed, seed_words
from fpsim.paths.exits import check_deadline
from fpsim.paths.step import require_count
from fpsim.paths.threads import thread_count
from fpsim.sgd.batches import MiniBatchSGD
from fpsim.sgd.chain import Chain
from fpsim.splitting import ensemble
from fpsim.splitting.card import placed
from fpsim.splitting.dynamics import Stop, most_steps
from fpsim.splitting.ensemble import SplittingInterrupted
from fpsim.splitting.moving import moving
from fpsim.splitting.multilevel import FEWEST_PARTICLES, MOST_REPETITIONS, PILOT, Repetition
from fpsim.splitting.plan import planned
from fpsim.targets import as_target
from landscapes.field import as_point
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas
    from fpsim.networks.sgd import NetworkSGD

Array = NDArray[np.float64]
FIRST = 64
"""Iterations of the first walkers."""


@shows_progress("splitting")
def split_iterations(
    sgd: Chain | MiniBatchSGD | NetworkSGD,
    start: Any,
    target: Any,
    seed: int = 0,
    repetitions: int = 20,
    particles: int = 1000,
    score: Any = None,
    threads: int | None = None,
    progress: Progress = None,
    deadline: float = math.inf,
    store: str | Path | None = None,
    replicas: Replicas | None = None,
    momentum: float | None = None,
    device: Device = "cpu",
) -> EscapeTime:
    """Mean number of iterations until a step lands in ``target``, however rare that is.

    Args:
        sgd: a ``Chain``, ``MiniBatchSGD`` (on a data set or a network), or ``NetworkSGD``.
        start: a point (d,).
        target: a number (1-D), ``Ball`` or ``HalfSpace``; but for mini-batches on a data set also a level function.
        seed, repetitions, particles, threads, progress, deadline, store: as in
            :meth:`fpsim.EscapeProblem.by_splitting`.
        score: as there, or by default the best that is known here: on a line the committor, of a chain whose steps are
            taken in parts (:mod:`fpsim.splitting.step_in_parts`) or of mini-batches draw by draw
            (:mod:`fpsim.splitting.draws`); with momentum the distance of the place that the ball would coast to; else
            the distance to the target, which ``"distance"`` asks for.
        replicas: move a ``NetworkSGD`` by these copies of the network, in torch, and not by its compiled layers.
        momentum: heavy-ball beta in [0, 1) of a ``Chain``, from rest.
        device: as in :meth:`fpsim.EscapeProblem.by_splitting`.

    Returns:
        the mean in iterations with its standard error; nothing else is approximate.

    Raises:
        SplittingInterrupted: on Ctrl-C, with the answer of the repetitions that had ended.
        ValueError: for reshuffled epochs, a score that does not tell places apart, or if no flight arrives.
    """
    began = clock.perf_counter()
    check_counts(repetitions, particles)
    seed_words(seed)
    d = int(sgd.landscape.dimension)
    point = as_point(start, d)
    goal = as_target(target, point)
    found = moving(sgd, point, goal, own_seed(seed, "splitting"), score, replicas, momentum)
    parts = found.parts
    dynamics = placed(found.dynamics, device, float(repetitions) * particles)
    stop = Stop(clock.perf_counter() + check_deadline(deadline), most_steps(dynamics))
    count = thread_count(1 if dynamics.engine == "torch" and threads is None else threads)
    try:
        plan = planned(found.dynamics, found.start, int(particles), PILOT, FIRST * parts, stop)
    except Stopped:
        raise ValueError("the deadline came before flights had settled around the start; give more time") from None

    def answer(done: Sequence[Repetition]) -> EscapeTime:
        """The mean in iterations from the repetitions that have ended."""
        mean = ensemble.mean_of_loops(done, int(particles))
        log_mean = mean.log_mean - math.log(parts)
        value = math.exp(log_mean) if log_mean <= LARGEST_LOG else math.inf
        settings = {
            "sgd": str(sgd), "repetitions": len(done), "particles": int(particles), "score": found.score,
            **({} if momentum is None else {"momentum": momentum}),
            **({"device": "cuda"} if dynamics.engine == "cuda" else {}), **ensemble.describe_loops(mean, 1 / parts),
        }  # fmt: skip
        return EscapeTime(
            mean=value, log_mean=log_mean, log_error=mean.error, method="splitting", units="iterations",
            standard_error=mean.error * value, target=str(goal), seed=int(seed), settings=settings,
            seconds=clock.perf_counter() - began, assumptions=(plan.check, *found.checks, *mean.assumptions),
        )  # fmt: skip

    try:
        return answer(
            ensemble.repetitions(
                dynamics, plan.plan, int(repetitions), own_seed(seed, "branching"), count, stop, progress,
                None if store is None else Path(store),
            )
        )  # fmt: skip
    except SplittingInterrupted as stopped:
        raise SplittingInterrupted(stopped.found, answer(stopped.found) if len(stopped.found) > 1 else None) from None


def check_counts(repetitions: Any, particles: Any) -> None:
    """Enough repetitions for an error, and enough particles to kill a quarter of."""
    if require_count(repetitions, "repetitions") < 2:
        raise ValueError("a mean with an error needs at least 2 repetitions; got 1")
    if repetitions > MOST_REPETITIONS:
        raise ValueError(f"at most {MOST_REPETITIONS} repetitions draw independently; got {repetitions}")
    if require_count(particles, "particles") < FEWEST_PARTICLES:
        raise ValueError(f"splitting needs at least {FEWEST_PARTICLES} particles; got {particles}")
