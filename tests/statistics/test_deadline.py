"""Exits of runs that the clock has stopped are a fair sample for their common horizon."""

import numpy as np
import pytest

import fpsim
from fpsim.exact.first_passage import first_passage
from fpsim.paths.deadline import common_horizon
from fpsim.paths.exits import exit_times
from fpsim.targets import Point
from landscapes import DoubleWell

LAWS = {
    "exponential": lambda rng, n: rng.exponential(100.0, n),
    "uniform": lambda rng, n: rng.uniform(0.0, 200.0, n),
    "two kinds": lambda rng, n: np.where(rng.random(n) < 0.8, 20.0, 420.0) * rng.uniform(0.9, 1.1, n),
}


def stopped(rng, law, lanes, end):
    """Exit times (steps of four to a quad) and the time followed, of lanes that take path after path until ``end``."""
    times, followed = [], []
    for _ in range(lanes):
        begun = 0
        while begun < end:
            life = 4 * float(LAWS[law](rng, 1)[0])
            quads = int(np.ceil(life / 4))
            times.append(life if begun + quads <= end else np.nan)
            followed.append(end - begun)
            begun += quads
    return np.array(times), np.array(followed)


@pytest.mark.parametrize("end", [60, 300, 900])
@pytest.mark.parametrize("law", LAWS)
def test_the_sample_is_fair(law, end):
    rng = np.random.default_rng(5)
    gaps = []
    for _ in range(80):
        times, followed = stopped(rng, law, 24, end)
        chosen, c = common_horizon(times, followed, 10**9)
        part = times[chosen]
        assert (np.isfinite(part) | (followed[chosen] >= c)).all() and c > 0
        truth = np.minimum(4 * LAWS[law](np.random.default_rng(6), 200_000), 4 * c).mean()
        gaps.append(np.minimum(np.where(np.isnan(part), np.inf, part), 4 * c).mean() / truth - 1)
    gaps = np.array(gaps)
    # ratio estimators of n paths have a bias of order 1/n beside the errors of the repetitions
    assert abs(gaps.mean()) < 5 * gaps.std() / np.sqrt(gaps.size) + 1 / 24


def test_choosing_by_length_of_life_would_show():
    # keeping only what had ended by the stop is the mistake that the common horizon avoids
    rng = np.random.default_rng(7)
    times, _ = stopped(rng, "exponential", 2000, 60)
    assert np.nanmean(times) < 0.4 * 400


def test_paths_not_begun_and_paths_at_their_horizon():
    times = np.array([40.0, np.inf, np.nan, np.nan, 8.0])
    followed = np.array([100, 100, 60, -1, 20])
    chosen, c = common_horizon(times, followed, 50)
    assert c <= 50 and chosen.tolist()[:3] == [True, True, True] and not chosen[3]
    assert common_horizon(np.full(3, np.nan), np.full(3, -1), 50)[1] == 0


def test_the_mean_of_a_stopped_run():
    sde = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.25))
    exact = first_passage(sde, np.array([-1.0]), Point(0.0, -1.0)).mean
    exit_times(sde, -1.0, Point(0.0, -1.0), 10, 0.01)  # compiles
    sample = exit_times(sde, -1.0, Point(0.0, -1.0), 400_000, 0.0005, 11, threads=1, deadline=2.0)
    assert 256 <= sample.times.size < 400_000  # 5e9 steps: more than any machine takes in that time
    mean, error = sample.mean_and_error()
    assert error < 0.1 * exact
    assert abs(mean - exact) < 5 * error + 0.01 * exact  # the step's own bias is below a percent
