"""Survival by rational Krylov subspaces against dense exponentials, the series, and the mean first-passage time."""

import numpy as np
import pytest
from scipy.integrate import cumulative_simpson, trapezoid
from scipy.linalg import expm
from scipy.sparse import csr_matrix, diags
from scipy.sparse.linalg import eigs

import fpsim
import landscapes
from fpsim.density.cuts import on_grid, restrict
from fpsim.density.decay import Decay, subspace
from fpsim.density.evolution import propagate
from fpsim.density.motion import Motion

WELL = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25))


def test_a_subspace_is_the_dense_exponential() -> None:
    draws = np.random.default_rng(1)
    rates = draws.exponential(size=(120, 120)) ** 3 * (draws.random((120, 120)) < 0.05)
    np.fill_diagonal(rates, 0.0)
    killing = (np.arange(120) % 17 == 0) * draws.exponential(size=120)
    generator = rates - np.diag(rates.sum(axis=1) + killing)
    for time in (np.linspace(0.0, 8.0, 9), np.array([0.5, 1.0, 1.1, 7.0, 8.0])):
        found = subspace(csr_matrix(rates), killing, np.eye(120)[3], time)
        exact = [expm(t * generator) for t in time]
        assert found is not None and found.left == pytest.approx([e.sum(axis=1)[3] for e in exact], abs=1e-7)
        assert found.lost == pytest.approx([(e @ killing)[3] for e in exact], abs=1e-6)
    kept = subspace(csr_matrix(rates), np.zeros(120), np.eye(120)[3], time)
    assert kept is not None and kept.left == pytest.approx(np.ones(5)) and kept.lost == pytest.approx(np.zeros(5))


def test_a_subspace_is_the_series() -> None:
    place = landscapes.Landscape.from_expression("(x**2-1)**2/4 + y**2", variables="x y", bounds=((-2, 2), (-2, 2)))
    sde, start, target = fpsim.SDE(place, fpsim.ConstantDiffusion(0.1)), (-1.0, 0.0), fpsim.Ball((1.0, 0.0), 0.3)
    grid, time = fpsim.automatic_grid(sde, start, target, 40), np.linspace(0.0, 80.0, 9)
    solver = fpsim.FokkerPlanck(sde, grid)
    part = restrict(solver.walk, [on_grid(target, grid, np.array(start))])
    masses = (grid.density(start).ravel() * grid.volume)[part.keep]
    known = propagate(Motion(part.rates, part.killing), masses, time, "uniformisation")
    for found in (solver.survival(start, target, time), subspace(part.rates, part.killing, masses, time)):
        left, lost = (found.left, found.lost) if isinstance(found, Decay) else found.to_array().values
        assert left == pytest.approx(known.masses.sum(axis=1), abs=1e-9)
        assert lost == pytest.approx(known.lost, abs=1e-9)


def test_what_would_take_implicit_steps_is_the_mean_time() -> None:
    """Mueller-Brown: rates up to 5e7 beside escapes that take 1."""
    sde, start = fpsim.SDE(landscapes.MuellerBrown(), fpsim.ConstantDiffusion(22.0)), (-0.5582, 1.4417)
    target, time = fpsim.Ball((0.6235, 0.0280), 0.1), np.linspace(0.0, 25.0, 2501)
    grid = fpsim.automatic_grid(sde, start, target, 70)
    solver = fpsim.FokkerPlanck(sde, grid)
    found = solver.survival(start, target, time)
    mean = grid.at(solver.mean_first_passage_time(target)["mean"].values, start)
    assert found.attrs["method"] == "krylov"
    assert trapezoid(found.survival.values, time) == pytest.approx(mean, rel=1e-4)
    assert trapezoid(time * found.first_passage_density.values, time) == pytest.approx(mean, rel=1e-3)


def test_long_survival_on_a_line_goes_on_from_the_short_one() -> None:
    """The contour gives short times; over 40 mean times S stays positive, falls, and -dS/dt integrates to 1 - S."""
    time = np.linspace(0.0, 600.0, 1201)
    grid = fpsim.automatic_grid(WELL, np.array([-1.0]), 1.0)
    solver = fpsim.FokkerPlanck(WELL, grid)
    found, short = solver.survival(-1.0, 1.0, time), solver.survival(-1.0, 1.0, time[:81:8])
    assert found.attrs["method"] == "krylov" and short.attrs["method"] == "contour"
    left, lost = found.survival.values, found.first_passage_density.values
    assert left[:81:8] == pytest.approx(short.survival.values, abs=1e-9)
    assert np.all(left >= 0) and np.all(np.diff(left) <= 1e-9)
    late = slice(20, None)  # a peak lies before
    assert cumulative_simpson(lost[late], x=time[late]) == pytest.approx((left[20] - left)[21:], abs=1e-6)
    part = restrict(solver.walk, [on_grid(1.0, grid, np.array([-1.0]))])
    inside = part.rates - diags(np.asarray(part.rates.sum(axis=1)).ravel() + part.killing)
    slowest = -float(eigs(inside.tocsc(), k=1, sigma=0)[0].real[0])
    tail = time > 100
    assert np.log(left[tail]) == pytest.approx(np.log(left[tail][0]) - slowest * (time[tail] - time[tail][0]), abs=1e-6)
    assert lost[tail] / left[tail] == pytest.approx(np.full(tail.sum(), slowest), rel=1e-6)  # down to e^-47
