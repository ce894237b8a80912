"""SGD's own map, the discrete chain,

    x' = x + eta b(x) + eta sqrt(C(x)) zeta,      b = -grad L,   C = 2 D / eta,   zeta standard normal.

It is not an approximation of an SDE: its learning rate is physics.  Noise C = |L''|/S, which never lets a continuous
path through an inflection point of L, does let the chain out, by its finite steps.  Times are iterations.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from fpsim.cuda.device import Device
from fpsim.numbers import share
from fpsim.paths.ensembles import Moments, Paths
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.exits import exit_times
from fpsim.paths.run import Keep
from fpsim.paths.simulate import simulate
from fpsim.paths.step import in_iterations, require_count
from fpsim.sde.sde import SDE
from fpsim.sgd.iteration import Iteration
from fpsim.sgd.momentum import HeavyBall
from fpsim.sgd.optimisers import Optimised, Optimiser, as_optimiser
from fpsim.sgd.quasipotential import QuasiPotential, quasipotential_of_chain
from fpsim.sgd.transfer import ChainPassage, passage_of_chain
from fpsim.targets import PlaceTarget, Target, as_set, as_target
from landscapes.field import as_point
from landscapes.progress import Progress, shows_progress


@dataclass(frozen=True)
class Chain(Iteration):
    """SGD with Gaussian gradient noise, iteration by iteration.

    Args:
        landscape: a landscape or drift field.
        noise: a noise model; C = 2 D / eta.  ``HessianDiffusion(at="everywhere", floor=0)`` is welcome here.
        learning_rate: eta, where the noise model has none (``ConstantDiffusion``, ``DiffusionField``).

    Raises:
        ValueError: if no learning rate is known, or two different ones are.
    """

    # --- Monte Carlo --------------------------------------------------------------------------------------------------

    def _moved(self, start: Any, momentum: float | None, optimiser: Optimiser | str | None = None) -> tuple[SDE, Any]:
        """The stepping SDE and its start: (x) plain, (x, v = 0) with momentum, (x, memories) of an optimiser."""
        optimiser = as_optimiser(optimiser)
        if optimiser is not None:
            return self._optimised(start, momentum, optimiser)
        if momentum is None:
            return self.sde, start
        share(momentum, "momentum")
        d = self.dimension
        doubled = HeavyBall(self.sde, float(momentum), self.eta)
        if callable(start):
            return doubled, lambda u: np.concatenate([start(u[:d]), np.zeros_like(u[:d])])
        points = np.asarray(start, dtype=float)
        points = as_point(points, d)[:, None] if points.ndim < 2 else points
        return doubled, np.concatenate([points, np.zeros_like(points)])

    def _optimised(self, start: Any, momentum: float | None, optimiser: Optimiser) -> tuple[SDE, Any]:
        if momentum is not None:
            raise ValueError(f"{optimiser} has its own momentum; leave out momentum={momentum:g}")
        d, sde = self.dimension, Optimised(self.sde, optimiser, self.eta)
        if callable(start):
            return sde, lambda u: sde.begin(start(u[:d]))
        points = np.asarray(start, dtype=float)
        return sde, sde.begin(as_point(points, d)[:, None] if points.ndim < 2 else points)

    @shows_progress("paths")
    def simulate(
        self,
        start: Any,
        iterations: int,
        paths: int = 1000,
        save_every: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        momentum: float | None = None,
        keep: Keep = "paths",
        dtype: DTypeLike = np.float64,
        progress: Progress = None,
        device: Device = "cpu",
        optimiser: Optimiser | str | None = None,
    ) -> Paths | Moments:
        """Simulate an ensemble; arguments as in :func:`fpsim.simulate`, its time axis counts iterations.

        Args:
            start: a point, an array (d, paths), or a callable of uniforms.
            iterations: number of SGD steps.
            momentum: heavy-ball beta in [0, 1); the velocity starts at 0 and is left out of the result.
            optimiser: :class:`~fpsim.sgd.optimisers.Adam` or :class:`~fpsim.sgd.optimisers.SignSGD` instead of SGD, or
                either in words, such as ``"adam"``.
            paths, save_every, seed, threads, keep, dtype, progress, device: as in :func:`fpsim.simulate`.

        Raises:
            DivergenceError: when a path leaves the finite numbers (learning rate too large for the landscape).
        """
        require_count(iterations, "iterations")
        sde, begin = self._moved(start, momentum, optimiser)
        with in_iterations(f"{self.eta:g}"):
            found = simulate(
                sde, begin, iterations * self.eta, self.eta, paths, save_every, seed, threads, None, keep, dtype,
                progress, device,
            )  # fmt: skip
        d, count = self.dimension, np.rint(found.time / self.eta)
        settings = {**found.settings, "units": "iterations"}
        if isinstance(found, Paths):
            return replace(found, time=count, x=found.x[..., :d], settings=settings)
        moments = {name: getattr(found, name)[:, :d] for name in ("mean", "variance", "third", "fourth")}
        return replace(found, time=count, settings=settings, **moments)

    @shows_progress("exits")
    def exit_times(
        self,
        start: Any,
        target: Any,
        paths: int = 10_000,
        seed: int = 0,
        horizon: float = math.inf,
        threads: int | None = None,
        momentum: float | None = None,
        dtype: DTypeLike = np.float64,
        progress: Progress = None,
        deadline: float = math.inf,
        device: Device = "cpu",
        optimiser: Optimiser | str | None = None,
    ) -> ExitSample:
        """Numbers of iterations until a step lands in the target (no correction for crossings in between).

        Args:
            start: a point, an array (d, paths), or a callable of uniforms (then ``target`` must be a ``Target``).
            target: a number (1-D), ``Ball``, ``HalfSpace`` or a level function of x.
            paths, seed, threads, dtype, progress: as in :func:`fpsim.simulate`.
            horizon: most iterations to follow a path (rounded up to four).
            momentum: heavy-ball beta in [0, 1), from rest.
            deadline: seconds after which all paths stop, as in :func:`fpsim.paths.exits.exit_times`.
            device: as there.
            optimiser: as in :meth:`simulate`.

        Returns:
            an :class:`~fpsim.paths.exit_sample.ExitSample` whose times and horizon count iterations; places are
            (paths, d).
        """
        goal = self._target(target, start)
        sde, begin = self._moved(start, momentum, optimiser)
        goal = goal if sde is self.sde else PlaceTarget(goal, sde.dimension // self.dimension)
        time = horizon * self.eta
        with in_iterations(f"{self.eta:g}"):
            found = exit_times(
                sde, begin, goal, paths, self.eta, seed, time, False, threads, None, dtype, progress=progress,
                deadline=deadline, device=device,
            )  # fmt: skip
        settings = {**found.settings, "units": "iterations", "learning rate": self.eta, "momentum": momentum or 0.0}
        if optimiser is not None:
            settings["optimiser"] = str(as_optimiser(optimiser))
        end = np.rint(found.horizon / self.eta) if np.isfinite(found.horizon) else found.horizon
        return replace(
            found, times=np.rint(found.times / self.eta), places=found.places[:, : self.dimension],
            horizon=float(end), step=1.0, settings=settings,
        )  # fmt: skip

    def _target(self, target: Any, start: Any) -> Target:
        known = as_set(target)
        if known is not None and (callable(start) or not callable(target)):
            return known
        if callable(start):
            raise ValueError("with a start given as a function the target must be Ball, HalfSpace or a level function")
        points = np.asarray(start, dtype=float)
        return as_target(target, as_point(points if points.ndim < 2 else points[:, 0], self.dimension))

    # --- one dimension, exactly ---------------------------------------------------------------------------------------

    def mean_exit_time(
        self, start: Any, target: Any, tolerance: float = 1e-8, accepted: float | None = None
    ) -> ChainPassage:
        """Exact mean and variance of the number of iterations, 1-D (:func:`fpsim.sgd.transfer.passage_of_chain`)."""
        goal, point = self._on_line(start, target)
        return passage_of_chain(self, point, goal, tolerance, accepted)

    def quasipotential(self, start: Any, target: Any, points: int = 1500) -> QuasiPotential:
        """V with ln(iterations) ~ S V for large batch sizes S, and the optimal jumps, 1-D only.

        See :mod:`fpsim.sgd.quasipotential`; ``points`` are the grid's between minimum and target.
        """
        goal, point = self._on_line(start, target)
        return quasipotential_of_chain(self, point, goal, points)

    def _on_line(self, start: Any, target: Any) -> tuple[Target, float]:
        if self.dimension != 1:
            raise ValueError(f"this is for 1-D chains, the landscape has {self.dimension} dimensions; use exit_times")
        point = as_point(start, 1)
        goal = as_target(target, point)
        return goal, float(point[0])
