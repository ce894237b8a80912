"""How far a path is from its target, and how noise carries it there:  signed distance and 1/(D_n h), D_n = n . D n.

Compiled for formulas, in NumPy for plain functions, as the step itself (:mod:`fpsim.paths.step`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.paths.composed import composed_block, parts_of
from fpsim.paths.edges import Edges
from fpsim.paths.enclosure import Enclosed
from fpsim.paths.step import Compiled, made, refuse_infinite
from fpsim.sde.sde import SDE
from fpsim.targets import Target

Array = NDArray[np.float64]


def compiled_wall(
    sde: SDE, target: Target, step: float, dtype: DTypeLike, device: str = "cpu", work: float = 0.0
) -> Compiled | None:
    """``wall(x, data, out)``: signed distance to the target and 1/(D_n h), D_n the diffusion along its normal."""
    parts = None if isinstance(target, Enclosed) else parts_of(sde, work, dtype, device)
    formulas = sde.symbolic if parts is None else parts.formulas
    if formulas is None:
        return None
    import sympy

    refuse_infinite(sde, formulas.drift)
    tensor, parameters = formulas.tensor, dict(formulas.parameters)
    found: Any
    if isinstance(target, Enclosed):
        found = target.pieces(formulas.variables)
        folded, extra = target.walls.symbolic(formulas.variables)
        tensor = sympy.Matrix(tensor).xreplace(dict(zip(formulas.variables, folded, strict=True)))
        parameters |= extra
    else:
        found = target.symbolic(formulas.variables)
        if found is not None:
            distance, extra = found
            found = [(distance, [sympy.diff(distance, v) for v in formulas.variables])], extra
    if found is None:
        return None
    pieces, extra = found
    h, tiny = (sympy.Symbol(name, real=True) for name in ("step h", "step tiny"))
    level, normal = pieces[0]
    if formulas.jump is not None:  # nothing happens between two steps, so that any rate will do
        tensor = sympy.eye(sde.dimension)
    across = tensor[0, 0] if sde.structure == "isotropic" else _along(tensor, normal)
    for distance, slope in pieces[1:]:
        if sde.structure != "isotropic":
            across = sympy.Piecewise((_along(tensor, slope), distance > level), (across, True), evaluate=False)
        level = sympy.Max(level, distance, evaluate=False)
    outputs = [level, 1 / (h * across + tiny)]
    parameters |= {**extra, h: step, tiny: float(np.finfo(np.dtype(dtype)).tiny) * 4}
    if parts is not None:
        composed = composed_block(device, parts, outputs, {"x": formulas.variables}, parameters, ())
        return None if composed is None else Compiled(*composed)
    return made(device, outputs, {"x": formulas.variables}, parameters, dtype)


def _along(tensor: Any, normal: Any) -> Any:
    """n . D n as a formula."""
    import sympy

    column = sympy.Matrix(normal)
    return (column.T * tensor * column)[0, 0]


def numpy_wall(sde: SDE, target: Target, step: float, edges: Edges | None = None) -> Callable[..., tuple[Array, Array]]:
    """``wall(x) -> (distance, 1/(D_n h))`` on arrays (d, n)."""

    def wall(x: Array) -> tuple[Array, Array]:
        slope = target.gradient(x)
        length = np.maximum(np.sqrt(np.sum(slope**2, axis=0)), 1e-300)
        if sde.noise.leaps:  # there is no way between two steps that a bridge could watch
            return target.level(x) / length, np.zeros(x.shape[1:])
        normal = slope / length
        across = sde.along(edges.evaluable(x) if edges else x, normal)
        return target.level(x) / length, 1 / (step * across + 1e-300)

    return wall
