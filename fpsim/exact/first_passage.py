"""Mean and variance of a 1-D first-passage time, exactly, by quadrature in log space.

For dX = (-L' + l D') dt + sqrt(2 D) dB, with W(x) = int L'/D dx and a target c to the right of the start x0,

    s'(y) = e^{W(y)} D(y)^(-l),     I(y) = int_{e}^y e^{-W(z)} D(z)^(l-1) dz,
    mean = int_{x0}^c s'(y) I(y) dy,    variance = 2 int_{x0}^c s'(y) int_{e}^y s'(z) I(z)^2 dz dy,

l = 0 (Ito), 1/2 (Stratonovich), 1 (anti-Ito); e is a reflecting wall, or an end of the line that no path reaches
(:mod:`fpsim.exact.feller`).  The convention enters through the two weights, never through D', so D may jump.  A
target to the left is mirrored; one that is met on both sides is :mod:`fpsim.exact.two_sided`.  The variance V solves
A V = -2 D T'^2 (A the generator, T the mean), which follows from A T2 = -2 T for the second moment and has no
cancellation. Formulas: Gardiner, Handbook of Stochastic Methods (3rd ed. 2004), section 5.2.7.

Panels are halved until L'/D and D are resolved and W changes by at most 8 on each, so that every exponential is
resolved; where there are formulas, bounds of them make sure that nothing hides between the nodes
(:mod:`fpsim.exact.features`).  The error estimate is the change when all panels are halved once more.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.exact.ends import Line, line_of
from fpsim.exact.far_side import FarSide, far_side
from fpsim.exact.feller import classify
from fpsim.exact.integrals import ORDER, WEIGHTS, TooManyPanelsError, halved, nodes_of, resolve
from fpsim.exact.one_sided import Solution, solve, weights
from fpsim.exact.oriented import Oriented
from fpsim.exact.passage import Passage, Rare
from fpsim.exact.two_sided import solve_two_sided
from fpsim.sde.gates import InfiniteTimeError, is_shut, refuse_blocked
from fpsim.sde.sde import SDE
from fpsim.walls import Walls

Array = NDArray[np.float64]

RISE = 8.0  # largest change of W on a panel: ORDER nodes integrate e^8-fold changes to rounding
EPS = float(np.finfo(float).eps)


def first_passage(
    sde: SDE, start: ArrayLike, target: Any, *, walls: Walls | None = None, tolerance: float = 1e-10,
    accepted: float | None = None,
) -> Passage:  # fmt: skip
    """Mean and variance of the time from ``start`` to ``target`` for a 1-D SDE.

    Args:
        sde: any 1-D SDE with D > 0 on the way, continuous or not, in any convention, or of a drift field.
        start: a number or an array of shape (1,).
        target: a number, :class:`~fpsim.targets.Ball`, :class:`~fpsim.targets.HalfSpace` or a level function.
        walls: reflecting walls, or the ring of periodic ones.
        tolerance: relative error to be reached.
        accepted: relative error up to which a result is returned all the same, with its error (default: none beyond
            ``tolerance``).

    Raises:
        ValueError: if the SDE is not 1-D, D is not positive on the way, the mean is infinite, an end of the line can be
            reached about which nothing is said, or the two resolutions differ by more than ``tolerance``.
    """
    x0, line = line_of(sde, start, target, walls)
    if line.is_two_sided:
        return _between(sde, x0, line, tolerance, accepted or tolerance)
    view = _view(sde, line)
    view, panels, far = _panels(view, np.array([x0]), tolerance)
    origin = view.direction * x0
    coarse, fine = solve(view, panels, origin, far), solve(view, halved(panels), origin, far, True)
    gap = abs(coarse.log_mean - fine.log_mean)
    if math.isfinite(fine.log_variance):
        gap = max(gap, abs(coarse.log_variance - fine.log_variance))
    error = _checked(max(gap + fine.tail, 4 * EPS * (1 + fine.swing)), accepted or tolerance, sde, x0, _target(view))
    rare = None if fine.rare is None else _rare(fine, view.direction)
    return Passage(
        fine.log_mean, fine.log_variance, error, x0, _target(view), view.direction * far.bound,
        3 * ORDER * (panels.size - 1), far.edge, rare, _searches(view, panels, far),
    )  # fmt: skip


def potential_difference(sde: SDE, low: float, high: float, *, tolerance: float = 1e-12) -> float:
    """W(high) - W(low) = int L'/D dx between two points of a 1-D SDE; D may jump."""
    direction = 1.0 if high >= low else -1.0
    view = Oriented(sde, Line(min(low, high), max(low, high), "exit", "exit"), direction)
    ends = direction * np.array([low, high])
    edges, _ = resolve(view.fields, _initial(view, ends, ends[0], ends[1]), tolerance, math.inf, view.hidden)
    slope = view.fields(nodes_of(edges))[0]
    return float(np.sum(np.diff(edges) / 2 * (slope @ WEIGHTS)))


# --- the oriented problem: y = direction * x, so that the target lies to the right ---


def _view(sde: SDE, line: Line) -> Oriented:
    return Oriented(sde, line, 1.0 if line.high_end == "exit" else -1.0)


def _target(view: Oriented) -> float:
    return view.line.high if view.direction > 0 else view.line.low


def _checked(error: float, tolerance: float, sde: SDE, x0: float, edge: float) -> float:
    if not error <= tolerance:
        formulas = sde.landscape.symbolic is not None and sde.noise.symbolic(sde.landscape) is not None
        advice = "a larger tolerance" if formulas else "exact derivatives (a formula) or a larger tolerance"
        raise ValueError(
            f"the quadrature from {x0:g} to {edge:g} reached a relative error of {error:.1e}, not "
            f"tolerance = {tolerance:g}; give {advice}"
        )
    return float(error)


def _panels(view: Oriented, starts: Array, tolerance: float) -> tuple[Oriented, Array, FarSide]:
    """Resolved panel edges from the far bound to the target, the far side, and the view that resolved them."""
    points, goal = view.direction * starts, view.direction * _target(view)
    first = float(points.min())
    _refuse_edge(view, first, goal)
    refuse_blocked(view.sde, view.direction * first, _target(view))
    far = far_side(view, first, goal - first, _box_end(view))
    return *_resolved(view, _initial(view, points, far.bound, goal), tolerance), far


def _refuse_edge(view: Oriented, start: float, goal: float) -> None:
    """Refuse a target at the landscape's very edge, where no path arrives in finite time."""
    if _target(view) not in view.line.domain:
        return
    edge = classify(view.tried, start, goal, view.weight, goal - start)
    if edge.kind != "undecided" and not edge.is_reached:
        raise InfiniteTimeError(
            f"the target is the landscape's edge x = {_target(view):g}, which no path reaches in finite time "
            f"({edge.kind} by Feller's test); choose a target before it"
        )


def _resolved(view: Oriented, edges: Array, tolerance: float) -> tuple[Oriented, Array]:
    """Resolved panels; where the bounds of a formula are of no use, those that its samples ask for."""
    try:
        edges, vanished = resolve(view.fields, edges, tolerance / 100, RISE, view.hidden)
    except TooManyPanelsError:
        if view.features is None:
            raise
        return _resolved(replace(view, is_bounded=False), edges, tolerance)
    if vanished is not None and view.sde.noise.floor_of and not is_shut(view.sde):
        raise ValueError(
            f"D falls to less than 1e-12 of its largest value at x = {view.direction * vanished:.6g}, within a "
            "distance that floats cannot resolve; give the noise a larger floor"
        )
    if vanished is not None:
        raise ValueError(
            f"D vanishes at x = {view.direction * vanished:.6g}, and no continuous path crosses a point where the "
            "noise is zero and the drift points home; give the noise a floor"
        )
    return view, edges


def _box_end(view: Oriented) -> float | None:
    """The oriented far end of the landscape's box."""
    bounds = view.sde.landscape.bounds
    return None if bounds is None else min(view.direction * bounds[0][0], view.direction * bounds[0][1])


def _initial(view: Oriented, points: Array, far: float, goal: float) -> Array:
    """First panel edges: an even grid, the given points, and where D has a jump or a kink."""
    special = np.append(view.direction * view.line.seams(), view.breaks(far, goal))
    span, first = goal - float(points.min()), float(points.min())
    near = far
    if first - far > 100 * span:  # far reaches are measured in octaves
        octaves = np.arange(0, math.log2((first - far) / span) + 1)
        special = np.append(special, first - span * 2.0**octaves)
        near = first - 8 * span
    even = np.linspace(near, goal, 33 if view.features is not None else 129)
    edges = np.unique(np.concatenate([[far], even, points, special]))
    return np.asarray(edges[(edges >= far) & (edges <= goal)])


def _rare(solution: Solution, direction: float) -> Rare:
    assert solution.rare is not None
    share, place, chance, rest = solution.rare
    return Rare(share, direction * place, chance, rest)


def _searches(view: Oriented, panels: Array, far: FarSide | None) -> dict[str, str]:
    """What the number rests on, in words."""
    words = {}
    if far is not None and far.search is not None:
        words["wells behind the far bound"] = f"none, by {far.search.words}"
    if view.features is None:
        gap = float(np.diff(panels).max()) / ORDER
        words["narrow features"] = f"seen only where samples are, one every {gap:.2g} (nothing bounds drift and D)"
    else:
        words["narrow features"] = "excluded by bounds of the formulas"
    return words


# --- a target on both sides ---


def _between(sde: SDE, x0: float, line: Line, tolerance: float, accepted: float) -> Passage:
    """The time to leave an interval through either end."""
    view = Oriented(sde, line, 1.0)
    for end in (line.low, line.high):
        if line.ring is None:
            refuse_blocked(sde, x0, end)
    view, edges = _resolved(view, _initial(view, np.array([x0]), line.low, line.high), tolerance)
    found = []
    for panels in (edges, halved(edges)):
        half, log_scale, log_weight, potential = weights(view, panels)
        found.append(solve_two_sided(half, log_scale, log_weight, int(np.searchsorted(panels, x0))))
    coarse, fine = found
    swing = 4 * EPS * (1 + float(np.ptp(potential)))
    error = _checked(max(abs(coarse[0] - fine[0]), swing), accepted, sde, x0, line.high)
    near, other = sorted((line.low, line.high), key=lambda end: abs(end - x0))
    return Passage(
        fine[0], fine[1], error, x0, near, other, 3 * ORDER * (edges.size - 1), searches=_searches(view, edges, None)
    )
