"""The least action from one point to another: the exponent of an escape in any dimension, and the way it takes.

    V(start, end) = inf over curves of int sup { p . dx : H(x, p) <= 0 },      ln(time) ~ speed * V

The geometric minimum action method (M. Heymann, E. Vanden-Eijnden, Comm. Pure Appl. Math. 61 (2008) 1052) in the
simplified form of T. Grafke, T. Schaefer, E. Vanden-Eijnden (2017, arXiv 1604.03818), with a quasi-Newton descent in
place of gradient steps.  Ways are found from several curves, cut at the fixed points that they meet, and refined.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.action.beginnings import over_passes, own_curve, swung_curves
from fpsim.action.curve import spaced
from fpsim.action.descent import least
from fpsim.action.floors import loss_along, loss_of, lower, settles
from fpsim.action.flow import FixedPoint, downstream, fixed_point
from fpsim.action.hamiltonian import Hamiltonian, NoWayError
from fpsim.action.line import Line, line, momentum_on
from fpsim.action.result import MinimumAction, Other, Stop
from fpsim.action.systems import (
    HUGE,
    Dynamics,
    degenerate,
    dynamics,
    isotropic,
    require_size,
    rescaled,
    units_apart,
)
from fpsim.action.verdicts import assumptions_of, blocked
from fpsim.action.ways import COARSE, Leg, along_drift, leg, rough_leg, split
from fpsim.numbers import positive, whole
from fpsim.sde.units import told
from landscapes.field import as_point, in_words
from landscapes.progress import Progress, shows_progress, tell

Array = NDArray[np.float64]
SAME = 2e-2  # of the distance: curves nearer than this are one way
MANY = 3  # dimensions from which ways are sought over the passes of a loss, too
FEWEST = 32  # pieces of a low climb among many
FAR = 1.001  # in actions: ways that cost more than a known one, both roughly, are not refined
NODES = 129  # points of a way in one dimension, and of the other ways


@shows_progress("least action")
def minimum_action(
    system: Any,
    start: ArrayLike,
    end: ArrayLike,
    *,
    floor: float = 0.0,
    pieces: int = 128,
    starts: int = 5,
    guesses: Sequence[ArrayLike] = (),
    seed: int = 0,
    tolerance: float | None = None,
    progress: Progress = None,
    deadline: float = math.inf,
) -> MinimumAction:
    """The least action from ``start`` to ``end``, and the way that has it.

    Args:
        system: an :class:`fpsim.SDE`; a :class:`fpsim.Chain` (its limit of small steps); a :class:`fpsim.MiniBatchSGD`
            (Cramer's exponent, in any dimension); or any object with the methods of
            :class:`fpsim.action.hamiltonian.Hamiltonian`.
        start, end: points (d,), in 1-D numbers.  For the exponent of an escape a stable fixed point and a saddle, or
            what lies beyond; any two points have a least action.
        floor: added to the diagonal of the noise, as a share of its mean eigenvalue at the start: for noise that does
            not reach every direction.  It is printed with the result.
        pieces: of the finest curve of each leg; a quarter and a half of them give the extrapolation and its error.
        starts: curves to begin with: the straight one, and pairs that swing out to either side.  From three dimensions
            on the path of least loss between two minima comes first, and under D = T I alone: there it is the way.
        guesses: further curves (d, n) to begin with.
        seed: of the directions in which curves swing out beyond two dimensions.
        tolerance: the decrease still promised, relative to the action, at which a curve is called settled; by default
            1e-11, and 1e-8 for networks.
        progress: ``True`` for a bar, or called with the finished share.
        deadline: seconds after which it gives up with an error.

    Returns:
        :class:`~fpsim.action.result.MinimumAction`; print it, ``.plot()`` it, ``.save()`` it.

    Raises:
        TypeError: for what is no dynamics.
        ValueError: if both points are one, the noise does not reach every direction and there is no floor, mini-batches
            cannot go there, or the deadline passes.
    """
    own = system.hamiltonian if isinstance(system, Dynamics) else system
    d = int(own.landscape.dimension) if hasattr(own, "landscape") else int(getattr(own, "dimension", 0))
    a, b = (as_point(point, d) + 0.0 for point in (start, end)) if d else (np.zeros(0), np.zeros(0))
    if not max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0)) < HUGE:
        raise ValueError(f"start and end have coordinates below {HUGE:g}; got {in_words(a)} and {in_words(b)}")
    moves = system if isinstance(system, Dynamics) else dynamics(system, a, b, floor)
    require_size(moves.hamiltonian, np.stack([a, b], axis=1))
    if np.array_equal(a, b):
        raise ValueError(f"start and end are both {in_words(a)}; an action needs two different points")
    pieces, seed = whole(pieces, "pieces", 16), whole(seed, "a seed", 0)
    starts = whole(starts, "starts (0 with guesses)", 0 if guesses else 1)
    if not deadline > 0:
        raise ValueError(f"a deadline is a positive number of seconds; got {deadline!r}")
    limit, end_time = float(np.linalg.norm(b - a)), clock.monotonic() + deadline

    def watch() -> None:
        """Raise once the deadline is over."""
        if clock.monotonic() > end_time:
            raise ValueError(f"the least action was not found within {deadline:g} s; give more time or fewer pieces")

    if tolerance is None:
        tolerance = 1e-8 if hasattr(getattr(own, "landscape", None), "weighted_products") else 1e-11
    tolerance = positive(tolerance, "the tolerance")
    units = units_apart(moves, a)
    if units is not None:
        scaled = [own_curve(guess, a, b) / units[:, None] for guess in guesses]
        with told(units):
            found = minimum_action(
                rescaled(moves, units), a / units, b / units, pieces=pieces, starts=starts, guesses=scaled, seed=seed,
                tolerance=tolerance, progress=progress, deadline=deadline,
            )  # fmt: skip
        return found.times(units)
    settings = {"pieces": pieces, "starts": starts, "seed": seed, "tolerance": tolerance}
    try:
        if d == 1:
            return _on_line(moves, float(a[0]), float(b[0]), settings)
        curves = [*swung_curves(a, b, starts, seed), *(own_curve(g, a, b) for g in guesses)]
        search = _Search(moves, a, b, pieces, tolerance, limit, watch, progress)
        search.landscape, search.ends = getattr(own, "landscape", None), end_time
        return search.result(curves, settings)
    except NoWayError as error:
        raise ValueError(blocked(moves, error)) from None


class _Search:
    """The search for ways in more than one dimension."""

    def __init__(
        self, moves: Dynamics, start: Array, end: Array, pieces: int, tolerance: float, limit: float,
        watch: Callable[[], None], progress: Callable[[float], None] | None,
    ) -> None:  # fmt: skip
        self.moves, self.h, self.start, self.end = moves, moves.hamiltonian, start, end
        self.pieces, self.tolerance, self.limit, self.watch = pieces, tolerance, limit, watch
        self.rough = 1e-9 if tolerance < 1e-9 else 1e4 * tolerance  # of the coarse curves, which only show the way
        self.progress = progress or tell
        self.landscape: Any = None
        self.ends = math.inf

    def left(self) -> float:
        """Seconds."""
        return self.ends - clock.monotonic()

    def result(self, curves: list[Array], settings: dict[str, Any]) -> MinimumAction:
        """All of it."""
        if not self.moves.floor:
            self._require_noise(curves[0])
        rest = fixed_point(self.h, self.start, 1e-5 * self.limit)
        ways = self._over_passes(rest)
        if ways and isotropic(self.h):  # it is the way of least action; curves that swing out find worse ones, slowly
            curves = curves[settings["starts"] :]
        ways += self._ways(curves, self.start, ways)
        if rest is None:  # it may pay to fall to rest first
            ways += self._through_rest(len(curves), settings["seed"])
        ways.sort(key=lambda way: sum(part.action for part in way))
        best, others = ways[0], ways[1:]
        self.progress(1.0)
        return self._found(best, others, rest, settings)

    def _require_noise(self, x: Array) -> None:
        hit = degenerate(self.h, x)
        if hit is not None:
            raise ValueError(
                f"the noise does not reach every direction at {in_words(hit)} (its smallest eigenvalue is below 1e-12 "
                "of the largest): give floor=, a share of its mean eigenvalue at the start, added to its diagonal"
            )

    def _through_rest(self, starts: int, seed: int) -> list[list[Leg]]:
        """Ways that first follow the drift to a stable fixed point."""
        flow, rest = downstream(self.h, self.start, self.limit)
        if rest is None or np.linalg.norm(rest.x - self.end) <= 1e-6 * self.limit:
            return [] if rest is None else [[along_drift(self.h, spaced(flow, self.pieces))]]
        first = along_drift(self.h, spaced(flow, self.pieces))
        return [[first, *way] for way in self._ways(swung_curves(rest.x, self.end, starts, seed), rest.x, [])]

    def _over_passes(self, rest: FixedPoint | None) -> list[list[Leg]]:
        """The way over the lowest passes of a loss in many dimensions, where curves that swing out hardly find it."""
        place = self.landscape
        if len(self.start) < MANY or rest is None or not hasattr(place, "loss") or hasattr(place, "weighted_products"):
            return []
        parts = over_passes(self.h, place, self.start, self.end, self.left())
        if not parts:
            return []
        heights = np.array([place.loss(part.x[:, -1]) - place.loss(part.x[:, 0]) for part in parts[::2]])
        shares = np.maximum(FEWEST, self.pieces * np.sqrt(heights / heights.max())).astype(int)
        legs = []
        for climb, fall, pieces in zip(parts[::2], parts[1::2], shares.tolist(), strict=True):
            legs.append(leg(self.h, climb, min(pieces, self.pieces), self.tolerance, self.watch))
            legs.append(along_drift(self.h, spaced(fall.x, pieces, fall.rests)))
        return [legs]

    def _ways(self, curves: list[Array], start: Array, known: list[list[Leg]]) -> list[list[Leg]]:
        """The distinct ways next to some curves, each as its legs; those that cost far more than one known, roughly."""
        coarse: list[Any] = []
        best = min((sum(part.action for part in way) for way in known), default=math.inf)
        begins, ends = (fixed_point(self.h, x, 1e-5 * self.limit) is not None for x in (start, self.end))
        for k, x in enumerate(curves):
            self.watch()
            guess, rests = x, (begins, ends)
            if self.moves.gaussian is not None:  # a good place to begin, and always open
                guess = least(self.moves.gaussian.hamiltonian, x, COARSE, rests, 1e-4, watch=self.watch).curve.x
            found = least(self.h, guess, COARSE, rests, self.rough, watch=self.watch)
            self.progress(0.4 * (k + 1) / len(curves))
            size = SAME * float(np.linalg.norm(self.end - start))
            seen = [*(one.curve.x for one in coarse), *(spaced(_joined(way), COARSE, rests) for way in known)]
            if all(np.linalg.norm(found.curve.x - x, axis=0).max() > size for x in seen):
                coarse.append(found)
        ways = []
        for k, found in enumerate(coarse):
            if found.curve.action > FAR * best:
                ways.append([rough_leg(found, rests)])
                continue
            parts = split(self.h, found.curve.x)
            ways.append([leg(self.h, part, self.pieces, self.tolerance, self.watch) for part in parts])
            self.progress(0.4 + 0.6 * (k + 1) / len(coarse))
        return ways

    def _found(
        self, legs: list[Leg], others: list[list[Leg]], rest: FixedPoint | None, settings: dict[str, Any]
    ) -> MinimumAction:
        action, scale = sum(part.action for part in legs), max(part.force for part in legs)
        share, power = 0.0, 1.0
        if self.moves.floor:
            share, power = loss_along(self.h, legs, self.tolerance, self.watch)
        error = sum(part.error for part in legs) + share
        indices = [index_at(self.h, part.x[:, -1], self.limit) for part in legs]
        stops = tuple(
            Stop(tuple(part.x[:, -1].tolist()), index, part.action) for part, index in zip(legs, indices, strict=True)
        )
        x = np.concatenate([legs[0].x, *(part.x[:, 1:] for part in legs[1:])], axis=1)
        p = np.concatenate([momenta(part)[:, (1 if k else 0) :] for k, part in enumerate(legs)], axis=1)
        rivals = tuple(Other(sum(part.action for part in way), _joined(way)) for way in others)
        energy = max(part.energy for part in legs)
        settled = all(part.settled for part in legs)
        gaussian = self._gaussian(x)
        checks = assumptions_of(self.h, x, p, rest, stops, settled, energy, scale)
        if self.moves.floor:
            checks = *checks, settles(share, power, action)
        return MinimumAction(
            action, error, self.moves.speed, x, p, stops, energy, scale, self.moves.floor, share, gaussian,
            self.moves.system, self.moves.convention, rivals, checks, settings,
        )  # fmt: skip

    def _gaussian(self, x: Array) -> float:
        if self.moves.gaussian is None:
            return math.nan
        h = self.moves.gaussian.hamiltonian
        return sum(leg(h, part, self.pieces, self.tolerance, self.watch).action for part in split(h, x))


def momenta(part: Leg) -> Array:
    """p at the points of a leg (d, n + 1), from those of its pieces."""
    p = part.momentum
    ends = [(3 * p[:, :1] - p[:, 1:2]) / 2, (3 * p[:, -1:] - p[:, -2:-1]) / 2]
    ends = [np.zeros_like(end) if rest else end for end, rest in zip(ends, part.rests, strict=True)]
    return np.concatenate([ends[0], (p[:, 1:] + p[:, :-1]) / 2, ends[1]], axis=1)


def index_at(h: Hamiltonian, x: Array, limit: float) -> int:
    """The number of growing directions at a fixed point; -1 where there is none."""
    found = fixed_point(h, x, 1e-5 * limit)
    return -1 if found is None else found.index


def _joined(legs: list[Leg]) -> Array:
    whole = np.concatenate([legs[0].x, *(part.x[:, 1:] for part in legs[1:])], axis=1)
    return spaced(whole, NODES - 1)


def _on_line(moves: Dynamics, a: float, b: float, settings: dict[str, Any]) -> MinimumAction:
    """The result in one dimension."""
    found = line(moves.hamiltonian, a, b)
    x = np.unique(np.concatenate([np.linspace(a, b, NODES), found.ends]))[:: 1 if b > a else -1]
    p, spent, energy = momentum_on(moves.hamiltonian, x, bool(b > a))
    share, power = 0.0, 1.0
    if moves.floor:
        other: Any = lower(moves.hamiltonian)
        fall = float(line(other, a, b).actions.sum() - found.actions.sum())
        less = momentum_on(other, x, bool(b > a))[1]
        share, power = loss_of(fall, moves.floor * spent, other.floor * less)
    gaussian = math.nan
    if moves.gaussian is not None:
        gaussian = float(line(moves.gaussian.hamiltonian, a, b).actions.sum())
    stops = _stops(moves.hamiltonian, found, abs(b - a))
    rest = fixed_point(moves.hamiltonian, np.array([a]), 1e-5 * abs(b - a))
    checks = assumptions_of(moves.hamiltonian, x[None], p[None], rest, stops, True, energy, 0.0)
    action = float(found.actions.sum())
    if moves.floor:
        checks = *checks, settles(share, power, action)
    return MinimumAction(
        action, float(found.errors.sum()) + share, moves.speed, x[None], p[None], stops, energy, 0.0, moves.floor,
        share, gaussian, moves.system, moves.convention, (), checks, settings,
    )  # fmt: skip


def _stops(h: Hamiltonian, found: Line, length: float) -> tuple[Stop, ...]:
    return tuple(
        Stop((float(x),), index_at(h, np.array([x]), length), float(action))
        for x, action in zip(found.ends[1:], found.actions, strict=True)
    )
