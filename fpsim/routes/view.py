"""What there is to see of an escape in the plane: the most probable way, what it passes, and the chance to arrive.

    D = T I:  the path of least loss;   else the way of least action;      A q = 0, q = 0 at rest, 1 on the target

What cannot be had is left out, and why stands in the picture's remarks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.routes.committor import committor
from fpsim.routes.problem import Problem
from fpsim.targets import Target
from landscapes.kinds import has_loss

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
SECONDS = 60.0
"""For the way; a search that takes more is left out."""


@dataclass(frozen=True)
class EscapeView:
    """An escape in two dimensions, ready to be drawn.

    Attributes:
        landscape: what the path moves on.
        start, target: of the problem; ``start`` (2,).
        points: critical points of the loss, or fixed points of the drift, in the box.
        path: (2, n) points of the most probable way; ``None`` if there is none.
        path_word: which one that is.
        passes: the saddles on it, as (place (2,), what to say).
        committor: chance to meet the target before the start's rest, on a grid; ``None`` if there is none.
        remarks: what was left out, and why.
    """

    landscape: Any
    start: Array
    target: Target
    points: Any
    path: Array | None
    path_word: str
    passes: tuple[tuple[Array, str], ...]
    committor: xarray.Dataset | None
    remarks: tuple[str, ...]

    def plot(self, axes: Any = None) -> Any:
        """Contours, the way, saddles with their index, and lines of the committor, in one figure."""
        from fpsim.plotting import escape_picture

        return escape_picture(self, axes)


def escape_view(problem: Problem) -> EscapeView:
    """Everything of a two-dimensional escape that can be seen.

    Raises:
        ValueError: in other dimensions, or without a box to draw.
    """
    place: Any = problem.sde.landscape
    if place.dimension != 2:
        raise ValueError(f"an escape is drawn in the plane; this one has {place.dimension} dimension(s)")
    remarks: list[str] = []
    field = _tried("the committor", remarks, lambda: committor(problem))
    box = place.bounds
    if box is None and field is not None:
        box = [(float(field[name].min()), float(field[name].max())) for name in field.committor.dims]
    look = place.critical_points if has_loss(place) else place.fixed_points
    points = _tried("critical points", remarks, lambda: look(box))
    least = _tried("the way of least action", remarks, lambda: _way(problem))
    path, word, passes = least or (None, "", ())
    return EscapeView(place, problem.point, problem.target, points or (), path, word, passes, field, tuple(remarks))


def _tried(what: str, remarks: list[str], make: Callable[[], Any]) -> Any:
    """What is made, or ``None`` and a remark."""
    try:
        return make()
    except (ValueError, TypeError, ArithmeticError) as error:
        remarks.append(f"without {what}: {' '.join(str(error).split())}")
        return None


def _way(problem: Problem) -> tuple[Array, str, tuple[tuple[Array, str], ...]]:
    """The most probable way (2, n), which one it is, and the saddles on it."""
    if problem.walls is not None:
        raise ValueError("it knows no walls")
    if has_loss(problem.sde.landscape) and _isotropic(problem):
        found = problem.valley
        if found.saddle is not None and found.beyond is not None:
            return _least_loss(problem, found)
    return _least_action(problem)


def _isotropic(problem: Problem) -> bool:
    """Whether D = T I everywhere."""
    sde = problem.sde
    if not sde.noise.is_constant:
        return False
    tensor = sde.diffusion(problem.point[:, None])[..., 0]
    return bool(np.allclose(tensor, tensor[0, 0] * np.eye(len(tensor)), rtol=1e-12, atol=0))


def _least_loss(problem: Problem, found: Any) -> tuple[Array, str, tuple[tuple[Array, str], ...]]:
    from fpsim.valleys.string import string

    path = string(problem.sde.landscape, found.minimum.x, found.beyond.x, deadline=SECONDS)
    bottom = path.minima[0].loss
    return path.x, "path of least loss", tuple((s.x, rf"$\Delta L$ = {s.loss - bottom:.4g}") for s in path.saddles)


def _least_action(problem: Problem) -> tuple[Array, str, tuple[tuple[Array, str], ...]]:
    from fpsim.action.minimum import minimum_action

    ends = problem.target.anchors(problem.rest)
    if not ends:
        raise ValueError("a level function names no point of the target to end in")
    found = minimum_action(problem.sde, problem.rest, ends[0], deadline=SECONDS)
    spent, passes = 0.0, []
    for stop in found.stops:
        spent += found.speed * stop.action
        if stop.index == 1:
            passes.append((np.array(stop.x), f"exponent {spent:.4g}"))
    return found.x, "way of least action", tuple(passes)
