"""The film ``surface``: real paths from one valley of a surface L(x, y) to another, over its saddle.

    dX = -grad L dt + sqrt(2 D) dB,      most probable path (D = T I): steepest descent from the saddle, both ways

A crossing is the piece of a path from its last visit to the neighbourhood of the first minimum until it enters the
target.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from animations.film.film import Film, require_open_space

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem


@dataclass(frozen=True)
class SurfaceFilm(Film):
    """A film of particles on a surface.

    Args:
        problem: two-dimensional, with a loss and a box.
        particles: how many.
        turn: degrees by which the camera turns from the first picture to the last, at most 90.

    Raises:
        ValueError: for another dimension, a drift field, a landscape without a box, or too few frames; by
            :meth:`compute` where no saddles join start and target.
    """

    name: ClassVar[str] = "surface"

    problem: EscapeProblem
    particles: int = 80
    turn: float = 50.0

    def __post_init__(self) -> None:
        place = self.problem.sde.landscape
        if place.dimension != 2 or not hasattr(place, "loss"):
            kind = f"{place.dimension}-dimensional" if place.dimension != 2 else "a drift field"
            raise ValueError(f"the film 'surface' needs a loss in two dimensions; '{place.name}' is {kind}")
        if place.bounds is None:
            raise ValueError("the film 'surface' needs a box in which minima and saddles are found: give bounds")
        self.require(frames=2, particles=2)
        if not abs(self.turn) <= 90:
            raise ValueError(f"the film 'surface' turns its camera by at most 90 degrees; got {self.turn:g}")

    @classmethod
    def standard(cls, **options: Any) -> SurfaceFilm:
        """From a sharp valley at (-1, 0) to a flat one at (1, 0), equally deep, round a bend; T = 0.08.

        L = (x^2 - 1)^2/4 + w/2 exp(-s x) (y - a (x^2 - 1))^2 has exactly these minima and the saddle (0, -a).
        """
        from fpsim.escape import EscapeProblem
        from fpsim.noise import ConstantDiffusion
        from fpsim.sde.sde import SDE
        from fpsim.targets import Ball
        from landscapes import Landscape

        place = Landscape.from_expression(
            "(x**2 - 1)**2/4 + w/2*exp(-s*x)*(y - a*(x**2 - 1))**2", variables="x y",
            bounds=((-2, 2.2), (-2, 2.5)), w=2.0, s=0.7, a=0.6,
        )  # fmt: skip
        problem = EscapeProblem(SDE(place, ConstantDiffusion(0.08)), (-1.0, 0.0), Ball((1.0, 0.0), 0.3))
        return cls(problem, **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> SurfaceFilm:
        """Another escape in two dimensions."""
        require_open_space(problem)
        return cls(problem, **options)
