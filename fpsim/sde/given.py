"""An SDE of which parts have no formula but compile all the same: plain Python functions, |H| beyond two dimensions,
examples.

It is written as formulas in symbols that stand for the numbers of those parts; each part says how to make the function
that fills them, a block of points at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.given import GivenTensor
from fpsim.sde.sde import SDE, SymbolicSDE, rooted
from landscapes.evaluation import PlainFunctions

if TYPE_CHECKING:
    import sympy

    from fpsim.kernels.texts import PartText

Array = NDArray[np.float64]
Made = tuple[Any, Array]
"""A function of (x, data, out) over a block, and its numbers."""
LARGEST_TABLE = 200_000
"""Examples times coordinates up to which they are gone through at every step in compiled code."""


class NotCompiledError(ValueError):
    """Why an SDE runs in NumPy, in words."""


@dataclass(frozen=True)
class Part:
    """Symbols in the order of the rows that the function of ``make()`` fills; ``text()`` makes that of a GPU."""

    symbols: tuple[sympy.Symbol, ...]
    make: Callable[[], Made]
    text: Callable[[], tuple[PartText, Array]] | None = None


@dataclass(frozen=True)
class GivenSDE:
    """Formulas, and the parts that they need."""

    formulas: SymbolicSDE
    parts: tuple[Part, ...]


def given_sde(sde: SDE) -> GivenSDE:
    """The SDE with its parts.

    Raises:
        NotCompiledError: where something about it cannot be computed in compiled code.
    """
    import sympy

    if type(sde) is not SDE:
        raise NotCompiledError(f"a {type(sde).__name__} compiles from formulas only")
    place, base = sde.landscape, sde.landscape.symbolic
    if sde.convention_weight and not sde.noise.is_constant:
        raise NotCompiledError("the drift l div D is taken by differences")
    d = sde.dimension
    x = tuple(sympy.Symbol(name, real=True) for name in place.variables) if base is None else base.variables
    parts, parameters = [], {}
    if base is not None:
        drift, parameters = base.drift, dict(base.parameters)
    elif getattr(place, "examples", None) is not None:
        slopes, _, part = _of_examples(place, d)
        drift = tuple(-slope for slope in slopes)
        parts.append(part)
    else:
        drift = tuple(sympy.Symbol(f"given drift {i}", real=True) for i in range(d))
        parts.append(Part(drift, lambda: _drift(place, d)))
    noise, root = sde.noise.symbolic(place), None
    if noise is None:
        tensor, root, part = _tensor(sde, sde.noise.given(place))
        parts += [part] if all(part.symbols != other.symbols for other in parts) else []
    else:
        tensor = noise[0]
        parameters |= noise[1]
    if root is None:
        found = rooted(sde, x, parameters, drift, tensor)
    else:
        found = SymbolicSDE(x, parameters, drift, tensor, root)
    if found is None:
        raise NotCompiledError(f"the root of a dense D in {d} dimensions does not compile")
    return GivenSDE(found, tuple(parts))


def _points(place: Any, d: int) -> Array:
    """Where compiled copies are held against the functions, (d, BLOCK)."""
    from fpsim.kernels import BLOCK

    rng = np.random.default_rng(0)
    if place.bounds is None:
        return rng.standard_normal((d, BLOCK))
    low, high = np.array(place.bounds).T
    return np.asarray(low[:, None] + (high - low)[:, None] * rng.random((d, BLOCK)))


def _plain(place: Any) -> PlainFunctions:
    functions = getattr(place, "_functions", None)
    if not isinstance(functions, PlainFunctions):
        raise NotCompiledError(f"{place} is neither a formula nor plain functions")
    return functions


def _drift(place: Any, d: int) -> Made:
    from fpsim.kernels.given import given, scaled

    functions = _plain(place)
    if functions.slope_function is None:
        raise NotCompiledError("the gradient is taken by differences; give gradient=")
    what = "drift" if functions.loss_function is None else "gradient"
    part = given(functions.slope_function, d, d, what, _points(place, d))
    return scaled(part, 1.0 if what == "drift" else -1.0), np.zeros(1)


def _upper(name: str, d: int) -> tuple[Any, tuple[Any, ...]]:
    """A symmetric matrix of symbols, and these in the order of its upper triangle."""
    import sympy

    symbols = {(i, j): sympy.Symbol(f"given {name} {i} {j}", real=True) for i in range(d) for j in range(i, d)}
    return sympy.Matrix(d, d, lambda i, j: symbols[min(i, j), max(i, j)]), tuple(symbols.values())


def _tensor(sde: SDE, tensor: GivenTensor | None) -> tuple[Any, Any, Part]:
    """D, a root of 2 D (``None``: to be taken) and the part that fills them."""
    import sympy

    place, d = sde.landscape, sde.dimension
    if tensor is None:
        raise NotCompiledError(f"the noise '{sde.noise}' runs in NumPy")
    if tensor.kind == "curvature":
        (matrix, entries), (root, roots) = _upper("D", d), _upper("root", d)
        text = None if place.symbolic is None else lambda: _curvature_text(place, d, tensor)
        return matrix, root, Part((*entries, *roots), lambda: _curvature(place, d, tensor), text)
    if tensor.kind == "examples":
        if place.symbolic is None and tensor.source is not place:
            raise NotCompiledError("the examples of the noise are not those of the loss")
        _, matrix, part = _of_examples(tensor.source, d)
        return tensor.factor * matrix, None, part
    shape, factor = tensor.shape, tensor.factor
    names = {"isotropic": ["D"], "diagonal": [f"D {i}" for i in range(d)]}.get(
        shape, [f"D {i} {j}" for i in range(d) for j in range(d)]
    )
    symbols = tuple(sympy.Symbol(f"given {name}", real=True) for name in names)
    diagonal = symbols * d if shape == "isotropic" else symbols
    matrix = sympy.Matrix(d, d, symbols) if shape == "full" else sympy.diag(*diagonal)

    def make() -> Made:
        from fpsim.kernels.given import given

        return given(tensor.source, d, len(symbols), "noise", _points(place, d)), np.zeros(1)

    return factor * matrix, None, Part(symbols, make)


def _curvature(place: Any, d: int, tensor: GivenTensor) -> Made:
    from fpsim.kernels.given import given, of_curvature

    form, numbers = _level(tensor)
    if place.symbolic is not None:
        from fpsim.kernels.compiling import block

        function, data = block(*_hessian(place, d), np.float64)
        return of_curvature(function, d, False, form), np.concatenate([numbers, data])
    functions = _plain(place)
    if functions.curvature_function is None:
        raise NotCompiledError("the Hessian is taken by differences; give hessian=")
    function = given(functions.curvature_function, d, d * d, "Hessian", _points(place, d))
    return of_curvature(function, d, True, form), np.array([*numbers, 0.0])


def _curvature_text(place: Any, d: int, tensor: GivenTensor) -> tuple[PartText, Array]:
    from fpsim.kernels.texts import PartText
    from landscapes.formula.symbolic import block_code

    (form, numbers), code = _level(tensor), block_code(*_hessian(place, d), 1)
    return PartText("curvature", code.source, d, (form,), d * (d + 1)), np.concatenate([numbers, code.data])


def _level(tensor: GivenTensor) -> tuple[int, list[float]]:
    """The form and the numbers of what D is of an eigenvalue."""
    floor, shape, injected = tensor.level
    return ("additive", "smooth", "clip").index(shape), [tensor.factor, floor, injected]


def _hessian(place: Any, d: int) -> tuple[list[Any], dict[str, Any], dict[Any, float]]:
    """Its upper triangle as formulas, their inputs and parameters."""
    from fpsim.noise.roots import hessian_formula

    hessian, known = hessian_formula(place.symbolic), place.symbolic
    return [hessian[i, j] for i in range(d) for j in range(i, d)], {"x": known.variables}, known.parameters


def _of_examples(place: Any, d: int) -> tuple[tuple[Any, ...], Any, Part]:
    """Mean gradient and C1 as symbols, and the part that fills both."""
    import sympy

    matrix, entries = _upper("C", d)
    slopes = tuple(sympy.Symbol(f"given mean gradient {i}", real=True) for i in range(d))
    return slopes, matrix, Part((*slopes, *entries), lambda: _examples(place, d), lambda: _examples_text(place, d))


def _examples(place: Any, d: int) -> Made:
    from fpsim.kernels.compiling import block
    from fpsim.kernels.given import of_examples

    columns, slopes, inputs, parameters = _one_example(place, d)
    function, data = block(slopes, inputs, parameters, np.float64)
    part = of_examples(function, d, columns, place.examples.number)
    return part, np.concatenate([np.asarray(place.examples.table, dtype=float).ravel(), data])


def _examples_text(place: Any, d: int) -> tuple[PartText, Array]:
    from fpsim.kernels.texts import PartText
    from landscapes.formula.symbolic import block_code

    columns, slopes, inputs, parameters = _one_example(place, d)
    code, table = block_code(slopes, inputs, parameters, 1), np.asarray(place.examples.table, dtype=float)
    text = PartText("examples", code.source, d, (columns, place.examples.number), d + d * (d + 1) // 2)
    return text, np.concatenate([table.ravel(), code.data])


def _one_example(place: Any, d: int) -> tuple[Any, ...]:
    """Columns of the table; the gradient of one example as formulas, their inputs and parameters."""
    from landscapes.formula.symbolic import derivative, symbol

    examples = place.examples
    if d * examples.number > LARGEST_TABLE:
        raise NotCompiledError(f"{examples.number} examples in {d} dimensions are too many to go through at every step")
    x = [symbol(name) for name in examples.variables]
    rows = [symbol(name) for name, _ in examples.data]
    parameters = {symbol(name): value for name, value in examples.parameters}
    slopes = [derivative(examples.expression, v) for v in x]
    return len(rows), slopes, {"x": x, "u": rows}, parameters
