"""What films cannot show yet is refused before anything is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem


def require_open_space(problem: EscapeProblem) -> None:
    """Raise ``ValueError`` for a problem with walls, whose particles a film would let through."""
    if problem.walls is not None:
        raise ValueError(f"films draw particles without walls, and this problem has {problem.walls}; leave them out")
