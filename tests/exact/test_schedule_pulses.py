"""A pulse that is short against the time between outputs is not stepped over, wherever it lies."""

import pickle

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


def test_pulses_as_short_as_the_looks_allow_and_waves_that_are_too_short() -> None:
    """A pulse of 1/30 000 of the run is found, in what is refused too; a wave that nobody could follow is refused."""
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    end, width = 1000.0, 1000.0 / 30_000
    pulse = schedules.formula(f"0.1 + 2*exp(-((t - 253.7)/{width})**2)")
    plan = fpsim.Scheduled(sde, temperature=pulse)
    corners = np.array(plan.corners(end))
    own = np.searchsorted(corners, 253.7)
    assert corners[own] - corners[own - 1] < 16 * width
    assert any(abs(t - 253.7) < width for t in plan.extremes(end))
    negative = fpsim.Scheduled(sde, temperature=schedules.formula(f"0.1 - 0.5*exp(-((t - 253.7)/{width})**2)"))
    with pytest.raises(ValueError, match="must be a positive number all along; at t = 253"):
        negative.require(end)
    short = fpsim.Scheduled(sde, temperature=schedules.wave(0.1, 0.05, 0.01))
    with pytest.raises(ValueError, match=r"repeats 1e\+05 times.*give its mean"):
        fpsim.SurvivalProblem(short, -1.0, 1.0).quasi_static([end])
    with pytest.raises(ValueError, match=r"a step of 0.01 is too long.*use step <= 0.0025"):
        fpsim.simulate(short, -1.0, 1.0, 0.01)


@pytest.mark.parametrize(
    "curve",
    [
        schedules.cosine(0.1, 0.05, 7), schedules.steps([1, 2], [3]), schedules.table([1, 3], [0.1, 0.2]),
        schedules.warm_up(0.1, 0.2, 5).then(schedules.exponential(0.2, 9), 5), schedules.inverse_time(1, 2),
        schedules.logarithmic(1.0), schedules.wave(1, 0.1, 3, 0.2), schedules.formula("a/(1 + t)", [2.0], a=2.0),
    ],
    ids=str,
)  # fmt: skip
def test_schedules_can_be_sent_to_workers(curve) -> None:
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
    problem = fpsim.SurvivalProblem(fpsim.Scheduled(sde, temperature=curve), -1.0, 1.0)
    sent = pickle.loads(pickle.dumps(problem))
    t = np.linspace(0, 10, 101)
    assert str(sent) == str(problem) and sent.sde.breaks == problem.sde.breaks
    assert np.array_equal(sent.sde.strength(t), problem.sde.strength(t))
