"""Noise in proportion to the loss: D by hand, refusals, the power law in 1-D and 2-D, and the shipped slice's C1."""

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.noise import loss_scaling
from fpsim.noise.described import describe_noise, noise_from

SGD = {"learning_rate": 0.2, "batch_size": 4}


def escape(temperature: float, offset: float, convention: str = "ito") -> fpsim.EscapeProblem:
    noise = fpsim.LossScaledDiffusion(learning_rate=temperature, batch_size=1, curvature=1.0)
    return fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(offset=offset), noise, convention), -1.0, 1.0)


def test_d_by_hand():
    well, x = landscapes.DoubleWell(offset=0.5), np.array([[0.5]])  # L = 9/64 + 1/2, L'' = -1/4
    loss = 9 / 64 + 0.5
    plain = fpsim.LossScaledDiffusion(**SGD, curvature=3.0)
    assert plain.tensor(well, x)[0, 0, 0] == pytest.approx(0.2 * 3 / 4 * loss, rel=1e-14)
    assert plain.divergence(well, x)[0, 0] == pytest.approx(0.15 * (0.125 - 0.5), rel=1e-14)
    shaped = fpsim.LossScaledDiffusion(**SGD, shape="hessian", floor=0.1)
    assert shaped.tensor(well, x)[0, 0, 0] == pytest.approx(0.05 * loss * 0.35, rel=1e-14)


def test_the_gate_of_hessian_noise_knows_the_loss():
    """At x* = -1/sqrt 3 of the raised well: delta = 2 |slope| / (2 L kappa |third|), L = 11/18, kappa = 1/40."""
    noise = fpsim.LossScaledDiffusion(**SGD, shape="hessian", floor=0.1)
    (gate,) = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(offset=0.5), noise), -1.0, 0.0).gates
    slope, third = 2 / (3 * np.sqrt(3)), 6 / np.sqrt(3)
    assert gate.x == pytest.approx(-1 / np.sqrt(3), rel=1e-9)
    assert gate.delta == pytest.approx(2 * slope / (2 * 11 / 18 / 40 * third), rel=1e-6)


@pytest.mark.parametrize(
    "noise",
    [
        fpsim.LossScaledDiffusion(**SGD, curvature=3.0),
        fpsim.LossScaledDiffusion(**SGD, shape="hessian", floor=0.1, floor_shape="smooth"),
    ],
)
def test_described_and_back(noise: fpsim.LossScaledDiffusion):
    assert noise_from(describe_noise(noise)) == noise


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "curvature=h of LossScaledDiffusion.*must be a positive"),
        ({"curvature": -1.0}, "a positive number"),
        ({"shape": "round", "curvature": 1.0}, "'isotropic' or 'hessian'"),
        ({"shape": "hessian"}, "needs floor="),
        ({"shape": "hessian", "floor": 0.1, "curvature": 1.0}, "leave out curvature"),
        ({"shape": "hessian", "floor": -0.1}, "floor must be a number >= 0"),
        ({"curvature": 1.0, "floor": 0.1}, "belong to shape='hessian'"),
    ],
)
def test_impossible_values_are_refused(given: dict, words: str):
    with pytest.raises(ValueError, match=words):
        fpsim.LossScaledDiffusion(**SGD, **given)


def test_a_loss_that_is_not_positive_is_refused_and_the_offset_named():
    noise = fpsim.LossScaledDiffusion(**SGD, curvature=1.0)
    with pytest.raises(ValueError, match=r"the loss is 0 at its minimum \[-1\]; add a constant .*offset"):
        fpsim.SDE(landscapes.DoubleWell(), noise)
    sde = fpsim.SDE(landscapes.Landscape.from_expression("(x**2 - 1)**2/4 - 1/10"), noise)  # no box to look in
    with pytest.raises(ValueError, match=r"the loss is -0.1 at x = \[-1\]"):
        fpsim.EscapeProblem(sde, -1.0, 1.0)
    with pytest.raises(ValueError, match="undefined there"):
        fpsim.simulate(sde, -1.5, 5.0, 0.1, 10, seed=1)


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti-ito"])
def test_the_power_law_is_the_limit_of_weak_noise(convention: str):
    """ln(quadrature / mori) = O(T): halving T halves it, at T = 0.05, 0.025 and 0.0125."""
    problems = [escape(t, 0.5, convention) for t in (0.05, 0.025, 0.0125)]
    gaps = [abs(p.by_quadrature().log_mean - p.by_formula("mori").log_mean) for p in problems]
    rates = np.log2(np.array(gaps[:-1]) / gaps[1:])
    assert gaps[-1] < 0.03 and (np.abs(rates - 1) < 0.25).all(), (gaps, rates)


def test_the_exponent_is_that_of_the_quadrature():
    """d ln(tau) / d ln(L_b/L_a) at T = 0.1 against 1/T + 1/2 within 2 %."""
    losses = np.array([0.9, 0.6, 0.4, 0.25, 0.1])
    times = [escape(0.1, offset).by_quadrature().log_mean for offset in losses]
    slope = np.polyfit(np.log(1 + 0.25 / losses), times, 1)[0]
    assert slope == pytest.approx(10.5, rel=0.02)


def test_assumptions_are_those_of_the_problem():
    rough, fine = escape(0.3, 0.5).by_formula("mori"), escape(0.02, 0.1).by_formula("mori")
    assert {a.key for a in rough.assumptions if not a.holds} >= {"small noise", "slow noise"}
    assert all(a.holds for a in fine.assumptions)
    near = fpsim.EscapeProblem(escape(0.02, 0.1).sde, -0.1, 1.0).by_formula("mori")
    assert [a.key for a in near.assumptions if not a.holds] == ["deep start"]


def test_other_noises_are_refused():
    with pytest.raises(ValueError, match=r"mori is a formula for D = T L\(x\) I"):
        fpsim.EscapeProblem(
            fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0
        ).by_formula("mori")  # fmt: skip
    corrected = fpsim.SDE(landscapes.DoubleWell(offset=0.5), escape(0.1, 0.5).sde.noise, correction=0.1)
    with pytest.raises(ValueError, match="with the loss L of the drift"):
        fpsim.EscapeProblem(corrected, -1.0, 1.0).by_formula("mori")


def test_examples_whose_noise_is_their_loss_are_fitted_exactly():
    """l_i = u_i x^2 with u = 1, 3:  L = 2 x^2, C1 = 4 x^2 = 2 L."""
    place = landscapes.DatasetLandscape.from_expression("u*x**2", data={"u": [1.0, 3.0]}, bounds=[(-2, 2)])
    found = loss_scaling(place, np.linspace(0.5, 2, 20)[None])
    assert (found.curvature, found.power) == (pytest.approx(1, rel=1e-12), pytest.approx(1, rel=1e-12))
    assert found.residual < 1e-12 and found.constant > 0.5 and found.assumption.holds
    assert found.noise(0.2, 4).curvature == found.curvature


def test_the_loss_does_not_describe_the_noise_of_the_shipped_slice():
    """Along the way between its minima the loss varies by 20 %, C1 tenfold: L removes hardly any of its variation."""
    line = landscapes.resnet_slice()
    a, b = (p.x[0] for p in line.minima)
    found = loss_scaling(line, np.linspace(a, b, 401)[None])
    assert not found.assumption.holds and 0.6 < found.residual < found.constant < 0.8 and found.power > 4
    problem = fpsim.EscapeProblem(fpsim.SDE(line, found.noise(0.5, 1)), a, b)
    assert "loss scaling" in {x.key for x in problem.by_formula("mori").assumptions if not x.holds}


@pytest.mark.parametrize("points", [np.zeros((1, 2)), np.zeros(5)])
def test_points_of_a_fit_have_a_shape(points: np.ndarray):
    with pytest.raises(ValueError, match=r"points have shape \(1, n\)"):
        loss_scaling(landscapes.resnet_slice(), points)
