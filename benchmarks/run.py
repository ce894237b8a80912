"""Everything in the README's section on speed, in one run on one core: fpsim beside its rivals, one JSON file.

    paths        path-steps and exits per second             plain numba, NumPy, diffrax
    density      densities and mean first-passage times      expm_multiply, py-pde, fplanck
    equal_bias   seconds for the same bias                   Euler-Maruyama
    replicas     mini-batch steps of many networks           torch, one after the other

Seconds are those of the processor; who is compared takes turns, and a ratio is the median over the turns.  Beside each
figure stands a check of what was computed.  Some ten minutes; "table.py" prints the README's tables from the file.

    python benchmarks/run.py [PART ...] [--rivals PYTHON] [--quick] [--output FILE.json]
"""

from __future__ import annotations

import argparse
import importlib
import time
from pathlib import Path

from measuring import HERE, machine, one_core, write

one_core()  # before NumPy is loaded

PARTS = ("paths", "density", "equal_bias", "replicas")
PACKAGES = ("numpy", "numba", "scipy", "xarray", "torch")


def version() -> str:
    import fpsim

    return fpsim.__version__


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; all if left out")
    parser.add_argument("--rivals", help="interpreter of the environment with diffrax, py-pde and fplanck")
    parser.add_argument("--quick", action="store_true", help="small sizes and few turns, to see that it runs")
    parser.add_argument("--output", type=Path, help='JSON file; "cpu.json" for all of it at full size')
    options = parser.parse_args()
    if strange := set(options.parts) - set(PARTS):
        parser.error(f"parts are {', '.join(PARTS)}; got {', '.join(sorted(strange))}")
    file = options.output or HERE / ("results/cpu.json" if options.quick or options.parts else "cpu.json")
    report = {"fpsim": version(), "machine": machine(*PACKAGES), "quick": options.quick, "minutes": {}}
    for name in options.parts or PARTS:
        began, part = time.monotonic(), importlib.import_module(name)
        report[name] = part.measured(options.quick, options.rivals)
        report["minutes"][name] = round((time.monotonic() - began) / 60, 2)
        write(report, file)  # the rest takes longer
        print(f"--- {name}, {report['minutes'][name]:.1f} minutes", *part.lines(report[name]), sep="\n", flush=True)
    print(f"wrote {file}")


if __name__ == "__main__":
    main()
