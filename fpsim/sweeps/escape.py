"""The escape time of a named landscape or a formula by one route, from plain parameters: what most sweeps vary.

escape_time(landscape="double-well", noise="constant", temperature=0.1, route="quadrature")
"""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

from fpsim.escape import EscapeProblem
from fpsim.escape_time import EscapeTime
from fpsim.noise.by_name import PARAMETERS, noise_named
from fpsim.routes.route import route as _route
from fpsim.sde.sde import SDE

PROBLEM = ("landscape", "variables", "noise", "convention", "start", "target", "route")
"""Words that say what escapes; ``landscape.NAME`` is a parameter of the landscape."""


def escape_time(landscape: str, route: str = "quadrature", seed: int | None = None, **given: Any) -> EscapeTime:
    """The mean escape time.

    Args:
        landscape: a name such as ``double-well``, or the formula of a loss.
        route: a row of :data:`fpsim.route.ROUTES`: ``quadrature``, ``grid``, ``paths``, the name of a formula.
        seed: for routes with random numbers.
        given: ``start``, ``target``, ``noise`` (a row of :data:`fpsim.noise.by_name.NEEDED`) and its parameters,
            ``convention``, options of the route, and parameters of the landscape as ``landscape__barrier`` (in study
            files ``landscape.barrier``).

    Raises:
        ValueError: for words that are not known, or what the route itself refuses.
    """
    require_words({"landscape", "route", *given}, [route])
    place = _landscape(landscape, given)
    own = {name: given[name] for name in PARAMETERS if name in given}
    noise = noise_named(given.get("noise", "constant"), place, own)
    problem = EscapeProblem(SDE(place, noise, given.get("convention", "ito")), *_ends(place, given))
    names = _options(route)
    options = {name: given[name] for name in names if name in given and name not in PROBLEM}
    options |= {"seed": seed} if "seed" in names and seed is not None else {}
    options |= {"threads": 1} if "threads" in names else {}  # the sweep itself uses the cores
    return _route(route).answer(problem, **options)


def require_words(names: set[str], routes: Sequence[str]) -> None:
    """Refuse parameters that no escape by these routes has, with the nearest that it has; ``ValueError``."""
    import difflib

    own = {name for one in routes for name in _options(one)} - {"problem", "seed", "threads", "progress"}
    known = sorted({*PROBLEM, *PARAMETERS, *own})
    for name in sorted(names):
        if name not in known and not name.replace("__", ".").startswith("landscape."):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; it has {', '.join(known)}"
            raise ValueError(f"an escape has no parameter '{name}'{hint}")


def _options(name: str) -> Sequence[str]:
    """Names of the options of a route."""
    return tuple(signature(_route(name).answer).parameters)


def _landscape(text: str, given: dict[str, Any]) -> Any:
    import landscapes
    from landscapes.catalogue.named import catalogue

    own = {name.partition("__")[2]: value for name, value in given.items() if name.startswith("landscape__")}
    if text.lower().replace("_", "-") in catalogue():
        return landscapes.named(text, **own)
    return landscapes.Landscape.from_expression(text, variables=given.get("variables", "x"), **own)


def _ends(place: Any, given: dict[str, Any]) -> tuple[Any, Any]:
    """Start and target, or the landscape's own; a target is a number or ("ball", center, radius) and the like."""
    from fpsim.targets import Ball, HalfSpace, Outside

    shapes: dict[str, Any] = {"ball": Ball, "half-space": HalfSpace, "outside": Outside}
    start = given.get("start", place.default_start)
    target = given.get("target", place.default_target)
    if start is None or target is None:
        raise ValueError(f"'{place}' has no start and target of its own; give start and target")
    if isinstance(target, tuple | list) and target and isinstance(target[0], str):
        kind, first, second = target
        if kind not in shapes:
            raise ValueError(
                "a target is a number, ('ball', center, radius), ('half-space', normal, offset) or ('outside', center, "
                f"radius); got {kind!r}"
            )
        return start, shapes[kind](first, second)
    if place.dimension > 1 and isinstance(target, tuple | list):
        return start, Ball(target, 0.1)
    return start, target[0] if isinstance(target, tuple | list) else target
