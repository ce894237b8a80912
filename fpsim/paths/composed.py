"""Formulas of which some symbols are the numbers of compiled parts (:mod:`fpsim.sde.given`), for the kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from fpsim.sde.given import GivenSDE, NotCompiledError, given_sde
from fpsim.sde.sde import SDE

Made = tuple[Any, NDArray[Any]]
WORTH = 1e8
"""Coordinate-steps from which on parts are compiled, in some seconds of each process: about as long as NumPy takes."""


def composed_block(
    device: str, given: GivenSDE, outputs: Sequence[Any], inputs: dict[str, Any], parameters: dict[Any, float],
    statements: Sequence[tuple[Any, Any]],
) -> Made | None:  # fmt: skip
    """A function of ``inputs`` (x, or x and z) and its numbers; ``None`` if a part does not compile.

    Parts that nothing needs are left out.
    """
    from fpsim.kernels.given import UncompiledError

    try:
        return _block(device, given, outputs, inputs, parameters, statements)
    except (NotCompiledError, UncompiledError):
        return None


def _block(
    device: str, given: GivenSDE, outputs: Sequence[Any], inputs: dict[str, Any], parameters: dict[Any, float],
    statements: Sequence[tuple[Any, Any]],
) -> Made:  # fmt: skip
    if device == "cuda":
        from fpsim.cuda.functions import block
    else:
        from fpsim.kernels.compiling import block

    needed = set().union(*(_symbols(f) for f in (*outputs, *(formula for _, formula in statements))))
    parts = [part for part in given.parts if needed & set(part.symbols)]
    if not parts:
        return block(outputs, inputs, parameters, np.float64, statements)
    rows = [symbol for part in parts for symbol in part.symbols]
    inner, data = block(outputs, {**inputs, "g": rows}, parameters, np.float64, statements)
    made = [part.text() if device == "cuda" and part.text else part.make() for part in parts]
    sizes = [data.size, *(own.size for _, own in made)]
    ends = np.cumsum(sizes).tolist()
    numbers = np.concatenate([data, *(own for _, own in made)])
    if device == "cuda":
        from fpsim.kernels.texts import ComposedText

        texts = tuple(zip((text for text, _ in made), ends[:-1], ends[1:], strict=True))
        return ComposedText(inner, texts, data.size, "z" in inputs), numbers
    from fpsim.kernels.given import composed, joined

    pieces = [(function, len(part.symbols), begin, own.size)
              for part, (function, own), begin in zip(parts, made, ends[:-1], strict=True)]  # fmt: skip
    return composed(inner, joined(tuple(pieces)), len(rows), data.size, "z" in inputs), numbers


def _symbols(formula: Any) -> set[Any]:
    return set(getattr(formula, "free_symbols", ()))


def parts_of(sde: SDE, work: float, dtype: DTypeLike, device: str) -> GivenSDE | None:
    """The SDE in parts that compile, if it has any and ``work`` (coordinate-steps) is worth it; in float64.

    A GPU has no plain functions, and takes any work but none, which stands for walls.
    """
    least = WORTH if device == "cpu" else 1.0
    if sde.symbolic is not None or work < least or np.dtype(dtype) != np.float64:
        return None
    try:
        found = given_sde(sde)
    except NotCompiledError:
        return None
    return None if device == "cuda" and any(part.text is None for part in found.parts) else found


def has_text(sde: SDE, work: float, dtype: DTypeLike) -> bool:
    """Whether its steps are formulas, or such parts, for a GPU."""
    return sde.symbolic is not None or parts_of(sde, work, dtype, "cuda") is not None


def why_numpy(sde: SDE, work: float, in_space: bool = True) -> str:
    """Why a run was not compiled, in words."""
    from fpsim.kernels.given import UncompiledError

    if work < WORTH:
        return "too few steps to be worth compiling plain functions"
    if not in_space:
        return "plain functions between walls are not compiled"
    try:
        for part in given_sde(sde).parts:
            part.make()
    except (NotCompiledError, UncompiledError) as error:
        return str(error)
    return "the target is a plain function"
