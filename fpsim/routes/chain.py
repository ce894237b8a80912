"""The escape time of SGD's own chain (:mod:`fpsim.sgd.chain`), exact in one dimension, by Monte Carlo beyond.

tau = eta E[ iterations until a step lands in the target ]
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.cuda.device import Device
from fpsim.escape_time import EscapeTime
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.exits import check_deadline
from fpsim.paths.step import require_count
from fpsim.routes.allowance import OverBudgetError
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.reach import Reach
from fpsim.routes.route import Route
from fpsim.routes.speed import affordable_paths
from fpsim.sde.sde import SDE
from fpsim.sgd.chain import Chain
from fpsim.sgd.optimisers import Optimiser, as_optimiser
from fpsim.splitting.iterations import split_iterations
from fpsim.targets import as_target
from landscapes.field import as_point
from landscapes.progress import Progress, shows_progress

Array = NDArray[np.float64]


REPETITIONS = 20


class ChainRoute(Route):
    """SGD's own finite steps: exact on a line, sampled beyond."""

    name = "chain"
    reference = "Kemeny and Snell, Finite Markov Chains (1960), chapter III: m = 1 + P m"
    papers = ("kemeny1960",)
    share, alone = 0.7, 1.0

    def applies(self, problem: Problem) -> bool:
        """Where the noise is that of steps of a size."""
        return problem.sde.noise.minibatch is not None

    def samples(self, problem: Problem) -> bool:
        """Beyond one dimension."""
        return problem.sde.dimension > 1

    def answer(self, problem: Problem, learning_rate: float | None = None, **options: Any) -> EscapeTime:
        """What :meth:`fpsim.EscapeProblem.by_chain` documents."""
        if problem.walls is not None:
            raise ValueError(f"the chain knows no walls, and this problem has {problem.walls}; use by_paths or by_grid")
        found = escape_time_by_chain(problem.sde, problem.point, problem.target, learning_rate, **options)
        gates = dict(problem.gate_settings)
        if gates:
            gates["delta"] = gates["delta"].partition(" (")[0] + " (of the SDE; the chain's finite steps jump the gap)"
        return found.of_problem(problem.facts, **gates)

    def within(self, problem: Problem, plan: Plan, share: float) -> EscapeTime:
        """Exact on a line; Monte Carlo beyond, where its predicted cost fits."""
        if problem.sde.dimension == 1:
            return self.answer(problem)
        own = problem.sde.noise.minibatch
        assert own is not None
        try:
            step = 1.5 * own.learning_rate
            count = affordable_paths(problem, plan.paths, step, plan.expected(), plan.allowance, None, plan.device)
        except OverBudgetError:
            left = max(0.85 * share * plan.allowance.left, 1e-3)
            return self.answer(problem, repetitions=REPETITIONS, seed=plan.seed, deadline=left, device=plan.device)
        return self.answer(problem, paths=count, seed=plan.seed, device=plan.device)

    def options(self, found: EscapeTime) -> dict[str, Any]:
        """The learning rate, and those of Monte Carlo where it was."""
        known = {"learning_rate": found.settings["learning rate"], "device": found.settings.get("device", "cpu")}
        if found.settings["engine"] == "Monte Carlo":
            known |= {"paths": found.settings["paths"], "momentum": found.settings["momentum"] or None}
            known |= {"seed": found.seed, "optimiser": found.settings.get("optimiser")}
        if found.settings["engine"] == "splitting":
            known |= {"repetitions": found.settings["repetitions"], "particles": found.settings["particles"]}
            known |= {"momentum": found.settings.get("momentum"), "seed": found.seed}
        return known


by_chain = ChainRoute()


@shows_progress("chain")
def escape_time_by_chain(
    sde: SDE,
    start: Any,
    target: Any,
    learning_rate: float | None = None,
    paths: int = 20_000,
    seed: int = 0,
    horizon: float = math.inf,
    threads: int | None = None,
    momentum: float | None = None,
    tolerance: float = 1e-8,
    progress: Progress = None,
    repetitions: int | None = None,
    particles: int = 1000,
    deadline: float = math.inf,
    device: Device = "cpu",
    optimiser: Optimiser | str | None = None,
) -> EscapeTime:
    """The escape time of SGD's own chain, in time = eta * iterations; iterations stand in the settings.

    By transfer matrix in one dimension, by Monte Carlo beyond, with momentum, for another optimiser, or for a level
    function; by splitting if that is asked for.

    Args:
        sde: landscape and noise; the convention must be Ito.
        start: a point (d,).
        target: a number (1-D), ``Ball``, ``HalfSpace`` or a level function.
        learning_rate: eta, where the noise model has none.
        paths, seed, horizon, threads, momentum, progress: for Monte Carlo, as in :meth:`Chain.exit_times`.
        repetitions, particles: for splitting (:func:`fpsim.split_iterations`), if repetitions are asked for.
        deadline: seconds for what samples, which ends with what it has by then.
        device: for paths and flights, as in :func:`fpsim.simulate`.
        tolerance: relative error of the transfer matrix; long times may have one of 1e-6, which the result states.
        optimiser: ``fpsim.Adam()``, ``fpsim.SignSGD()`` or either in words, by Monte Carlo.

    Raises:
        ValueError: for conventions other than Ito, without a learning rate, for an optimiser by splitting, or where
            paths are out of reach and no horizon is given.
    """
    began = clock.perf_counter()
    chain = Chain.from_sde(sde, learning_rate)
    point = as_point(start, chain.dimension)
    optimiser = as_optimiser(optimiser)
    goal, stable = as_target(target, point), _stability(chain, point, momentum or 0.0, optimiser)
    if repetitions is not None:
        if optimiser is not None:
            raise ValueError(f"splitting knows SGD, plain or with momentum, not {optimiser}; leave out repetitions=")
        found = split_iterations(
            chain, point, goal, seed, repetitions, particles, threads=threads, progress=progress, deadline=deadline,
            momentum=momentum, device=device,
        )  # fmt: skip
        return _in_time(found, chain, sde.convention, stable)
    if chain.dimension == 1 and momentum is None and optimiser is None and goal.interval() is not None:
        passage = chain.mean_exit_time(point, goal, tolerance, max(tolerance, 1e-6))
        facts, settings = _by_matrix(passage, chain.eta)
    else:
        ends = clock.perf_counter() + check_deadline(deadline)

        def run(paths: int, horizon: float, on: Device = device) -> ExitSample:
            left = max(ends - clock.perf_counter(), 1e-3)
            return chain.exit_times(
                point, goal, paths, seed, horizon, threads, momentum, progress=progress, deadline=left, device=on,
                optimiser=optimiser,
            )  # fmt: skip

        sample = run(paths, horizon) if math.isfinite(horizon) else _to_the_end(run, paths, chain.dimension)
        facts, settings = _by_sample(sample, chain.eta)
        settings |= {"engine": "Monte Carlo", "paths": paths, "momentum": momentum or 0.0}
        settings |= {} if device == "cpu" else {"device": device}
        settings |= {} if optimiser is None else {"optimiser": str(optimiser)}
        facts["seed"] = int(seed)
    return EscapeTime(
        method="chain", convention=sde.convention, target=str(goal), settings={"learning rate": chain.eta, **settings},
        seconds=clock.perf_counter() - began, assumptions=(stable,), **facts,
    )  # fmt: skip


def _by_matrix(passage: Any, eta: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers and settings of an answer by transfer matrix."""
    settings = {"iterations": passage.iterations, "engine": "transfer matrix", "domain": passage.domain}
    settings["states"] = passage.nodes
    facts = {"mean": passage.time, "variance": passage.time_variance, "log_error": passage.relative_error}
    facts["log_mean"] = passage.log_iterations + math.log(eta)
    if math.isfinite(passage.time):
        facts["systematic_error"] = passage.relative_error * passage.time
    else:
        settings["ln(iterations)"] = passage.log_iterations
    return facts, settings


def _to_the_end(run: Callable[..., ExitSample], paths: int, dimension: int) -> ExitSample:
    """All paths to their ends; :class:`fpsim.routes.reach.BeyondReachError` where a pilot finds them out of reach."""
    require_count(paths, "paths")
    reach = Reach(run, paths, 1.0, dimension, lambda said: None)
    sample = reach.complete(replace(reach, run=partial(run, on="cpu")).pilot())
    return sample if sample.censored.any() else replace(sample, horizon=math.inf)


def _by_sample(sample: ExitSample, eta: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Numbers and settings of an answer by exits that were drawn, in iterations."""
    count, error = sample.mean_and_error()
    censored = int(sample.censored.sum())
    variance = None if censored or sample.times.size < 2 else float(eta**2 * np.var(sample.times, ddof=1))
    in_time = replace(
        sample, times=eta * sample.times, horizon=eta * sample.horizon, step=eta,
        settings={**sample.settings, "units": "time"},
    )  # fmt: skip
    facts = {"mean": eta * count, "standard_error": eta * error, "variance": variance, "censored": censored}
    return {**facts, "sample": in_time}, {"iterations": count}


def _in_time(found: EscapeTime, chain: Chain, convention: str, stable: Assumption) -> EscapeTime:
    """An answer by splitting, in iterations, as one of this route."""
    eta = chain.eta
    settings = {"learning rate": eta, "iterations": found.mean, "engine": "splitting", **found.settings}
    return replace(
        found, mean=eta * found.mean, log_mean=found.log_mean + math.log(eta), method="chain", units="time",
        standard_error=eta * found.standard_error, convention=convention, settings=settings,
        assumptions=(stable, *found.assumptions),
    )  # fmt: skip


def _stability(chain: Chain, point: Array, momentum: float, optimiser: Optimiser | None) -> Assumption:
    """Whether the noiseless map is stable where it starts: eta H / (1 + beta) < 2 for heavy-ball momentum beta."""
    curvature = float(np.abs(np.linalg.eigvals(chain.landscape.jacobian(point[:, None])[..., 0])).max())
    statement, stiffness = "learning rate * curvature at the start < 2", chain.eta * curvature / (1 + momentum)
    if momentum:
        statement = "learning rate * curvature at the start < 2 (1 + momentum)"
    if optimiser is not None:
        seconds = chain.second_moment(point[:, None])
        statement = f"steps of {optimiser} come to rest at the start without noise"
        stiffness = optimiser.stiffness(chain.eta, curvature, float(seconds.min()))
    return Assumption(statement, stiffness < 2, f"{stiffness * (1 + momentum):.3g}", key="stiffness")
