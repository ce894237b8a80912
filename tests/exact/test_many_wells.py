"""Fifty weakly coupled wells: a path over some forty saddles, each held against the chain's equations by hand."""

import numpy as np
import pytest
from scipy.optimize import root

import fpsim
from landscapes import CoupledDoubleWells

D, COUPLING = 50, 0.5
SPRINGS = 2 * np.eye(D) - np.roll(np.eye(D), 1, axis=0) - np.roll(np.eye(D), -1, axis=0)


def slope(x):
    return x**3 - x + COUPLING * SPRINGS @ x


def curvature(x):
    return np.diag(3 * x**2 - 1) + COUPLING * SPRINGS


@pytest.fixture(scope="module")
def path():
    return fpsim.string(CoupledDoubleWells(D, COUPLING), -np.ones(D), np.ones(D))


def test_every_station_is_what_it_says(path):
    for stations, index in ((path.minima, 0), (path.saddles, 1)):
        for s in stations:
            np.testing.assert_allclose(slope(s.x), 0, atol=1e-12)
            assert np.sum(np.linalg.eigvalsh(curvature(s.x)) < 0) == index
    assert len(path.saddles) > 40
    up = [np.sum(m.x > 0) for m in path.minima]
    assert up[0] == 0 and up[-1] == D and (np.diff(up) > 0).all()


def test_barrier_is_that_of_two_walls_far_apart(path):
    """The highest pass moves one of two walls; far apart they do not feel each other, so that one of them will do."""
    place = np.where(np.arange(D) < D // 2, 1.0, -1.0)
    place[D // 2] = 0.0
    top = root(slope, place, jac=curvature, tol=1e-14).x
    loss = np.sum((top**2 - 1) ** 2) / 4 + COUPLING / 2 * top @ SPRINGS @ top
    assert path.barrier == pytest.approx(loss, abs=1e-8)
    assert path.loss.max() == pytest.approx(path.highest.loss, abs=1e-8)
    assert path.residual <= 1e-3
