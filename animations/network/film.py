"""The film ``network``: replicas of a residual network leave a valley, by SGD with real mini-batches.

    u = (x - b) . e,    v = (x - b) . s,    out where u >= |u(a)|,    P(inside) ~ exp(-t/tau)

All parameters move; e is the direction of negative curvature at the saddle b, and the plane through b along e and s
holds the minimum a and its mirror twin.  tau is not fitted: least action with Bouchet and Reygner's prefactor.
Nothing is simulated here (:mod:`validation.full_space.replicas` did).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from animations.film.clock import Clock
from animations.film.film import Film


@dataclass(frozen=True)
class NetworkFilm(Film):
    """A film of stored replicas; nothing is random here.

    Args:
        replicas: how many of the stored ones are shown; all of them by default.

    Raises:
        ValueError: for too few frames or replicas; by :meth:`compute` for more replicas than are stored.
    """

    name: ClassVar[str] = "network"
    length: ClassVar[float] = 10.0

    clock: Clock | str | float = "slow-fast"
    replicas: int | None = None

    def __post_init__(self) -> None:
        self.require(frames=2, **({} if self.replicas is None else {"replicas": 1}))
