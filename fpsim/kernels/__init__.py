"""Compiled loops: pure functions on arrays.

Compiled code is kept on disk.  The key is the content of this whole folder, not of one file, since functions inlined
from a neighbouring file are part of the machine code.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any

import numba
import numpy as np
from numpy.typing import DTypeLike

from fpsim.kernels.compiling import announced
from fpsim.kernels.interrupts import heard

BLOCK = 256
"""Paths that a kernel advances together; also the length of a row in every block array."""

MATH = {"contract", "nsz", "arcp"}
"""Liberties given to the compiler.  Never ``nnan`` or ``ninf``: they remove the tests for divergence."""


def _folder_stamp() -> str:
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


_STAMP = _folder_stamp()


class Kernel:
    """A loop that exists once per precision: ``kernel[np.float32]`` compiles it (or loads it) and returns it."""

    def __init__(self, function: Callable[..., Any], signature: Callable[[Any], Any]) -> None:
        self.function, self.signature = function, signature
        self.versions: dict[str, Any] = {}
        self.lock = Lock()
        self.__doc__ = function.__doc__

    def __getitem__(self, dtype: DTypeLike) -> Any:
        name = np.dtype(dtype).name
        with self.lock:
            if name not in self.versions:
                self.versions[name] = self._compile(self.signature(getattr(numba.types, name)))
            return self.versions[name]

    def _compile(self, signature: Any) -> Any:
        # an explicit signature keeps the functions passed in as pointers; without one numba would compile the whole
        # loop again for each of them
        dispatcher = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=MATH)(self.function)
        index = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if index is not None:
            index._source_stamp = _STAMP
        with heard() if _on_disk(dispatcher, signature) else announced(f"the kernel '{self.function.__name__}'"):
            dispatcher.compile(signature)
        dispatcher.disable_compile()
        return dispatcher


def _on_disk(dispatcher: Any, signature: Any) -> bool:
    """Whether numba has kept this version, so that it is read; that takes a tenth of a second, or a busy machine's."""
    try:
        key = dispatcher._cache._index_key(signature, dispatcher.targetctx.codegen())
        return key in dispatcher._cache._cache_file._load_index()
    except AttributeError:  # numba's own business, which may change
        return False


def compiled(signature: Callable[[Any], Any]) -> Callable[[Callable[..., Any]], Kernel]:
    """Mark a loop as a :class:`Kernel`; ``signature`` maps numba's float type to the argument types."""
    return lambda function: Kernel(function, signature)


def inlined(function: Callable[..., Any]) -> Any:
    """A helper that the compiler pastes into the kernels that call it."""
    return numba.njit(forceinline=True, error_model="numpy", fastmath=MATH)(function)


def helper(function: Callable[..., Any]) -> Any:
    """A helper that kernels call, for work that is rare enough not to be pasted in."""
    return numba.njit(nogil=True, error_model="numpy", fastmath=MATH)(function)


@helper
def aligned(size, like):
    """Zeros from a multiple of 64 bytes on, as a vector of 512 bits is best loaded."""
    raw = np.zeros(size + 64 // like.itemsize, like.dtype)
    skip = (-raw.ctypes.data % 64) // like.itemsize
    return raw[skip : skip + size]
