"""Densities and mean first-passage times: error against time, fpsim beside scipy, py-pde and fplanck.

    line     V = (x^2 - 1)^2/4, D = 0.1, box [-2.5, 2.5], p(0) = normal(-1, 0.1), p(10)
    plane    V = (x^2 - 1)^2/4 + y^2/2, the same in x, 200 x 200 cells
    swirl    Maier and Stein's drift (x - x^3 - 3 x y^2, -(1 + x^2) y), no detailed balance, the same grid and start
    passage  mean time from x = -1 to x >= 0 in one, two and three dimensions (exact 30.821302472666)

The error of a density is its L1 distance on the cell centres from the exact one (exact_density.py).  scipy's
expm_multiply works on fpsim's own matrix.  Seconds are processor time of one call, so that other work on the machine
hardly counts, in the median; matrices are made before and compilation is not counted.
"""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import Any

import exact_density as problem
import numpy as np
from exact_density import row
from measuring import Row, rival, timed
from scipy.sparse.linalg import expm_multiply

import fpsim
import landscapes
from fpsim.density.evolution import propagate
from fpsim.density.fokker_planck import FokkerPlanck
from fpsim.density.grid import Grid
from fpsim.density.motion import Motion
from fpsim.routes.grid import escape_time_by_grid
from fpsim.targets import HalfSpace, Point


def sde(dimension: int) -> fpsim.SDE:
    """The double well with harmonic walls along the other axes."""
    names = ["x", "y", "z"][:dimension]
    loss = "(x**2 - 1)**2/4" + "".join(f" + {name}**2/2" for name in names[1:])
    well = landscapes.Landscape.from_expression(loss, variables=" ".join(names))
    return fpsim.SDE(well, fpsim.ConstantDiffusion(problem.DIFFUSION))


def prepared(cells: int, dimension: int) -> tuple[FokkerPlanck, float]:
    """The equation with its matrix made, and the processor seconds that took."""
    began = time.process_time()
    equation = FokkerPlanck(sde(dimension), Grid(*[(problem.LOW, problem.HIGH, cells)] * dimension))
    assert equation.generator.shape == (cells**dimension,) * 2
    return equation, time.process_time() - began


def densities(cells: int, dimension: int, rounds: int, rival: bool, other: str | None = None) -> list[Row]:
    """fpsim, if asked expm_multiply on the same matrix between two halves of fpsim's rounds, and another method."""
    equation, setup = prepared(cells, dimension)
    p = problem.start(cells, dimension)
    equation.evolve(p, [problem.TIME])  # compile
    found, seconds = timed(lambda: equation.evolve(p, [problem.TIME]), rounds)
    rows = []
    if rival:
        # a copy of the matrix times t is its only other work
        q, slow = timed(lambda: expm_multiply(equation.generator * problem.TIME, p.ravel()), 1)
        rows.append(row("scipy expm_multiply", cells, q.reshape(p.shape), slow, setup))
        seconds += timed(lambda: equation.evolve(p, [problem.TIME]), rounds)[1]
    method = found.attrs["method"]
    rows.insert(0, row("fpsim", cells, found["density"].values[0], seconds, setup, method=method))
    if dimension == 1:
        rows.insert(1, row(*_arrays_only(equation, p, 2 * rounds), setup, method=f"{method}, arrays only"))
    if other:
        equation.evolve(p, [problem.TIME / 1e4], method=other)  # compile
        found, seconds = timed(lambda: equation.evolve(p, [problem.TIME], method=other), 1)
        rows.append(row("fpsim", cells, found["density"].values[0], seconds, setup, method=other))
    return rows


def _arrays_only(equation: FokkerPlanck, p: problem.Array, rounds: int) -> tuple[str, int, problem.Array, list[float]]:
    """fpsim without the labelled dataset around the answer."""
    walk, cell = equation.walk, equation.grid.volume
    times = np.array([problem.TIME])
    found, seconds = timed(lambda: propagate(Motion(walk.rates, walk.killing, None, True), p * cell, times), rounds)
    return "fpsim", p.size, found.masses[0] / cell, seconds


def swirl(cells: int) -> Row:
    """fpsim and expm_multiply on one matrix without detailed balance; the error is their L1 distance."""
    flow = landscapes.MaierStein(beta=3.0)
    grid = Grid(*[(problem.LOW, problem.HIGH, cells)] * 2)
    equation = FokkerPlanck(fpsim.SDE(flow, fpsim.ConstantDiffusion(problem.DIFFUSION)), grid)
    p = problem.start(cells, 2)
    equation.evolve(p, [problem.TIME])  # compile
    found, seconds = timed(lambda: equation.evolve(p, [problem.TIME]), 3)
    q, slow = timed(lambda: expm_multiply(equation.generator * problem.TIME, p.ravel()), 1)
    apart = float(np.abs(found["density"].values[0].ravel() - q).sum() * grid.volume)
    ours = statistics.median(seconds)
    return {"cells": cells, "seconds": ours, "expm_multiply": slow[0], "ratio": slow[0] / ours, "apart": apart}


def passages(sizes: dict[int, int]) -> list[Row]:
    """The field of mean first-passage times (and of their variance), dimension -> cells along each axis."""
    rows = []
    for dimension, cells in sizes.items():
        start = np.array([-1.0, 0.0, 0.0][:dimension])
        target = Point(0.0, -1.0) if dimension == 1 else HalfSpace([1.0, 0.0, 0.0][:dimension], 0.0)
        prepared(8, dimension)[0].mean_first_passage_time(target)  # compile
        equation, setup = prepared(cells, dimension)
        rounds = 20 if dimension == 1 else 1
        field, seconds = timed(partial(equation.mean_first_passage_time, target), rounds)
        facts: Row = {"tool": "fpsim", "dimension": dimension, "cells": cells, "seconds": statistics.median(seconds)}
        error = equation.grid.at(field["mean"].values, start) / problem.MEAN_EXIT - 1
        rows.append({**facts, "setup_seconds": setup, "relative_error": error})
    well, target = sde(1), Point(0.0, -1.0)
    escape, seconds = timed(lambda: escape_time_by_grid(well, -1.0, target), 5)
    facts = {"tool": "fpsim, three grids joined", "dimension": 1, "cells": escape.settings["grid"].split("/")[-1]}
    error = escape.mean / problem.MEAN_EXIT - 1
    return [{**facts, "seconds": statistics.median(seconds), "setup_seconds": 0.0, "relative_error": error}, *rows]


def only(rows: list[Row], tool: str, dimension: int, cells: int) -> Row:
    return next(r for r in rows if (r["tool"], r["dimension"], r["cells"]) == (tool, dimension, cells))


def gain(rows: list[Row], rival: str, dimension: int, cells: int) -> float:
    """Seconds of a rival over fpsim's on as many cells."""
    return only(rows, rival, dimension, cells)["seconds"] / only(rows, "fpsim", dimension, cells)["seconds"]


def verdicts(rows: list[Row], passages: list[Row]) -> list[tuple[str, float, str, bool]]:
    """(what, measured, wanted, met) of the full run."""
    line, plane = only(rows, "fpsim", 1, 1000), only(rows, "fpsim", 2, 200)
    whole = {r["dimension"]: r["seconds"] + r["setup_seconds"] for r in passages if r["tool"] == "fpsim"}
    joined = abs(passages[0]["relative_error"])
    table = [
        ("line, 1000 cells: L1 error", line["error"], 4e-6),
        ("line, 1000 cells: seconds", line["seconds"], 2e-3),
        ("line, 1000 cells: times expm_multiply", gain(rows, "scipy expm_multiply", 1, 1000), -1000),
        ("plane, 200 x 200: L1 error", plane["error"], 2e-4),
        ("plane, 200 x 200: times expm_multiply", gain(rows, "scipy expm_multiply", 2, 200), -10),
        ("passage, 400 x 400: seconds with the matrix", whole[2], 5),
        ("passage, 64^3: seconds with the matrix", whole[3], 30),
        ("passage, line, grids joined: relative error", joined, 1e-6),
    ]
    return [
        (what, value, f"{'<=' if limit > 0 else '>='} {abs(limit):g}", value <= limit if limit > 0 else value >= -limit)
        for what, value, limit in table
    ]


def measured(quick: bool, interpreter: str | None) -> dict[str, Any]:
    """All of it; ``interpreter`` is the rivals', with py-pde and fplanck."""
    rows = densities(200, 1, 40, rival=True)
    if not quick:
        rows += densities(1000, 1, 40, rival=True) + densities(10_000, 1, 20, rival=False)
    plane = 60 if quick else 200
    rows += densities(plane, 2, 3, rival=True, other="uniformisation")
    turning = swirl(plane)
    times = passages({1: 1000, 2: 100, 3: 24} if quick else {1: 1000, 2: 400, 3: 64})
    found = rival(interpreter, "rivals_density.py", quick) if interpreter else {"rows": [], "versions": {}}
    rows += found["rows"]
    ratios = {
        f"{r['tool']}, {r['dimension']}-D, {r['cells']} cells": gain(rows, r["tool"], r["dimension"], r["cells"])
        for r in rows
        if r["tool"] != "fpsim"
    }
    return {
        "rivals": found["versions"], "error of the reference": problem.own_error(), "densities": rows,
        "swirl": turning, "passages": times, "ratios": ratios, "verdicts": [] if quick else verdicts(rows, times),
    }  # fmt: skip


def lines(report: dict[str, Any]) -> list[str]:
    """In words."""
    out = ["density at t = 10: processor time and L1 error"]
    for dimension, name in ((1, "line"), (2, "plane")):
        for r in sorted((r for r in report["densities"] if r["dimension"] == dimension), key=lambda r: r["cells"]):
            tool = f"{r['tool']}{', ' + r['method'] if 'method' in r else ''}"
            size = str(r["cells"]) if dimension == 1 else f"{r['cells']} x {r['cells']}"
            out.append(
                f"  {name:6s}{tool:31s}{size:>10s}{_time(r['seconds']):>11s}  error {r['error']:.1e}"
                f"  min p {r['lowest']:9.1e}  |mass - 1| {r['mass_error']:.0e}"
            )
    turning = report["swirl"]
    out.append(
        f"  swirl fpsim {turning['cells']} x {turning['cells']}: {_time(turning['seconds'])}, expm_multiply "
        f"{_time(turning['expm_multiply'])} ({turning['ratio']:.0f} times), L1 distance {turning['apart']:.1e}"
    )
    out.append("mean first-passage time, -1 to x >= 0 (whole field and variance): matrix, solve, relative error")
    for r in report["passages"]:
        size, times = f"{r['cells']}^{r['dimension']}", (_time(r["setup_seconds"]), _time(r["seconds"]))
        out.append(f"  {r['tool']:28s}{size:>10s}{times[0]:>11s}{times[1]:>11s}  {r['relative_error']:9.1e}")
    for name, version in report["rivals"].items():
        out.append(f"{name} {version}")
    out.append("ratios in this run: seconds over fpsim's on as many cells")
    for name, value in report["ratios"].items():
        out.append(f"  {name:46s}{value:12.1f}")
    for what, value, wanted, met in report["verdicts"]:
        out.append(f"{'met   ' if met else 'MISSED'}  {what:46s}{value:10.3g}  (wanted {wanted})")
    return out


def _time(seconds: float) -> str:
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
