"""Escape with inertia: paths, the grid in (x, v) and SGD's heavy ball against each other."""

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.paths.exits import exit_times
from fpsim.walls import Walls
from landscapes import Landscape

WELL = landscapes.DoubleWell()
PLAIN = Landscape(WELL.loss, WELL.gradient, WELL.hessian, 1, bounds=[(-2, 2)])


def problem(friction, temperature=0.1, target=1.0, landscape=WELL, noise=None, start=-1.0):
    sde = fpsim.Underdamped(landscape, noise or fpsim.ConstantDiffusion(temperature), friction)
    return fpsim.EscapeProblem(sde, start, target)


@pytest.mark.parametrize("friction", [0.05, 0.2, 1.0, 4.0])
def test_the_turnover_by_paths_and_by_grid(friction):
    """Both sides of the turnover within 3 %: 16 000 paths of BAOAB, whose mean scatters by 0.8 %."""
    asked = problem(friction)
    grid, (mean, error) = asked.by_grid(cells=120), exit_times(asked.sde, -1.0, 1.0, 16_000, 0.1).mean_and_error()
    assert grid.error < 0.01 * grid.mean and not grid.violated
    assert abs(mean - grid.mean) < 4 * np.hypot(error, grid.error) and abs(mean / grid.mean - 1) < 0.03


def test_paths_tell_their_bias():
    paths, grid = problem(0.2).by_paths(paths=4000, seed=3), problem(0.2).by_grid(cells=90)
    assert abs(paths.z_score(grid)) < 4 and not paths.violated and 0 < paths.error < 0.065 * grid.mean


def test_strong_friction_is_the_sde_without_inertia():
    """66.2686 at T = 0.1 on the clock t / friction, up to the speed at which the target is entered: O(1 / friction)."""
    gaps = [problem(friction).by_grid(cells=90).mean / friction / 66.2686263649 - 1 for friction in (10.0, 20.0)]
    assert 0 < gaps[1] < gaps[0] / 1.7 and gaps[1] < 0.01


@pytest.mark.parametrize("target", [0.0, -1.4])
def test_targets_at_the_pass_and_up_the_wall(target):
    """A target to the left is the mirror image of one to the right."""
    asked = problem(0.5, target=target)
    paths, grid = asked.by_paths(paths=4000, seed=5), asked.by_grid(cells=90)
    mirror = problem(0.5, target=-target, start=1.0).by_grid(cells=90)
    assert abs(paths.z_score(grid)) < 4 and grid.mean == pytest.approx(mirror.mean, rel=1e-9)


BOWL = landscapes.Quadratic(1.0)
TILTED = Landscape.from_expression("1 - cos(x)", bounds=[(-np.pi, np.pi)])


@pytest.mark.parametrize(
    ("place", "temperature", "ends", "walls"),
    [
        (WELL, 0.1, (-1.0, 1.0), ("reflecting", [(-1.2, 1.05)])),  # a wall behind the start, and one behind the target
        (BOWL, 0.3, (0.5, -1.0), ("reflecting", [(-1.0, 0.8)])),  # a target at a wall, to the left
        (TILTED, 0.5, (0.0, 2.0), ("periodic", [(-np.pi, np.pi)])),  # both ways round a ring
    ],
)
def test_walls_by_paths_and_by_grid(place, temperature, ends, walls):
    body = fpsim.Underdamped(place, fpsim.ConstantDiffusion(temperature), 0.5)
    asked = fpsim.EscapeProblem(body, *ends, boundary=Walls(*walls))
    grid, paths = asked.by_grid(cells=80), asked.by_paths(paths=4000, seed=8)
    assert abs(paths.z_score(grid)) < 4 and paths.error < 0.08 * grid.mean and grid.error < 0.02 * grid.mean
    assert not grid.violated and not paths.violated


def test_strong_friction_between_walls_is_the_sde_without_inertia():
    walls = Walls("reflecting", [(-1.1, 2.0)])
    exact = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1)), -1.0, 1.0, boundary=walls)
    times = []
    for friction in (10.0, 20.0):
        asked = fpsim.EscapeProblem(problem(friction).sde, -1.0, 1.0, boundary=walls)
        times.append(asked.by_grid(cells=90).mean / friction / exact.by_quadrature().mean - 1)
    assert 0 < times[1] < times[0] / 1.7 and times[1] < 0.01


def test_a_body_that_starts_fast():
    """Uphill at four times the speed that the pass asks for: out at its first return; on a grid its start spreads."""
    asked = fpsim.EscapeProblem(problem(0.05, 0.05).sde, (-1.0, -3.0), 1.0)
    paths, grid = asked.by_paths(paths=4000, seed=5), asked.by_grid(cells=100)
    assert abs(paths.mean / grid.mean - 1) < 0.02 and paths.error < 0.01 * grid.mean
    assert abs(paths.mean - grid.mean) < grid.error and {check.key for check in grid.violated} <= {"box"}


def test_a_ball_is_met_at_its_near_end():
    ball, edge = problem(0.5, target=fpsim.Ball([0.5], 0.1)), problem(0.5, target=0.4)
    assert ball.by_grid(cells=48).mean == pytest.approx(edge.by_grid(cells=48).mean, rel=1e-9)
    assert ball.by_paths(paths=64, step=0.05).mean == pytest.approx(edge.by_paths(paths=64, step=0.05).mean, rel=1e-9)


def test_density_of_places_and_speeds_is_boltzmanns():
    """exp(-(L + v^2/2) / T) from the generator in (x, v), on cells of second order."""
    errors = []
    for cells in (40, 60):
        equation = fpsim.FokkerPlanck(problem(0.5).sde, fpsim.Grid((-2.2, 2.2, cells), (-2.0, 2.0, cells)))
        x, v = equation.grid.points
        exact = np.exp(-(WELL.loss(x[None]) + v**2 / 2) / 0.1)
        density = equation.stationary()["density"]
        assert density.dims == ("x", "v") and np.array_equal(density["v"], equation.grid.centers(1))
        gap = density.values.ravel() - exact / (exact.sum() * equation.grid.volume)
        errors.append(float(np.abs(gap).sum() * equation.grid.volume))
    assert np.log(errors[0] / errors[1]) / np.log(1.5) > 1.7 and errors[1] < 0.01


def test_noise_that_depends_on_the_place():
    noise = fpsim.DiffusionField.from_expression(["0.08*(1 + x**2)"], "x")
    asked = problem(0.5, noise=noise)
    paths, grid = asked.by_paths(paths=4000, seed=5), asked.by_grid(cells=90)
    assert abs(paths.z_score(grid)) < 4 and grid.error < 0.01 * grid.mean
    assert abs(grid.mean / problem(0.5, 0.08 * 1.5).by_grid(cells=90).mean - 1) > 0.05


def test_compiled_and_plain_functions_agree():
    sdes = [problem(0.5, landscape=place).sde for place in (WELL, PLAIN)]
    np.testing.assert_allclose(*[fpsim.simulate(sde, -1.0, 3.0, 0.1, 64, seed=2).x for sde in sdes], atol=1e-12)
    times = [exit_times(sde, -1.0, 0.3, 256, 0.1, seed=4).times for sde in sdes]
    np.testing.assert_allclose(*times, rtol=1e-9)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9])
def test_heavy_ball_sgd_against_the_grid(beta):
    """Exit iterations of the chain with momentum against its equation with inertia, whose D / (1 - beta) is 0.12."""
    eta, noise = 0.02 * (1 - beta) ** 2, fpsim.ConstantDiffusion(0.12 * (1 - beta))
    sample = fpsim.Chain(WELL, noise, eta).exit_times(-1.0, 1.0, paths=3000, seed=7, momentum=beta)
    mean, error = sample.mean_and_error()
    sde = fpsim.Underdamped.of_heavy_ball(WELL, noise, eta, beta)
    grid = fpsim.EscapeProblem(sde, -1.0, 1.0).by_grid(cells=90)
    bias = 0.03 * grid.mean  # exits seen at the steps only, O(eta)
    assert abs(eta * mean - grid.mean) < 4 * eta * error + bias
    plain = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.12)), -1.0, 1.0).by_quadrature().mean
    assert eta * mean == pytest.approx((1 - beta) * plain, rel=0.1)  # eta / S / (1 - momentum) sets both
