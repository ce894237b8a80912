"""What a search asks of the function whose critical points it looks for."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class HasSlope(Protocol):
    """A gradient (d, ...) with its derivatives (d, d, ...) at x (d, ...)."""

    @property
    def dimension(self) -> int: ...
    @property
    def name(self) -> str: ...
    def gradient(self, x: Array, /) -> Array: ...
    def hessian(self, x: Array, /) -> Array: ...


class HasHeight(HasSlope, Protocol):
    """A loss (...) with its gradient, and the drift against it."""

    def loss(self, x: Array, /) -> Array: ...
    def drift(self, x: Array, /) -> Array: ...
