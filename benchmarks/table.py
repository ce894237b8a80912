"""The README's tables of speed from what run.py wrote:  python benchmarks/table.py [FILE.json]"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("cpu.json")
SPEED = "path_steps_per_second"
Row = dict[str, Any]


def number(value: float) -> str:
    """Two digits, with a power of ten where it is large."""
    if value >= 1e4:
        power = math.floor(math.log10(value * (1 + 1e-9)))
        return f"{value / 10**power:.1f}e{power}"
    return f"{value:.2g}" if value < 10 else f"{value:.0f}"


def time(seconds: float) -> str:
    """Seconds or milliseconds."""
    return f"{number(seconds)} s" if seconds >= 0.1 else f"{number(1e3 * seconds)} ms"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Markdown."""
    return ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]] + [""]


def of_paths(report: Row) -> list[str]:
    """Path-steps per second."""
    one, found, ten = report["double well"], report["diffrax"], report["coupled wells"]
    speed = {name: number(row[SPEED]) for name, row in one.items()}
    rows = [
        ["fpsim float32 / float64", f"{speed['fpsim float32']} / {speed['fpsim float64']}"],
        ["a plain numba loop with `np.random`, float64", speed["plain numba float64"]],
        ["NumPy (SFC64), float32", speed["numpy float32"]],
    ]
    left = report["exits"]["float32"]["exits_per_second"]
    more = [
        ["exits/s with the bridge, D = 0.1, step 0.01, float32", number(left), "not measured"],
        ["ten coupled wells, path-steps/s, float32", number(ten["fpsim float32"][SPEED]),
         f"{number(ten['numpy float32'][SPEED])} (NumPy)"],
    ]  # fmt: skip
    if found:
        both = [number(found[name][SPEED]) for name in ("double_well", "double_well_one_state")]
        rows.append(["diffrax, vmap over paths / all paths as one state, float32", " / ".join(both)])
        more[0][2] = f"{number(found['exits']['exits_per_second'])} (diffrax events)"
        more[1][2] += f", {number(found['coupled_wells'][SPEED])} (diffrax)"
    size = f"double well, {number(one['fpsim float32']['paths'])} paths, 1000 steps"
    kept = report["memory"]
    memory = f"{kept['peak_megabytes']:.0f} MB for the moments of {kept['paths']:g} paths of {kept['steps']:g} steps"
    ratio = f"float32 over the plain numba loop: {report['ratios']['float32 over plain numba float64']:.1f} times"
    return [*table([size, "path-steps/s"], rows), *table(["", "fpsim", "rival"], more), f"{ratio}; {memory}", ""]


def of_replicas(report: Row) -> list[str]:
    """Mini-batch steps of a network."""
    names = ("loop", "grouped", "compiled")
    return table(
        ["width (parameters), examples", "loop", '`"grouped"` (torch)', '`"compiled"`, the default', "over the loop"],
        [
            [f"{r['width']} ({r['parameters']}), {r['batch_size']}",
             *(number(r[f"{name}_ms_per_replica_step"]) for name in names), number(r["compiled_over_loop"])]
            for r in report["rows"]
        ],
    )  # fmt: skip


def of_bias(report: Row) -> list[str]:
    """Seconds at the same bias."""
    rows = [[f"{r['bias']:g}", *map(str, r["steps"].values()), number(r["ratio"])] for r in report["rows"]]
    return table(["bias of the mean of x^2", "steps, Euler-Maruyama", "steps, weak-2", "times as fast"], rows)


def of_density(report: Row) -> list[str]:
    """Densities beside their rivals, and mean first-passage times."""
    rows = []
    for r in report["densities"]:
        how, cells = r["tool"] + (f", {r['method']}" if "method" in r else ""), f"{r['cells']}^{r['dimension']}"
        rows.append([cells, how, time(r["seconds"]), f"{r['error']:.1e}"])
    swirl = report["swirl"]
    for tool, seconds in (("fpsim", swirl["seconds"]), ("scipy expm_multiply", swirl["expm_multiply"])):
        rows.append([f"{swirl['cells']}^2, no gradient", tool, time(seconds), f"{swirl['apart']:.0e} apart"])
    for r in report["passages"]:
        size = f"{r['cells']}^{r['dimension']}, mean first passage"
        rows.append([size, r["tool"], time(r["setup_seconds"] + r["seconds"]), f"{abs(r['relative_error']):.0e}"])
    return table(["cells", "tool", "seconds", "error"], rows)


TABLES = {"paths": of_paths, "replicas": of_replicas, "equal_bias": of_bias, "density": of_density}


def main() -> None:
    report = json.loads(Path(sys.argv[1] if len(sys.argv) > 1 else FILE).read_text())
    facts = {"fpsim": report["fpsim"], **report["machine"]}
    print(", ".join(f"{name} {value}" for name, value in facts.items()) + ", QUICK" * report["quick"])
    for name, made in TABLES.items():
        if name in report:
            print("", *made(report[name]), sep="\n", end="")


if __name__ == "__main__":
    main()
