"""What splitting refuses, in a sentence, and what it says of a bad score."""

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.sde.gates import InfiniteTimeError
from fpsim.splitting.ensemble import mean_of_loops
from fpsim.splitting.multilevel import Repetition

WELL = landscapes.DoubleWell()
PROBLEM = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.05)), -1.0, 1.0)
QUICK = {"repetitions": 2, "particles": 40, "step_bias": False, "step": 0.02}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"repetitions": 1}, "at least 2 repetitions; got 1"),
        ({"particles": 7}, "at least 8 particles; got 7"),
        ({"seed": -1}, "a seed is an integer"),
        ({"step": 0.0}, "step must be a positive number"),
        ({"score": "luck"}, "score is 'distance', 'committor', points of a path or a function"),
        ({"score": lambda x: np.ones(x.shape[1])}, "does not tell them apart"),
        ({"score": lambda x: np.nan * x[0]}, "one finite number per point"),
        ({"score": lambda x: np.where(x[0] > -0.8, np.nan, x[0])}, "score is NaN at x"),
        ({"score": lambda x: x}, "into n numbers"),
        ({"score": np.zeros((3, 2))}, "points of 1 coordinates"),
        ({"score": [[0.0], [0.0]]}, "no point twice in a row"),
        ({"deadline": 1e-9}, "give more time"),
    ],
)
def test_impossible_arguments_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        PROBLEM.by_splitting(**{**QUICK, **options})


def test_infinite_times_are_refused():
    shut = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0)
    with pytest.raises(ValueError, match="vanishes at the inflection point"):
        fpsim.EscapeProblem(fpsim.SDE(WELL, shut), -1.0, 0.3).by_splitting(**QUICK)
    cliff = landscapes.Landscape.from_expression("x**2/2 - x**3/3", variables="x")
    runaway = fpsim.EscapeProblem(fpsim.SDE(cliff, fpsim.ConstantDiffusion(0.1)), 0.0, -1.0)
    with pytest.raises(InfiniteTimeError):
        runaway.by_splitting(**QUICK)


def test_reshuffled_epochs_are_refused():
    sgd = fpsim.MiniBatchSGD(landscapes.PerExampleDoubleWell(), 0.05, 2, "reshuffled")
    with pytest.raises(ValueError, match="remember which examples are left"):
        fpsim.split_iterations(sgd, -1.0, 1.0)


def repetition(log_chance: float, number: int = 0) -> Repetition:
    return Repetition(number, 10.0, 1.0, log_chance, 5.0, 3, 4, 100.0)


def test_flights_that_died_out_count_as_nothing_and_are_reported():
    found = mean_of_loops([repetition(-5.0), repetition(-np.inf), repetition(-5.0), repetition(-np.inf)], 100)
    assert found.extinct == 2
    assert np.exp(found.log_mean) == pytest.approx(10 + 5 / (np.exp(-5.0) / 2))
    assert any("died out" in a.statement and not a.holds for a in found.assumptions)
    with pytest.raises(ValueError, match="all 2 repetitions died out"):
        mean_of_loops([repetition(-np.inf), repetition(-np.inf)], 100)


def test_one_repetition_that_carries_all_is_said():
    found = mean_of_loops([repetition(-20.0), repetition(-5.0), repetition(-20.0), repetition(-19.0)], 1000)
    said = {a.statement: a.holds for a in found.assumptions}
    assert found.largest > 0.99
    assert not said["no single repetition carries half of the chance"]
    assert not said["repetitions scatter at most 3 times as those of an ideal score, sqrt(-ln p / N)"]
