"""What the address of the page holds: landscape, noise, start and target, and how long the film of paths is.

The words are those of the command line (:mod:`fpsim.words`), so that an address, a command and a program say the same.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim import words

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

PARAMETER = "p."
"""What the names of a landscape's parameters begin with in an address."""
LONGEST_TEXT = 500
MOST_PARAMETERS = 12
MOST_PARTICLES = 500
BOX = (-3.0, 3.0)
FAR = 5.0
"""Widths of the landscape's box that start and target may lie outside of it."""
NUMBERS = {"learning_rate", "batch_size", "floor", "climb_fraction", "injected", "curvature", "alpha", "scale"}
WARM = {"mueller-brown": 15.0, "three-hole": 0.4, "styblinski-tang": 10.0, "tilted-cosine": 0.3, "resnet-slice": 0.01}
"""Temperatures at which something is seen; elsewhere COOL, a third of the usual barrier."""
COOL = 0.08
FIXED = {"coupled-double-wells": {"dimension": 2}}
"""Parameters that are not the page's to choose: it draws one and two dimensions."""


@dataclass(frozen=True)
class Settings:
    """One state of the page; numbers are checked, words are read where objects are made of them.

    Attributes:
        landscape: a name, or the formula of a loss.
        parameters: those of the landscape that differ from its defaults.
        duration: time that the film shows; ``None``: from the landscape's own clock.
        particles: paths in the film.
        seed: of the film and of the paths behind the survival curve.
    """

    landscape: str = "double-well"
    parameters: tuple[tuple[str, float], ...] = ()
    variables: str | None = None
    bounds: str | None = None
    noise: str = "constant"
    temperature: str | None = None
    learning_rate: float | None = None
    batch_size: float | None = None
    at: str | None = None
    floor: float | None = None
    floor_shape: str = "additive"
    climb_fraction: float | None = None
    injected: float = 0.0
    covariance: str | None = None
    curvature: float | None = None
    alpha: float | None = None
    scale: float | None = None
    convention: str = "ito"
    start: str | None = None
    target: str | None = None
    duration: float | None = None
    particles: int = 200
    seed: int = 0

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]]) -> Settings:
        """Settings from the pairs of an address; empty values are left out.

        Raises:
            ValueError: for a name that is no setting or comes twice, or a value that is none.
        """
        known = {f.name for f in fields(cls)} - {"parameters"}
        found: dict[str, Any] = {}
        parameters: dict[str, float] = {}
        for name, text in pairs:
            if len(text) > LONGEST_TEXT:
                raise ValueError(f"'{name[:40]}' has {len(text)} characters; at most {LONGEST_TEXT} are read")
            if name in found or name in parameters:
                raise ValueError(f"the setting '{name}' comes twice; give it once")
            if not text.strip():
                continue
            if name.startswith(PARAMETER) and name[len(PARAMETER) :].isidentifier():
                parameters[name] = _number(text, name[len(PARAMETER) :])
            elif name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"there is no setting '{name[:40]}'{hint}")
            else:
                found[name] = _value(name, text)
        if len(parameters) > MOST_PARAMETERS:
            raise ValueError(f"at most {MOST_PARAMETERS} parameters of a landscape are read; got {len(parameters)}")
        chosen = tuple(sorted((name[len(PARAMETER) :], value) for name, value in parameters.items()))
        return cls(parameters=chosen, **found)

    def pairs(self) -> list[tuple[str, str]]:
        """The inverse of :meth:`read`: what differs from the defaults."""
        plain = [f for f in fields(self) if f.name != "parameters" and getattr(self, f.name) != f.default]
        found = [(f.name, _text(getattr(self, f.name))) for f in plain]
        return found + [(PARAMETER + name, _text(value)) for name, value in self.parameters]

    @property
    def problem(self) -> EscapeProblem:
        """The escape that is meant.

        Raises:
            ValueError: for words that name nothing, or a problem that is none.
        """
        return _problem(replace(self, duration=None, particles=200, seed=0))

    @property
    def is_named(self) -> bool:
        """Whether the landscape is one of the catalogue, not a formula."""
        from landscapes.catalogue.named import catalogue

        return self.landscape.strip().lower().replace("_", "-") in catalogue()


@lru_cache(maxsize=64)
def _problem(settings: Settings) -> EscapeProblem:
    from fpsim.escape import EscapeProblem
    from fpsim.sde.sde import SDE
    from fpsim.targets import as_target

    place = _landscape(settings)
    if place.dimension > 2:
        raise ValueError(
            f"the page draws one and two dimensions, and {place.name} has {place.dimension}; use fpsim escape"
        )
    noise = words.noise(settings, place)
    convention: Any = words.choice(settings.convention, words.CONVENTIONS, "--convention")
    begin, end = _ends(place)
    start = words.point(settings.start, begin, "start", place.dimension)
    target = words.target(settings.target, end, place.dimension)
    for point in (np.array(start), *as_target(target, np.array(start)).anchors(np.array(start))):
        _require_near(place, point)
    return EscapeProblem(SDE(place, noise, convention), start, target)


def _require_near(place: Any, point: Any) -> None:
    """Refuse what no picture of the landscape's box could show."""
    for value, (low, high) in zip(point, place.bounds or (), strict=False):
        if not low - FAR * (high - low) <= value <= high + FAR * (high - low):
            raise ValueError(
                f"here start and target lie within {FAR:g} widths of the landscape's box ({low:g} to {high:g}); "
                f"got {value:g}"
            )


def _landscape(settings: Settings) -> Any:
    key = settings.landscape.strip().lower().replace("_", "-")
    given = {**FIXED.get(key, {}), **{name: _whole(value) for name, value in settings.parameters}}
    if settings.is_named or settings.bounds is not None:
        return words.landscape(settings.landscape, given, settings.variables, settings.bounds)
    place = words.landscape(settings.landscape, given, settings.variables, None)
    sides = ",".join([f"{BOX[0]:g}:{BOX[1]:g}"] * place.dimension)
    return words.landscape(settings.landscape, given, settings.variables, sides)


def _ends(place: Any) -> tuple[Any, Any]:
    """Default start and target; of a formula its first minimum and the one nearest to it."""
    if place.default_start is not None or not hasattr(place, "minima"):
        return place.default_start, place.default_target
    minima = sorted((tuple(float(v) for v in point.x) for point in place.minima), key=lambda x: x[0])
    if not minima:
        return None, None
    start, others = minima[0], minima[1:]
    return start, min(others, key=lambda x: math.dist(x, start)) if others else None


def _value(name: str, text: str) -> Any:
    if name in NUMBERS or name == "duration":
        value = _number(text, name)
        if name == "duration" and not 0 < value <= 1e12:
            raise ValueError(f"duration must be a positive time of at most 1e12; got {value:g}")
        return value
    if name == "particles":
        count = words.whole_number(text)
        if not 1 <= count <= MOST_PARTICLES:
            raise ValueError(f"particles must be 1 to {MOST_PARTICLES}; got {count}")
        return count
    if name == "seed":
        seed = words.whole_number(text)
        if not 0 <= seed < 2**31:
            raise ValueError(f"the seed must be a whole number from 0 to {2**31 - 1}; got {seed}")
        return seed
    return text.strip()


def _number(text: str, name: str) -> float:
    return words.numbers(text, name.replace("_", " "), 1)[0]


def _whole(value: float) -> float | int:
    return int(value) if value.is_integer() else value


def _text(value: Any) -> str:
    return repr(_whole(value)) if isinstance(value, float) else str(value)


def settings_for(landscape: str | None, flags: dict[str, Any], parameters: list[str], seed: int = 0) -> Settings:
    """Settings from the flags that a command was given.

    Raises:
        ValueError: for flags that describe no problem.
    """
    given = dict(flags)
    for name in set(given) - {f.name for f in fields(Settings)}:
        raise ValueError(f"--{name.replace('_', '-')} is not on the page; use fpsim escape")
    name = landscape or "double-well"
    if given.get("noise", "constant") == "constant":
        given.setdefault("temperature", f"{WARM.get(name, COOL):g}")
    chosen = tuple(sorted((key, float(value)) for key, value in words.settings(parameters).items()))
    found = Settings(landscape=name, parameters=chosen, seed=seed, **given)
    _ = found.problem
    return found
