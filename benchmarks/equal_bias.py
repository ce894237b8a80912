"""Seconds for the same bias: Euler-Maruyama against scheme="weak-2", E x(1)^2 of a tilted double well, in float64.

The bias of each number of steps is known without sampling: u(x) <- E u(step(x, z)) on Chebyshev points, with z by
quadrature.  Both schemes then run with the fewest steps whose bias is allowed, in turns; the ratio is the median.
"""

from __future__ import annotations

import statistics
from functools import lru_cache, partial
from typing import Any

import numpy as np
from measuring import gain, turns
from numpy.polynomial import chebyshev, hermite_e

import fpsim
import landscapes
from fpsim.paths.simulate import simulate
from fpsim.paths.step import numpy_step

SDE = fpsim.SDE(landscapes.DoubleWell(tilt=0.1), fpsim.ConstantDiffusion(0.25))
START, EDGE, DEGREE = -1.2, 4.0, 120
NODES, WEIGHTS = hermite_e.hermegauss(24)
POINTS = EDGE * chebyshev.chebpts1(DEGREE + 1)
SCHEMES = ("euler-maruyama", "weak-2")


@lru_cache
def mean_square(scheme: str, steps: int) -> float:
    """E x(1)^2 after ``steps`` equal steps, to about 1e-10."""
    step = numpy_step(SDE, 1.0 / steps, None, scheme)
    ends = step(np.repeat(POINTS, NODES.size)[None], np.tile(NODES, POINTS.size)[None])[0]
    ends, value = np.clip(ends, -EDGE, EDGE) / EDGE, POINTS**2
    for _ in range(steps):
        series = chebyshev.chebfit(POINTS / EDGE, value, DEGREE)
        value = chebyshev.chebval(ends, series).reshape(POINTS.size, -1) @ WEIGHTS / WEIGHTS.sum()
    return float(chebyshev.chebval(START / EDGE, chebyshev.chebfit(POINTS / EDGE, value, DEGREE)))


def fewest(scheme: str, bias: float, limit: float) -> int:
    """About the fewest steps with this bias: scaled by the order from at most 128, where the bias is worked out."""
    order, steps = 1 + SCHEMES.index(scheme), 64
    for _ in range(3):
        known = min(steps, 128)
        steps = max(2, int(np.ceil(known * (abs(mean_square(scheme, known) - limit) / bias) ** (1 / order))))
    return steps


def measured(quick: bool, interpreter: str | None) -> dict[str, Any]:
    """Rows, a bias each; the rivals' interpreter is not wanted here."""
    paths, rounds = (20_000, 3) if quick else (100_000, 5)
    coarse, fine = mean_square("weak-2", 64), mean_square("weak-2", 128)
    limit, rows = fine + (fine - coarse) / 3, []
    for bias in (1e-2, 1e-3, 1e-4):
        steps = {scheme: fewest(scheme, bias, limit) for scheme in SCHEMES}
        for scheme in SCHEMES:
            walk(scheme, steps[scheme], 1000)  # compile
        _, took = turns({scheme: partial(walk, scheme, steps[scheme], paths) for scheme in SCHEMES}, rounds)
        seconds = {scheme: statistics.median(took[scheme]) for scheme in SCHEMES}
        rows.append({"bias": bias, "steps": steps, "seconds": seconds, "ratio": gain(*took.values())})
    return {"paths": paths, "limit": limit, "rows": rows}


def walk(scheme: str, steps: int, paths: int) -> None:
    """One ensemble."""
    simulate(SDE, START, 1.0, 1.0 / steps, paths, keep="final", threads=1, scheme=scheme)


def lines(report: dict[str, Any]) -> list[str]:
    """In words."""
    out = [f"E x(1)^2 = {report['limit']:.8f}; {report['paths']} paths"]
    for row in report["rows"]:
        both = "   ".join(f"{name} {row['steps'][name]:5d} steps {row['seconds'][name]:.2g} s" for name in SCHEMES)
        out.append(f"bias {row['bias']:g}: {both}   {row['ratio']:.1f} times")
    return out
