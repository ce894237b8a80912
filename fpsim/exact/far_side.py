"""The side away from the target: how far it matters, and what lies beyond.

    int_{-inf}^b e^{-W} D^{l-1} dz = (weight at b) u / kappa      where the weight goes like a power of the distance u

The line is walked outward until the weight is e^-45 below its largest value and no well follows, or until weight and
scale are powers of the distance to all digits; the rest is then known in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.exact.far_wells import Search, last_well
from fpsim.exact.feller import Edge, classify, why_infinite
from fpsim.exact.integrals import RUNNING, WEIGHTS, UnusableError, nodes_of, resolve
from fpsim.exact.oriented import Oriented
from fpsim.sde.gates import EdgeReachedError, InfiniteTimeError
from landscapes.field import NotDefinedError

Array = NDArray[np.float64]

NEGLIGIBLE = 45.0  # a weight e^-45 below the largest is left out
STEEP = 12.0  # weights that fall faster than this power are as good as exponentials
SETTLED = 1e-13
FARTHEST = 1e17  # in lengths
MOST_PANELS = 20_000
PATIENCE = 4_000  # panels of negligible weight after which the search for a further well ends
DIFFERENCES_SEE = 1e7  # lengths: the slope of x^4 from differences over one length is then good to 1e-9


@dataclass(frozen=True)
class Tail:
    """Beyond the far bound the weight is a power of the distance u: integrals there are (value at the bound) u / kappa.

    Attributes:
        distance: u at the bound.
        mass: kappa of the weight.
        spread: kappa of (scale * mass^2), which the variance needs; <= 0 where the variance is infinite.
        error: relative error of these.
    """

    distance: float
    mass: float
    spread: float
    error: float


@dataclass(frozen=True)
class FarSide:
    """Where the integrals begin (oriented), what lies beyond, and how that was found out."""

    bound: float
    limit: float
    tail: Tail | None
    edge: Edge | None
    search: Search | None


def far_side(view: Oriented, start: float, span: float, box_end: float | None) -> FarSide:
    """Walk outward (to smaller y) from ``start``; ``span`` is the distance to the target.

    Raises:
        ValueError: if the mean is infinite, or an end can be reached about which nothing is said.
    """
    line = view.line
    ends = {"wall": line.low_end, "place": line.low} if view.direction > 0 else {
        "wall": line.high_end, "place": line.high
    }  # fmt: skip
    limit, is_wall = view.direction * float(ends["place"]), ends["wall"] == "wall"
    return _Walk(view, start, span, limit, is_wall, box_end).walk()


class _Walk:
    """The walk outward: what was seen so far."""

    def __init__(
        self, view: Oriented, start: float, span: float, limit: float, is_wall: bool, box_end: float | None
    ) -> None:
        self.view, self.start, self.span = view, start, span
        self.limit, self.is_wall, self.is_sharp = limit, is_wall, False
        # formulas say themselves where the last well is; plain functions are at least looked at in all of their box
        plain = view.features is None and box_end is not None and box_end > limit
        self.beyond = min(start, box_end) if plain and box_end is not None else start
        self.reached, self.risen, self.top, self.bound, self.panels = start, 0.0, -math.inf, start, 0
        self.edge: Edge | None = None
        self.pending = ""
        self.patience = PATIENCE
        self.search: Search | None = None
        self.exponent = (math.nan, math.nan)

    def walk(self) -> FarSide:
        """Step outward until nothing more matters."""
        self._judge()
        length = self.span / 2
        while True:
            room = self.reached - self.limit
            if self.is_wall and room <= 1e-14 * max(abs(self.limit), self.span):
                return FarSide(self.bound, self.limit, None, self.edge, self.search)
            step = min(length, room if self.is_wall else room / 2)
            edges = np.linspace(max(self.reached - step, self.limit), self.reached, 9)
            edges, stopped = self._usable(edges)
            if stopped is not None:
                self._new_edge(stopped)
                continue
            light = self._take(edges)
            done = None if self.pending else self._closed(light)
            if done is not None:
                return done
            far = self.start - self.reached
            if light and not self.pending and self.panels > self.patience:
                return self._given_up()
            if self.pending and (self.panels > MOST_PANELS or far > FARTHEST * self.span):
                raise InfiniteTimeError(self.pending)
            if self.panels > MOST_PANELS or far > FARTHEST * self.span:
                raise ValueError(
                    f"the far side does not confine within reach: {far:.3g} behind the start the stationary weight is "
                    "not yet negligible, so the mean first-passage time is infinite or out of reach; choose a "
                    "landscape that rises on the side away from the target, or give a boundary"
                )
            length *= 1.5 if far < 100 * self.span else 2.0

    def _judge(self) -> None:
        """Feller's test for the end; a wall at the end of a landscape only needs a finite weight."""
        place = self.view.direction * self.limit
        if self.is_wall and not self._is_singular():
            return
        view, inside = self.view, self.view.direction * self.start

        def fields(x: Array) -> tuple[Array, Array]:
            slope, log_d = view.tried(view.direction * x)
            return view.direction * slope, log_d

        sight = DIFFERENCES_SEE if view.sde.landscape.is_differenced else math.inf
        try:
            self.edge = classify(fields, inside, place, view.weight, self.span, sight)
        except ValueError:
            if not view.sde.landscape.is_differenced:
                raise
            self.edge = Edge(place, "undecided", False, False, math.nan)  # differences may fail anywhere
        self.pending = why_infinite(self.edge, self.is_wall)
        if self.pending and (math.isfinite(place) or self._noise_is_positive()):
            if self.edge.is_reached and math.isfinite(place) and not self.is_wall:
                raise EdgeReachedError(self.pending)
            raise InfiniteTimeError(self.pending)  # towards infinity a zero of D may still stand in the way
        self.is_sharp, self.is_wall = True, False

    def _noise_is_positive(self) -> bool:
        features = self.view.features
        return self.view.sde.noise.is_constant or (features is not None and bool(features.noise.is_positive))

    def _is_singular(self) -> bool:
        """Whether a wall stands where drift or D is not finite."""
        return not self._is_usable(self.limit)

    def _is_usable(self, place: float) -> bool:
        return all(bool(np.isfinite(part).all()) for part in self.view.tried(np.array([place])))

    def _usable(self, edges: Array) -> tuple[Array, float | None]:
        """Resolved panel edges, or the place where drift or D stops being usable."""
        hidden = None if self.search is None else self.view.hidden  # what the way there hides is looked for later
        try:
            edges, vanished = resolve(self.view.fields, edges, 1e-6, math.inf, hidden)
        except (UnusableError, NotDefinedError):
            nodes = np.append(nodes_of(edges).ravel(), self.reached)
            slope, log_d = self.view.tried(nodes)
            lost = ~(np.isfinite(slope) & np.isfinite(log_d))
            if not lost.any():
                raise
            if self.pending and np.isfinite(log_d[lost]).all():
                raise InfiniteTimeError(self.pending) from None
            return edges, self._last_usable(float(nodes[lost].max()))
        return edges, None if vanished is None else self._rounded(vanished)

    def _last_usable(self, bad: float) -> float:
        """The border between usable and unusable points, by bisection."""
        good = self.reached
        for _ in range(200):
            middle = (good + bad) / 2
            if middle in (good, bad):
                break
            good, bad = (middle, bad) if self._is_usable(middle) else (good, middle)
        return self._rounded(bad)

    def _rounded(self, near: float) -> float:
        """A place that panels or bisections closed in on: a round number, if drift or D fails there exactly."""
        for digits in range(14):
            rounded = round(near, digits) + 0.0
            if abs(rounded - near) < 1e-9 * self.span and not self._is_usable(rounded):
                return rounded
        return near

    def _new_edge(self, place: float) -> None:
        if place >= self.reached:
            raise ValueError("at the start the drift or D is not finite, or D is not positive: check the noise")
        self.limit, self.is_wall = place, False
        self.beyond = self.start if self.beyond <= place else self.beyond
        self._judge()

    def _take(self, edges: Array) -> bool:
        """Integrate over a stretch; whether all of it is negligible."""
        self.panels += edges.size - 1
        half, nodes = np.diff(edges) / 2, nodes_of(edges)
        slope, log_d = self.view.fields(nodes)
        steps = np.cumsum(half * (slope @ WEIGHTS))
        potential = self.risen + np.append(0, steps[:-1])[:, None] + half[:, None] * (slope @ RUNNING) - steps[-1]
        weight = (self.view.weight - 1) * log_d - potential
        log_mass = weight + np.log(self._arm(nodes))
        self.top = max(self.top, float(log_mass.max()))
        heavy = np.flatnonzero(log_mass.ravel() >= self.top - NEGLIGIBLE)  # >=: top may be 1e18
        if heavy.size:
            self.bound = float(nodes.ravel()[heavy[0] - 1] if heavy[0] else edges[0])
        self.risen, self.reached = self.risen - float(steps[-1]), float(edges[0])
        self._read_exponents(edges, slope, log_d)
        return not heavy.size

    def _arm(self, nodes: Array) -> Array:
        """Length that a weight counts for: the distance to the target's side, or to a finite edge."""
        if self._has_edge:
            return np.minimum(self.span + self.start - nodes, nodes - self.limit)
        return np.asarray(self.span + self.start - nodes)

    def _distance(self, y: Array) -> Array:
        """Distance u to a finite edge, or from the start towards an infinite one."""
        return y - self.limit if self._has_edge else self.start + self.span - y

    @property
    def _has_edge(self) -> bool:
        return self.is_sharp and math.isfinite(self.limit)

    def _read_exponents(self, edges: Array, slope: Array, log_d: Array) -> None:
        """kappa of weight and spread from the outermost panel."""
        y = nodes_of(edges[:2])[0]
        u = self._distance(y)
        towards = 1.0 if self._has_edge else -1.0  # dy / du
        bend = float((log_d[0, -1] - log_d[0, 0]) / math.log(u[-1] / u[0]))
        pull = float(towards * u[0] * slope[0, 0])
        speed, scale = -pull + (self.view.weight - 1) * bend, pull - self.view.weight * bend
        mass = towards * (speed + 1)
        self.before, self.exponent = self.exponent, (mass, towards * scale + 2 * mass + towards)

    def _closed(self, light: bool) -> FarSide | None:
        """The far side, if it is known now."""
        mass, spread = self.exponent
        if light and (mass > STEEP or (self._has_edge and spread >= mass > 0)) and self.reached <= self.beyond:
            return self._if_no_well()
        change = max(abs(a - b) for a, b in zip(self.exponent, self.before, strict=True))
        settled = change <= SETTLED * (1 + abs(mass)) and self.reached <= self.beyond
        last = self._has_edge and self.reached - self.limit < 1e-9 * abs(self.limit)
        if not self.is_sharp or not (settled or last):
            return None
        if not mass > 1e-12:
            raise InfiniteTimeError(
                f"the mean first-passage time is infinite: the stationary weight falls off like |x|^{-1 - mass:.6g}, "
                "which has no finite integral"
            )
        tail = Tail(float(self._distance(np.array([self.reached]))[0]), mass, spread, 2 * change)
        found = self._if_no_well()
        return None if found is None else FarSide(self.reached, self.limit, tail, self.edge, self.search)

    def _ground(self) -> float:
        """The loss above which a well far out cannot matter; infinite where D varies or there is no loss."""
        features = self.view.features
        if features is None or features.loss is None or features.noise.has(features.variable):
            return math.inf
        x = self.view.place(np.array([self.start]))
        loss, level = float(self.view.sde.potential.loss(x[None])[0]), float(self.view.sde.diffusion(x[None])[0, 0, 0])
        top = self.top - (self.view.weight - 1) * math.log(level) - math.log(self.span)
        return loss + level * (2 * NEGLIGIBLE + 75 - top)  # e^75: the longest reach, in lengths

    def _if_no_well(self) -> FarSide | None:
        """The far side, unless a well may follow; then the walk goes on to that."""
        if self.search is None:
            self.search = last_well(self.view, self.reached, self.limit, self.span, self._ground())
            self.patience = self.panels + PATIENCE
        if self.search.place is not None and self.search.place < self.reached:
            return None
        return FarSide(self.bound, self.limit, None, self.edge, self.search)

    def _given_up(self) -> FarSide:
        """The far side with all that the walk has seen, where ripples go on for ever and no bound can be had."""
        words = f"integration as far as x = {self.view.direction * self.reached:.4g}; beyond, nothing could be proved"
        return FarSide(self.bound, self.limit, None, self.edge, Search(None, words))
