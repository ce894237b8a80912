"""What schedules refuse, each in one sentence that says what to do."""

import dataclasses
import re

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim import schedules
from fpsim.paths.exits import exit_times

WELL = landscapes.DoubleWell()
WHITE = fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1))
NOISE = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.1)
PLAN = fpsim.Scheduled(WHITE, temperature=schedules.cosine(0.1, 0.05, 10))
GRID = fpsim.Grid((-2, 2, 100))
FLAT = fpsim.Scheduled(WHITE, parameters={"barrier": schedules.warm_up(0.25, 0.0, 1.0)})
SCALED = fpsim.LossScaledDiffusion(learning_rate=0.1, batch_size=1, curvature=1.0)
SINKING = fpsim.Scheduled(
    fpsim.SDE(landscapes.DoubleWell(offset=0.2), SCALED), parameters={"offset": schedules.warm_up(0.2, -0.2, 1.0)}
)
HEAVY = fpsim.Scheduled(fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.1), 1.0), temperature=0.1)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: fpsim.EscapeProblem(PLAN, -1.0, 1.0),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).stationary(),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).spectrum(3),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).mean_first_passage_time(1.0),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).committor(fpsim.Ball([-1], 0.1), fpsim.Ball([1], 0.1)),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).transitions(fpsim.Ball([-1], 0.1), fpsim.Ball([1], 0.1)),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).quasi_stationary(1.0, [-1.0]),
        lambda: fpsim.FokkerPlanck(PLAN, GRID).generator,
        lambda: fpsim.automatic_grid(PLAN, [-1.0], 1.0),
        lambda: fpsim.Scheduled(PLAN, temperature=0.1),
    ],
)
def test_what_assumes_that_nothing_changes_refuses_with_one_reason(ask) -> None:
    with pytest.raises(
        ValueError, match=r"stay the same for all times.*cosine from 0.1 to 0.05 over 10.*scheduled.at\(t\)"
    ):
        ask()


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: fpsim.Scheduled(WHITE), "needs learning_rate=, batch_size=, temperature= or parameters="),
        (lambda: fpsim.Scheduled(WELL, temperature=0.1), "expected an SDE"),
        (lambda: fpsim.Scheduled(WHITE, temperature="cold"), "a number or a curve"),
        (lambda: fpsim.Scheduled(WHITE, temperature=float("nan")), "must be a finite number"),
        (lambda: fpsim.Scheduled(WHITE, learning_rate=0.1), "has no learning rate"),
        (lambda: fpsim.Scheduled(fpsim.SDE(WELL, NOISE), temperature=0.1), "has no temperature"),
        (lambda: fpsim.Scheduled(WHITE, temperature=0.1, clock="epochs"), "'time' or 'iterations'"),
        (lambda: fpsim.Scheduled(WHITE, temperature=0.1, clock="iterations"), "needs a learning rate"),
        (lambda: fpsim.Scheduled(WHITE, parameters={"height": 1.0}), "no parameter 'height'; it has barrier"),
        (lambda: fpsim.Scheduled(fpsim.SDE(WELL, fpsim.LevyNoise(1.5, 0.1)), temperature=0.1), "jumps"),
        (lambda: fpsim.Scheduled(fpsim.SDE(WELL, NOISE, correction=0.1), batch_size=2), "without correction="),
        (
            lambda: fpsim.Scheduled(
                fpsim.SDE(WELL, fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="minimum")), batch_size=2
            ),
            "needs its minimum",
        ),
        (lambda: fpsim.simulate(PLAN, -1.0, 1.0, 0.1, dtype=np.float32), "use float64"),
        (lambda: fpsim.simulate(PLAN, -1.0, 1.0, 0.1, scheme="weak-2"), "a schedule changes it"),
        (lambda: fpsim.simulate(PLAN, [-1.0, 2.0], 1.0, 0.1), "needs 1 coordinates"),
        (lambda: exit_times(PLAN, -1.0, 1.0, 10, 0.1), "need a horizon"),
        (
            lambda: fpsim.simulate(fpsim.Scheduled(WHITE, temperature=schedules.wave(0.1, 0.2, 1)), -1.0, 1.0, 0.1),
            "temperature .* must be a positive number all along; at t = 0.3",
        ),
        (
            lambda: fpsim.simulate(fpsim.Scheduled(WHITE, temperature=schedules.wave(0.1, 0.05, 1)), -1.0, 1e5, 0.01),
            "use a larger step",
        ),
        (lambda: fpsim.simulate(SINKING, -1.0, 2.0, 0.1, 5), "needs L > 0, and the loss is -0.2 at its minimum"),
        (lambda: fpsim.simulate(FLAT, -1.0, 2.0, 0.1, 5), "barrier is positive, not 0.0"),
        (lambda: fpsim.SurvivalProblem(HEAVY, (-1.0, 0.0), 1.0), "no schedule of motion with inertia"),
        (lambda: fpsim.FokkerPlanck(HEAVY, fpsim.Grid((-2, 2, 8), (-2, 2, 8))), "use fpsim.simulate"),
        (lambda: exit_times(HEAVY, (-1.0, 0.0), 1.0, 10, 0.1, horizon=1.0), "exit_times takes no schedule"),
        (lambda: fpsim.FokkerPlanck(PLAN, GRID).evolve([-1.0], 0.0), "at least one time is after the start"),
        (lambda: schedules.steps([1, 2], [1, 2]), "one value more than times"),
        (lambda: schedules.table([0, 0], [1, 2]), "increasing times"),
        (lambda: schedules.cosine(1, 0.1, 0), "duration of cosine must be a positive number"),
        (lambda: schedules.logarithmic(1, 1.0), "offset of logarithmic must be above 1"),
        (lambda: schedules.formula("a/(1 + s)", a=1.0), "s"),
        (lambda: schedules.function(3.0, "three"), "a function of t"),
        (lambda: schedules.function(lambda t: [1, 2, 3], "f")([0.0, 1.0]), r"\(f\) .* shape \(2,\); got \(3,\)"),
        (lambda: schedules.function(lambda t: 1 if t < 1 else 2, "f")([0.0, 1.0]), r"\(f\) must take arrays of times"),
    ],
)
def test_refusals(ask, words) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        ask()
    assert re.search(words, str(caught.value)) and "\n" not in str(caught.value)


def test_every_result_says_its_schedule_and_its_clock() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.1)
    plan = fpsim.Scheduled(fpsim.SDE(WELL, noise), learning_rate=schedules.cosine(0.1, 0.05, 10), clock="iterations")
    paths = fpsim.simulate(plan, -1.0, 5, 1.0, paths=10)
    density = fpsim.FokkerPlanck(plan, GRID).evolve([-1.0], [5.0])
    for text in (str(plan), str(paths), density.attrs["problem"]):
        assert "learning rate cosine from 0.1 to 0.05 over 10" in text and "iterations" in text
    assert str(plan.at(0.0).noise) == str(noise)
    assert plan.at(10.0).noise.strength == ("eta/S", 0.05)


@pytest.mark.parametrize(
    ("noise", "curves"),
    [
        (fpsim.LossScaledDiffusion(learning_rate=0.1, batch_size=2, curvature=1.0), {"learning_rate": 0.3}),
        (fpsim.LossScaledDiffusion(learning_rate=0.1, batch_size=2, shape="hessian", floor=0.1), {"batch_size": 4}),
        (fpsim.GradientNoise(learning_rate=0.1, batch_size=2, covariance=1.0), {"learning_rate": 0.3, "batch_size": 4}),
        (fpsim.LevyNoise(2.0, 0.3), {}),
    ],
    ids=str,
)
def test_noises_whose_d_is_a_multiple_of_eta_over_s_follow(noise, curves) -> None:
    """At every moment D is that of the same noise made with the moment's numbers."""
    sde = fpsim.SDE(landscapes.DoubleWell(offset=0.2), noise)
    if not curves:
        with pytest.raises(ValueError, match="has no temperature that D is proportional to"):
            fpsim.Scheduled(sde, temperature=0.1)
        return
    made = dataclasses.replace(noise, **curves)
    x = np.linspace(-1.2, 1.2, 7)[None]
    found = fpsim.Scheduled(sde, **curves).at(1.0).diffusion(x)
    np.testing.assert_allclose(found, fpsim.SDE(sde.landscape, made).diffusion(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("noise", "words"),
    [
        (fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.1, injected=0.01), "has no"),
        (fpsim.JumpNoise(0.1, 1.0, 0.3), "jumps and has none; use white noise"),
        (fpsim.LevyNoise(1.5, 0.3), "jumps and has none; use white noise"),
    ],
    ids=str,
)
def test_noises_that_are_no_multiple_refuse(noise, words) -> None:
    with pytest.raises(ValueError, match=words):
        fpsim.Scheduled(fpsim.SDE(WELL, noise), learning_rate=0.1)
