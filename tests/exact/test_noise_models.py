"""Noise models against matrices worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

import fpsim
import landscapes

SADDLE = landscapes.Landscape.from_expression("x**2 - y**2/2 + x*y", variables="x y")  # H = [[2, 1], [1, -1]]
HESSIAN = np.array([[2.0, 1.0], [1.0, -1.0]])
HERE = np.array([[0.3], [-0.2]])
SGD = {"learning_rate": 0.2, "batch_size": 4}  # eta / 2S = 0.025


def spectral(function):
    """A function of the eigenvalues of HESSIAN, as a matrix."""
    values, vectors = np.linalg.eigh(HESSIAN)
    return (vectors * function(values)) @ vectors.T


def tensor(noise):
    return fpsim.SDE(SADDLE, noise).diffusion(HERE)[..., 0]


def test_absolute_value_and_floors_act_on_eigenvalues() -> None:
    additive = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.5)
    smooth = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.5, floor_shape="smooth", injected=0.01)
    np.testing.assert_allclose(tensor(additive), 0.025 * spectral(lambda v: np.abs(v) + 0.5), atol=1e-15)
    expected = 0.025 * spectral(lambda v: np.sqrt(v**2 + 0.25)) + 0.01 * np.eye(2)
    np.testing.assert_allclose(tensor(smooth), expected, atol=1e-15)


def test_clip_keeps_the_positive_part_and_warns() -> None:
    with pytest.warns(UserWarning, match="only the floor"):
        noise = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.1, clip=True)
    np.testing.assert_allclose(tensor(noise), 0.025 * spectral(lambda v: np.maximum(v, 0) + 0.1), atol=1e-15)
    formula, values = noise.symbolic(SADDLE)
    numbers = np.array(formula.subs(values).subs(dict(zip(SADDLE.symbolic.variables, HERE[:, 0], strict=True))))
    np.testing.assert_allclose(numbers.astype(float), tensor(noise), atol=1e-14)
    assert "max(H, 0)" in str(noise)
    with pytest.raises(ValueError, match="clip=True goes with"):
        fpsim.HessianDiffusion(**SGD, at="minimum", clip=True)


def test_frozen_noise_is_constant() -> None:
    bowl = landscapes.Quadratic([1.0, 3.0])
    noise = fpsim.HessianDiffusion(**SGD, at="minimum", minimum=(0.0, 0.0))
    assert noise.is_constant
    np.testing.assert_allclose(fpsim.SDE(bowl, noise).diffusion(HERE)[..., 0], 0.025 * np.diag([1.0, 3.0]), atol=1e-15)


def test_measured_covariance_is_scaled_by_half_eta_over_s() -> None:
    covariance = np.array([[2.0, 0.3], [0.3, 1.0]])
    constant = fpsim.GradientNoise(**SGD, covariance=covariance)
    varying = fpsim.GradientNoise(**SGD, covariance=lambda x: covariance[:, :, None] * (1 + x[0] ** 2))
    np.testing.assert_allclose(tensor(constant), 0.025 * covariance, rtol=1e-15)
    np.testing.assert_allclose(tensor(varying), 0.025 * covariance * 1.09, rtol=1e-14)


def test_two_levels_switch_at_the_stated_share_of_the_climb() -> None:
    noise = fpsim.HessianDiffusion(**SGD, at="path", climb_fraction=0.36)
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), -1.0, 1.0)
    # L = (x^2 - 1)^2 / 4 = 0.36 * 0.25 at x^2 = 1 - 0.6
    cut = -np.sqrt(0.4)
    assert problem.sde.noise.switch(landscapes.DoubleWell()) == pytest.approx(cut, abs=1e-12)
    levels = problem.sde.diffusion(np.array([[cut - 1e-9, cut + 1e-9, 0.9]]))[0, 0]
    np.testing.assert_allclose(levels, 0.025 * np.array([2.0, 1.0, 1.0]), rtol=1e-12)


WRONG = {
    "negative": (lambda: fpsim.ConstantDiffusion(-1.0), "positive"),
    "indefinite": (lambda: fpsim.ConstantDiffusion([[1.0, 2.0], [2.0, 1.0]]), "positive"),
    "asymmetric": (lambda: fpsim.ConstantDiffusion([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
    "not finite": (lambda: fpsim.ConstantDiffusion(np.nan), "finite"),
    "no floor": (lambda: fpsim.HessianDiffusion(**SGD, at="everywhere"), "needs floor"),
    "no batch": (lambda: fpsim.HessianDiffusion(learning_rate=0.1, batch_size=0, at="minimum"), "batch_size must be"),
    "elsewhere": (lambda: fpsim.HessianDiffusion(**SGD, at="saddle"), "'everywhere', 'minimum' or 'path'"),
    "no fraction": (lambda: fpsim.HessianDiffusion(**SGD, at="path"), "climb_fraction"),
    "path in 2-D": (lambda: fpsim.SDE(SADDLE, fpsim.HessianDiffusion(**SGD, at="path", climb_fraction=0.5)), "1-D"),
    "unfilled": (lambda: fpsim.SDE(SADDLE, fpsim.HessianDiffusion(**SGD, at="minimum")).diffusion(HERE), "minimum="),
    "order": (lambda: fpsim.SDE(fpsim.ConstantDiffusion(1.0), SADDLE), "noise model"),
    "convention": (lambda: fpsim.SDE(SADDLE, fpsim.ConstantDiffusion(1.0), "itoh"), "convention"),
}


@pytest.mark.parametrize("case", WRONG)
def test_impossible_noise_is_refused_in_one_sentence(case: str) -> None:
    make, words = WRONG[case]
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_stratonovich_is_refused_where_it_depends_on_the_root() -> None:
    noise = fpsim.HessianDiffusion(**SGD, at="everywhere", floor=0.5, floor_shape="smooth")
    with pytest.raises(ValueError, match="ambiguous"):
        fpsim.SDE(SADDLE, noise, "stratonovich")
