"""The text of a network's gradient, run as it stands, against torch's derivatives."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from landscapes import NeuralLandscape  # noqa: E402
from landscapes.networks import architectures as networks  # noqa: E402
from landscapes.networks.network_code import UnknownLayerError, network_code  # noqa: E402
from landscapes.networks.torch_extra import nn  # noqa: E402

DRAWS = np.random.default_rng(0)
SIDE, EXAMPLES = 6, 5
WORDS = {"math": math, "local": np.zeros, "tanh": math.tanh, "logistic": lambda u: 1 / (1 + math.exp(-u))}


def stepped(*layers):
    torch.manual_seed(2)
    return nn.Sequential(*layers).eval()


def residual(blocks, width, activation):
    torch.manual_seed(1)
    return networks.ResNet(blocks, width, 3, 1, "3x3", "none", activation).eval()


NETWORKS = {
    "one block": residual([1], 1, "tanh"),
    "two stages, stride and shortcut": residual([1, 1], 2, "gelu"),
    "strides in the middle": stepped(
        nn.Conv2d(1, 2, 4, 2, 1), nn.SiLU(), nn.Conv2d(2, 3, 2, 2, 0, bias=False), nn.Softplus(), nn.Flatten(),
        nn.Linear(3, 3),
    ),
    "no padding": stepped(nn.Tanh(), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 1, 2), nn.Flatten(), nn.Linear(9, 2)),
    "perceptron": networks.perceptron([SIDE**2, 3, 3]),
}  # fmt: skip


def landscape(name, **settings):
    images = DRAWS.normal(size=(EXAMPLES, SIDE, SIDE))
    labels = DRAWS.normal(size=(EXAMPLES, 3)) if "loss" in settings else DRAWS.integers(0, 2, EXAMPLES)
    return NeuralLandscape(NETWORKS[name], images, labels, weight_decay=0.1, **settings)


def by_text(place, x, picks, group, wanted=None):
    """Gradients (d, n) of the picked examples at x (d, n)."""
    code = network_code(place, len(picks), group)
    space = dict(WORDS)
    exec(code.source, space)
    out = np.full(x.shape, np.nan)
    out[0] = 1.0 if wanted is None else wanted
    space["block"](x.ravel(), code.table[:, picks].ravel(), code.data, out.ravel())
    return out


@pytest.mark.parametrize("name", NETWORKS)
def test_lanes_are_torch_s(name):
    place = landscape(name)
    for lanes, group in ((1, 1), (4, 2)):
        x = place.initial[:, None] + 0.3 * DRAWS.normal(size=(place.dimension, lanes))
        picks = DRAWS.integers(0, EXAMPLES, lanes)
        np.testing.assert_allclose(
            by_text(place, x, picks, group), place.batch_gradients(x, picks[None]), rtol=0, atol=1e-13
        )


def test_squared_loss():
    place = landscape("perceptron", loss="squared")
    x = place.initial[:, None] + 0.3 * DRAWS.normal(size=(place.dimension, 2))
    picks = np.array([4, 1])
    np.testing.assert_allclose(by_text(place, x, picks, 2), place.batch_gradients(x, picks[None]), rtol=0, atol=1e-13)


def test_groups_that_nobody_wants_are_left_out():
    place = landscape("perceptron")
    x, picks = place.initial[:, None] + 0.3 * DRAWS.normal(size=(place.dimension, 4)), np.arange(4)
    found = by_text(place, x, picks, 2, wanted=[0, 1, 0, 0])
    np.testing.assert_allclose(found[:, :2], place.batch_gradients(x, picks[None])[:, :2], rtol=0, atol=1e-13)
    assert not found[:, 2:].any()


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ((nn.Flatten(), nn.Linear(36, 4), nn.LayerNorm(4), nn.Linear(4, 2)), "'2', a LayerNorm, is not written out"),
        ((nn.Conv2d(1, 2, 3, groups=1, dilation=2), nn.Flatten(), nn.Linear(8, 2)), "dilation"),
        ((nn.Flatten(), nn.Linear(36, 7000), nn.Tanh(), nn.Linear(7000, 2)), "266000 products .* for a library"),
    ],
)
def test_what_is_not_written_out(layers, words):
    place = NeuralLandscape(stepped(*layers), DRAWS.normal(size=(2, SIDE, SIDE)), [0, 1])
    with pytest.raises(UnknownLayerError, match=words):
        network_code(place)


def test_frozen_parameters():
    network = networks.perceptron([36, 3, 2])
    network[1].weight.requires_grad_(False)
    with pytest.raises(UnknownLayerError, match="parameters of the layer '1' are frozen"):
        network_code(NeuralLandscape(network, DRAWS.normal(size=(2, SIDE, SIDE)), [0, 1]))
