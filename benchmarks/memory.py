"""How memory and time grow with paths, steps, dimensions and cells: one process per point, on one core.

    paths        double well, 100 steps: moments, final states, exits (until t = 10, step 0.01), all 101 frames
    steps        double well, 256 paths: the final state, and the moments after every step
    dimensions   a ring of coupled wells, 2^14 paths, 100 steps: the final state
    cells        mean first-passage time on a grid, 1-D (double well), 2-D and 3-D (ring of coupled wells)
    density      its evolution to t = 1 on the grids of one and two dimensions

A process does the same at a small size first, so that what is loaded and compiled counts for nothing; then the kernel's
mark of the highest resident memory is reset, and what is reported is how far the work lifts it (Linux only).  Seconds
are those of the processor.

    python benchmarks/memory.py [--quick] [--output FILE.json] [--picture FILE.png]
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import HERE, machine, one_core, write

STEP, DIFFUSION = 0.01, 0.25
Row = dict[str, float]


def sde(dimension: int = 1) -> Any:
    """The double well, or a ring of them."""
    import fpsim
    import landscapes

    place = landscapes.DoubleWell() if dimension == 1 else landscapes.CoupledDoubleWells(dimension, coupling=0.5)
    return fpsim.SDE(place, fpsim.ConstantDiffusion(DIFFUSION))


def walk(paths: int, steps: int = 100, dimension: int = 1, keep: str = "final", every: int | None = None) -> None:
    """One ensemble."""
    import fpsim

    kept: Any = keep
    fpsim.simulate(sde(dimension), -np.ones(dimension), steps * STEP, STEP, paths, every or steps, 0, 1, None, kept)


def leave(paths: int) -> None:
    """Exits, censored at t = 10."""
    from fpsim.paths.exits import exit_times
    from fpsim.targets import Point

    exit_times(sde(), -1.0, Point(0.0, -1.0), paths, STEP, horizon=10.0, threads=1)


def grid(cells: int, dimension: int) -> Any:
    """The Fokker-Planck operator on about so many cells in all."""
    import fpsim

    each = max(8, round(cells ** (1 / dimension)))
    return fpsim.FokkerPlanck(sde(dimension), fpsim.Grid(*[(-2.0, 2.0, each)] * dimension))


def arrive(cells: int, dimension: int) -> None:
    """Mean first-passage times from every cell."""
    import fpsim

    target: Any = 1.0 if dimension == 1 else fpsim.Ball([1.0] * dimension, 0.5)
    grid(cells, dimension).mean_first_passage_time(target)


def evolve(cells: int, dimension: int) -> None:
    """A density to t = 1."""
    operator = grid(cells, dimension)
    operator.evolve(np.full(operator.grid.shape, 4.0**-dimension), [1.0])


WORK: dict[str, tuple[Callable[[int], None], int, float, float]] = {
    "paths: moments": (lambda n: walk(n, keep="moments"), 256, 2e4, 5e6),
    "paths: final states": (lambda n: walk(n), 256, 2e4, 5e6),
    "paths: exits": (leave, 256, 2e4, 5e5),
    "paths: 101 frames": (lambda n: walk(n, keep="paths", every=1), 256, 2e3, 1e5),
    "steps: final state": (lambda n: walk(256, n), 16, 1e3, 3e5),
    "steps: moments of each": (lambda n: walk(256, n, keep="moments", every=1), 16, 1e3, 6e4),
    "dimensions: final state": (lambda n: walk(2**14, dimension=n), 0, 2, 64),
    "cells: 1-D": (lambda n: arrive(n, 1), 64, 1e3, 3e5),
    "cells: 2-D": (lambda n: arrive(n, 2), 100, 1e3, 1e5),
    "cells: 3-D": (lambda n: arrive(n, 3), 1000, 2e3, 3e4),
    "density: 1-D": (lambda n: evolve(n, 1), 64, 1e3, 3e5),
    "density: 2-D": (lambda n: evolve(n, 2), 100, 1e3, 2e4),
}
"""What is done with a size, a small size to begin with (0: the size itself), and the smallest and largest measured."""
POINTS = 4


def resident(mark: str) -> float:
    """Megabytes of this process: ``VmRSS``, now, or ``VmHWM``, at the most."""
    status = Path("/proc/self/status").read_text()
    return next(float(line.split()[1]) for line in status.splitlines() if line.startswith(mark)) / 1024


def one(name: str, size: int) -> Row:
    """Work of one size, in this process."""
    work, small, *_ = WORK[name]
    if small:
        work(small)
    else:  # compiled for each dimension
        walk(256, 8, dimension=size)
    Path("/proc/self/clear_refs").write_text("5")
    before, began = resident("VmRSS"), time.process_time()
    work(size)
    seconds = time.process_time() - began
    return {"size": size, "megabytes": max(resident("VmHWM") - before, 0.0), "seconds": seconds}


def sizes(name: str, quick: bool) -> list[int]:
    """Sizes in even ratios."""
    *_, low, high = WORK[name]
    return [round(n) for n in np.geomspace(low, high / 10 if quick else high, 3 if quick else POINTS)]


def growth(rows: list[Row], quantity: str) -> str:
    """That between the last two sizes as a power, in words where it is too little to tell."""
    before, last = rows[-2:]
    if min(before[quantity], last[quantity]) < (1.0 if quantity == "megabytes" else 0.01):
        return f"{quantity} too few to tell"
    power = math.log(last[quantity] / before[quantity]) / math.log(last["size"] / before["size"])
    return f"{quantity} ~ size^{power:.2f}"


def measured(quick: bool) -> dict[str, list[Row]]:
    """All points, each in a process of its own."""
    found: dict[str, list[Row]] = {}
    for name in WORK:
        for size in sizes(name, quick):
            command = [sys.executable, __file__, "--one", name, str(size)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found.setdefault(name, []).append(json.loads(done.stdout))
        last = found[name][-1]
        rates = ", ".join(growth(found[name], what) for what in ("megabytes", "seconds"))
        print(
            f"{name:24s} {last['size']:9.3g}: {last['megabytes']:8.1f} MB {last['seconds']:8.2f} s   {rates}",
            flush=True,
        )
    return found


def draw(found: dict[str, list[Row]], file: Path) -> None:
    """Memory over size, a panel for each kind of size."""
    from fpsim.plotting.style import new_figure, tidy

    kinds = dict.fromkeys(name.partition(":")[0] for name in found)
    figure = new_figure(3.0 * len(kinds), 2.9)
    for k, kind in enumerate(kinds):
        axes = figure.add_subplot(1, len(kinds), k + 1)
        for name, rows in found.items():
            if name.startswith(kind):
                x = [row["size"] for row in rows]
                axes.loglog(x, [max(row["megabytes"], 0.1) for row in rows], "o-", ms=3, label=name.partition(": ")[2])
        tidy(axes, "cells" if kind == "density" else kind, "megabytes" if k == 0 else "")
        axes.set_ylim(0.08, 4000)
        if kind == "dimensions":
            axes.set_xticks(x, [f"{size:g}" for size in x], minor=False)
            axes.minorticks_off()
        axes.set_title({"cells": "mean first-passage time", "density": "density at t = 1"}.get(kind, kind), fontsize=9)
        axes.legend(frameon=False, fontsize=7)
    figure.savefig(file, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", nargs=2, metavar=("NAME", "SIZE"), help="one point, in this process")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller sizes")
    parser.add_argument("--output", type=Path, default=HERE / "results" / "memory.json")
    parser.add_argument("--picture", type=Path)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(options.one[0], int(options.one[1]))))
        return
    one_core()
    os.environ["FPSIM_QUIET"] = "1"
    found = measured(options.quick)
    write({"machine": machine("numpy", "numba", "scipy"), "growth": found}, options.output)
    print(f"wrote {options.output}")
    if options.picture:
        draw(found, options.picture)
        print(f"wrote {options.picture}")


if __name__ == "__main__":
    main()
