"""The data of the film ``noise-shape``: gradient noise of a network, seen across parameters and across batches.

    u = mini-batch gradient - full gradient;   u_i / rms(u) over i (one gradient),   u_i sqrt(S) / sigma_i over batches

Nothing is measured here: the film shows the committed result of the study :mod:`validation.gradient_noise`.  Pooling
the parameters of one gradient measures how unlike their variances are: for Gaussian noise the tail index would read
2/(1 + ln(AM/GM of sigma_i^2)/ln K1).  Across batches, parameter by parameter, the noise tends to a Gaussian (index 2),
its excess kurtosis falling like 1/S.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animations.kramers.film import Progress

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
SERIES = (
    "index_parameters", "index_parameters_error", "index_formula", "index_batches", "index_batches_error",
    "kurtosis_batches", "kurtosis_batches_error", "kurtosis_exact",
)  # fmt: skip


@dataclass(frozen=True)
class NoiseShapeData:
    """Everything that is drawn; arrays of the study at one state of the network, (sizes,) unless said.

    Attributes:
        network, parameters, examples, state: what was measured, in words and numbers.
        batch_size: S; value, coordinate: bin centres of the two histograms.
        across_parameters: (sizes, values) density of u_i / rms(u) over the parameters.
        across_batches: (sizes, coordinates) density of u_i sqrt(S) / sigma_i over the batches.
        normal_value, normal_coordinate: the standard normal density at the bin centres.
        index_*: tail index with its standard error, and what the variances alone would give.
        kurtosis_*: mean excess kurtosis across batches with its error, and the exact one, that of one example / S.
    """

    network: str
    parameters: int
    examples: int
    state: str
    seconds: float
    frames: int
    batch_size: Array
    value: Array
    coordinate: Array
    across_parameters: Array
    across_batches: Array
    normal_value: Array
    normal_coordinate: Array
    index_parameters: Array
    index_parameters_error: Array
    index_formula: Array
    index_batches: Array
    index_batches_error: Array
    kurtosis_batches: Array
    kurtosis_batches_error: Array
    kurtosis_exact: Array

    def to_xarray(self) -> xarray.Dataset:
        """One dataset; what is no array stands in its attributes."""
        from fpsim.storage import dataset

        entries: dict[str, Any] = {
            name: (dims, getattr(self, name), "", words) for name, (dims, words) in ARRAYS.items()
        }
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ARRAYS}
        return dataset(entries, film="noise-shape", facts=facts)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> NoiseShapeData:
        """Read what :meth:`save` wrote."""
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as data:
            if data.attrs.get("film") != "noise-shape":
                raise ValueError(f"'{path}' does not hold the data of the film 'noise-shape'")
            facts: dict[str, Any] = json.loads(data.attrs["facts"])
            return cls(**{**facts, **{name: data[name].values for name in ARRAYS}})


ARRAYS = {
    "batch_size": (("size",), "batch size"),
    "value": (("value_bin",), "noise over its root mean square, bin centres"),
    "coordinate": (("coordinate_bin",), "noise over its own standard deviation, bin centres"),
    "across_parameters": (("size", "value_bin"), "density across the parameters of one gradient"),
    "across_batches": (("size", "coordinate_bin"), "density across batches, parameter by parameter"),
    "normal_value": (("value_bin",), "standard normal density"),
    "normal_coordinate": (("coordinate_bin",), "standard normal density"),
    **{name: (("size",), name.replace("_", " ")) for name in SERIES},
}


@dataclass(frozen=True)
class NoiseShapeFilm:
    """A film of the committed gradient-noise study.

    Args:
        state: of the network, ``"trained"`` or ``"initial"``.
        sizes: the batch sizes shown, in order; all that were measured if empty.
        seconds, frames: of the film.
        seed: not used: nothing is random here.

    Raises:
        ValueError: for too few frames; by :meth:`compute` for a state or size that was not measured.
    """

    state: str = "trained"
    sizes: tuple[int, ...] = ()
    seconds: float = 10.0
    frames: int = 200
    seed: int = 0

    def __post_init__(self) -> None:
        if self.frames < 2 or not self.seconds > 0:
            raise ValueError("the film 'noise-shape' needs two frames and a positive length")

    @classmethod
    def standard(cls, **options: Any) -> NoiseShapeFilm:
        """The trained network at all measured batch sizes."""
        return cls(**options)

    def compute(self, progress: Progress | None = None) -> NoiseShapeData:
        """Read the study's result."""
        from validation.gradient_noise.run import load_gradient_noise

        study = load_gradient_noise()
        states, known = [str(s) for s in study.state.values], study.batch_size.values.tolist()
        if self.state not in states:
            raise ValueError(f"the network was measured in the states {', '.join(states)}; there is no '{self.state}'")
        sizes = self.sizes or tuple(known)
        if not set(sizes) <= set(known):
            raise ValueError(f"batch sizes {known} were measured; got {list(sizes)}")
        part = study.sel(state=self.state, batch_size=list(sizes))
        if progress is not None:
            progress(1.0)
        facts = study.attrs
        return NoiseShapeData(
            network=str(facts["network"]), parameters=int(facts["parameters"]), examples=int(facts["examples"]),
            state=self.state, seconds=float(self.seconds), frames=self.frames, batch_size=np.array(sizes),
            value=part.parameter_value.values, coordinate=part.coordinate_value.values,
            across_parameters=part.parameter_density.values, across_batches=part.coordinate_density.values,
            normal_value=normal(part.parameter_value.values), normal_coordinate=normal(part.coordinate_value.values),
            **{name: np.broadcast_to(part[name].values, (len(sizes),)).copy() for name in SERIES},
        )  # fmt: skip


def normal(x: Array) -> Array:
    """The standard normal density."""
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
