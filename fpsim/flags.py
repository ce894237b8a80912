"""From words on the command line to objects: landscapes, noise models, points and targets.

Every function raises ``ValueError`` with one sentence that says what was expected, what came and what to do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from fpsim.diffusion import ConstantDiffusion, Diffusion, DiffusionField, GradientNoise, HessianDiffusion


def numbers(text: str, what: str, count: int | None = None) -> tuple[float, ...]:
    """``"-1"`` or ``"0.5,1.2"`` as numbers."""
    try:
        values = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ValueError(
            f"{what} must be a number, or numbers joined by commas such as 0.5,1.2; got '{text}'"
        ) from None
    if not values or (count is not None and len(values) != count):
        raise ValueError(f"{what} needs {count or 'some'} number{'s' if count != 1 else ''}; got '{text}'")
    return values


def settings(pairs: list[str]) -> dict[str, float]:
    """``["barrier=0.5", ...]`` as a dictionary."""
    found = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip().isidentifier():
            raise ValueError(f"--set takes name=value, for example --set barrier=0.5; got '{pair}'")
        number = numbers(value, f"--set {name}", 1)[0]
        found[name.strip()] = int(number) if number.is_integer() and "." not in value else number
    return found


def landscape(text: str, parameters: Mapping[str, float], variables: str | None, bounds: str | None) -> Any:
    """A named landscape (``double-well``) or the formula of a loss (``(x**2-1)**2/4``)."""
    import landscapes
    from landscapes.named import catalogue

    box = None if bounds is None else [numbers(side.replace(":", " "), "--bounds", 2) for side in bounds.split(",")]
    if text.strip().lower().replace("_", "-") in catalogue() or not _looks_like_formula(text):
        if box is not None:
            raise ValueError("--bounds belongs to formulas; a named landscape has its own box")
        return landscapes.named(text, **parameters)
    names = variables or " ".join(_free_names(text, parameters)) or "x"
    return landscapes.Landscape.from_expression(text, variables=names, bounds=box, **parameters)


def _looks_like_formula(text: str) -> bool:
    return any(c in text for c in "+*/()") or text.strip() in ("x", "y", "z") or any(c.isdigit() for c in text)


def _free_names(text: str, parameters: Mapping[str, float]) -> list[str]:
    """Names such as x, y or x2 in a formula, sorted; all else is left to the parser to accept or refuse."""
    from landscapes.grammar import CONSTANTS

    if len(text) > 2000:
        return []
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(parameters) - set(CONSTANTS)
    return sorted(name for name in names if re.fullmatch(r"[u-z]\d*", name))


def noise(
    kind: str, place: Any, temperature: str | None, learning_rate: float | None, batch_size: float | None,
    at: str | None, floor: float | None, floor_shape: str, climb_fraction: float | None, injected: float,
    covariance: str | None,
) -> Diffusion:  # fmt: skip
    """The noise model that the flags describe."""
    strangers = {"--learning-rate": learning_rate, "--batch-size": batch_size, "--at": at, "--floor": floor}
    if kind == "constant" and any(value is not None for value in strangers.values()):
        given = ", ".join(name for name, value in strangers.items() if value is not None)
        raise ValueError(f"{given} belongs to SGD's noise; add --noise hessian (or gradient), or leave it out")
    if kind == "constant":
        if temperature is None:
            raise ValueError("--noise constant needs --temperature T (for example --temperature 0.1)")
        values = numbers(temperature, "--temperature")
        return ConstantDiffusion(values[0] if len(values) == 1 else values)
    if kind not in ("hessian", "gradient", "examples"):
        raise ValueError(f"--noise must be constant, hessian, gradient or examples; got '{kind}'")
    if learning_rate is None or batch_size is None:
        raise ValueError(f"--noise {kind} needs --learning-rate and --batch-size")
    if kind == "examples":
        if not hasattr(place, "example_gradients"):
            raise ValueError(f"--noise examples needs a landscape over a data set, such as resnet-slice; not {place}")
        from fpsim.minibatch import MiniBatchSGD

        if not float(batch_size).is_integer():
            raise ValueError(f"--noise examples needs a --batch-size that is a whole number; got {batch_size:g}")
        return MiniBatchSGD(place, learning_rate, int(batch_size)).noise()
    if kind == "gradient":
        if covariance is None:
            raise ValueError(
                "--noise gradient needs --covariance with the formula of one example's gradient covariance"
            )
        field = DiffusionField.from_expression(covariance, variables=" ".join(place.variables))
        return GradientNoise(learning_rate=learning_rate, batch_size=batch_size, covariance=field)
    if at is None:
        raise ValueError("--noise hessian needs --at everywhere, minimum or path (where the Hessian is taken)")
    return HessianDiffusion(
        learning_rate=learning_rate, batch_size=batch_size, at=at, floor=floor, floor_shape=floor_shape,  # type: ignore[arg-type]
        climb_fraction=climb_fraction, injected=injected,
    )  # fmt: skip


def point(text: str | None, default: Any, what: str, dimension: int) -> tuple[float, ...]:
    """A point from text, or the landscape's default."""
    if text is not None:
        return numbers(text, f"--{what}", dimension)
    if default is None:
        raise ValueError(f"this landscape has no default {what}; give --{what} (numbers joined by commas)")
    return tuple(float(v) for v in default)


def target(text: str | None, default: Any, dimension: int) -> Any:
    """A target: a number (1-D), ``ball:0.6,0.03:0.1`` or ``half-space:1,0:0``; or the landscape's default."""
    from fpsim.targets import Ball, HalfSpace

    if text is None:
        if default is None:
            raise ValueError("this landscape has no default target; give --target")
        values = tuple(float(v) for v in default)
        return values[0] if dimension == 1 else Ball(values, 0.1)
    kind, *parts = text.split(":")
    if kind == "ball" and len(parts) == 2:
        return Ball(numbers(parts[0], "the ball's center", dimension), numbers(parts[1], "the ball's radius", 1)[0])
    if kind == "half-space" and len(parts) == 2:
        return HalfSpace(numbers(parts[0], "the normal", dimension), numbers(parts[1], "the offset", 1)[0])
    if dimension == 1:
        return numbers(text, "--target", 1)[0]
    raise ValueError(
        f"in {dimension} dimensions --target is ball:CENTER:RADIUS or half-space:NORMAL:OFFSET, with numbers joined by "
        f"commas (for example ball:0.6,0.03:0.1); got '{text}'"
    )
