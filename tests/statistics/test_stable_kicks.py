"""The law of alpha-stable kicks: E cos(k . L_h) = exp(-h |scale k|^alpha), by five standard errors."""

import numpy as np
import pytest

import fpsim
import landscapes


@pytest.mark.parametrize("alpha", [0.6, 1.0, 1.5, 1.9])
@pytest.mark.parametrize("d", [1, 2, 3])
def test_characteristic_function(d: int, alpha: float):
    free = landscapes.DriftField.from_expression(["0"] * d, variables="x y z"[: 2 * d - 1])
    x = fpsim.simulate(
        fpsim.SDE(free, fpsim.LevyNoise(alpha, 0.7)), [0.0] * d, 0.75, 0.25, 40_000, seed=5, keep="final"
    ).x[-1]  # three steps of 0.25
    for k in (0.5 * np.eye(d)[0], np.full(d, 1.2), 3.0 * np.eye(d)[-1]):
        cosine, sine = np.cos(x @ k), np.sin(x @ k)
        expected = np.exp(-0.75 * (0.7 * np.linalg.norm(k)) ** alpha)
        assert abs(cosine.mean() - expected) < 5 * cosine.std() / 200
        assert abs(sine.mean()) < 5 * sine.std() / 200
