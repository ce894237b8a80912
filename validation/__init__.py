"""Experiments that confront fpsim's routes with each other, with papers and with SGD on a network.

An experiment is a study (`validation.study.study`): it measures, and tells what came out in a report with figures and
verdicts (the measured number, the expected one, and the tolerance that was fixed beforehand).  It can be run by name
from the command line.  It may import `fpsim` and `landscapes`; neither imports it.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from validation.study.study import Study

EXPERIMENTS = {
    "central-limit": ("validation.central_limit.run", "Sums of heavy-tailed draws tend to stable laws."),
    "gradient-noise": ("validation.gradient_noise.run", "Is SGD's gradient noise Gaussian? ResNet-18 on MNIST digits."),
    "escape-formula": (
        "validation.escape_formula.run",
        "Slope and prefactor of the escape-time formula under four noises.",
    ),
    "resnet": ("validation.resnet.run", "SGD on residual networks: which theory of escape survives?"),
    "full-space": ("validation.full_space.run", "An exponential escape law in all parameters of residual networks."),
    "sharp-flat": (
        "validation.sharp_flat.run",
        "Sharp against flat valleys under white noise and under Hessian noise.",
    ),
    "annealing": ("validation.annealing.run", "Logarithmic cooling: does it find the deeper valley, or freeze?"),
    "noise-covariance": ("validation.noise_covariance.run", "Is the covariance of SGD's noise the Hessian?"),
    "sharpness": (
        "validation.sharpness.run",
        "Spectra of Hessians; the same function, rescaled: what sharpness is not.",
    ),
}
"""Name on the command line -> (module with the `STUDY`, one line)."""
NEEDS = {
    "gradient-noise": ("torch", "mlxtend"),
    "resnet": ("torch", "sklearn", "threadpoolctl"),
    "full-space": ("torch", "sklearn", "threadpoolctl"),
    "noise-covariance": ("torch", "sklearn", "threadpoolctl"),
    "sharpness": ("torch", "sklearn", "threadpoolctl"),
}
"""Packages of an extra without which an experiment cannot end: asked for before it begins."""


def experiment(name: str) -> Study[Any, Any]:
    """The experiment of that name, called with (quick, seed, threads, progress, pieces).

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
        MissingExtraError: if a package that it needs is not installed.
    """
    from landscapes.extras import require

    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    if key not in EXPERIMENTS:
        near = difflib.get_close_matches(key, EXPERIMENTS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"there is no study named '{name}'{hint} Known are: {', '.join(EXPERIMENTS)}.")
    require(*NEEDS.get(key, ()), purpose=f"the study '{key}'")
    study: Study[Any, Any] = import_module(EXPERIMENTS[key][0].removeprefix("validation"), __name__).STUDY
    return study
