"""Networks with buffers: both ends of a slice have the losses that torch gives their checkpoints, or a sentence."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from torch import nn  # noqa: E402

from landscapes.examples.sampled import SampledLandscape  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

DRAWS = np.random.default_rng(0)
X = 3 * DRAWS.normal(size=(120, 6)) + 1
Y = (X[:, 0] * X[:, 1] > 1).astype(int)


class Drifting(nn.Module):
    """A layer of one's own with a buffer that training moves."""

    def __init__(self, width):
        super().__init__()
        self.register_buffer("centre", torch.zeros(width))

    def forward(self, x):
        if self.training:
            with torch.no_grad():
                self.centre.mul_(0.8).add_(0.2 * x.mean(dim=0))
        return x - self.centre


MIDDLE = {
    "batch": lambda: nn.BatchNorm1d(8),
    "instance": lambda: nn.Sequential(
        nn.Unflatten(1, (4, 2)), nn.InstanceNorm1d(4, affine=True, track_running_stats=True), nn.Flatten()
    ),
    "own": lambda: Drifting(8),
}


def trained(kind, seed):
    """A network after 60 steps, in evaluation mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(nn.Linear(6, 8), MIDDLE[kind](), nn.Tanh(), nn.Linear(8, 2))
        steps = torch.optim.Adam(network.parameters(), 3e-2)
        for n in range(60):
            chosen = torch.arange(120)[n % 3 :: 3]
            steps.zero_grad()
            outputs = network(torch.as_tensor(X[chosen], dtype=torch.float32))
            nn.functional.cross_entropy(outputs, torch.as_tensor(Y)[chosen]).backward()
            steps.step()
    return network.eval()


PAIRS = {kind: (trained(kind, 1), trained(kind, 2)) for kind in MIDDLE}


def by_torch(network):
    """The losses of all examples, as torch gives them."""
    import copy

    with torch.no_grad():
        outputs = copy.deepcopy(network).double()(torch.as_tensor(X))
        return nn.functional.cross_entropy(outputs, torch.as_tensor(Y), reduction="none").numpy()


def vector(network):
    return nn.utils.parameters_to_vector(network.parameters()).detach().numpy().astype(float)


@pytest.mark.parametrize("kind", MIDDLE)
def test_a_slice_between_checkpoints_has_their_losses_at_both_ends(kind):
    a, b = PAIRS[kind]
    place = NeuralLandscape(a, X, Y, weight_decay=0.05)  # so that the slice rises outward
    penalties = [0.025 * vector(network) @ vector(network) for network in (a, b)]
    for first in (a, a.state_dict(), place.initial):  # the landscape's own checkpoint is known as a vector too
        line = SampledLandscape.between(place, first, b, margin=0.25, count=25)
        # nodes 4 and 20 are the ends
        np.testing.assert_allclose(line.nodes[[4, 20]], [0, np.linalg.norm(vector(b) - vector(a))], atol=1e-12)
        np.testing.assert_allclose(line.values[:, 4] - penalties[0], by_torch(a), rtol=1e-10)
        np.testing.assert_allclose(line.values[:, 20] - penalties[1], by_torch(b), rtol=1e-10)
    assert "buffers interpolated" in str(line.name)
    assert "buffers interpolated" in line.facts["buffers"]
    back = SampledLandscape.between(place, b, a, margin=0.25, count=25)
    np.testing.assert_allclose(back.values[:, ::-1], line.values, rtol=1e-9)


def test_halfway_is_the_network_with_mean_parameters_means_and_geometric_variances():
    a, b = PAIRS["batch"]
    place = NeuralLandscape(a, X, Y)
    line = SampledLandscape.between(place, a, b, margin=0.25, count=25)
    middle = trained("batch", 1)
    with torch.no_grad():
        for one, two, mixed in zip(a.parameters(), b.parameters(), middle.parameters(), strict=True):
            mixed.copy_((one.double() + two.double()) / 2)
        middle = middle.double()
        for one, two, mixed in zip(a.parameters(), b.parameters(), middle.parameters(), strict=True):
            mixed.copy_((one.double() + two.double()) / 2)
        middle[1].running_mean.copy_((a[1].running_mean.double() + b[1].running_mean.double()) / 2)
        middle[1].running_var.copy_((a[1].running_var.double() * b[1].running_var.double()).sqrt())
    np.testing.assert_allclose(line.values[:, 12], by_torch(middle), rtol=1e-9)


@pytest.mark.parametrize("kind", MIDDLE)
def test_a_vector_comes_without_buffers(kind):
    a, b = PAIRS[kind]
    place = NeuralLandscape(a, X, Y)
    with pytest.raises(ValueError, match=r"comes without the buffers .* give both checkpoints as torch modules"):
        SampledLandscape.between(place, place.initial, vector(b))
    with pytest.raises(ValueError, match=r"buffer '1\..*' differs by .* from that of"):
        place.loss(b)
    with pytest.raises(ValueError, match=r"buffer '1\..*' differs by .* from that of"):
        place.parameters_of(b.state_dict())
    np.testing.assert_allclose(place.example_losses(a), by_torch(a), rtol=1e-10)


@pytest.mark.parametrize("kind", ["batch", "own"])  # the statistics of the other two networks are alike
def test_frozen_statistics_are_refused_where_they_are_not_those_of_the_data(kind):
    a, b = PAIRS[kind]
    place, stated = NeuralLandscape(a, X, Y), NeuralLandscape(a, X, Y, buffers="frozen")
    wrong = float(stated.loss(vector(b)))
    assert abs(wrong - by_torch(b).mean()) > 0.1 * by_torch(b).mean()  # the fault: a loss, and not that of b
    asked = ("loss", "gradient", "example_losses", "accuracy", "hessian", "example_gradients", "gradient_covariance")
    for what in asked:
        with pytest.raises(ValueError, match=r"the loss is .* with the buffers .* and .* with those of the data"):
            getattr(place, what)(vector(b))
    with pytest.raises(ValueError, match="they belong to another checkpoint"):
        place.weighted_gradient(vector(b), np.ones(120))
    near = place.initial + 1e-3 * (vector(b) - vector(a))
    np.testing.assert_allclose(place.loss(near), stated.loss(near), rtol=1e-12)
    assert "buffers frozen" in place.name


def test_what_cannot_be_interpolated_is_said():
    def spectral(seed):
        torch.manual_seed(seed)
        layer = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 4))
        network = nn.Sequential(layer, nn.Tanh(), nn.Linear(4, 2))
        for _ in range(30):
            network(torch.as_tensor(X, dtype=torch.float32))
        return network.eval()

    with torch.random.fork_rng(devices=[]):
        a, b = spectral(1), spectral(2)
    place = NeuralLandscape(a, X, Y)
    np.testing.assert_allclose(place.example_losses(place.initial), by_torch(a), rtol=1e-10)
    with pytest.raises(ValueError, match="spectral normalisation follows from the weights"):
        SampledLandscape.between(place, a, b)
    with pytest.raises(ValueError, match="they belong to another checkpoint"):
        place.loss(vector(b))
    with pytest.raises(ValueError, match=r"of another network: '.*' does not fit"):
        SampledLandscape.between(place, a, nn.Sequential(nn.Linear(6, 2)))
    with pytest.raises(ValueError, match="same parameters"):
        SampledLandscape.between(place, a, a)


def test_networks_without_buffers_need_no_choice():
    torch.manual_seed(3)
    a, b = (nn.Sequential(nn.Linear(6, 3), nn.Tanh(), nn.Linear(3, 2)) for _ in range(2))
    place = NeuralLandscape(a, X, Y)
    by_modules = SampledLandscape.between(place, a, b, count=25)
    by_vectors = SampledLandscape.between(place, vector(a), vector(b), count=25)
    np.testing.assert_allclose(by_modules.values, by_vectors.values, rtol=1e-9)
    beyond = vector(a) + (18 / 16 - 0.25) * (vector(b) - vector(a))
    np.testing.assert_allclose(by_modules.values[:, 18], place.example_losses(beyond), rtol=1e-9)
    assert place.loss(b) == pytest.approx(by_torch(b).mean(), rel=1e-10)
    assert "buffers" not in by_modules.name
