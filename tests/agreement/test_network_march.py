"""Replicas that stay on their device: the eager steps, the recorded ones, and what a recording must not do.

The stand-in for a CUDA graph records operations of torch with the tensors that they touch.  A replay runs them again on
those very tensors, so that a step that binds a new tensor, or a number that it was recorded with, comes out wrong; what
a recording refuses on a GPU (asking the device for a number, or telling it one) is refused.
"""

import contextlib

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from torch.utils import _pytree  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from fpsim.networks import march, sgd  # noqa: E402
from fpsim.networks.advance import advance  # noqa: E402
from fpsim.networks.replicas import Replicas  # noqa: E402
from fpsim.networks.sgd import NetworkSGD  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

NOISES = ("with-replacement", "without-replacement", "reshuffled", "gaussian", "isotropic")
WAITS = ("aten._local_scalar_dense", "aten.lift_fresh", "aten.nonzero", "aten.equal", "aten.masked_select")


class Graph:
    """Operations, recorded and run again."""

    def __init__(self):
        self.done, self.replays = [], 0

    def replay(self):
        self.replays += 1
        with torch.no_grad():
            for function, arguments, named, found in self.done:
                again = _pytree.tree_leaves(function(*arguments, **named))
                for old, new in zip(_pytree.tree_leaves(found), again, strict=True):
                    if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                        old.copy_(new)


class Watching(TorchDispatchMode):
    """``set_sync_debug_mode("error")``."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if str(function).startswith(WAITS):
            raise RuntimeError(f"called a synchronizing operation: {function}\nand more")
        return function(*args, **(kwargs or {}))


class Recording(Watching):
    """As in torch, the stream of a recording that fails stays the current one."""

    def __init__(self, cuda, graph, stream):
        super().__init__()
        self.cuda, self.graph, self.before, cuda.now = cuda, graph, cuda.now, stream
        cuda.begun += 1

    def __exit__(self, kind, *rest):
        super().__exit__(kind, *rest)
        if kind is None:
            self.cuda.now = self.before

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = super().__torch_dispatch__(function, types, args, kwargs)
        self.graph.done.append((function, args, kwargs or {}, found))
        return found


class Cuda:
    """As much of ``torch.cuda`` as a recording takes, and who was asked."""

    def __init__(self):
        self.graphs, self.begun, self.now, self.watching = [], 0, Side("main"), None

    def graph(self, graph, stream):
        return Recording(self, graph, stream)

    def get_sync_debug_mode(self):
        return 2 if self.watching else 0

    def set_sync_debug_mode(self, mode):
        if mode == "error":
            self.watching = Watching()
            self.watching.__enter__()
        elif self.watching:
            self.watching = self.watching.__exit__(None, None, None)

    def CUDAGraph(self):
        self.graphs.append(Graph())
        return self.graphs[-1]

    def Stream(self):
        return Side("side")

    def current_stream(self):
        return self.now

    @contextlib.contextmanager
    def stream(self, stream):
        before, self.now = self.now, stream
        try:
            yield
        finally:
            self.now = before

    def device(self, device):
        return contextlib.nullcontext()


class Side(str):
    def wait_stream(self, other):
        assert other != self


@pytest.fixture
def cuda(monkeypatch):
    found = Cuda()
    monkeypatch.setattr(march, "cuda_of", lambda device: found)
    return found


def landscape(network=None, **settings):
    draws = np.random.default_rng(0)
    torch.manual_seed(0)
    plain = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.LayerNorm(3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
    inputs, labels = draws.normal(size=(9, 3)), np.arange(9) % 2
    return NeuralLandscape((network or plain).eval(), inputs, labels, weight_decay=0.1, **settings)


def walked(one, noise, rate=0.1, replicas=(4, 0, 2, 7), steps=37, begin=5, engine=None):
    chain = NetworkSGD(one, rate, 2, noise, one.initial) if isinstance(noise, str) else noise
    start = np.tile(one.initial, (len(replicas), 1))
    return advance(chain, engine or Replicas(one, "vmap"), start, replicas, begin, steps, seed=3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("noise", NOISES)
def test_a_recorded_step_is_the_step(noise, dtype, monkeypatch):
    one = landscape(dtype=dtype)
    x, lost = walked(one, noise)
    assert not lost.any() and np.abs(x - one.initial).min(axis=1).max() > 1e-4
    cuda = Cuda()
    monkeypatch.setattr(march, "cuda_of", lambda device: cuda)
    again, lost = walked(one, noise)
    np.testing.assert_array_equal(again, x)
    assert [graph.replays for graph in cuda.graphs] == [37] and not lost.any()


def test_a_recording_serves_as_long_as_it_fits(cuda):
    one = landscape()
    chain, engine = NetworkSGD(one, 0.1, 2, "gaussian", one.initial), Replicas(one, "vmap")
    alone = {r: walked(one, chain, replicas=[r])[0][0] for r in (1, 5, 8)}
    cuda.graphs.clear()
    for replicas in ((5, 8, 2, 1), (1, 5, 8), (8, 5)):
        found, _ = walked(one, chain, replicas=replicas, engine=engine)
        for r, x in zip(replicas, found, strict=True):
            if r in alone:
                np.testing.assert_allclose(x, alone[r], rtol=0, atol=1e-13)
    assert [graph.replays for graph in cuda.graphs] == [3 * 37]
    walked(one, chain, replicas=[1], engine=engine)  # too few for the room
    other = NetworkSGD(one, 0.2, 2, "gaussian", one.initial)
    walked(one, other, replicas=[1], engine=engine)
    assert [graph.replays for graph in cuda.graphs] == [3 * 37, 37, 37] and len(engine.kept) == 1


@pytest.mark.parametrize("recording", [False, True])
def test_lost_replicas_keep_their_place_and_iteration(recording, monkeypatch):
    """Against one replica at a time, with a step by the landscape's own gradient; most are lost, not all."""
    if recording:
        monkeypatch.setattr(march, "cuda_of", lambda device: Cuda())
    monkeypatch.setattr(sgd, "FAR", 3.0)
    monkeypatch.setattr(march, "FAR", 3.0)
    one, numbers = landscape(torch.nn.Linear(3, 1)), np.arange(12)
    chain = NetworkSGD(one, 1.85, 1, "with-replacement", one.initial)
    x, lost = walked(one, chain, replicas=numbers, begin=4, steps=75)
    for r in numbers:
        place, gone = np.array(one.initial), 0
        for n in range(4, 79):
            picks = sgd.drawn(chain, 3, np.array([r]), n, 1)[0][0, 0]
            moved = place - 1.85 * one.weighted_gradient(place, np.bincount(picks, minlength=9))
            if not np.all(np.abs(moved - chain.start) <= 3.0):
                gone = n + 1
                break
            place = moved
        assert lost[r] == gone
        np.testing.assert_allclose(x[r], place, rtol=0, atol=1e-9)
    first_block = (lost > 0) & (lost <= 4 + sgd.BLOCK)
    assert 6 < first_block.sum() < (lost > 0).sum() < 12  # so that the rest goes on alone


class Waits(torch.nn.Module):
    """A layer that asks the device for a number."""

    def forward(self, x):
        return x * float(torch.ones(1).sum())


@pytest.mark.parametrize("noticed", [True, False])
def test_what_cannot_be_recorded_goes_on_without(noticed, cuda, monkeypatch):
    """A recording that would fail is not begun, if that is noticed before; if not, the stream is the old one again."""
    if not noticed:
        monkeypatch.setattr(Cuda, "set_sync_debug_mode", lambda self, mode: None)
    one = landscape(torch.nn.Sequential(torch.nn.Linear(3, 2), Waits()))
    with pytest.warns(UserWarning, match=r"cannot be recorded \(called a synchronizing .*\): its steps run"):
        x, _ = walked(one, "with-replacement", steps=9)
    assert cuda.graphs[0].replays == 0 and np.abs(x - one.initial).max() > 1e-3
    assert cuda.begun == (not noticed) and cuda.now == "main" and cuda.watching is None


def test_blocks_are_shorter_where_more_is_drawn(monkeypatch):
    one = landscape()
    chain = NetworkSGD(one, 0.1, 2, "isotropic", one.initial)
    assert sgd.block_of(chain, 10) == sgd.BLOCK
    x, _ = walked(one, chain)
    monkeypatch.setattr(sgd, "MOST_DRAWN", 8 * 4 * (9 + one.dimension))
    assert [sgd.block_of(chain, r) for r in (2, 4, 1000)] == [16, 8, 4]
    np.testing.assert_array_equal(walked(one, chain)[0], x)
