"""``device=`` of networks, without a second device: torch's fake tensors know where they would be, and refuse to mix.

The device is torch's place for new ones (PrivateUse1), with guards written in Python.  Fakes hold no numbers; what they
show is that every tensor is made on the landscape's device and every result comes back from it.  `test_torch_devices`
runs them in a process of their own, since torch counts devices once, before its first gradient.
"""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")

from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend  # noqa: E402

from fpsim.networks.march import March  # noqa: E402
from fpsim.networks.replicas import Replicas  # noqa: E402
from fpsim.networks.sgd import NetworkSGD, drawn  # noqa: E402
from landscapes.networks.admission import convolve_in  # noqa: E402
from landscapes.networks.architectures import ResNet  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402
from validation.gradient_noise.network import DigitNetwork  # noqa: E402

DEVICE = "fakegpu"
_setup_privateuseone_for_python_backend(DEVICE)
EXAMPLES = 4


def there(tensor):
    """A fake of the same shape on the other device."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=DEVICE)


def put_there(place):
    """A landscape, or the digits' network, whose numbers are there."""
    for part in place.network.modules():
        for name, weight in part._parameters.items():
            if weight is not None:
                part._parameters[name] = torch.nn.Parameter(there(weight))
    place.__dict__.update(inputs=there(place.inputs), labels=there(place.labels))


@pytest.fixture
def arrays(monkeypatch):
    """The shapes of the fakes that became arrays, of zeros, which only what is on the host may."""
    found = []

    def numpy(tensor):
        assert tensor.device.type == "cpu", "this is not on the host"
        found.append(tuple(tensor.shape))
        return np.zeros(tensor.shape)

    monkeypatch.setattr(FakeTensor, "numpy", numpy)
    return found


class OnlyThere(TorchDispatchMode):
    """No operation takes or makes a tensor on the host: what a recording of a CUDA graph asks for."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, found)) if isinstance(leaf, torch.Tensor)]
        assert {tensor.device.type for tensor in tensors} == {DEVICE}, function
        return found


def landscape():
    images, labels = np.random.default_rng(0).normal(size=(EXAMPLES, 3, 3)), np.arange(EXAMPLES) % 2
    network = ResNet([1], 1, 2, 1, "3x3", "none", "tanh").eval()
    return NeuralLandscape(network, images, labels, weight_decay=0.1, chunk=2)


def questions(place, x):
    """Everything that is asked of a landscape in torch, and the shape of the answer."""
    d, m, two = len(x), EXAMPLES, np.stack([x, x + 1], axis=1)
    picks, both = np.zeros((2, 2), dtype=int), np.ones((2, 2))
    yield lambda: place.initial, (d,)
    yield lambda: place.loss(two), (2,)
    yield lambda: place.gradient(two), (d, 2)
    yield lambda: place.hessian(x), (d, d)
    yield lambda: place.example_losses(two), (m, 2)
    yield lambda: place.example_gradients(two), (m, d, 2)
    yield lambda: place.gradient_covariance(x), (d, d)
    yield lambda: place.weighted_gradient(x, np.ones(m)), (d,)
    yield lambda: place.batch_gradients(two, picks), (d, 2)
    yield lambda: place.weighted_products(two, np.ones((m, 2)), two), (d, 2)
    yield lambda: place.slopes(x, x), (m,)
    yield lambda: place.hessian_vector(x, x), (d,)
    yield lambda: place.hessian_operator(x) @ x, (d,)
    yield lambda: place.covariance_operator(x) @ x, (d,)
    for engine in ("grouped", "vmap"):
        many = Replicas(place, engine)
        yield lambda many=many: many.weighted_gradients(two.T, picks, both), (2, d)
        yield lambda many=many: many.combined_gradients(two.T, np.ones((2, m))), (2, d)
        yield lambda many=many: many.losses_and_gradients(two.T)[1], (2, d)
        yield lambda many=many: many.losses(two.T), (2,)


def test_a_landscape_computes_on_its_device_and_answers_with_arrays(arrays):
    place = landscape()
    x = place.initial
    with FakeTensorMode():
        put_there(place)
        for ask, shape in questions(place, x):
            arrays.clear()
            found = ask()
            assert isinstance(found, np.ndarray) and found.dtype == np.float64 and found.shape == shape and arrays


def test_vectors_of_lanczos_method_stay_there(arrays):
    place = landscape()
    x = place.initial
    with FakeTensorMode():
        put_there(place)
        for operator in (place.hessian_operator(x), place.covariance_operator(x)):
            products = operator.products
            found = products.of_tensor(products.tensor(x))
            assert not products.on_host and not arrays
            assert found.device.type == DEVICE and found.shape == x.shape and found.dtype == torch.float64


@pytest.mark.parametrize("noise", ["with-replacement", "gaussian", "isotropic"])
@pytest.mark.parametrize("engine", ["grouped", "vmap"])
def test_replicas_walk_on_their_device_until_they_are_asked_for(engine, noise, arrays):
    place = landscape()
    x = np.stack([place.initial] * 2)
    sgd = NetworkSGD(place, 0.1, 2, noise, x[0])
    draws = drawn(sgd, 1, np.arange(2), 0, 5)
    with FakeTensorMode():
        put_there(place)
        march = March(sgd, Replicas(place, engine), 2)
        march.put(x, 0)
        march.walk(draws)
        with OnlyThere():
            march.step()
        assert not arrays and march.x.device.type == march.lost.device.type == DEVICE
        march.found(2)
        assert arrays == [x.shape, (2,)]


def test_what_lies_elsewhere_is_refused():
    """The test of the tests: a landscape with numbers on two devices fails."""
    place = landscape()
    x = place.initial
    with FakeTensorMode() as mode:
        put_there(place)
        place.__dict__.update(inputs=mode.from_tensor(torch.ones(1)).double().expand(place.inputs.shape))
        with pytest.raises(RuntimeError, match="same device"):
            place.hessian_vector(x, x)


def test_the_study_of_gradient_noise_computes_on_its_device(arrays):
    digits = DigitNetwork(width=2, examples=20, seed=0)
    d = len(digits.parameters)
    with FakeTensorMode():
        put_there(digits)
        digits.weights = list(digits.network.parameters())
        digits.load(np.zeros(d, dtype=np.float32))
        assert digits.gradient(np.arange(6)).shape == digits.full_gradient().shape == (d,)
        digits.train(steps=1, learning_rate=0.1, momentum=0.9, batch_size=4, seed=1)
    assert arrays and all(shape == (d,) for shape in arrays)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_told_in_one_sentence():
    images, labels = np.ones((2, 3, 3)), np.arange(2)
    network = ResNet([1], 1, 2, 1, "3x3", "none", "tanh").eval()
    for make in (
        lambda: NeuralLandscape(network, images, labels, device="cuda"),
        lambda: DigitNetwork(width=2, examples=20, seed=0, device="cuda"),
    ):
        with pytest.raises(
            ValueError, match=r"torch cannot compute in .* on the device 'cuda': .*; use device='cpu'"
        ) as e:
            make()
        assert "\n" not in str(e.value)


def test_single_precision_on_a_gpu_is_all_of_it(recwarn):
    """torch's own default there rounds what a convolution multiplies to 11 bits."""
    kinds = torch.backends.cudnn.conv, torch.backends.cudnn.rnn
    before = [kind.fp32_precision for kind in kinds]
    try:
        for kind in kinds:
            kind.fp32_precision = "tf32"
        for dtype, device in (("float64", "cuda"), ("float32", "cpu")):
            convolve_in(dtype, device)
            assert [kind.fp32_precision for kind in kinds] == ["tf32", "tf32"] and not recwarn
        with pytest.warns(UserWarning, match="float32 on a GPU: .* keep all 24 bits"):
            convolve_in("float32", "cuda:1")
        convolve_in("float32", "cuda:1")
        assert [kind.fp32_precision for kind in kinds] == ["ieee", "ieee"] and not recwarn
    finally:
        for kind, precision in zip(kinds, before, strict=True):
            kind.fp32_precision = precision
