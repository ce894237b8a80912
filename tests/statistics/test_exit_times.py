"""Exit times of paths against first-passage times by quadrature.

Seeds are fixed and every mean lies within 5 standard errors, after the O(h) bias is removed by 2 T(h) - T(2h) from
independent runs where the step is not small.  Truth in one dimension, for D(x) and the Ito equation:

    T(a -> c) = int_a^c e^{W(y)} int_{-inf}^y e^{-W(z)}/D(z) dz dy,      W = int L'/D.
"""

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson

import fpsim
from fpsim.paths.exits import exit_times
from fpsim.targets import LevelSet, Point
from fpsim.walls import Walls
from landscapes import DoubleWell, Landscape, Quadratic

WELL, TOP = DoubleWell(), Point(0.0, -1.0)
MEAN = 30.8213024727  # D = 0.1, -1 -> 0
MEAN_HOT = 5.7434370680  # D = 0.25


def constant(value, landscape=WELL):
    return fpsim.SDE(landscape, fpsim.ConstantDiffusion(value))


def passage_time(slope, diffusion, target, low=-4.0):
    """T(x -> target) as a function of x by Simpson's rule on 60 001 points."""
    x = np.linspace(low, target, 60_001)
    w = cumulative_simpson(slope(x) / diffusion(x), x=x, initial=0)
    w -= w.min()
    inner = cumulative_simpson(np.exp(-w) / diffusion(x), x=x, initial=0)
    outer = cumulative_simpson(np.exp(w) * inner, x=x, initial=0)
    return lambda start: outer[-1] - np.interp(start, x, outer)


def extrapolated(sde, start, target, paths, step, **how):
    """2 T(h) - T(2h) with its standard error."""
    fine, fine_error = exit_times(sde, start, target, paths, step, 1, **how).mean_and_error()
    coarse, coarse_error = exit_times(sde, start, target, paths, 2 * step, 2, coarse=True, **how).mean_and_error()
    return 2 * fine - coarse, np.hypot(2 * fine_error, coarse_error)


def agree(found, truth):
    mean, error = found
    assert abs(mean - truth) < 5 * error, f"{mean} +- {error} is {(mean - truth) / error:.1f} sigma from {truth}"
    assert error < 0.05 * truth  # a test that says something


def test_truth_by_quadrature_is_the_tabulated_one():
    assert passage_time(lambda x: x**3 - x, lambda x: 0.1 + 0 * x, 0.0)(-1.0) == pytest.approx(MEAN, rel=1e-8)


# --- the bridge -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_with_the_bridge(dtype):
    sample = exit_times(constant(0.1), -1.0, TOP, 20_000, 0.01, 7, dtype=dtype)
    agree(sample.mean_and_error(), MEAN)
    assert sample.times.std() == pytest.approx(MEAN, rel=0.08)  # nearly exponential


def test_the_bias_that_is_left_is_of_first_order():
    agree(extrapolated(constant(0.1), -1.0, TOP, 20_000, 0.04), MEAN)


def test_without_the_bridge_the_wall_seems_to_stand_further_out():
    # a wall watched at the steps acts like one at a distance 0.5826 sqrt(2 D h); + 10 % here, 15 sigma
    h = 0.04
    watched = exit_times(constant(0.1), -1.0, TOP, 20_000, h, 3, bridge=False)
    mean, error = watched.mean_and_error()
    shifted = passage_time(lambda x: x**3 - x, lambda x: 0.1 + 0 * x, 0.5826 * np.sqrt(2 * 0.1 * h))(-1.0)
    assert shifted > 1.09 * MEAN
    assert mean > MEAN + 8 * error
    assert abs(mean - shifted) < 5 * error + 0.02 * MEAN


def test_leftwards():
    agree(exit_times(constant(0.25), 1.0, Point(0.0, 1.0), 20_000, 0.01, 4).mean_and_error(), MEAN_HOT)


@pytest.mark.parametrize("convention", ["ito", "anti-ito"])
def test_state_dependent_noise(convention):
    noise = fpsim.DiffusionField.from_expression("0.15 + x**2/8", "x")
    drift = 1.0 if convention == "anti-ito" else 0.0
    truth = passage_time(lambda x: x**3 - x - drift * x / 4, lambda x: 0.15 + x**2 / 8, 0.0)(-1.0)
    agree(extrapolated(fpsim.SDE(WELL, noise, convention), -1.0, TOP, 20_000, 0.01), truth)


# --- two dimensions: separable, so that the truth is the one-dimensional time -----------------------------------------

PLANE = Landscape.from_expression("(x**2 - 1)**2/4 + w*y**2/2", variables="x y", w=2.0)


@pytest.mark.parametrize(
    "target", [fpsim.HalfSpace([2.0, 0.0], 0.0), fpsim.Ball([1000.0, 0.0], 1000.0)], ids=["half-space", "ball"]
)
@pytest.mark.parametrize("noise", [0.25, [0.25, 0.6]], ids=["isotropic", "diagonal"])
def test_plane(target, noise):
    agree(extrapolated(constant(noise, PLANE), [-1.0, 0.0], target, 20_000, 0.02), MEAN_HOT)


LEVELS = {"x": lambda x: 5 * x[0], "curved": lambda x: x[0] + x[0] ** 3 * (1 + x[1] ** 2)}


@pytest.mark.parametrize("level", LEVELS.values(), ids=LEVELS)
def test_plane_with_a_level_function(level):
    # a level is no distance: the bridge must divide by its slope, or it misses the crossings (+ 7 % here)
    sde, start = constant([0.25, 0.6], PLANE), [-1.0, 0.0]
    general = exit_times(sde, start, LevelSet(level), 3000, 0.02, 3)
    agree(general.mean_and_error(), MEAN_HOT)
    plane = exit_times(sde, start, fpsim.HalfSpace([1.0, 0.0], 0.0), 3000, 0.02, 3)
    gap = general.times - plane.times  # the same paths
    assert abs(gap.mean()) < 0.01 * MEAN_HOT


def test_turned_plane_with_a_full_tensor():
    # the plane turned by an angle; across the wall D is 0.25, along it 0.9
    c, s = np.cos(0.6), np.sin(0.6)
    turned = Landscape.from_expression(
        "((c*x + s*y)**2 - 1)**2/4 + (c*y - s*x)**2", variables="x y", c=float(c), s=float(s)
    )
    rotation = np.array([[c, -s], [s, c]])
    sde = constant(rotation @ np.diag([0.25, 0.9]) @ rotation.T, turned)
    found = extrapolated(sde, [-c, -s], fpsim.HalfSpace([c, s], 0.0), 20_000, 0.02)
    agree(found, MEAN_HOT)


def test_ball_around_the_start_of_a_flat_landscape():
    # Brownian motion from the centre of a disc leaves it after R^2/(4 D): the target is the outside
    flat = Landscape.from_expression("0*x + 0*y", variables="x y")
    sde = constant(0.5, flat)
    agree(extrapolated(sde, [0.0, 0.0], LevelSet(lambda x: np.hypot(x[0], x[1]) - 1), 4000, 0.01), 0.5)


def test_where_paths_left():
    sample = exit_times(constant(0.25, PLANE), [-1.0, 0.0], fpsim.HalfSpace([1.0, 0.0], 0.0), 20_000, 0.01, 9)
    x, y = sample.places.T
    assert np.abs(x).max() < 5 * np.sqrt(2 * 0.25 * 0.01)  # within a step of the wall
    assert np.mean(np.abs(x) < 1e-12) > 0.3  # those that landed beyond left on the wall
    variance = 0.25 / 2.0  # y is independent of x and stationary: Boltzmann, up to O(h)
    assert abs(y.mean()) < 5 * np.sqrt(variance / y.size)
    assert abs(y.var() - variance) < 5 * variance * np.sqrt(2 / y.size) + 0.01 * variance


def test_reflecting_wall_behind_the_start():
    # free diffusion on (0, 1), reflected at 0: T(x -> 1) = (1 - x^2)/(2 D)
    flat = Landscape.from_expression("0*x", bounds=[(0.0, 1.0)])
    found = extrapolated(
        constant(0.5, flat), 0.2, Point(1.0, 0.2), 20_000, 0.002, walls=Walls("reflecting", [(0.0, 2.0)])
    )
    agree(found, 0.96)


# --- starts -----------------------------------------------------------------------------------------------------------


def test_start_distribution():
    time_from = passage_time(lambda x: x**3 - x, lambda x: 0.25 + 0 * x, 0.0)
    truth = time_from(np.linspace(-1.5, -0.1, 2001)).mean()
    found = extrapolated(constant(0.25), lambda u: -1.5 + 1.4 * u, TOP, 20_000, 0.02)
    agree(found, truth)


def test_list_of_starts():
    time_from = passage_time(lambda x: x**3 - x, lambda x: 0.25 + 0 * x, 0.0)
    starts = np.tile([-1.2, -0.2], 10_000)
    sample = exit_times(constant(0.25), starts[None], TOP, 20_000, 0.005, 8)
    for start in (-1.2, -0.2):
        times = sample.times[starts == start]
        agree((times.mean(), times.std() / np.sqrt(times.size)), time_from(start))


# --- lanes and horizons -----------------------------------------------------------------------------------------------


def test_lanes_refilled_do_not_prefer_short_exits():
    # if the first exits to arrive were taken, the mean of few paths would be too short
    few = [exit_times(constant(0.25), -1.0, TOP, 300, 0.02, seed).times.mean() for seed in range(40)]
    error = np.std(few, ddof=1) / np.sqrt(len(few))
    assert abs(np.mean(few) - MEAN_HOT) < 5 * error + 0.01 * MEAN_HOT
    many = exit_times(constant(0.25), -1.0, TOP, 12_000, 0.02, 0).times
    thirds = many.reshape(3, -1).mean(axis=1)  # early, middle and late numbers in the list
    assert np.all(np.abs(thirds - many.mean()) < 5 * MEAN_HOT / np.sqrt(4000))


def test_censored_estimates_cover_the_truth():
    # two paths of three are still in the valley at the horizon
    scores = []
    for seed in range(12):
        sample = exit_times(constant(0.1), -1.0, TOP, 2000, 0.01, seed, horizon=12.0)
        assert 0.6 < sample.censored.mean() < 0.8
        assert np.all(sample.times[sample.censored] == sample.horizon)
        assert np.all(sample.exits < sample.horizon)
        mean, error = sample.mean_and_error()
        scores.append((mean - MEAN) / error)
    assert np.abs(scores).max() < 5
    assert abs(np.mean(scores)) < 5 / np.sqrt(12)
    assert 0.3 < np.std(scores) < 2.0  # the error is neither far too large nor too small


def test_a_horizon_changes_no_path_before_it():
    free = exit_times(constant(0.25), -1.0, TOP, 2000, 0.02, 5)
    held = exit_times(constant(0.25), -1.0, TOP, 2000, 0.02, 5, horizon=4.0)
    early = free.times < held.horizon
    np.testing.assert_array_equal(held.censored, ~early)
    np.testing.assert_array_equal(held.times[early], free.times[early])


def test_survival_function_and_its_band():
    sample = exit_times(constant(0.25), -1.0, TOP, 20_000, 0.01, 6, horizon=15.0)
    t, probability, width = sample.survival()
    assert probability[0] == 1 and np.all(np.diff(probability) <= 0)
    assert probability[-1] == pytest.approx(sample.censored.mean())
    assert width[0] == pytest.approx(np.sqrt(np.log(40) / 40_000))
    late = t > 5  # a straight line on a log axis, with the slowest rate of the valley
    slope = np.polyfit(t[late], np.log(probability[late]), 1)[0]
    assert -1 / slope == pytest.approx(MEAN_HOT - 0.5, rel=0.1)


def test_a_chain_leaves_when_a_step_lands_in_the_target():
    # without noise across the top: x' = x - h x, from 1 below 0.5 after the first n with (1 - h)^n <= 0.5
    quiet = constant(1e-12, Quadratic(1.0, 1))
    sample = exit_times(quiet, 1.0, Point(0.5, 1.0), 3, 0.1, 1, bridge=False)
    np.testing.assert_allclose(sample.times, 0.7, rtol=1e-12)  # 0.9^6 = 0.531, 0.9^7 = 0.478
    np.testing.assert_allclose(sample.places, 0.9**7, atol=1e-4)
