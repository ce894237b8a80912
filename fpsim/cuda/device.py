"""Which device does a piece of work, and in one sentence why the GPU cannot."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import DTypeLike

Device = Literal["cpu", "cuda", "auto"]
DEVICES: tuple[Device, ...] = get_args(Device)
WORTH = 2e9
"""Coordinate-steps per CPU core from which on ``"auto"`` asks for a GPU: about 8 s of the core.  To start CUDA and to
compile a kernel takes about 4 s."""
LEAST = (7, 5)
"""Compute capability from which on numba-cuda compiles."""
EXIT_STEPS = 1000
"""Steps that an exit is taken to last where no horizon bounds it: how many it will be is not known beforehand."""


TOO_LARGE = ("OUT_OF_MEMORY", "too much local")
"""What CUDA says of memory that was asked for and is not there, for arrays or for a thread's own."""


class NoGPUError(ValueError):
    """There is no GPU that could be used."""


def chosen(device: str, work: float, has_text: Callable[[], bool] = lambda: True) -> Literal["cpu", "cuda"]:
    """``"cpu"`` or ``"cuda"`` for ``work`` coordinate-steps of what has a text for GPUs, or not.

    ``"auto"`` takes the GPU for work of at least :data:`WORTH` per core, if one is there and usable.

    Raises:
        NoGPUError: for ``"cuda"`` without a usable GPU.
        ValueError: for ``"cuda"`` without formulas that compile, or for another word.
    """
    if device not in DEVICES:
        raise ValueError(f"device must be 'cpu', 'cuda' or 'auto'; got {device!r}")
    if device == "cpu" or (device == "auto" and work < WORTH * (os.cpu_count() or 1)):
        return "cpu"
    if not has_text():
        if device == "cuda":
            raise ValueError(
                "a GPU runs formulas, and this SDE has none that compile (plain Python functions, a full D(x) of many "
                "entries; between walls or in float32 also |H(x)| beyond two dimensions); use device='cpu'"
            )
        return "cpu"
    try:
        require_gpu()
    except NoGPUError:
        if device == "cuda":
            raise
        return "cpu"
    return "cuda"


def check_fast_math(fast_math: bool, device: str, dtype: DTypeLike) -> None:
    """``ValueError`` for fast math where there is none: on the CPU, whose loops have one arithmetic, and in double."""
    if fast_math and device == "cpu":
        raise ValueError("fast_math=True takes a GPU's own log, sin and cos: give device='cuda', or leave it out")
    if fast_math and np.dtype(dtype) != np.float32:
        raise ValueError(
            f"fast_math=True is for single precision, in which a GPU has log, sin and cos of its own; got "
            f"{np.dtype(dtype).name}: give dtype='float32', or leave it out"
        )


def simulated() -> bool:
    """Whether numba runs CUDA kernels in its simulator (``NUMBA_ENABLE_CUDASIM=1`` before the first import)."""
    import numba

    return bool(numba.config.ENABLE_CUDASIM)


def require_gpu() -> None:
    """Raise :class:`NoGPUError` unless numba-cuda is installed and finds a GPU, or CUDA is simulated."""
    if simulated():
        return
    if find_spec("numba_cuda") is None:
        raise NoGPUError(
            "device='cuda' needs the package numba-cuda, which is not installed; "
            "run: pip install -c constraints.txt -e '.[gpu]', or leave device= out"
        )
    cuda = _imported()
    if (error := cuda.cuda_error()) is not None:
        raise NoGPUError(
            f"device='cuda' needs an NVIDIA GPU and its driver, and none answers here ({_line(error)}); leave device= "
            "out"
        )
    if not cuda.is_available():
        raise NoGPUError(
            "device='cuda' needs the compiler that NVIDIA's packages bring (libnvvm), and numba-cuda does not find it; "
            "run: pip install -c constraints.txt -e '.[gpu]', or leave device= out"
        )
    _try_compiler(cuda)


@lru_cache(maxsize=4)
def _try_compiler(cuda: Any) -> None:
    try:
        cuda.compile_ptx(_nothing, (), cc=LEAST)
    except Exception as failure:  # under NumPy 2.5 an AttributeError
        raise _unfit("compile", failure) from failure


def _nothing() -> None:
    """What is compiled to see whether anything can be."""


def _imported() -> Any:
    try:
        from numba import cuda
    except Exception as error:  # whatever another package's import may raise
        raise _unfit("be imported", error) from error
    return cuda


def _unfit(what: str, error: Exception) -> NoGPUError:
    return NoGPUError(
        f"numba-cuda {_version('numba-cuda')} cannot {what} under NumPy {np.__version__} ({_line(error)}); "
        "fpsim is tested with numba-cuda 0.30.4, which needs NumPy < 2.5"
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(of unknown version)"


def _line(error: Any) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextmanager
def within_memory() -> Iterator[None]:
    """``MemoryError``, in a sentence, for what the GPU's memory does not hold: CUDA has errors of its own for it."""
    try:
        yield
    except Exception as error:
        if not any(words in str(error) for words in TOO_LARGE):
            raise
        raise MemoryError(
            f"the GPU's memory does not hold this run ({_line(error)}); free what else is in it, or use device='cpu'"
        ) from error


def gpu_name() -> str:
    """The name of the GPU in use."""
    if simulated():
        return "simulated"
    from numba import cuda

    name = cuda.get_current_device().name
    return name.decode() if isinstance(name, bytes) else str(name)


def multiprocessors() -> int:
    """How many blocks of threads run at once at least; 2 in the simulator."""
    if simulated():
        return 2
    from numba import cuda

    return int(cuda.get_current_device().MULTIPROCESSOR_COUNT)


def free_memory() -> float:
    """Bytes of the GPU's memory that are free."""
    if simulated():
        return 2.0**30
    from numba import cuda

    return float(cuda.current_context().get_memory_info()[0])
