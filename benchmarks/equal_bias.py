"""Seconds for the same bias: Euler-Maruyama against scheme="weak-2", E x(1)^2 of a tilted double well, on one core.

The bias of each number of steps is known without sampling: u(x) <- E u(step(x, z)) on Chebyshev points, with z by
quadrature.  Both schemes then run with the fewest steps whose bias is allowed, in turns; the ratio is the median.

    python benchmarks/equal_bias.py [--quick]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from functools import lru_cache

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import numpy as np
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


def seconds(scheme: str, steps: int, paths: int) -> float:
    """Processor seconds of one ensemble."""
    began = time.process_time()
    simulate(SDE, START, 1.0, 1.0 / steps, paths, keep="final", threads=1, scheme=scheme)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer paths and turns")
    quick = parser.parse_args().quick
    paths, rounds = (20_000, 3) if quick else (100_000, 5)
    coarse, fine = mean_square("weak-2", 64), mean_square("weak-2", 128)
    limit = fine + (fine - coarse) / 3
    print(f"E x(1)^2 = {limit:.8f}; seconds of {paths} paths, float64")
    for bias in (1e-2, 1e-3, 1e-4):
        steps = {scheme: fewest(scheme, bias, limit) for scheme in SCHEMES}
        for scheme in SCHEMES:
            seconds(scheme, steps[scheme], 1000)  # compile
        turns = [[seconds(scheme, steps[scheme], paths) for scheme in SCHEMES] for _ in range(rounds)]
        one, two = (statistics.median(turn) for turn in zip(*turns, strict=True))
        gain = statistics.median(a / b for a, b in turns)
        counts = f"{steps[SCHEMES[0]]:5d} steps {one:.2g} s   weak-2 {steps[SCHEMES[1]]:3d} steps {two:.2g} s"
        print(f"bias {bias:g}: Euler-Maruyama {counts}   {gain:.1f} times")


if __name__ == "__main__":
    main()
