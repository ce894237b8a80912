"""Steps of alpha-stable processes from normals.

    apart      h^(1/alpha) scale_i X_i,            X by Chambers, Mallows and Stuck, from two normals per axis
    together   h^(1/alpha) sqrt(2 A) R N(0, I),    A > 0 of index alpha/2 by Kanter, from two more normals

(the sub-Gaussian law, E exp(-u A) = exp(-u^(alpha/2)), R R^T = M).  Two normals give an angle phi in (-pi, pi) and an
exponential w; with c = cos(phi/2) and q = tan(phi/4) both X and sqrt(2 A) are

    G(q) c^(-1/alpha) w^(-beta)

with a smooth G, which compiled steps read from a table, so that all alpha share one compiled step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.leaps import Formulas, Leap
from fpsim.statistics.stable import chambers_mallows_stuck, kanter

Array = NDArray[np.float64]
SMALL = 2.0**-32
"""Resolution of the random numbers: angles stay this far from where a jump would be infinite."""
CELLS = 2048
"""Of the table of G on (-1, 1)."""


def apart(alpha: float, scale: Array) -> Leap:
    """Every axis on its own, with ``scale`` (d,)."""
    d = len(scale)

    def moved(z: Array, step: float) -> Array:
        jumps = []
        for i in range(d):
            angle, w = _angle(z[2 * i], z[2 * i + 1])
            jumps.append(scale[i] * chambers_mallows_stuck(alpha, angle / 2, w))
        return np.asarray(step ** (1 / alpha) * np.stack(jumps))

    def formulas(z: Sequence[Any], step: float) -> Formulas:
        """The same of 2 d normals, to be compiled."""
        import sympy

        beta, length = (1 - alpha) / alpha, step ** (1 / alpha)
        sizes = [_Size(f"jump {i}", z[2 * i], z[2 * i + 1], _line(alpha), alpha, beta) for i in range(d)]
        scales = [sympy.Symbol(f"jump scale {i}", real=True) for i in range(d)]
        found = _joined(sizes, lambda s: [one * size for one, size in zip(scales, s, strict=True)])
        known = {symbol: float(value) * length for symbol, value in zip(scales, scale, strict=True)}
        return Formulas(found.outputs, found.statements, {**found.parameters, **known})

    return Leap(2 * d, moved, formulas)


def together(alpha: float, root: Array) -> Leap:
    """All axes by one jump, with R = ``root`` (d, d)."""
    d = len(root)

    def moved(z: Array, step: float) -> Array:
        angle, w = _angle(z[d], z[d + 1])
        size = np.sqrt(2 * kanter(alpha / 2, np.abs(angle), w))
        return np.asarray(step ** (1 / alpha) * size * np.tensordot(root, z[:d], axes=1))

    def formulas(z: Sequence[Any], step: float) -> Formulas:
        """The same of d + 2 normals, to be compiled."""
        import sympy

        size = _Size("jump", z[d], z[d + 1], _space(alpha), alpha, (1 - alpha / 2) / alpha)
        entries = {(i, j): sympy.Symbol(f"jump root {i} {j}", real=True) for i in range(d) for j in range(d)}
        used = {key: symbol for key, symbol in entries.items() if root[key] != 0}

        def outputs(s: list[Any]) -> list[Any]:
            rows = (sum(used[i, j] * z[j] for j in range(d) if (i, j) in used) for i in range(d))
            return [s[0] * row for row in rows]

        found = _joined([size], outputs)
        known = {symbol: float(root[key]) * step ** (1 / alpha) for key, symbol in used.items()}
        return Formulas(found.outputs, found.statements, {**found.parameters, **known})

    return Leap(d + 2, moved, formulas)


def _angle(first: Array, second: Array) -> tuple[Array, Array]:
    """An angle in (-pi, pi) without its ends and zero, and an exponential, from two normals."""
    angle = np.arctan2(second, first)
    size = np.clip(np.abs(angle), SMALL, np.pi * (1 - SMALL))
    return np.copysign(size, angle), np.maximum((first**2 + second**2) / 2, SMALL**2)


# --- as formulas ------------------------------------------------------------------------------------------------------


class _Size:
    """G(q) c^(-1/alpha) w^(-beta) of two normals, step by step."""

    def __init__(self, name: str, first: Any, second: Any, table: Any, alpha: float, beta: float) -> None:
        import sympy

        r2, r, c, q, size = (sympy.Symbol(f"{name} {part}", real=True) for part in ("r2", "r", "c", "q", "size"))
        tiny, floor, power, weight = (
            sympy.Symbol(f"{name} {p}", real=True) for p in ("tiny", "floor", "power", "beta")
        )
        near = (r + first) / (2 * r)  # cos^2(phi/2), the other one without cancellation beyond a right angle
        far = second**2 / (2 * r * (r - first))
        self.symbol = size
        self.statements = (
            (r2, sympy.Max(first**2 + second**2, tiny, evaluate=False)),
            (r, sympy.sqrt(r2)),
            (c, sympy.sqrt(sympy.Max(sympy.Piecewise((near, first > 0), (far, True)), floor, evaluate=False))),
            (q, second / (2 * r * c * (1 + c))),
            (size, table(q) * sympy.exp(-power * sympy.log(c) - weight * sympy.log(r2 / 2))),
        )
        self.parameters = {tiny: 2 * SMALL**2, floor: (np.pi / 2 * SMALL) ** 2, power: 1 / alpha, weight: beta}


def _joined(sizes: list[_Size], outputs: Callable[[list[Any]], list[Any]]) -> Formulas:
    made = outputs([size.symbol for size in sizes])
    statements = tuple(pair for size in sizes for pair in size.statements)
    known = {symbol: value for size in sizes for symbol, value in size.parameters.items()}
    return Formulas(tuple(made), statements, known)


@lru_cache(maxsize=64)
def _line(alpha: float) -> Any:
    """G of Chambers, Mallows and Stuck: sin(alpha v) cos((1 - alpha) v)^((1 - alpha)/alpha), v = phi/2."""

    def values(q: Array) -> Array:
        v = 2 * np.arctan(q)
        return np.asarray(np.sin(alpha * v) * np.cos((1 - alpha) * v) ** ((1 - alpha) / alpha))

    return _table(values)


@lru_cache(maxsize=64)
def _space(alpha: float) -> Any:
    """G of sqrt(2 A): A c^(1/a) w^b = sin(a v) sin((1 - a) v)^b / (2 sin(v/2))^(1/a), v = |phi|, a = alpha/2."""
    a = alpha / 2
    b = (1 - a) / a

    def values(q: Array) -> Array:
        v = np.maximum(4 * np.arctan(np.abs(q)), 1e-6)  # even, flat at zero
        size = np.sin(a * v) * np.sin((1 - a) * v) ** b / (2 * np.sin(v / 2)) ** (1 / a)
        return np.sqrt(2 * size)

    return _table(values)


def _table(values: Callable[[Array], Array]) -> Any:
    """A cubic spline on (-1, 1) as a function in formulas."""
    from scipy.interpolate import CubicSpline

    from landscapes.formula.tables import Table
    from landscapes.formula.tabulated import table_function

    q = np.linspace(-1.0, 1.0, CELLS + 1)
    spline, spacing = CubicSpline(q, values(q)), 2.0 / CELLS
    return table_function(Table(-1.0, spacing, spline.c[::-1].T * spacing ** np.arange(4)))
