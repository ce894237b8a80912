"""What the page may choose from: landscapes with their parameters and ranges, noise models with their fields."""

from __future__ import annotations

import inspect
from typing import Any

from fpsim.explore.presets import PRESETS
from fpsim.explore.settings import COOL, MOST_PARTICLES, WARM, Settings
from fpsim.noise.by_name import NEEDED

RANGES = {
    "tilt": (-0.3, 0.3), "offset": (0.0, 1.0), "coupling": (0.0, 2.0), "sharp": (0.5, 32.0), "flat": (0.25, 8.0),
    "curvature": (0.1, 10.0), "positive": (1, 99),
}  # fmt: skip
"""Ranges of sliders where a quarter and four times the default are no good ones."""
HIDDEN = {"dimension", "ring", "examples", "root"}

WITH_EXAMPLES = {"per-example-double-well", "resnet-slice"}
"""Landscapes over a data set, written down since making all landscapes would take half of the first second."""

NOISES = {
    "constant": ("white noise, the same everywhere",),
    "hessian": ("SGD's: the Hessian, with a floor", "floor"),
    "loss-scaled": ("grows with the loss", "curvature"),
    "heavy-tails": ("heavy tails: jumps",),
    "examples": ("measured: the examples' gradients",),
}
"""Words of each noise model, and the fields that it has besides those that it needs."""
FIELDS: dict[str, tuple[str, float, float, bool]] = {
    "temperature": ("temperature T", 0.02, 2.0, True),
    "learning_rate": ("learning rate η", 0.01, 10.0, True),
    "batch_size": ("batch size S", 1, 64, True),
    "floor": ("floor of |H|", 0.001, 10.0, True),
    "curvature": ("curvature h", 0.1, 20.0, True),
    "alpha": ("tail index α", 0.5, 2.0, False),
    "scale": ("scale of the jumps", 0.02, 2.0, True),
}
"""Label, lowest and highest value, and whether the slider is logarithmic."""


def choices() -> dict[str, Any]:
    """Everything that the page's form and presets are made of."""
    from landscapes.catalogue.named import catalogue

    return {
        "landscapes": {name: _landscape(name, make) for name, make in catalogue().items()},
        "noises": {name: {"words": text, "fields": [*NEEDED[name], *more]} for name, (text, *more) in NOISES.items()},
        "fields": {
            name: {"label": label, "low": low, "high": high, "log": log}
            for name, (label, low, high, log) in FIELDS.items()
        },
        "presets": [preset.to_dict() for preset in PRESETS],
        "particles": {"default": Settings().particles, "most": MOST_PARTICLES},
    }


def _landscape(name: str, make: Any) -> dict[str, Any]:
    parameters = {
        key: _range(key, parameter.default)
        for key, parameter in inspect.signature(make).parameters.items()
        if key not in HIDDEN and isinstance(parameter.default, int | float)
    }
    return {"parameters": parameters, "has_examples": name in WITH_EXAMPLES, "temperature": WARM.get(name, COOL)}


def _range(name: str, default: float) -> dict[str, Any]:
    low, high = RANGES.get(name, (default / 4, default * 4) if default > 0 else (-1.0, 1.0))
    return {
        "default": default, "low": low, "high": high, "whole": isinstance(default, int) and isinstance(low, int),
        "log": low > 0 and name != "positive",
    }  # fmt: skip
