"""A noise as the films tell it: in two words, as a formula of Typst, and by the closed formula that belongs to it."""

from __future__ import annotations

from typing import Any

import numpy as np

NAMES = {"ConstantDiffusion": "White noise", "HessianDiffusion": "Hessian noise", "GradientNoise": "Gradient noise"}


def name_of(noise: Any) -> str:
    """A noise in two words; empty for other kinds."""
    return NAMES.get(type(noise).__name__, "")


def law_of(noise: Any) -> str:
    """A noise in Typst's mathematics; empty for one without a short formula."""
    from fpsim.noise import ConstantDiffusion, GradientNoise, HessianDiffusion

    if isinstance(noise, ConstantDiffusion) and np.ndim(noise.value) == 0:
        return f"D = {noise.value:g}"
    if not isinstance(noise, HessianDiffusion | GradientNoise):
        return ""
    factor = f"eta / (2 S) = {noise.learning_rate / (2 * noise.batch_size):g}"
    if isinstance(noise, GradientNoise):
        return f"D(x) = eta / (2 S) C(x), quad {factor}"
    if noise.at != "everywhere" or noise.clip or noise.injected:
        return ""
    curvature = "abs(L''(x))"
    if noise.floor:
        smooth = f"sqrt(L''(x)^2 + {noise.floor:g}^2)"
        curvature = smooth if noise.floor_shape == "smooth" else f"({curvature} + {noise.floor:g})"
    return f"D(x) = eta / (2 S) {curvature}, quad {factor}"


def formula_for(noise: Any) -> str:
    """The closed formula for escape times that belongs to the noise."""
    if noise.is_constant:
        return "white-noise"
    return "xie" if getattr(noise, "at", "") == "path" else "state-dependent"
