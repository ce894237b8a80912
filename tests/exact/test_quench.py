"""Quenches on a loss whose basins are known, and the Chebyshev steps against the flow itself.

    L(u, v) = (1/m) sum_j (u v z_j - y_j)^2/2 + c (u^2 + v^2)/2

has its minima at u = v = +-b, and gradient flow keeps the sign of u + v: the line u + v = 0 parts the two basins.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from fpsim.networks.quench import ELSEWHERE, RETURNED, UNDECIDED, Basin, calibrate, chebyshev_step, quench  # noqa: E402
from fpsim.networks.replicas import Replicas  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

DECAY = 0.2


def two_layers(dtype="float64"):
    z, y = np.array([[1.0], [2.0], [-1.0]]), np.array([1.2, 1.9, -0.8])
    network = torch.nn.Sequential(torch.nn.Linear(1, 1, bias=False), torch.nn.Linear(1, 1, bias=False))
    return NeuralLandscape(network, z, y, loss="squared", weight_decay=DECAY, dtype=dtype)


def minimum():
    """u v = (mean(z y) - c)/mean(z^2)."""
    b = np.sqrt((np.mean([1.2, 3.8, 0.8]) - DECAY) / 2)
    return np.array([b, b])


def linear(curvatures):
    """A quadratic loss: one output, inputs with second moments `curvatures`."""
    d = len(curvatures)
    network = torch.nn.Linear(d, 1, bias=False)
    return NeuralLandscape(network, np.diag(np.sqrt(d * np.asarray(curvatures))), np.zeros(d), loss="squared")


def test_the_basin_is_what_it_is_known_to_be():
    one, a = two_layers(), minimum()
    engine = Replicas(one)
    np.testing.assert_allclose(one.gradient(a), 0, atol=1e-12)
    basin = calibrate(engine, one, a, seed=1)
    np.testing.assert_allclose(basin.curvatures, np.linalg.eigvalsh(one.hessian(a)), rtol=1e-8)
    assert 0 < basin.radius < np.sqrt(2) * a[0]  # the distance of the line u + v = 0
    grid = np.random.default_rng(2).uniform(-2.5, 2.5, (400, 2))
    grid = grid[np.abs(grid.sum(axis=1)) > 1e-3]
    found = quench(engine, basin, grid)
    assert not found.count(UNDECIDED)
    np.testing.assert_array_equal(found.outcome == RETURNED, grid.sum(axis=1) > 0)
    np.testing.assert_array_equal(found.outcome == ELSEWHERE, grid.sum(axis=1) < 0)


def test_single_precision_and_the_saddle():
    one, a = two_layers("float32"), minimum()
    basin = Basin(a, float(two_layers().loss(a)), 0.0, (0.4, 4.0), 0.2)
    found = quench(Replicas(one), basin, [[2.0, -1.0], [0.5, -0.6], [0.0, 0.0]])
    # the flow stays at the saddle (0, 0), which is away from a
    assert list(found.outcome) == [RETURNED, ELSEWHERE, ELSEWHERE]
    np.testing.assert_allclose(found.places[2], 0)
    few = quench(Replicas(one), basin, [[2.0, -1.0], [0.5, -0.6]], most=1)
    assert list(few.outcome) == [UNDECIDED] * 2
    assert str(few) == "0 returned, 0 elsewhere, 2 undecided"


def test_a_loss_below_that_of_the_minimum_never_returns():
    one, a = two_layers(), minimum()
    higher = Basin(a, float(one.loss(a)) + 0.1, 0.0, (0.4, 4.0), 1e-6)
    found = quench(Replicas(one), higher, [a + np.array([0.2, 0.1])])
    assert list(found.outcome) == [ELSEWHERE]


def test_chebyshev_steps_follow_the_flow_to_first_order():
    curvatures = np.array([0.3, 1.0, 2.0])
    engine, x = Replicas(linear(curvatures)), np.array([[1.0, -2.0, 0.5]])
    errors = []
    for steps in (40, 80, 160):
        y = x.copy()
        for _ in range(steps):
            y = chebyshev_step(engine, y, engine.gradients(y), np.array([2.0 / steps]))
        errors.append(np.abs(y - x * np.exp(-2.0 * curvatures)).max())
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(rates - 1) < 0.05), rates


@pytest.mark.parametrize("stages", [2, 5, 8])
def test_chebyshev_steps_are_stable_as_far_as_they_should_be(stages):
    """|R(z)| <= 1 - damping/3 on the inside of [-1.93 s^2, 0], and > 1 beyond 2 s^2."""
    scale = np.linspace(0.3, 1.9, 12) * stages**2
    x = np.ones((1, 12))
    engine = Replicas(linear(scale))
    inside = chebyshev_step(engine, x, engine.gradients(x), np.ones(1), stages)
    assert np.abs(inside).max() < 1 - 0.05 / 3
    engine = Replicas(linear(np.array([2.05, 2.2]) * stages**2))
    outside = chebyshev_step(engine, x[:, :2], engine.gradients(x[:, :2]), np.ones(1), stages)
    assert np.abs(outside).min() > 1


def test_what_is_refused():
    one = two_layers()
    with pytest.raises(ValueError, match="lowest curvature"):
        calibrate(Replicas(one), one, [0.0, 0.0])
    basin = Basin(minimum(), 0.0, 0.0, (0.4, 4.0), 0.2)
    with pytest.raises(ValueError, match="finite"):
        quench(Replicas(one), basin, [[np.nan, 0.0]])
