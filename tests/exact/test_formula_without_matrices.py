"""Eyring and Kramers' time beyond 500 dimensions, from the start to the end by products with the Hessian."""

import numpy as np

import fpsim
from landscapes import Landscape

D, COUPLING = 600, 3.0
DEPTH = 1 + 0.5 * np.exp(-np.arange(D) / 3.0)  # of each well, so that curvatures differ in every direction


def wells(x):
    """Quartic wells, all drawn to their mean."""
    return np.tensordot(DEPTH, (x**2 - 1) ** 2, axes=1) / 4 + COUPLING / 2 * np.sum((x - x.mean(axis=0)) ** 2, axis=0)


def slope(x):
    return (DEPTH * (x**3 - x).T).T + COUPLING * (x - x.mean(axis=0))


def test_the_time_of_six_hundred_coupled_wells(monkeypatch):
    """All flip together, over x = 0: the Hessian there is diag(c - depth) - c/d, and diag(c + 2 depth) - c/d at -1."""
    top, bottom = np.diag(COUPLING - DEPTH) - COUPLING / D, np.diag(COUPLING + 2 * DEPTH) - COUPLING / D
    temperature = DEPTH.sum() / 40  # the barrier is 10 T
    exact = (
        np.log(2 * np.pi / -np.linalg.eigvalsh(top)[0])
        + (np.linalg.slogdet(top)[1] - np.linalg.slogdet(bottom)[1]) / 2
        + DEPTH.sum() / 4 / temperature
    )
    monkeypatch.setattr("fpsim.valleys.far.FAR_STARTS", 0)  # there is one pass only
    place = Landscape(wells, slope, dimension=D, name="coupled wells")
    start = -np.ones(D) + 0.01 * np.cos(np.arange(D))
    sde = fpsim.SDE(place, fpsim.ConstantDiffusion(temperature))
    found = fpsim.EscapeProblem(sde, start, fpsim.Ball(np.ones(D), 8.0)).by_formula("eyring-kramers")
    assert abs(found.log_mean - exact) <= 3 * found.log_error
    assert found.log_error < 0.02
