"""Roots of a full D(x) beyond two dimensions: R R^T = 2 D, whatever its rank, compiled and in NumPy."""

import numpy as np
import pytest

import fpsim
from fpsim.noise.kicks import lower_root
from fpsim.paths.simulate import simulate
from fpsim.paths.step import DivergenceError, compiled_step, numpy_step
from fpsim.sde.sde import LONGEST
from landscapes import Landscape


def random_matrices(d, rank, count=50):
    """Matrices (d, d, count) of that rank, of very different scales from coordinate to coordinate."""
    rng = np.random.default_rng(4)
    factors = rng.standard_normal((d, rank, count)) * 10.0 ** rng.uniform(-4, 4, (d, 1, 1))
    return np.einsum("ik...,jk...->ij...", factors, factors)


@pytest.mark.parametrize(("d", "rank"), [(3, 3), (3, 2), (3, 1), (3, 0), (8, 8), (8, 5), (20, 3)])
def test_the_factor_is_a_root_whatever_the_rank(d, rank):
    matrices = random_matrices(d, rank)
    root = lower_root(matrices)
    assert (np.triu(np.moveaxis(root, -1, 0), 1) == 0).all()
    scale = np.sqrt(np.einsum("ii...->i...", matrices))
    error = np.abs(np.einsum("ik...,jk...->ij...", root, root) - matrices)
    assert (error <= 1e-13 * d * scale[:, None] * scale[None]).all()


def test_of_a_tensor_of_rank_one_a_single_column_is_left():
    columns = np.array([1.0, 0.3, -7.0, 1e-5])[:, None]
    root = lower_root(np.einsum("i...,j...->ij...", columns, columns))
    np.testing.assert_allclose(root[:, 0], columns, rtol=1e-15)
    assert not root[:, 1:].any()


def test_a_matrix_with_a_negative_eigenvalue_has_no_root():
    with np.errstate(invalid="ignore"):
        assert np.isnan(lower_root(np.array([[1.0, 1.0, 0.0], [1.0, 0.99, 0.0], [0.0, 0.0, 1.0]])[..., None])).any()
    flat = Landscape.from_expression("0*x*y*z", "x y z")
    noise = fpsim.DiffusionField.from_expression([["1", "x", "0"], ["x", "1", "0"], ["0", "0", "1"]], "x y z")
    simulate(fpsim.SDE(flat, noise), [0.5, 0.0, 0.0], 0.001, 0.001, 4)
    with pytest.raises(DivergenceError, match="D or the drift is undefined there"):
        simulate(fpsim.SDE(flat, noise), [1.5, 0.0, 0.0], 0.001, 0.001, 4)


@pytest.mark.parametrize("given", [False, True])
def test_a_walk_in_the_plane_ends_where_its_tensor_has_no_root(given):
    """An eigenvalue of -0.1 beside 0.5 was taken for 0, and an escape time found."""
    place = Landscape.from_expression("0*x*y", "x y")
    noise = fpsim.DiffusionField.from_expression([["0.2", "0.3*x"], ["0.3*x", "0.2"]], "x y")
    if given:
        noise = fpsim.DiffusionField(
            lambda x: np.array([[0.2 + 0 * x[0], 0.3 * x[0]], [0.3 * x[0], 0.2 + 0 * x[0]]]), 2, "full"
        )
    simulate(fpsim.SDE(place, noise), [2 / 3, 0.0], 1e-9, 1e-9, 4)  # of rank one, where rounding may be negative
    with pytest.raises(DivergenceError, match="or D is not positive"):
        simulate(fpsim.SDE(place, noise), [1.0, 0.0], 0.001, 0.001, 4)


def dense(d):
    """A flat landscape, and D_ij = sin(x_i x_j)/(2 d) off a diagonal 1 + x_i^2/4."""
    x = [f"x{i}" for i in range(d)]
    entries = [[f"1 + {a}**2/4" if a == b else f"sin({a}*{b})/{2 * d}" for b in x] for a in x]
    names = " ".join(x)
    return fpsim.SDE(
        Landscape.from_expression(f"0*({'+'.join(x)})", names), fpsim.DiffusionField.from_expression(entries, names)
    )


@pytest.mark.parametrize("d", [3, 7])
def test_compiled_kicks_of_unit_vectors_make_up_the_tensor(d):
    sde, h = dense(d), 0.25
    compiled, width = compiled_step(sde, h, None, np.float64), 256
    x = np.random.default_rng(1).uniform(-2, 2, (d, width))
    columns = []
    for unit in np.eye(d):
        z, out = np.repeat(unit, width), np.empty(d * width)
        compiled.function(x.ravel(), z, compiled.data, out)
        columns.append(out.reshape(d, width) - x)
    covariance = np.einsum("ki...,kj...->ij...", columns, columns)
    np.testing.assert_allclose(covariance, 2 * h * sde.diffusion(x), rtol=0, atol=1e-14 * d)
    np.testing.assert_allclose(columns[1], numpy_step(sde, h, None)(x, np.eye(d)[:, 1:2] + 0 * x) - x, atol=1e-14)


def test_a_tensor_of_very_many_entries_runs_in_numpy():
    assert len(dense(10).symbolic.statements) <= LONGEST
    large = dense(15)
    assert large.symbolic is None
    assert simulate(large, [0.0] * 15, 0.02, 0.01, 4).settings["engine"] == "numpy"
