"""Adam and SignSGD by their chains: against exact walks, an effective equation and the formulas of Xie et al. 2022."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

import fpsim
import landscapes
from landscapes import DriftField, Landscape

WELL = landscapes.DoubleWell()
PLAIN = Landscape(WELL.loss, WELL.gradient, WELL.hessian, 1, bounds=[(-2, 2)])


def exact_sign_iterations(eta, deviation, low=-1.8):
    """Mean iterations from -1 to x >= 1 of the walk by +-eta that goes down with chance P(L' + deviation z > 0)."""
    n = round((1 - low) / eta)
    x = 1 - eta * np.arange(n, 0, -1)
    down = ndtr(WELL.gradient(x[None])[0] / deviation)
    down[0] = 0.0
    matrix = np.eye(n) - np.diag(down[1:], -1) - np.diag(1 - down[:-1], 1)
    return np.linalg.solve(matrix, np.ones(n))[np.argmin(np.abs(x + 1))]


def test_sign_sgd_is_a_walk_on_a_lattice():
    eta, noise = 0.05, fpsim.ConstantDiffusion(0.08)
    sample = fpsim.Chain(WELL, noise, eta).exit_times(-1.0, 0.999, paths=3000, seed=5, optimiser=fpsim.SignSGD())
    mean, error = sample.mean_and_error()
    exact = exact_sign_iterations(eta, math.sqrt(2 * 0.08 / eta))
    assert abs(mean - exact) < 5 * error and error < 0.03 * exact
    assert np.allclose(np.abs(sample.places - 1.0), 0.0, atol=1e-9)


@pytest.mark.parametrize("optimiser", [fpsim.Adam(0.9, 0.99), fpsim.Adam(0.0, 0.9, 1e-3), fpsim.SignSGD(0.5)])
def test_compiled_and_in_numpy(optimiser):
    found = [
        fpsim.Chain(place, fpsim.ConstantDiffusion(0.05), 0.02).simulate(
            -1.0, 20, 64, optimiser=optimiser, seed=3, save_every=1
        )
        for place in (WELL, PLAIN)
    ]
    assert [f.settings["engine"] for f in found] == ["compiled", "numpy"]
    np.testing.assert_allclose(found[0].x, found[1].x, atol=1e-13)


def test_optimisers_on_a_slice_of_a_network():
    """SignSGD as the walk on its lattice again, whose chances are those of the slice's own slope and noise."""
    line, eta = landscapes.resnet_slice(), 0.3
    start, goal = (float(m.x[0]) for m in line.minima)
    noise = fpsim.MiniBatchSGD(line, eta, 1).surrogate().noise
    found = fpsim.Chain(line, noise, eta).exit_times(start, goal, paths=1000, seed=1, optimiser=fpsim.SignSGD())
    mean, error = found.mean_and_error()
    x = start + eta * np.arange(-15, math.ceil((goal - start) / eta))
    down = ndtr(line.gradient(x[None])[0] / np.sqrt(line.gradient_covariance(x[None])[0, 0]))
    down[0] = 0.0
    matrix = np.eye(x.size) - np.diag(down[1:], -1) - np.diag(1 - down[:-1], 1)
    assert found.settings["engine"] == "compiled"
    assert abs(mean - np.linalg.solve(matrix, np.ones(x.size))[15]) < 5 * error


def test_adam_by_hand():
    """Its three lines on the gradients that the path itself shows: x' - x = -eta m' / (sqrt(s') + epsilon)."""
    eta, beta1, beta2, epsilon = 0.02, 0.8, 0.9, 0.01
    noise = fpsim.ConstantDiffusion(1e-30)  # the gradient is L' then
    path = fpsim.Chain(WELL, noise, eta).simulate(
        0.7, 30, 1, save_every=1, optimiser=fpsim.Adam(beta1, beta2, epsilon)
    ).x[:, 0, 0]  # fmt: skip
    x, mean, square = 0.7, 0.0, float(WELL.gradient(np.array([0.7]))[0]) ** 2
    for found in path[1:]:
        g = float(WELL.gradient(np.array([x]))[0])
        mean, square = beta1 * mean + (1 - beta1) * g, beta2 * square + (1 - beta2) * g * g
        x -= eta * mean / (math.sqrt(square) + epsilon)
        assert found == pytest.approx(x, abs=1e-12)


def two_levels(eta, size):
    return fpsim.HessianDiffusion(learning_rate=eta, batch_size=size, at="path", climb_fraction=0.5)


def effective(problem, eta):
    """Adam for beta1 = 0 and gradients that are mostly noise: dx = -L' / sqrt(C) dt + sqrt(eta) dB."""
    drift = lambda x: problem.sde.drift(x) / np.sqrt(2 * problem.sde.diffusion(x)[0] / eta)  # noqa: E731
    field = DriftField(drift, dimension=1, bounds=[(-2, 2)])
    return fpsim.EscapeProblem(fpsim.SDE(field, fpsim.ConstantDiffusion(eta / 2)), -1.0, 1.0).by_quadrature().mean


def test_adam_follows_its_equation():
    eta, size = 0.02, 0.025
    problem = fpsim.EscapeProblem(fpsim.SDE(WELL, two_levels(eta, size)), -1.0, 1.0)
    sample = fpsim.Chain(WELL, problem.sde.noise, eta).exit_times(
        -1.0, 1.0, paths=1000, seed=3, optimiser=fpsim.Adam(0.0, 0.98)
    )
    mean, error = sample.mean_and_error()
    assert abs(eta * mean / effective(problem, eta) - 1) < 0.1 + 5 * eta * error / (eta * mean)


def test_formula_of_adam_in_the_limit():
    """Against quadrature of the equation that Adam follows: O(noise) as the noise falls."""
    gaps = []
    for size in (0.0225, 0.09, 0.36):
        problem = fpsim.EscapeProblem(fpsim.SDE(WELL, two_levels(0.005, size)), -1.0, 1.0)
        gaps.append(problem.by_formula("xie-adam", beta1=0.0).mean / effective(problem, 0.005) - 1)
    assert np.all(np.log2(np.abs(gaps[:-1]) / np.abs(gaps[1:])) > 0.8) and abs(gaps[-1]) < 0.03


def test_formula_of_momentum_is_that_of_ito():
    """2 pi / H_ae for strong friction; the published 1 / |H_be| is twice as long here."""
    strong = fpsim.EscapeProblem(fpsim.Underdamped(WELL, two_levels(0.05, 0.8), 1e3), -1.0, 1.0)
    found, published = strong.by_formula("xie-momentum"), strong.by_formula("xie-momentum", as_published=True)
    plain = fpsim.EscapeProblem(fpsim.SDE(WELL, two_levels(0.05, 0.8)), -1.0, 1.0)
    assert found.mean == pytest.approx(1e3 * plain.by_formula("xie").mean, rel=1e-5)
    assert published.mean == pytest.approx(2 * found.mean, rel=1e-9)
    assert found.mean / (1e3 * plain.by_quadrature().mean) == pytest.approx(1, abs=0.12)


def test_momentum_brings_heat_along():
    """At friction 2 the exact time is 0.72 of the formula's, and falls with the exponent; the formula says why."""
    asked = fpsim.EscapeProblem(fpsim.Underdamped(WELL, two_levels(0.05, 0.8), 2.0), -1.0, 1.0)
    found, grid = asked.by_formula("xie-momentum"), asked.by_grid(cells=120)
    assert "local noise" in [a.key for a in found.violated]
    assert grid.mean + grid.error < 0.9 * found.mean
    weak = fpsim.EscapeProblem(fpsim.Underdamped(WELL, two_levels(0.05, 0.8), 8.0), -1.0, 1.0)
    assert "local noise" not in [a.key for a in weak.by_formula("xie-momentum").violated]


def test_what_optimisers_refuse():
    chain = fpsim.Chain(WELL, fpsim.ConstantDiffusion(0.05), 0.02)
    with pytest.raises(ValueError, match="own momentum"):
        chain.exit_times(-1.0, 1.0, momentum=0.5, optimiser=fpsim.Adam())
    for wrong in (lambda: fpsim.Adam(1.0), lambda: fpsim.Adam(epsilon=-1.0), lambda: fpsim.SignSGD(-0.1)):
        with pytest.raises(ValueError, match="must be a number"):
            wrong()
    plain = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.05)), -1.0, 1.0)
    for name, words in (("xie-adam", "climb_fraction"), ("xie-momentum", "inertia")):
        with pytest.raises(ValueError, match=words):
            plain.by_formula(name)
