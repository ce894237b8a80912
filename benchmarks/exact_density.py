"""The problem of the density benchmark, its exact answer, and a row of its table; all that it needs is NumPy.

    dp/dt = div(p grad V) + D lap p,    V = (x^2 - 1)^2/4 [+ y^2/2],    D = 0.1,    box [-2.5, 2.5]^d
    p(0) normal around (-1[, 0]) with standard deviation 0.1,    t = 10

The line is expanded in sinc functions after the change p = exp(-V/2D) psi, which makes the operator symmetric
(Colbert, Miller 1992); the plane is its product with the Ornstein-Uhlenbeck law in y.  The walls are not seen: the
density there is below 1e-29.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
DIFFUSION, TIME, WIDTH = 0.1, 10.0, 0.1
LOW, HIGH = -2.5, 2.5
START = (-1.0, 0.0)
MEAN_EXIT = 30.821302472666  # from -1 to x >= 0, by quadrature; the same in two and three dimensions


def centers(cells: int) -> Array:
    """Cell centres of the box, shape (cells,)."""
    return LOW + (np.arange(cells) + 0.5) * (HIGH - LOW) / cells


def normal(x: Array, mean: float, deviation: float) -> Array:
    """Density of a normal law."""
    return np.asarray(np.exp(-(((x - mean) / deviation) ** 2) / 2) / (deviation * np.sqrt(2 * np.pi)))


def start(cells: int, dimension: int) -> Array:
    """p(0) on the cell centres, shape (cells,) * dimension, scaled to mass one."""
    p = normal(centers(cells), START[0], WIDTH)
    if dimension == 2:
        p = np.multiply.outer(p, normal(centers(cells), START[1], WIDTH))
    return np.asarray(p / (p.sum() * ((HIGH - LOW) / cells) ** dimension))


def on_line(at: Array, points: int = 300, reach: float = 3.0) -> Array:
    """p(TIME) of the line at the places ``at``, shape of ``at``, from ``points`` sinc functions on [-reach, reach]."""
    x = np.linspace(-reach, reach, points)
    h = x[1] - x[0]
    apart = np.subtract.outer(np.arange(points), np.arange(points))
    second = np.where(apart == 0, np.pi**2 / 3, 2 * (-1.0) ** apart / np.maximum(apart**2, 1)) / h**2
    well = (x**3 - x) ** 2 / (4 * DIFFUSION) - (3 * x**2 - 1) / 2
    values, modes = np.linalg.eigh(DIFFUSION * second + np.diag(well))
    psi = normal(x, START[0], WIDTH) * np.exp(_half_potential(x))
    psi = modes @ (np.exp(-values * TIME) * (modes.T @ psi))
    return np.asarray(np.exp(-_half_potential(at)) * (np.sinc((at[:, None] - x) / h) @ psi))


def _half_potential(x: Array) -> Array:
    return (x**2 - 1) ** 2 / (8 * DIFFUSION)


def exact(cells: int, dimension: int) -> Array:
    """p(TIME) on the cell centres, shape (cells,) * dimension."""
    at = centers(cells)
    line = on_line(at)
    if dimension == 1:
        return line
    decay = np.exp(-TIME)
    deviation = float(np.sqrt(DIFFUSION * (1 - decay**2) + (WIDTH * decay) ** 2))
    return np.asarray(np.multiply.outer(line, normal(at, START[1] * decay, deviation)))


def error(p: Array, reference: Array) -> float:
    """L1 distance of point values on the cell centres."""
    return float(np.abs(p - reference).sum() * ((HIGH - LOW) / p.shape[0]) ** p.ndim)


def own_error() -> float:
    """L1 change of the reference when it is made from 200 and 400 sinc functions: how far it is to be trusted."""
    at = centers(1000)
    return error(on_line(at, 200), on_line(at, 400))


def row(tool: str, cells: int, p: Array, seconds: list[float], setup: float, **more: Any) -> dict[str, Any]:
    """What a tool found on so many cells along each axis, how exact it is, and how long it took."""
    return {
        "tool": tool, "dimension": p.ndim, "cells": cells, "seconds": statistics.median(seconds), "best": min(seconds),
        "all": seconds, "setup_seconds": setup, "error": error(p, exact(cells, p.ndim)), "lowest": float(p.min()),
        "mass_error": float(abs(p.sum() * ((HIGH - LOW) / cells) ** p.ndim - 1)), **more,
    }  # fmt: skip
