"""Phase space (x, v): the drift of a body with mass and friction, and a noise that acts on velocities alone,

    b(x, v) = (v, (b(x) - friction v) / mass),      D(x, v) = diag(0, friction D(x) / mass^2)

for a landscape or drift field b(x) and a noise D(x).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.noise.borrowed import Borrowed
from fpsim.noise.kicks import Kicks
from fpsim.noise.model import Structure, SymbolicTensor
from landscapes.kinds import HasDrift

if TYPE_CHECKING:
    from landscapes.domain import Domain
    from landscapes.formula.symbolic import Symbolic

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PhaseSpace:
    """The drift of (x, v), 2 d coordinates, on a landscape or drift field in x."""

    place: HasDrift
    friction: float
    mass: float
    bounds = None

    @property
    def dimension(self) -> int:
        """2 d: places, then velocities."""
        return 2 * self.place.dimension

    @property
    def name(self) -> str:
        """The landscape's, and what moves there."""
        return f"{self.place.name}, mass {self.mass:g}, friction {self.friction:g}"

    @property
    def variables(self) -> tuple[str, ...]:
        """Those of the landscape, then their velocities."""
        return *self.place.variables, *(f"v_{name}" for name in self.place.variables)

    @cached_property
    def domain(self) -> Domain:
        """That of the landscape: velocities are free."""
        return replace(self.place.domain, variables=(*self.place.domain.variables, *self._speeds))

    @property
    def is_differenced(self) -> bool:
        """As the landscape."""
        return self.place.is_differenced

    def drift(self, x: ArrayLike) -> Array:
        """(v, (b - friction v) / mass) at (x, v), shape (2 d, ...)."""
        place, speed = np.split(np.asarray(x, dtype=float), 2)
        return np.concatenate([speed, (self.place.drift(place) - self.friction * speed) / self.mass])

    def jacobian(self, x: ArrayLike) -> Array:
        """Its derivatives, shape (2 d, 2 d, ...)."""
        points = np.asarray(x, dtype=float)
        d, found = self.place.dimension, np.zeros((self.dimension, *points.shape))
        found[d:, :d] = self.place.jacobian(points[:d]) / self.mass
        for i in range(d):
            found[i, d + i], found[d + i, d + i] = 1.0, -self.friction / self.mass
        return found

    @property
    def _speeds(self) -> list[Any]:
        import sympy

        return [sympy.Symbol(f"velocity {i}", real=True) for i in range(self.place.dimension)]

    @cached_property
    def symbolic(self) -> Symbolic | None:
        """The formulas, whose new symbols have a blank in their names; ``None`` for plain functions."""
        base = self.place.symbolic
        if base is None:
            return None
        import sympy

        from landscapes.formula.symbolic import Symbolic

        friction, mass = (sympy.Symbol(f"inertia {name}", real=True) for name in ("friction", "mass"))
        speeds = self._speeds
        force = [(b - friction * v) / mass for b, v in zip(base.drift, speeds, strict=True)]
        values = {**base.parameters, friction: self.friction, mass: self.mass}
        return Symbolic((*base.variables, *speeds), values, None, (*speeds, *force))

    def __str__(self) -> str:
        return f"{self.place} (mass {self.mass:g}, friction {self.friction:g})"


@dataclass(frozen=True)
class VelocityNoise(Borrowed):
    """A noise for x acting on velocities: D = diag(0, friction D(x) / mass^2)."""

    phase: PhaseSpace

    @property
    def weight(self) -> float:
        """friction / mass^2."""
        return self.phase.friction / self.phase.mass**2

    def _place(self, landscape: HasDrift) -> HasDrift:
        return self.phase.place

    def structure(self, landscape: HasDrift) -> Structure:
        """Diagonal, or full where the noise is."""
        return "full" if self.inner.structure(self.phase.place) == "full" else "diagonal"

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """D in the block of velocities, (2 d, 2 d, ...)."""
        d = len(x) // 2
        found = np.zeros((2 * d, *x.shape))
        found[d:, d:] = self.weight * self.inner.tensor(self.phase.place, x[:d])
        return found

    def divergence(self, landscape: HasDrift, x: Array) -> Array:
        """Zero: D does not depend on v."""
        return np.zeros_like(x)

    def kicks(self, landscape: HasDrift) -> Kicks:
        """Kicks of the noise itself, to velocities; where it takes d normals, the first d of 2 d are used."""
        own, d, root = self.inner.kicks(self.phase.place), self.phase.place.dimension, np.sqrt(self.weight)

        def kick(x: Array, z: Array) -> Array:
            found = root * own.kick(np.split(x, 2)[0], z[: own.normals])
            return np.concatenate([np.zeros_like(found), found])

        def along(x: Array, n: Array) -> Array:
            return np.asarray(self.weight * own.along(np.split(x, 2)[0], np.split(n, 2)[1]))

        return Kicks(2 * d if own.normals == d else own.normals, kick, along)

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        """The tensor as a formula."""
        found = self.inner.symbolic(self.phase.place)
        if found is None:
            return None
        import sympy

        weight = sympy.Symbol("inertia weight", real=True)
        return sympy.diag(sympy.zeros(*found[0].shape), weight * found[0]), {**found[1], weight: self.weight}

    def resolved(self, landscape: HasDrift, start: Array, target: Any) -> Borrowed:
        """With what depends on the escape of the place filled in."""
        return super().resolved(landscape, np.split(start, 2)[0], target.inner)

    def breaks(self, landscape: HasDrift, low: float, high: float) -> None:
        """Not on a line."""
        return

    @property
    def floor_of(self) -> None:
        """None is needed: a body crosses places without noise by its speed."""
        return

    def zeros(self, landscape: HasDrift, low: float, high: float) -> Array:
        """None that matters."""
        return np.empty((2, 0))

    @property
    def minibatch(self) -> None:
        """No chain of this process: see :meth:`fpsim.Underdamped.of_heavy_ball`."""
        return
