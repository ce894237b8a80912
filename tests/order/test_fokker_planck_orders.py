"""Asserted spatial orders: two halvings of the cells, errors against exact or extrapolated values."""

import numpy as np
import pytest

import fpsim
from landscapes import DoubleWell, Landscape

WELL = DoubleWell()


def orders(errors):
    return np.log2(np.abs(errors[:-1]) / np.abs(errors[1:]))


def escape(problem, boxes, cells, target, start):
    grid = fpsim.Grid(*((low, high, cells) for low, high in boxes))
    return grid.at(fpsim.FokkerPlanck(problem, grid).mean_first_passage_time(target)["mean"], start)


@pytest.mark.parametrize(("target", "exact"), [(0.0, 30.8213024727), (0.0137, None)])
def test_order_on_the_line(target, exact):
    """The target lies on a face, and at a place that moves among the cells."""
    problem = fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1))
    if exact is None:
        exact = fpsim.EscapeProblem(problem, -1.0, target).by_quadrature().mean
    found = [escape(problem, [(-2.5, 2.5)], n, fpsim.HalfSpace([1.0], target), -1.0) for n in (100, 200, 400)]
    errors = np.array(found) - exact
    if target == 0.0:
        assert orders(errors).min() > 1.9
    else:  # the cut is elsewhere on every grid: bound the error itself by h^2
        assert (np.abs(errors) / exact * np.array([1, 4, 16])).max() < 5e-4


def test_order_of_the_slowest_rate():
    errors = [
        fpsim.FokkerPlanck(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1)), fpsim.Grid((-2.5, 2.5, n))).spectrum(2).gap
        - 0.033545287308
        for n in (100, 200, 400)
    ]
    assert orders(np.array(errors)).min() > 1.9


def test_order_in_the_plane():
    problem = fpsim.SDE(
        Landscape.from_expression("(x**2 - 1)**2/4 + y**2/2", variables="x y"), fpsim.ConstantDiffusion(0.1)
    )
    target = fpsim.HalfSpace([1, 0], 0.0)
    found = [escape(problem, [(-2.5, 2.5), (-2.2, 2.2)], n, target, (-1.0, 0.0)) for n in (50, 100, 200)]
    assert orders(np.array(found) - 30.8213024727).min() > 1.9


def test_order_for_a_full_constant_tensor():
    turn = np.array([[np.cos(0.5), np.sin(0.5)], [-np.sin(0.5), np.cos(0.5)]])

    def loss(x):
        u = np.tensordot(turn, x, 1)
        return (u[0] ** 2 - 1) ** 2 / 4 + u[1] ** 2 / 2

    def gradient(x):
        u = np.tensordot(turn, x, 1)
        return np.tensordot(turn.T, np.stack([u[0] ** 3 - u[0], u[1]]), 1)

    tensor = turn.T @ np.diag([0.1, 0.3]) @ turn
    problem = fpsim.SDE(Landscape(loss, gradient, dimension=2), fpsim.ConstantDiffusion(tensor))
    target, start = fpsim.HalfSpace(turn[0], 1.0), turn.T @ [-1.0, 0.0]
    found = [escape(problem, [(-3.0, 3.0), (-3.0, 3.0)], n, target, start) for n in (50, 100, 200)]
    assert orders(np.array(found) - 66.2686263649).min() > 1.9


def test_order_for_a_curved_target():
    """Brownian motion in a disc cut out of a square: the mean exit time from the centre is R^2 / (4 D)."""
    flat = Landscape.from_expression("0*x + 0*y", variables="x y")
    problem = fpsim.SDE(flat, fpsim.ConstantDiffusion(0.5))

    def outside(x):
        return np.hypot(x[0], x[1]) - 1.0

    found = [escape(problem, [(-1.1, 1.1), (-1.1, 1.1)], n, outside, (0.0, 0.0)) for n in (21, 41, 81, 161)]
    errors = np.abs(np.array(found) - 0.5)
    # the cut fractions change from grid to grid, so the mean order over three halvings is asserted
    assert np.log2(errors[0] / errors[-1]) / 3 > 1.9


def test_order_for_state_dependent_noise_in_the_plane():
    """Isotropic D(x) under the anti-Ito convention keeps Boltzmann's form exp(-U) for the drift -D grad U."""
    from landscapes import DriftField

    def temperature(x):
        return 0.2 + 0.1 * np.tanh(x[0] + 0.5 * x[1])

    def drift(x):
        return -temperature(x) * np.stack([4 * x[0] * (x[0] ** 2 - 1), 3 * x[1]])

    field = DriftField(drift, lambda x: np.zeros((2, *x.shape)), dimension=2)
    problem = fpsim.SDE(field, fpsim.DiffusionField(temperature, 2), "anti-ito")
    errors = []
    for n in (40, 80, 160):
        grid = fpsim.Grid((-2.2, 2.2, n), (-3.2, 3.2, n))
        density = fpsim.FokkerPlanck(problem, grid).stationary()["density"].values.ravel()
        exact = np.exp(-((grid.points[0] ** 2 - 1) ** 2) - 1.5 * grid.points[1] ** 2)
        errors.append(np.abs(density - exact / (exact.sum() * grid.volume)).sum() * grid.volume)
    assert orders(np.array(errors)).min() > 1.8 or max(errors) < 1e-10
