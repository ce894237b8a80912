"""From words, of the command line or of an address, to objects: landscapes, noise models, points and targets.

Every function raises ``ValueError`` with one sentence that says what was expected, what came and what to do.
"""

from __future__ import annotations

import ast
import difflib
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpsim.noise import Diffusion

CONVENTIONS = ("ito", "stratonovich", "anti-ito")
DEFAULTS = {"floor_shape": "additive", "injected": 0.0}
"""Flags of a noise that are not left out, but say what is so anyhow."""


def choice(text: str, known: tuple[str, ...], what: str) -> str:
    """One of the ``known`` words; the nearest is named for any other."""
    word = text.strip().lower()
    if word in known:
        return word
    near = difflib.get_close_matches(word, known, n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"{what} must be {', '.join(known[:-1])} or {known[-1]}; got '{text.strip()}'{hint}")


def whole_number(text: str) -> int:
    """``"20000"``, ``"20_000"`` or ``"2e4"`` as a whole number; the reader of the options names the option."""
    try:
        value = int(text)
    except ValueError:
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"'{text}' is not a whole number") from None
        if not number.is_integer() or abs(number) > 2**53:
            raise ValueError(f"'{text}' is not a whole number") from None
        value = int(number)
    return value


def numbers(text: str, what: str, count: int | None = None) -> tuple[float, ...]:
    """``"-1"`` or ``"0.5,1.2"`` as numbers."""
    try:
        values = tuple(float(part) for part in text.replace(",", " ").split())
    except ValueError:
        raise ValueError(
            f"{what} must be a number, or numbers joined by commas such as 0.5,1.2; got '{text.strip()}'"
        ) from None
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"{what} must be finite; got '{text.strip()}'")
    if not values or (count is not None and len(values) != count):
        raise ValueError(f"{what} needs {count or 'some'} number{'s' if count != 1 else ''}; got '{text.strip()}'")
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


def box(text: str, dimension: int | None = None) -> list[tuple[float, float]]:
    """``"-1:1,0:2"`` as one (low, high) pair per coordinate."""
    sides = [numbers(side.replace(":", " "), "each side of --bounds (low:high)", 2) for side in text.split(",")]
    for low, high in sides:
        if not low < high:
            raise ValueError(f"--bounds has low:high with low < high for each coordinate; got {low:g}:{high:g}")
    if dimension is not None and len(sides) != dimension:
        raise ValueError(f"--bounds needs low:high for each of {dimension} coordinates; got '{text.strip()}'")
    return [(low, high) for low, high in sides]


def landscape(
    text: str, parameters: Mapping[str, float], variables: str | None, bounds: str | None, walled: bool = False
) -> Any:
    """A named landscape (``double-well``) or the formula of a loss (``(x**2-1)**2/4``).

    ``walled``: the bounds are those of walls too, so that a named landscape may have them.
    """
    import landscapes
    from landscapes.catalogue.named import catalogue

    text = text.strip()
    if text.lower().replace("_", "-") in catalogue() or not _looks_like_formula(text):
        if bounds is not None and not walled:
            raise ValueError(
                "--bounds belongs to formulas, or to walls with --boundary: a named landscape has a box of its own"
            )
        return landscapes.named(text, **parameters)
    names = variables or " ".join(_free_names(text, parameters)) or "x"
    sides = None if bounds is None else box(bounds)
    try:
        return landscapes.Landscape.from_expression(text, variables=names, bounds=sides, **parameters)
    except landscapes.ExpressionError as error:
        found = re.search(r"The name '(\w+)' is not declared", str(error))
        if found is None:
            raise
        name, plain = found.group(1), str(error).rstrip(".")
        raise ValueError(
            f"{plain}; give a parameter its value with --set {name}=1, or name the coordinates with "
            f"--variables '{names} {name}'"
        ) from None


def _looks_like_formula(text: str) -> bool:
    return any(c in text for c in "+*/()") or text.strip() in ("x", "y", "z") or any(c.isdigit() for c in text)


def _free_names(text: str, parameters: Mapping[str, float]) -> list[str]:
    """Names such as x, y or x2 in a formula, sorted; all else is left to the parser to accept or refuse."""
    from landscapes.formula.grammar import CONSTANTS

    if len(text) > 2000:
        return []
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return []
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - set(parameters) - set(CONSTANTS)
    return sorted(name for name in names if re.fullmatch(r"[u-z]\d*", name))


def noise(given: Any, place: Any) -> Diffusion[Any]:
    """The noise model that ``given.noise`` names, from the flags that ``given`` has as attributes."""
    from fpsim.noise.by_name import NEEDED, PARAMETERS, noise_named

    flags: dict[str, Any] = {name: getattr(given, name, None) for name in PARAMETERS}
    flags = {name: value for name, value in flags.items() if value not in (None, DEFAULTS.get(name))}
    if "temperature" in flags:
        values = numbers(flags["temperature"], "--temperature")
        flags["temperature"] = values[0] if len(values) == 1 else values
    kind = choice(given.noise, tuple(NEEDED), "--noise")
    return noise_named(kind, place, flags, lambda name: "--" + name.replace("_", "-"))


def point(text: str | None, default: Any, what: str, dimension: int) -> tuple[float, ...]:
    """A point from text, or the landscape's default."""
    if text is not None:
        return numbers(text, f"--{what}", dimension)
    if default is None:
        raise ValueError(f"this landscape has no default {what}; give --{what} (numbers joined by commas)")
    return tuple(float(v) for v in default)


def target(text: str | None, default: Any, dimension: int) -> Any:
    """A target: a number (1-D), ``ball:0.6,0.03:0.1``, ``half-space:1,0:0`` or ``outside:-1:1``; or the default."""
    from fpsim.targets import Ball, HalfSpace, Outside

    if text is None:
        if default is None:
            raise ValueError("this landscape has no default target; give --target")
        values = tuple(float(v) for v in default)
        return values[0] if dimension == 1 else Ball(values, 0.1)
    kind, *parts = (part.strip() for part in text.split(":"))
    if kind not in TARGETS:
        near = difflib.get_close_matches(kind, TARGETS, n=1)
        if near and parts:
            raise ValueError(f"there is no target '{kind}'; did you mean {TARGETS[near[0]]}? got '{text.strip()}'")
        if dimension == 1:
            return numbers(text, "--target", 1)[0]
        example = f"ball:{','.join(text.replace(',', ' ').split())}:0.1" if _is_point(text, dimension) else EXAMPLE
        raise ValueError(
            f"in {dimension} dimensions --target is ball:CENTER:RADIUS or half-space:NORMAL:OFFSET with numbers joined "
            f"by commas (for example {example}), since a single point is never met; got '{text.strip()}'"
        )
    if len(parts) != 2:
        raise ValueError(f"--target {kind} is {TARGETS[kind]}, with numbers joined by commas; got '{text.strip()}'")
    if kind in ("ball", "outside"):
        shape: Any = Ball if kind == "ball" else Outside
        return shape(numbers(parts[0], "the ball's center", dimension), numbers(parts[1], "the ball's radius", 1)[0])
    return HalfSpace(numbers(parts[0], "the normal", dimension), numbers(parts[1], "the offset", 1)[0])


TARGETS = {
    "ball": "ball:CENTER:RADIUS", "half-space": "half-space:NORMAL:OFFSET", "outside": "outside:CENTER:RADIUS",
}  # fmt: skip
EXAMPLE = "ball:0.6,0.03:0.1"


def _is_point(text: str, dimension: int) -> bool:
    try:
        return len(numbers(text, "--target")) == dimension
    except ValueError:
        return False
