"""The settings of the page as a program and as a command, for those who go on from here."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from fpsim.explore.settings import FIXED, Settings

SAME_IN_COMMAND = (
    "noise", "temperature", "learning_rate", "batch_size", "at", "floor", "floor_shape", "climb_fraction", "injected",
    "covariance", "curvature", "alpha", "scale", "convention", "variables", "bounds",
)  # fmt: skip


def as_command(settings: Settings) -> str:
    """``fpsim escape ...`` with the same problem."""
    problem = settings.problem
    given = dict(settings.pairs())
    parts = ["fpsim", "escape", settings.landscape]
    fixed = {**FIXED.get(settings.landscape, {}), **dict(settings.parameters)}
    for name, value in fixed.items():
        parts += ["--set", f"{name}={value:.17g}"]
    for name in SAME_IN_COMMAND:
        if name in given or name == "noise":
            parts += [f"--{name.replace('_', '-')}", given.get(name, settings.noise)]
    if not settings.is_named and settings.bounds is None:
        sides = ",".join(f"{low:g}:{high:g}" for low, high in problem.sde.landscape.bounds or ())
        parts += ["--bounds", sides] if sides else []
    parts += ["--start", _joined(problem.start), "--target", settings.target or _target_words(problem.target)]
    return " ".join(shlex.quote(part) for part in parts)


def as_python(settings: Settings) -> str:
    """A program that prints the comparison of all routes for the same problem."""
    problem = settings.problem
    lines = [
        "import fpsim",
        "import landscapes",
        "",
        f"place = {_landscape(settings)}",
        f"noise = {_noise(settings)}",
        f"sde = fpsim.SDE(place, noise, convention={settings.convention.strip().lower()!r})",
        f"problem = fpsim.EscapeProblem(sde, start={_point(problem.start)}, target={_target(problem.target)})",
        "print(problem.compare(budget=60))",
    ]
    return "\n".join(lines) + "\n"


def _landscape(settings: Settings) -> str:
    place = settings.problem.sde.landscape
    if settings.is_named:
        given = {**FIXED.get(settings.landscape, {}), **dict(settings.parameters)}
        return f"landscapes.named({', '.join([repr(settings.landscape), *_keywords(given)])})"
    parts = [
        repr(settings.landscape),
        f"variables={' '.join(place.variables)!r}",
        f"bounds={[tuple(float(v) for v in side) for side in place.bounds or ()]!r}",
        *_keywords(dict(settings.parameters)),
    ]
    return f"landscapes.Landscape.from_expression({', '.join(parts)})"


def _noise(settings: Settings) -> str:
    kind, number = settings.noise.strip().lower(), repr
    sgd = f"learning_rate={number(settings.learning_rate)}, batch_size={number(settings.batch_size)}"
    if kind == "constant":
        values = tuple(float(part) for part in (settings.temperature or "").replace(",", " ").split())
        return f"fpsim.ConstantDiffusion({_point(values)})"
    if kind == "heavy-tails":
        return f"fpsim.LevyNoise({settings.alpha!r}, {settings.scale!r})"
    if kind == "examples":
        size = int(settings.batch_size or 0)
        return f"fpsim.MiniBatchSGD(place, {settings.learning_rate!r}, {size}).noise()"
    if kind == "gradient":
        field = f"fpsim.DiffusionField.from_expression({settings.covariance!r}, variables=' '.join(place.variables))"
        return f"fpsim.GradientNoise({sgd}, covariance={field})"
    names = ("curvature", "floor", "floor_shape") if kind == "loss-scaled" else ("at", "floor", "floor_shape")
    given = {name: getattr(settings, name) for name in names if getattr(settings, name) is not None}
    if given.get("floor_shape") == "additive":
        del given["floor_shape"]
    if kind == "loss-scaled":
        shape = "isotropic" if settings.floor is None else "hessian"
        return f"fpsim.LossScaledDiffusion({', '.join([sgd, f'shape={shape!r}', *_keywords(given)])})"
    if settings.climb_fraction is not None:
        given["climb_fraction"] = settings.climb_fraction
    if settings.injected:
        given["injected"] = settings.injected
    return f"fpsim.HessianDiffusion({', '.join([sgd, *_keywords(given)])})"


def _keywords(given: dict[str, Any]) -> list[str]:
    plain = {k: int(v) if isinstance(v, float) and v.is_integer() and k != "floor" else v for k, v in given.items()}
    return [f"{name}={value!r}" for name, value in plain.items()]


def _short(value: float) -> float:
    """Without the last digit, in which defaults such as 1.0000000000000002 have their rounding."""
    return float(f"{value:.15g}")


def _point(values: tuple[float, ...]) -> str:
    short = tuple(_short(v) for v in values)
    return repr(short[0]) if len(short) == 1 else repr(short)


def _joined(values: Any) -> str:
    return ",".join(repr(_short(v)) for v in values)


def _target(target: Any) -> str:
    """The target as Python writes it."""

    def row(values: Any) -> tuple[float, ...]:
        return tuple(float(v) for v in values)

    return _aimed(
        target, lambda c, r: f"fpsim.Ball({_point(row(c))}, {r!r})", lambda n, o: f"fpsim.HalfSpace({row(n)!r}, {o!r})"
    )


def _target_words(target: Any) -> str:
    """The target in the words of the command line."""
    return _aimed(target, lambda c, r: f"ball:{_joined(c)}:{r!r}", lambda n, o: f"half-space:{_joined(n)}:{o!r}")


def _aimed(target: Any, ball: Callable[[Any, float], str], plane: Callable[[Any, float], str]) -> str:
    """A ball, a number or a half-space in words."""
    value = getattr(target, "value", None)
    if target.ball() is not None:
        center, radius = target.ball()
        return ball(center, float(radius))
    if value is not None:
        return repr(_short(value))
    normal, offset = target.plane()
    return plane(normal, float(offset))
