"""x_i -> s_i x_i, t -> tau t changes no number without a unit, by any route: a problem knows its own lengths and times.

Units are powers of two, so that steps of paths are the same to rounding, and differ by up to 2^20, about 10^6.
"""

from functools import lru_cache

import numpy as np
import pytest

import fpsim
from fpsim.targets import LevelSet
from fpsim.walls import Walls
from landscapes import DriftField, Landscape

UNITS = [((2.0**-20, 1.0), 1.0), ((2.0**10, 2.0**-10), 1e4), ((1.0, 2.0**20), 1e-2)]
SMALL = {
    "grid": {"cells": 48},
    "paths": {"paths": 256, "seed": 3, "step_bias": False},
    "splitting": {"repetitions": 2, "particles": 32, "seed": 3, "step_bias": False},
    "bouchet-reygner": {},
}
BY_COMMITTOR = {**SMALL["splitting"], "score": "committor"}


def turning(units, tau, walls=False):
    """A valley whose drift is no gradient, under noise that is alike along both axes in its own units."""
    (a, b), own = units, {"a": units[0], "b": units[1], "tau": tau}
    drift = ["a/tau*(x/a - (x/a)**3 - (x/a)*(y/b)**2)", "-b/tau*(1 + (x/a)**2)*y/b"]
    field = DriftField.from_expression(drift, variables="x y", bounds=[(-2 * a, 2 * a), (-2 * b, 2 * b)], **own)
    sde = fpsim.SDE(field, fpsim.ConstantDiffusion([0.15 * a**2 / tau, 0.15 * b**2 / tau]))
    box = Walls("reflecting", [(-1.2 * a, 1.5 * a), (-0.7 * b, 0.7 * b)]) if walls else None
    return fpsim.EscapeProblem(sde, (-a, 0.0), fpsim.HalfSpace((1.0, 0.0), a), boundary=box)


def rotating(units, tau):
    """One whose drift turns round, so that grids find the lowest cells of their valleys by the drift alone."""
    (a, b), own = units, {"a": units[0], "b": units[1], "tau": tau}
    drift = ["a/tau*(x/a - (x/a)**3 - 0.5*y/b)", "b/tau*(x/a - 1.3*y/b)"]
    field = DriftField.from_expression(drift, variables="x y", bounds=[(-2 * a, 2 * a), (-2 * b, 2 * b)], **own)
    sde = fpsim.SDE(field, fpsim.ConstantDiffusion([0.2 * a**2 / tau, 0.15 * b**2 / tau]))
    return fpsim.EscapeProblem(sde, (-a, -0.7 * b), fpsim.HalfSpace((1 / a, 0.5 / b), 0.9))


def walled(units, tau):
    """The same between walls."""
    return turning(units, tau, walls=True)


def uneven(units, tau):
    """A well on a line under noise that depends on the place; the second unit is not used."""
    a, own = units[0], {"a": units[0], "tau": tau}
    well = Landscape.from_expression("a**2/tau*((x/a)**2 - 1)**2/4", a=a, tau=tau)
    noise = fpsim.DiffusionField.from_expression(["0.08*a**2/tau*(1 + (x/a)**2/2)"], "x", **own)
    return fpsim.EscapeProblem(fpsim.SDE(well, noise), -a, a)


def body(units, tau):
    """Motion with inertia; friction has no unit where D is a length squared per time."""
    a = units[0]
    well = Landscape.from_expression("a**2/tau*((x/a)**2 - 1)**2/4", a=a, tau=tau)
    sde = fpsim.Underdamped(well, fpsim.ConstantDiffusion(0.1 * a**2 / tau), 0.5, tau)
    return fpsim.EscapeProblem(sde, -a, a, boundary=Walls("reflecting", [(-1.3 * a, 2 * a)]))


CASES = [(turning, name) for name in SMALL if name != "splitting"]
CASES += [(rotating, "grid")]
CASES += [(walled, name) for name in ("grid", "paths", "splitting")]
CASES += [(uneven, name) for name in ("quadrature", "grid", "paths", "splitting", "state-dependent")]
CASES += [(body, name) for name in ("grid", "paths", "melnikov-meshkov")]


@lru_cache
def found(make, name, units, tau):
    one = make(units, tau).by(name, **SMALL.get(name, {}))
    return one.mean / tau, one.error / tau, sorted(a.key for a in one.violated)


@pytest.mark.parametrize(("make", "name"), CASES)
def test_numbers_without_units_stay(make, name):
    mean, error, violated = found(make, name, (1.0, 1.0), 1.0)
    for units, tau in UNITS[:2] if make in (uneven, walled) else UNITS:  # the last rounds otherwise, and ties part
        other, its, failed = found(make, name, units, tau)
        assert other == pytest.approx(mean, rel=1e-6 if name != "grid" else 1e-5) and failed == violated
        assert its == pytest.approx(error, rel=0.05 if name != "grid" else 0.3)


def test_a_committor_on_a_long_grid():
    one, other = (turning(units, 1.0).by_splitting(**BY_COMMITTOR) for units in ((1.0, 1.0), UNITS[0][0]))
    assert other.mean == pytest.approx(one.mean, rel=1e-6)


def test_the_least_action_stays():
    """int (x^3 - x) / 0.15 dx from -1 to 0 along the axis, on which symmetry keeps the way."""
    for units, tau in [((1.0, 1.0), 1.0), UNITS[0]]:
        asked = turning(units, tau)
        way = fpsim.minimum_action(asked.sde, asked.start, (0.0, 0.0), starts=1, pieces=64)
        assert way.exponent == pytest.approx(0.25 / 0.15, rel=1e-6) and not way.violated
        np.testing.assert_allclose(way.x[:, -1], 0.0, atol=1e-300)


@pytest.mark.parametrize("stiffness", [1e-8, 1.0, 1e8, 1e10])
def test_a_direction_that_does_not_matter(stiffness):
    """(x^2 - 1)^2/4 + k y^2/2 is left as the line is, however narrow or wide, by formula and by grid."""
    well = Landscape.from_expression("(x**2 - 1)**2/4 + k*y**2/2", variables="x y", k=stiffness)
    noise, target = fpsim.ConstantDiffusion(0.04), fpsim.HalfSpace((1.0, 0.0), 1.0)
    asked = fpsim.EscapeProblem(fpsim.SDE(well, noise), (-1.0, 0.0), target)
    formula = asked.by_formula("eyring-kramers")
    assert formula.mean == pytest.approx(2 * np.pi / np.sqrt(2) * np.exp(0.25 / 0.04), rel=1e-9)
    assert {check.key for check in formula.violated} == ({"relaxation"} if stiffness < 1e-4 else set())
    if stiffness < 1e9:
        line = Landscape.from_expression("(x**2 - 1)**2/4")
        exact = fpsim.EscapeProblem(fpsim.SDE(line, noise), -1.0, 1.0).by_quadrature().mean
        grid = asked.by_grid(cells=48)
        assert abs(grid.mean - exact) <= grid.error < 1e-3 * exact


def test_rates_that_no_coarser_grid_confirms_have_no_bound():
    """A valley a thousand times as long as wide: coarser grids are refused, and the error of this one is unknown."""
    well = Landscape.from_expression(
        "(x**2 - 1)**2/4 + (1000*y)**2/2", variables="x y", bounds=[(-1.6, 1.6), (-1.5e-3, 1.5e-3)]
    )
    found = fpsim.rates(fpsim.SDE(well, fpsim.ConstantDiffusion(0.04)), method="grid")
    finite = np.isfinite(found.time_error((-1, 0), (1, 0)))
    assert finite == {check.key: check.holds for check in found.assumptions}["discretisation"]
    assert found.time((-1, 0), (1, 0)) == pytest.approx(2481.4, rel=2e-3)


def test_refusals_say_in_which_coordinates_they_name_places():
    """The start (-2^10, 0) is named in units of the noise, 2^20 times as long along x as along y."""
    asked = turning(UNITS[1][0], 1.0)
    inside = fpsim.EscapeProblem(asked.sde, asked.start, fpsim.HalfSpace((-1.0, 0.0), 5 * 2.0**10))
    with pytest.raises(ValueError, match=r"start \[-1, 0\] .* divided by \[1024, 0\.00097"):
        inside.by_formula("bouchet-reygner")


def test_a_guess_is_looked_at_before_it_is_rescaled():
    asked = turning(UNITS[1][0], 1.0)
    with pytest.raises(ValueError, match=r"a guess is a curve of shape \(2, n\).* got shape \(3, 4\)"):
        fpsim.minimum_action(asked.sde, asked.start, (0.0, 0.0), guesses=[np.zeros((3, 4))])


def test_a_first_step_where_no_way_is_the_shortest():
    """From the middle of a disc the level rises nowhere to first order; a kick is a twentieth of the way or less."""
    flat = fpsim.SDE(Landscape.from_expression("0*x + 0*y", variables="x y"), fpsim.ConstantDiffusion(0.5))
    step = fpsim.EscapeProblem(flat, (0.0, 0.0), LevelSet(lambda x: x[0] ** 2 + x[1] ** 2 - 1)).default_step
    assert 0 < np.sqrt(2 * 0.5 * step) <= 1 / 20
