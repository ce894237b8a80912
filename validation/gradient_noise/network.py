"""ResNet-18 on MNIST digits, and the gradients of its mini-batches, as fast as torch gives them.

    g(batch) = (1/S) sum over the batch of grad l_j,        l_j the cross entropy of image j

Parameters and gradients are flat float32 arrays in the order of ``network.parameters()``, as in
`landscapes.networks.landscape.NeuralLandscape`, which computes the same in general and with checks; eleven million
coordinates and thousands of batches call for no copy more than needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.paths.threads import thread_count
from landscapes.networks.admission import require_device
from landscapes.networks.architectures import resnet
from landscapes.networks.images import mnist
from landscapes.networks.torch_extra import nn, torch

Vector = NDArray[np.float32]
CHUNK = 256
"""Images that go through the network at a time, where only a mean over many is wanted."""


@contextmanager
def threads_of_torch(threads: int | None) -> Iterator[None]:
    """Let torch use ``threads`` threads (all cores if None); other numbers of threads round differently."""
    before = torch.get_num_threads()
    torch.set_num_threads(thread_count(threads))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class DigitNetwork:
    """ResNet-18 with a 7 x 7 stem and group normalisation (so that every image has a loss of its own) and MNIST images.

    Args:
        width: channels of the first stage; 64 in the literature.
        examples: number m of images, as many of every digit as possible.
        seed: of the initial parameters and of the choice of images.
        device: torch's name of one; results are arrays on the host.

    Raises:
        ValueError: for a device that is not there.
    """

    def __init__(self, width: int, examples: int, seed: int, device: str = "cpu") -> None:
        require_device(device, torch.float32)
        images = mnist().subset(examples, seed).standardized()
        self.inputs = torch.as_tensor(images.images[:, None], dtype=torch.float32, device=device)
        self.labels = torch.as_tensor(images.labels, device=device)
        self.network = resnet(18, width, stem="7x7", normalization="group", activation="relu", seed=seed).to(device)
        self.weights = list(self.network.parameters())

    @property
    def parameters(self) -> Vector:
        """The parameters, shape (d,)."""
        return _array(nn.utils.parameters_to_vector(self.weights))

    def load(self, parameters: Vector) -> None:
        """Set the parameters."""
        nn.utils.vector_to_parameters(self._tensor(parameters), self.weights)

    def gradient(self, chosen: NDArray[np.int64]) -> Vector:
        """The gradient (d,) of the mean loss of some images, repetitions allowed."""
        return _array(torch.cat([part.reshape(-1) for part in self._gradient(chosen)]))

    def full_gradient(self) -> NDArray[np.float64]:
        """The gradient (d,) of the mean loss of all images."""
        parts = np.array_split(np.arange(len(self.labels)), -(-len(self.labels) // CHUNK))
        total = np.zeros(sum(w.numel() for w in self.weights))
        for part in parts:
            total += len(part) / len(self.labels) * self.gradient(part)
        return total

    def train(self, steps: int, learning_rate: float, momentum: float, batch_size: int, seed: int) -> None:
        """SGD with momentum on batches drawn with replacement: v <- momentum v + g, x <- x - learning_rate v.

        Raises:
            ValueError: if the parameters leave the finite numbers.
        """
        draws = np.random.Generator(np.random.Philox([seed, 5]))
        velocities = [torch.zeros_like(weight) for weight in self.weights]
        for _ in range(steps):
            found = self._gradient(draws.integers(0, len(self.labels), batch_size))
            with torch.no_grad():  # torch.optim does the same, but takes seconds to import
                for weight, velocity, gradient in zip(self.weights, velocities, found, strict=True):
                    velocity.mul_(momentum).add_(gradient)
                    weight.add_(velocity, alpha=-learning_rate)
        if not np.isfinite(self.parameters).all():
            raise ValueError(f"training diverged within {steps} steps; reduce the learning rate {learning_rate:g}")

    def loss_and_accuracy(self) -> tuple[float, float]:
        """The mean loss of all images and the share that is classified as labelled."""
        with torch.no_grad():
            out = torch.cat([self.network(part) for part in self.inputs.split(CHUNK)]).double()
        loss = float(nn.functional.cross_entropy(out, self.labels))
        return loss, float((out.argmax(dim=1) == self.labels).double().mean())

    def _gradient(self, chosen: NDArray[np.int64]) -> Any:
        rows = self._tensor(chosen)
        loss = nn.functional.cross_entropy(self.network(self.inputs[rows]), self.labels[rows])
        return torch.autograd.grad(loss, self.weights)

    def _tensor(self, values: NDArray[Any]) -> Any:
        """A copy on the network's device: training writes into it."""
        return torch.tensor(values, device=self.inputs.device)


def _array(tensor: Any) -> Vector:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float32)
