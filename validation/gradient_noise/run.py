"""Is SGD's gradient noise Gaussian?  ResNet-18 on MNIST digits, at fixed parameters, the full gradient subtracted.

    u = g(batch of S) - g,      E |u|^2 = tr C1 / S,      excess kurtosis of u_i = (that of one example's) / S

Two histograms are asked about: across the *parameters* of one gradient, and across *batches* (Simsekli, Sagun,
Gurbuzbalaban, ICML 2019, read a heavy-tailed law from the first; Xie, Sato, Sugiyama, ICLR 2021, answer with the
second).  Both are measured beside what Gaussian noise with the same variances gives.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import partial
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from validation.gradient_noise.verdicts import verdicts
from validation.study.pieces import Pieces
from validation.study.report import Progress, Report, Table

if TYPE_CHECKING:
    import xarray

    from fpsim.statistics import NoiseRecord
    from validation.gradient_noise.measures import Population

STATES = ("initial", "trained")
SIZES = (16, 32, 64, 128, 256, 512)


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

    @classmethod
    def of(cls, quick: bool) -> Size:
        """About a minute on one core, or some twenty."""
        if not quick:
            return cls()
        return cls(width=8, examples=1024, batches=48, learning_rate=0.02, coordinates=2**16, sketch=2**14)

    def known(self, state: str) -> dict[str, Any]:
        """What the pieces of a state depend on: those of the initial one not on the training."""
        training = ("steps", "learning_rate", "momentum", "training_batch") if state == "initial" else ()
        return {key: value for key, value in asdict(self).items() if key not in training}

    @property
    def probe(self) -> dict[str, int]:
        """The settings of the `Probe`."""
        return {"coordinates": self.coordinates, "watched": self.watched, "sketch": self.sketch}


def gradient_noise(
    quick: bool = False,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
    pieces: Pieces | None = None,
) -> Report:
    """Gradient noise of ResNet-18 on MNIST digits for six batch sizes, at initialisation and after training.

    Args:
        quick: width 8 and fewer batches.
        seed: of parameters, images, training and batches.
        threads: of torch; by default all cores, and one for the small network of ``quick``, which gains nothing from
            more.  Another number rounds differently.
        progress: called with a share and a name.
        pieces: finished pieces on disk.

    Returns:
        a report with verdicts, figures and the dataset that `load_gradient_noise` reads.

    Raises:
        ImportError: without torch, mlxtend (extra ``network``).
    """
    tell = progress or (lambda share, name="": None)
    size, kept = Size.of(quick), pieces or Pieces()
    return reported(measured(size, seed, threads or (1 if quick else None), tell, kept), quick, seed)


def load_gradient_noise() -> xarray.Dataset:
    """Return the noise of ResNet-18 that ships with the package: ``data.nc`` of ``fpsim validate gradient-noise``."""
    import xarray

    with as_file(files(__name__.removesuffix(".gradient_noise.run")) / "data" / "gradient_noise.nc") as path:
        return xarray.load_dataset(path, engine="h5netcdf")


def measured(size: Size, seed: int, threads: int | None, tell: Progress, pieces: Pieces) -> xarray.Dataset:
    """All measurements, a piece for the examples and one per ``size.block`` draws of batches in each state."""
    from validation.gradient_noise.dataset import collected
    from validation.gradient_noise.measures import Population, block, examined, joined
    from validation.gradient_noise.network import DigitNetwork, threads_of_torch

    probe = size.probe | {"seed": seed}
    records: dict[str, list[NoiseRecord]] = {}
    populations: dict[str, Population] = {}
    with threads_of_torch(threads):
        network = DigitNetwork(size.width, size.examples, seed)
        for place, state in enumerate(STATES):
            share, known = _Share(tell, place / len(STATES), 1 / len(STATES), state), size.known(state) | {"seed": seed}
            if state == "trained":
                found = pieces.data("training", partial(_trained, network, size, seed), **known)
                network.load(found["parameters"].values)
            look = partial(examined, network, probe, share.part(0.0, 0.3))
            population = Population.from_xarray(pieces.data(f"examples-{state}", look, **known))
            blocks, starts = [], range(0, size.batches, size.block)
            for k, first in enumerate(starts):
                part = share.part(0.3 + 0.7 * k / len(starts), 0.7 / len(starts))
                draw = partial(block, network, population, size.sizes, first, min(size.block, size.batches - first))
                make = partial(draw, probe, [seed, 7 + place], part)
                blocks.append(pieces.data(f"batches-{state}-{first}", make, **known))
            records[state], populations[state] = [joined(blocks, s) for s in size.sizes], population
        parameters = len(network.parameters)
    settings = {key: value for key, value in asdict(size).items() if key not in ("coordinates", "sizes")}
    settings |= {"seed": seed, "sampled": size.coordinates}
    return collected(
        populations, records, size.sizes, probe, experiment="gradient-noise", parameters=parameters,
        network="ResNet-18, 7x7 stem, group normalisation, ReLU", data="MNIST digits", **settings,
    )  # fmt: skip


def reported(data: xarray.Dataset, quick: bool = False, seed: int = 0) -> Report:
    """The report on measurements, such as those of `load_gradient_noise`."""
    facts = data.attrs
    dead = 1 - float(data.live.max()) / facts["parameters"]
    return Report(
        name="gradient-noise",
        title="Is SGD's gradient noise Gaussian?",
        summary=(
            f"ResNet-18 of width {facts['width']} ({facts['parameters']:,} parameters; 7x7 stem, group normalisation) "
            f"and {facts['examples']} MNIST digits, before and after {facts['steps']} training steps. At these fixed "
            f"parameters {facts['batches']} batches of every size are drawn with replacement, and the full gradient is "
            "subtracted. All examples one by one give the exact law of this noise; batches are held against it. "
            f"{100 * dead:.0f} % of the parameters have a gradient of zero for every image (the last stage sees "
            "images of one pixel, so that most weights of its 3x3 kernels meet padding only) and are left out. "
            f"Indices and kurtosis across parameters use {facts['sampled']:,} of the others (or all, if fewer), "
            f"shuffled; the index across batches {facts['watched']}. Batches of all sizes come from the same draws: "
            "the largest contains the smaller ones, which are independent of each other. Spikes in the histograms "
            "across batches are parameters on which few images have a gradient."
        ),
        verdicts=tuple(verdicts(data)),
        tables=_tables(data),
        pictures=_pictures(data),
        data=data,
        settings={"quick": quick, **{key: value for key, value in facts.items() if key not in ("experiment", "seed")}},
        seed=seed,
    )


def _tables(data: xarray.Dataset) -> tuple[Table, ...]:
    """Per state one row a batch size; and what the single examples say."""
    sizes = [(i, int(size)) for i, size in enumerate(data.batch_size.values)]
    shown = [name for name in data.data_vars if data[name].dims == ("state", "batch_size")]
    tables = [
        Table.of(
            f"Noise of mini-batches, {state}",
            [{"S": size, **{str(name): float(data[name].values[k, i]) for name in shown}} for i, size in sizes],
        )
        for k, state in enumerate(data.state.values)
    ]
    facts = [name for name in data.data_vars if data[name].dims == ("state",)]
    rows = [
        {"quantity": str(name), "meaning": data[name].attrs["long_name"]}
        | {str(state): float(value) for state, value in zip(data.state.values, data[name].values, strict=True)}
        for name in facts
    ]
    return (*tables, Table.of("The full data set, and all its examples one by one", rows))


def _pictures(data: xarray.Dataset) -> dict[str, Any]:
    def histograms(state: str) -> Any:
        from validation.gradient_noise.pictures import histogram_figure

        return histogram_figure(data, state)

    def scaling() -> Any:
        from validation.gradient_noise.pictures import scaling_figure

        return scaling_figure(data)

    return {"scaling": scaling, **{f"histograms-{state}": partial(histograms, state) for state in data.state.values}}


def _trained(network: Any, size: Size, seed: int) -> xarray.Dataset:
    from fpsim.storage import dataset

    network.train(size.steps, size.learning_rate, size.momentum, size.training_batch, seed)
    return dataset({"parameters": ("parameter", network.parameters, "", "trained parameters")})


@dataclass(frozen=True)
class _Share:
    """A part of the progress bar."""

    tell: Progress
    begin: float
    length: float
    name: str

    def part(self, begin: float, length: float) -> Progress:
        """A function of the share in [0, 1] of a part of this part."""
        return lambda share, name="": self.tell(self.begin + self.length * (begin + length * share), self.name)
