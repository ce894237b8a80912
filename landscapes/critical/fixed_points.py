"""Fixed points of a drift: b(x) = 0, told apart by the eigenvalues of the Jacobian db_i/dx_j.

The search is that of :mod:`landscapes.critical.points`: in one dimension roots are isolated on a fine scan, in two
Newton's method starts from every cell where both components may vanish, beyond two the result says that it may be
incomplete. Where the drift points inward all along the boundary of the box, the Poincare-Hopf theorem demands sum
sign det(-J) = 1 (J. Milnor, Topology from the Differentiable Viewpoint, 1965, section 6); the sum is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscapes.critical.asked import Array
from landscapes.critical.found import PointsFound, summary, table
from landscapes.critical.newton import CONVERGED, ITERATIONS, LONGEST_STEP, unique_points
from landscapes.critical.starts import seeds

if TYPE_CHECKING:
    from landscapes.field import Bounds, Field

DEGENERATE = 1e-9
"""An eigenvalue whose real part is below this share of the largest in modulus decides nothing."""
MOST_DEGENERATE = 8


@dataclass(frozen=True)
class FixedPoint:
    """A point where the drift vanishes.

    Attributes:
        x: coordinates, shape (d,).
        eigenvalues: of the Jacobian, complex (d,), in order of falling real part: the rates at which distances grow.
        degenerate: whether a real part is zero within rounding, so that the linear part decides nothing.
    """

    x: NDArray[np.float64]
    eigenvalues: NDArray[np.complex128]
    degenerate: bool = False

    @property
    def stable(self) -> bool:
        """Whether every small deviation dies out."""
        return not self.degenerate and bool(np.all(self.eigenvalues.real < 0))

    @property
    def index(self) -> int:
        """Number of directions in which deviations grow."""
        return int(np.sum(self.eigenvalues.real > 0))

    @property
    def kind(self) -> str:
        """One of "stable node", "stable focus", "saddle", "unstable node", "unstable focus", "degenerate"."""
        if self.degenerate:
            return "degenerate"
        if 0 < self.index < len(self.x):
            return "saddle"
        turns = bool(np.any(np.abs(self.eigenvalues.imag) > DEGENERATE * np.abs(self.eigenvalues).max()))
        return f"{'unstable' if self.index else 'stable'} {'focus' if turns else 'node'}"

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON; eigenvalues as [real, imaginary]."""
        pairs = [[float(v.real), float(v.imag)] for v in self.eigenvalues]
        return {"kind": self.kind, "x": self.x.tolist(), "eigenvalues": pairs, "stable": self.stable}

    def __repr__(self) -> str:
        at = ", ".join(f"{value:.6g}" for value in self.x)
        return f"FixedPoint({self.kind} at ({at}), eigenvalues {_spectrum(self.eigenvalues)})"


@dataclass(frozen=True, repr=False)
class FixedPoints(PointsFound[FixedPoint]):
    """The fixed points found in a box: stable ones first, then by the number of growing directions."""

    @property
    def stable(self) -> tuple[FixedPoint, ...]:
        """The stable ones, in order of their coordinates."""
        return tuple(point for point in self.points if point.stable)

    def __str__(self) -> str:
        size = max(high - low for low, high in self.bounds)
        rows = [(p.kind, _place(p.x, size), _spectrum(p.eigenvalues)) for p in self.points]
        ends = [summary("fixed point", self, "sign det(-J)"), *self.warnings]
        return table(("kind", "x", "eigenvalues"), rows, ends)


@dataclass(frozen=True)
class _AsGradient:
    """A drift in the words of the search for critical points: gradient = -b, Hessian = -J."""

    drift: Field

    @property
    def dimension(self) -> int:
        return self.drift.dimension

    @property
    def name(self) -> str:
        return self.drift.name

    def gradient(self, x: Array) -> Array:
        return -self.drift.drift(x)

    def hessian(self, x: Array) -> Array:
        return -self.drift.jacobian(x)


def find_fixed_points(drift: Field, bounds: Bounds) -> FixedPoints:
    """Search a box for fixed points; the public call is ``DriftField.fixed_points``.

    Raises:
        ValueError: where they are not isolated.
    """
    return FixedPoints.searched(drift, bounds, partial(_search, drift, bounds), _doubts)


def _search(drift: Field, bounds: Bounds, effort: int) -> tuple[FixedPoint, ...]:
    low, high = np.array(bounds).T
    places = unique_points(_newton(drift, seeds(_AsGradient(drift), bounds, effort), bounds), high - low)
    if places.shape[1] == 0:
        return ()
    spectra = np.linalg.eigvals(np.moveaxis(drift.jacobian(places), -1, 0)).astype(complex)
    fastest = float(np.abs(spectra).max())
    points = []
    for k, values in enumerate(spectra):
        order = np.lexsort((-values.imag, -values.real))
        flat = bool(np.any(np.abs(values.real) <= DEGENERATE * max(fastest, 1e-300)))
        points.append(FixedPoint(places[:, k], values[order], flat))
    if sum(point.degenerate for point in points) > MOST_DEGENERATE:
        raise ValueError(f"The fixed points of {drift.name} are not isolated: it vanishes along a line or region.")
    return tuple(sorted(points, key=lambda p: (p.index, *np.round(p.x / (high - low), 9))))


def _newton(drift: Field, starts: Array, bounds: Bounds) -> Array:
    """Converged end points (d, k) of x <- x - J^-1 b(x), steps cut to a part of the box."""
    low, high = np.array(bounds).T[:, :, np.newaxis]
    width, x = high - low, np.clip(starts, low, high)
    active, converged = np.arange(x.shape[1]), np.zeros(x.shape[1], dtype=bool)
    for _ in range(ITERATIONS):
        if active.size == 0:
            break
        here = x[:, active]
        jacobian = np.moveaxis(drift.jacobian(here), -1, 0)
        step = np.einsum("nij,jn->in", np.linalg.pinv(jacobian, rcond=1e-13), drift.drift(here))
        close = np.all(np.abs(step) <= CONVERGED * width, axis=0)
        close &= np.all(np.abs(np.clip(here - step, low, high) - (here - step)) <= CONVERGED * width, axis=0)
        shrink = np.minimum(1.0, LONGEST_STEP / np.maximum(np.max(np.abs(step) / width, axis=0), 1e-300))
        x[:, active] = np.clip(here - shrink * step, low, high)
        converged[active[close]] = True
        active = active[~close]
    ends = x[:, converged]
    if ends.shape[1] == 0:
        return ends
    sample = low + np.random.default_rng(0).random((len(low), 1000)) * width
    size = np.abs(drift.drift(sample)).max()
    return ends[:, np.all(np.abs(drift.drift(ends)) <= 1e-8 * size, axis=0)]  # a singular J stops anywhere


def _doubts(drift: Field, points: Sequence[FixedPoint], confining: bool, sum_: int) -> tuple[str, ...]:
    degenerate = [point for point in points if point.degenerate]
    if degenerate:
        at = "; ".join(_place(point.x, float(np.abs(point.x).max())) for point in degenerate)
        return (
            f"{drift.name} has fixed points whose linear part decides nothing (eigenvalues without real part) at {at}.",
        )
    if confining and sum_ != 1:
        return (
            f"The fixed points found in {drift.name} have sum sign det(-J) = {sum_} where a confining drift has 1: "
            "some are missing.",
        )
    return ()


def _place(x: Array, size: float) -> str:
    return "(" + ", ".join(f"{0.0 if abs(v) < 1e-14 * size else v:.7g}" for v in x) + ")"


def _spectrum(values: NDArray[np.complex128]) -> str:
    """Eigenvalues as people write them: pairs as a +- bi."""
    size, shown = float(np.abs(values).max()), []
    for value in values:
        if abs(value.imag) <= DEGENERATE * size:
            shown.append(f"{0.0 if abs(value.real) < 1e-14 * size else value.real:.6g}")
        elif value.imag > 0:
            shown.append(f"{0.0 if abs(value.real) < 1e-14 * size else value.real:.6g} +- {value.imag:.6g}i")
    return "(" + ", ".join(shown) + ")"
