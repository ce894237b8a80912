"""The noise of one step for what jumps and has no D: how many normals it takes, in NumPy and as formulas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Formulas:
    """A leap as formulas.

    Attributes:
        outputs: the displacement, d expressions in the normals and in what ``statements`` make.
        statements: symbols with their formulas, in order.
        parameters: every other symbol with its value.
    """

    outputs: tuple[Any, ...]
    statements: tuple[tuple[Any, Any], ...]
    parameters: dict[Any, float]


@dataclass(frozen=True)
class Leap:
    """How a noise that jumps moves points in one step, wherever they are.

    Attributes:
        normals: number of normals that a step takes.
        moved: normals z (normals, ...) and the step -> displacement (d, ...).
        formulas: symbols of the normals and the step -> the same as :class:`Formulas`.
    """

    normals: int
    moved: Callable[[Array, float], Array]
    formulas: Callable[[Sequence[Any], float], Formulas]
