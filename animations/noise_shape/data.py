"""What the film ``noise-shape`` holds: the committed result of the study :mod:`validation.gradient_noise`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.fields import Array, FilmData
from animations.noise_shape.film import NoiseShapeFilm
from fpsim.fields import Kept
from landscapes.progress import Progress

SERIES = (
    "index_parameters", "index_parameters_error", "index_formula", "index_batches", "index_batches_error",
    "kurtosis_batches", "kurtosis_batches_error", "kurtosis_exact",
)  # fmt: skip


@dataclass(frozen=True)
class NoiseShapeData(FilmData):
    """Everything that is drawn; arrays of the study at one state of the network, (sizes,) unless said.

    Attributes:
        network, parameters, examples, state: what was measured, in words and numbers.
        across_parameters, across_batches: of u_i / rms(u), and of u_i sqrt(S) / sigma_i.
        index_*: tail index with its standard error, and what the variances alone would give.
        kurtosis_*: mean excess kurtosis across batches with its error, and the exact one, that of one example / S.
    """

    film: ClassVar[str] = "noise-shape"

    network: str
    parameters: int
    examples: int
    state: str
    seconds: float
    frames: int
    batch_size: Annotated[Array, Kept("size", "", "batch size")]
    value: Annotated[Array, Kept("value_bin", "", "noise over its root mean square, bin centres")]
    coordinate: Annotated[Array, Kept("coordinate_bin", "", "noise over its own standard deviation, bin centres")]
    across_parameters: Annotated[Array, Kept("size value_bin", "", "density across the parameters of one gradient")]
    across_batches: Annotated[Array, Kept("size coordinate_bin", "", "density across batches, parameter by parameter")]
    normal_value: Annotated[Array, Kept("value_bin", "", "standard normal density")]
    normal_coordinate: Annotated[Array, Kept("coordinate_bin", "", "standard normal density")]
    index_parameters: Annotated[Array, Kept("size")]
    index_parameters_error: Annotated[Array, Kept("size")]
    index_formula: Annotated[Array, Kept("size")]
    index_batches: Annotated[Array, Kept("size")]
    index_batches_error: Annotated[Array, Kept("size")]
    kurtosis_batches: Annotated[Array, Kept("size")]
    kurtosis_batches_error: Annotated[Array, Kept("size")]
    kurtosis_exact: Annotated[Array, Kept("size")]
    clock: str = "even"

    def share(self, frame: int) -> float:
        """How much of the film has been shown."""
        return float(Clock.of(self.clock).share(frame / max(1, self.frames - 1)))


def compute(film: NoiseShapeFilm, progress: Progress) -> NoiseShapeData:
    """Read the study's result."""
    from validation.gradient_noise.run import load_gradient_noise

    study = load_gradient_noise()
    states, known = [str(s) for s in study.state.values], study.batch_size.values.tolist()
    if film.state not in states:
        raise ValueError(f"the network was measured in the states {', '.join(states)}; there is no '{film.state}'")
    sizes = film.sizes or tuple(known)
    if not set(sizes) <= set(known):
        raise ValueError(f"batch sizes {known} were measured; got {list(sizes)}")
    part = study.sel(state=film.state, batch_size=list(sizes))
    progress(1.0)
    facts = study.attrs
    return NoiseShapeData(
        network=str(facts["network"]), parameters=int(facts["parameters"]), examples=int(facts["examples"]),
        state=film.state, seconds=float(film.seconds), frames=film.frames, batch_size=np.array(sizes),
        value=part.parameter_value.values, coordinate=part.coordinate_value.values,
        across_parameters=part.parameter_density.values, across_batches=part.coordinate_density.values,
        normal_value=_normal(part.parameter_value.values), normal_coordinate=_normal(part.coordinate_value.values),
        clock=str(film.clock), **{name: np.broadcast_to(part[name].values, (len(sizes),)).copy() for name in SERIES},
    )  # fmt: skip


def _normal(x: Array) -> Array:
    """The standard normal density."""
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
