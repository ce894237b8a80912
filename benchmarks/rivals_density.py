"""py-pde and fplanck on the density benchmark, on one core: prints one JSON object.

py-pde solves the conservative form with the density zero at the walls (a zero slope there would let mass in), through
scipy's solve_ivp: LSODA, LSODA with the band of the matrix named, and in the plane RK23, since an implicit step needs
a dense matrix there.  fplanck takes the potential and calls expm_multiply.  Seconds are processor time of the solve
alone, after a solve that compiles; what is not installed is said and left out.  "run.py" runs it with the rivals'
interpreter, and keeps it on one core.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import warnings
from typing import Any

import exact_density as problem
from exact_density import row
from measuring import installed, timed

BANDED = {"method": "LSODA", "lband": 2, "uband": 2}


def py_pde(cells: int, dimension: int, name: str, options: dict[str, Any], rounds: int) -> dict[str, Any]:
    pde: Any = importlib.import_module("pde")
    grid = pde.CartesianGrid([(problem.LOW, problem.HIGH)] * dimension, cells)
    pull = "d_dx((x**3 - x) * p)" + (" + d_dy(y * p)" if dimension == 2 else "")
    equation = pde.PDE({"p": f"{problem.DIFFUSION} * laplace(p) + {pull}"}, bc={"value": 0})
    field = pde.ScalarField(grid, problem.start(cells, dimension))

    def solve(t: float) -> Any:
        return equation.solve(field, t_range=t, tracker=None, solver="scipy", **options)

    _, setup = timed(lambda: solve(1e-3))
    found, seconds = timed(lambda: solve(problem.TIME), rounds)
    return row(f"py-pde {name}", cells, found.data, seconds, *setup)


def fplanck(cells: int, dimension: int) -> dict[str, Any]:
    from scipy import constants

    solver: Any = importlib.import_module("fplanck.solver")

    def potential(x: Any, y: Any = 0.0) -> Any:
        return (x**2 - 1) ** 2 / 4 + y**2 / 2

    width = (problem.HIGH - problem.LOW) / cells
    model, setup = timed(
        lambda: solver.FokkerPlanck(
            temperature=problem.DIFFUSION / constants.k,
            drag=1.0,
            extent=[width * (cells - 0.5)] * dimension,  # rounded up to whole cells
            resolution=width,
            potential=potential,
        )
    )
    p, seconds = timed(lambda: model.propagate(lambda *_: problem.start(cells, dimension), problem.TIME))
    return row("fplanck", cells, p / width**dimension, seconds, *setup)


def here(package: str, module: str) -> str:
    """The version, or why it cannot be had."""
    try:
        importlib.import_module(module)
    except ImportError as problem_met:
        if package == "fplanck" and sys.version_info < (3, 12):
            return f"not installed: fplanck 1.x needs Python >= 3.12, the rivals' is {sys.version.split()[0]}"
        return f"not installed ({problem_met})"
    return str(installed(package))


def main() -> None:
    parser = argparse.ArgumentParser(description="py-pde and fplanck on fpsim's density benchmark, on one core.")
    parser.add_argument("--quick", action="store_true", help="coarse grids only")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    versions = {"py-pde": here("py-pde", "pde"), "fplanck": here("fplanck", "fplanck")}
    rows = []
    if not versions["py-pde"].startswith("not"):
        for cells in (200,) if quick else (200, 1000):
            rows += [
                py_pde(cells, 1, "LSODA", {"method": "LSODA"}, 3),
                py_pde(cells, 1, "LSODA banded", BANDED, 5),
                py_pde(cells, 1, "LSODA banded, tight", {**BANDED, "rtol": 1e-7, "atol": 1e-10}, 5),
            ]
        rows.append(py_pde(60 if quick else 200, 2, "RK23", {"method": "RK23"}, 1))
    if not versions["fplanck"].startswith("not"):
        rows += [fplanck(cells, 1) for cells in ((200,) if quick else (200, 1000))]
        rows.append(fplanck(60 if quick else 200, 2))
    print(json.dumps({"python": sys.version.split()[0], "versions": versions, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
