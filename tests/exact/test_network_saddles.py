"""The saddle of a network between two of its minima, from gradients and products with the Hessian, in closed form.

One hidden unit v tanh(w.x + b) + c with squared error and weight decay l: (w, b, v) and -(w, b, v) are one network.
Between them lies the one that does nothing. For odd data its only slope is s = mean(y x) between w and v, so that its
curvatures are l - |s|, l (three times), l + |s| and 1 + l, and its loss is mean(y^2) / 2.
"""

import numpy as np
import pytest
from scipy.optimize import minimize

import fpsim
from fpsim.valleys import curvature

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

DECAY = 0.1
HALF = np.random.default_rng(4).standard_normal((4, 3))
INPUTS = np.concatenate([HALF, -HALF])
LABELS = np.tanh(INPUTS @ [0.6, -0.5, 0.3])


@pytest.fixture(scope="module")
def landscape():
    layers = torch.nn.Linear(3, 1), torch.nn.Tanh(), torch.nn.Linear(1, 1)
    return NeuralLandscape(torch.nn.Sequential(*layers).double(), INPUTS, LABELS, "squared", DECAY)


def check(found):
    s = np.linalg.norm(LABELS @ INPUTS / len(LABELS))
    np.testing.assert_allclose(found.x, 0, atol=1e-9)
    assert found.loss == pytest.approx(np.mean(LABELS**2) / 2, abs=1e-12)
    assert abs(found.curvature - (DECAY - s)) <= found.eigenvalue_error < 1e-7
    np.testing.assert_allclose(found.eigenvalues[1:4], DECAY, atol=found.eigenvalue_error)
    one, two = found.minima
    np.testing.assert_allclose(one.x[:5], -two.x[:5], atol=1e-8)
    assert one.loss == pytest.approx(two.loss, abs=1e-12)


def test_network_that_does_nothing_is_the_saddle(landscape, monkeypatch):
    monkeypatch.setattr(curvature, "DENSE", 0)
    monkeypatch.setattr(NeuralLandscape, "hessian", lambda self, x: pytest.fail("a matrix was formed"))
    check(fpsim.saddle(landscape, [0.3, -0.2, 0.1, 0.0, 0.4, 0.05]))


def test_path_from_a_network_to_its_mirror_image(landscape):
    slope = {"jac": landscape.gradient, "method": "BFGS", "options": {"gtol": 1e-8}}
    one = minimize(lambda x: float(landscape.loss(x)), [0.3, -0.2, 0.1, 0.0, 0.4, 0.05], **slope)
    path = fpsim.string(landscape, one.x, one.x * [-1, -1, -1, -1, -1, 1], images=5, points=9, tolerance=1e-2)
    check(path.highest)
    assert path.barrier == pytest.approx(np.mean(LABELS**2) / 2 - one.fun, abs=1e-8)
    assert path.loss.max() == pytest.approx(path.highest.loss, abs=1e-8)
