"""The path kernels in NumPy: the readable definition of the method, and the route for plain Python functions.

Same counters, same normals, same decisions as :mod:`fpsim.kernels`; arrays are (d, lanes) with lanes a multiple of the
kernels' block length, so that a path's numbers do not depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fpsim.noise import seed_words, uniforms

Array = NDArray[np.float64]
Advance = Callable[[Array, Array], Array]
Wall = Callable[[Array], tuple[Array, Array]]
NEGLIGIBLE = 14.0  # as in fpsim.kernels.exits


def quad_normals(paths: NDArray[np.int64], quads: NDArray[np.int64], dimension: int, seed: int, stream: int) -> Array:
    """Normals (4, d, lanes) of the four steps of each lane's own ``quad`` = step // 4."""
    from fpsim.kernels.fill import fill_normals

    out = np.empty((4, dimension, paths.size))
    fill_normals[np.float64](paths, quads, stream, *seed_words(seed), out)
    return out


def walk(
    x: Array, count: int, first_path: int, first_step: int, steps: int, advance: Advance, seed: int, stream: int,
    limit: float = 1e150, normals: int | None = None,
) -> tuple[Array, int]:  # fmt: skip
    """Advance ``x`` (d, lanes) by ``steps`` steps; returns it with -1, or with the step at which a path diverged.

    The first ``count`` lanes are paths; the rest is padding and stays where it is. A kick takes ``normals``, d if None.
    """
    paths, padding = first_path + np.arange(x.shape[1], dtype=np.int64), x[:, count:]
    for n in range(first_step, first_step + steps):
        if n % 4 == 0 or n == first_step:
            z = quad_normals(paths, np.full(paths.size, n // 4), normals or x.shape[0], seed, stream)
        with np.errstate(over="ignore", invalid="ignore"):
            x = advance(x, z[n % 4])
        x[:, count:] = padding
        if not np.all(np.abs(x) <= limit):
            return x, n + 1
    return x, -1


def bridge_crosses(
    inside: NDArray[np.bool_], before: Array, after: Array, rate: Array, paths: NDArray[np.int64], step: int,
    seed: int, stream: int,
) -> NDArray[np.bool_]:  # fmt: skip
    """Which of the lanes ``inside`` at both ends of a step crossed the wall between: uniform < exp(-a b / (D_n h))."""
    exponent = before * after * rate
    near = np.flatnonzero(inside & (exponent <= NEGLIGIBLE))
    crossed = np.zeros(before.size, dtype=bool)
    if near.size:
        crossed[near] = uniforms(seed, stream, paths[near], step) < np.exp(-exponent[near])
    return crossed


@np.errstate(over="ignore", invalid="ignore")  # of lanes that are lost, which are looked for
def exits(
    starts: Array, first_path: int, horizon: int, advance: Advance, wall: Wall, bridge: bool, seed: int,
    stream: int, bridge_stream: int, stop: Callable[[int], bool] = lambda alive: False,
    normals: int | None = None,
) -> tuple[Array, Array]:  # fmt: skip
    """Exit times in steps (infinite if censored after ``horizon`` groups of four, -1 - n if lost at step n) and places.

    ``starts`` is (d, n), n a multiple of the block length; ``stop(alive)`` is asked before every group of steps.
    """
    x, lanes = starts.copy(), starts.shape[1]
    paths = first_path + np.arange(lanes, dtype=np.int64)
    times, places = np.full(lanes, np.nan), np.full(starts.shape, np.nan)
    alive = np.ones(lanes, dtype=bool)
    here, rate = wall(x)
    for quad in range(horizon):
        if not alive.any() or stop(int(alive.sum())):
            break
        z = quad_normals(paths, np.full(lanes, quad), normals or x.shape[0], seed, stream)
        for k in range(4):
            step = 4 * quad + k
            y = advance(x, z[k])
            there, next_rate = wall(y)
            lost = alive & ~np.all(np.abs(y) <= 1e150, axis=0)
            times[lost] = -2.0 - step
            out = alive & (there >= 0) & ~lost
            share = here / np.where(out, here - there, 1.0) if bridge else np.ones(lanes)
            if bridge:
                inside = alive & (there < 0) & ~lost
                middle = bridge_crosses(inside, here, there, rate, paths, step, seed, bridge_stream)
                share[middle] = 0.5
                out |= middle
            times[out] = step + share[out]
            places[:, out] = (x + share * (y - x))[:, out]
            alive &= ~(out | lost)
            y[:, ~alive] = starts[:, ~alive]  # finished lanes rest where nothing can diverge
            x, here, rate = y, there, next_rate
        here, rate = wall(x)
    censored = alive & np.isnan(times)
    times[censored] = np.inf
    places[:, censored] = x[:, censored]
    return times, places
