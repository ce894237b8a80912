"""What every small-noise formula rests on, checked for the escape at hand.

noise units climbed = int L'/D dx,      thermal width at a point = sqrt(D / |curvature|)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.routes.formulas.climb import Escape
from fpsim.sde.gates import InfiniteTimeError
from fpsim.valleys.eyring import off_quadratic
from fpsim.walls import Walls

Array = NDArray[np.float64]
FACE = 2000  # points of a wall that are looked at
DIFFERENCED, ROUNDED = 1e-6, 1e-12  # share of the largest curvature below which one may be an error of the others
SEPARATED = 3.0  # thermal widths between pass and target


def general(at: Escape, log_mean: float, exponent: float, levels: Sequence[float]) -> tuple[Assumption, ...]:
    """What every formula here needs; ``levels`` are D at minimum and pass, ``exponent`` the noise units climbed."""
    return (
        Assumption("barrier / noise >= 5", exponent >= 5, f"barrier / noise = {exponent:.4g}", key="small noise"),
        _separation(at),
        _deep_start(at, exponent),
        _no_competition(at, exponent),
        _relaxation(at, log_mean),
        _curvatures(at),
        *_room(at, exponent),
        *_finite(at),
    )


def _separation(at: Escape) -> Assumption:
    statement = f"target's boundary at the pass or {SEPARATED:g} thermal widths beyond"
    widths = min([at.distance / at.width, *_other_widths(at)])
    if at.sde.dimension > 1 and at.valley.beyond is None and not at.on_pass:
        return Assumption(
            statement, False, "no minimum lies in the target: paths that crossed may miss it", key="separation"
        )
    detail = "at the pass" if at.on_pass else f"{widths:.3g} widths beyond"
    return Assumption(statement, at.on_pass or widths >= SEPARATED, detail, key="separation")


def _other_widths(at: Escape) -> list[float]:
    """The same for the other passes of a ring, which may be another distance from the target."""
    widths = []
    for point, ahead in zip(at.valley.others, at.valley.ahead[1:], strict=False):
        noise = float(at.sde.diffusion(np.asarray(point.x)[:, None])[0, 0, 0])
        widths.append(ahead / math.sqrt(noise / abs(float(point.eigenvalues[0]))))
    return widths


def _room(at: Escape, exponent: float) -> tuple[Assumption, ...]:
    """Reflecting walls are not felt where the loss there lies far above the valley and, off the line, the pass."""
    if at.problem.walls is None or "reflecting" not in at.problem.walls.kind:
        return ()
    faces = wall_points(at.problem.walls, at.minimum, at.top)
    heights = np.asarray(at.sde.potential.loss(faces)) - float(at.valley.minimum.loss)
    if at.sde.dimension == 1:  # the wall beyond the pass is the target's matter
        behind = (faces[0] - at.minimum[0]) * (at.top - at.minimum)[0] < 0
        lowest, what = float(heights[behind].min(initial=math.inf)), "minimum"
    else:
        lowest, what = float(heights.min()) - at.barrier, "pass"
    units = exponent * lowest / at.barrier
    return (
        Assumption(f"walls stand 3 noise units above the {what}", units >= 3, f"the lowest {units:.3g}", key="walls"),
    )


def _finite(at: Escape) -> tuple[Assumption, ...]:
    """Whether the mean is finite at all: a valley may be left backwards, never to return (on a line)."""
    if at.sde.dimension > 1:
        return ()
    try:
        _ = at.problem.passage
    except InfiniteTimeError as error:
        return (Assumption("the mean time is finite", False, str(error), key="finite"),)
    except ValueError:
        return ()  # not decided here
    return (Assumption("the mean time is finite", True, key="finite"),)


def _deep_start(at: Escape, exponent: float) -> Assumption:
    loss = float(np.asarray(at.sde.potential.loss(at.problem.point[:, None]))[0])
    left = exponent * (float(at.valley.saddle.loss) - loss) / at.barrier  # type: ignore[union-attr]
    behind = at.sde.dimension == 1 and (at.problem.point - at.minimum)[0] * (at.top - at.minimum)[0] <= 0
    detail = "behind the minimum" if behind else f"{left:.3g} noise units below the pass"
    return Assumption("start lies 3 noise units below the pass", behind or left >= 3, detail, key="deep start")


def _no_competition(at: Escape, exponent: float) -> Assumption:
    gap = exponent * (1 - at.valley.competing / at.barrier)
    holds = gap >= 3
    detail = "none" if math.isinf(gap) else f"the largest other climb is {exponent - gap:.3g} of {exponent:.3g}"
    return Assumption("no other valley or barrier holds the path up (3 noise units)", holds, detail, key="competition")


def _relaxation(at: Escape, log_mean: float) -> Assumption:
    slowest = 1 / float(at.modes[0][0][0])
    ratio = slowest * math.exp(-min(max(log_mean, -700.0), 700.0))
    return Assumption(
        "the valley relaxes 10 times faster than it is left", ratio <= 0.1, f"ratio {ratio:.2g}", key="relaxation"
    )


def _curvatures(at: Escape) -> Assumption:
    smallest, holds = [], True
    noise = DIFFERENCED if at.sde.landscape.is_differenced else ROUNDED
    for values, _ in at.modes:
        smallest.append(float(np.min(np.abs(values))))
        holds &= smallest[-1] > noise * float(np.max(np.abs(values)))
    detail = f"smallest |eigenvalue| {smallest[0]:.3g} at the minimum, {smallest[1]:.3g} at the pass"
    return Assumption("curvatures at minimum and pass are not degenerate", holds, detail, key="curvatures")


def quadratic(at: Escape, low: float, high: float) -> Assumption:
    """Whether the loss is quadratic within a thermal width of minimum (D = low) and pass (D = high)."""
    loss, ends = at.sde.potential.loss, zip((at.minimum, at.top), at.modes, (low, high), strict=True)
    worst = [off_quadratic(loss, point, *modes, level) for point, modes, level in ends]
    detail = f"off by {worst[0]:.3g} noise units at the minimum, {worst[1]:.3g} at the pass"
    statement = "loss is quadratic within a thermal width (to 0.1 noise units, both ends together)"
    return Assumption(statement, sum(worst) <= 0.1, detail, key="quadratic")


def wall_points(walls: Walls, minimum: Array, top: Array) -> Array:
    """Points (d, n) of the walls' faces: their ends on a line, else a sample that holds the shadows of both points."""
    d = minimum.size
    rng = np.random.default_rng(0)
    faces = []
    for i, (kind, ends) in enumerate(zip(walls.kind, walls.box, strict=True)):
        for end in ends if kind == "reflecting" else ():
            boxes = np.array(
                [
                    b if k else (min(m, t), max(m, t))
                    for k, b, m, t in zip(walls.kind, walls.box, minimum, top, strict=True)
                ]
            )
            sample = boxes[:, :1] + rng.random((d, 1 if d == 1 else FACE)) * np.diff(boxes, axis=1)
            face = np.concatenate([sample, minimum[:, None], top[:, None]], axis=1)
            face[i] = end
            faces.append(face)
    return np.concatenate(faces, axis=1)
