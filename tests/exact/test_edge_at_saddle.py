"""A target whose edge runs through the saddle, in more dimensions than are searched for all critical points."""

from __future__ import annotations

import numpy as np
import pytest

import fpsim
from fpsim.valleys.descent import slide_down
from landscapes import Landscape

OTHERS = [f"y{k}" for k in range(7)]
PLACE = Landscape.from_expression(
    "(x**2 - 1)**2/4 + " + " + ".join(f"{y}**2/2" for y in OTHERS), variables=["x", *OTHERS], bounds=[(-2, 2)] * 8
)
NORMAL = np.eye(8)[0]


def formula(offset: float) -> fpsim.EscapeTime:
    sde = fpsim.SDE(PLACE, fpsim.ConstantDiffusion(0.03))
    return fpsim.EscapeProblem(sde, -NORMAL, fpsim.HalfSpace(NORMAL, offset)).by_formula("eyring-kramers")


def test_the_time_to_the_saddle_is_half_of_that_beyond() -> None:
    at, beyond = formula(0.0), formula(1.0)
    assert "to the pass itself" in at.settings["meaning"]
    assert abs(at.mean / beyond.mean - 0.5) < 1e-9
    assert abs(beyond.mean / (2 * np.pi / np.sqrt(2) * np.exp(0.25 / 0.03)) - 1) < 1e-6


def test_no_descent_begins_at_a_critical_point() -> None:
    with pytest.raises(ValueError, match="it begins at a critical point"):
        slide_down(PLACE, np.zeros(8), 1.0)
