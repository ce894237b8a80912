"""`from_torch` and `slice_between`: a network of one's own in two calls, and one sentence for whatever is wrong."""

import numpy as np
import pytest

import landscapes

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from torch import nn  # noqa: E402

X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
DECAY = 0.02


def network(seed, training=False):
    """Two layers with running statistics and dropout, after some steps."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = nn.Sequential(nn.Linear(2, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 2))
        steps = torch.optim.Adam(made.parameters(), 0.05)
        for _ in range(40):
            steps.zero_grad()
            nn.functional.cross_entropy(made(torch.tensor(X).float()), torch.tensor(Y)).backward()
            steps.step()
    return made.train(training)


@pytest.fixture(scope="module")
def pair():
    return network(1), network(2)


@pytest.fixture(scope="module")
def place(pair):
    return landscapes.from_torch(pair[0], X, Y, loss=nn.CrossEntropyLoss(), weight_decay=DECAY)


def loss_by_torch(model):
    """Cross entropy in evaluation mode and weight decay, without fpsim."""
    own = {key: value.double() for key, value in model.state_dict().items()}
    with torch.no_grad():
        out = torch.func.functional_call(model.double().eval(), own, torch.tensor(X))
        decay = sum(float((p**2).sum()) for p in model.parameters())
        return float(nn.functional.cross_entropy(out, torch.tensor(Y))) + DECAY / 2 * decay


def test_the_loss_is_torchs_own_and_so_are_both_ends_of_the_slice(pair, place):
    assert place.loss(place.initial) == pytest.approx(loss_by_torch(network(1)), rel=1e-6)
    line = landscapes.slice_between(place, *pair, count=65)
    far = line.nodes[0] + 1.25 / 1.5 * (line.nodes[-1] - line.nodes[0])
    ends = [float(line.loss(np.array([x]))) for x in (0.0, far)]
    assert ends == pytest.approx([loss_by_torch(network(seed)) for seed in (1, 2)], rel=1e-4)
    assert "running" in line.name or "buffers" in line.facts
    told = []
    again = landscapes.slice_between(place, pair[0].state_dict(), pair[1].state_dict(), count=65, progress=told.append)
    assert np.array_equal(again.values, line.values) and told[-1] == 1.0


@pytest.mark.parametrize("loss", ["cross-entropy", nn.functional.cross_entropy, nn.CrossEntropyLoss()])
def test_torchs_own_cross_entropy_is_the_word(loss, pair):
    assert landscapes.from_torch(pair[0], X, Y, loss=loss).kind == "cross-entropy"


OTHERS = [
    nn.CrossEntropyLoss(label_smoothing=0.1), nn.CrossEntropyLoss(reduction="sum"), nn.MSELoss(), nn.L1Loss(),
    nn.CrossEntropyLoss(weight=torch.ones(2)), nn.functional.mse_loss, nn.functional.nll_loss, "mse", None, 3,
]  # fmt: skip


@pytest.mark.parametrize("loss", OTHERS, ids=lambda loss: getattr(loss, "__name__", str(loss)))
def test_other_losses_are_refused(loss, pair):
    with pytest.raises(ValueError, match=r"squared|plain mean"):
        landscapes.from_torch(pair[0], X, Y, loss=loss)


WRONG = {
    "training": (lambda: landscapes.from_torch(network(1, True), X, Y), r"eval\(\)"),
    "no module": (lambda: landscapes.from_torch(np.tanh, X, Y), "is a torch.nn.Module; got"),
    "no labels": (lambda: landscapes.from_torch(network(1), X, Y[:5]), "inputs have shape"),
    "labels out of range": (lambda: landscapes.from_torch(network(1), X, Y + 5), "class|label"),
    "holes": (lambda: landscapes.from_torch(network(1), X * np.nan, Y), "not finite"),
    "wrong width": (lambda: landscapes.from_torch(network(1), X[:, :1], Y), "takes|accept|shape"),
}


@pytest.mark.parametrize(("call", "words"), WRONG.values(), ids=WRONG)
def test_wrong_networks_and_data_are_refused_in_a_sentence(call, words):
    with pytest.raises((ValueError, TypeError), match=words) as told:
        call()
    assert "\n" not in str(told.value)


def test_wrong_ends_of_a_slice_are_refused_in_a_sentence(pair, place):
    other, vector = nn.Linear(2, 2), nn.utils.parameters_to_vector(pair[1].parameters()).detach().numpy()
    bad = {
        "another network": lambda: landscapes.slice_between(place, pair[0], other),
        "the same twice": lambda: landscapes.slice_between(place, pair[0], pair[0]),
        "without statistics": lambda: landscapes.slice_between(place, pair[0], vector),
        "a path": lambda: landscapes.slice_between(place, "a.pt", "b.pt"),
        "nothing": lambda: landscapes.slice_between(place, None, pair[1]),
        "no landscape": lambda: landscapes.slice_between(pair[0], pair[0], pair[1]),
        "a formula": lambda: landscapes.slice_between(landscapes.DoubleWell(), [-1.0], [1.0]),
        "few nodes": lambda: landscapes.slice_between(place, *pair, count=3),
        "half a node": lambda: landscapes.slice_between(place, *pair, count=9.5),
        "backwards": lambda: landscapes.slice_between(place, *pair, count=33, margin=-2.0),
        "no margin at all": lambda: landscapes.slice_between(place, *pair, count=33, margin=float("nan")),
    }
    for name, call in bad.items():
        with pytest.raises((ValueError, TypeError)) as told:
            call()
        text = str(told.value)
        assert len(text) > 30 and "\n" not in text and " " in text, (name, text)
        assert not any(word in text for word in ("NoneType", "attribute", "argument", "interpreted")), (name, text)
