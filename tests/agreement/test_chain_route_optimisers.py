"""Escapes by the steps of other optimisers through ``by_chain``: a lattice walk, an exact quadratic, an equation."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

import fpsim
import landscapes
from fpsim.sgd.optimisers import as_optimiser

WELL = landscapes.DoubleWell()
BOWL = fpsim.EscapeProblem(
    fpsim.SDE(landscapes.Quadratic(1.0), fpsim.ConstantDiffusion(0.5)), 0.0, fpsim.Outside([0.0], 1.25)
)


def walk(eta, slope, deviation, low, high, start):
    """Mean iterations of the walk by +-eta, down with chance P(slope + deviation z > 0), until x <= low or >= high."""
    x = low + eta * np.arange(1, round((high - low) / eta))
    down = ndtr(slope(x) / deviation)
    matrix = np.eye(x.size) - np.diag(down[1:], -1) - np.diag(1 - down[:-1], 1)
    return np.linalg.solve(matrix, np.ones(x.size))[np.argmin(np.abs(x - start))]


def test_sign_sgd_in_a_bowl_is_a_walk_on_a_lattice():
    """Both ends are open, so that a wrong sign or a lost step would tell: five standard errors."""
    found = BOWL.by_chain(0.1, paths=4000, seed=3, optimiser="signsgd")
    exact = 0.1 * walk(0.1, lambda x: x, math.sqrt(2 * 0.5 / 0.1), -1.3, 1.3, 0.0)
    assert abs(found.mean - exact) < 5 * found.standard_error < 0.15 * exact
    assert found.settings["optimiser"] == "SignSGD(momentum 0.0)" and not found.violated


@pytest.mark.parametrize("beta", [0.0, 0.9])
def test_adam_with_a_large_epsilon_is_sgd(beta):
    """eta m / epsilon: heavy ball at the rate eta (1 - beta1) / epsilon, iteration for iteration but for s."""
    found = {}
    for rate, options in (
        (0.1e7, {"optimiser": fpsim.Adam(beta, 0.5, 1e7)}),
        (0.1 * (1 - beta), {"momentum": beta}),
    ):
        noise = fpsim.ConstantDiffusion(5.0 * rate)  # gradients of variance 2 D / eta = 10
        asked = fpsim.EscapeProblem(fpsim.SDE(landscapes.Quadratic(1.0), noise), 0.0, BOWL.target)
        answer = asked.by_chain(rate, paths=4000, seed=3, **options)
        found[rate] = answer.mean / rate, answer.standard_error / rate
    (adam, error), (ball, its) = found.values()
    assert abs(adam - ball) < 5 * math.hypot(error, its) < 0.2 * ball


def test_what_was_found_is_found_again(tmp_path):
    found = BOWL.by_chain(0.1, paths=64, seed=2, optimiser=fpsim.Adam(0.8, 0.9999999, 0.01))
    found.save(tmp_path / "adam.nc")
    assert fpsim.load(tmp_path / "adam.nc").repeat().mean == found.mean


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("adam", fpsim.Adam()),
        ("Adam(0.8, epsilon=1e-6)", fpsim.Adam(0.8, epsilon=1e-6)),
        (str(fpsim.Adam(0.8, 0.99999999)), fpsim.Adam(0.8, 0.99999999)),
        ("SignSGD(momentum 0.5)", fpsim.SignSGD(0.5)),
    ],
)
def test_optimisers_in_words(words, meant):
    assert as_optimiser(words) == meant


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"optimiser": "lion"}, "an optimiser in words is 'adam' or 'signsgd'.*got 'lion'"),
        ({"optimiser": "adam(1.5)"}, r"got 'adam\(1.5\)' \(beta1 must be a number in \[0, 1\)"),
        ({"optimiser": "adam", "momentum": 0.9}, "has its own momentum"),
        ({"optimiser": "adam", "repetitions": 4}, "splitting knows SGD.*leave out repetitions"),
    ],
)
def test_refusals_are_sentences(options, words):
    with pytest.raises(ValueError, match=words):
        BOWL.by_chain(0.05, **options)


def test_what_never_ends_is_refused():
    cold = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.003)), -1.0, 1.0)
    with pytest.raises(ValueError, match=r"0 of 256 trial paths arrived.*would take at least.*give horizon="):
        cold.by_chain(0.05, paths=10**8, momentum=0.5)


def test_stability_is_that_of_the_steps_taken():
    """eta H < 2 (1 + beta) for the heavy ball; eta (1 - b1) H / ((1 + b1) (rms + epsilon)) < 2 for Adam."""

    def stable(**options):
        found = BOWL.by_chain(2.5, paths=16, **options)
        return {a.key: a.holds for a in found.assumptions}["stiffness"]

    assert stable(momentum=0.5) and stable(optimiser="adam") and stable(optimiser="signsgd")
    assert not stable() and not stable(momentum=0.2) and not stable(optimiser=fpsim.Adam(0.0, 0.9, 0.0))
