"""Where an escape ends: {level(x) >= 0}, with level < 0 in the valley.

A target knows its level function and, where it is a plain geometric set, its signed distance as a formula,
which lets compiled kernels and grids place its boundary exactly.  Nobody asks which kind of target one is: a ball tells
its ``ball()``, a half-space its ``plane()``, and each of them the ``edge(start)`` that a path on a line meets.
"""

from fpsim.targets.level_set import LevelSet
from fpsim.targets.place import PlaceTarget
from fpsim.targets.reading import as_set, as_target, target_from
from fpsim.targets.shapes import Ball, HalfSpace, Outside, Point
from fpsim.targets.target import Target

__all__ = [
    "Ball", "HalfSpace", "LevelSet", "Outside", "PlaceTarget", "Point", "Target", "as_set", "as_target", "target_from",
]  # fmt: skip
