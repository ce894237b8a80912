"""``fpsim doctor``: what this installation has, what it lacks, and how to get it."""

from __future__ import annotations

import ctypes.util
import importlib.util
import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

NEEDED = ("numpy", "scipy", "numba", "sympy", "matplotlib", "xarray", "h5netcdf")
EXTRAS = {
    "network": ("torch", "networks: their slices, gradient noise, SGD in all parameters"),
    "animation": ("manim", "films by Manim; kramers, arrhenius and network are drawn without it"),
    "cluster": ("dask", "sweeps on a cluster"),
    "explore": ("starlette", "the page in the browser"),
    "gpu": ("numba_cuda", 'device="cuda"'),
}
"""Extra -> the package that it is known by, and what it is for."""


class Finding(NamedTuple):
    """One line: what was looked at, whether all is well (``None``: it may be absent), and what there is to say."""

    what: str
    well: bool | None
    words: str

    def __str__(self) -> str:
        mark = {True: "ok", False: "FAILS", None: "-"}[self.well]
        return f"{mark:<6}{self.what:<14}{self.words}"


def doctor() -> None:
    """What is installed, missing and writable.

    Versions, extras, threads, the cache, a GPU.
    """
    import typer

    from fpsim import __version__

    print(f"fpsim {__version__}, Python {platform.python_version()}, {platform.platform()}")
    found = [*_packages(), *_extras(), _threads(), _cache(), _gpu()]
    print("\n".join(map(str, found)))
    if any(one.well is False for one in found):
        raise typer.Exit(1)


def _packages() -> Iterator[Finding]:
    for name in NEEDED:
        try:
            yield Finding(name, True, version(name))
        except PackageNotFoundError:
            yield Finding(name, False, "missing, and nothing works without it; install fpsim-sgd again")


def _extras() -> Iterator[Finding]:
    for extra, (package, purpose) in EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            yield Finding(extra, None, f"not installed ({purpose}): pip install 'fpsim-sgd[{extra}]'")
        else:
            yield Finding(extra, True, f"{package} {version(package)} ({purpose})")


def _threads() -> Finding:
    """How many threads paths run on."""
    asked = os.environ.get("NUMBA_NUM_THREADS")
    fewer = f"NUMBA_NUM_THREADS={asked}" if asked else "--threads or NUMBA_NUM_THREADS ask for fewer"
    return Finding("threads", True, f"{os.cpu_count() or 1} cores; {fewer}")


def _cache() -> Finding:
    """Whether compiled code can be kept."""
    from fpsim.kernels.compiling import cache_folder

    try:
        folder = cache_folder()
    except ValueError as error:
        return Finding("cache", False, str(error))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Finding("cache", True, f"{folder} ({size / 1e6:.1f} MB of compiled code; it may be deleted)")


def _gpu() -> Finding:
    """Whether the driver of an NVIDIA card answers."""
    library = ctypes.util.find_library("cuda")
    count = ctypes.c_int(0)
    try:
        if library is not None:
            driver = ctypes.CDLL(library)
            if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value:
                return Finding("GPU", True, f"{count.value} NVIDIA card(s) under the driver's CUDA")
    except OSError:
        pass
    return Finding("GPU", None, "no NVIDIA card answers; everything runs on the CPU")
