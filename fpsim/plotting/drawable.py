"""What the pictures ask of the results they draw: any object with these fields can be drawn.

The results themselves lie on floors above, so that pictures know no solver.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Exits(Protocol):
    """A sample of exits: the times (paths,), ``censored`` (paths,) where no exit was seen until ``horizon``."""

    @property
    def times(self) -> Array: ...
    @property
    def exits(self) -> Array: ...
    @property
    def censored(self) -> NDArray[Any]: ...
    @property
    def horizon(self) -> float: ...
    def survival(self) -> tuple[Array, Array, Array]:
        """Times, the share of paths that are still in, and half the width of its band."""


class Trajectories(Protocol):
    """Paths: ``time`` (times,) and positions ``x`` (times, paths, d)."""

    @property
    def time(self) -> Array: ...
    @property
    def x(self) -> Array: ...
    @property
    def names(self) -> list[str]: ...
    @property
    def settings(self) -> dict[str, Any]: ...


class Spread(Protocol):
    """Mean and variance (times, d) of a number of ``paths`` against ``time``."""

    @property
    def time(self) -> Array: ...
    @property
    def mean(self) -> Array: ...
    @property
    def variance(self) -> Array: ...
    @property
    def paths(self) -> int: ...
    @property
    def names(self) -> list[str]: ...


class Jumps(Protocol):
    """A way out in jumps: positions (n,), the cost of each jump (n - 1,), their sum, and the target in words."""

    @property
    def path(self) -> Array: ...
    @property
    def costs(self) -> Array: ...
    @property
    def value(self) -> float: ...
    @property
    def target(self) -> str: ...


class RouteTime(Protocol):
    """A time by one route with its errors; ``violated`` holds the assumptions that fail."""

    @property
    def method(self) -> str: ...
    @property
    def units(self) -> str: ...
    @property
    def mean(self) -> float: ...
    @property
    def error(self) -> float: ...
    @property
    def log_mean(self) -> float: ...
    @property
    def log_error(self) -> float: ...
    @property
    def violated(self) -> Sequence[Any]: ...


class RouteTimes(Protocol):
    """Several routes to one time, and the most exact of them."""

    @property
    def routes(self) -> Sequence[RouteTime]: ...
    @property
    def reference(self) -> RouteTime | None: ...
