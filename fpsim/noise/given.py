"""A tensor D(x) that has no formula, but can be computed for one block of points after the other in compiled code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class GivenTensor:
    """Where the numbers come from.

    Attributes:
        kind: ``"function"`` of x, ``"curvature"``, a function of the Hessian's eigenvalues, or ``"examples"``, C1(x).
        shape: ``"isotropic"``, ``"diagonal"`` or ``"full"``: what the function returns.
        source: the function of x, or the landscape with examples.
        factor: times which D is what is computed.
        level: of curvatures: floor, its shape and what is added, as (floor, ``"additive"``/``"smooth"``/``"clip"``, T).
    """

    kind: Literal["function", "curvature", "examples"]
    shape: str = "full"
    source: Callable[[Any], Any] | Any = None
    factor: float = 1.0
    level: tuple[float, str, float] = (0.0, "additive", 0.0)
