"""Device functions: a generated step, the random words and the normals, from the very text that the CPU compiles.

``landscapes`` writes a step as a loop over ``width`` lanes; with ``width=1`` it is the step of one thread.  Philox and
the polynomials of the normals are the Python functions of :mod:`fpsim.kernels`, compiled for the other target, so that
a path is the CPU's up to rounding.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType, SimpleNamespace
from typing import Any

import numpy as np
from numba import cuda, types
from numpy.typing import DTypeLike, NDArray

from fpsim.cuda.device import simulated
from fpsim.cuda.fast_normals import pair_fast
from fpsim.kernels.normals import pair_double, pair_single
from fpsim.kernels.philox import lane_words
from fpsim.kernels.texts import ComposedText

u4 = np.uint32
LOW = 0xFFFFFFFF
UNROLLED = 16
"""Dimensions up to which the normals are drawn without a loop."""
KEPT = 32
"""Numbers of a generated function that a thread may keep in registers."""


def block(
    outputs: Sequence[Any], inputs: dict[str, Sequence[Any]], parameters: dict[Any, float], dtype: DTypeLike,
    statements: Sequence[tuple[Any, Any]] = (),
) -> tuple[str, NDArray[Any]]:  # fmt: skip
    """Formulas as the text of a function ``block(*inputs, data, out)`` for one point, and its ``data``."""
    from landscapes.formula.symbolic import block_code

    code = block_code(outputs, inputs, parameters, 1, statements)
    data = np.asarray(code.data, dtype=dtype)
    if not np.isfinite(data).all():
        raise ValueError(f"a parameter does not fit into {data.dtype}: {code.data.tolist()}; use float64")
    return code.source, data


def inlined(function: Callable[..., Any], fast: bool = False) -> Any:
    """A device function that the GPU's compiler pastes into the kernels that call it.

    Pasted in by numba it would be compiled anew at every call, which takes a minute for a step in 100 dimensions.
    ``fast`` takes the hardware's own functions.  Formulas never do: its tanh is good to 2^-11 only, and its sine of
    large numbers to no digit.
    """
    return cuda.jit(device=True, fastmath=fast, **({} if simulated() else {"forceinline": True}))(function)


def generated(source: str, real: str, **known: Any) -> Any:
    """The device function of a generated text, which may call ``known`` ones; numba-cuda has no ``np.floor``."""
    space: dict[str, Any] = {"math": math, "np": np, "floor": np.floor, "ceil": np.ceil, **known}
    if simulated():  # Python's own functions raise where a GPU answers with infinity or no number
        space["math"] = SimpleNamespace(**{name: getattr(np, name, value) for name, value in vars(math).items()})
    else:
        from numba.cuda import libdevice

        single = real == "float32"
        space["floor"] = libdevice.floorf if single else libdevice.floor
        space["ceil"] = libdevice.ceilf if single else libdevice.ceil
    text = re.sub(r"\bnp\.(floor|ceil)\(", r"\1(", source)
    if "local(" in source:  # a network's
        space |= {"tanh": space["math"].tanh, "logistic": logistic(real)}
        if simulated():  # whose threads take turns with the name ``cuda``
            space["local"] = partial(np.empty, dtype=real)
        else:
            space |= {"cuda": cuda, "number": getattr(types, real)}
            text = re.sub(r"\blocal\((\d+)\)", r"cuda.local.array(\1, number)", text)
    exec(compile(text, "<generated step>", "exec"), space)
    return inlined(space["block"])


def logistic(real: str) -> Any:
    """``1/(1 + exp(-u))`` in one precision."""
    one, exp = np.dtype(real).type(1), np.exp if simulated() else math.exp

    def function(u):
        """Of one number."""
        return one / (one + exp(-u))

    return inlined(function)


def near(source: str | ComposedText, numbers: int, real: str) -> tuple[int, Any]:
    """How many of a step's ``numbers`` a thread keeps for itself, and ``fetch(data, own)``, which gives what to read.

    A few numbers are best kept in registers; tables, which are read at places known only later, stay where they are.
    """
    own = numbers if isinstance(source, str) and numbers <= KEPT and "int(" not in source else 0

    def copy(data, mine):
        """Into the thread's own."""
        for i in range(own):
            mine[i] = data[i]
        return mine

    def leave(data, mine):
        """Where they are."""
        return data

    return max(own, 1), inlined(copy if own else leave)


def _bits() -> dict[str, Any]:
    """Reading the bits of floats as integers and back, under the names that the CPU's normals use."""
    names = "float_bits", "bits_float", "double_bits", "bits_double"
    if simulated():
        kinds = np.int32, np.float32, np.int64, np.float64
        return {name: (lambda value, kind=kind: value.view(kind)) for name, kind in zip(names, kinds, strict=True)}
    from numba.cuda import libdevice as device

    casts = device.float_as_int, device.int_as_float, device.double_as_longlong, device.longlong_as_double
    return dict(zip(names, casts, strict=True))


def again(compiled: Any, fast: bool = False, **replaced: Any) -> Any:
    """A function of the CPU's kernels for this target, with some of its globals replaced."""
    function = getattr(compiled, "py_func", compiled)
    return inlined(FunctionType(function.__code__, {**function.__globals__, **replaced}, function.__name__), fast)


def pair_function(real: str, fast: bool = False) -> Any:
    """Two normals from two words; ``fast`` ones are of single precision."""
    return again(pair_fast if fast else pair_single if real == "float32" else pair_double, fast, **_bits())


def words_function() -> Any:
    """``words(quad, tag, path, key0, key1)``: the four words of a counter; quad and path below 2^48."""
    philox = again(lane_words)

    def words(quad, tag, path, key0, key1):
        """As :func:`fpsim.kernels.philox.lane_words` of one lane."""
        high = u4((path >> 32) | ((quad >> 32) << 16))
        return philox(u4(quad & LOW), u4(tag), u4(path & LOW), high, key0, key1)

    return inlined(words)


def draw_function(dimension: int, real: str, fast: bool = False) -> Any:
    """``draw(z, quad, path, stream, key0, key1)``: the normals of four steps into ``z`` (4, d).

    In few dimensions it has no loop: places known beforehand are registers, others are searched for or in memory.
    """
    words, pair = words_function(), pair_function(real, fast)

    def normals(quad, tag, path, key0, key1):
        """Of four steps, from the four words of a counter."""
        a, b, c, e = words(quad, tag, path, key0, key1)
        first, second = pair(a, b)
        third, fourth = pair(c, e)
        return first, second, third, fourth

    four = inlined(normals)

    def draw(z, quad, path, stream, key0, key1):
        """All coordinates, one after the other."""
        for i in range(dimension):
            z[0, i], z[1, i], z[2, i], z[3, i] = four(quad, (stream << 24) | i, path, key0, key1)

    if dimension > UNROLLED:
        return inlined(draw)
    rows = (
        f"    z[0, {i}], z[1, {i}], z[2, {i}], z[3, {i}] = four(quad, (stream << 24) | {i}, path, key0, key1)\n"
        for i in range(dimension)
    )
    space = {"four": four}
    exec(f"def draw(z, quad, path, stream, key0, key1):\n{''.join(rows)}", space)
    return inlined(space["draw"])


def kick_function(dimension: int) -> Any:
    """``choose(z, k, kick)``: row k of ``z`` (4, d), read at constant places, so that z can live in registers."""

    def choose(z, k, kick):
        """Kick = z[k]."""
        for i in range(dimension):
            kick[i] = z[0, i] if k == 0 else (z[1, i] if k == 1 else (z[2, i] if k == 2 else z[3, i]))

    return inlined(choose)


def column_functions(dimension: int) -> tuple[Any, Any]:
    """``take(rows, j, x)`` and ``put(x, rows, j)``: a column of ``rows`` (d, n) into ``x`` (d,), and back."""

    def take(rows, j, x):
        """The column j as x."""
        for i in range(dimension):
            x[i] = rows[i, j]

    def put(x, rows, j):
        """The column j from x."""
        for i in range(dimension):
            rows[i, j] = x[i]

    return inlined(take), inlined(put)


def frame_function(dimension: int) -> Any:
    """``keep(x, frames, frame, lane)``: x into ``frames`` (F, d, paths), where there are any."""

    def keep(x, frames, frame, lane):
        """One frame of one path."""
        if frames.shape[0] > 0:
            for i in range(dimension):
                frames[frame, i, lane] = x[i]

    return inlined(keep)


def copy_function(dimension: int) -> Any:
    """``copy(a, b)``: b = a, both (d,)."""

    def copy(a, b):
        """The coordinates of ``a`` into ``b``."""
        for i in range(dimension):
            b[i] = a[i]

    return inlined(copy)


def lost_function(dimension: int) -> Any:
    """``lost(x, limit)``: whether a coordinate of ``x`` (d,) has left the finite numbers."""

    def lost(x, limit):
        """Any coordinate, or NaN."""
        gone = False
        for i in range(dimension):
            if not (abs(x[i]) <= limit):
                gone = True
        return gone

    return inlined(lost)
