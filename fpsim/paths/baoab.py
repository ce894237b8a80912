"""The step of motion with inertia, mass dv = (b(x) - friction v) dt + sqrt(2 friction D(x)) dB, dx = v dt.

    B   v <- v + (h / 2 mass) b(x)
    A   x <- x + (h / 2) v
    O   v <- c v + sqrt((1 - c^2) D(x) / mass) z,         c = exp(-friction h / mass)
    A, B again

(Leimkuhler and Matthews, Appl. Math. Res. eXpress 2013 (2013) 34, "BAOAB").  Each part is solved exactly, in O also
where D depends on x, which then stands still; as a symmetric composition it is of weak order 2 for every D(x).
Between walls a body flies on into the mirror image of its box, in which forces and kicks are turned round as velocities
are; the end of the step is then folded back (:class:`fpsim.walls.MovingWalls`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.sde.sde import Inertia

Array = NDArray[np.float64]
Formulas = tuple[list[Any], dict[str, Any], dict[Any, float], list[tuple[Any, Any]]]


def numbers(inertia: Inertia, step: Any) -> dict[str, Any]:
    """h/2, h/(2 mass), c, and what multiplies sqrt(2 D) z, for one step or an array of them."""
    rate = inertia.friction * step / inertia.mass
    spread = np.sqrt(-np.expm1(-2 * rate) / (2 * inertia.mass))
    return {"half": step / 2, "push": step / (2 * inertia.mass), "kept": np.exp(-rate), "spread": spread}


def symbol(name: str) -> Any:
    """What stands for one of :func:`numbers` in :func:`formulas`."""
    import sympy

    return sympy.Symbol(f"baoab {name}", real=True)


def on_arrays(inertia: Inertia, step: float) -> Callable[[Array, Array], Array]:
    """``advance((x, v), z) -> (x, v)`` on arrays (2 d, n)."""
    plain, at, walls = inertia.overdamped, numbers(inertia, step), inertia.walls

    def mirrored(x: Array, z: Array | None = None) -> Array:
        """The force at ``x``, or the kick by normals ``z``, in the image of the box that it lies in."""
        here = x if walls is None else walls.fold(x)
        found = plain.drift(here) if z is None else plain.kick(here, z)
        return np.asarray(found if walls is None else walls.turns(x) * found)

    def advance(state: Array, z: Array) -> Array:
        x, v = np.split(state, 2)
        v = v + at["push"] * plain.drift(x)
        x = x + at["half"] * v
        v = at["kept"] * v + at["spread"] * mirrored(x, z[: plain.normals])
        x = x + at["half"] * v
        return np.concatenate([x, v + at["push"] * mirrored(x)])

    return advance


def formulas(inertia: Inertia, step: float) -> Formulas | None:
    """Outputs, inputs, parameters and statements in order; ``None`` where landscape or noise are plain functions.

    New symbols have a blank in their names, so that they are never those of a formula.
    """
    base = inertia.overdamped.symbolic
    if base is None:
        return None
    import sympy

    d, made = len(base.variables), list[tuple[Any, Any]]()

    def symbols(name: str, first: int = 0) -> list[Any]:
        return [sympy.Symbol(f"{name} {i}", real=True) for i in range(first, first + d)]

    def stated(name: str, values: list[Any]) -> list[Any]:
        made.extend(zip(symbols(name), values, strict=True))
        return symbols(name)

    known = {symbol(name): float(value) for name, value in numbers(inertia, step).items()}
    half, push, kept, spread = known
    parameters, walls = {**base.parameters, **known}, inertia.walls

    def flown(name: str, x: list[Any], v: list[Any]) -> tuple[list[Any], Callable[..., list[Any]]]:
        """The end of half a flight, and what brings vectors of places from its image of the box."""
        ends = stated(name, [y + half * u for y, u in zip(x, v, strict=True)])
        inside, turns = ends, [sympy.Integer(1)] * d
        if walls is not None:
            folded, extra = walls.symbolic(ends)
            parameters.update(extra)
            inside, turns = stated(f"{name} inside", folded), stated(f"{name} turn", walls.symbolic_turns(ends))
        there = dict(zip(base.variables, inside, strict=True))

        def brought(values: Any, vector: bool = True) -> list[Any]:
            put = [value.xreplace(there) for value in values]
            return [turn * value for turn, value in zip(turns, put, strict=True)] if vector else put

        return ends, brought

    x, v, z = list(base.variables), symbols("velocity"), symbols("normal")
    first = stated("pushed", [u + push * b for u, b in zip(v, base.drift, strict=True)])
    middle, at_middle = flown("middle", x, first)
    roots = at_middle([f for _, f in base.statements], vector=False)
    made.extend(zip((name for name, _ in base.statements), roots, strict=True))
    kicks = [sum(base.root[i, j] * z[j] for j in range(d)) for i in range(d)]
    second = stated("kicked", [kept * u + spread * k for u, k in zip(first, at_middle(kicks), strict=True)])
    end, at_end = flown("end", middle, second)
    speeds = [u + push * b for u, b in zip(second, at_end(base.drift), strict=True)]
    return [*end, *speeds], {"x": [*x, *v], "z": [*z, *symbols("normal", d)]}, parameters, made
