"""Survival under a schedule: routes against each other and against closed forms."""

import numpy as np
import pytest
from scipy.special import erf

import fpsim
import landscapes
from fpsim import schedules

WHITE = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))


def cooled(duration: float) -> fpsim.SurvivalProblem:
    plan = fpsim.Scheduled(WHITE, temperature=schedules.cosine(0.08, 0.03, duration))
    return fpsim.SurvivalProblem(plan, -1.0, 1.0)


def test_without_a_drift_it_is_an_error_function_of_the_time_that_passed() -> None:
    """S = erf(1 / (2 sqrt(int D)))  for Brownian motion from 0 to 1."""
    flat = fpsim.SDE(landscapes.Landscape.from_expression("c*x", bounds=(-5, 5), c=0.0), fpsim.ConstantDiffusion(0.1))
    curve, times = schedules.steps([0.1, 0.4], [1.0]).then(schedules.inverse_time(0.4, 0.5), at=2.0), [1.0, 2.0, 4.0]
    passed = np.array([0.1, 0.5, 0.5 + 0.2 * np.log(5)])
    plan = fpsim.Scheduled(flat, temperature=curve)
    grid = fpsim.FokkerPlanck(plan, fpsim.Grid((-10, 1.02, 551))).survival([0.0], 1.0, times)
    exact = erf(1 / (2 * np.sqrt(passed)))
    assert np.abs(grid.survival.values - exact).max() < 1e-4
    paths = fpsim.SurvivalProblem(plan, 0.0, 1.0)
    left = fpsim.paths.exits.exit_times(plan, 0.0, 1.0, 4000, 0.01, horizon=4.0)
    share = np.array([((left.times > t) | left.censored).mean() for t in times])
    assert np.abs(share - exact).max() < 5 * 0.5 / np.sqrt(4000) + 0.01  # 5 sigma and the step
    assert str(paths.target) == "x >= 1"


def test_paths_and_grid_agree() -> None:
    problem, times = cooled(30.0), [8.0, 20.0, 40.0]
    grid, paths = problem.by_grid(times, cells=200), problem.by_paths(times, paths=4000, seed=2)
    assert np.abs(paths.z_scores(grid)).max() < 5
    assert (np.diff(grid.chance) < 0).all() and grid.error.max() < 1e-4


@pytest.mark.parametrize(("duration", "slow"), [(3.0, False), (40.0, False), (1000.0, True)])
def test_the_hazard_integral_errs_by_less_than_it_says_and_says_when_it_is_slow_enough(duration, slow) -> None:
    problem = cooled(duration)
    times = [duration / 4, duration / 2, duration]
    formula, grid = problem.quasi_static(times), problem.by_grid(times, cells=100)
    assert (np.abs(formula.chance - grid.chance) <= formula.error + grid.error).all()
    assert {a.key: a.holds for a in formula.assumptions} == {"slow": slow, "rare": True, "followed": True}


def test_rates_of_steps_add_up() -> None:
    plan = fpsim.Scheduled(WHITE, temperature=schedules.steps([0.05, 0.04], [400.0]))
    problem, times = fpsim.SurvivalProblem(plan, -1.0, 1.0), [400.0, 3000.0]
    for route in ("quadrature", "kramers"):
        one, two = (fpsim.EscapeProblem(plan.at(t), -1.0, 1.0).by(route).mean for t in (0.0, 500.0))
        found = -np.log(problem.quasi_static(times, route).chance)
        assert np.allclose(found, [400 / one, 400 / one + 2600 / two], rtol=1e-9)


def test_in_iterations_the_learning_rate_paces_both() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=3, at="minimum", minimum=-1.0)
    rate = schedules.cosine(0.2, 0.02, 4000.0)
    plan = fpsim.Scheduled(fpsim.SDE(landscapes.DoubleWell(), noise), learning_rate=rate, clock="iterations")
    problem, times = fpsim.SurvivalProblem(plan, -1.0, 1.0), [800.0, 4000.0]
    formula, grid = problem.quasi_static(times, "kramers-next"), problem.by_grid(times, cells=100)
    assert (np.abs(formula.chance - grid.chance) <= formula.error + grid.error).all() and formula.error.max() < 0.1
    assert 0.3 < grid.chance[1] < grid.chance[0] < 0.6 and formula.units == grid.units == "iterations"


def test_a_chain_under_a_schedule_is_that_of_a_loop() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=0.3, batch_size=2, at="everywhere", floor=0.0)
    rate = schedules.inverse_time(0.2, 200.0)
    plan = fpsim.Scheduled(fpsim.SDE(landscapes.DoubleWell(), noise), learning_rate=rate, clock="iterations")
    times = np.array([10.0, 40.0, 100.0])
    found = fpsim.SurvivalProblem(plan, -1.0, 0.3).by_chain(times, paths=20_000, seed=1)
    draws, x, out = np.random.default_rng(0), np.full(20_000, -1.0), np.full(20_000, np.inf)
    for k in range(100):
        eta = rate(k)
        x = x - eta * (x**3 - x) + eta * np.sqrt(np.abs(3 * x**2 - 1) / 2) * draws.standard_normal(x.size)
        out = np.where((x >= 0.3) & np.isinf(out), k + 1.0, out)
    share = np.array([(out > t).mean() for t in times])
    error = np.sqrt(share * (1 - share) / x.size) + 1e-9
    assert (np.abs(found.chance - share) < 5 * np.hypot(found.error, error)).all()
    assert 0.0001 < 1 - share[0] < 1 - share[-1] < 0.999


def test_more_coordinates_that_do_not_matter(tmp_path) -> None:
    plane = landscapes.Landscape.from_expression(
        "(x**2 - 1)**2/4 + w*y**2/2", variables="x y", bounds=[(-2, 2), (-2, 2)], w=2.0
    )
    plan = fpsim.Scheduled(
        fpsim.SDE(plane, fpsim.ConstantDiffusion(0.1)), temperature=schedules.cosine(0.08, 0.03, 30.0)
    )
    problem, times = fpsim.SurvivalProblem(plan, [-1.0, 0.0], fpsim.HalfSpace([1.0, 0.0], 1.0)), [8.0, 20.0]
    line = cooled(30.0).by_grid(times, cells=200)
    paths = problem.by_paths(times, paths=3000)
    assert np.abs(paths.z_scores(line)).max() < 5
    rates = [p.quasi_static(times, name).chance for p, name in ((problem, "eyring-kramers"), (cooled(30.0), "kramers"))]
    assert np.allclose(*rates, rtol=1e-6)
    again = fpsim.load(paths.save(tmp_path / "survival.nc"))
    assert str(again) == str(paths) and (again.chance == paths.chance).all()


def test_stochastic_resonance_hazard_repeats() -> None:
    """A periodic tilt: the log of survival falls by the same amount in every period, once the start is forgotten."""
    plan = fpsim.Scheduled(WHITE, parameters={"tilt": schedules.wave(0.0, 0.06, 40.0)})
    survival = fpsim.SurvivalProblem(plan, -1.0, 1.0).by_grid([40.0, 80.0, 120.0], cells=100)
    falls = -np.diff(np.log(survival.chance))
    assert falls[0] == pytest.approx(falls[1], rel=1e-3)
    still = fpsim.EscapeProblem(WHITE, -1.0, 1.0).by_quadrature().mean
    assert falls[1] > 1.1 * 40.0 / still  # rates are convex in the tilt


def test_errors() -> None:
    with pytest.raises(TypeError, match="there is EscapeProblem"):
        fpsim.SurvivalProblem(WHITE, -1.0, 1.0)
    with pytest.raises(ValueError, match="already lies in the target"):
        fpsim.SurvivalProblem(cooled(1.0).sde, 1.0, fpsim.Ball([1.0], 0.1))
    with pytest.raises(ValueError, match="give clock='iterations'"):
        cooled(1.0).by_chain([1.0])
    with pytest.raises(ValueError, match="the deadline came at t = "):
        cooled(30.0).by_grid([30.0], cells=100, deadline=1e-6)
    many = fpsim.Scheduled(WHITE, temperature=schedules.wave(0.06, 0.02, 1.0))
    unseen = fpsim.SurvivalProblem(many, -1.0, 1.0).quasi_static([500.0], "kramers")
    assert "followed" in {check.key for check in unseen.violated}
    with pytest.raises(ValueError, match="increasing numbers"):
        cooled(1.0).by_grid([2.0, 1.0])
    one, two = (cooled(1.0).quasi_static([t], "kramers") for t in (1.0, 2.0))
    with pytest.raises(ValueError, match="at the same times"):
        one.z_scores(two)
