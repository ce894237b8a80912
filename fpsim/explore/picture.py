"""What the page shows at once for a setting: curve or contours, noise, critical points, quick routes, programs.

In one dimension also the density on its way and the survival curve, exact on a grid; in two they take a while and are
a job (:mod:`fpsim.explore.heavy`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.explore.arrays import number, packed
from fpsim.explore.clock import DENSITIES, FRAMES, Clock, clock
from fpsim.explore.comparison import REFUSALS, at_once, table
from fpsim.explore.jobs import sentence
from fpsim.explore.programs import as_command, as_python
from fpsim.explore.settings import Settings
from fpsim.results import Comparison

POINTS = {1: 401, 2: 81}
CELLS = 400
SURVIVAL = 90
"""Times of the survival curve."""


def picture(settings: Settings) -> dict[str, Any]:
    """Everything as plain data, ready for JSON.

    Raises:
        ValueError: for settings that are no problem.
    """
    problem = settings.problem
    found = at_once(problem)
    time = clock(settings, problem, found)
    place = problem.sde.landscape
    points, doubts = critical(problem)
    return {
        "settings": dict(settings.pairs()),
        "dimension": problem.sde.dimension,
        "title": str(problem),
        "variables": list(place.variables),
        "surface": surface(problem),
        "critical": points,
        "start": list(problem.start),
        "target": aim(problem),
        "clock": {"film": time.film, "frames": FRAMES, "survival": time.survival},
        "table": table(found, doubts),
        "back": way_back(problem),
        "python": as_python(settings),
        "command": as_command(settings),
        **(line(problem, found, time) if problem.sde.dimension == 1 else {}),
    }


def box(problem: EscapeProblem) -> list[tuple[float, float]]:
    """What is drawn: the landscape's box, made wide enough for start and target."""
    place = problem.sde.landscape
    anchors = [problem.point, *problem.target.anchors(problem.point)]
    low, high = np.min(anchors, axis=0), np.max(anchors, axis=0)
    wide = 0.5 * np.maximum(high - low, 1e-9)
    sides = place.bounds or list(zip(low - wide, high + wide, strict=True))
    return [(min(a, s), max(b, e)) for (a, b), s, e in zip(sides, low, high, strict=True)]


def surface(problem: EscapeProblem) -> dict[str, Any]:
    """Loss (of a drift field its speed) and noise on the nodes that are drawn."""
    place: Any = problem.sde.landscape
    sides = box(problem)
    axes = [np.linspace(*side, POINTS[len(sides)]) for side in sides]
    nodes = np.stack(np.meshgrid(*axes, indexing="ij"))
    has_loss = hasattr(place, "loss")
    height = place.loss(nodes) if has_loss else np.linalg.norm(place.drift(nodes), axis=0)
    try:
        tensor = problem.sde.diffusion(nodes)
        noise = np.einsum("ii...->...", tensor) / len(sides)
    except REFUSALS:
        noise = None
    return {
        "axes": [packed(axis) for axis in axes],
        "height": packed(height),
        "height_name": "loss L" if has_loss else "speed of the drift |b|",
        "noise": None if noise is None else packed(noise),
        "noise_name": "noise D" if len(sides) == 1 else "noise tr D / 2",
        "noise_words": str(problem.sde.noise),
    }


def critical(problem: EscapeProblem) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """Kind, place, loss and eigenvalues of the critical points, or of a drift's fixed points; and doubts about them."""
    place: Any = problem.sde.landscape
    if place.bounds is None:
        return [], ()
    try:
        points = place.critical_points() if hasattr(place, "critical_points") else place.fixed_points()
    except REFUSALS as error:
        return [], (" ".join(str(error).split()),)
    rows = [point.to_dict() for point in points]
    return [
        {
            "kind": row["kind"], "x": row["x"], "loss": number(row.get("loss")),
            "eigenvalues": [_eigenvalue(value) for value in row["eigenvalues"]],
        }
        for row in rows
    ], tuple(points.warnings)  # fmt: skip


def _eigenvalue(value: Any) -> str:
    if isinstance(value, list):
        real, imaginary = value
        return f"{real:.5g}" + (f" {imaginary:+.3g}i" if imaginary else "")
    return f"{value:.5g}"


def aim(problem: EscapeProblem) -> dict[str, Any]:
    """The target, as the page draws it and tells which particles have met it."""
    target = problem.target
    ball = target.ball()
    if ball is not None:
        return {"kind": "ball", "center": ball[0].tolist(), "radius": float(ball[1]), "words": str(target)}
    normal, offset = target.plane()
    return {"kind": "plane", "normal": normal.tolist(), "offset": float(offset), "words": str(target)}


def way_back(problem: EscapeProblem) -> dict[str, Any] | None:
    """The mean time of the way back on a line, from the target's edge to the start: what makes a valley preferred."""
    if problem.sde.dimension > 1 or problem.edge is None:
        return None
    try:
        back = EscapeProblem(problem.sde, problem.edge, problem.start[0])
        found = back.by_quadrature()
    except REFUSALS:
        return None
    return {"mean": number(found.mean), "log_mean": found.log_mean, "from": problem.edge, "to": problem.start[0]}


def line(problem: EscapeProblem, found: Comparison, time: Clock) -> dict[str, Any]:
    """Density and survival on a grid of the line; where there is none, why."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.equation import Equation

    try:
        solver, hunter = (
            Equation(problem.sde, automatic_grid(problem.sde, problem.start, target, CELLS))
            for target in (None, problem.target)
        )
        density = evolution(solver, problem, time.film)
        return {"density": density, "survival": survival(hunter, problem, time.survival)}
    except REFUSALS as error:
        return {"density": None, "survival": None, "no_density": sentence(error)}


def evolution(solver: Any, problem: EscapeProblem, end: float) -> dict[str, Any]:
    """The density at its times up to ``end``, and the law that it settles to, if one is known.

    Plain arrays below the public methods: datasets would take half of the first second to load.
    """
    from fpsim.density.fields import propagated

    grid, times = solver.grid, np.linspace(0, end, DENSITIES)
    found, _ = propagated(solver, None, grid.density(problem.start), times, None, 1e-5)
    try:
        rest = packed(solver.stationary_law[0].reshape(grid.shape) / grid.volume)
    except REFUSALS:
        rest = None
    return {
        "axes": [packed(grid.centers(k)) for k in range(grid.dimension)],
        "times": packed(times),
        "values": packed(found.masses.reshape((-1, *grid.shape)) / grid.volume),
        "rest": rest,
    }


def survival(hunter: Any, problem: EscapeProblem, end: float | None) -> dict[str, Any] | None:
    """The chance not to have met the target yet, up to ``end``; ``None`` where no mean time is known."""
    from fpsim.density.answers import sets_on
    from fpsim.density.fields import decayed

    if end is None:
        return None
    moments, begin = np.linspace(0, end, SURVIVAL), hunter.grid.density(problem.start)
    found, _ = decayed(hunter, sets_on(hunter, problem.target, problem.start), begin, moments)
    return {"times": packed(moments), "values": packed(np.maximum(found.left, 1e-12))}
