"""One step over many paths, compiled or in NumPy.

    euler-maruyama    y = fold(x + h b(x) + k),               k = sqrt(2 h D(x)) z
    weak-2            y = x + h (b(x) + b(x + h b(x) + k))/2 + k,      for constant D
    baoab             of motion with inertia, which knows no other (:mod:`fpsim.paths.baoab`)

The second is of weak order 2 for additive noise (Kloeden and Platen 1992, section 15.1): two drifts, one normal a step.

Both forms use the same formulas and the same random numbers and agree to rounding.  Formula landscapes compile; plain
Python functions run in NumPy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.noise.roots import rounding
from fpsim.numbers import whole
from fpsim.paths import baoab
from fpsim.paths.composed import composed_block, parts_of
from fpsim.paths.edges import Edges
from fpsim.sde.sde import SDE

Array = NDArray[np.float64]
Scheme = Literal["euler-maruyama", "weak-2"]
EULER, WEAK_2 = get_args(Scheme)
LIMITS = {"float32": 1e30, "float64": 1e150}
"""Largest |x| that still counts as finite: beyond it the next power would overflow."""


class DivergenceError(ValueError):
    """A path left the finite numbers."""

    path: int
    step: int

    def __init__(self, path: int, step: int, size: float) -> None:
        super().__init__(
            f"path {path} diverged at step {step} (t = {step * size:g}): the explicit step h = {size:g} is too large "
            "for this drift (reduce step=), or D or the drift is undefined there, or D is not positive"
        )
        self.path, self.step = path, step

    def of_iterations(self, rate: str) -> DivergenceError:
        """The same of SGD itself, whose step is no choice of a method but the learning rate."""
        self.args = (
            f"path {self.path} diverged at iteration {self.step}: the learning rate {rate} is too large for this loss "
            "(reduce it), or the noise or the gradient is undefined there",
        )
        return self


ADVICE = "reduce step=, or, if the process itself gets to this edge, put walls before it"


NEVER_REACHED = (
    "; near an edge that is never reached such steps become rare only slowly as steps get smaller, and by_quadrature "
    "and by_grid take none"
)


class LeftDomainError(DivergenceError):
    """A path stepped out of the domain of its landscape."""

    def __init__(self, path: int, step: int, size: float, before: Array, after: Array, needs: str, advice: str) -> None:
        here, there = (", ".join(f"{x:.6g}" for x in point) for point in (before, after))
        ValueError.__init__(
            self,
            f"path {path} left the landscape's domain, {needs}, at step {step} (t = {step * size:g}): it stepped from "
            f"x = {here} to {there}; {advice or ADVICE} (now step = {size:g})"
            + (NEVER_REACHED if advice.endswith("reduce step=") else ""),
        )
        self.path, self.step, self.position = path, step, before


@contextmanager
def in_iterations(rate: str) -> Iterator[None]:
    """Where a path of SGD itself diverges, say so in iterations; ``rate`` is its learning rate in words."""
    try:
        yield
    except LeftDomainError:
        raise
    except DivergenceError as error:
        raise error.of_iterations(rate) from None


def lost(edges: Edges, path: int, step: int, size: float, before: Array, z: Array) -> DivergenceError:
    """What happened to a path that was at ``before`` (d,) before step number ``step`` with normals ``z``."""
    if edges.conditions and np.isfinite(before).all():
        with np.errstate(over="ignore", invalid="ignore"):
            after = numpy_step(edges.sde, size, None)(before[:, None], z[:, None])
        after = after if edges.walls is None else edges.walls.fold(after)
        if np.isfinite(after).all() and not edges.inside(after).all():
            needs = " and ".join(f"{condition} > 0" for condition in edges.conditions)
            advice = edges.verdict(float(before[0]), float(after[0, 0])) if before.size == 1 else ""
            return LeftDomainError(path, step, size, before, after[:, 0], needs, advice)
    return DivergenceError(path, step, size)


@dataclass(frozen=True)
class Compiled:
    """A function with its numbers: over a block of paths, or on a GPU the text of one for a single path."""

    function: Any
    data: NDArray[Any]


def made(
    device: str, outputs: Sequence[Any], inputs: dict[str, Any], parameters: dict[Any, float], dtype: DTypeLike,
    statements: Sequence[tuple[Any, Any]] = (),
) -> Compiled:  # fmt: skip
    """Formulas for the kernels of ``"cpu"`` or ``"cuda"``."""
    if device == "cuda":
        from fpsim.cuda.functions import block
    else:
        from fpsim.kernels.compiling import block
    return Compiled(*block(outputs, inputs, parameters, dtype, statements))


def require_count(value: Any, name: str) -> int:
    """A whole number >= 1, or ``ValueError``."""
    return whole(value, name)


def check_step(step: float) -> float:
    """A positive finite step, or ``ValueError``."""
    if not (np.isfinite(step) and step > 0):
        raise ValueError(f"step must be a positive number (time per step); got {step!r}")
    return float(step)


def check_precision(dtype: DTypeLike) -> None:
    """Float64 or float32, or ``ValueError``."""
    if np.dtype(dtype).name not in LIMITS:
        raise ValueError(f"dtype must be float64 or float32; got {np.dtype(dtype).name}")


def check_scheme(scheme: str, sde: SDE, edges: Edges) -> None:
    """Refuse an unknown scheme, and one of weak order 2 where it would not have that order."""
    if scheme not in (EULER, WEAK_2):
        raise ValueError(f"scheme must be '{EULER}' or '{WEAK_2}'; got {scheme!r}")
    if sde.inertia is not None and scheme == WEAK_2:
        raise ValueError(f"motion with inertia steps by BAOAB, which is of weak order 2 by itself; leave out {scheme=}")
    if scheme == WEAK_2 and (edges or not sde.noise.is_constant or sde.noise.leaps):
        what = (
            "walls"
            if edges.walls
            else "an edge of the domain"
            if edges
            else "jumps"
            if sde.noise.leaps
            else f"a D that depends on x ({sde.noise})"
        )
        raise ValueError(f"scheme='{WEAK_2}' is of weak order 2 for constant D in free space, not with {what}; omit it")


def check_drift(sde: SDE) -> None:
    """Refuse a drift l div D that is no function, since D jumps."""
    if sde.noise.jumps and sde.convention != "ito":
        raise ValueError(
            f"D jumps once in the two-level noise at='path', so that paths have no {sde.convention} drift; use 'ito' "
            "here (quadrature and grids take every convention)"
        )


def refuse_infinite(sde: SDE, drift: Sequence[Any]) -> None:
    """Refuse a drift with the slope of a jump in it."""
    import sympy

    if any(part.has(sympy.DiracDelta) for part in drift):
        raise ValueError(
            f"the loss or D jumps, so that the drift of paths ({sde.convention}) is infinite there; give a steep slope "
            "instead of the jump, or use by_quadrature or by_grid, which take a jump of D as it is"
        )


def compiled_step(
    sde: SDE, step: float, edges: Edges | None, dtype: DTypeLike, device: str = "cpu", scheme: Scheme = EULER,
    work: float = 0.0,
) -> Compiled | None:  # fmt: skip
    """``advance(x, z, data, out)`` for the kernels, or ``None`` if landscape or noise do not compile.

    ``work`` is that of the run, in coordinate-steps: plain functions are compiled where it is worth it.
    """
    parts = None if edges or scheme != EULER else parts_of(sde, work, dtype, device)
    formulas = sde.symbolic if parts is None else parts.formulas
    if formulas is None:
        return None
    import sympy

    refuse_infinite(sde, formulas.drift)
    d = sde.dimension
    if sde.inertia is not None or sde.own_step is not None:
        own = sde.own_step.formulas() if sde.inertia is None else baoab.formulas(sde.inertia, step)
        return _compiled_own(own, edges, dtype, device)
    # names with a blank cannot be those of a formula's own symbols
    h, root_h = (sympy.Symbol(name, real=True) for name in ("step h", "step root"))
    z = [sympy.Symbol(f"normal {i}", real=True) for i in range(d)]
    statements = formulas.statements
    if formulas.jump is not None:
        found = formulas.jump.formulas(z, step)
        kicks = [*found.outputs, *[sympy.Integer(0)] * (d - len(found.outputs))]
        statements, jumping = (*statements, *found.statements), found.parameters
    else:
        kicks = [root_h * sum(formulas.root[i, j] * z[j] for j in range(d)) for i in range(d)]
        jumping = {}
    new = [x + h * b + k for x, b, k in zip(formulas.variables, formulas.drift, kicks, strict=True)]
    if scheme == WEAK_2:
        there = dict(zip(formulas.variables, new, strict=True))
        new = [first + h / 2 * (b.xreplace(there) - b) for first, b in zip(new, formulas.drift, strict=True)]
    parameters = {**formulas.parameters, **jumping, h: step, root_h: float(np.sqrt(step))}
    if edges:  # of real symbols, since sympy takes the modulus of what it does not know to be real apart
        ends = [sympy.Symbol(f"step end {i}", real=True) for i in range(d)]
        statements = (*statements, *zip(ends, new, strict=True))
        new, extra = edges.symbolic(ends)
        parameters |= extra
    if formulas.statements:
        parameters[rounding()] = float(np.finfo(np.dtype(dtype)).eps)
    inputs = {"x": formulas.variables, "z": z}
    if parts is not None:
        composed = composed_block(device, parts, new, inputs, parameters, statements)
        return None if composed is None else Compiled(*composed)
    return made(device, new, inputs, parameters, dtype, statements)


def _compiled_own(found: baoab.Formulas | None, edges: Edges | None, dtype: DTypeLike, device: str) -> Compiled | None:
    """The step of motion with inertia, or of an optimiser."""
    if found is None:
        return None
    outputs, inputs, parameters, statements = found
    if edges:
        outputs, extra = edges.symbolic(outputs)
        parameters |= extra
    if rounding() in parameters:
        parameters[rounding()] = float(np.finfo(np.dtype(dtype)).eps)
    return made(device, outputs, inputs, parameters, dtype, statements)


def compiled_fold(edges: Edges, dtype: DTypeLike, device: str = "cpu") -> Compiled | None:
    """``fold(u, data, y)``: what walls and edges do to the end of a step; ``None`` for plain functions."""
    formulas = edges.sde.symbolic
    if formulas is None:
        return None
    outputs, parameters = edges.symbolic(formulas.variables)
    return made(device, outputs, {"u": formulas.variables}, {**formulas.parameters, **parameters}, dtype)


def numpy_step(sde: SDE, step: float, edges: Edges | None, scheme: Scheme = EULER) -> Callable[[Array, Array], Array]:
    """``advance(x, z) -> y`` on arrays (d, n)."""
    if sde.inertia is not None:
        inertial = baoab.on_arrays(sde.inertia, step)
        return lambda x, z: edges.fold(inertial(x, z)) if edges else inertial(x, z)
    if sde.own_step is not None:
        own = sde.own_step.on_arrays
        return lambda x, z: edges.fold(own(x, z)) if edges else own(x, z)

    def advance(x: Array, z: Array) -> Array:
        drift = sde.drift(x)
        moved = x + step * drift + sde.leap(x, z, step)
        if scheme == WEAK_2:
            moved = moved + step / 2 * (sde.drift(moved) - drift)
        return edges.fold(moved) if edges else moved

    return advance
