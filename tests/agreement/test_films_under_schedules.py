"""The film kramers under a schedule: particles, density, survival and strength against each other and the curve."""

from __future__ import annotations

import numpy as np
import pytest

import fpsim
import landscapes
from animations.film.look import Look
from animations.kramers import captions
from animations.kramers.data import KramersData, ShotData
from animations.kramers.film import KramersFilm
from fpsim import schedules
from fpsim.cli.curves import curve, scheduled

HOT = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.3))
COOLING = fpsim.Scheduled(HOT, temperature=schedules.warm_up(0.3, 0.08, 16.0))
PROBLEM = fpsim.SurvivalProblem(COOLING, -1.0, 1.0)


@pytest.fixture(scope="module")
def film() -> KramersData:
    return KramersFilm.of(PROBLEM, particles=600, frames=12, seconds=1.0, seed=4, clock="even").compute()


@pytest.fixture(scope="module")
def shot(film) -> ShotData:
    return film.acts[0][0]


def test_the_strength_is_the_curve_s(shot) -> None:
    assert shot.scheduled and (shot.scale, shot.units) == ("T", "time")
    assert shot.time[-1] == pytest.approx(20.0, rel=0.01)
    assert shot.strength == pytest.approx(np.interp(shot.time, [0, 16], [0.3, 0.08]))
    assert captions.strength(shot, 0) == "T = 0.3" and captions.strength(shot, 11) == "T = 0.08"


def test_particles_leave_as_the_grid_says(shot) -> None:
    n, p = shot.particles, shot.survival
    sigma = np.sqrt(np.maximum(p * (1 - p), 1 / n) / n)
    assert np.all(np.abs(shot.survivors / n - p) < 5 * sigma) and shot.survivors[-1] < 0.8 * n
    rows = dict(captions.taus(Look().say, shot))
    assert rows["grid"] == f"grid {100 * p[-1]:.3g} %"
    assert rows["paths"] == f"paths {100 * shot.survivors[-1] / n:.3g} %"
    ahead = fpsim.SurvivalProblem(COOLING, -1.0, 1.0).by_grid(shot.time[[5, 11]], cells=200)
    assert np.all(np.abs(p[[5, 11]] - ahead.chance) < 2e-3 + ahead.systematic_error)


def test_the_density_keeps_its_mass_and_the_particles_follow_it(shot) -> None:
    width, n = shot.x[1] - shot.x[0], shot.particles
    assert shot.density.sum(axis=1) * width == pytest.approx(np.ones(12), abs=1e-6)
    expected = shot.density @ (shot.x > shot.barrier) * width
    sigma = np.sqrt(np.maximum(expected * (1 - expected), 1 / n) / n)
    counted = (shot.positions > shot.barrier).mean(axis=1)
    assert np.all(np.abs(counted - expected) < 5 * sigma + width * shot.density.max(axis=1))
    gained = np.diff(expected)[4:].sum()  # the current is the far side's gain
    passed = ((shot.current[1:] + shot.current[:-1]) / 2 * np.diff(shot.time))[4:].sum()
    assert passed == pytest.approx(gained, rel=0.05)


def test_an_older_file_without_strengths_is_read(film, tmp_path) -> None:
    from fpsim.storage import read

    path = film.save(tmp_path / "new.nc")
    stored = read(path)
    older = stored.drop_vars("strength_0_0")
    older.to_netcdf(tmp_path / "old.nc")
    assert KramersData.load(tmp_path / "old.nc").acts[0][0].strength.size == 0
    again = KramersData.load(path).acts[0][0]
    assert again.routes == () and np.array_equal(again.strength, film.acts[0][0].strength)


def test_a_schedule_that_never_settles_is_shown_for_some_mean_times() -> None:
    from animations.kramers.data import HORIZON, _settling

    plan = fpsim.Scheduled(HOT, temperature=schedules.inverse_time(0.3, 50.0))
    problem = fpsim.SurvivalProblem(plan, -1.0, 1.0)
    mean = fpsim.EscapeProblem(HOT, -1.0, 1.0).by_quadrature().mean
    assert _settling(plan, problem) == pytest.approx(HORIZON * mean)


def test_other_films_and_moving_losses_are_refused() -> None:
    from animations.arrhenius.film import ArrheniusFilm

    with pytest.raises(ValueError, match="only the film 'kramers'"):
        ArrheniusFilm.of(PROBLEM)
    swaying = fpsim.Scheduled(HOT, parameters={"tilt": schedules.wave(0.0, 0.03, 60.0)})
    with pytest.raises(ValueError, match="draws one loss"):
        KramersFilm.of(fpsim.SurvivalProblem(swaying, -1.0, 1.0))


# --- the words of the command -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("cosine(0.2, 0.02, 8000)", schedules.cosine(0.2, 0.02, 8000)),
        ("cosine(0.2, end=0.02, duration=8000)", schedules.cosine(0.2, 0.02, 8000)),
        ("steps([3, 6], [5000])", schedules.steps([3, 6], [5000])),
        ("warm_up(0.01, 0.2, 500).then(inverse_time(0.2, 1000), at=500)",
         schedules.warm_up(0.01, 0.2, 500).then(schedules.inverse_time(0.2, 1000), 500)),
        ("0.1/(1 + t/50)", schedules.inverse_time(0.1, 50)),
    ],
)  # fmt: skip
def test_a_curve_is_what_its_words_say(text: str, same) -> None:
    t = np.linspace(0, 10000, 37)
    assert curve(text).at(t) == pytest.approx(same.at(t), rel=1e-12)


@pytest.mark.parametrize(
    "text", ["cosine(", "cosine(0.2, 0.02)", "__import__('os')", "open('x')", "cosine(0.2, 't', 3)"]
)
def test_other_words_are_refused_and_run_nothing(text: str) -> None:
    with pytest.raises(ValueError, match=r"schedule|formula") as error:
        curve(text)
    assert "\n" not in str(error.value)


def test_a_learning_rate_counts_iterations_unless_told() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=3, at="minimum", minimum=-1.0)
    sde = fpsim.SDE(landscapes.DoubleWell(), noise)
    assert scheduled(sde, ["learning-rate = cosine(0.2, 0.02, 800)"]).clock == "iterations"
    assert scheduled(sde, ["batch_size=steps([3, 6], [500])"]).clock == "time"
    assert scheduled(sde, ["learning_rate=0.2/(1+t)", "clock=time"]).clock == "time"
    with pytest.raises(ValueError, match="NAME=CURVE"):
        scheduled(sde, ["lr=cosine(0.2, 0.02, 800)"])
