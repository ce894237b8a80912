"""The path kernels in NumPy: the readable definition of the method, and the route for plain Python functions.

Same counters, same normals, same decisions as :mod:`fpsim.kernels`; arrays are (d, paths), and functions are evaluated
at the paths that are still under way and nowhere else.  A path's numbers do not depend on its neighbours as long as
the functions work element by element.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.random_numbers import seed_words, uniforms

Array = NDArray[np.float64]
Advance = Callable[[Array, Array], Array]
Wall = Callable[[Array], tuple[Array, Array]]
NEGLIGIBLE = 14.0  # as in fpsim.kernels.exits
FEWEST = 2  # paths evaluated together


def quad_normals(paths: NDArray[np.int64], quads: NDArray[np.int64], dimension: int, seed: int, stream: int) -> Array:
    """Normals (4, d, lanes) of the four steps of each lane's own ``quad`` = step // 4."""
    from fpsim.kernels import BLOCK
    from fpsim.kernels.fill import fill_normals

    padding = -paths.size % BLOCK
    out = np.empty((4, dimension, paths.size + padding))
    numbers, groups = (np.pad(row, (0, padding)) for row in (paths, quads))
    fill_normals[np.float64](numbers, groups, stream, *seed_words(seed), out)
    return out[:, :, : paths.size]


def walk(
    x: Array, first_path: int, first_step: int, steps: int, advance: Advance, seed: int, stream: int,
    limit: float = 1e150, normals: int | None = None,
) -> tuple[Array, int]:  # fmt: skip
    """Advance ``x`` (d, paths) by ``steps`` steps; returns it with -1, or with the step at which a path diverged.

    A kick takes ``normals``, d if None.
    """
    count = x.shape[1]
    paths = first_path + np.arange(max(count, FEWEST), dtype=np.int64)
    x = _company(x)
    for n in range(first_step, first_step + steps):
        if n % 4 == 0 or n == first_step:
            z = quad_normals(paths, np.full(paths.size, n // 4), normals or x.shape[0], seed, stream)
        with np.errstate(over="ignore", invalid="ignore"):
            x = advance(x, z[n % 4])
        if not np.all(np.abs(x[:, :count]) <= limit):
            return x[:, :count], n + 1
    return x[:, :count], -1


def _company(x: Array) -> Array:
    """``x`` (d, n) with a copy beside a lone path: NumPy adds up an array of one column in another order."""
    return x if x.shape[1] >= FEWEST else np.repeat(x, FEWEST, axis=1)


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


@np.errstate(over="ignore", invalid="ignore")  # of paths that are lost, which are looked for
def exits(
    starts: Array, first_path: int, horizon: int, advance: Advance, wall: Wall, bridge: bool, seed: int,
    stream: int, bridge_stream: int, stop: Callable[[int], bool] = lambda alive: False,
    normals: int | None = None, fold: Callable[[Array], Array] | None = None,
) -> tuple[Array, Array, int]:  # fmt: skip
    """Exit times in steps, places (d, n), and how many groups of four steps were done.

    Times are infinite if censored after ``horizon`` groups of four, -1 - n if lost at step n (the place is then the
    one before it), NaN if stopped before.  ``fold`` is what walls and edges make of the end of a step.
    ``starts`` is (d, n); ``stop(alive)`` is asked before every group of steps.
    """
    count, quad = starts.shape[1], 0
    times, places = np.full(count, np.nan), np.full(starts.shape, np.nan)
    alive = np.arange(count)
    x = np.array(starts)
    here, rate = _wall_of(wall, x)
    while quad < horizon and alive.size and not stop(alive.size):
        paths = first_path + alive
        z = quad_normals(paths, np.full(paths.size, quad), normals or x.shape[0], seed, stream)
        for k in range(4):
            if not alive.size:
                break
            step = 4 * quad + k
            y = _advanced(advance, x, z[k])
            there, next_rate = _wall_of(wall, y)
            lost = ~np.all(np.abs(y) <= 1e150, axis=0)
            out = (there >= 0) & ~lost
            share = here / np.where(out, here - there, 1.0) if bridge else np.ones(alive.size)
            if bridge:
                inside = (there < 0) & ~lost
                middle = bridge_crosses(inside, here, there, rate, paths, step, seed, bridge_stream)
                share[middle] = 0.5
                out |= middle
            places[:, alive[out]] = (x + share * (y - x))[:, out]
            if fold is not None:
                y = fold(y)
                lost |= ~out & ~np.all(np.abs(y) <= 1e150, axis=0)
            times[alive[lost]] = -2.0 - step
            times[alive[out]] = step + share[out]
            places[:, alive[lost]] = x[:, lost]
            x, here, rate = y, there, next_rate
            if out.any() or lost.any():
                stay = ~(out | lost)
                alive, paths, here, rate = alive[stay], paths[stay], here[stay], rate[stay]
                x, z = np.compress(stay, x, axis=1), np.compress(stay, z, axis=2)
        quad += 1
    if quad >= horizon:
        times[alive] = np.inf
    places[:, alive] = x
    return times, places, quad


def _advanced(advance: Advance, x: Array, z: Array) -> Array:
    return advance(_company(x), _company(z))[:, : x.shape[1]]


def _wall_of(wall: Wall, x: Array) -> tuple[Array, Array]:
    distance, rate = wall(_company(x))
    return distance[: x.shape[1]], rate[: x.shape[1]]
