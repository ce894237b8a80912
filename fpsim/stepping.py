"""One Euler-Maruyama step over many paths,  y = fold(x + b(x) h + sqrt(2 h D(x)) z),  compiled or in NumPy.

Both forms use the same formulas and the same random numbers and agree to rounding.  Formula landscapes compile; plain
Python functions run in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.sde import SDE
from fpsim.targets import Target
from fpsim.walls import Walls

Array = NDArray[np.float64]
LIMITS = {"float32": 1e30, "float64": 1e150}
"""Largest |x| that still counts as finite: beyond it the next power would overflow."""


class DivergenceError(ValueError):
    """A path left the finite numbers."""

    def __init__(self, path: int, step: int, size: float) -> None:
        super().__init__(
            f"path {path} diverged at step {step} (t = {step * size:g}): the explicit step h = {size:g} is too large "
            "for this drift (reduce step=), or D or the drift is undefined there"
        )
        self.path, self.step = path, step


@dataclass(frozen=True)
class Compiled:
    """A block function with its numbers."""

    function: Any
    data: NDArray[Any]


def require_count(value: Any, name: str) -> int:
    """A whole number >= 1, or ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{name} must be a whole number >= 1; got {value!r}")
    return int(value)


def check_step(step: float) -> float:
    """A positive finite step, or ``ValueError``."""
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step must be a positive number (time per step); got {step!r}")
    return float(step)


def check_precision(dtype: DTypeLike) -> None:
    """Float64 or float32, or ``ValueError``."""
    if np.dtype(dtype).name not in LIMITS:
        raise ValueError(f"dtype must be float64 or float32; got {np.dtype(dtype).name}")


def check_drift(sde: SDE) -> None:
    """Refuse a drift l div D that is no function, since D jumps."""
    if getattr(sde.noise, "at", None) == "path" and sde.convention != "ito":
        raise ValueError(
            f"D jumps once in the two-level noise at='path', so that paths have no {sde.convention} drift; use 'ito' "
            "here (quadrature and grids take every convention)"
        )


def compiled_step(sde: SDE, step: float, walls: Walls | None, dtype: DTypeLike) -> Compiled | None:
    """``advance(x, z, data, out)`` for the block kernels, or ``None`` if landscape or noise are plain functions."""
    formulas = sde.symbolic
    if formulas is None:
        return None
    import sympy

    from fpsim.compiling import block

    d = sde.dimension
    # names with a blank cannot be those of a formula's own symbols
    h, root_h = (sympy.Symbol(name, real=True) for name in ("step h", "step root"))
    z = [sympy.Symbol(f"normal {i}", real=True) for i in range(d)]
    kicks = [sum(formulas.root[i, j] * z[j] for j in range(d)) for i in range(d)]
    new = [x + h * b + root_h * k for x, b, k in zip(formulas.variables, formulas.drift, kicks, strict=True)]
    parameters = {**formulas.parameters, h: step, root_h: float(np.sqrt(step))}
    if walls is not None:
        new, extra = walls.symbolic(new)
        parameters |= extra
    return Compiled(*block(new, {"x": formulas.variables, "z": z}, parameters, dtype))


def compiled_wall(sde: SDE, target: Target, step: float, dtype: DTypeLike) -> Compiled | None:
    """``wall(x, data, out)``: signed distance to the target and 1/(D_n h), D_n the diffusion along its normal."""
    formulas, geometry = sde.symbolic, target.symbolic(sde.symbolic.variables) if sde.symbolic else None
    if formulas is None or geometry is None:
        return None
    import sympy

    from fpsim.compiling import block

    distance, extra = geometry
    h, tiny = (sympy.Symbol(name, real=True) for name in ("step h", "step tiny"))
    if sde.structure == "isotropic":
        across = formulas.tensor[0, 0]
    else:
        normal = sympy.Matrix([sympy.diff(distance, v) for v in formulas.variables])
        across = (normal.T * formulas.tensor * normal)[0, 0]
    parameters = {**formulas.parameters, **extra, h: step, tiny: float(np.finfo(np.dtype(dtype)).tiny) * 4}
    outputs = [distance, 1 / (h * across + tiny)]
    return Compiled(*block(outputs, {"x": formulas.variables}, parameters, dtype))


def numpy_step(sde: SDE, step: float, walls: Walls | None) -> Callable[[Array, Array], Array]:
    """``advance(x, z) -> y`` on arrays (d, n)."""
    root = np.sqrt(step)

    def advance(x: Array, z: Array) -> Array:
        moved = x + step * sde.drift(x) + root * sde.kick(x, z)
        return moved if walls is None else walls.fold(moved)

    return advance


def numpy_wall(sde: SDE, target: Target, step: float) -> Callable[[Array], tuple[Array, Array]]:
    """``wall(x) -> (distance, 1/(D_n h))`` on arrays (d, n)."""

    def wall(x: Array) -> tuple[Array, Array]:
        slope = target.gradient(x)
        length = np.maximum(np.sqrt(np.sum(slope**2, axis=0)), 1e-300)
        normal = slope / length
        return target.level(x) / length, 1 / (step * sde.along(x, normal) + 1e-300)

    return wall
