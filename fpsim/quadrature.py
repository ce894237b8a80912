"""Mean and variance of a 1-D first-passage time, exactly, by quadrature in log space.

For dX = (-L' + l D') dt + sqrt(2 D) dB, with W(x) = int L'/D dx and a target c to the right of the start x0,

    s'(y) = e^{W(y)} D(y)^(-l),     I(y) = int_{-inf}^y e^{-W(z)} D(z)^(l-1) dz,
    mean = int_{x0}^c s'(y) I(y) dy,    variance = 2 int_{x0}^c s'(y) int_{-inf}^y s'(z) I(z)^2 dz dy,

l = 0 (Ito), 1/2 (Stratonovich), 1 (anti-Ito).  The convention enters through the two weights, never through D', so
D may jump.  A target to the left is mirrored.  The variance V solves A V = -2 D T'^2 (A the generator, T the mean),
which follows from A T2 = -2 T for the second moment and has no cancellation.
Formulas: Gardiner, Handbook of Stochastic Methods (3rd ed. 2004), section 5.2.7.

Panels are halved until L'/D and D are resolved and W changes by at most 8 on each, so that every exponential is
resolved.  The error estimate is the change when all panels are halved once more; it does not see errors of the
derivatives it is given.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.blocking import inflections, refuse_blocked
from fpsim.diffusion import HessianDiffusion
from fpsim.panels import ORDER, RUNNING, WEIGHTS, Fields, halved, nodes_of, panel_logs, resolve, running
from fpsim.sde import SDE
from fpsim.targets import as_target
from fpsim.valleys import boundary
from fpsim.walls import Walls

Array = NDArray[np.float64]

RISE = 8.0  # largest change of W on a panel: ORDER nodes integrate e^8-fold changes to rounding
NEGLIGIBLE = 45.0  # a weight e^-45 below the largest is left out


@dataclass(frozen=True)
class Passage:
    """A first-passage time from ``start`` to the boundary ``target``.

    Attributes:
        log_mean: logarithm of the mean (finite also where the mean itself overflows).
        log_variance: logarithm of the variance.
        relative_error: estimated relative error of mean and variance (the larger of the two).
        start: where the process starts.
        target: the point to be reached.
        far_bound: where the far side was cut off, its weight being below 1e-18 of the largest.
        nodes: number of quadrature nodes.
    """

    log_mean: float
    log_variance: float
    relative_error: float
    start: float
    target: float
    far_bound: float
    nodes: int

    @property
    def mean(self) -> float:
        """The mean time; ``ValueError`` beyond the floating-point range (use ``log_mean``)."""
        return from_log(self.log_mean, "mean first-passage time", "log_mean")

    @property
    def variance(self) -> float:
        """The variance; ``ValueError`` beyond the floating-point range (use ``log_variance``)."""
        return from_log(self.log_variance, "variance of the first-passage time", "log_variance")


def from_log(logarithm: float, name: str, attribute: str) -> float:
    """e^logarithm, refusing in one sentence what does not fit into a float."""
    if logarithm > 709.7:
        raise ValueError(f"the {name} is e^{logarithm:.6g}, which no float can hold; use {attribute}")
    return math.exp(logarithm)


def first_passage(
    sde: SDE, start: ArrayLike, target: Any, *, walls: Walls | None = None, tolerance: float = 1e-10
) -> Passage:
    """Mean and variance of the time from ``start`` to ``target`` for a 1-D SDE.

    Args:
        sde: any 1-D SDE with D > 0 on the way, continuous or not, in any convention, or of a drift field.
        start: a number or an array of shape (1,).
        target: a number, :class:`~fpsim.targets.Ball` or :class:`~fpsim.targets.HalfSpace`.
        walls: reflecting or periodic walls.
        tolerance: relative error to be reached.

    Raises:
        ValueError: if the SDE is not 1-D, D is not positive on the way, the far side does not confine (the mean is
            then infinite), or the two resolutions differ by more than ``tolerance``.
    """
    if walls is not None:
        raise ValueError(f"quadrature knows no walls yet, and this problem has {walls}; use by_grid or by_paths")
    (x0,), edge, direction = _ends(sde, start, target)
    edges, far, fields = _panels(sde, np.array([x0]), edge, direction, tolerance)
    coarse, fine = (_solve(fields, panels, direction * x0, sde.convention_weight) for panels in (edges, halved(edges)))
    gap = max(abs(coarse.log_mean - fine.log_mean), abs(coarse.log_variance - fine.log_variance))
    error = max(gap + fine.tail, 4 * np.finfo(float).eps * (1 + fine.swing))
    if not error <= tolerance:
        raise ValueError(
            f"the quadrature from {x0:g} to {edge:g} reached a relative error of {error:.1e}, not "
            f"tolerance = {tolerance:g}; give exact derivatives (a formula) or a larger tolerance"
        )
    nodes = 3 * ORDER * (edges.size - 1)
    return Passage(fine.log_mean, fine.log_variance, float(error), x0, edge, direction * far, nodes)


def mean_first_passage(sde: SDE, points: ArrayLike, target: Any, *, tolerance: float = 1e-10) -> Array:
    """Mean times to ``target`` from ``points`` (n,) on one side of it, shape (n,), for the price of one."""
    starts = np.atleast_1d(np.asarray(points, dtype=float)).ravel()
    pairs = {_ends(sde, point, target)[1:] for point in starts}
    if len(pairs) != 1:
        raise ValueError(f"the points must lie on one side of the target; got {starts.min():g} ... {starts.max():g}")
    edge, direction = pairs.pop()
    edges, _, fields = _panels(sde, starts, edge, direction, tolerance)
    edges = halved(edges)
    solution = _solve(fields, edges, (direction * starts).min(), sde.convention_weight)
    times = solution.log_times[np.searchsorted(edges, direction * starts)]
    if times.max() > 709.7:
        raise ValueError(f"a mean time is e^{times.max():.6g}, which no float can hold")
    return np.asarray(np.exp(times), dtype=np.float64)


def potential_difference(sde: SDE, low: float, high: float, *, tolerance: float = 1e-12) -> float:
    """W(high) - W(low) = int L'/D dx between two points of a 1-D SDE; D may jump."""
    direction = 1.0 if high >= low else -1.0
    fields = _oriented(sde, direction)
    ends = direction * np.array([low, high])
    edges, _ = resolve(fields, _initial(sde, ends, ends[0], ends[1], direction), tolerance, math.inf)
    slope = fields(nodes_of(edges))[0]
    return float(np.sum(np.diff(edges) / 2 * (slope @ WEIGHTS)))


# --- the oriented problem: y = direction * x, so that the target lies to the right ---


def _ends(sde: SDE, start: ArrayLike, target: Any) -> tuple[Array, float, float]:
    """Start (1,), boundary of the target, and the direction (+1 or -1) from one to the other."""
    if sde.dimension != 1:
        raise ValueError(f"quadrature is for 1-D problems; this landscape has {sde.dimension} dimensions")
    x0 = np.asarray(start, dtype=float).reshape(-1)
    if x0.shape != (1,) or not np.isfinite(x0).all():
        raise ValueError(f"the start of a 1-D problem is one finite number; got {start!r}")
    edge = boundary(as_target(target, x0), x0)
    if edge is None:
        raise ValueError("quadrature needs a number, Ball or HalfSpace as target; got a level function")
    return x0, edge, 1.0 if edge > x0[0] else -1.0


def _oriented(sde: SDE, direction: float) -> Fields:
    """(L'/D, ln D) at points y of any shape; not finite where D <= 0 or where there is no loss."""

    def fields(y: Array) -> tuple[Array, Array]:
        x = direction * y.reshape(1, -1)
        with np.errstate(all="ignore"):
            diffusion = sde.diffusion(x)[0, 0]
            slope = -direction * sde.landscape.drift(x)[0] / diffusion
            if hasattr(sde.landscape, "loss"):  # 1 - 1/x is a number left of the wall of x - ln x, the loss is not
                slope = np.where(np.isfinite(sde.landscape.loss(x)), slope, np.nan)
            return slope.reshape(y.shape), np.log(diffusion).reshape(y.shape)

    return fields


def _panels(sde: SDE, starts: Array, edge: float, direction: float, tolerance: float) -> tuple[Array, float, Fields]:
    """Resolved panel edges from the far bound to the target, the far bound, and the oriented fields."""
    fields = _oriented(sde, direction)
    points, goal = direction * starts, direction * edge
    refuse_blocked(sde, direction * points.min(), edge)
    first, weight = float(points.min()), sde.convention_weight
    far = _far_bound(fields, first, goal - first, _box_end(sde, direction), weight)
    edges, vanished = resolve(fields, _initial(sde, points, far, goal, direction), tolerance / 100, RISE)
    if vanished is not None:
        raise ValueError(
            f"D vanishes at x = {direction * vanished:.6g}, and no continuous path crosses a point where the noise is "
            "zero and the drift points home; give the noise a floor"
        )
    return edges, far, fields


def _box_end(sde: SDE, direction: float) -> float | None:
    """The oriented far end of the landscape's box."""
    bounds = sde.landscape.bounds
    return None if bounds is None else min(direction * bounds[0][0], direction * bounds[0][1])


def _initial(sde: SDE, points: Array, far: float, goal: float, direction: float) -> Array:
    """First panel edges: an even grid, the given points, and where D has a jump or a kink."""
    noise, special = sde.noise, np.empty(0)
    if isinstance(noise, HessianDiffusion) and noise.at == "path":
        special = np.array([direction * noise.switch(sde.landscape)])
    elif isinstance(noise, HessianDiffusion) and noise.at == "everywhere":
        ends = sorted((direction * far, direction * goal))
        special = direction * inflections(sde.landscape, ends[0], ends[1])
    edges = np.unique(np.concatenate([np.linspace(far, goal, 33), points, special]))
    return edges[(edges >= far) & (edges <= goal)]


# --- integrals ---


@dataclass(frozen=True)
class _Solution:
    """Logarithms of mean and variance at the start, of the mean at every edge, and what limits them."""

    log_mean: float
    log_variance: float
    log_times: Array
    tail: float
    swing: float


def _solve(fields: Fields, edges: Array, start: float, weight: float) -> _Solution:
    """The double integrals of the module docstring on given panels."""
    half = np.diff(edges) / 2
    slope, log_d = fields(nodes_of(edges))
    risen = half * (slope @ WEIGHTS)
    potential = np.concatenate([[0.0], np.cumsum(risen)[:-1]])[:, None] + half[:, None] * (slope @ RUNNING)
    log_weight = -potential + (weight - 1) * log_d
    log_scale = potential - weight * log_d

    inner, before = running(log_weight, half)
    spread, _ = running(log_scale + 2 * inner, half)
    first = int(np.searchsorted(edges, start))
    times = panel_logs(log_scale + inner, half)
    log_times = np.append(np.logaddexp.accumulate(times[::-1])[::-1], -np.inf)
    log_variance = math.log(2) + np.logaddexp.reduce(panel_logs(log_scale + spread, half)[first:])
    # what lies beyond the far bound, if the weight falls off there no slower than over the first panels
    width = max(edges[first] - edges[0], 1e-300)
    tail = math.exp(min(0.0, log_weight[0, 0] + math.log(width) - before[first]))
    return _Solution(float(log_times[first]), float(log_variance), log_times, tail, float(np.ptp(potential)))


# --- the far side ---


def _far_bound(fields: Fields, start: float, span: float, box_end: float | None, weight: float) -> float:
    """Where the inner weight has fallen e^-45 below its largest value on the far side, for good.

    "For good" is looked at twice as far out, and to the end of the landscape's box, so that a second valley behind
    a high wall is not missed.
    """
    reached, length, risen, top, bound, panels = start, span / 2, 0.0, -math.inf, start, 0
    log_mass = np.full((1, 1), -math.inf)
    while True:
        edges = np.linspace(reached - length, reached, 9)
        wall = not _usable(fields, nodes_of(edges))
        if not wall:
            edges, vanished = resolve(fields, edges, 1e-6, math.inf)
            wall = vanished is not None
        if wall:  # the landscape ends, or D vanishes: creep up to it
            length /= 4
            if reached - length == reached or length < 1e-12 * span:
                if panels == 0:
                    raise ValueError("at the start the drift or D is not finite, or D is not positive: check the noise")
                break
            continue
        panels += edges.size - 1
        half, nodes = np.diff(edges) / 2, nodes_of(edges)
        slope, log_d = fields(nodes)
        steps = np.cumsum(half * (slope @ WEIGHTS))
        potential = risen + np.append(0, steps[:-1])[:, None] + half[:, None] * (slope @ RUNNING) - steps[-1]
        log_mass = (weight - 1) * log_d - potential + np.log(span + start - nodes)
        top = max(top, float(log_mass.max()))
        heavy = np.flatnonzero(log_mass.ravel() >= top - NEGLIGIBLE)  # >=: top may be 1e18
        if heavy.size:
            bound = nodes.ravel()[heavy[0] - 1] if heavy[0] else edges[0]
        risen, reached = risen - steps[-1], edges[0]
        past_box = box_end is None or reached <= box_end
        if not heavy.size and past_box and start - reached >= 2 * (start - bound) + span:
            return float(bound)
        if panels > 20_000 or start - reached > 1e12 * span:
            raise ValueError(
                f"the far side does not confine: {start - reached:.3g} behind the start the stationary weight is not "
                "yet negligible, so the mean first-passage time is infinite (or out of reach); choose a landscape "
                "that rises on the side away from the target"
            )
        length *= 1.5
    log_rest = log_mass[0, 0] - math.log(span + start - reached) + math.log(8 * length)  # between here and the wall
    if log_rest >= top - NEGLIGIBLE:
        raise ValueError(
            f"drift or D stops being finite (or D positive) {start - reached:.6g} behind the start, before the "
            "landscape confines; choose a landscape defined on the whole side away from the target"
        )
    return float(bound)


def _usable(fields: Fields, nodes: Array) -> bool:
    """Whether drift and D are finite at all nodes; a landscape may also refuse points outside its domain."""
    try:
        return all(bool(np.isfinite(values).all()) for values in fields(nodes))
    except ValueError:
        return False
