"""One function, other parameters: what stays to 1e-8, and the exact law by which the rest changes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from landscapes.networks.architectures import perceptron  # noqa: E402
from landscapes.networks.fisher import model_fisher, model_fisher_form  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402
from landscapes.networks.reparametrization import rescaling, sharpness, slices  # noqa: E402

CLOSE = {"rtol": 1e-8, "atol": 1e-11}


def landscape(activation="relu", weight_decay=0.0, loss="cross-entropy"):
    draws = np.random.default_rng(1)
    labels = draws.integers(0, 3, 40)
    return NeuralLandscape(
        perceptron([4, 5, 3], activation, seed=2), draws.normal(size=(40, 4)), labels, weight_decay=weight_decay,
        loss=loss,
    )  # fmt: skip


def point(land):
    return land.initial + 0.2 * np.random.default_rng(5).normal(size=land.dimension)


@pytest.mark.parametrize("factor", [0.1, 3.0, 40.0])
def test_law_of_change_and_invariants(factor):
    land = landscape(weight_decay=0.01)
    x = point(land)
    d = rescaling(land, x, "1", "3", factor)
    parts = slices(land)
    assert [d[parts[k]][0] for k in ("1.weight", "1.bias", "3.weight", "3.bias")] == [factor, factor, 1 / factor, 1]
    plain = landscape()  # the penalty is no part of the function
    np.testing.assert_allclose(plain.example_losses(d * x), plain.example_losses(x), **CLOSE)
    np.testing.assert_allclose(plain.example_gradients(d * x), plain.example_gradients(x) / d, **CLOSE)
    np.testing.assert_allclose(plain.hessian(d * x), plain.hessian(x) / np.outer(d, d), **CLOSE)
    np.testing.assert_allclose(plain.gradient_covariance(d * x), plain.gradient_covariance(x) / np.outer(d, d), **CLOSE)
    before, after = sharpness(land, x), sharpness(land, d * x)
    assert after.trace == pytest.approx(np.trace(plain.hessian(x) / np.outer(d, d)), rel=1e-8)
    assert after.top == pytest.approx(np.linalg.eigvalsh(plain.hessian(x) / np.outer(d, d))[-1], rel=1e-8)
    assert after.trace > 1.5 * before.trace
    assert list(after.invariant) == list(before.invariant) and len(after.invariant) == 5
    np.testing.assert_allclose(list(after.invariant.values()), list(before.invariant.values()), rtol=1e-8)


def test_measures_by_their_definitions():
    """Each written out in another way, with loops over parameters and neurons."""
    land = landscape()
    x = point(land)
    found, hessian = sharpness(land, x), land.hessian(x)
    assert found.relative_trace == pytest.approx(sum(v * v * h for v, h in zip(x, np.diag(hessian), strict=True)))
    assert found.relative_top == pytest.approx(np.linalg.eigvalsh(np.diag(x) @ hessian @ np.diag(x))[-1])
    assert set(found.relative_flatness) == {"1", "3"}
    for layer, (rows, columns) in (("1", (5, 4)), ("3", (3, 5))):
        part = slices(land)[f"{layer}.weight"]
        w, block, total = x[part].reshape(rows, columns), hessian[part, part], 0.0
        for s in range(rows):
            for t in range(rows):
                inner = block[s * columns : (s + 1) * columns, t * columns : (t + 1) * columns]
                total += w[s] @ w[t] * np.trace(inner)
        assert found.relative_flatness[layer] == pytest.approx(total, rel=1e-10)
    assert found.fisher_rao**2 == pytest.approx(x @ model_fisher(land, x) @ x, rel=1e-10)


def test_fisher_information_is_the_gauss_newton_matrix():
    """J^T (diag p - p p^T) J with the Jacobian J of the outputs: for cross entropy the two are one (Martens 2020)."""
    land = landscape("tanh")
    x, shapes = point(land), dict(land.network.named_parameters())

    def outputs(flat):
        pieces = torch.split(flat, [p.numel() for p in shapes.values()])
        parameters = {n: piece.view(p.shape) for (n, p), piece in zip(shapes.items(), pieces, strict=True)}
        return torch.func.functional_call(land.network, parameters, (land.inputs,))

    flat = torch.as_tensor(x)
    jacobian = torch.func.jacrev(outputs)(flat).detach().numpy()
    p = torch.softmax(outputs(flat), dim=1).detach().numpy()
    middle = np.einsum("mi,ij->mij", p, np.eye(3)) - np.einsum("mi,mj->mij", p, p)
    exact = np.einsum("mia,mij,mjb->ab", jacobian, middle, jacobian) / len(p)
    np.testing.assert_allclose(model_fisher(land, x), exact, rtol=1e-10, atol=1e-14)
    v = np.random.default_rng(0).normal(size=land.dimension)
    assert model_fisher_form(land, x, v) == pytest.approx(v @ exact @ v, rel=1e-10)


def test_uniform_stretch_and_learning_rate_are_one_thing():
    """Learning rate eta on L(x/k) walks k times the way of eta/k^2 on L."""
    from validation.sharpness.stretched_slice import stretched

    one, two = stretched(1.0), stretched(2.0)
    x, rate = np.array([0.3]), 0.7
    y = 2 * x
    for _ in range(50):
        x, y = x - rate * one.gradient(x[:, None])[:, 0], y - 4 * rate * two.gradient(y[:, None])[:, 0]
    np.testing.assert_allclose(y, 2 * x, rtol=1e-10)
    assert two.hessian(2 * x[:, None]) == pytest.approx(one.hessian(x[:, None]) / 4, rel=1e-9)


def test_refusals():
    smooth, land = landscape("tanh"), landscape()
    with pytest.raises(ValueError, match="positively homogeneous"):
        rescaling(smooth, point(smooth), "1", "3", 2.0)
    with pytest.raises(ValueError, match=r"no parameters '2\.weight'; it has 1\.weight, 1\.bias"):
        rescaling(land, point(land), "1", "2", 2.0)
    with pytest.raises(ValueError, match="positive number; got -1"):
        rescaling(land, point(land), "1", "3", -1)
    numbers = landscape(loss="squared")
    with pytest.raises(ValueError, match="squared loss"):
        model_fisher(numbers, point(numbers))
