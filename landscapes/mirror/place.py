"""A saddle between two minima of a network's loss, in all of its parameters, with everything that certifies it.

    a  ----  b  ----  a'            |grad L| <= 1e-10 at each,  index 0, 1, 0,  descents from b end in a and in a'

e is the unit vector of negative curvature at b, pointing from a to a'.  Outside is where (x - b) . e >= (a' - b) . e:
on data that are closed under a mirror a' = P a, and that is |u_a|.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.mirror.branch import newton, valley
from landscapes.mirror.involution import Mirror
from landscapes.networks.landscape import NeuralLandscape

STILL = 1e-10
"""Largest gradient norm of a certified critical point."""
KICK = 0.02
"""Length of the step along e with which descents from the saddle begin."""
NEAR = 1e-6
"""How near a descent has to come, relative to the distance of the minima."""


class UncertifiedError(ValueError):
    """A place is not what it says."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Curvatures (d,), ascending, and the gradient norm at a critical point."""

    curvatures: Array
    gradient_norm: float

    @property
    def index(self) -> int:
        """The number of negative curvatures."""
        return int(np.count_nonzero(self.curvatures < 0))


@dataclass(frozen=True, eq=False)
class Place:
    """Two minima of a network and the saddle between them.

    Attributes:
        landscape: the network with its data.
        minimum, saddle, twin: a, b, a' (d,).
        direction: e (d,).
        mirror: the symmetry of the loss, under which b is its own and a' is a's image; None without one.
        facts: how it was found.
    """

    landscape: NeuralLandscape
    minimum: Array
    saddle: Array
    twin: Array
    direction: Array
    mirror: Mirror | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def decay(self) -> float:
        """The weight decay."""
        return self.landscape.weight_decay

    @property
    def target(self) -> tuple[Array, float]:
        """Normal (d,) and offset of the half-space that is outside; ``fpsim.HalfSpace(*place.target)``."""
        return self.direction, float(self.twin @ self.direction)

    @property
    def barrier(self) -> float:
        """L(b) - L(a)."""
        return float(self.landscape.loss(self.saddle) - self.landscape.loss(self.minimum))

    def along(self, x: Array) -> Array:
        """u = (x - b) . e of points (d, ...)."""
        return np.tensordot(self.direction, np.asarray(x), 1) - self.direction @ self.saddle

    def spectrum(self, which: str) -> Spectrum:
        """Curvatures at ``"minimum"``, ``"saddle"`` or ``"twin"``."""
        return self._spectra[which]

    @cached_property
    def _spectra(self) -> dict[str, Spectrum]:
        found = {name: spectrum_at(self.landscape, getattr(self, name)) for name in ("minimum", "saddle")}
        twins = self.mirror is not None and np.array_equal(self.mirror(self.minimum), self.twin)
        return found | {"twin": found["minimum"] if twins else spectrum_at(self.landscape, self.twin)}

    def reversed(self) -> Place:
        """The same saddle seen from the other minimum."""
        return replace(self, minimum=self.twin, twin=self.minimum, direction=-self.direction)

    def certified(self, descents: bool = True) -> Place:
        """This place, after everything that it says has been computed anew.

        Raises:
            UncertifiedError: for a gradient above `STILL`, another index, or descents (which may be left out, they
                take the most time) that end elsewhere.
        """
        for name, index in (("minimum", 0), ("saddle", 1), ("twin", 0)):
            found = self.spectrum(name)
            if not found.gradient_norm <= STILL:
                raise UncertifiedError(f"the gradient at the {name} is {found.gradient_norm:.2g}, not below {STILL:g}")
            if found.index != index:
                raise UncertifiedError(f"the {name} has {found.index} negative curvatures, not {index}")
        if self.mirror is not None:
            self._require_mirror(self.mirror)
        if descents:
            self._require_descents()
        return self

    def _require_mirror(self, mirror: Mirror) -> None:
        size = float(np.linalg.norm(self.twin - self.minimum))
        gaps = {
            "the saddle is not its own mirror image": mirror(self.saddle) - self.saddle,
            "the minima are not mirror images": mirror(self.minimum) - self.twin,
            "the direction is not antisymmetric": (mirror(self.direction) + self.direction) * size,
        }
        for words, gap in gaps.items():
            if np.linalg.norm(gap) > NEAR * size:
                raise UncertifiedError(f"{words}: they are {np.linalg.norm(gap):.2g} apart")

    def _require_descents(self) -> None:
        size = float(np.linalg.norm(self.twin - self.minimum))
        for name, sign in (("minimum", -1.0), ("twin", 1.0)):
            end = descent(self.landscape, self.saddle + sign * KICK * size * self.direction)
            gap = float(np.linalg.norm(end - getattr(self, name)))
            if gap > NEAR * size:
                raise UncertifiedError(f"the descent from the saddle ends {gap:.2g} away from the {name}")

    def __str__(self) -> str:
        a, b = self.spectrum("minimum"), self.spectrum("saddle")
        return (
            f"{self.landscape.name}, weight decay {self.decay:g}: barrier {self.barrier:.4g}, curvatures of the "
            f"minimum {a.curvatures[0]:.3g} to {a.curvatures[-1]:.3g}, of the saddle {b.curvatures[0]:.3g}, then from "
            f"{b.curvatures[1]:.3g}"
        )


def spectrum_at(landscape: NeuralLandscape, x: Array) -> Spectrum:
    """Curvatures and gradient norm at x (d,)."""
    values = np.asarray(np.linalg.eigvalsh(landscape.hessian(x)), dtype=np.float64)
    return Spectrum(values, float(np.linalg.norm(landscape.gradient(x))))


def descent(landscape: NeuralLandscape, start: Array, time: float = 1e5, rest: float = 1e-7) -> Array:
    """Where gradient flow from ``start`` (d,) comes to rest, by a stiff solver and Newton's steps at the end.

    Raises:
        ValueError: if it does not come to rest.
    """
    from scipy.integrate import solve_ivp

    def resting(_: float, x: Array) -> float:
        return float(np.linalg.norm(landscape.gradient(x))) - rest

    vars(resting)["terminal"] = True
    found = solve_ivp(
        lambda _, x: -landscape.gradient(x), (0.0, time), start, method="BDF", events=resting, rtol=1e-4, atol=1e-6,
        jac=lambda _, x: -landscape.hessian(x),
    )  # fmt: skip
    if found.status != 1:
        raise ValueError(f"gradient flow did not come to rest within the time {time:g}: {found.message}")
    return newton(landscape, found.y[:, -1])


def place_at(landscape: NeuralLandscape, mirror: Mirror, saddle: Array, facts: dict[str, Any] | None = None) -> Place:
    """The place around a symmetric critical point b (d,) of index 1.

    Raises:
        UncertifiedError: if it is no saddle across the symmetric subspace, or has another index.
    """
    across = mirror.antisymmetric()
    values, vectors = np.linalg.eigh(across.T @ landscape.hessian(saddle) @ across)
    if not values[0] < 0 <= values[1]:
        raise UncertifiedError(
            f"the lowest curvatures across the symmetric parameters are {values[0]:.3g} and {values[1]:.3g}: a saddle "
            "between twins has one negative one"
        )
    e = across @ vectors[:, 0]
    e = e * np.sign(e[np.argmax(np.abs(e))])
    low = valley(landscape, saddle - KICK * e)
    return Place(landscape, low, saddle, mirror(low), e, mirror, facts or {})


def leaning(place: Place, landscape: NeuralLandscape) -> Place:
    """The place of another landscape with the same parameters, whose minima and saddle are near those of ``place``.

    Data that are not quite closed under the mirror make one of the two valleys sharper than the other.

    Raises:
        UncertifiedError: if the point next to b is no saddle of index 1.
    """
    a, b, other = (newton(landscape, x) for x in (place.minimum, place.saddle, place.twin))
    values, vectors = np.linalg.eigh(landscape.hessian(b))
    if not values[0] < 0 <= values[1]:
        raise UncertifiedError(f"the lowest curvatures at the saddle are {values[0]:.3g} and {values[1]:.3g}")
    e = vectors[:, 0] * np.sign(vectors[:, 0] @ (other - a))
    return Place(landscape, a, b, other, e, None, dict(place.facts))
