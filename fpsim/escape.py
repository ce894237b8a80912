"""One escape, several independent routes to its mean time, one comparison.

    tau = E[ inf {t : X_t in target} | X_0 = start ]

A problem is a value.  Every route returns an :class:`~fpsim.results.EscapeTime` with its own errors and assumptions;
:meth:`EscapeProblem.compare` holds them against each other.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.description import describe, describe_walls, parts_of_problem
from fpsim.escape_time import LARGEST_LOG, EscapeTime
from fpsim.paths.exits import check_deadline
from fpsim.paths.step import check_step, require_count
from fpsim.routes.problem import Problem
from fpsim.sde.gates import require_open
from fpsim.walls import Walls, as_walls, require_place

if TYPE_CHECKING:
    from fpsim.results import Comparison
    from fpsim.routes.diagnosis import Diagnosis

Array = NDArray[np.float64]
Progress = Callable[[float], None]


@dataclass(frozen=True)
class EscapeProblem(Problem):
    """An SDE, a start and a target.

    Args:
        sde: what moves.
        start: a number or point (d,).
        target: a number (1-D: at and beyond it), ``Ball``, ``HalfSpace``, or a level function of x (d, ...) that is
            negative in the valley and >= 0 in the target.
        boundary: walls around what moves, in the words of :func:`fpsim.simulate`: ``None``, ``"reflecting"`` or
            ``"periodic"`` (on the landscape's own box), or ``Walls(kind, box)``.  Every route obeys them or refuses.

    A noise model that refers to a minimum or a saddle (``HessianDiffusion(at="minimum" | "path")``) gets the ones of
    this escape filled in; ``print(problem)`` shows them.

    Raises:
        ValueError: if the start lies in the target, outside the walls or outside the landscape's domain, or the shapes
            do not fit.
        TypeError: if the first argument is no SDE.
    """

    def to_dict(self) -> dict[str, Any]:
        """Landscape, noise, convention, start, target and walls as plain data, ready for JSON."""
        return describe(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> EscapeProblem:
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: where a part of the problem was a plain function, which plain data cannot hold.
        """
        return cls(*parts_of_problem(facts))

    def by_paths(
        self,
        paths: int = 20_000,
        step: float | None = None,
        seed: int = 0,
        horizon: float = math.inf,
        start: Any = None,
        bridge: bool = True,
        boundary: Any = None,
        threads: int | None = None,
        dtype: DTypeLike = np.float64,
        step_bias: bool = True,
        progress: Progress | None = None,
        deadline: float = math.inf,
    ) -> EscapeTime:
        """Mean exit time of simulated paths.

        Args:
            paths: number of paths.
            step: time step; by default :attr:`default_step` or a smaller one, such that no kick jumps over a feature of
                drift, D, target or walls and the bias of the mean is known and below 5 %.
            seed: seed of the random numbers.
            horizon: longest time a path is followed; what follows is told from the rate of the late exits, if that has
                settled.  Without one, paths are followed to the end if a pilot finds that it is in reach.
            start: another start, e.g. a distribution given as a callable of uniforms (d, n).
            bridge: correct for crossings between two steps (weak order 1 instead of 1/2).
            boundary: walls for the paths where the problem has none; better give them to the problem.
            threads, dtype: as in :func:`fpsim.simulate`.
            step_bias: run also at 2, 4 and 8 times the step with independent numbers, to tell the step's bias.
            progress: called with the finished share in [0, 1], anew for every step that is tried.
            deadline: seconds after which all paths stop; the mean is then that of the paths begun in time, censored at
                a horizon that all of them reached, and says so.

        Returns:
            the mean at ``step`` with its standard error and, as systematic error, the bias told from the four steps and
            what a horizon leaves open; the exits themselves in ``.sample``.

        Raises:
            ValueError: where the mean is infinite or beyond reach, where only a far smaller step than can be afforded
                would see what decides the way, or where the horizon is too short to tell what follows it.
        """
        from fpsim.routes.paths import PathsRun, by_paths

        require_open(self.sde, self.start[0], self.target)
        if require_count(paths, "paths") < 2:
            raise ValueError("a mean with an error needs at least 2 paths; got 1")
        run = PathsRun(
            self, int(paths), None if step is None else check_step(step), seed, horizon,
            self.start if start is None else start, bridge, self._walls_or(boundary), threads, dtype, step_bias,
            clock.perf_counter() + check_deadline(deadline), progress,
        )  # fmt: skip
        found = by_paths(run)
        if run.walls == self.walls:
            return found
        return found.of_problem({**self.facts, "walls": describe_walls(run.walls)}, walls=str(run.walls))

    def _walls_or(self, boundary: Any) -> Walls | None:
        """The walls of the problem, or those of an older option that may not contradict them."""
        walls = as_walls(boundary, self.sde.landscape)
        if walls is None or walls == self.walls:
            return self.walls
        if self.walls is not None:
            raise ValueError(f"this problem has {self.walls}, but by_paths was given {walls}; leave boundary= out")
        require_place(self.sde, self.point, walls)
        return walls

    def _without_walls(self, route: str) -> None:
        if self.walls is not None:
            raise ValueError(f"{route} knows no walls, and this problem has {self.walls}; use by_paths or by_grid")

    def by_quadrature(self) -> EscapeTime:
        """Exact mean and variance in one dimension, relative error about 1e-10 (:mod:`fpsim.exact.first_passage`).

        Where rounding or derivatives by differences allow no more, up to 1e-6, which the result then states.
        """
        from fpsim.exact.first_passage import first_passage

        began = clock.perf_counter()
        found = first_passage(self.sde, self.point, self.target, walls=self.walls, accepted=1e-6)
        mean = math.exp(min(found.log_mean, LARGEST_LOG))
        error = found.relative_error * mean if found.log_mean <= LARGEST_LOG else math.inf
        return self.result(
            "quadrature", began, log_mean=found.log_mean, log_error=found.relative_error, systematic_error=error,
            variance=math.exp(found.log_variance) if found.log_variance < 700 else None, settings=found.settings,
            assumptions=found.assumptions,
        )  # fmt: skip

    def by_formula(self, name: str) -> EscapeTime:
        """A closed formula by name (``fpsim.routes.formulas.kramers.FORMULAS``), with each of its assumptions checked.

        Raises:
            ValueError: for an unknown name, or a formula that does not apply to this problem.
        """
        from fpsim.routes.formulas.kramers import FORMULAS

        if name not in FORMULAS:
            raise ValueError(f"there is no formula '{name}'; known are {sorted(FORMULAS)}")
        require_open(self.sde, self.start[0], self.target)
        began = clock.perf_counter()
        found = FORMULAS[name](self.sde, self.point, self.target, walls=self.walls)
        settings = {"meaning": found.target, "reference": found.reference}
        if found.notes:
            settings["notes"] = "; ".join(found.notes)
        return self.result(
            name, began, log_mean=found.log_mean, assumptions=found.assumptions, convention=found.convention,
            settings=settings,
        )  # fmt: skip

    def by_grid(self, cells: int | None = None, deadline: float = math.inf) -> EscapeTime:
        """Mean first-passage time from the Fokker-Planck generator, 1 to 3 dimensions, extrapolated over several grids.

        Args:
            cells: per axis on the finest grid; chosen from the dimension by default.
            deadline: seconds to end within, with as many grids as fit; an error if three do not.

        Returns:
            the mean, extrapolated, with the spread of such fits as error.  Whether it converges at all is an assumption
            of the result: it does not where the noise vanishes against the drift.
        """
        from fpsim.routes.grid import escape_time_by_grid

        require_open(self.sde, self.start[0], self.target)
        began = clock.perf_counter()
        found = escape_time_by_grid(self.sde, self.point, self.target, cells, self.walls, deadline)
        settings = {**found.settings, **({} if cells is None else {"cells": cells})}
        return self.result(
            "grid", began, found.mean, systematic_error=found.error,
            variance=found.variance if math.isfinite(found.variance) else None, settings=settings,
            assumptions=found.assumptions, log_mean=found.log_mean, log_error=found.log_error,
        )  # fmt: skip

    def by_chain(self, learning_rate: float | None = None, **options: Any) -> EscapeTime:
        """Escape time of SGD's own discrete chain, in time = eta * iterations (iterations in the settings).

        Exact by transfer matrix in one dimension, Monte Carlo beyond.

        Args:
            learning_rate: eta, where the noise model has none.
            options: ``paths``, ``seed``, ``horizon``, ``threads``, ``momentum``, as in
                :func:`fpsim.routes.chain.escape_time_by_chain`.

        Raises:
            ValueError: for conventions other than Ito, or without a learning rate.
        """
        from fpsim.routes.chain import escape_time_by_chain

        self._without_walls("the chain")
        found = escape_time_by_chain(self.sde, self.point, self.target, learning_rate, **options)
        gates = dict(self.gate_settings)
        if gates:
            gates["delta"] = gates["delta"].partition(" (")[0] + " (of the SDE; the chain's finite steps jump the gap)"
        return found.of_problem(self.facts, **gates)

    def diagnose(self) -> Diagnosis:
        """What can be known before anything is run: openness of the noise, regimes, routes and their cost."""
        from fpsim.routes.diagnosis import diagnose

        return diagnose(self)

    # --- comparison ---------------------------------------------------------------------------------------------

    def compare(
        self,
        budget: float = 60.0,
        paths: int = 20_000,
        step: float | None = None,
        seed: int = 0,
        threads: int | None = None,
        dtype: DTypeLike = np.float64,
        progress: Callable[[str, float], None] | None = None,
    ) -> Comparison:
        """Every applicable route, side by side.

        Args:
            budget: seconds for all routes together.  A route that is predicted to pass what is left is listed as
                skipped with its predicted cost; the number of paths is first reduced to fit (but not below 1000).
            paths, step, seed, threads, dtype: for the route by paths.
            progress: called with the route's name and its finished share.

        Returns:
            :class:`~fpsim.results.Comparison`; print it, ``.plot()`` it, or take ``.to_json()``.
        """
        from fpsim.routes.comparing import compare

        return compare(self, budget, paths, step, seed, threads, dtype, progress)

    def formulas(self) -> list[str]:
        """The formulas worth trying for this noise and dimension."""
        if self.sde.noise.is_constant:
            return ["kramers", "kramers-next"] if self.sde.dimension == 1 else ["eyring-kramers"]
        if self.sde.dimension > 1:
            return []
        special = ["xie"] if getattr(self.sde.noise, "at", "") == "path" else []
        examples = hasattr(self.sde.landscape, "example_gradients") and hasattr(self.sde.noise, "learning_rate")
        return ["state-dependent", *special, *(["cramer"] if examples else [])]


def repeated(found: EscapeTime, changes: Mapping[str, Any]) -> EscapeTime:
    """What :meth:`fpsim.EscapeTime.repeat` documents: the run that ``found`` came from, with changed options."""
    problem, settings = EscapeProblem.from_dict(found.problem), found.settings
    if "start" in settings:
        raise ValueError(f"this run began from {settings['start']}, which this file does not hold; run by_paths again")
    if found.method in ("paths", "grid", "quadrature"):
        route = getattr(problem, f"by_{found.method}")
        known = {name: settings[name] for name in signature(route).parameters if name in settings}
        if found.seed is not None:
            known["seed"] = found.seed
        return route(**{**known, **changes})
    if found.method != "chain":
        return problem.by_formula(found.method, **changes)
    known = {"learning_rate": settings["learning rate"]}
    if settings["engine"] == "Monte Carlo":
        known |= {"paths": settings["paths"], "seed": found.seed, "momentum": settings["momentum"] or None}
    return problem.by_chain(**{**known, **changes})
