"""Every number of every noise, schedule and dynamics: words, truth values, NaN and shapes get one sentence of ours."""

import math
import traceback

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim import schedules
from landscapes.catalogue.example_losses import PerExampleDoubleWell

WELL, WHITE, DATA = landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1), PerExampleDoubleWell()
SGD = {"learning_rate": 0.1, "batch_size": 2}
HESSIAN = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.1)
PLAN = fpsim.Scheduled(fpsim.SDE(WELL, WHITE), temperature=0.1)

MADE = {
    "white": (fpsim.ConstantDiffusion, {"value": 0.1}),
    "hessian": (fpsim.HessianDiffusion, {**SGD, "at": "everywhere", "floor": 0.1, "injected": 0.0}),
    "path": (fpsim.HessianDiffusion, {**SGD, "at": "path", "climb_fraction": 0.5, "minimum": -1.0, "saddle": 0.0}),
    "gradient": (fpsim.GradientNoise, {**SGD, "covariance": 1.0}),
    "loss": (fpsim.LossScaledDiffusion, {**SGD, "curvature": 1.0}),
    "loss, hessian": (fpsim.LossScaledDiffusion, {**SGD, "shape": "hessian", "floor": 0.1}),
    "levy": (fpsim.LevyNoise, {"alpha": 1.5, "scale": 0.1, "axes": "together"}),
    "jump": (fpsim.JumpNoise, {"temperature": 0.1, "rate": 1.0, "size": 0.5}),
    "jump of batches": (fpsim.JumpNoise.of_batches, {**SGD, "spread": 1.0, "chance": 0.1, "jump": 2.0}),
    "field": (lambda a: fpsim.DiffusionField.from_expression("a + x**2", a=a), {"a": 1.0}),
    "sde": (lambda **o: fpsim.SDE(WELL, HESSIAN, **o), {"convention": "ito", "correction": 0.1}),
    "underdamped": (lambda **o: fpsim.Underdamped(WELL, WHITE, **o), {"friction": 1.0, "mass": 1.0}),
    "heavy ball": (
        lambda **o: fpsim.Underdamped.of_heavy_ball(WELL, WHITE, **o),
        {"learning_rate": 0.1, "momentum": 0.5},
    ),
    "chain": (lambda **o: fpsim.Chain(WELL, WHITE, **o), {"learning_rate": 0.1}),
    "batches": (lambda **o: fpsim.MiniBatchSGD(DATA, **o), {**SGD, "momentum": 0.5, "sampling": "reshuffled"}),
    "gaussian batches": (lambda **o: fpsim.MiniBatchSGD(DATA, sampling="gaussian", **o), {**SGD, "momentum": 0.5}),
    "adam": (fpsim.Adam, {"beta1": 0.9, "beta2": 0.9, "epsilon": 1e-8}),
    "sign": (fpsim.SignSGD, {"momentum": 0.5}),
    "cosine": (schedules.cosine, {"start": 0.1, "end": 0.01, "duration": 10}),
    "exponential": (schedules.exponential, {"start": 0.1, "time": 3}),
    "inverse time": (schedules.inverse_time, {"start": 0.1, "time": 3}),
    "logarithmic": (schedules.logarithmic, {"depth": 0.1, "offset": 3, "unit": 1}),
    "warm-up": (schedules.warm_up, {"start": 0.1, "end": 0.2, "duration": 10}),
    "wave": (schedules.wave, {"mean": 0.1, "amplitude": 0.05, "period": 10, "phase": 0.1}),
    "steps": (schedules.steps, {"values": [1, 2], "times": [3]}),
    "table": (schedules.table, {"values": [1, 2], "times": [3, 4]}),
    "formula": (schedules.formula, {"text": "a*t", "breaks": [1.0], "a": 1.0}),
    "function": (lambda **o: schedules.function(np.sin, "sin", **o), {"breaks": [1.0]}),
    "then": (schedules.cosine(0.1, 0.2, 3).then, {"other": 0.2, "at": 5}),
    "asked": (schedules.cosine(0.1, 0.2, 3), {"t": 1.0}),
    "scheduled": (lambda **o: fpsim.Scheduled(fpsim.SDE(WELL, WHITE), **o), {"temperature": 0.1}),
    "scheduled rates": (
        lambda **o: fpsim.Scheduled(fpsim.SDE(WELL, HESSIAN), **o),
        {"learning_rate": 0.1, "batch_size": 1, "clock": "time"},
    ),
    "scheduled loss": (lambda **o: fpsim.Scheduled(fpsim.SDE(WELL, WHITE), **o), {"parameters": {"barrier": 1.0}}),
    "one moment": (PLAN.at, {"t": 1.0}),
    "survival": (lambda times: fpsim.SurvivalProblem(PLAN, -1.0, 1.0).quasi_static(times), {"times": [1.0]}),
}
WRONG = ["a", True, None, math.nan, math.inf, -1.0, [], [[1.0], [2.0]], {}, 1j, [1.0, [2.0]], object()]
SIGNED = {"start", "end", "depth", "mean", "amplitude", "phase", "other", "minimum", "saddle", "a"}
FITTING = {
    "formula": {"text": ["a"], "breaks": [[]]}, "function": {"breaks": [[]]},
    "path": {"minimum": [None], "saddle": [None]}, "sde": {"correction": [None]},
    "scheduled rates": {"learning_rate": [None], "batch_size": [None]},
    "asked": {"t": [math.nan, math.inf, -1.0, [], [[1.0], [2.0]]]},
}  # fmt: skip


def fits(name, argument, value) -> bool:
    """Whether this value is none of the wrong ones here."""
    named = any(value is one or value == one for one in FITTING.get(name, {}).get(argument, []))
    return named or (argument in SIGNED and value == -1.0)


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, (_, good) in MADE.items() for a in good])
def test_one_sentence_for_every_wrong_value(name, argument):
    make, good = MADE[name]
    make(**good)
    for wrong in WRONG:
        if fits(name, argument, wrong):
            continue
        with pytest.raises((ValueError, TypeError)) as caught:
            make(**{**good, argument: wrong})
        words, raiser = str(caught.value), traceback.extract_tb(caught.value.__traceback__)[-1].filename
        assert raiser.rpartition("site-packages")[0] == "", f"{wrong!r}: {words}"
        assert "fpsim/" in raiser or "landscapes/" in raiser, f"{wrong!r}: {words}"
        assert "\n" not in words and len(words) > 20 and "could not convert" not in words, f"{wrong!r}: {words}"
        shown = any(text in words for text in ("got", "is", "must", "needs", "wants", "are"))
        assert shown and "not supported" not in words, f"{wrong!r}: {words}"
