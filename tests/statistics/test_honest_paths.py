"""By paths: a number whose error covers the truth, or a refusal; never a wrong number with a small error."""

import math

import numpy as np
import pytest

import fpsim
from fpsim.paths.censoring import UnsettledError, censored_mean, moved
from fpsim.routes.ladder import Level, bias
from fpsim.routes.reach import BeyondReachError
from fpsim.routes.steps import stiffness
from landscapes import DoubleWell, DriftField, Landscape

F, C = Landscape.from_expression, fpsim.ConstantDiffusion
FLAT = fpsim.EscapeProblem(fpsim.SDE(F("k*x**2/2", bounds=[(-60, 60)], k=1e-3), C(0.5)), 0.0, 1.0)
WELL = fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), C(0.1)), -1.0, 1.0)  # 66.2686
TOP = fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), C(0.05)), 0.0, 1.0)  # 367.767
WAVES = fpsim.DiffusionField.from_expression("T*(1+b*sin(q*x))", T=0.7, b=0.9, q=6.0)
WAVY = fpsim.EscapeProblem(fpsim.SDE(F("k*x**2/2", bounds=[(-4, 4)], k=0.2), WAVES), 0.0, 1.5)  # 14.815
SPIN = DriftField.from_expression(["-x + 10*y", "-10*x - y"], variables="x y")


def covers(found, truth, sigma=3.0):
    return abs(found.mean - truth) <= sigma * found.error


def floored(floor):
    noise = fpsim.HessianDiffusion(learning_rate=1.0, batch_size=1, at="everywhere", floor=floor)
    return fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), noise), -1.0, 0.3)


# --- horizons -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "truth", "step", "horizon"),
    [
        (FLAT, 57.069, 0.02, 170.0), (FLAT, 57.069, 0.02, 17.0), (WELL, 66.2686, 0.01, 6.6), (TOP, 367.767, 0.01, 7.4),
        (TOP, 367.767, 0.02, 40.0),
    ],
)  # fmt: skip
def test_a_horizon_too_short_to_tell_is_refused_or_covered(problem, truth, step, horizon):
    try:
        found = problem.by_paths(4000, step=step, horizon=horizon, step_bias=False)
    except UnsettledError as error:
        assert "horizon" in str(error) and "use a longer horizon" in str(error)
    else:
        assert covers(found, truth)


def test_the_flat_bowl_is_refused():
    with pytest.raises(UnsettledError, match=r"have not settled late .* of the mean would lie beyond"):
        FLAT.by_paths(20_000, step=0.02, horizon=170.0, step_bias=False)


def test_a_settled_rate_is_an_assumption_of_the_result():
    found = WELL.by_paths(4000, step=0.02, horizon=60.0, step_bias=False)
    (rate,) = [a for a in found.assumptions if a.key == "settled"]
    assert rate.holds and "late exits" in rate.detail and covers(found, 66.2686)
    assert 0 < found.systematic_error < 0.1 * found.mean


def test_two_rates_in_one_sample_are_seen():
    rng = np.random.default_rng(3)
    fast = rng.random(8000) < 0.7
    times = rng.exponential(np.where(fast, 1.0, 30.0))
    cut = np.minimum(times, 4.0)
    with pytest.raises(UnsettledError):
        censored_mean(cut, times > 4.0, 4.0)
    assert not math.isclose(censored_mean(np.minimum(times, 60.0), times > 60.0, 60.0).mean, 1.0)


def test_exponential_times_are_not_refused_and_their_errors_cover():
    rng, scores = np.random.default_rng(5), []
    for _ in range(60):
        times = rng.exponential(1.0, 3000)
        found = censored_mean(np.minimum(times, 0.7), times > 0.7, 0.7)
        scores.append((found.mean - 1) / math.hypot(found.standard_error, found.tail_error))
    assert np.mean(np.abs(scores) < 2) >= 0.93 and 0.2 < np.std(scores) < 1.2


def test_survivors_that_spread_are_told_from_those_that_rest():
    rng = np.random.default_rng(1)
    rest = rng.normal(size=(3000, 2))
    assert moved(rest, rng.normal(size=(3000, 2))) > 0.01
    assert moved(rest, rng.normal(size=(3000, 2)) * [1.0, 1.3]) < 1e-4


# --- steps ----------------------------------------------------------------------------------------------------------


def ladder(law, noise=0.01, seed=0):
    rng, steps = np.random.default_rng(seed), (0.01, 0.02, 0.04, 0.08)
    return [Level(h, law(h) + noise * rng.standard_normal(), noise) for h in steps]


def test_the_bias_of_a_straight_law_is_found():
    assert 0.08 < bias(ladder(lambda h: 5 + 10 * h)).error < 0.13
    assert bias(ladder(lambda h: 5 + 10 * h)).ruled


def test_a_root_law_is_ruled_only_as_one():
    law = ladder(lambda h: 5 + 10 * math.sqrt(h))
    assert not bias(law).ruled
    assert bias(law, 0.5).ruled and 0.9 < bias(law, 0.5).error < 1.1


def test_means_that_move_the_more_the_finer_the_step_have_no_law():
    found = bias(ladder(lambda h: h**-0.3))
    assert not found.ruled and found.error > 2


@pytest.mark.parametrize("step", [None, 0.1, 0.01])
def test_noise_with_a_length_of_its_own(step):
    found = WAVY.by_paths(1000, step=step, seed=4)
    assert covers(found, 14.815) or found.violated
    assert step is None or found.violated
    if step is None:
        assert found.settings["step"] < 0.01 and found.error < 0.08 * found.mean and not found.violated


@pytest.mark.parametrize("floor", [0.3, 0.05])
def test_floored_noise_is_covered_by_a_step_that_sees_it(floor):
    problem = floored(floor)
    found = problem.by_paths(500, seed=2)
    assert covers(found, problem.by_quadrature().mean) and found.error < 0.15 * found.mean and not found.violated
    assert problem.by_paths(500, step=0.04, seed=2).violated


def test_a_floor_too_low_for_any_affordable_step_is_refused():
    with pytest.raises(ValueError, match=r"paths need a step below .* use an exact route"):
        floored(1e-4).by_paths()
    found = floored(1e-4).by_paths(500, step=0.01)
    assert found.violated and found.error > 0.5 * found.mean


def test_stiffness_of_a_rotation():
    assert stiffness(np.array([[-1.0, 10.0], [-10.0, -1.0]])) == pytest.approx(101)
    assert stiffness(np.array([[-2.0, 0.0], [0.0, -5.0]])) == pytest.approx(5)
    assert stiffness(np.array([[0.0, 1.0], [-1.0, 0.0]])) == pytest.approx(50)  # capped: a centre has no damping


def test_rotation_and_a_small_ball():
    problem = fpsim.EscapeProblem(fpsim.SDE(SPIN, C(0.3)), [1.0, 0.0], fpsim.Ball([0.0, 0.0], 0.1))
    assert problem.default_step == pytest.approx(0.02 / 101, rel=0.05)
    assert covers(problem.by_paths(1000, seed=1), math.log(10))
    with pytest.raises(ValueError, match="the walk is unstable where the drift comes to rest"):
        problem.by_paths(1000, step=0.02)


def test_a_ball_smaller_than_a_kick():
    bowl = F("(x**2+y**2)/2", variables="x y", bounds=[(-5, 5)] * 2)
    problem = fpsim.EscapeProblem(fpsim.SDE(bowl, C(1.0)), [2.0, 0.0], fpsim.Ball([0.0, 0.0], 0.1))
    assert math.sqrt(2 * problem.default_step) < 0.05
    assert covers(problem.by_paths(1000, seed=3), math.log(20))


# --- cost -----------------------------------------------------------------------------------------------------------


def test_a_given_step_needs_no_search_in_fifty_dimensions(monkeypatch):
    names = " ".join(f"x{i}" for i in range(50))
    text = "(x0**2-1)**2/4 + " + " + ".join(f"x{i}**2/2" for i in range(1, 50))
    wide = F(text, variables=names)
    monkeypatch.setattr(type(wide), "critical_points", lambda *a, **k: pytest.fail("searched critical points"))
    target = fpsim.HalfSpace([1.0] + [0.0] * 49, 0.0)
    problem = fpsim.EscapeProblem(fpsim.SDE(wide, C(0.25)), [-1.0] + [0.0] * 49, target)
    assert covers(problem.by_paths(256, step=0.05), 5.7434)


@pytest.mark.parametrize(
    "problem",
    [
        fpsim.EscapeProblem(fpsim.SDE(F("0*x"), C(0.5)), 0.0, 1.0),
        fpsim.EscapeProblem(fpsim.SDE(F("-x**2/2"), C(0.5)), -0.5, 1.0),
    ],
    ids=["half line", "hilltop"],
)
def test_a_mean_that_no_path_brings_is_refused_at_once(problem):
    with pytest.raises(ValueError, match=r"infinite|beyond|would take at least|diverged|left"):
        problem.by_paths()


def test_beyond_reach_says_how_far():
    with pytest.raises(BeyondReachError, match=r"0 of 256 trial paths .* give horizon="):
        fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), C(0.25 / 60)), -1.0, 1.0).by_paths()
