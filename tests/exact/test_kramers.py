"""Closed escape formulas: values by hand, assumptions that hold or fail, refusals."""

import math

import numpy as np
import pytest

import landscapes
from fpsim.escape import EscapeProblem
from fpsim.noise import ConstantDiffusion, DiffusionField, HessianDiffusion
from fpsim.routes.formulas.climb import escape
from fpsim.routes.formulas.formula import formulas
from fpsim.routes.formulas.kramers import eyring_kramers, kramers, kramers_next, white_noise
from fpsim.routes.formulas.next_order import derivatives, expansion
from fpsim.routes.formulas.state_dependent import state_dependent
from fpsim.routes.formulas.xie import xie
from fpsim.sde.sde import SDE
from fpsim.targets import Ball, HalfSpace
from fpsim.valleys.valley import Valley
from landscapes import CriticalPoint, DoubleWell, DriftField, Landscape

WELL = DoubleWell()
PLANE = Landscape.from_expression(
    "(x**2-1)**2/4 + w*y**2/2 + c*x*x*y*y/2", variables="x y", bounds=[(-2, 2)] * 2, w=2.0, c=3.0
)
RIGHT = HalfSpace((1, 0), 0.9)
QUARTIC_TIME = math.sqrt(2) * math.pi  # 2 pi / sqrt(2 * 1)


def sde(level=0.04, landscape=WELL, convention="ito"):
    return SDE(landscape, ConstantDiffusion(level), convention)


def two_level(kappa=0.01, convention="ito", **changes):
    settings = {"at": "path", "minimum": -1, "saddle": 0, "climb_fraction": 0.4} | changes
    return SDE(WELL, HessianDiffusion(learning_rate=2 * kappa, batch_size=1, **settings), convention)


def failed(formula):
    return " | ".join(a.statement for a in formula.violated)


def test_kramers_by_hand():
    formula = kramers(EscapeProblem(sde(0.04), -1, 1))
    assert formula.mean == pytest.approx(QUARTIC_TIME * math.exp(0.25 / 0.04), rel=1e-12)
    assert formula.violated == ()
    assert formula.minimum == pytest.approx((-1,))


def test_half_at_the_saddle_is_said():
    formula = kramers(EscapeProblem(sde(0.04), -1, 0))
    assert formula.mean == pytest.approx(QUARTIC_TIME / 2 * math.exp(0.25 / 0.04), rel=1e-12)
    assert "half" in formula.target
    assert "half" not in kramers(EscapeProblem(sde(0.04), -1, 1)).target


def test_next_order_of_the_quartic_is_three_halves():
    at = escape(EscapeProblem(sde(), -1, 1), "kramers-next")
    assert expansion(at) == pytest.approx((1.5, 0.0), abs=1e-12)
    ratio = kramers_next(EscapeProblem(sde(0.04), -1, 1)).mean / kramers(EscapeProblem(sde(0.04), -1, 1)).mean
    assert ratio == pytest.approx(1 + 1.5 * 0.04, rel=1e-12)


def test_derivatives_by_differences_agree_with_the_formula():
    plain = Landscape(WELL.loss, WELL.gradient, WELL.hessian, bounds=WELL.bounds)
    for x in (-1.0, 0.0, 0.3):
        exact = 3 * x * x - 1, 6 * x, 6.0
        assert derivatives(WELL, x, 1.0) == pytest.approx(exact, abs=1e-12)
        assert derivatives(plain, x, 1.0) == pytest.approx(exact, abs=1e-6)
    rough = Landscape(WELL.loss, WELL.gradient, lambda x: WELL.hessian(x) + 0.05 * np.sin(300 * x), bounds=WELL.bounds)
    with pytest.raises(ValueError, match="does not settle"):
        derivatives(rough, -1.0, 1.0)


def test_eyring_kramers_with_a_transverse_curvature_that_changes():
    # H_a = diag(2, w + c), H_b = diag(-1, w)
    expected = 2 * math.pi * math.sqrt(2 / (2 * 5)) * math.exp(0.25 / 0.04)
    formula = eyring_kramers(EscapeProblem(sde(0.04, PLANE), (-1, 0), RIGHT))
    assert formula.mean == pytest.approx(expected, rel=1e-10)
    assert formula.violated == ()
    assert white_noise(EscapeProblem(sde(0.04, PLANE), (-1, 0), RIGHT)).mean == pytest.approx(expected, rel=1e-10)
    half = eyring_kramers(EscapeProblem(sde(0.04, PLANE), (-1, 0), HalfSpace((1, 0), 0)))
    assert half.mean == pytest.approx(expected / 2, rel=1e-10)


def test_rates_over_two_passes_add():
    # ring: saddles at (0, +-sqrt(.85)), L = .2775; H_b = diag(-.6, 6.8), H_a = diag(8, .6)
    ring = Landscape.from_expression("(x**2 + y**2 - 1)**2 + 3*y**2/10", variables="x y", bounds=[(-2, 2)] * 2)
    target = Ball((1, 0), 0.3)
    both = eyring_kramers(EscapeProblem(sde(0.02, ring), (-1, 0), target))
    single = 2 * math.pi / 0.6 * math.sqrt(0.6 * 6.8 / (8 * 0.6)) * math.exp(0.2775 / 0.02)
    assert both.mean == pytest.approx(single / 2, rel=1e-8)
    assert "2 passes" in both.notes[0]
    one = white_noise(EscapeProblem(sde(0.02, ring), (-1, 0), target))
    assert one.mean == pytest.approx(single, rel=1e-8)
    assert "one pass" in failed(one)


def test_many_dimensions_do_not_overflow():
    # a transverse curvature of 1e10 in 39 directions: both determinants are 1e390
    transverse = 1e10

    def hessian(x):
        tensor = np.zeros((40, *x.shape))
        tensor[range(40), range(40)] = transverse
        tensor[0, 0] = 3 * x[0] ** 2 - 1
        return tensor

    steep = Landscape(
        lambda x: (x[0] ** 2 - 1) ** 2 / 4 + transverse / 2 * np.sum(x[1:] ** 2, axis=0),
        lambda x: np.concatenate([x[:1] ** 3 - x[:1], transverse * x[1:]]),
        hessian,
        dimension=40,
    )
    ends = [np.eye(40)[0] * x for x in (-1.0, 0.0)]
    bends = [np.sort(np.diag(hessian(x[:, None])[..., 0])) for x in ends]
    known = Valley(CriticalPoint(ends[0], 0.0, bends[0], 0), CriticalPoint(ends[1], 0.25, bends[1], 1))
    problem = EscapeProblem(sde(0.04, steep), ends[0], HalfSpace(np.eye(40)[0], 0.9))
    vars(problem)["valley"] = known  # found already
    formula = eyring_kramers(problem)
    assert formula.mean == pytest.approx(QUARTIC_TIME * math.exp(0.25 / 0.04), rel=1e-8)


@pytest.mark.parametrize(
    ("convention", "prefactor"), [("ito", math.pi), ("stratonovich", math.sqrt(2) * math.pi), ("anti-ito", 2 * math.pi)]
)
def test_xie_per_convention_and_as_published(convention, prefactor):
    exponential = math.exp(0.25 / 0.01 * (0.4 / 2 + 0.6 / 1))
    formula = xie(EscapeProblem(two_level(convention=convention), -1, 1))
    assert formula.mean == pytest.approx(prefactor * exponential, rel=1e-12)
    assert "published" in formula.notes[0]
    published = xie(EscapeProblem(two_level(convention=convention), -1, 1), as_published=True)
    assert published.mean == pytest.approx(2 * math.pi * exponential, rel=1e-12)
    assert published.convention == "anti-ito"
    general = state_dependent(EscapeProblem(two_level(convention=convention), -1, 1))
    assert general.mean == pytest.approx(formula.mean, rel=1e-10)
    assert formula.violated == ()


def test_xie_says_where_its_noise_is_not_the_noise_at_hand():
    formula = xie(EscapeProblem(two_level(at="everywhere", floor=0.1), -1, 1))
    assert "two levels" in failed(formula)
    assert "3 noise units from both ends" in failed(xie(EscapeProblem(two_level(climb_fraction=0.01), -1, 1)))


def test_xie_in_the_plane_uses_the_escape_direction():
    noise = HessianDiffusion(learning_rate=0.02, batch_size=1, at="everywhere", floor=0.1, climb_fraction=0.5)
    formula = xie(EscapeProblem(SDE(PLANE, noise, "anti-ito"), (-1, 0), RIGHT))
    assert formula.mean == pytest.approx(2 * math.pi * math.exp(25 * (0.5 / 2 + 0.5)), rel=1e-10)


def test_state_dependent_with_constant_noise_is_kramers():
    for convention in ("ito", "stratonovich", "anti-ito"):
        general = state_dependent(EscapeProblem(sde(0.04, convention=convention), -1, 1))
        assert general.mean == pytest.approx(kramers(EscapeProblem(sde(0.04), -1, 1)).mean, rel=1e-10)


@pytest.mark.parametrize(
    ("start", "target", "level", "words"),
    [
        (-1, 1, 0.1, "barrier / noise"),
        (-1, 1, 0.1, "next-order term"),
        (-1, 0.1, 0.02, "thermal widths"),
        (-1, -0.1, 0.02, "thermal widths"),
        (-0.1, 1, 0.02, "below the pass"),
    ],
)
def test_each_assumption_can_fail(start, target, level, words):
    assert words in failed(kramers(EscapeProblem(sde(level), start, target)))


def test_competing_valleys_are_named():
    three = Landscape.from_expression("x**2*(x**2 - 4)**2/16", bounds=(-3, 3))
    assert "holds the path up" in failed(kramers(EscapeProblem(sde(0.01, three), -2, 2.5)))
    assert "holds the path up" not in failed(kramers(EscapeProblem(sde(0.01, DoubleWell(tilt=0.1)), -1, 0.8)))
    three = EscapeProblem(sde(0.05, landscapes.ThreeHole()), (-1, 0), Ball((1, 0), 0.3))
    assert "holds the path up" in failed(eyring_kramers(three))


def test_small_ball_beside_the_minimum_is_a_failed_assumption():
    formula = eyring_kramers(EscapeProblem(sde(0.02, PLANE), (-1, 0), Ball((1, 0.5), 0.05)))
    assert "thermal widths" in failed(formula)


def test_formula_table_and_print():
    for name in ("kramers", "kramers-next", "eyring-kramers", "white-noise", "state-dependent", "xie"):
        found = formulas()[name].function(EscapeProblem(two_level() if name == "xie" else sde(), -1, 1))
        assert found.name == name and found.reference == formulas()[name].reference
    text = str(kramers(EscapeProblem(sde(0.1), -1, 1)))
    assert "FAIL barrier / noise >= 5 (barrier / noise = 2.5)" in text
    assert "Kramers" in text


def test_overflowing_times_keep_their_logarithm():
    formula = kramers(EscapeProblem(sde(1e-4), -1, 1))
    assert formula.log_mean == pytest.approx(2500 + math.log(QUARTIC_TIME))
    with pytest.raises(ValueError, match="use log_mean"):
        _ = formula.mean


def test_refusals():
    field = SDE(DriftField.from_expression("x - x**3"), ConstantDiffusion(0.1))
    varying = SDE(WELL, DiffusionField.from_expression("1 + x**2"))
    bowl = sde(0.1, Landscape.from_expression("x**2"))
    for name in ("kramers", "kramers-next", "eyring-kramers", "white-noise", "state-dependent"):
        with pytest.raises(ValueError, match="drift field"):
            formulas()[name].function(EscapeProblem(field, -1, 1))
        with pytest.raises(ValueError, match="there is no barrier"):
            formulas()[name].function(EscapeProblem(bowl, -1, 1))
        if name != "state-dependent":
            with pytest.raises(ValueError, match="constant noise"):
                formulas()[name].function(EscapeProblem(varying, -1, 1))
    for name in ("kramers", "kramers-next", "state-dependent"):
        with pytest.raises(ValueError, match="1-D"):
            formulas()[name].function(EscapeProblem(sde(0.04, PLANE), (-1, 0), RIGHT))
    with pytest.raises(ValueError, match="HessianDiffusion"):
        xie(EscapeProblem(sde(), -1, 1))
    with pytest.raises(ValueError, match="climb_fraction"):
        xie(EscapeProblem(two_level(at="everywhere", floor=0.1, climb_fraction=None), -1, 1))
    with pytest.raises(ValueError, match="equal in all directions"):
        eyring_kramers(EscapeProblem(SDE(PLANE, ConstantDiffusion([0.1, 0.2])), (-1, 0), RIGHT))
    with pytest.raises(ValueError, match="too large"):
        well = Landscape.from_expression("x**2/2 + x**4/2 - x**6/6", bounds=(-3, 3))
        kramers_next(EscapeProblem(sde(1.0, well), 0, 2.5))
