"""The data of the films against the routes: counts, densities, currents and times."""

from __future__ import annotations

import numpy as np
import pytest

import fpsim
import landscapes
from animations.arrhenius.film import ArrheniusFilm
from animations.film.clock import Clock
from animations.film.data import follow, ticks_of
from animations.kramers.film import KramersFilm

WELL = landscapes.SharpFlatWell(sharp=8.0, flat=2.0)
HESSIAN = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.5)
ENDS = (WELL.default_start[0], WELL.default_target[0])


def film(noise, **options) -> KramersFilm:
    problem = fpsim.EscapeProblem(fpsim.SDE(WELL, noise), *ENDS)
    return KramersFilm.of(problem, **{"particles": 1000, "frames": 30, "paths": 300, "seed": 11, **options})


@pytest.fixture(scope="module", params=[fpsim.ConstantDiffusion(0.08), HESSIAN], ids=["white", "hessian"])
def shot(request):
    return film(request.param).compute().acts[0][0]


def test_escaped_counts_follow_the_grid(shot) -> None:
    n, p = shot.particles, shot.survival
    sigma = np.sqrt(np.maximum(p * (1 - p), 1 / n) / n)
    assert np.all(np.abs(shot.survivors / n - p) < 5 * sigma)
    assert shot.survivors[0] == n and np.all(np.diff(shot.survivors) <= 0)


def test_survival_integrates_to_the_mean(shot) -> None:
    """tau = int P(T > t) dt, the tail exponential after the film's end."""
    t, p = shot.time, shot.survival
    rate = -np.diff(np.log(p[-8:])).sum() / (t[-1] - t[-8])
    logs = np.log(p)
    pieces = -np.diff(p) / np.where(np.diff(logs) == 0, -1, np.diff(logs)) * np.diff(t) * -1
    area = np.where(np.diff(logs) == 0, p[:-1] * np.diff(t), pieces).sum() + p[-1] / rate
    assert area == pytest.approx(shot.tau("quadrature")[0], rel=0.01)


def test_density_keeps_its_mass_and_the_particles_follow_it(shot) -> None:
    width = shot.x[1] - shot.x[0]
    assert shot.density.sum(axis=1) * width == pytest.approx(np.ones(30), abs=1e-9)
    n = shot.particles
    beyond = (shot.x > shot.barrier).astype(float)
    expected = shot.density @ beyond * width
    counted = (shot.positions > shot.barrier).mean(axis=1)
    sigma = np.sqrt(np.maximum(expected * (1 - expected), 1 / n) / n)
    assert np.all(np.abs(counted - expected) < 5 * sigma + width * shot.density.max(axis=1))


def test_current_is_what_the_far_side_gains(shot) -> None:
    """d/dt P(beyond the barrier) = J, integrated over late frames where J is smooth."""
    width = shot.x[1] - shot.x[0]
    edge = np.clip((shot.x + width / 2 - shot.barrier) / width, 0, 1)
    gained = np.diff(shot.density @ edge * width)[14:]
    j, dt = shot.current, np.diff(shot.time)
    passed = ((j[1:] + j[:-1]) / 2 * dt)[14:]
    assert gained.sum() == pytest.approx(passed.sum(), rel=0.03)


def test_times_agree_within_their_errors(shot) -> None:
    exact, (grid, grid_error), (paths, error) = shot.tau("quadrature")[0], shot.tau("grid"), shot.tau("paths")
    assert grid == pytest.approx(exact, rel=1e-6, abs=5 * grid_error)
    assert abs(paths - exact) < 5 * error and error < 0.1 * exact


def test_a_particle_seen_in_the_target_has_escaped(shot) -> None:
    """Positions and exit times belong to the same paths, though two functions made them."""
    inside = shot.positions >= shot.target
    assert inside.sum() > 700
    assert np.all(shot.exit_times[None, :] <= shot.time[:, None] + 1e-9, where=inside)
    near = np.abs(shot.positions - shot.start) < 1e-12
    assert near[0].all() and not near[-1].any()


def test_same_seed_same_paths_and_another_seed_others() -> None:
    """All that is random in the films of particles."""
    problem = fpsim.EscapeProblem(fpsim.SDE(WELL, HESSIAN), *ENDS)
    one, two, other = (follow(problem, 40, 6, 10.0, 0.01, seed, Clock.of("even")) for seed in (11, 11, 12))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert one[1].shape == (6, 40) and not np.array_equal(one[1], other[1])


def test_clock_starts_slowly_and_ends_in_time() -> None:
    ticks = ticks_of(Clock.of("slow-fast"), 120, 100.0, 0.01)
    assert ticks[0] == 0 and abs(ticks[-1] - 10_000) <= 119 and np.all(np.diff(ticks) >= 1)
    assert np.diff(ticks)[-1] > 30 * np.diff(ticks)[0]


def test_arrhenius_points_lie_on_the_exact_line() -> None:
    problem = fpsim.EscapeProblem(fpsim.SDE(WELL, HESSIAN), *ENDS)
    data = ArrheniusFilm.of(problem, levels=4, high=1.2, paths=120, frames=4).compute()
    (one,) = data.series
    measured = np.isfinite(one.paths)
    assert measured.sum() >= 3 and one.axis == "S/η" and one.inverse[0] == pytest.approx(4.0)
    assert np.all(np.abs(one.paths - one.tau)[measured] < 5 * one.error[measured])
    assert np.all(np.diff(one.tau) > 0)
    assert one.fails.any() and one.fails[0]  # strong noise is beyond the formula
