"""Motion with inertia between walls: a billiard, Boltzmann's law in a box, and the mirror image of a whole valley."""

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.paths.exits import exit_times
from fpsim.walls import Walls
from landscapes import Landscape

PARABOLA = landscapes.Quadratic(1.0)
FLAT = Landscape.from_expression("0*x + 0*y", variables="x y", bounds=[(0, 1), (0, 2)])
BOX = Walls(("reflecting", "periodic"), ((0.0, 1.0), (0.0, 2.0)))


@pytest.mark.parametrize("step", [0.05, 0.4])
def test_a_free_body_is_a_billiard(step):
    """x(t) = fold(x + v t) however long the step, and its velocity is turned by reflecting walls only."""
    sde = fpsim.Underdamped(FLAT, fpsim.ConstantDiffusion(1e-30), friction=1e-12)
    start = np.random.default_rng(0).uniform([[0.1], [0.1], [-1], [-1]], [[0.9], [1.9], [1], [1]], (4, 50))
    found = fpsim.simulate(sde, start, 20 * step, step, 50, save_every=1, boundary=BOX)
    for t, state in zip(found.time, found.x, strict=True):
        free = start[:2] + start[2:] * t
        np.testing.assert_allclose(state[:, :2].T, BOX.fold(free), atol=1e-9)
        np.testing.assert_allclose(state[:, 2:].T, BOX.turns(free) * start[2:], atol=1e-9)
    assert "reflecting on [0, 1], periodic on [0, 2]" in found.settings["boundary"]


def test_compiled_and_plain_functions_agree():
    box, plain = Walls("reflecting", [(-0.5, 1.0)]), Landscape(PARABOLA.loss, PARABOLA.gradient, PARABOLA.hessian, 1)
    found = [
        fpsim.simulate(fpsim.Underdamped(place, fpsim.ConstantDiffusion(0.3), 0.7), 0.2, 4.0, 0.1, 64, boundary=box)
        for place in (PARABOLA, plain)
    ]
    assert [f.settings["engine"] for f in found] == ["compiled", "numpy"]
    np.testing.assert_allclose(found[0].x, found[1].x, atol=1e-11)


def test_boltzmann_in_a_box():
    """p(x) ~ exp(-x^2/(2 T)) on [-0.5, 1] and <v^2> = T/mass: five standard errors of 8000 paths."""
    sde = fpsim.Underdamped(PARABOLA, fpsim.ConstantDiffusion(0.3), 0.7, mass=2.0)
    box = Walls("reflecting", [(-0.5, 1.0)])
    x, v = fpsim.simulate(sde, 0.2, 25.0, 0.1, 8000, keep="final", seed=1, boundary=box).x[-1].T
    t = np.linspace(-0.5, 1.0, 20_001)
    weights = np.exp(-(t**2) / 0.6)
    for power in (1, 2):
        exact = (weights * t**power).sum() / weights.sum()
        assert abs((x**power).mean() - exact) < 5 * (x**power).std() / np.sqrt(8000)
    assert abs((v**2).mean() - 0.15) < 5 * (v**2).std() / np.sqrt(8000)


def test_half_a_valley_is_left_as_soon_as_the_whole():
    """|x| in an even valley moves like x beyond a wall at 0: mean times to 1, five standard errors."""
    sde = fpsim.Underdamped(PARABOLA, fpsim.ConstantDiffusion(0.3), 0.7)
    whole = exit_times(sde, 0.3, fpsim.Outside([0.0], 1.0), 3000, 0.05, seed=1)
    half = exit_times(sde, 0.3, 1.0, 3000, 0.05, seed=2, walls=Walls("reflecting", [(0.0, 5.0)]))
    (mean, error), (other, its) = whole.mean_and_error(), half.mean_and_error()
    assert abs(mean - other) < 5 * np.hypot(error, its) < 0.2 * mean
    free = exit_times(sde, 0.3, 1.0, 3000, 0.05, seed=3).mean_and_error()[0]
    assert free > 1.5 * mean


def test_half_a_valley_on_a_grid():
    """The same by the grid in (x, v), which turns velocities round at the wall, against the whole valley's paths."""
    sde = fpsim.Underdamped(PARABOLA, fpsim.ConstantDiffusion(0.3), 0.7)
    grid = fpsim.EscapeProblem(sde, 0.3, 1.0, boundary=Walls("reflecting", [(0.0, 5.0)])).by_grid(cells=100)
    mean, error = exit_times(sde, 0.3, fpsim.Outside([0.0], 1.0), 16_000, 0.05, seed=1).mean_and_error()
    assert abs(mean - grid.mean) < 5 * np.hypot(error, grid.error) < 0.05 * mean and not grid.violated


@pytest.mark.parametrize(
    ("walls", "speed", "time"),
    [
        (Walls("reflecting", [(0.0, 1.2)]), -0.5, (0.3 + 1.0) / 0.5),  # to the wall, and back
        (Walls("periodic", [(0.0, 1.2)]), -0.5, 0.3 / 0.5),  # through the seam, behind which the target ends
        (Walls("periodic", [(0.0, 1.2)]), 0.5, 0.7 / 0.5),
    ],
)
def test_a_free_flight_to_a_target(walls, speed, time):
    """Exit times of steps of any length: 0.13 divides none of them."""
    flat = Landscape.from_expression("0*x", variables="x")
    sde = fpsim.Underdamped(flat, fpsim.ConstantDiffusion(1e-30), friction=1e-12)
    found = exit_times(sde, [0.3, speed], 1.0, 4, 0.13, walls=walls)
    np.testing.assert_allclose(found.times, time, rtol=1e-9)


def test_the_law_in_a_box_by_the_generator():
    """exp(-(x^2 + v^2) / (2 T)) between walls that forces push bodies against, where cells are of first order."""
    errors = []
    for cells in (24, 48):
        sde = fpsim.Underdamped(PARABOLA, fpsim.ConstantDiffusion(0.3), 0.7)
        equation = fpsim.FokkerPlanck(sde, fpsim.Grid((-0.5, 1.0, cells), (-2.5, 2.5, cells)))
        x, v = equation.grid.points
        exact = np.exp(-(x**2 + v**2) / 0.6)
        gap = equation.stationary()["density"].values.ravel() - exact / (exact.sum() * equation.grid.volume)
        errors.append(float(np.abs(gap).sum() * equation.grid.volume))
    assert np.log2(errors[0] / errors[1]) > 0.9 and errors[1] < 0.025


def test_a_schedule_between_walls():
    """One that stays the same is none."""
    sde = fpsim.Underdamped(PARABOLA, fpsim.ConstantDiffusion(0.3), 0.7)
    box = Walls("reflecting", [(-0.5, 0.6)])
    plan = fpsim.Scheduled(sde, temperature=0.3)
    found = [fpsim.simulate(one, (0.2, 0.0), 3.0, 0.1, 64, boundary=box).x for one in (sde, plan)]
    np.testing.assert_allclose(*found, atol=1e-9)
    assert np.abs(found[0][-1, :, 0] - 0.05).max() <= 0.55 and np.ptp(found[0][-1, :, 0]) > 0.8


def test_what_walls_refuse():
    sde = fpsim.Underdamped(PARABOLA, fpsim.ConstantDiffusion(0.3), 0.7)
    with pytest.raises(ValueError, match="lies outside the walls"):
        fpsim.simulate(sde, 2.0, 1.0, 0.1, boundary=Walls("reflecting", [(-0.5, 1.0)]))
    box = Walls("reflecting", [(-0.5, 2.0)])
    with pytest.raises(ValueError, match="lies outside the walls"):
        fpsim.EscapeProblem(sde, -0.7, 1.0, boundary=box)
    with pytest.raises(ValueError, match=r"has walls reflecting on .-0.5, 2. already.*leave boundary= out"):
        fpsim.EscapeProblem(sde.between(box), 0.2, 1.0, boundary=Walls("reflecting", [(-0.7, 2.0)]))
    for route in ("grid", "paths"):
        with pytest.raises(ValueError, match=r"reach the target x >= 3: it lies beyond the walls.*move the target"):
            fpsim.EscapeProblem(sde, 0.2, 3.0, boundary=box).by(route)
    with pytest.raises(ValueError, match=r"velocities \(-s, s, cells\); got \(-2, 1, 24\)"):
        fpsim.FokkerPlanck(sde, fpsim.Grid((-0.5, 1.0, 24), (-2.0, 1.0, 24))).stationary()
