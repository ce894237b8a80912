"""Spectra from products with vectors: Gauss quadratures, traces and their errors, against dense eigenvalues."""

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator

from landscapes.networks.eigenpairs import top_eigenpairs
from landscapes.networks.spectral_density import SpectralDensity, lanczos, spectral_density, trace


def symmetric(values, seed=3):
    draws = np.random.default_rng(seed)
    basis = np.linalg.qr(draws.normal(size=(len(values),) * 2))[0]
    return (basis * values) @ basis.T


SPREAD = np.concatenate([[-3.0, -0.5], np.geomspace(1e-4, 0.2, 90), [0.5, 1.1, 2.0, 5.0]])


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_lanczos_is_a_gauss_quadrature(steps):
    """k steps integrate polynomials of degree 2 k - 1 exactly and no higher power."""
    matrix, v = symmetric(SPREAD), np.random.default_rng(0).normal(size=len(SPREAD))
    v /= np.linalg.norm(v)
    diagonal, beside = lanczos(aslinearoperator(matrix), v, steps)
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    power = v
    for degree in range(2 * steps + 1):
        found, exact = vectors[0] ** 2 @ nodes**degree, v @ power
        rounding = 1e-13 * np.abs(SPREAD).max() ** degree
        assert (abs(found - exact) < rounding) == (degree < 2 * steps), degree
        power = matrix @ power


def test_no_ghosts_after_as_many_steps_as_dimensions():
    """Without reorthogonalisation the large eigenvalues would come twice and the small ones not at all."""
    found = spectral_density(aslinearoperator(symmetric(SPREAD)), steps=500, probes=2)
    assert found.nodes.shape == (2, len(SPREAD))
    np.testing.assert_allclose(found.nodes, [np.sort(SPREAD)] * 2, atol=1e-12)
    np.testing.assert_allclose(found.weights.sum(axis=1), 1, rtol=1e-12)


def test_a_krylov_space_that_ends_is_exact():
    values = np.repeat([-1.0, 2.0, 7.0], [10, 5, 25])
    found = spectral_density(aslinearoperator(symmetric(values)), steps=12, probes=100, seed=1)
    used = found.weights > 0
    assert np.all(used.sum(axis=1) == 3)
    np.testing.assert_allclose(found.nodes[used].reshape(-1, 3), np.tile([-1.0, 2.0, 7.0], (100, 1)), atol=1e-12)
    for low, high, number in ((-2, 0, 10), (1, 3, 5), (6, 8, 25), (3, 6, 0)):
        count = found.count(low, high)
        assert abs(count.value - number) <= 5 * count.standard_error
    identity = spectral_density(aslinearoperator(np.eye(7)), steps=5, probes=2)
    assert identity.trace_of(lambda t: t).value == pytest.approx(7, rel=1e-13)


def test_moments_density_and_other_sums_within_their_errors():
    found = spectral_density(aslinearoperator(symmetric(SPREAD)), steps=30, probes=200, seed=5)
    sums = [lambda t, p=p: t**p for p in range(1, 6)] + [np.exp, np.cos, lambda t: np.log(1 + t**2)]
    for function in sums:
        estimate = found.trace_of(function)
        assert abs(estimate.value - function(SPREAD).sum()) <= 5 * estimate.standard_error
        assert 0 < estimate.standard_error < 0.2 * np.abs(function(SPREAD)).sum()
    grid, width = np.linspace(-5, 7, 1201), 0.2
    density, error = found.density(grid, width)
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=1e-9)
    exact = np.exp(-0.5 * ((grid[:, None] - SPREAD) / width) ** 2).mean(axis=1) / (width * np.sqrt(2 * np.pi))
    seen = exact > 1e-3
    assert np.all(np.abs(density - exact)[seen] <= 5 * error[seen] + 1e-4)
    assert "96 eigenvalues, -3 to 5" in str(found)


def test_errors_of_a_few_probes_are_right():
    """z-scores of sums over spectra from 10 probes: an rms of 1, also where one eigenvalue decides the sum."""
    operator = aslinearoperator(symmetric(SPREAD))
    for power in (1, 4):
        z = []
        for seed in range(60):
            found = spectral_density(operator, 8, 10, seed).trace_of(lambda t, p=power: t**p)
            z.append((found.value - np.sum(SPREAD**power)) / found.standard_error)
        assert 0.6 < np.sqrt(np.mean(np.square(z))) < 1.5 and np.abs(z).max() < 6


def test_trace_of_a_low_rank_matrix_is_exact():
    values = np.zeros(60)
    values[:5] = [9.0, 4.0, 2.0, -3.0, 1.0]
    found = trace(aslinearoperator(symmetric(values)), products=30)
    assert found.value == pytest.approx(13.0, abs=1e-12) and found.standard_error < 1e-12
    whole = trace(aslinearoperator(symmetric(SPREAD)), products=len(SPREAD))
    assert whole.value == pytest.approx(SPREAD.sum(), rel=1e-12) and whole.standard_error == 0


@pytest.mark.parametrize("sketch", [True, False])
def test_errors_of_traces_are_right(sketch):
    operator = aslinearoperator(symmetric(SPREAD))
    found = [trace(operator, 60, seed, sketch) for seed in range(100)]
    z = np.array([(f.value - SPREAD.sum()) / f.standard_error for f in found])
    # rms of 100 values of Student's t law with 19 (sketch) or 59 degrees of freedom, within 5 standard errors
    assert 0.8 < np.sqrt(np.mean(z**2)) < 1.4
    assert abs(z.mean()) < 5 / np.sqrt(100)


def test_the_variance_of_hutchinsons_estimate():
    """With random signs it is 2 (|A|^2 - sum A_ii^2) per probe (Hutchinson 1989)."""
    matrix = symmetric(SPREAD)
    found = trace(aslinearoperator(matrix), 4000, seed=2, sketch=False)
    variance = 2 * (np.sum(matrix**2) - np.sum(np.diag(matrix) ** 2))
    assert found.standard_error**2 * 4000 == pytest.approx(variance, rel=0.15)


@pytest.mark.network
def test_a_small_network_against_its_dense_matrices(monkeypatch):
    """Trace within 1 %, top eigenvalues within 1e-6, moments within 5 errors, for H and C1 after some training."""
    pytest.importorskip("torch")
    from fpsim.networks.one_thread import one_thread
    from landscapes.networks import products
    from landscapes.networks.architectures import perceptron
    from landscapes.networks.images import digits
    from landscapes.networks.landscape import NeuralLandscape
    from landscapes.networks.training import adam

    data = digits().pooled(2).subset(300).standardized()
    with one_thread():
        land = NeuralLandscape(perceptron([16, 5, 10], "tanh"), data.images, data.labels)
        x = adam(land, land.initial, 100, 0.02, 64, seed=0)
        for dense, operator in (
            (land.hessian(x), land.hessian_operator(x)),
            (land.gradient_covariance(x), land.covariance_operator(x)),
        ):
            values = np.linalg.eigvalsh(dense)[::-1]
            total = trace(operator, 120)
            assert total.value == pytest.approx(values.sum(), rel=0.01)
            assert abs(total.value - values.sum()) <= 5 * total.standard_error
            np.testing.assert_allclose(top_eigenpairs(operator, 5)[0], values[:5], rtol=1e-6)
            density = spectral_density(operator, steps=25, probes=12)
            assert density.nodes.max() == pytest.approx(values[0], rel=1e-6)
            for p in (1, 2, 3, 4):
                moment = density.trace_of(lambda t, p=p: t**p)
                assert abs(moment.value - np.sum(values**p)) <= 5 * moment.standard_error
            with monkeypatch.context() as patch:
                patch.setattr(products.Products, "on_host", False)  # as on a GPU: tensors, orthogonalised by torch
                there = spectral_density(operator, steps=9, probes=2)
            here = spectral_density(operator, steps=9, probes=2)
            np.testing.assert_allclose(there.nodes, here.nodes, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(there.weights, here.weights, rtol=1e-9, atol=1e-12)


def test_errors_are_one_sentence():
    operator = aslinearoperator(np.eye(4))
    for call, message in (
        (lambda: spectral_density(operator, steps=0), "at least 1 step and 2 probes"),
        (lambda: spectral_density(operator, probes=1), "at least 1 step and 2 probes"),
        (lambda: trace(operator, products=5), "at least 6 products"),
        (lambda: SpectralDensity(np.ones((2, 1)), np.ones((2, 1)), 4).density([0.0], 0.0), "width"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    broken = LinearOperator((9, 9), matvec=lambda v: v * np.nan, dtype=float)
    for call in (lambda: spectral_density(broken), lambda: trace(broken, 8), lambda: trace(broken, 20)):
        with pytest.raises(ValueError, match="not finite"):
            call()
