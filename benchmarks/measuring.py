"""What all benchmarks share: one core, processor time, turns, ratios, the machine's name.  Standard library only.

Import it before NumPy: libraries read how many threads they may have when they are loaded.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
Row = dict[str, Any]
CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def one_core() -> None:
    """Keep this process, and what its libraries start, on one core."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    if CORES:
        os.sched_setaffinity(0, CORES[:1])


def timed(function: Callable[[], Any], rounds: int = 1) -> tuple[Any, list[float]]:
    """The last answer, and processor seconds of each round."""
    seconds, answer = [], None
    for _ in range(rounds):
        began = time.process_time()
        answer = function()
        seconds.append(time.process_time() - began)
    return answer, seconds


def turns(contestants: dict[str, Callable[[], Any]], rounds: int) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Last answers, and processor seconds of each turn: a noisy machine moves all who take turns."""
    answers: dict[str, Any] = {}
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            answers[name], took = timed(function)
            seconds[name] += took
    return answers, seconds


def gain(slow: list[float], fast: list[float]) -> float:
    """Median over the turns of one contestant's seconds over another's."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def machine(*packages: str) -> dict[str, Any]:
    """Processor, system, load and versions."""
    info = Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return {
        "cpu": names[0].split(":")[1].strip() if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(), "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(), "date": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version(), **{name: installed(name) for name in packages}},
    }  # fmt: skip


def installed(package: str) -> str | None:
    """The version of a package, if it is here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def rival(interpreter: str, script: str, quick: bool) -> dict[str, Any]:
    """What a script of this folder prints as JSON, run in another environment."""
    command = [interpreter, str(HERE / script), *(["--quick"] if quick else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{script} failed: {done.stderr[-400:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def write(report: dict[str, Any], file: Path) -> None:
    """One JSON file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n")
