"""What happens in one shot: particles on a speeding clock, their density, and the routes to their mean escape time.

    t_k = horizon (exp(a k/n) - 1) / (exp(a) - 1)        the clock, a = SPEED_UP

Everything is asked of :mod:`fpsim`; nothing is computed here but times and windows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SPEED_UP = 4.0
"""A shot's clock runs exp(4) times faster at its end than at its start, so that single steps are seen at first."""
FINEST = 6000
"""Saved times per shot, among which the frames are chosen."""
FINER = 0.25
"""Steps under state-dependent noise, as a share of the default: their weak error is larger where |L''| has a kink."""
ROUTE_STEPS = 6e8
"""Path-steps spent on the Monte Carlo route of one shot."""
HEADROOM = 2.6


def clock(frames: int, horizon: float, tick: float) -> NDArray[np.int64]:
    """Ticks at which the frames stand, (frames,): strictly increasing from 0 to ``horizon`` (at the nearest tick)."""
    share = np.expm1(SPEED_UP * np.linspace(0, 1, frames)) / np.expm1(SPEED_UP)
    ticks = np.rint(share * horizon / tick).astype(np.int64)
    return np.maximum.accumulate(np.maximum(ticks - np.arange(frames), 0)) + np.arange(frames)


def routes_to(problem: Any, paths: int, seed: int) -> tuple[dict[str, tuple[float, float]], tuple[str, ...], float]:
    """Mean escape times with errors by each route, assumptions of the formula that fail, and the step of the paths."""
    step = problem.default_step * (1.0 if problem.sde.noise.is_constant else FINER)
    found = {"quadrature": problem.by_quadrature(), "grid": problem.by_grid()}
    affordable = int(min(paths, ROUTE_STEPS / 1.5 * step / found["quadrature"].mean))
    if affordable >= 100:
        found["paths"] = problem.by_paths(affordable, step, seed)
    name = formula_for(problem)
    failed: tuple[str, ...] = ()
    try:
        found[name] = problem.by_formula(name)
        failed = tuple(a.statement for a in found[name].violated)
    except ValueError as error:  # the formula does not apply here; the film says so and goes on without it
        failed = (str(error),)
    return {key: (route.mean, route.error) for key, route in found.items()}, failed, step


def formula_for(problem: Any) -> str:
    """The closed formula that belongs to the problem's noise."""
    noise = problem.sde.noise
    if noise.is_constant:
        return "white-noise"
    return "xie" if getattr(noise, "at", "") == "path" else "state-dependent"


def follow(
    problem: Any, particles: int, frames: int, horizon: float, step: float, seed: int
) -> tuple[Array, Array, Array]:
    """Times (frames,), positions (frames, particles) and exit times (particles,) of the same paths."""
    from fpsim.paths.exits import exit_times
    from fpsim.paths.simulate import simulate

    every = max(1, int(horizon / step / max(FINEST, 4 * frames)))
    tick = every * step
    ticks = clock(frames, horizon, tick)
    length = float(ticks[-1] * tick)
    paths = simulate(problem.sde, problem.start, length, step, particles, every, seed)
    sample = exit_times(problem.sde, problem.start, problem.target, particles, step, seed, length)
    exits = np.where(sample.censored, np.inf, sample.times)
    return paths.time[ticks], paths.x[ticks, :, 0].astype(float), exits  # type: ignore[union-attr]


def barrier_of(problem: Any) -> float:
    """Where the current is measured: the highest point between start and target."""
    low, high = sorted((problem.start[0], problem.target.value))
    x = np.linspace(low, high, 20001)
    return float(x[np.argmax(problem.sde.landscape.loss(x[None]))])


def densities(problem: Any, time: Array, barrier: float, cells: int) -> tuple[Array, Array, Array, Array]:
    """Cell centres (cells,), density (frames, cells), current at the barrier (frames,) and survival (frames,)."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    grid = automatic_grid(problem.sde, problem.point, None, cells)
    solver = FokkerPlanck(problem.sde, grid)
    fitted = FokkerPlanck(problem.sde, automatic_grid(problem.sde, problem.point, problem.target, cells))
    density = solver.evolve(problem.point, time).density.values
    x, direction = grid.centers(0), problem.target.direction
    current = np.array([direction * np.interp(barrier, x, solver.current(p).current.values[0]) for p in density])
    survival = fitted.survival(problem.point, problem.target, time).survival.values
    return x, density, current, survival


def window_of(problem: Any, barrier: float, x: Array) -> tuple[float, float, float, float]:
    """(x low, x high, loss low, loss high): around both ends, where the loss stays below ``HEADROOM`` barriers.

    It depends on the landscape alone, so that two noises are seen in the same window.
    """
    place = problem.sde.landscape
    ends = sorted((problem.start[0], problem.target.value))
    between = place.loss(np.linspace(ends[0], ends[1], 2001)[None])
    bottom, height = float(between.min()), float(place.loss(np.full((1, 1), barrier))[0] - between.min())
    if not height > 0:
        raise ValueError("the loss is flat between start and target: there is nothing to film")
    top = bottom + HEADROOM * height
    width = ends[1] - ends[0]

    def side(end: float, direction: float) -> float:
        outward = end + direction * np.linspace(0.02, 2, 1000) * width
        beyond = np.flatnonzero((place.loss(outward[None]) > top) | (outward < x[0]) | (outward > x[-1]))
        return float(outward[beyond[0]] if beyond.size else outward[-1])

    return side(ends[0], -1.0), side(ends[1], 1.0), bottom - 0.1 * (top - bottom), top
