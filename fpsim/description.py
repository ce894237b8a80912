"""A problem as plain data and back, so that a saved result names what it answers and a file alone repeats the run.

    problem_from(describe(problem)) == problem

for landscapes and noises made of formulas and numbers.  What is a plain Python function stands as its name, and
rebuilding says so in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from inspect import signature
from typing import TYPE_CHECKING, Any

from fpsim.noise import ConstantDiffusion, Diffusion, DiffusionField, GradientNoise, HessianDiffusion
from fpsim.sde.modified import NoiseOf
from fpsim.sde.sde import SDE
from fpsim.targets import Ball, HalfSpace, Point, Target
from fpsim.walls import Walls
from landscapes.description import described, rebuilt

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem
    from fpsim.escape_time import EscapeTime

NOISES: Mapping[str, Callable[..., Diffusion]] = {
    "HessianDiffusion": HessianDiffusion,
    "GradientNoise": GradientNoise,
}


def describe(problem: EscapeProblem) -> dict[str, Any]:
    """Landscape, noise, convention, start, target and walls of an escape."""
    return {
        **describe_sde(problem.sde),
        "start": list(problem.start),
        "target": describe_target(problem.target),
        "walls": describe_walls(getattr(problem, "walls", None)),
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


def describe_target(target: Target) -> dict[str, Any]:
    """Where the escape ends."""
    if isinstance(target, Point):
        return {"class": "Point", "value": target.value}
    if isinstance(target, Ball):
        return {"class": "Ball", "center": list(target.center), "radius": target.radius}
    if isinstance(target, HalfSpace):
        return {"class": "HalfSpace", "normal": list(target.normal), "offset": target.offset}
    return {"class": type(target).__name__, "words": str(target), "made of": "a plain function"}


def describe_walls(walls: Walls | None) -> dict[str, Any] | None:
    """Kind and box of the walls, ``None`` without."""
    return None if walls is None else {"kind": list(walls.kind), "box": [list(side) for side in walls.box]}


def problem_from(facts: Mapping[str, Any]) -> EscapeProblem:
    """The problem that :func:`describe` was given.

    Raises:
        ValueError: if a part of it was a plain function, or ``facts`` describe no problem.
    """
    from fpsim.escape import EscapeProblem

    if "landscape" not in facts or "target" not in facts:
        raise ValueError("this result does not say which problem it answers, so it cannot be repeated from the file")
    walls = walls_from(facts.get("walls"))
    options = {} if walls is None else {"boundary": walls}
    start = facts["start"]
    return EscapeProblem(sde_from(facts), start, target_from(facts["target"]), **options)


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


def target_from(facts: Mapping[str, Any]) -> Any:
    """The target that :func:`describe_target` was given; ``ValueError`` for a level function."""
    if "made of" in facts:
        raise ValueError(
            f"the target {facts['words']} is {facts['made of']}, which this file does not hold; build the problem again"
        )
    if facts["class"] == "Point":
        return facts["value"]
    if facts["class"] == "Ball":
        return Ball(facts["center"], facts["radius"])
    return HalfSpace(facts["normal"], facts["offset"])


def walls_from(facts: Mapping[str, Any] | None) -> Walls | None:
    """The walls that :func:`describe_walls` was given."""
    return None if facts is None else Walls(tuple(facts["kind"]), [tuple(side) for side in facts["box"]])


def repeated(found: EscapeTime, changes: Mapping[str, Any]) -> EscapeTime:
    """The run that ``found`` came from once more, with some of its options changed."""
    problem, settings = problem_from(found.problem), found.settings
    if "start" in settings:
        raise ValueError(f"this run began from {settings['start']}, which this file does not hold; run by_paths again")
    if found.method in ("paths", "grid", "quadrature"):
        route = getattr(problem, f"by_{found.method}")
        known = {name: settings[name] for name in signature(route).parameters if name in settings}
        if found.seed is not None:
            known["seed"] = found.seed
        return route(**{**known, **changes})
    if found.method != "chain":
        return problem.by_formula(found.method, **changes)
    known = {"learning_rate": settings["learning rate"]}
    if settings["engine"] == "Monte Carlo":
        known |= {"paths": settings["paths"], "seed": found.seed, "momentum": settings["momentum"] or None}
    return problem.by_chain(**{**known, **changes})
