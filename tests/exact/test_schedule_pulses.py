"""A pulse that is short against the time between outputs is not stepped over, wherever it lies."""

import numpy as np
import pytest
from scipy.integrate import quad

import fpsim
import landscapes
from fpsim import schedules

WIDTH = 0.1


@pytest.mark.parametrize("middle", [7.0, 25.4])
def test_variance_in_a_parabola_after_a_pulse_of_temperature(middle: float) -> None:
    """var(t) = var(0) e^(-2 t) + int 2 T(s) e^(-2 (t - s)) ds for L = x^2/2."""
    pulse = schedules.formula("0.1 + a*exp(-((t - m)/w)**2)", a=1.0, m=middle, w=WIDTH)
    sde = fpsim.SDE(landscapes.Quadratic(1.0), fpsim.ConstantDiffusion(0.1))
    equation = fpsim.FokkerPlanck(fpsim.Scheduled(sde, temperature=pulse), fpsim.Grid((-4, 4, 200)))
    x = equation.grid.points[0]
    end = middle + 0.5
    begin = np.exp(-(x**2) / 0.2)
    begin /= begin.sum() * equation.grid.volume
    found = equation.evolve(begin, [end])
    variance = float((found.density.values[-1] @ x**2) * equation.grid.volume)
    more, _ = quad(lambda s: 2 * np.exp(-(((s - middle) / WIDTH) ** 2) - 2 * (end - s)), middle - 1, end)
    assert variance == pytest.approx(0.1 + more, rel=2e-3)
    assert more > 0.1  # what is missed when it is stepped over


def test_quasi_static_moments_lie_in_the_pulse() -> None:
    """The same schedule with its corners given by hand."""
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.05))
    text, found = "0.05 + 0.5*exp(-((t - 25.4)/0.1)**2)", []
    for breaks in ([], [24.9, 25.15, 25.4, 25.65, 25.9]):
        plan = fpsim.Scheduled(sde, temperature=schedules.formula(text, breaks))
        found.append(fpsim.SurvivalProblem(plan, -1.0, 0.0).quasi_static([50.0]))
    assert found[0].chance[0] == pytest.approx(found[1].chance[0], rel=1e-3)
    assert not all(a.holds for a in found[0].assumptions)  # it is no slow schedule


def test_even_curves_are_not_cut() -> None:
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    for curve in (schedules.cosine(0.15, 0.05, 50), schedules.exponential(0.1, 20), schedules.wave(0.1, 0.05, 1.0)):
        assert fpsim.Scheduled(sde, temperature=curve).corners(50.0) == [0.0, 50.0]
