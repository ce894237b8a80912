"""Flights step by step on arrays: what :mod:`fpsim.kernels.flights` does, readable, and for what is not compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.numpy_kernels import bridge_crosses
from fpsim.paths.step import LIMITS
from fpsim.splitting.dynamics import ALOFT, ARRIVED, BACK, REACHED, Flown, Integers, Log, Stop, UnscoredError, Until

Array = NDArray[np.float64]
LIMIT = LIMITS["float64"]


@np.errstate(over="ignore", invalid="ignore")  # of flights that are lost, which are looked for
def fly_steps(
    starts: Array, numbers: Integers, first: Array, until: Until, recording: bool, stop: Stop,
    advance: Callable[[Array, Integers, int], Array], wall: Callable[[Array], tuple[Array, Array]],
    score: Callable[[Array], Array] | None, fold: Callable[[Array], Array] | None, bridge: tuple[int, int] | None,
    lost: Callable[[int, int], Exception],
) -> Flown:  # fmt: skip
    """Flights, all of them in step.

    Args:
        starts, numbers, first, until, recording, stop: as in :meth:`fpsim.splitting.dynamics.Dynamics.fly`.
        advance: x (d, n), path numbers (n,) and the number of the step -> x one step later.
        wall: x (d, n) -> signed distance to the target (n,) and 1/(D_n h) (n,).
        score: x (d, n) -> (n,); ``None``: the distance.
        fold: what walls and edges make of the end of a step, if there are any.
        bridge: seed and stream of the tests for arrivals between two steps; ``None``: there are none.
        lost: the error for a flight lost at a step.
    """
    n, d = starts.shape
    ends, steps, places = np.full(n, ALOFT, np.int8), np.full(n, np.nan), np.empty((n, d))
    rows: list[tuple[NDArray[Any], ...]] = []
    alive, best, x, k = np.arange(n), np.array(first, dtype=float), np.array(starts.T), 0
    here, rate = wall(x)

    def end(which: NDArray[np.bool_], kind: int, when: Any, where: Array) -> None:
        ends[alive[which]], places[alive[which]] = kind, where[:, which].T
        steps[alive[which]] = when[which] if np.ndim(when) else when

    def record(which: NDArray[np.bool_], values: Array, when: Any, where: Array) -> None:
        if recording and which.any():
            rows.append((alive[which], values[which], np.broadcast_to(when, which.shape)[which], where[:, which].T))

    while alive.size and k < 4 * until.quads:
        y = advance(x, numbers[alive], k)
        there, next_rate = wall(y)
        sound = np.all(np.abs(y) <= LIMIT, axis=0)
        came, share = _arrivals(here, there, rate, sound, numbers[alive], k, bridge)
        record(came, np.full(alive.size, np.inf), k + share, x + share * (y - x))
        end(came, ARRIVED, k + share, x + share * (y - x))
        y = y if fold is None else fold(y)
        sound &= np.all(np.abs(y) <= LIMIT, axis=0)
        if not (sound | came).all():
            raise lost(int(alive[np.argmin(sound | came)]), k + 1)
        values = there if score is None else score(y)
        if np.isnan(values[~came]).any():
            raise UnscoredError(y[:, np.flatnonzero(~came & np.isnan(values))[0]])
        higher = ~came & (values > best[alive])
        best[alive[higher]] = values[higher]
        record(higher, values, k + 1.0, y)
        reached = ~came & (values >= until.high)
        back = ~came & ~reached & (values <= until.low) & (k // 4 * 4 >= until.low_from)
        end(reached, REACHED, k + 1.0, y)
        end(back, BACK, k + 1.0, y)
        stay = ~(came | reached | back)
        stop.check(float(alive.size))
        k += 1
        alive, x, here, rate = alive[stay], np.compress(stay, y, axis=1), there[stay], next_rate[stay]
    ends[alive], steps[alive], places[alive] = ALOFT, k, x.T
    return Flown(ends, steps, places, _log(rows, d))


def _arrivals(
    here: Array, there: Array, rate: Array, sound: NDArray[np.bool_], numbers: Integers, k: int,
    bridge: tuple[int, int] | None,
) -> tuple[NDArray[np.bool_], Array]:  # fmt: skip
    """Which flights arrive during step ``k``, and after which share of it."""
    came = (there >= 0) & sound
    if bridge is None:
        return came, np.ones(here.size)
    share = here / np.where(came, here - there, 1.0)
    seed, stream = bridge
    between = bridge_crosses((there < 0) & sound, here, there, rate, numbers, k, seed, stream)
    share[between] = 0.5
    return came | between, share


def _log(rows: list[tuple[NDArray[Any], ...]], dimension: int) -> Log:
    if not rows:
        return Log(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty((0, dimension)))
    owner, score, step, place = (np.concatenate(parts) for parts in zip(*rows, strict=True))
    return Log(owner.astype(np.int64), score, step, place)
