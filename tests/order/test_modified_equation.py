"""The modified equation of Li, Tai and E follows the discrete chain to O(eta^2) at fixed time, the plain SDE to O(eta).

On a quadratic both sides are closed forms.  On the quartic the chain's moments are iterated integrals (Gauss-Hermite
and Chebyshev interpolation) and the SDE's solve the backward equation (Chebyshev collocation): no random numbers.
"""

import math

import numpy as np
import pytest
from numpy.polynomial import chebyshev, hermite_e
from scipy.linalg import expm

import fpsim
import landscapes
from fpsim import ConstantDiffusion, DiffusionField, GradientNoise, HessianDiffusion
from fpsim.sgd.chain import Chain

RATES = np.array([0.1, 0.05, 0.025])
WELL = landscapes.DoubleWell()


def orders(errors):
    return np.log2(np.abs(errors[:-1]) / np.abs(errors[1:]))


def moments_on_quadratic(curvature, eta, corrected, time=1.0, start=2.0, covariance=3.0):
    """(mean, variance) of chain minus SDE, the SDE's from its own drift and tensor."""
    bowl = landscapes.Quadratic([curvature])
    noise = GradientNoise(learning_rate=eta, batch_size=1, covariance=covariance)
    sde = fpsim.SDE(bowl, noise, correction=eta if corrected else None)
    rate = -float(sde.drift(np.array([[1.0]]))[0, 0])
    d = float(sde.diffusion(np.array([[1.0]]))[0, 0, 0])
    kept = (1 - eta * curvature) ** round(time / eta)
    chain = kept * start, eta**2 * covariance * (1 - kept**2) / (1 - (1 - eta * curvature) ** 2)
    continuous = math.exp(-rate * time) * start, d * (1 - math.exp(-2 * rate * time)) / rate
    return np.array(chain) - np.array(continuous)


@pytest.mark.parametrize(("corrected", "order"), [(False, 1.0), (True, 2.0)])
def test_quadratic(corrected, order):
    errors = np.array([moments_on_quadratic(1.3, eta, corrected) for eta in RATES])
    mean_order, variance_order = orders(errors[:, 0])[-1], orders(errors[:, 1])[-1]
    assert mean_order == pytest.approx(order, abs=0.1)
    assert variance_order == pytest.approx(2.0, abs=0.15)  # the variance itself is O(eta), its error O(eta^2) anyway


# --- the quartic ---

SIDE, DEGREE = 2.4, 120
NODES = SIDE * np.cos(np.pi * np.arange(DEGREE + 1) / DEGREE)


def interpolated(values, places):
    """The Chebyshev interpolant of values at NODES, taken to the nearest end outside."""
    fit = chebyshev.chebfit(NODES / SIDE, values, DEGREE)
    return chebyshev.chebval(np.clip(places / SIDE, -1, 1), fit)


def chain_expectation(chain, function, iterations):
    """x -> E[f(x_n) | x_0 = x] at NODES."""
    z, weights = hermite_e.hermegauss(60)
    mean, spread = chain.line(NODES)
    values = function(NODES)
    for _ in range(iterations):
        steps = mean[:, None] + spread[:, None] * z
        values = interpolated(values, steps) @ weights / math.sqrt(2 * math.pi)
    return values


def sde_expectation(sde, function, time):
    """x -> E[f(X_t) | X_0 = x] at NODES from u' = b u_x + D u_xx.

    D is taken to zero at the far-out ends, where b points inwards and no path comes: then no boundary condition enters.
    """
    theta = np.pi * np.arange(DEGREE + 1) / DEGREE
    x = np.cos(theta)
    c = np.where((theta == 0) | (np.arange(DEGREE + 1) == DEGREE), 2.0, 1.0) * (-1.0) ** np.arange(DEGREE + 1)
    gaps = x[:, None] - x[None, :] + np.eye(DEGREE + 1)
    first = np.outer(c, 1 / c) / gaps
    first -= np.diag(first.sum(axis=1))
    first /= SIDE
    b, d = sde.drift(NODES[None])[0], sde.diffusion(NODES[None])[0, 0] * (1 - x**24)
    operator = b[:, None] * first + d[:, None] * (first @ first)
    return expm(time * operator) @ function(NODES)


NOISES = {
    "white": lambda eta: GradientNoise(learning_rate=eta, batch_size=1, covariance=1.0),
    "state-dependent": lambda eta: GradientNoise(
        learning_rate=eta, batch_size=1, covariance=DiffusionField.from_expression("0.6 + x**2/2")
    ),
}


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("corrected", "order"), [(False, 1.0), (True, 2.0)])
def test_quartic(noise, corrected, order):
    start, time = np.array([-0.5, 0.8, 1.5]), 1.0
    errors = []
    for eta in RATES:
        model = NOISES[noise](eta)
        sde = fpsim.SDE(WELL, model, correction=eta if corrected else None)
        difference = [
            chain_expectation(Chain(WELL, model), f, round(time / eta)) - sde_expectation(sde, f, time)
            for f in (lambda x: x, lambda x: x**2)
        ]
        errors.append([interpolated(values, start) for values in difference])
    size = np.abs(errors).max(axis=(1, 2))
    assert np.all(orders(size) > order - 0.25)
    if not corrected:
        assert np.all(orders(size) < 1.5)


# --- what the option means ---


def test_the_corrected_drift_and_the_noise_of_the_plain_loss():
    noise = HessianDiffusion(learning_rate=0.2, batch_size=1, at="everywhere", floor=0.1)
    x = np.linspace(-1.7, 1.7, 9)[None]
    sde, plain = fpsim.SDE(WELL, noise, correction=0.2), fpsim.SDE(WELL, noise)
    expected = -WELL.gradient(x) - 0.1 * WELL.hessian(x)[0, 0] * WELL.gradient(x)
    assert np.allclose(sde.drift(x), expected, rtol=0, atol=1e-14)
    assert np.array_equal(sde.diffusion(x), plain.diffusion(x))
    assert "modified equation at learning rate 0.2" in str(sde)
    functions = landscapes.Landscape(WELL.loss, WELL.gradient, WELL.hessian, dimension=1)
    other = fpsim.SDE(functions, noise, correction=0.2)
    assert np.allclose(other.drift(x), sde.drift(x), rtol=0, atol=1e-14)
    assert np.allclose(other.landscape.loss(x), sde.landscape.loss(x), rtol=0, atol=1e-14)


def test_a_drift_field_is_corrected_by_its_jacobian():
    flow = landscapes.DriftField.from_expression(["y - x", "-x*y - y"], variables="x y")
    sde = fpsim.SDE(flow, ConstantDiffusion(0.1), correction=0.3)
    x = np.array([[0.4, -1.0], [0.7, 0.2]])
    b, jacobian = flow.drift(x), flow.jacobian(x)
    assert np.allclose(sde.drift(x), b - 0.15 * np.einsum("ijn,jn->in", jacobian, b), rtol=0, atol=1e-14)
    functions = landscapes.DriftField(flow.drift, flow.jacobian, dimension=2)
    other = fpsim.SDE(functions, ConstantDiffusion(0.1), correction=0.3)
    assert np.allclose(other.drift(x), sde.drift(x), rtol=0, atol=1e-14)


def test_another_noise_keeps_the_correction_single():
    sde = fpsim.SDE(WELL, ConstantDiffusion(0.1), correction=0.2)
    changed = sde.with_noise(HessianDiffusion(learning_rate=0.2, batch_size=1, at="everywhere", floor=0.1))
    x = np.array([[-0.3, 0.6]])
    assert np.array_equal(changed.drift(x), sde.drift(x))
    assert np.allclose(changed.diffusion(x)[0, 0], 0.1 * (np.abs(WELL.hessian(x)[0, 0]) + 0.1), rtol=1e-14)


def test_paths_and_quadrature_use_it():
    sde = fpsim.SDE(WELL, ConstantDiffusion(0.1), correction=0.2)
    found = fpsim.simulate(sde, -0.7, 0.05, 0.05, paths=4, save_every=1, seed=2)
    z = fpsim.kernels.random_numbers.normals(2, 4, 1)[0]
    x = np.full((1, 4), -0.7)
    assert np.allclose(found.x[1].T, x + 0.05 * sde.drift(x) + np.sqrt(0.01) * z, rtol=0, atol=1e-13)
    by_hand = landscapes.Landscape.from_expression("(x**2-1)**2/4 + 0.05*(x**3-x)**2")
    ours, theirs = (
        fpsim.EscapeProblem(s, -1.0, 1.0).by_quadrature() for s in (sde, fpsim.SDE(by_hand, ConstantDiffusion(0.1)))
    )
    assert ours.mean == pytest.approx(theirs.mean, rel=1e-9)
    assert ours.mean != pytest.approx(66.27, rel=1e-2)
