"""Under a schedule there is no one escape time: what is asked is the chance to be left at a time,

    S(t) = P(no X_s in the target for s <= t),        X_0 = start

by paths, by the grid, by SGD's own chain, and by the quasi-static hazard integral, held against each other.
"""

from __future__ import annotations

import math
import time as clock
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.assumption import Assumption
from fpsim.density.automatic import DEFAULT_CELLS, FEWEST_CELLS, fitted_grid, require_cells
from fpsim.density.bounds import needed_box
from fpsim.density.fokker_planck import FokkerPlanck
from fpsim.density.moving import survived, times_of
from fpsim.density.space import Space
from fpsim.noise.borrowed import StepNoise
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.exits import check_deadline, exit_times
from fpsim.paths.step import in_iterations
from fpsim.schedules.scheduled import Scheduled
from fpsim.sde.sde import SDE
from fpsim.survival.hazard import hazard
from fpsim.survival.result import Survival
from fpsim.targets import as_target
from landscapes.field import as_point
from landscapes.progress import Progress, heard, part, shows_progress

Array = NDArray[np.float64]
STEPS, LARGE = 1e-5, 1e-3
"""Error of the time steps on a grid that is aimed at, and that is called small."""
STIFF = 0.2
"""Largest step times curvature at the start's rest that is called fine."""


@dataclass(frozen=True)
class SurvivalProblem:
    """A scheduled SDE, a start and a target.

    Args:
        sde: what moves, a :class:`fpsim.Scheduled`; for one that stays the same there is :class:`fpsim.EscapeProblem`.
        start: a number or point (d,).
        target: as in :class:`fpsim.EscapeProblem`.

    Raises:
        TypeError: if the first argument is not scheduled.
        ValueError: if the start lies in the target or the shapes do not fit.
    """

    sde: Scheduled
    start: Any  # as given; a tuple[float, ...] from here on
    target: Any  # as given; a Target from here on

    def __post_init__(self) -> None:
        if not isinstance(self.sde, Scheduled):
            raise TypeError(
                "SurvivalProblem takes an SDE under a schedule, fpsim.Scheduled(sde, ...); for one that stays the same "
                f"there is EscapeProblem; got {self.sde!r}"
            )
        self.sde.refuse_inertia("SurvivalProblem")
        point = as_point(self.start, self.sde.dimension) + 0.0
        object.__setattr__(self, "start", tuple(point.tolist()))
        object.__setattr__(self, "target", as_target(self.target, point))

    def __str__(self) -> str:
        return f"escape from {list(self.start)} to {self.target} on {self.sde}"

    # --- routes -------------------------------------------------------------------------------------------------------

    @shows_progress("paths")
    def by_paths(
        self, times: ArrayLike, paths: int = 20_000, step: float | None = None, seed: int = 0,
        threads: int | None = None, progress: Progress = None,
    ) -> Survival:  # fmt: skip
        """The share of paths left, by Euler steps with the bridge test, at ``step`` and (for its bias) at twice that.

        Args:
            times: increasing times > 0 of the schedule's clock.
            paths: how many.
            step: in units of the clock; by default 0.02 over the largest curvature where the start comes to rest.
            seed, threads, progress: as in :func:`fpsim.simulate`.
        """
        began, moments = clock.perf_counter(), times_of(times)
        size = self._stiffness(moments)
        h = 0.02 / size if step is None else float(step)
        fine = exit_times(self.sde, *self._ends, paths, h, seed, moments[-1], True, threads, progress=progress)
        rough = exit_times(self.sde, *self._ends, paths, 2 * h, seed, moments[-1], True, threads, coarse=True)
        chance, error = _left(fine, moments)
        other, _ = _left(rough, moments)
        check = Assumption(
            f"step * curvature at rest <= {STIFF:g}", h * size <= STIFF, f"{h * size:.2g}", key="stiffness"
        )
        return self._found(
            "paths", began, moments, chance, error, np.abs(chance - other), (check,), paths=paths, step=h, seed=seed
        )

    @shows_progress("chain")
    def by_chain(
        self, times: ArrayLike, paths: int = 20_000, seed: int = 0, threads: int | None = None,
        progress: Progress = None,
    ) -> Survival:  # fmt: skip
        """The share of paths of SGD itself that are left: steps of one iteration, watched at the steps.

        Raises:
            ValueError: unless the schedule counts iterations.
        """
        if self.sde.clock != "iterations":
            raise ValueError("a chain counts iterations, and this schedule's clock is time; give clock='iterations'")
        began, moments = clock.perf_counter(), times_of(times)
        plain = self.sde.sde
        if plain.convention != "ito":
            raise ValueError(
                f"a chain draws its noise at the point it leaves, the Ito convention, not {plain.convention}"
            )
        stepping = replace(self.sde, sde=SDE(plain.landscape, StepNoise(plain.noise)))
        with in_iterations(self._rate):
            found = exit_times(stepping, *self._ends, paths, 1.0, seed, moments[-1], False, threads, progress=progress)
        chance, error = _left(found, moments)
        return self._found("chain", began, moments, chance, error, np.zeros_like(chance), (), paths=paths, seed=seed)

    @shows_progress("grid")
    def by_grid(
        self, times: ArrayLike, cells: int | None = None, deadline: float = math.inf, progress: Progress = None
    ) -> Survival:
        """The Fokker-Planck equation of every moment (:meth:`fpsim.FokkerPlanck.survival`), one to three dimensions.

        Args:
            times: increasing times of the schedule's clock.
            cells: per axis; chosen from the dimension by default.
            deadline: seconds after which steps are made no finer, which the error tells; refused if there is no
                answer after some more.
            progress: as in :func:`fpsim.simulate`.
        """
        began, moments = clock.perf_counter(), times_of(times)
        ends = began + check_deadline(deadline)
        cells = None if cells is None else require_cells(cells, FEWEST_CELLS)
        equation = FokkerPlanck(self.sde, self._grid(moments, cells))
        with heard(progress):
            with part(0.0, 0.6):
                data = survived(equation, list(self.start), self.target, moments, STEPS, ends)
            with part(0.6, 1.0):  # on coarser cells
                error = np.full(moments.size, data.attrs["discretisation_error"] + data.attrs["time_error"])
        checks = tuple(Assumption(**facts) for facts in _read(data.attrs["assumptions"]))
        small, settled = f"the time steps' error is at most {LARGE:g}", data.attrs["time_error"] <= LARGE
        checks += (Assumption(small, settled, f"{data.attrs['time_error']:.2g}", key="time steps"),)
        return self._found(
            "grid", began, moments, data.survival.values, np.zeros(moments.size), error, checks,
            grid=str(equation.grid), time_steps=data.attrs["time_steps"],
        )  # fmt: skip

    @shows_progress("moments")
    def quasi_static(self, times: ArrayLike, route: str | None = None, progress: Progress = None) -> Survival:
        """``exp(-int k)``: at every moment the escape rate of that moment (:mod:`fpsim.survival.hazard`).

        Args:
            times: increasing times of the schedule's clock.
            route: any route of :class:`fpsim.EscapeProblem` to the mean time, such as ``"kramers"``; by default
                ``"quadrature"`` in one dimension, else ``"eyring-kramers"``.
            progress: as in :func:`fpsim.simulate`.

        Returns:
            a survival whose assumptions say whether the schedule is slow enough and exits are rare enough.
        """
        began, moments = clock.perf_counter(), times_of(times)
        self.sde.require(float(moments[-1]))
        name = route or ("quadrature" if self.sde.dimension == 1 else "eyring-kramers")
        with heard(progress):
            rate = hazard(self.sde, self.start, self.target, float(moments[-1]), name)
        total = rate.integral(moments)
        error = rate.error(moments) + (rate.interpolation + rate.errors) * total
        chance = np.exp(-total)
        return self._found(
            "quasi-static", began, moments, chance, np.zeros(moments.size), np.minimum(chance * np.expm1(error), 1.0),
            rate.checks(), route=name, moments=rate.knots.size,
        )  # fmt: skip

    # --- what they share ----------------------------------------------------------------------------------------------

    @property
    def _rate(self) -> str:
        """The learning rate of a schedule that counts iterations, in words."""
        plan = self.sde
        known = plan.learning_rate or plan.sde.noise.minibatch.learning_rate  # type: ignore[union-attr]
        return str(known)

    @property
    def _ends(self) -> tuple[list[float], Any]:
        return list(self.start), self.target

    def _stiffness(self, times: Array) -> float:
        """Largest curvature where the start comes to rest, in units of the clock, over some moments."""
        from fpsim.escape import EscapeProblem

        self.sde.require(float(times[-1]))
        t = self.sde.extremes(float(times[-1]))
        curvature = max(EscapeProblem(self.sde.at(one), *self._ends).stiffness for one in t)
        return float(curvature * self.sde.pace(np.array(t)).max())

    def _grid(self, times: Array, cells: int | None) -> Any:
        """A grid that holds what every moment needs."""
        self.sde.require(float(times[-1]))
        point, boxes = np.array(self.start), []
        for t in self.sde.extremes(float(times[-1])):
            sde = self.sde.at(t)
            space = Space.of(sde, point)
            boxes.append(needed_box(sde, point, self.target, space))
        both = np.array(boxes)
        box = tuple(zip(both[..., 0].min(axis=0).tolist(), both[..., 1].max(axis=0).tolist(), strict=True))
        return fitted_grid(box, point, self.target, cells or DEFAULT_CELLS[self.sde.dimension], space.fixed(box))

    def _found(
        self, method: str, began: float, times: Array, chance: Array, standard: Array, systematic: Array,
        checks: tuple[Assumption, ...], **settings: Any,
    ) -> Survival:  # fmt: skip
        return Survival(
            time=times, chance=chance, standard_error=standard, systematic_error=systematic, method=method,
            units=self.sde.units, assumptions=checks, seconds=clock.perf_counter() - began,
            settings={"problem": str(self), **settings},
        )  # fmt: skip


def _left(sample: ExitSample, times: Array) -> tuple[Array, Array]:
    """Shares not out yet, and their standard errors (Agresti and Coull 1998, so that none is zero)."""
    n = sample.times.size
    out = np.sort(sample.times[~sample.censored])
    left = n - np.searchsorted(out, times, side="right")
    share = (left + 2) / (n + 4)
    return left / n, np.sqrt(share * (1 - share) / (n + 4))


def _read(text: Any) -> list[dict[str, Any]]:
    import json

    return list(json.loads(text)) if isinstance(text, str) else list(text)
