"""Two and three dimensions: products of 1-D truths, Mueller-Brown, and full tensors with a known law."""

import numpy as np
import pytest

import fpsim
from fpsim.density.solver import censored_solve, censored_stationary
from fpsim.kernels.assembly import split_tensors
from fpsim.routes.grid import escape_time_by_grid
from landscapes import DriftField, Landscape, MuellerBrown

MINIMUM_A, MINIMUM_B = (-0.5582236, 1.4417258), (0.6234994, 0.0280378)
T_SADDLE, T_FAR = 30.8213024727, 66.2686263649  # quartic well, D = 0.1


def constant(landscape, value):
    return fpsim.SDE(landscape, fpsim.ConstantDiffusion(value))


def product_well(weight=1.0):
    return Landscape.from_expression("(x**2 - 1)**2/4 + w*y**2/2", variables="x y", w=weight)


def rotated_well(angle, weight=1.0):
    """The product well in rotated coordinates u = R x, and R."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def loss(x):
        u = np.tensordot(turn, x, 1)
        return (u[0] ** 2 - 1) ** 2 / 4 + weight * u[1] ** 2 / 2

    def gradient(x):
        u = np.tensordot(turn, x, 1)
        return np.tensordot(turn.T, np.stack([u[0] ** 3 - u[0], weight * u[1]]), 1)

    return Landscape(loss, gradient, dimension=2), turn


@pytest.mark.parametrize("offset", [0.0, 0.013, 1.0])
def test_product_well_has_the_times_of_the_line(offset):
    line = escape_time_by_grid(constant(Landscape.from_expression("(x**2-1)**2/4", variables="x"), 0.1), -1.0, offset)
    plane = escape_time_by_grid(constant(product_well(), 0.1), (-1.0, 0.0), fpsim.HalfSpace([1, 0], offset), cells=100)
    assert plane.converged.holds
    assert plane.mean == pytest.approx(line.mean, rel=3e-5)
    assert plane.variance == pytest.approx(line.variance, rel=1e-3)


@pytest.mark.parametrize("across", [0.02, 0.5])
def test_rotated_anisotropic_problem(across):
    landscape, turn = rotated_well(0.4)
    tensor = turn.T @ np.diag([0.1, across]) @ turn
    grid = fpsim.Grid((-3.3, 3.3, 200), (-3.3, 3.3, 200))
    found = fpsim.FokkerPlanck(constant(landscape, tensor), grid)
    assert found.walk.rates.data.min() >= 0
    assert np.abs(found.generator.sum(axis=0)).max() < 1e-12 * found.walk.leaving.max()
    start = turn.T @ [-1.0, 0.0]
    for place, exact in ((0.0, T_SADDLE), (1.0, T_FAR)):
        times = found.mean_first_passage_time(fpsim.HalfSpace(turn[0], place))["mean"]
        assert times.min() >= 0
        assert grid.at(times, start) == pytest.approx(exact, rel=2e-3)


def test_mueller_brown():
    found = []
    for cells in (200, 400):
        grid = fpsim.Grid((-2.0, 1.4, cells), (-0.8, 2.4, cells))
        plane = fpsim.FokkerPlanck(constant(MuellerBrown(), 10.0), grid)
        found.append(plane.transitions(fpsim.Ball(MINIMUM_A, 0.1), fpsim.Ball(MINIMUM_B, 0.1)))
    flux, rate = ((4 * getattr(found[1], k) - getattr(found[0], k)) / 3 for k in ("flux", "rate"))
    assert found[1].flux == pytest.approx(0.0049143, rel=2e-4)
    assert found[1].rate == pytest.approx(0.0050426, rel=2e-4)
    assert flux == pytest.approx(0.0049143, rel=2e-5)  # half a unit of the last digit given is 1e-5
    assert rate == pytest.approx(0.0050426, rel=2e-5)
    assert 1 / found[1].return_rate == pytest.approx(5.177, rel=1e-3)
    assert found[1].flux_mismatch < 1e-9
    committor = found[1].fields["committor"]
    assert committor.min() >= 0
    assert committor.max() <= 1 + 1e-9
    time = escape_time_by_grid(constant(MuellerBrown(), 10.0), MINIMUM_A, fpsim.Ball(MINIMUM_B, 0.1))
    assert time.mean == pytest.approx(198.31, rel=1e-3)


def swirling_law():
    """exp(-U) with a rotational current and a full D(x): b = -D grad U + div D + J / p, J = 0.7 p (-dU/dy, dU/dx)."""

    def potential(x):
        return 1.5 * (x[0] ** 2 - 1) ** 2 + 1.5 * x[1] ** 2 + 0.5 * x[0] * x[1]

    def slope(x):
        return np.stack([6 * x[0] * (x[0] ** 2 - 1) + 0.5 * x[1], 3 * x[1] + 0.5 * x[0]])

    def tensor(x):
        cross = 0.2 * np.sin(x[0] + x[1])
        return np.array([[0.5 + 0.2 * np.cos(x[1]), cross], [cross, 0.4 + 0.15 * np.tanh(x[0])]])

    def drift(x):
        g = slope(x)
        divergence = 0.2 * np.cos(x[0] + x[1])
        return -np.einsum("ij...,j...->i...", tensor(x), g) + divergence + 0.7 * np.stack([-g[1], g[0]])

    field = DriftField(drift, lambda x: np.zeros((2, *x.shape)), dimension=2)
    return potential, slope, fpsim.SDE(field, fpsim.DiffusionField(tensor, 2, "full"))


def swirl_errors(cells):
    potential, slope, problem = swirling_law()
    grid = fpsim.Grid((-2.6, 2.6, cells), (-3.0, 3.0, cells))
    plane = fpsim.FokkerPlanck(problem, grid)
    density = plane.stationary()["density"]
    exact = np.exp(-potential(grid.points))
    exact /= exact.sum() * grid.volume
    assert density.min() >= 0
    swirl = 0.7 * exact * np.stack([-slope(grid.points)[1], slope(grid.points)[0]])
    current = plane.current(density)["current"].values.reshape(2, -1)
    return (
        np.abs(density.values.ravel() - exact).sum() * grid.volume,
        np.abs(current - swirl).sum() / np.abs(swirl).sum(),
    )


def test_state_dependent_tensor_with_a_known_law():
    density, current = zip(*(swirl_errors(n) for n in (50, 100, 200)), strict=True)
    assert density[2] < 1.2e-3
    assert current[2] < 5e-3
    for errors in (density, current):
        assert np.log2(errors[0] / errors[1]) > 1.6
        assert np.log2(errors[1] / errors[2]) > 1.7


def test_selling_decomposition_gives_the_tensor_back():
    random = np.random.default_rng(3)
    for d in (2, 3):
        factors = random.normal(size=(500, d, d))
        tensors = factors @ factors.transpose(0, 2, 1) + 0.05 * np.eye(d)
        offsets, weights, clipped = split_tensors(tensors, 60)
        assert not clipped.any()
        assert weights.min() >= 0
        np.testing.assert_allclose(np.einsum("nm,nma,nmb->nab", weights, offsets, offsets), tensors, atol=1e-11)


def test_cells_beyond_the_reach_of_the_stencil_are_counted():
    landscape, turn = rotated_well(0.4)
    thin = turn.T @ np.diag([0.1, 1e-9]) @ turn
    found = fpsim.FokkerPlanck(constant(landscape, thin), fpsim.Grid((-2, 2, 40), (-2, 2, 40)))
    assert found.fallbacks["thickened"] == 1600
    assert found.walk.rates.data.min() >= 0


def test_noise_in_one_direction_only_falls_to_upwind_drift():
    found = fpsim.FokkerPlanck(constant(product_well(), (0.1, 0.0)), fpsim.Grid((-2, 2, 40), (-2, 2, 40)))
    assert found.fallbacks["upwind"] > 0
    density = found.evolve((-1.0, 1.0), [5.0])
    assert density["density"].min() >= 0
    assert float(density["mass"][0]) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("tensor", [0.1, ((0.1, 0.03, 0.0), (0.03, 0.1, 0.02), (0.0, 0.02, 0.1))])
def test_three_dimensions(tensor):
    deep = Landscape.from_expression("(x**2 - 1)**2/4 + y**2/2 + z**2", variables="x y z")
    grid = fpsim.Grid((-2.2, 2.2, 22), (-1.8, 1.8, 22), (-1.5, 1.5, 22))
    found = fpsim.FokkerPlanck(constant(deep, tensor), grid)
    time = grid.at(found.mean_first_passage_time(fpsim.HalfSpace([1, 0, 0], 0.0))["mean"], [-1.0, 0.0, 0.0])
    # with the cross terms x is no longer alone, but the drift and noise of x are the same only without them
    assert time == pytest.approx(T_SADDLE, rel=3e-3 if np.ndim(tensor) == 0 else 2e-2)
    density = found.evolve((-1.0, 0.0, 0.0), [2.0])
    assert density["density"].min() >= 0
    assert float(density["mass"][0]) == pytest.approx(1, abs=1e-12)


def test_multigrid_agrees_with_the_factorisation(monkeypatch):
    deep = Landscape.from_expression("(x**2 - 1)**2/4 + y**2/2 + z**2", variables="x y z")
    grid = fpsim.Grid((-2.2, 2.2, 20), (-1.8, 1.8, 20), (-1.5, 1.5, 20))
    found = fpsim.FokkerPlanck(constant(deep, 0.1), grid)
    ball = fpsim.Ball((1.0, 0.0, 0.0), 0.4)
    direct = found.mean_first_passage_time(ball)
    monkeypatch.setattr("fpsim.density.solver.DIRECT_LIMIT", {1: 0, 2: 0, 3: 0})
    iterated = found.mean_first_passage_time(ball)
    np.testing.assert_allclose(iterated["mean"], direct["mean"], rtol=1e-7)
    np.testing.assert_allclose(iterated["variance"], direct["variance"], rtol=1e-7)


def test_rare_escape_in_the_plane():
    """Barrier / noise = 40: the censored valleys keep the digits that a plain factorisation loses."""
    temperature = 0.00625
    line = escape_time_by_grid(
        constant(Landscape.from_expression("(x**2-1)**2/4", variables="x"), temperature), -1.0, 1.0
    )
    grid = fpsim.Grid((-1.5, 1.1, 160), (-0.65, 0.65, 40))
    plane = fpsim.FokkerPlanck(constant(product_well(), temperature), grid)
    time = grid.at(plane.mean_first_passage_time(fpsim.HalfSpace([1, 0], 1.0))["mean"], [-1.0, 0.0])
    assert time == pytest.approx(line.mean, rel=1e-3)


def test_small_walks_without_subtractions():
    random = np.random.default_rng(5)
    rates = random.exponential(size=(5, 5))
    np.fill_diagonal(rates, 0)
    killing, b = random.exponential(size=5), random.exponential(size=5)
    matrix = np.diag(rates.sum(axis=1) + killing) - rates
    np.testing.assert_allclose(censored_solve(rates, killing, b), np.linalg.solve(matrix, b), rtol=1e-12)
    np.testing.assert_allclose(censored_solve(rates, killing, b, True), np.linalg.solve(matrix.T, b), rtol=1e-12)
    law = censored_stationary(rates)
    np.testing.assert_allclose(law @ (np.diag(rates.sum(axis=1)) - rates), 0, atol=1e-14)
    # a killing of 1e-30 is lost in any difference, and kept here
    time = censored_solve(rates, np.array([1e-30, 0, 0, 0, 0]), np.ones(5))
    np.testing.assert_allclose(time, 1e30 / law[0], rtol=1e-12)
