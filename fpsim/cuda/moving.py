"""How a thread moves its path: what the loops of :mod:`fpsim.cuda.exits` and :mod:`fpsim.cuda.flights` are made with.

Here for a generated step, watched at the steps and by a Brownian bridge between them; for mini-batches in
:mod:`fpsim.cuda.batches`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from fpsim.cuda.composed import written
from fpsim.cuda.functions import (
    again,
    copy_function,
    draw_function,
    inlined,
    kick_function,
    near,
)
from fpsim.kernels.exits import NEGLIGIBLE, bridge_uniform, share_left
from fpsim.kernels.philox import lane_words
from fpsim.kernels.texts import ComposedText

Text = tuple[str | ComposedText, int]
"""A generated function, and how many numbers it reads."""


@dataclass(frozen=True)
class Moving:
    """Device functions for one kind of step.  ``given`` is what a kernel was called with.

    Attributes:
        coordinates, real: of a state, and its precision.
        fast: whether the hardware's own functions make the normals.
        shapes: of the seven arrays that a thread needs for itself, its ``room``.
        equip: ``tools = equip(given, room)``, which all others take.
        begin: ``begin(x, lane, tools)``, where a path begins or is taken up.
        draw: ``draw(quad, path, lane, tools)``, the random numbers of four steps.
        step: ``share = step(k, quad, path, lane, x, u, limit, tools)``: u one step after x, and the share of it after
            which the path was in the target, or -1.
        arrive: ``arrive(x, u, share, place)``, where that was.
        settle: ``settle(u, x, tools)``: x as walls and edges leave it.
        level: ``level(tools)``, the distance to the target after the step.
    """

    coordinates: int
    real: str
    fast: bool
    shapes: tuple[Any, ...]
    equip: Any
    begin: Any
    draw: Any
    step: Any
    arrive: Any
    settle: Any
    level: Any


class Given(NamedTuple):
    """What kernels are told of a generated step: numbers of step, distance and fold; the bridge and its randomness."""

    step: Any
    wall: Any
    fold: Any
    bridge: bool
    key0: Any
    key1: Any
    stream: int
    bridge_stream: int


class Tools(NamedTuple):
    """And a thread's own arrays: kicks, distances at both ends of a step, and the numbers, which may be near."""

    given: Given
    kick: Any
    z: Any
    here: Any
    there: Any
    step: Any
    wall: Any
    fold: Any


@lru_cache(maxsize=64)
def moving(step: Text, wall: Text, fold: Text | None, dimension: int, real: str, fast: bool = False) -> Moving:
    """For generated step, distance and fold; ``given`` is :class:`Given`."""
    numbers = near(*step, real), near(*wall, real), near(*(fold or ("", 0)), real)
    (step_size, near_step), (wall_size, near_wall), (fold_size, near_fold) = numbers
    watch, draw_normals = written(wall[0], real), draw_function(dimension, real, fast)

    def equip(given, room):
        """Numbers near, the rest as it was given."""
        numbers = near_step(given.step, room[4]), near_wall(given.wall, room[5]), near_fold(given.fold, room[6])
        return Tools(given, room[0], room[1], room[2], room[3], numbers[0], numbers[1], numbers[2])

    def begin(x, lane, tools):
        """Look where the target is."""
        watch(x, tools.wall, tools.here)

    def draw(quad, path, lane, tools):
        """Normals."""
        draw_normals(tools.z, quad, path, tools.given.stream, tools.given.key0, tools.given.key1)

    def level(tools):
        """At the end of the step."""
        return np.float64(tools.there[0])

    shapes = dimension, (4, dimension), 2, 2, step_size, wall_size, fold_size
    ends = _step(step, watch, dimension, real), _arrive(dimension), _settle(fold, dimension, real)
    return Moving(dimension, real, fast, shapes, *(inlined(part) for part in (equip, begin, draw, *ends, level)))


def _step(text: Text, watch: Any, dimension: int, real: str) -> Any:
    advance, choose = written(text[0], real), kick_function(dimension)
    uniform = again(bridge_uniform, lane_words=again(lane_words))
    left = again(share_left, bridge_uniform=uniform)
    least, zero = np.dtype(real).type(NEGLIGIBLE), np.dtype(real).type(0)

    def step(k, quad, path, lane, x, u, limit, tools):
        """Euler-Maruyama; the bridge is tested where it may matter."""
        given, here, there, share = tools.given, tools.here, tools.there, -1.0
        choose(tools.z, k, tools.kick)
        advance(x, tools.kick, tools.step, u)
        watch(u, tools.wall, there)
        if not (here[0] * there[0] * here[1] > (least if given.bridge else zero)):
            a, b, rate = np.float64(here[0]), np.float64(there[0]), np.float64(here[1])
            share = left(
                a, b, rate, given.bridge, given.bridge_stream, path, 4 * quad + k, given.key0, given.key1, limit
            )  # fmt: skip
        return share

    return step


def _arrive(dimension: int) -> Any:
    def arrive(x, u, share, place):
        """On the straight line."""
        for i in range(dimension):
            place[i] = x[i] + share * (np.float64(u[i]) - x[i])

    return arrive


def _settle(fold: Text | None, dimension: int, real: str) -> Any:
    copy, copy_pair = copy_function(dimension), copy_function(2)
    folded = None if fold is None else written(fold[0], real)

    def free(u, x, tools):
        """As it is; what was there is here."""
        copy(u, x)
        copy_pair(tools.there, tools.here)

    def walled(u, x, tools):
        """Folded."""
        folded(u, tools.fold, x)
        copy_pair(tools.there, tools.here)

    return free if fold is None else walled
