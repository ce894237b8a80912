"""The closed formula for escape times that belongs to a noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpsim.noise import Diffusion


def formula_for(noise: Diffusion[Any]) -> str:
    """Its name in ``EscapeProblem.by_formula``."""
    if noise.is_constant:
        return "white-noise"
    return "xie" if noise.jumps else "state-dependent"
