"""The data of the scenes surface, gate and noise-shape against the routes and the study that they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import fpsim
import landscapes
from animations.gate.data import GateData
from animations.gate.film import GateFilm
from animations.noise_shape.film import NoiseShapeFilm
from animations.surface.data import SurfaceData
from animations.surface.film import SurfaceFilm
from fpsim.valleys.steepest_path import steepest_path


@pytest.fixture(scope="module")
def surface() -> SurfaceData:
    return SurfaceFilm.standard(particles=400, frames=25, seed=3).compute()


@pytest.fixture(scope="module")
def gate() -> GateData:
    return GateFilm.standard(floors=(0.1, 0.02), particles=400, frames=40, seed=2).compute()


# --- surface ---------------------------------------------------------------------------------------------------------


def test_crossings_follow_the_grid_within_five_sigma(surface) -> None:
    n, p = surface.particles, surface.survival
    share = np.array([1 - surface.crossed(k) / n for k in range(surface.frames)])
    sigma = np.sqrt(np.maximum(p * (1 - p), 1 / n) / n)
    assert np.all(np.abs(share - p) < 5 * sigma) and surface.crossed(24) > 100


def test_the_path_joins_the_certified_minima_along_the_gradient(surface) -> None:
    """It ends at the minima, its tangent is parallel to the gradient, and its top is the saddle."""
    place = SurfaceFilm.standard().problem.sde.landscape
    assert surface.path[0] == pytest.approx([-1, 0], abs=1e-9) and surface.path[-1] == pytest.approx([1, 0], abs=1e-9)
    assert surface.saddle == pytest.approx([0, -0.6, 0.25], abs=1e-9)
    assert surface.path_loss.max() == pytest.approx(0.25, abs=1e-9)
    tangent = surface.path[2:] - surface.path[:-2]
    gradient = place.gradient(surface.path[1:-1].T).T
    length, slope = np.hypot(*tangent.T), np.hypot(*gradient.T)
    product = np.abs(tangent[:, 0] * gradient[:, 1] - tangent[:, 1] * gradient[:, 0])
    sine = product / (length * np.maximum(slope, 1e-300))
    clear = slope > 0.02  # at minima and saddle the gradient has no direction
    assert clear.sum() > 300 and sine[clear].max() < 2e-3
    top = int(np.argmin(np.hypot(*(surface.path - surface.saddle[:2]).T)))
    assert np.all(np.diff(surface.path_loss[: top + 1]) > -1e-12) and np.all(np.diff(surface.path_loss[top:]) < 1e-12)


def test_the_ridge_parts_the_valleys(surface) -> None:
    """Descent from a little to either side of the border ends in different minima."""
    from scipy.integrate import solve_ivp

    place = SurfaceFilm.standard().problem.sde.landscape
    for k in (10, len(surface.ridge) - 10):
        along = surface.ridge[k + 1] - surface.ridge[k - 1]
        across = np.array([along[1], -along[0]]) / np.hypot(*along)
        across *= np.sign(across[0])
        ends = []
        for side in (-1, 1):
            start = surface.ridge[k] + side * 0.02 * across
            flow = solve_ivp(lambda _, x: -place.gradient(x[:, None])[:, 0], (0, 60), start, method="LSODA")
            ends.append(flow.y[0, -1])
        assert ends == pytest.approx([-1, 1], abs=1e-3)


def test_crossings_run_from_the_first_valley_into_the_target_by_the_saddle(surface) -> None:
    done = np.flatnonzero(np.isfinite(surface.exit_times))
    assert np.array_equal(np.unique(surface.crossing_particle), done) and surface.closest.size == done.size
    first = np.flatnonzero(np.diff(surface.crossing_particle, prepend=-1))
    begin = surface.crossing[first]
    assert np.hypot(begin[:, 0] + 1, begin[:, 1]).max() < 0.35 * np.hypot(1, 0.6) + 0.05
    assert np.abs(surface.crossing_time[first]).max() < surface.exit_times[done].max()
    last = np.append(first[1:], len(surface.crossing)) - 1
    assert np.all(surface.crossing_time[last] >= surface.exit_times[done] - 1e-9)
    # the flux through the ridge is Gaussian of this width at leading order, and a whole crossing comes closer still
    assert surface.near == pytest.approx(np.sqrt(0.08 / 2))
    assert surface.crossed_near(24) / surface.crossed(24) > 0.68


def test_mean_times_are_those_of_the_routes(surface) -> None:
    problem = SurfaceFilm.standard().problem
    sampled = problem.by_paths(500, seed=4)
    assert abs(sampled.mean - surface.tau) < 5 * sampled.error and surface.tau_error < 0.01 * surface.tau
    place, well, top = problem.sde.landscape, surface.minima[0], surface.saddle  # Eyring and Kramers, by hand
    inner, outer = (place.hessian(np.array(p[:2])[:, None])[..., 0] for p in (well, top))
    rates = np.sqrt(np.linalg.det(inner) / abs(np.linalg.det(outer))) * abs(np.linalg.eigvalsh(outer)[0]) / (2 * np.pi)
    assert surface.formula == pytest.approx(np.exp((top[2] - well[2]) / 0.08) / rates, rel=1e-6)


def test_a_path_over_two_saddles() -> None:
    """Mueller and Brown: from the deep minimum to the other one through the shallow one; published saddles."""
    place = landscapes.MuellerBrown()
    path, saddles = steepest_path(place, np.array([-0.5582, 1.4417]), np.array([0.6235, 0.0280]))
    assert np.array([s.x for s in saddles]) == pytest.approx(
        np.array([[-0.8220016, 0.6243128], [0.2124866, 0.2929883]]), abs=1e-6
    )
    assert np.hypot(*(path - [-0.0500108, 0.4666941]).T).min() < 1e-6


def test_noise_that_is_not_isotropic_is_not_called_most_probable() -> None:
    place = landscapes.Landscape.from_expression(
        "(x**2-1)**2/4 + y**2", variables="x y", bounds=((-1.8, 1.8), (-1.5, 1.5))
    )
    problem = fpsim.EscapeProblem(
        fpsim.SDE(place, fpsim.ConstantDiffusion([0.15, 0.05])), (-1, 0), fpsim.Ball((1, 0), 0.4)
    )
    data = SurfaceFilm.of(problem, particles=20, frames=4).compute()
    assert data.path_name == "steepest descent" and np.isnan(data.temperature)
    assert data.near == pytest.approx(np.sqrt(0.05 / 2))


# --- gate ------------------------------------------------------------------------------------------------------------


def test_delta_is_the_formula_and_the_exact_times_follow_it(gate) -> None:
    """Quartic well: delta = 2/(9 kappa), the gate at -1/sqrt(3); tau grows like eps^-delta."""
    assert gate.delta == pytest.approx(2 / (9 * 0.2), rel=1e-6) and gate.gate == pytest.approx(-1 / np.sqrt(3))
    assert gate.measured == pytest.approx(gate.delta, rel=0.01)
    assert gate.chain.best_jump == pytest.approx(np.sqrt(gate.delta))
    assert np.all(np.diff(gate.floors) < 0) and np.all(np.diff(gate.taus) > 0)


def test_particles_leave_as_the_grid_says_for_every_floor(gate) -> None:
    n = gate.particles
    for lane in gate.lanes:
        p = lane.survival
        sigma = np.sqrt(np.maximum(p * (1 - p), 1 / n) / n)
        assert np.all(np.abs(lane.survivors / n - p) < 5 * sigma)
        assert lane.grid == pytest.approx(lane.tau, rel=2e-3)
    assert gate.lanes[0].survivors[-1] < 0.3 * n < gate.lanes[1].survivors[-1]


def test_densities_keep_their_mass_and_the_particles_follow_them(gate) -> None:
    width, n = gate.x[1] - gate.x[0], gate.particles
    before = gate.x < gate.gate
    for lane in gate.lanes:
        seen = lane.density.sum(axis=1) * width
        assert np.all(seen <= 1 + 1e-9) and seen.min() > 0.9  # the tails beyond the window are not drawn
        inside = (lane.positions > gate.window[0]) & (lane.positions < gate.window[1])
        for counted, expected in (
            (inside.mean(axis=1), seen),
            ((inside & (lane.positions < gate.gate)).mean(axis=1), lane.density @ before * width),
        ):
            sigma = np.sqrt(np.maximum(expected * (1 - expected), 1 / n) / n)
            assert np.all(np.abs(counted - expected) < 5 * sigma + width * lane.density.max(axis=1))


def test_particles_pile_up_as_the_floor_shrinks(gate) -> None:
    last = [lane.density[-1] / lane.density[-1][gate.x < gate.gate].sum() for lane in gate.lanes]
    peaks = [row[gate.x < gate.gate].max() for row in last]
    assert peaks[1] > 1.5 * peaks[0]
    assert all(abs(gate.x[row.argmax()] - gate.gate) < 0.02 for row in last)


def test_the_chain_jumps_as_fast_as_the_transfer_matrix_says(gate) -> None:
    chain = gate.chain
    exact = GateFilm.standard().with_floor(0.0).by_chain()
    assert chain.tau == exact.mean and chain.iterations == exact.settings["iterations"]
    assert abs(chain.sampled - chain.iterations) < 5 * chain.error and chain.error < 0.03 * chain.iterations
    drawn = chain.exits[np.isfinite(chain.exits)].astype(int)
    where = chain.positions[drawn, np.flatnonzero(np.isfinite(chain.exits))]
    before = chain.positions[drawn - 1, np.flatnonzero(np.isfinite(chain.exits))]
    assert np.all(where >= gate.target) and np.all(before < gate.target)
    with pytest.raises(ValueError, match="no continuous path"):
        GateFilm.standard().with_floor(0.0).by_quadrature()


def test_a_gate_of_another_landscape_from_right_to_left() -> None:
    """The flat valley's gate: inflection and third derivative found anew, and each route by the others."""
    from scipy.optimize import brentq

    place = landscapes.SharpFlatWell()
    noise = fpsim.HessianDiffusion(learning_rate=1.2, batch_size=1, at="everywhere", floor=0.0)
    film = GateFilm.of(
        fpsim.EscapeProblem(fpsim.SDE(place, noise), 1.2729598, -0.3), floors=(0.2, 0.05), particles=300, frames=16
    )
    data = film.compute()

    def bend(x: float) -> float:
        return float(place.hessian(np.array([x]))[0, 0])

    gate = brentq(bend, 0.3, 1.2)
    third = (bend(gate + 1e-4) - bend(gate - 1e-4)) / 2e-4
    slope = float(place.gradient(np.array([gate]))[0])
    assert data.gate == pytest.approx(gate, abs=1e-6) and data.slope == pytest.approx(slope)
    assert data.delta == pytest.approx(2 * abs(slope) / (0.6 * abs(third)), rel=1e-5)
    assert data.measured == pytest.approx(data.delta, rel=0.01)
    assert data.window[0] < -0.641 and data.window[1] > 1.273  # both valleys are drawn
    for lane in data.lanes:
        p = lane.survival
        sigma = np.sqrt(np.maximum(p * (1 - p), 1 / 300) / 300)
        assert np.all(np.abs(lane.survivors / 300 - p) < 5 * sigma) and lane.survivors[-1] < 250
        assert lane.grid == pytest.approx(lane.tau, rel=2e-3)
    chain, out = data.chain, np.flatnonzero(np.isfinite(data.chain.exits))
    assert abs(chain.sampled - chain.iterations) < 5 * chain.error
    assert chain.tau == pytest.approx(1.2 * chain.iterations)
    exits = chain.exits[out].astype(int)
    assert np.all(chain.positions[exits, out] <= -0.3) and np.all(chain.positions[exits - 1, out] > -0.3)


# --- noise shape -----------------------------------------------------------------------------------------------------


def test_noise_shape_is_the_committed_study() -> None:
    from validation.gradient_noise.run import load_gradient_noise

    study, data = load_gradient_noise(), NoiseShapeFilm.standard(sizes=(16, 512)).compute()
    assert data.batch_size.tolist() == [16, 512]
    part = study.sel(state="trained")
    for size, k in ((16, 0), (512, 1)):
        at = part.sel(batch_size=size)
        assert np.array_equal(data.across_batches[k], at.coordinate_density.values)
        assert np.array_equal(data.across_parameters[k], at.parameter_density.values)
        assert data.index_batches[k] == float(at.index_batches) and data.kurtosis_exact[k] == float(at.kurtosis_exact)
    assert data.kurtosis_exact[0] == pytest.approx(32 * data.kurtosis_exact[1])
    width = data.coordinate[1] - data.coordinate[0]
    assert (data.across_batches.sum(axis=1) * width).min() > 0.99
    assert data.normal_coordinate.sum() * width == pytest.approx(1, abs=1e-6)
    with pytest.raises(ValueError, match="were measured"):
        NoiseShapeFilm.standard(sizes=(17,)).compute()
    with pytest.raises(ValueError, match="initial, trained"):
        NoiseShapeFilm.standard(state="old").compute()


# --- what all films promise ------------------------------------------------------------------------------------------


def test_same_seed_same_data_and_another_seed_another(monkeypatch) -> None:
    monkeypatch.setattr("animations.gate.data.CELLS", 1000)
    film = GateFilm.standard(floors=(0.2, 0.1), particles=20, frames=10, seed=5)
    one, two, other = film.compute(), film.compute(), replace(film, seed=6, floors=(0.2, 0.19)).compute()
    assert one.to_xarray().identical(two.to_xarray()) and not np.array_equal(
        one.lanes[0].positions, other.lanes[0].positions
    )
    assert not np.array_equal(one.chain.positions, other.chain.positions)


def test_wrong_films_end_in_one_sentence() -> None:
    white = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 0.3)
    with pytest.raises(ValueError, match="--noise hessian"):
        GateFilm.of(white)
    with pytest.raises(ValueError, match="1-dimensional"):
        SurfaceFilm.of(white)
    noise = fpsim.HessianDiffusion(learning_rate=0.4, batch_size=1, at="everywhere", floor=0.1)
    past = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), -1.0, -0.7)
    with pytest.raises(ValueError, match="no gate"):
        GateFilm.of(past)
    with pytest.raises(ValueError, match="shrink"):
        GateFilm.standard(floors=(0.01, 0.1))
