"""The study of gradient noise, and its result that ships with the package."""

from __future__ import annotations

from functools import partial
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from validation.gradient_noise.measures import GradientNoise, Size, measure
from validation.gradient_noise.pictures import histogram_figure, scaling_figure
from validation.gradient_noise.verdicts import verdicts
from validation.study.findings import Rows
from validation.study.study import Study, Told

if TYPE_CHECKING:
    import xarray


def load_gradient_noise() -> xarray.Dataset:
    """Return the noise of ResNet-18 that ships with the package: ``data.nc`` of ``fpsim validate gradient-noise``."""
    import xarray

    with as_file(files(__name__.removesuffix(".gradient_noise.run")) / "data" / "gradient_noise.nc") as path:
        return xarray.load_dataset(path, engine="h5netcdf")


def told(found: GradientNoise) -> Told:
    """What was measured, and what was left out."""
    data, facts = found.data, found.data.attrs
    dead = 1 - float(data.live.max()) / facts["parameters"]
    states = [str(state) for state in data.state.values]
    return Told(
        f"ResNet-18 of width {facts['width']} ({facts['parameters']:,} parameters; 7x7 stem, group normalisation) "
        f"and {facts['examples']} MNIST digits, before and after {facts['steps']} training steps. At these fixed "
        f"parameters {facts['batches']} batches of every size are drawn with replacement, and the full gradient is "
        "subtracted. All examples one by one give the exact law of this noise; batches are held against it. "
        f"{100 * dead:.0f} % of the parameters have a gradient of zero for every image (the last stage sees "
        "images of one pixel, so that most weights of its 3x3 kernels meet padding only) and are left out. "
        f"Indices and kurtosis across parameters use {facts['sampled']:,} of the others (or all, if fewer), "
        f"shuffled; the index across batches {facts['watched']}. Batches of all sizes come from the same draws: "
        "the largest contains the smaller ones, which are independent of each other. Spikes in the histograms "
        "across batches are parameters on which few images have a gradient.",
        verdicts(found),
        _tables(data),
        {
            "scaling": partial(scaling_figure, data),
            **{f"histograms-{state}": partial(histogram_figure, data, state) for state in states},
        },
    )


def _tables(data: xarray.Dataset) -> dict[str, Rows]:
    """Per state one row a batch size; and what the single examples say."""
    sizes = [(i, int(size)) for i, size in enumerate(data.batch_size.values)]
    shown = [str(name) for name in data.data_vars if data[name].dims == ("state", "batch_size")]
    per_state = {
        f"Noise of mini-batches, {state}": [
            {"S": size, **{name: float(data[name].values[k, i]) for name in shown}} for i, size in sizes
        ]
        for k, state in enumerate(data.state.values)
    }
    facts = [str(name) for name in data.data_vars if data[name].dims == ("state",)]
    rows = [
        {"quantity": name, "meaning": data[name].attrs["long_name"]}
        | {str(state): float(value) for state, value in zip(data.state.values, data[name].values, strict=True)}
        for name in facts
    ]
    return {**per_state, "The full data set, and all its examples one by one": rows}


STUDY = Study("gradient-noise", "Is SGD's gradient noise Gaussian?", Size.of, GradientNoise, measure, told)
