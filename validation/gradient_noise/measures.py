"""Is SGD's gradient noise Gaussian?  ResNet-18 on MNIST digits, at fixed parameters, the full gradient subtracted.

    u = g(batch of S) - g,      E |u|^2 = tr C1 / S,      excess kurtosis of u_i = (that of one example's) / S

Two histograms are asked about: across the *parameters* of one gradient, and across *batches* (Simsekli, Sagun,
Gurbuzbalaban, ICML 2019, read a heavy-tailed law from the first; Xie, Sato, Sugiyama, ICLR 2021, answer with the
second).  Both are measured beside what Gaussian noise with the same variances gives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from validation.gradient_noise.batches import block, joined
from validation.gradient_noise.dataset import collected
from validation.gradient_noise.population import Population, examined
from validation.study.findings import Findings

if TYPE_CHECKING:
    import xarray

    from fpsim.statistics import NoiseRecord
    from validation.gradient_noise.network import DigitNetwork
    from validation.study.run import Run

STATES = ("initial", "trained")
SIZES = (16, 32, 64, 128, 256, 512)
HARDWARE = ("threads", "device")
"""Fields of a size that change rounding only."""


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        width: of the ResNet-18; 64 makes 11 175 370 parameters.
        examples: images in the data set.
        sizes: batch sizes.
        batches: how many batches of every size.
        block: of them in one piece.
        steps, learning_rate, momentum, training_batch: of the training.
        coordinates, watched, sketch: of `fpsim.statistics.Probe`.
        threads: of torch unless the run says otherwise; a small network gains nothing from more than one, and another
            number rounds differently.
        device: torch's name of one, such as ``"cuda"``; another one rounds differently, too.
    """

    width: int = 64
    examples: int = 2048
    sizes: tuple[int, ...] = SIZES
    batches: int = 96
    block: int = 16
    steps: int = 150
    learning_rate: float = 5e-4
    momentum: float = 0.9
    training_batch: int = 64
    coordinates: int = 2**18
    watched: int = 512
    sketch: int = 2**15
    threads: int | None = None
    device: str = "cpu"

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About a minute on one core, or some twenty."""
        if not quick:
            return cls()
        return cls(width=8, examples=1024, batches=48, learning_rate=0.02, coordinates=2**16, sketch=2**14, threads=1)

    def known(self, state: str) -> dict[str, Any]:
        """What the pieces of a state depend on: those of the initial one not on the training."""
        training = ("steps", "learning_rate", "momentum", "training_batch") if state == "initial" else ()
        return {key: value for key, value in asdict(self).items() if key not in (*training, *HARDWARE)}

    @property
    def probe(self) -> dict[str, int]:
        """The settings of the `Probe`."""
        return {"coordinates": self.coordinates, "watched": self.watched, "sketch": self.sketch}


@dataclass(frozen=True)
class GradientNoise(Findings):
    """All measurements per state and batch size, as `validation.gradient_noise.dataset` collects them."""

    data: xarray.Dataset


def measure(run: Run[Size]) -> GradientNoise:
    """Look at every state: pieces for training and examples, one per ``size.block`` draws of batches."""
    from validation.gradient_noise.network import DigitNetwork, threads_of_torch

    size, records, populations = run.size, {}, {}
    with threads_of_torch(run.threads or size.threads):
        network = DigitNetwork(size.width, size.examples, run.seed, size.device)
        for place, state in enumerate(STATES):
            if state == "trained":
                make = partial(_trained, network, size, run.seed)
                network.load(run.data("training", make, **size.known(state))["parameters"].values)
            part = run.within(place / len(STATES), (place + 1) / len(STATES), state)
            populations[state], records[state] = _state(part, network, state, 7 + place)
        parameters = len(network.parameters)
    settings = {k: v for k, v in asdict(size).items() if k not in ("coordinates", "sizes", *HARDWARE)}
    settings |= {"seed": run.seed, "sampled": size.coordinates, "parameters": parameters}
    probe = size.probe | {"seed": run.seed}
    words = {"network": "ResNet-18, 7x7 stem, group normalisation, ReLU", "data": "MNIST digits"}
    return GradientNoise(collected(populations, records, size.sizes, probe, **words, **settings))


def _state(run: Run[Size], network: DigitNetwork, state: str, stream: int) -> tuple[Population, list[NoiseRecord]]:
    """The examples one by one, then the batches of every size."""
    size, known, probe = run.size, run.size.known(state), run.size.probe | {"seed": run.seed}
    look = partial(examined, network, probe, run.within(0.0, 0.3).tell)
    population = Population.from_xarray(run.data(f"examples-{state}", look, **known))
    blocks, starts = [], range(0, size.batches, size.block)
    for k, first in enumerate(starts):
        tell = run.within(0.3 + 0.7 * k / len(starts), 0.3 + 0.7 * (k + 1) / len(starts)).tell
        draw = partial(block, network, population, size.sizes, first, min(size.block, size.batches - first))
        blocks.append(run.data(f"batches-{state}-{first}", partial(draw, probe, [run.seed, stream], tell), **known))
    return population, [joined(blocks, s) for s in size.sizes]


def _trained(network: Any, size: Size, seed: int) -> xarray.Dataset:
    from fpsim.storage import dataset

    network.train(size.steps, size.learning_rate, size.momentum, size.training_batch, seed)
    return dataset({"parameters": ("parameter", network.parameters, "", "trained parameters")})
