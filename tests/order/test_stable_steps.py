"""How short SGD's steps must be to leave like the process under heavy tails (Nguyen et al., NeurIPS 2019).

The chain x' = (1 - k h) x + h^(1/alpha) s Z is seen at its steps alone.  Its mean time out of (-R, R), in time, tends
to the process's as h -> 0 if both h k and h (s/R)^alpha are small, the chance of a jump over the valley within a step.
For alpha = 1 its transition law is Cauchy's, so that nothing is drawn here.
"""

import numpy as np
import pytest

import fpsim
import landscapes


def by_chain(step, scale, curvature, cells=400):
    """Mean time from 0 out of (-1, 1) by the chances that a jump from the middle of a cell ends in another."""
    edges = np.linspace(-1.0, 1.0, cells + 1)
    x = (edges[1:] + edges[:-1]) / 2
    angle = np.arctan((edges[None] - (1 - curvature * step) * x[:, None]) / (step * scale)) / np.pi
    times = np.linalg.solve(np.eye(cells) - np.diff(angle, axis=1), np.full(cells, step))
    return float(times[cells // 2 - 1 : cells // 2 + 1].mean())


@pytest.mark.parametrize(("curvature", "scale", "rates"), [(0.0, 1.0, (1.75, 2.0)), (1.0, 0.1, (1.6, 2.0))])
def test_short_steps_leave_like_the_process(curvature, scale, rates):
    """The excess is h ln(1/h) for alpha = 1: halves become nearer to 2; small once h k <= 0.2 and h s/R <= 0.02."""
    if curvature:
        sde = fpsim.SDE(landscapes.Quadratic(curvature), fpsim.LevyNoise(1.0, scale))
        exact = fpsim.EscapeProblem(sde, 0.0, fpsim.Outside([0.0], 1.0)).by("fractional", cells=256).mean
    else:
        exact = 1 / scale  # Getoor
    excess = np.array([by_chain(step, scale, curvature) / exact - 1 for step in (0.2, 0.1, 0.05)])
    ratios = excess[:-1] / excess[1:]
    assert np.all(excess > 0) and np.all(np.diff(ratios) > 0)
    assert np.all((ratios > rates[0]) & (ratios < rates[1]))
    assert excess[0] < 0.02 if curvature else excess[0] > 0.2
