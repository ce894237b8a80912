"""Least actions against closed forms: known quasi-potentials, quadratures, and Cramer's root."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.linalg import solve_continuous_lyapunov

import fpsim
import landscapes
from fpsim.action.systems import dynamics
from fpsim.exact.first_passage import potential_difference
from fpsim.sgd.cramer import cramer_exponent
from landscapes import DatasetLandscape, DriftField, Landscape


def white(landscape, level=1.0):
    return fpsim.SDE(landscape, fpsim.ConstantDiffusion(level))


@pytest.mark.parametrize("beta", [1.0, 3.0])
def test_maier_stein_is_straight(beta):
    found = fpsim.minimum_action(white(landscapes.MaierStein(beta), 0.5), (-1, 0), (0, 0), pieces=64)
    assert found.exponent == pytest.approx(0.5, abs=1e-9)  # (1/2) int |x' - b|^2 for D = 1/2
    assert not found.violated


def test_maier_stein_beyond_beta_4_has_mirrored_ways_off_the_axis():
    found = fpsim.minimum_action(white(landscapes.MaierStein(10.0), 0.5), (-1, 0), (1, 0), pieces=64)
    assert found.exponent == pytest.approx(0.34004140, abs=2e-7)
    mirror, straight = found.others
    assert mirror.action == pytest.approx(found.action, abs=1e-9)
    assert straight.action == pytest.approx(0.5, abs=1e-9)
    sides = np.sign([found.x[1][np.abs(found.x[1]).argmax()], mirror.x[1][np.abs(mirror.x[1]).argmax()]])
    assert sides.sum() == 0 and np.abs(straight.x[1]).max() < 1e-9
    assert [(stop.index, stop.action > 0) for stop in found.stops] == [(1, True), (0, False)]


def test_linear_drift_with_rotation_has_the_quadratic_quasi_potential():
    """V = x . C^-1 x / 2 with J C + C J^T = -2 D, to a point that is no fixed point."""
    jacobian, noise = np.array([[-1.0, 2.0], [-1.5, -0.7]]), np.array([[1.0, 0.3], [0.3, 0.5]])
    field = DriftField(
        lambda x: np.einsum("ij,j...->i...", jacobian, x),
        lambda x: np.broadcast_to(jacobian.reshape((2, 2) + (1,) * (x.ndim - 1)), (2, 2, *x.shape[1:])),
        dimension=2,
        bounds=[(-2, 2)] * 2,
    )
    spread = solve_continuous_lyapunov(jacobian, -2 * noise)
    end = np.array([1.0, 0.5])
    found = fpsim.minimum_action(white(field, noise), (0, 0), end)
    truth = end @ np.linalg.solve(spread, end) / 2
    assert found.exponent == pytest.approx(truth, rel=2e-4)
    assert abs(found.action - truth) < 3 * found.error
    assert np.allclose(found.momentum[:, -1], np.linalg.solve(spread, end), rtol=1e-2)  # p = grad V
    assert [a.statement.split(":")[0] for a in found.violated] == [
        "the end is a saddle with one growing direction, or beyond one"
    ]


@pytest.mark.parametrize("floor", [0.1, 0.01])
def test_what_a_floor_takes_is_part_of_the_error(floor):
    """Noise on x alone spreads by rotation; V = x . C^-1 x / 2 without the floor, J C + C J^T = -2 D."""
    field = DriftField.from_expression(["-x + 2*y", "-1.5*x - 0.7*y"], "x y", bounds=[(-2, 2)] * 2)
    jacobian, noise, end = np.array([[-1.0, 2.0], [-1.5, -0.7]]), np.diag([1.0, 0.0]), np.array([0.0, 1.0])
    truth = end @ np.linalg.solve(solve_continuous_lyapunov(jacobian, -2 * noise), end) / 2
    found = fpsim.minimum_action(white(field, [1.0, 0.0]), (0, 0), end, floor=floor, starts=1, pieces=64)
    assert 0 < truth - found.action <= 1.5 * found.error < 3 * (truth - found.action)


def known_potential():
    """A drift made of V: b = -D grad V + turn(grad V), for a full state-dependent D; V is the quasi-potential."""
    v = "((x**2 - 1)**2/4 + (y - x**2/2)**2/2)"
    vx, vy = "(x*(x**2 - 1) - x*(y - x**2/2))", "(y - x**2/2)"
    a, b, c = "(1 + x**2/2)", "(0.3*x*y/(1 + y**2))", "(0.6 + y**2/4)"
    drift = [f"-({a}*{vx} + {b}*{vy}) + 0.8*{vy}", f"-({b}*{vx} + {c}*{vy}) - 0.8*{vx}"]
    field = DriftField.from_expression(drift, "x y", bounds=[(-2, 2), (-1, 2)])
    noise = fpsim.DiffusionField.from_expression([[a, b], [b, c]], "x y")
    return fpsim.SDE(field, noise), Landscape.from_expression(v, "x y")


def test_full_state_dependent_noise_and_a_drift_that_is_no_gradient():
    sde, v = known_potential()
    found = fpsim.minimum_action(sde, (-1, 0.5), (0, 0))
    assert found.exponent == pytest.approx(0.25 + 0.0, abs=1e-6)
    assert abs(found.action - 0.25) <= found.error
    grad = v.gradient(found.x)
    assert np.abs(found.momentum - grad).max() < 2e-3
    assert found.residual < 1e-3 and not found.violated


@pytest.mark.parametrize("end", [0.0, 0.3, -0.4])
def test_one_dimension_is_the_quadrature(end):
    noise = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=4, at="everywhere", floor=0.05)
    sde = fpsim.SDE(landscapes.DoubleWell(), noise)
    found = fpsim.minimum_action(sde, -1, end)
    assert found.exponent == pytest.approx(potential_difference(sde, -1.0, min(end, 0.0)), rel=1e-9)
    assert found.speed == 40.0


def test_gradient_noise_in_one_dimension():
    place = landscapes.resnet_slice()
    start, end = (p.x for p in (place.minima[0], place.saddles[0]))
    sgd = fpsim.MiniBatchSGD(place, learning_rate=0.02, batch_size=8)
    found = fpsim.minimum_action(sgd.surrogate(), start, end)
    assert found.exponent == pytest.approx(potential_difference(sgd.surrogate(), start[0], end[0]), rel=1e-6)
    batches = fpsim.minimum_action(sgd, start, end)
    truth = cramer_exponent(place, start, end)
    assert batches.action == pytest.approx(truth.exponent, rel=1e-7)
    assert batches.gaussian == pytest.approx(truth.gaussian, rel=1e-7)
    assert batches.exponent == pytest.approx(400 * truth.exponent, rel=1e-7)


def test_cramer_in_two_dimensions_is_the_sum_of_independent_ones():
    s, r = np.array([-1.2, -0.3, 0.4, 1.1]), np.array([-2.0, 1.0, 1.0])
    pairs = {"s": np.repeat(s, 3), "r": np.tile(r, 4)}
    box = [(-2.0, 2.0)]
    x = DatasetLandscape.from_expression("(x**2-1)**2/4 + s*x", "x", bounds=box, data={"s": s})
    y = DatasetLandscape.from_expression("0.3*(y**2-1)**2 + r*y", "y", bounds=box, data={"r": r})
    both = DatasetLandscape.from_expression(
        "(x**2-1)**2/4 + s*x + 0.3*(y**2-1)**2 + r*y", "x y", bounds=box * 2, data=pairs
    )
    sgd = fpsim.MiniBatchSGD(both, learning_rate=0.1, batch_size=1)
    found = fpsim.minimum_action(sgd, (-1, -1), (0, 0), starts=1)
    truth = cramer_exponent(x, -1, 0).exponent + cramer_exponent(y, -1, 0).exponent
    assert found.action == pytest.approx(truth, abs=1e-6)
    assert abs(found.action - truth) <= found.error


def test_passes_on_the_way_are_stops():
    """Mueller-Brown: the barriers over the temperature, and legs downhill for nothing."""
    place = landscapes.MuellerBrown()
    found = fpsim.minimum_action(white(place, 10.0), place.default_start, place.default_target, starts=1)
    heights = [float(place.loss(np.array(stop.x))) for stop in found.stops]
    climbs = [(heights[0] - float(place.loss(np.array(place.default_start)))) / 10, (heights[2] - heights[1]) / 10]
    assert [stop.index for stop in found.stops] == [1, 0, 1, 0]
    assert [found.stops[k].action for k in (0, 2)] == pytest.approx(climbs, abs=1e-5)
    assert [found.stops[k].action for k in (1, 3)] == [0.0, 0.0]
    assert [a.statement.split(":")[0] for a in found.violated] == ["one climb"]


def test_a_start_that_does_not_rest_falls_first():
    sde, _ = known_potential()
    found = fpsim.minimum_action(sde, (-1.5, 1.5), (0, 0), starts=1)
    assert found.exponent == pytest.approx(0.25, abs=1e-5)  # no more than from the minimum it falls to
    assert found.stops[0].index == 0 and found.stops[0].action == 0.0
    assert found.violated[0].statement.startswith("the start is a stable fixed point")


def test_downhill_costs_nothing():
    sde, _ = known_potential()
    assert fpsim.minimum_action(sde, (0.0, 0.0), (1.0, 0.5)).action == 0.0


@dataclass(frozen=True)
class Queue:
    """Births at rate 1, deaths at rate x, in large numbers: H = (e^p - 1) + x (e^-p - 1), p = ln x on the way up."""

    dimension: int = 1

    def value(self, x, p):
        return (np.expm1(p) + x * np.expm1(-p))[0]

    def by_momentum(self, x, p):
        return np.exp(p) - x * np.exp(-p)

    def by_place(self, x, p):
        return np.expm1(-p)

    def bend(self, x, p):
        return (np.exp(p) + x * np.exp(-p))[None]

    def shear(self, x, p):
        return -np.exp(-p)[None]


def test_a_hamiltonian_of_ones_own():
    found = fpsim.minimum_action(Queue(), 1.0, 3.0)
    assert found.action == pytest.approx(3 * np.log(3) - 2, abs=1e-10)  # int_1^3 ln x dx
    assert np.allclose(found.momentum[0], np.log(found.x[0]), atol=1e-9)


def test_a_constant_wind_without_fixed_points():
    wind = DriftField.from_expression(["1 + 0*x", "0*x"], "x y")
    found = fpsim.minimum_action(white(wind, 0.5), (0, 0), (0, 1), starts=1)
    assert found.action == pytest.approx(1.0, abs=1e-9)  # (|b| |v| - b . v) / (2 D)


@pytest.mark.parametrize("kind", ["batches", "their surrogate", "tensor"])
def test_derivatives_of_the_hamiltonians(kind):
    """By momentum and by place against differences of H; p is no solution of H = 0."""
    draws = np.random.default_rng(0)
    place = DatasetLandscape.from_expression(
        "(x**2-1)**2/4 + s*x*y + 0.3*(y**2-1)**2 + r*y**2", "x y", bounds=[(-2, 2)] * 2,
        data={"s": draws.normal(size=7), "r": draws.normal(size=7)},
    )  # fmt: skip
    sgd = fpsim.MiniBatchSGD(place, learning_rate=0.1, batch_size=2)
    system = {"batches": sgd, "their surrogate": sgd.surrogate(), "tensor": known_potential()[0]}[kind]
    x, p = draws.normal(size=(2, 5)), draws.normal(size=(2, 5))
    h = dynamics(system, x[:, 0], x[:, 1], 1e-3).hamiltonian
    for i, step in enumerate(1e-5 * np.eye(2)[..., None]):
        by_x = (h.value(x + step, p) - h.value(x - step, p)) / 2e-5
        by_p = (h.value(x, p + step) - h.value(x, p - step)) / 2e-5
        assert np.allclose(h.by_place(x, p)[i], by_x, rtol=1e-6, atol=1e-7)
        assert np.allclose(h.by_momentum(x, p)[i], by_p, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("coupling", "climbs"), [(0.1, 10), (0.5, 4)])
def test_weakly_coupled_wells_are_climbed_one_by_one(coupling, climbs):
    """D = T I: every climb costs its height over T, and by default the way leads over the lowest passes."""
    place = landscapes.CoupledDoubleWells(10, coupling)
    ends = -np.ones(10), np.ones(10)
    found, path = fpsim.minimum_action(white(place, 0.1), *ends), fpsim.string(place, *ends)
    heights = [s.loss - m.loss for s, m in zip(path.saddles, path.minima[:-1], strict=True)]
    assert len(heights) == climbs
    assert found.exponent == pytest.approx(sum(heights) / 0.1, abs=2 * found.exponent_error)
    assert found.exponent_error < 1e-4
    assert {check.key for check in found.violated} == {"one climb"}


def test_momentum_takes_its_share_of_the_exponent():
    """Small steps with momentum add up to those of the learning rate eta / (1 - momentum), and so does their noise."""
    place = DatasetLandscape.from_expression("(x**2 - 1)**2/4 + s*x", "x", bounds=[(-2, 2)], data={"s": [-1.0, 1.0]})
    heavy = fpsim.minimum_action(fpsim.MiniBatchSGD(place, 0.1, 2, momentum=0.9), -1, 0)
    plain = fpsim.minimum_action(fpsim.MiniBatchSGD(place, 1.0, 2), -1, 0)
    assert heavy.exponent == pytest.approx(plain.exponent, rel=1e-12)
