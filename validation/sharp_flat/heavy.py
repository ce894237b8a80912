"""Heavy tails: what counts is how wide a valley is, not how high its walls are.

    alpha-stable jumps           time = scale^-alpha width^alpha / (2 C)        one jump (Imkeller, Pavlyukevich 2006)
    tails with a variance        one jump for small batches; for large S the exponential S int q dx of many small ones,
                                 T q^2 + rate (exp(size^2 q^2 / 2) - 1) = L' q           (Cramer's root q of JumpNoise)

The same valleys under white noise: the time is e^(height / T) whatever the width.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

import fpsim
from landscapes import DoubleWell
from validation.study.findings import Rows

Array = NDArray[np.float64]
ALPHA, SCALE = 1.5, 0.005
HEIGHTS, WIDTHS = (0.125, 0.25, 0.5, 1.0), (0.5, 0.7, 1.0, 1.4)
RATE, SPREAD, CHANCE, LARGE = 0.1, 1.0, 1e-3, 100.0
"""Learning rate, spread of an example's gradient noise, chance and spread of a large one."""
BATCHES = (1, 2, 4, 8, 16, 32, 48, 64)
STEP = 0.02


def heavy(cells: int) -> Rows:
    """Times out of (-2 width, 0) around the minimum -width: heights at one width, then widths at one height."""
    rows: Rows = []
    for varied, values in (("height", HEIGHTS), ("width", WIDTHS)):
        for value in values:
            shape = {"barrier": value if varied == "height" else 0.25, "width": value if varied == "width" else 1.0}
            well = DoubleWell(**shape)
            out = fpsim.Outside([-shape["width"]], shape["width"])
            jumps = fpsim.EscapeProblem(fpsim.SDE(well, fpsim.LevyNoise(ALPHA, SCALE)), -shape["width"], out)
            white = fpsim.SDE(well, fpsim.ConstantDiffusion(0.03))
            found, formula = jumps.by("fractional", cells=cells), jumps.by("imkeller-pavlyukevich")
            rows.append(
                {
                    "varied": varied, "height": shape["barrier"], "width": shape["width"],
                    "curvature": 8 * shape["barrier"] / shape["width"] ** 2,
                    "jumps": found.mean, "jumps_error": found.error, "one jump": formula.mean,
                    "ln white": fpsim.EscapeProblem(white, -shape["width"], out).by_quadrature().log_mean,
                }
            )  # fmt: skip
    return rows


def crossover(cells: int) -> Rows:
    """Time out of the left valley for means of S examples, few of them large: exact, one jump, Cramer's exponent."""
    rows: Rows = []
    for size in BATCHES:
        noise = fpsim.JumpNoise.of_batches(RATE, size, SPREAD, CHANCE, LARGE)
        white = float(np.max(noise.white.value))
        rows.append(
            {
                "batch size": size, "rate": noise.rate, "size": noise.size, "white T": white,
                "ln time": math.log(exact(noise, cells)), "ln one jump": one_jump(noise),
                "S int q": climbed(noise), "S int q, Gaussian": 0.25 / white,
            }
        )  # fmt: skip
    return rows


def exact(noise: fpsim.JumpNoise, cells: int) -> float:
    """Mean time out of (-2, 0) from -1, by the transfer matrix of steps of 0.02, watched at the steps."""
    h = 2.0 / cells
    x = -2.0 + h * (np.arange(cells) + 0.5)
    there = x + STEP * DoubleWell().drift(x[None])[0]
    square, mean = (x[None] - there[:, None]) ** 2, noise.rate * STEP
    kernel = np.zeros_like(square)
    for n in range(9):
        variance = 2 * noise.temperature * STEP + n * noise.size**2
        weight = math.exp(-mean) * mean**n / math.factorial(n)
        kernel += weight * h * np.exp(-square / (2 * variance)) / math.sqrt(2 * math.pi * variance)
    return float(STEP * np.linalg.solve(np.eye(cells) - kernel, np.ones(cells))[cells // 2])


def one_jump(noise: fpsim.JumpNoise) -> float:
    """ln of the mean time until one jump leads from -1 out of (-2, 0)."""
    return -math.log(noise.rate * math.erfc(1 / (noise.size * math.sqrt(2))))


def climbed(noise: fpsim.JumpNoise) -> float:
    """int q dx from the minimum to the top by Cramer's root of the jumps, by 40 Gauss points."""
    from scipy.optimize import brentq

    nodes, weights = np.polynomial.legendre.leggauss(40)
    x = (nodes - 1) / 2
    total = 0.0
    for place, weight in zip(x, weights / 2, strict=True):
        slope = float(-DoubleWell().drift(np.array([[place]]))[0, 0])

        def growth(q: float, slope: float = slope) -> float:
            return noise.temperature * q + noise.rate * math.expm1(min(noise.size**2 * q**2 / 2, 700.0)) / q - slope

        total += float(weight * brentq(growth, 1e-9, slope / noise.temperature + 1.0))
    return total
