"""A problem as plain data and back, so that a saved result names what it answers and a file alone repeats the run.

    EscapeProblem(*parts_of_problem(describe(problem))) == problem

for landscapes and noises made of formulas and numbers.  What is a plain Python function stands as its name, and
rebuilding says so in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Protocol

from fpsim.noise import ConstantDiffusion, Diffusion, DiffusionField, GradientNoise, HessianDiffusion
from fpsim.sde.modified import NoiseOf
from fpsim.sde.sde import SDE
from fpsim.targets import Target, target_from
from fpsim.walls import Walls
from landscapes.description import described, rebuilt

NOISES: Mapping[str, Callable[..., Diffusion]] = {
    "HessianDiffusion": HessianDiffusion,
    "GradientNoise": GradientNoise,
}


class Escape(Protocol):
    """What is described of an escape."""

    @property
    def sde(self) -> SDE: ...
    @property
    def start(self) -> Any: ...
    @property
    def target(self) -> Target: ...
    @property
    def walls(self) -> Walls | None: ...


def describe(problem: Escape) -> dict[str, Any]:
    """Landscape, noise, convention, start, target and walls of an escape."""
    return {
        **describe_sde(problem.sde),
        "start": list(problem.start),
        "target": problem.target.describe(),
        "walls": describe_walls(problem.walls),
    }


def describe_sde(sde: SDE) -> dict[str, Any]:
    """Landscape, noise, convention and correction of an SDE, ready for JSON."""
    landscape, noise = sde.landscape, sde.noise
    if isinstance(noise, NoiseOf) and sde.correction is not None:
        landscape, noise = noise.landscape, noise.inner
    return {
        "landscape": described(landscape),
        "noise": describe_noise(noise),
        "convention": sde.convention,
        "correction": sde.correction,
    }


def describe_noise(noise: Any) -> dict[str, Any]:
    """A noise model with every number that it rests on."""
    kind = type(noise).__name__
    if isinstance(noise, ConstantDiffusion):
        return {"class": kind, "value": noise.value}
    if isinstance(noise, DiffusionField):
        facts = {"class": kind, "dimension": noise.dimension, "shape": noise.shape, "words": str(noise)}
        if noise.function is not None:
            return {**facts, "made of": "a plain function"}
        texts = {"formulas": list(noise.formulas), "names": list(noise.names)}
        return {**facts, **texts, "parameters": dict(noise.parameters)}
    if kind == "ExampleCovariance":
        return {"class": kind, "factor": noise.factor, "landscape": described(noise.landscape)}
    if kind in NOISES:
        own = {f.name: getattr(noise, f.name) for f in fields(noise)}
        if isinstance(noise, GradientNoise):
            own["covariance"] = describe_noise(noise.covariance)
        return {"class": kind, **own}
    made = "a plain function" if callable(noise) else "a model of its own"
    return {"class": kind, "words": getattr(noise, "__name__", None) or str(noise), "made of": made}


def describe_walls(walls: Walls | None) -> dict[str, Any] | None:
    """Kind and box of the walls, ``None`` without."""
    return None if walls is None else {"kind": list(walls.kind), "box": [list(side) for side in walls.box]}


def parts_of_problem(facts: Mapping[str, Any]) -> tuple[SDE, Any, Any, Walls | None]:
    """SDE, start, target and walls of the problem that :func:`describe` was given.

    Raises:
        ValueError: if a part of it was a plain function, or ``facts`` describe no problem.
    """
    if "landscape" not in facts or "target" not in facts:
        raise ValueError("this result does not say which problem it answers, so it cannot be repeated from the file")
    return sde_from(facts), facts["start"], target_from(facts["target"]), walls_from(facts.get("walls"))


def sde_from(facts: Mapping[str, Any]) -> SDE:
    """The SDE that :func:`describe_sde` was given; ``ValueError`` if a part of it was a plain function."""
    landscape = rebuilt(facts["landscape"])
    return SDE(landscape, noise_from(facts["noise"]), facts["convention"], facts["correction"])


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
        from fpsim.noise.examples import ExampleCovariance

        return ExampleCovariance(rebuilt(own["landscape"]), own["factor"])
    if kind == "GradientNoise":
        own["covariance"] = noise_from(own["covariance"])
    return NOISES[kind](**own)


def walls_from(facts: Mapping[str, Any] | None) -> Walls | None:
    """The walls that :func:`describe_walls` was given."""
    return None if facts is None else Walls(tuple(facts["kind"]), [tuple(side) for side in facts["box"]])
