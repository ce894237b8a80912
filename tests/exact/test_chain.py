"""The discrete chain against closed forms and independent reference values.

With learning rate * curvature = 1 on a quadratic the next point does not depend on the last one: the number of
iterations is geometric, whatever the target.  On any quadratic the quasi-potential is the stationary Gaussian's.
"""

import math

import numpy as np
import pytest
from scipy.special import ndtr

import landscapes
from fpsim import Ball, ConstantDiffusion, DiffusionField, HalfSpace, HessianDiffusion
from fpsim.exact.collocation import Panels, interval_chance, panel_weights
from fpsim.sgd.chain import Chain

BOWL = landscapes.Landscape.from_expression("x**2/2")


def literal(learning_rate, batch_size, landscape=None):
    noise = HessianDiffusion(learning_rate=learning_rate, batch_size=batch_size, at="everywhere", floor=0)
    return Chain(landscape or landscapes.DoubleWell(), noise)


def independent(deviation):
    """x' = deviation * zeta: eta = 1 on x^2/2 with 2 D = deviation^2."""
    return Chain(BOWL, ConstantDiffusion(deviation**2 / 2), learning_rate=1.0)


@pytest.mark.parametrize("edge", [0.5, 3.0, 6.5])
def test_independent_steps_are_geometric(edge):
    found = independent(1.0).mean_exit_time(0.0, edge)
    chance = ndtr(-edge)
    assert found.iterations == pytest.approx(1 / chance, rel=1e-10)
    assert found.variance == pytest.approx((1 - chance) / chance**2, rel=1e-9)


def test_a_ball_may_be_jumped_over():
    found = independent(0.5).mean_exit_time(-0.2, Ball(0.6, 0.1))
    chance = ndtr(0.7 / 0.5) - ndtr(0.5 / 0.5)
    assert found.iterations == pytest.approx(1 / chance, rel=1e-10)
    assert found.domain[1] > 2.0  # states beyond the ball belong to the chain


def test_mirrored_targets_agree():
    right = literal(0.2, 2).mean_exit_time(-1.0, 0.3)
    left = literal(0.2, 2).mean_exit_time(1.0, -0.3)
    plane = literal(0.2, 2).mean_exit_time(1.0, HalfSpace([-2.0], 0.6))
    assert left.iterations == pytest.approx(right.iterations, rel=1e-9)
    assert plane.iterations == pytest.approx(left.iterations, rel=1e-12)


@pytest.mark.parametrize(
    ("kappa", "learning_rate", "time"),
    [(0.2, 0.2, 9.0121481), (0.2, 0.1, 23.288046), (0.05, 0.3, 129.40139), (0.05, 0.2, 887.30597)],
)
def test_literal_hessian_noise_on_the_whole_line(kappa, learning_rate, time):
    found = literal(learning_rate, learning_rate / (2 * kappa)).mean_exit_time(-1.0, 0.3)
    assert found.time == pytest.approx(time, rel=1e-7)
    assert found.relative_error < 1e-8
    assert found.domain[0] < -4.0
    assert "domain" in str(found)


def test_rare_exits_keep_their_digits():
    """T = 7e10: two resolutions agree far below what solving (1 - P) T = 1 as it stands would give."""
    loose, tight = (literal(0.3, 20).mean_exit_time(-1.0, 0.0, tolerance=t) for t in (1e-5, 1e-9))
    assert tight.nodes > loose.nodes
    assert loose.iterations == pytest.approx(tight.iterations, rel=1e-6)
    assert math.log(tight.iterations) / 20 == pytest.approx(1.2498, abs=1e-4)


@pytest.mark.parametrize("factor", [4.0, 3.0])
def test_learning_rate_and_sharpness_are_one_parameter(factor):
    """eta on L(sqrt(k) x) is the chain of eta k on L."""
    root = math.sqrt(factor)
    scaled = landscapes.Landscape.from_expression("((r*x)**2-1)**2/4", r=root)
    plain = landscapes.Landscape.from_expression("(x**2-1)**2/4")
    sharp = literal(0.3 / factor, 3, scaled).mean_exit_time(-1 / root, 0.3 / root)
    fast = literal(0.3, 3, plain).mean_exit_time(-1.0, 0.3)
    assert sharp.iterations == pytest.approx(fast.iterations, rel=1e-11)
    assert sharp.variance == pytest.approx(fast.variance, rel=1e-11)
    heights = [
        literal(0.3 / factor, 3, scaled).quasipotential(-1 / root, 0.3 / root, points=300).value,
        literal(0.3, 3, plain).quasipotential(-1.0, 0.3, points=300).value,
    ]
    assert heights[0] == pytest.approx(heights[1], rel=1e-9)


def test_quasipotential_of_literal_hessian_noise():
    found = literal(0.3, 7).quasipotential(-1.0, 0.0)
    assert found.value == pytest.approx(1.0936, abs=1e-4)
    assert abs(found.value - 1.0936288) <= max(found.error, 1e-7)
    assert found.error < 3e-4
    assert found.grid_values[0] > found.grid_values[1] > found.value
    assert found.costs.sum() == pytest.approx(found.value, rel=1e-12)
    assert found.exponent == pytest.approx(7 * found.value)
    # first up the outer wall, then over the inflection point at -0.577 in one jump
    outer = int(found.path.argmin())
    assert found.path[outer] == pytest.approx(-1.61, abs=0.01)
    assert found.path[outer + 1] > -1 / math.sqrt(3)


def test_quasipotential_converges_on_the_grid_with_second_order():
    values = [literal(0.3, 1).quasipotential(-1.0, 0.0, points=n).grid_values[1] for n in (200, 400, 800)]
    excess = np.array(values) - 1.0936288
    assert np.all(excess > 0)
    rates = np.log2(excess[:-1] / excess[1:])
    assert np.all(rates > 1.5)


@pytest.mark.parametrize("learning_rate", [0.1, 0.7, 1.0, 1.6])
def test_quasipotential_of_a_quadratic_is_the_stationary_one(learning_rate):
    chain = Chain(BOWL, ConstantDiffusion(0.05), learning_rate)
    variance = 2 * learning_rate * 0.05 / (1 - (1 - learning_rate) ** 2)
    found = chain.quasipotential(0.2, 1.5, points=300)
    assert found.path[0] == pytest.approx(0.0, abs=1e-12)
    assert found.value == pytest.approx(1.5**2 / (2 * variance), rel=1e-7)


def test_quasipotential_derivatives_are_those_of_the_cost():
    from fpsim.sgd.cheapest_path import Terms

    field = DiffusionField.from_expression("0.1 + x**2/5")
    chain = Chain(landscapes.DoubleWell(), field, learning_rate=0.3)
    path = np.array([-1.0, -1.2, -0.9, -0.3, 0.1])
    terms, h = Terms.at(chain, path), 1e-4
    for k in range(4):
        shifted = []
        for du, dv in ((h, 0), (-h, 0), (0, h), (0, -h)):
            moved = np.array([path[k] + du, path[k + 1] + dv])
            shifted.append(Terms.at(chain, np.append(moved, 5.0)).cost[0])
        assert (shifted[0] - shifted[1]) / (2 * h) == pytest.approx(terms.u[k], rel=1e-4, abs=1e-4)
        assert (shifted[2] - shifted[3]) / (2 * h) == pytest.approx(terms.v[k], rel=1e-4, abs=1e-4)


def test_panel_weights_integrate_polynomials_against_a_normal():
    panels = Panels(np.array([-1.0, 0.3]), np.array([0.3, 2.0]), False, False)
    mean, spread = np.array([0.1, 0.1, 0.1, 5.0]), np.array([0.7, 1e-3, 0.0, 0.2])
    weights = panel_weights(panels.low, panels.high, 6, mean, spread).reshape(4, -1)
    nodes = panels.nodes(6).ravel()
    t, w = np.polynomial.legendre.leggauss(200)
    y = 0.5 + 1.5 * t
    density = np.exp(-((y - 0.1) ** 2) / (2 * 0.49)) / (0.7 * math.sqrt(2 * math.pi))
    for power in range(6):
        wide = np.sum(1.5 * w * density * y**power)
        narrow = 0.1**power + power * (power - 1) / 2 * 0.1 ** max(power - 2, 0) * 1e-6
        assert weights[0] @ nodes**power == pytest.approx(wide, abs=1e-13)
        assert weights[1] @ nodes**power == pytest.approx(narrow, abs=1e-10)
        assert weights[2] @ nodes**power == pytest.approx(0.1**power, abs=1e-14)
        assert abs(weights[3] @ nodes**power) < 1e-40 + 40 * ndtr(-15.0)


def test_interval_chances_in_both_tails():
    mean, spread = np.array([0.0, 0.0, 1.0, 3.0]), np.array([1.0, 1.0, 0.0, 0.0])
    assert interval_chance(mean, spread, 8.0, math.inf)[0] == pytest.approx(ndtr(-8.0), rel=1e-12)
    assert interval_chance(mean, spread, -math.inf, -8.0)[1] == pytest.approx(ndtr(-8.0), rel=1e-12)
    assert interval_chance(mean, spread, 1.0, 2.0)[2:].tolist() == [1.0, 0.0]
