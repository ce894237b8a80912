"""A noise model as plain data and back: ``noise_from(describe_noise(noise)) == noise``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from fpsim.noise.borrowed import Borrowed
from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.examples import ExampleCovariance
from fpsim.noise.field import DiffusionField
from fpsim.noise.gradient import GradientNoise
from fpsim.noise.hessian import HessianDiffusion
from fpsim.noise.jump import JumpNoise
from fpsim.noise.levy import LevyNoise
from fpsim.noise.loss_scaled import LossScaledDiffusion
from fpsim.noise.minibatch import MiniBatchNoise
from fpsim.noise.model import Diffusion
from landscapes.description import described, rebuilt

NOISES: Mapping[str, Callable[..., Diffusion[Any]]] = {
    "HessianDiffusion": HessianDiffusion,
    "GradientNoise": GradientNoise,
    "JumpNoise": JumpNoise,
    "LevyNoise": LevyNoise,
    "LossScaledDiffusion": LossScaledDiffusion,
}


def describe_noise(noise: object) -> dict[str, Any]:
    """A noise model with every number that it rests on."""
    if isinstance(noise, Borrowed):
        return describe_noise(noise.inner)
    kind = type(noise).__name__
    if isinstance(noise, ConstantDiffusion):
        return {"class": kind, "value": noise.value}
    if isinstance(noise, DiffusionField):
        facts = {"class": kind, "dimension": noise.dimension, "shape": noise.shape, "words": str(noise)}
        if noise.function is not None:
            return {**facts, "made of": "a plain function"}
        texts = {"formulas": list(noise.texts), "names": list(noise.names)}
        return {**facts, **texts, "parameters": dict(noise.parameters)}
    if isinstance(noise, ExampleCovariance):
        return {"class": kind, "factor": noise.factor, "landscape": described(noise.landscape)}
    if isinstance(noise, MiniBatchNoise | LevyNoise | JumpNoise) and kind in NOISES:
        own = {f.name: getattr(noise, f.name) for f in fields(noise)}
        if isinstance(noise, GradientNoise):
            own["covariance"] = describe_noise(noise.covariance)
        return {"class": kind, **own}
    made = "a plain function" if callable(noise) else "a model of its own"
    return {"class": kind, "words": getattr(noise, "__name__", None) or str(noise), "made of": made}


def noise_from(facts: Mapping[str, Any]) -> Any:
    """The noise model that :func:`describe_noise` was given; ``ValueError`` for a plain function."""
    kind, own = facts["class"], {name: value for name, value in facts.items() if name not in ("class", "words")}
    if "made of" in own:
        words = facts["words"]
        raise ValueError(f"the noise '{words}' is {own['made of']}, which this file does not hold; give it again")
    if kind == "ConstantDiffusion":
        return ConstantDiffusion(own["value"])
    if kind == "DiffusionField":
        names, parameters = tuple(own["names"]), tuple(sorted(own["parameters"].items()))
        return DiffusionField(None, own["dimension"], own["shape"], tuple(own["formulas"]), names, parameters)
    if kind == "ExampleCovariance":
        return ExampleCovariance(rebuilt(own["landscape"]), own["factor"])
    if kind == "GradientNoise":
        own["covariance"] = noise_from(own["covariance"])
    return NOISES[kind](**own)
