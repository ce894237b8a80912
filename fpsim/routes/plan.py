"""What a comparison was asked for, and what it has found so far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from numpy.typing import DTypeLike

from fpsim.cuda.device import Device
from fpsim.escape_time import EscapeTime
from fpsim.route import process_of
from fpsim.routes.allowance import Allowance


@dataclass
class Plan:
    """A comparison on its way.

    Attributes:
        allowance: the seconds of all routes together.
        paths, step, seed, threads, dtype, progress, device: as in :meth:`fpsim.EscapeProblem.compare`.
        routes: the answers until now.
        infinite: the route that found the mean time to be infinite, if one did.
    """

    allowance: Allowance
    paths: int
    step: float | None
    seed: int
    threads: int | None
    dtype: DTypeLike
    progress: Callable[[str, float], None] | None
    device: Device = "cpu"
    routes: list[EscapeTime] = field(default_factory=list)
    infinite: str = ""

    def expected(self) -> float | None:
        """The time to count on: that of an exact route, else of any formula, else of any route."""
        best = min(self.routes, key=_doubt, default=None)
        return None if best is None else best.mean

    def report(self, name: str) -> Callable[[float], None] | None:
        """What a route called ``name`` tells its finished share to."""
        told = self.progress
        return None if told is None else lambda share: told(name, share)


def _doubt(found: EscapeTime) -> int:
    """0 for an answer without sampling error, 1 for a formula, 2 for a sample."""
    return 1 if process_of(found.method) == "formula" else 2 if found.standard_error else 0
