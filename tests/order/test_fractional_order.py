"""The fractional equation on an interval: its error falls like the cell width, and the limit is Getoor's."""

import math

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.exact.fractional import fractional_passage


@pytest.mark.parametrize("alpha", [0.6, 1.0, 1.4, 1.8])
def test_the_error_is_of_first_order(alpha: float):
    free = landscapes.DriftField.from_expression(["0"], variables="x")
    sde, start = fpsim.SDE(free, fpsim.LevyNoise(alpha, 1.0)), 0.25
    found = fractional_passage(sde, start, fpsim.Outside([0.0], 1.0), cells=1024)
    exact = math.gamma(0.5) * (1 - start**2) ** (alpha / 2) / (
        2**alpha * math.gamma(1 + alpha / 2) * math.gamma((1 + alpha) / 2)
    )  # fmt: skip
    errors = np.abs(np.array(found.means) - exact)
    np.testing.assert_allclose(np.log2(errors[:-1] / errors[1:]), 1, atol=0.03)
    assert found.mean == pytest.approx(exact, rel=1e-6)
