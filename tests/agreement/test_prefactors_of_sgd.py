"""Prefactors of SGD in all coordinates: a problem of one dimension, turned in the plane with an idle coordinate."""

import math
from functools import cache

import numpy as np
import pytest

import fpsim
from fpsim.action.theories import theories
from landscapes import DatasetLandscape

ETA = 0.05
DRAWS = np.random.default_rng(5)
DATA = {"s": DRAWS.normal(size=6), "r": 0.6 * DRAWS.normal(size=6)}
DATA = {name: values - values.mean() for name, values in DATA.items()}
WELL = "(u**2 - 1)**2/4 + s*u + r*u**2/2"


def line():
    return DatasetLandscape.from_expression(WELL.replace("u", "x"), "x", bounds=[(-2, 2)], data=DATA)


@cache
def plane():
    """u = .8 x + .6 y as above; v = .8 y - .6 x in a well of its own, pushed by other forces."""
    pairs = {name: np.repeat(values, 2) for name, values in DATA.items()} | {"t": np.tile([-1.0, 1.0], 6)}
    text = WELL.replace("u", "(0.8*x + 0.6*y)") + " + (0.8*y - 0.6*x)**2 + t*(0.8*y - 0.6*x)"
    place = DatasetLandscape.from_expression(text, "x y", bounds=[(-2, 2)] * 2, data=pairs)
    return theories(fpsim.MiniBatchSGD(place, ETA, 1), (-0.8, -0.6), (0, 0), floor=0.0)


def problem(size, eta=ETA):
    return fpsim.EscapeProblem(fpsim.MiniBatchSGD(line(), eta, size).surrogate(), -1, 1)


@pytest.mark.parametrize(("name", "route"), [("cramer", "cramer"), ("gauss", "state-dependent")])
def test_it_is_the_prefactor_of_one_dimension(name, route):
    """Cramer's at two batch sizes, with what grows by each example; the Gaussian one for continuous time."""
    row = plane()[name]
    assert 0 < row.log_error < 0.02
    for size in (8, 16) if name == "cramer" else (8,):
        log = row.log_iterations(ETA, size) - row.by_steps - (0 if name == "cramer" else row.per_batch * size)
        expected = problem(size).by_formula(route).log_mean - math.log(ETA)
        assert abs(log - expected) < row.log_error + size / ETA * row.slope_error


def test_what_the_steps_of_the_chain_add_grows_with_the_batch():
    """ln(chain / SDE) by example in the batch, its first order in eta taken out; half of that is the error."""
    added = []
    for eta in (0.1, 0.05):
        logs = [math.log(problem(n, eta).by_chain().mean / problem(n, eta).by_quadrature().mean) for n in (2, 4)]
        added.append((logs[1] - logs[0]) / 2)
    first = added[1] - added[0]
    assert plane()["gauss"].per_batch == pytest.approx(added[1] + first, abs=abs(first) / 2)
