"""How fast the small-noise formulas become exact: error ~ T^order, against 1-D quadrature."""

import math

import numpy as np
import pytest

from fpsim.escape import EscapeProblem
from fpsim.exact.first_passage import first_passage
from fpsim.noise import ConstantDiffusion, DiffusionField, HessianDiffusion
from fpsim.routes.formulas.climb import escape
from fpsim.routes.formulas.formula import formulas
from fpsim.routes.formulas.next_order import expansion
from fpsim.routes.formulas.state_dependent import state_dependent
from fpsim.routes.formulas.xie import xie
from fpsim.sde.sde import SDE
from landscapes import DoubleWell, Landscape

WELL = DoubleWell()
# no symmetry: cubic terms at minimum and top
SKEW = Landscape.from_expression("x**4/4 - x**3/7 - x**2/2 + x/10", bounds=(-2.5, 2.5))
TOP = float(SKEW.saddles[0].x[0])


def errors(name, landscape, start, target, noises):
    """Exact / formula - 1 for each noise."""
    found = []
    for noise in noises:
        sde = SDE(landscape, ConstantDiffusion(noise))
        exact = first_passage(sde, start, target).log_mean
        found.append(math.expm1(exact - formulas()[name].function(EscapeProblem(sde, start, target)).log_mean))
    return np.array(found)


def order(noises, values):
    """Slope of ln |error| against ln noise between the two smallest noises."""
    return math.log(values[-2] / values[-1]) / math.log(noises[-2] / noises[-1])


NOISES = 0.008, 0.004, 0.002


@pytest.mark.parametrize("name", ["kramers", "eyring-kramers", "white-noise", "state-dependent"])
@pytest.mark.parametrize(("landscape", "start", "target"), [(WELL, -1, 1), (SKEW, -1, 0.9), (SKEW, 1.1, -0.8)])
def test_leading_order(name, landscape, start, target):
    values = errors(name, landscape, start, target, NOISES)
    assert order(NOISES, values) == pytest.approx(1, abs=0.05)
    # and to the right limit: error / T -> A
    at = escape(EscapeProblem(SDE(landscape, ConstantDiffusion(1.0)), start, target), name)
    assert values[-1] / NOISES[-1] == pytest.approx(expansion(at)[0], rel=0.02)


@pytest.mark.parametrize(("landscape", "start", "target"), [(WELL, -1, 1), (SKEW, -1, 0.9), (SKEW, 1.1, -0.8)])
def test_next_order(landscape, start, target):
    values = errors("kramers-next", landscape, start, target, NOISES)
    assert order(NOISES, values) == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(("start", "sign"), [(-1, 1), (1.1, -1)])
def test_target_at_the_pass(start, sign):
    noises = 0.002, 0.001, 0.0005
    plain = errors("kramers", SKEW, start, TOP, noises)
    at = escape(EscapeProblem(SDE(SKEW, ConstantDiffusion(1.0)), start, TOP), "kramers")
    odd = expansion(at)[1]
    assert np.sign(odd) == sign
    # half the full time, with an error of order sqrt(T) ...
    limit = np.polynomial.Polynomial.fit(np.sqrt(noises), plain / np.sqrt(noises), 2).convert().coef[0]
    assert limit == pytest.approx(odd, rel=0.02)
    # ... that the next order removes, leaving T^(3/2)
    better = np.abs(errors("kramers-next", SKEW, start, TOP, noises))
    assert order(noises, better) == pytest.approx(1.5, abs=0.25)


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti-ito"])
def test_two_level_noise(convention):
    kappas, found = (0.02, 0.01, 0.005), {"xie": [], "state-dependent": []}
    for kappa in kappas:
        noise = HessianDiffusion(
            learning_rate=2 * kappa, batch_size=1, at="path", minimum=-1, saddle=0, climb_fraction=0.4
        )
        sde = SDE(WELL, noise, convention)
        exact = first_passage(sde, -1, 1).log_mean
        for formula in (xie, state_dependent):
            result = formula(EscapeProblem(sde, -1, 1))
            found[result.name].append(math.expm1(exact - result.log_mean))
    for values in found.values():
        assert abs(values[-1]) < 0.02
        assert order(kappas, values) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti-ito"])
def test_smooth_state_dependent_noise(convention):
    levels, values = (0.02, 0.01, 0.005), []
    for level in levels:
        sde = SDE(WELL, DiffusionField.from_expression("t*(1 + x/2 + x**2/3)", t=level), convention)
        exact = first_passage(sde, -1, 1).log_mean
        values.append(math.expm1(exact - state_dependent(EscapeProblem(sde, -1, 1)).log_mean))
    assert abs(values[-1]) < 0.05
    assert order(levels, np.abs(values)) == pytest.approx(1, abs=0.1)
