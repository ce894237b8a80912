"""What the data of several films ask of :mod:`fpsim`: particles on a speeding clock, and what is worth drawing.

The particles that are drawn are the paths whose exits are counted: a path is a function of seed and number alone, so
:func:`fpsim.simulate` and :func:`fpsim.paths.exits.exit_times` see the same one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from animations.film.clock import Clock
from animations.film.fields import Array

FINEST = 6000
"""Saved times, among which the frames are chosen."""
FINER = 0.25
"""Steps under state-dependent noise, as a share of the default: their weak error is larger where |L''| has a kink."""
MOST_STEPS = 2e10
HEADROOM = 2.6


def step_of(problem: Any) -> float:
    """The step of the particles."""
    return float(problem.default_step) * (1.0 if problem.sde.noise.is_constant else FINER)


def require_affordable(tau: float, particles: int, length: float, step: float) -> None:
    """Raise ``ValueError`` where the particles would take more steps than can be filmed."""
    if particles * length / step > MOST_STEPS:
        raise ValueError(
            f"the mean escape time is {tau:.3g}, more than can be filmed at a step of {step:g}; use stronger noise, "
            "a lower barrier or fewer particles"
        )


def ticks_of(clock: Clock, frames: int, horizon: float, tick: float) -> NDArray[np.int64]:
    """Ticks at which the frames stand, (frames,): strictly increasing from 0 to ``horizon`` (at the nearest tick)."""
    ticks = np.rint(clock.share(np.linspace(0, 1, frames)) * horizon / tick).astype(np.int64)
    return np.maximum.accumulate(np.maximum(ticks - np.arange(frames), 0)) + np.arange(frames)


def watched(
    problem: Any, particles: int, length: float, step: float, every: int, seed: int
) -> tuple[Array, Array, Array]:
    """Saved times (n,), positions (n, particles, d) and exit times (particles,), infinite if later; the same paths."""
    from fpsim.paths.exits import exit_times
    from fpsim.paths.simulate import simulate

    paths: Any = simulate(problem.sde, problem.start, length, step, particles, every, seed)
    end = min(length, float(paths.time[-1]))
    sample = exit_times(problem.sde, problem.start, problem.target, particles, step, seed, end)
    return paths.time, paths.x.astype(float), np.where(sample.censored, np.inf, sample.times)


def follow(
    problem: Any, particles: int, frames: int, horizon: float, step: float, seed: int, clock: Clock
) -> tuple[Array, Array, Array]:
    """Times (frames,), positions (frames, particles) and exit times (particles,) of paths on a line, by the clock."""
    every = max(1, int(horizon / step / max(FINEST, 4 * frames)))
    tick = every * step
    ticks = ticks_of(clock, frames, horizon, tick)
    time, x, exits = watched(problem, particles, float(ticks[-1] * tick), step, every, seed)
    return time[ticks], x[ticks, :, 0], exits


def staying(exits: Array, time: Array) -> Array:
    """Particles that have never been in the target, (times,)."""
    return np.asarray((exits[None, :] > time[:, None]).sum(axis=1))


def barrier_of(problem: Any) -> float:
    """Where the current is measured: the highest point between start and target."""
    low, high = sorted((problem.start[0], problem.target.value))
    x = np.linspace(low, high, 20001)
    return float(x[np.argmax(problem.sde.landscape.loss(x[None]))])


def window_of(problem: Any, ends: tuple[float, float]) -> tuple[float, float, float, float]:
    """(x low, x high, loss low, loss high): around start and target, where the loss stays below ``HEADROOM`` barriers.

    It depends on the landscape alone, so that two noises are seen in the same window, and ends at ``ends`` at most.
    """
    loss = problem.sde.landscape.loss
    low, high = sorted((problem.start[0], problem.target.value))
    bottom = float(loss(np.linspace(low, high, 2001)[None]).min())
    height = float(loss(np.full((1, 1), barrier_of(problem)))[0]) - bottom
    if not height > 0:
        raise ValueError("the loss is flat between start and target: there is nothing to film")
    top, sides = bottom + HEADROOM * height, []
    for end, direction in ((low, -1.0), (high, 1.0)):
        outward = end + direction * np.linspace(0.02, 2, 1000) * (high - low)
        beyond = np.flatnonzero((loss(outward[None]) > top) | (outward < ends[0]) | (outward > ends[1]))
        sides.append(float(outward[beyond[0]] if beyond.size else outward[-1]))
    return sides[0], sides[1], bottom - 0.1 * (top - bottom), top
