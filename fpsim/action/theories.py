"""What every theory says of an escape of SGD in all coordinates of a data set or network:

    ln(iterations) = slope * S/eta + log_prefactor + by_steps + per_batch * S

over a saddle b, from a minimum a to a target beyond b.  The last two are what the finite learning rate does.
"""

from __future__ import annotations

import math
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.action.arc import arc
from fpsim.action.minimum import minimum_action
from fpsim.action.prefactor import FocalPointError, Prefactor, prefactor_along, resolved
from fpsim.action.result import MinimumAction
from fpsim.action.systems import dynamics, lengths_of
from fpsim.action.transport import OvershootError
from fpsim.action.valley_floor import Floor, valley_floor
from landscapes.field import as_point
from landscapes.notebook import Shown

Array = NDArray[np.float64]
FLOOR = 1e-5


@dataclass(frozen=True)
class Theory:
    """One theory of ln(iterations).

    Attributes:
        name: which.
        slope: by S/eta.
        slope_error: of refinement and of the noise's floor.
        log_prefactor: ln(iterations) - slope * S/eta, without what grows with S; ``nan`` where a theory has none.
        per_batch: what is added for each example in the batch, at this or any learning rate.
        by_steps: what the finite learning rate adds beside it, by stiff fluctuations across the way; nan where a step
            overshoots some of them.
        log_error: of log_prefactor.
        note: what it rests on, and in which parts.
    """

    name: str
    slope: float
    slope_error: float
    log_prefactor: float
    per_batch: float = 0.0
    by_steps: float = 0.0
    log_error: float = 0.0
    note: str = ""

    def log_iterations(self, learning_rate: float, batch_size: float) -> float:
        """ln(iterations) at a learning rate (that of the theory, but for its slope) and batch size."""
        front = self.log_prefactor + self.by_steps
        return self.slope * batch_size / learning_rate + front + self.per_batch * batch_size

    def __str__(self) -> str:
        front = "" if math.isnan(self.log_prefactor) else f", ln prefactor {self.log_prefactor:.4g}"
        later = f" {self.by_steps:+.3g} by finite steps" if self.by_steps else ""
        later += f" {self.per_batch:+.3g} S" if self.per_batch else ""
        return f"{self.name}: {self.slope:.6g} +- {self.slope_error:.1g} per S/eta{front}{later}; {self.note}"


@dataclass(frozen=True, repr=False)
class Theories(Shown):
    """All theories of one escape.

    Attributes:
        rows: the theories.
        cramer, gauss: the least actions of mini-batches and of Gaussian noise, with their ways.
        line: the floor of the valleys, for theories of one dimension at finite noise.
    """

    rows: tuple[Theory, ...]
    cramer: MinimumAction
    gauss: MinimumAction
    line: Floor

    def __getitem__(self, name: str) -> Theory:
        return next(row for row in self.rows if row.name == name)

    def plot(self, axes: Any = None) -> Any:
        """ln(iterations) against S/eta, a line for each theory; returns the figure."""
        from fpsim.plotting import theory_lines

        return theory_lines(self.rows, axes)

    def finite_noise(self, learning_rate: float, batch_size: int) -> float:
        """ln(exact time / its formula for small noise) on the valley's floor: what is added to any of the formulas."""
        found = self.line.log_iterations(learning_rate, batch_size)
        return found["exact"] - found["gauss"]

    def __repr__(self) -> str:
        return f"<Theories: {', '.join(row.name for row in self.rows)}>"

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))


def theories(
    sgd: Any,
    minimum: ArrayLike,
    saddle: ArrayLike,
    *,
    floor: float = FLOOR,
    pieces: int = 128,
    points: int = 32,
    starts: int = 1,
    end: float | None = None,
    deadline: float = math.inf,
) -> Theories:
    """Every theory of the escape from a minimum over a saddle.

    Args:
        sgd: a :class:`fpsim.MiniBatchSGD` in two or more dimensions; its batch size does not matter.
        minimum, saddle: (d,), critical points to rounding.
        floor: added to the diagonal of the noise, as a share of its mean eigenvalue at the minimum.
        pieces, starts: of :func:`fpsim.minimum_action`.
        points: of :func:`~fpsim.action.valley_floor.valley_floor`.
        end: how far beyond the saddle paths are out, along the direction of negative curvature.
        deadline: seconds for the two searches.

    Raises:
        ValueError: with momentum or another optimiser, if the saddle has not exactly one negative curvature, or as the
            two searches do.
    """
    if not sgd.is_plain:
        raise ValueError(f"these are theories of plain SGD, without momentum; got {sgd}")
    place = sgd.landscape
    a, b = (as_point(point, place.dimension) for point in (minimum, saddle))
    values, vectors = np.linalg.eigh(np.asarray(place.hessian(b)))
    bottom = np.linalg.eigvalsh(np.asarray(place.hessian(a)))
    if not (values[0] < 0 < values[1] and bottom[0] > 0):
        raise ValueError(
            f"theories of an escape need a minimum and a saddle with one negative curvature; the lowest are "
            f"{bottom[0]:.3g} at the minimum, {values[0]:.3g} and {values[1]:.3g} at the saddle"
        )
    e = vectors[:, 0] * np.sign(vectors[:, 0] @ (b - a))
    line = valley_floor(place, a, b, e, end, points)
    ends = clock.monotonic() + deadline
    moves = replace(dynamics(sgd, a, b, floor), gaussian=None)
    gauss = minimum_action(sgd.surrogate(), a, b, floor=floor, pieces=pieces, starts=starts, deadline=deadline)
    left = ends - clock.monotonic()
    cramer = minimum_action(moves, a, b, pieces=pieces, starts=0, guesses=[gauss.x], deadline=left)
    kramers = math.log(2 * math.pi / -values[0]) + float(np.log(np.abs(values)).sum() - np.log(bottom).sum()) / 2
    ways = along_ways(sgd, {"cramer": cramer, "gauss": gauss}, floor, pieces)
    rows = (*ways, *_along(line, sgd.learning_rate), *_frozen(sgd, a, b, e, kramers))
    return Theories(rows, cramer, gauss, line)


def along_ways(sgd: Any, found: Mapping[str, MinimumAction], floor: float, nodes: int) -> list[Theory]:
    """Least actions in all coordinates with their prefactors, of ``"cramer"`` or ``"gauss"``, or of both."""
    rows = []
    for name, way in found.items():
        system = sgd if name == "cramer" else sgd.surrogate()
        failed = ", ".join(check.statement for check in way.violated)
        note = f"the noise's floor takes {way.floor_share:.1e}" + (f"; fails: {failed}" if failed else "")
        try:
            if len(way.stops) > 1:
                raise FocalPointError(f"the way stops at {len(way.stops) - 1} fixed points")
            front, by_steps = _front(system, way, floor, nodes, sgd.learning_rate)
        except FocalPointError as crossing:
            rows.append(Theory(name, way.action, way.error, math.nan, note=f"{note}; no prefactor: {crossing}"))
            continue
        log = front.log - math.log(sgd.learning_rate)
        note = f"{note}; int F dt = {front.divergence:.4g}, comes in to {front.mismatch:.1e}"
        rows.append(Theory(name, way.action, way.error, log, front.lag, by_steps, front.error, note))
    return rows


def _front(system: Any, way: MinimumAction, floor: float, nodes: int, eta: float) -> tuple[Prefactor, float]:
    """What stands before the exponential of a way of one leg, and what steps eta add to its logarithm, if known."""
    h = dynamics(system, way.x[:, 0], way.x[:, -1], floor).hamiltonian
    lengths = lengths_of(system.landscape, way.x[:, 0], way.x[:, -1])
    front = resolved(h, way.x, lambda x: prefactor_along(h, x, arc(h, x, nodes, lengths), lengths))
    try:
        return front, prefactor_along(h, way.x, arc(h, way.x, nodes, lengths), lengths, eta).log - front.log
    except OvershootError:
        return front, math.nan


def _along(line: Floor, rate: float) -> list[Theory]:
    """The theories of one dimension along the valley's floor, with and without what the others do to first order."""
    logs, (gaussian, cramer) = line.log_iterations(rate, 1), line.exponents
    twice = line.log_iterations(rate, 2)["cramer"] - logs["cramer"] - cramer / rate
    gauss, batches = logs["gauss"] - gaussian / rate, logs["cramer"] - cramer / rate - twice
    words = f"valley's floor, {line.stiffness:.2g} times stiffer across than along"
    inner = f"{words}; fluctuations across it {line.narrowing:.3g}"
    return [
        Theory("floor, cramer", cramer, 1e-8, batches, twice, note=words),
        Theory("floor, gauss", gaussian, 1e-8, gauss, note=words),
        Theory("reduced, cramer", cramer, 1e-8, batches + line.narrowing, twice, note=inner),
        Theory("reduced, gauss", gaussian, 1e-8, gauss + line.narrowing, note=inner),
    ]


def _frozen(sgd: Any, a: Array, b: Array, e: Array, kramers: float) -> list[Theory]:
    """Eyring and Kramers' formula with constant noise: that along e at the saddle or minimum, or of equal trace."""
    place, front = sgd.landscape, kramers - math.log(sgd.learning_rate)
    barrier = float(place.loss(b) - place.loss(a))
    at_a, at_b = (np.asarray(place.example_gradients(x)) for x in (a, b))
    levels = {
        "kramers, C(b)": float((at_b @ e).var()),
        "kramers, C(a)": float((at_a @ e).var()),
        "isotropic": float(at_a.var(axis=0).sum()) / len(a),
    }
    rounding = 1e-14 * abs(float(place.loss(b)))
    return [
        Theory(name, 2 * barrier / level, 2 * rounding / level, front, note=f"constant noise, C = {level:.4g}")
        for name, level in levels.items()
    ]
