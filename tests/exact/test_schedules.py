"""Schedules on the Ornstein-Uhlenbeck process, dx = -k x dt + sqrt(2 D(t)) dB, whose mean and variance are closed.

x(0) e^{-k t}  and  v(0) e^{-2kt} + int_0^t 2 D(s) e^{-2k(t-s)} ds;  of its Euler steps the same by a recursion.
"""

import numpy as np
import pytest
from scipy.integrate import quad

import fpsim
import landscapes
from fpsim import schedules
from fpsim.kernels.random_numbers import normals
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.exits import exit_times
from fpsim.paths.step import numpy_step
from fpsim.schedules.clocked import Clocked

BOWL = landscapes.Landscape.from_expression("k*x**2/2", bounds=(-6, 6), k=1.5)
CURVES = (
    schedules.cosine(0.5, 0.05, 1.5),
    schedules.steps([0.5, 0.1, 0.3], [0.5, 1.25]),
    schedules.table([0, 0.5, 1.25, 2], [0.5, 0.1, 0.3, 0.2]),
    schedules.warm_up(0.01, 0.5, 1.0).then(schedules.inverse_time(0.5, 0.7), at=1.0),
    schedules.wave(0.5, 0.3, 0.9, 0.3),
    schedules.logarithmic(0.3, 3.0, 0.5),
    schedules.exponential(0.4, 0.8),
    schedules.formula("a/(1 + t)**2", a=0.4),
    schedules.function(lambda t: 0.3 + 0.1 * np.tanh(t), "a ramp"),
)


def white(curve) -> fpsim.Scheduled:
    return fpsim.Scheduled(fpsim.SDE(BOWL, fpsim.ConstantDiffusion(0.25)), temperature=curve)


@pytest.mark.parametrize("curve", CURVES, ids=str)
def test_paths_are_those_of_the_recursion_on_the_same_normals(curve) -> None:
    h, n = 0.05, 60
    found = fpsim.simulate(white(curve), 1.0, n * h, h, paths=70, seed=5, keep="final").x[-1, :, 0]
    z, x = normals(5, 70, n)[:, 0], np.ones(70)
    for k in range(n):
        x = x - 1.5 * h * x + np.sqrt(2 * h * curve(round(h * k, 12))) * z[k]
    assert np.allclose(found, x, rtol=0, atol=1e-12)


@pytest.mark.parametrize("curve", CURVES[:2], ids=str)
def test_density_has_the_closed_mean_and_variance(curve) -> None:
    times = np.array([0.4, 1.0, 2.0])
    equation = fpsim.FokkerPlanck(white(curve), fpsim.Grid((-6, 6, 600)))
    found = equation.evolve(lambda x: np.exp(-((x[0] - 1) ** 2) / 0.6), times)
    x, w = found.x.values, 12 / 600
    mean = found.density.values @ x * w
    variance = found.density.values @ x**2 * w - mean**2
    for t, m, v in zip(times, mean, variance, strict=True):
        kinks = [b for b in curve.breaks if b < t] or None
        noise = quad(lambda s, t=t: 2 * curve(s) * np.exp(-3 * (t - s)), 0, t, points=kinks, epsabs=1e-11)[0]
        assert m == pytest.approx(np.exp(-1.5 * t), abs=3e-4)
        assert v == pytest.approx(0.3 * np.exp(-3 * t) + noise, abs=3e-4)
        assert abs(v - 0.3 * np.exp(-3 * t) - noise) <= np.max(
            np.fromstring(found.attrs["variance_error"][1:-1], sep=",")
        )
    assert found.attrs["time_error"] < 1e-5


def test_in_iterations_a_step_of_one_is_sgd_itself() -> None:
    well, rate = landscapes.DoubleWell(), schedules.inverse_time(0.1, 50)
    noise = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=2, at="everywhere", floor=0.05)
    sde = fpsim.SDE(well, noise)
    plain = fpsim.Chain(well, noise).simulate(-1.0, 100, paths=70, keep="final", seed=3)
    same = fpsim.simulate(
        fpsim.Scheduled(sde, batch_size=2, clock="iterations"), -1.0, 100, 1.0, 70, seed=3, keep="final"
    )
    assert np.abs(plain.x - same.x).max() < 1e-12
    plan = fpsim.Scheduled(sde, learning_rate=rate, batch_size=schedules.steps([2, 8], [30]), clock="iterations")
    found = fpsim.simulate(plan, -1.0, 100, 1.0, paths=70, keep="final", seed=3)
    z, x = normals(3, 70, 100)[:, 0], np.full(70, -1.0)
    for k in range(100):
        spread = np.sqrt((np.abs(3 * x**2 - 1) + 0.05) / (2 if k < 30 else 8))
        x = x - rate(k) * (x**3 - x) + rate(k) * spread * z[k]
    assert np.abs(found.x[0, :, 0] - x).max() < 1e-12
    assert found.settings["units"] == "iterations" and found.time[-1] == 100


def test_the_two_clocks_tell_one_story() -> None:
    """eta(k) = eta_0 exp(-k/c) is eta(t) = eta_0 - t/c in the time t = sum of eta that it passes."""
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=1, at="minimum", minimum=0.0)
    sde, grid = fpsim.SDE(BOWL, noise), fpsim.Grid((-4, 4, 500))
    iterations = fpsim.Scheduled(sde, learning_rate=schedules.exponential(0.2, 20.0), clock="iterations")
    time = fpsim.Scheduled(sde, learning_rate=schedules.table([0.0, 3.9], [0.2, 0.2 - 3.9 / 20]))
    k = np.array([5.0, 30.0])
    passed = 4 * (1 - np.exp(-k / 20))
    one = fpsim.FokkerPlanck(iterations, grid).evolve([1.0], k)
    two = fpsim.FokkerPlanck(time, grid).evolve([1.0], passed)
    apart = np.abs(one.density.values - two.density.values).sum(axis=1) * 8 / 500
    assert apart.max() < 5e-5
    assert one.time.attrs["units"] == "iterations" and two.time.attrs["units"] == "time"


def test_what_moves_agrees_with_the_readable_twin() -> None:
    """A moving loss under state-dependent noise, outside of Ito, between walls: the same numbers twice."""
    noise = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=2, at="everywhere", floor=0.05, floor_shape="smooth")
    sde = fpsim.SDE(landscapes.DoubleWell(), noise, convention="anti-ito")
    plan = fpsim.Scheduled(
        sde, learning_rate=schedules.cosine(0.1, 0.05, 2), parameters={"tilt": schedules.wave(0, 0.1, 3)}
    )
    found = fpsim.simulate(plan, -1.0, 0.4, 0.01, paths=40, keep="final", seed=3, boundary="reflecting")
    clocked = Clocked(plan, 0.01, 0.4)
    begin = np.stack([np.full(40, -1.0), np.zeros(40)])
    x, _ = twin.walk(begin, 0, 0, 40, numpy_step(clocked, 0.01, None), 3, 0, normals=clocked.normals)
    assert np.abs(found.x[0, :, 0] - x[0]).max() < 1e-12
    assert x[1].tolist() == [40.0] * 40


def test_a_schedule_that_never_changes_changes_nothing() -> None:
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.15))
    plan = fpsim.Scheduled(sde, temperature=0.15)
    plain, same = (exit_times(one, -1.0, 0.5, 300, 0.02, horizon=40.0) for one in (sde, plan))
    assert np.abs(plain.times - same.times).max() < 1e-10 and (plain.censored == same.censored).all()
    assert same.places.shape == (300, 1)


def test_plain_functions_walk_like_formulas() -> None:
    bare = landscapes.Landscape(lambda x: x[0] ** 4 / 4, lambda x: x**3, None, dimension=1, bounds=(-3, 3))
    own = landscapes.Landscape.from_expression("x**4/4", bounds=(-3, 3))
    plans = [
        fpsim.Scheduled(fpsim.SDE(one, fpsim.ConstantDiffusion(0.3)), temperature=schedules.cosine(0.3, 0.1, 2))
        for one in (bare, own)
    ]
    numpy, compiled = (exit_times(plan, 0.0, 1.0, 100, 0.02, horizon=4.0) for plan in plans)
    assert (numpy.settings["engine"], compiled.settings["engine"]) == ("numpy", "compiled")
    assert np.allclose(numpy.times, compiled.times, rtol=0, atol=1e-12)


def test_motion_with_inertia_comes_to_rest_at_the_last_temperature() -> None:
    """<x^2> = T/k and <v^2> = T/mass: five standard errors of 4000 paths, and a bias of the step below 3 %."""
    heavy = fpsim.Underdamped(BOWL, fpsim.ConstantDiffusion(0.3), 1.0, mass=0.5)
    plan = fpsim.Scheduled(heavy, temperature=schedules.cosine(0.3, 0.1, 3.0))
    x = fpsim.simulate(plan, (0.0, 0.0), 10.0, 0.01, paths=4000, keep="final").x[-1]
    assert np.allclose(x.var(axis=0), [0.1 / 1.5, 0.2], rtol=5 * np.sqrt(2 / 4000) + 0.03)


def test_a_full_matrix_keeps_its_shape() -> None:
    """At rest at the last temperature k_i C_ij + C_ij k_j = 2 D_ij: five standard errors and a bias of the step."""
    plane = landscapes.Landscape.from_expression("x**2/2 + y**2", variables="x y", bounds=[(-3, 3), (-3, 3)])
    white = fpsim.SDE(plane, fpsim.ConstantDiffusion([[0.3, 0.1], [0.1, 0.2]]))
    plan = fpsim.Scheduled(white, temperature=schedules.cosine(0.3, 0.1, 1.0))
    x = fpsim.simulate(plan, (0.0, 0.0), 6.0, 0.01, paths=10_000, keep="final").x[-1]
    exact = np.array([[0.1, 0.2 / 9], [0.2 / 9, 0.1 / 3]])
    assert np.abs(np.cov(x.T) - exact).max() < 5 * 0.1 * np.sqrt(2 / 10_000) + 0.002
    assert repr(plan).startswith("<Scheduled: ") and repr(plan.temperature) == "<Curve: cosine from 0.3 to 0.1 over 1>"
