"""One escape, several independent routes to its mean time, one comparison.

    tau = E[ inf {t : X_t in target} | X_0 = start ]

A problem is a value.  Every route returns an :class:`~fpsim.results.EscapeTime` with its own errors and assumptions;
:meth:`EscapeProblem.compare` holds them against each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from fpsim.cuda.device import Device
from fpsim.description import describe, parts_of_problem
from fpsim.escape_time import EscapeTime
from fpsim.routes.problem import Problem
from fpsim.routes.route import route
from landscapes.progress import Progress, heard, shows_progress

if TYPE_CHECKING:
    from fpsim.results import Comparison
    from fpsim.routes.diagnosis import Diagnosis


@dataclass(frozen=True, repr=False)
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

    def by(self, name: str, **options: Any) -> EscapeTime:
        """The answer of any route by name, a row of :data:`fpsim.route.ROUTES`, with the options that it has.

        Raises:
            ValueError: for an unknown name, or a route that does not apply to this problem.
        """
        return route(name).answer(self, **options)

    @shows_progress("paths")
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
        progress: Progress = None,
        deadline: float = math.inf,
        device: Device = "cpu",
        fast_math: bool = False,
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
            progress: ``True`` for a bar, or called with the share in [0, 1], anew for every step that is tried.
            deadline: seconds after which all paths stop; the mean is then that of the paths begun in time, censored at
                a horizon that all of them reached, and says so.
            device, fast_math: as in :func:`fpsim.simulate`; pilots run on the CPU.

        Returns:
            the mean at ``step`` with its standard error and, as systematic error, the bias told from the four steps and
            what a horizon leaves open; the exits themselves in ``.sample``.

        Raises:
            ValueError: where the mean is infinite or beyond reach, where only a far smaller step than can be afforded
                would see what decides the way, or where the horizon is too short to tell what follows it.
        """
        return route("paths").answer(
            self, paths, step, seed, horizon, start, bridge, boundary, threads, dtype, step_bias, progress, deadline,
            device, fast_math,
        )  # fmt: skip

    @shows_progress("splitting")
    def by_splitting(
        self,
        seed: int = 0,
        repetitions: int = 20,
        particles: int = 1000,
        score: Any = None,
        step: float | None = None,
        threads: int | None = None,
        step_bias: bool = True,
        progress: Progress = None,
        deadline: float = math.inf,
        store: str | Path | None = None,
        device: Device = "cpu",
    ) -> EscapeTime:
        """Mean exit time by adaptive multilevel splitting: paths in stages, for times that plain paths never reach.

        Args:
            seed: seed of the random numbers.
            repetitions: independent ones, whose scatter is the standard error; 2 or more.
            particles: flights of a repetition, 8 or more; the error falls like (repetitions * particles)^-1/2.
            score: what rises on the way to the target: ``None``, the distance to its edge; ``"committor"``, that of a
                grid (1 to 3 dimensions); an array (k, d), points of a path, whose arc length counts; or a function of
                x (d, n).  Any score gives the right mean; a bad one large errors, which the result tells.
            step, threads, step_bias: as in :meth:`by_paths`.
            progress: ``True`` for a bar, or called with the share in [0, 1], anew for every step that is tried.
            deadline: seconds after which no repetition goes on; those that have ended give the mean.
            store: a file that keeps the repetitions at the finest step, so that the same call goes on where an earlier
                one was interrupted.
            device: where flights go, as in :func:`fpsim.simulate`; levels and copies are made on the host, and walkers
                fly on the CPU.  ``"auto"`` takes a flight to last 1000 steps.

        Returns:
            the mean at ``step`` with its standard error and, as systematic error, the bias told from four steps.

        Raises:
            ValueError: where the mean is infinite, the score does not tell places apart, or no flight arrives.
            SplittingInterrupted: on Ctrl-C, a ``KeyboardInterrupt``.
        """
        return route("splitting").answer(
            self, seed, repetitions, particles, score, step, threads, step_bias, progress, deadline, store, device
        )

    def by_quadrature(self) -> EscapeTime:
        """Exact mean and variance in one dimension, relative error about 1e-10 (:mod:`fpsim.exact.first_passage`).

        Where rounding or derivatives by differences allow no more, up to 1e-6, which the result then states.
        """
        return route("quadrature").answer(self)

    @shows_progress("formula")
    def by_formula(self, name: str, *, progress: Progress = None, **options: Any) -> EscapeTime:
        """A closed formula by name (a row of :data:`fpsim.route.ROUTES`), with each of its assumptions checked.

        Args:
            name: ``"kramers"``, ``"eyring-kramers"`` and so on.
            progress: as in :meth:`by_grid`; those that look for a path first take a while.
            options: those that the formula has, such as ``as_published`` of ``"xie"``.

        Raises:
            ValueError: for an unknown name, or a formula that does not apply to this problem.
        """
        from fpsim.routes.formulas.formula import formulas

        known = formulas()
        if name not in known:
            raise ValueError(f"there is no formula '{name}'; known are {sorted(known)}")
        with heard(progress):
            return known[name].answer(self, **options)

    @shows_progress("grids")
    def by_grid(self, cells: int | None = None, deadline: float = math.inf, progress: Progress = None) -> EscapeTime:
        """Mean first-passage time from the Fokker-Planck generator, 1 to 3 dimensions, extrapolated over several grids.

        Args:
            cells: per axis on the finest grid; chosen from the dimension by default.
            deadline: seconds to end within, with as many grids as fit; an error if three do not.
            progress: ``True`` for a bar, or called with the share of the work that is done, after each grid.

        Returns:
            the mean, extrapolated, with the spread of such fits as error.  Whether it converges at all is an assumption
            of the result: it does not where the noise vanishes against the drift.
        """
        return route("grid").answer(self, cells, deadline, progress)

    def by_chain(self, learning_rate: float | None = None, **options: Any) -> EscapeTime:
        """Escape time of SGD's own discrete chain, in time = eta * iterations (iterations in the settings).

        Exact by transfer matrix in one dimension, Monte Carlo beyond.

        Args:
            learning_rate: eta, where the noise model has none.
            options: ``paths``, ``seed``, ``horizon``, ``threads``, ``momentum``, ``optimiser``, as in
                :func:`fpsim.routes.chain.escape_time_by_chain`.

        Raises:
            ValueError: for conventions other than Ito, or without a learning rate.
        """
        return route("chain").answer(self, learning_rate, **options)

    def diagnose(self) -> Diagnosis:
        """What can be known before anything is run: openness of the noise, regimes, routes and their cost."""
        from fpsim.routes.diagnosis import diagnose

        return diagnose(self)

    @shows_progress("routes", lambda name, share: (share, name))
    def compare(
        self,
        budget: float = 60.0,
        paths: int = 20_000,
        step: float | None = None,
        seed: int = 0,
        threads: int | None = None,
        dtype: DTypeLike = np.float64,
        progress: Progress = None,
        device: Device = "cpu",
    ) -> Comparison:
        """Every applicable route, side by side.

        Args:
            budget: seconds for all routes together.  A route that is predicted to pass what is left is listed as
                skipped with its predicted cost; the number of paths is first reduced to fit (but not below 1000).
            paths, step, seed, threads, dtype: for the route by paths.
            progress: ``True`` for a bar, or called with the route's name and its finished share.
            device: for the routes that sample, as in :func:`fpsim.simulate`.

        Returns:
            :class:`~fpsim.results.Comparison`; print it, ``.plot()`` it, or take ``.to_json()``.
        """
        from fpsim.routes.comparing import compare

        return compare(self, budget, paths, step, seed, threads, dtype, progress, device)

    def plot(self, axes: Any = None) -> Any:
        """In two dimensions: contours, the most probable way, saddles with their index, the committor; the figure.

        Raises:
            ValueError: in other dimensions, or without a box to draw.
        """
        from fpsim.routes.view import escape_view

        return escape_view(self).plot(axes)

    def formulas(self) -> list[str]:
        """The formulas worth trying for this noise and dimension."""
        from fpsim.routes.formulas.formula import formulas

        return [name for name, formula in formulas().items() if formula.applies(self)]
