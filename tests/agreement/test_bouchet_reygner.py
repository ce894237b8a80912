"""Bouchet and Reygner's formula against the grid, and against what it reduces to."""

import math

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.action.prefactor import FocalPointError, prefactor
from landscapes import Landscape

BESIDE = fpsim.HalfSpace((1, 0), 0.9)


def maier_stein(beta, eps):
    return fpsim.EscapeProblem(
        fpsim.SDE(landscapes.MaierStein(beta), fpsim.ConstantDiffusion(eps / 2)), (-1, 0), BESIDE
    )


def test_maier_stein_tends_to_the_grid_and_does_not_without_the_divergence():
    ratios = []
    for eps in (0.05, 0.025):
        problem = maier_stein(3.0, eps)
        formula = problem.by_formula("bouchet-reygner")
        assert not formula.violated and 0 < formula.log_error < 0.02
        ratios.append(problem.by_grid(cells=140).ratio(formula))
    assert 1 < ratios[1] < ratios[0] < 1.31 and ratios[1] < 1.17
    assert (ratios[0] - 1) / (ratios[1] - 1) == pytest.approx(2, abs=0.2)  # 1 + O(eps)
    sde = problem.sde
    parts = prefactor(sde, fpsim.minimum_action(sde, (-1, 0), (0, 0), starts=1).x, (0.75, 0.5))
    assert ratios[1] * math.exp(parts.divergence) < 0.5  # far from 1, on the other side


def test_two_mirrored_ways_add_their_rates():
    problem = maier_stein(8.0, 0.04)
    formula = problem.by_formula("bouchet-reygner")
    assert "rates over 2 ways added" in formula.settings["notes"] and not formula.violated
    assert problem.by_grid(cells=140).ratio(formula) == pytest.approx(1, abs=0.15)


def limit(problems):
    """ln(grid / formula) for noise T, T/2, T/4 with T -> 0 taken out, its error, and the formulas.

    a + b T + c T^2 through three levels; the error is what c does to the line through the last two, and the formula's.
    """
    formulas = [problem.by_formula("bouchet-reygner") for problem in problems]
    four, two, one = (np.log(p.by_grid(cells=80).ratio(f)) for p, f in zip(problems, formulas, strict=True))
    found = (8 * one - 6 * two + four) / 3
    return found, abs(found - (2 * one - two)) + formulas[-1].log_error, formulas


@pytest.mark.parametrize("soft", [1.0, 0.4])
def test_full_state_dependent_noise_in_the_plane(soft):
    """Without noise the ratio to the grid is 1; also where the pass is softer than steep and V not smooth there.

    The growing rate is 1, that across the valley ``soft``: below 1 the way comes in along the valley's wall.
    """
    place = Landscape.from_expression(
        "(x**2-1)**2/4 + w*(y-x**2/2)**2/2", "x y", bounds=[(-2, 2), (-1.5, 2)], w=soft
    )  # fmt: skip
    cross = "0.3*x*y/(1+y**2)*T"
    tensor = [["(1+x**2/2)*T", cross], [cross, "(0.6+y**2/4)*T"]]
    noises = [fpsim.DiffusionField.from_expression(tensor, "x y", T=level) for level in (0.06, 0.03, 0.015)]
    found, error, formulas = limit([fpsim.EscapeProblem(fpsim.SDE(place, n), (-1, 0.5), BESIDE) for n in noises])
    assert not formulas[-1].violated and formulas[-1].log_error < 0.01
    assert abs(found) < error < 0.02


def test_a_drift_that_is_no_gradient_without_noise():
    found, error, _ = limit([maier_stein(1.0, eps) for eps in (0.1, 0.05, 0.025)])
    assert abs(found) < error < 0.015


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti-ito"])
def test_on_a_line_it_is_laplace_s_method(convention):
    noise = fpsim.DiffusionField.from_expression("0.02*(1 + x**2/2)")
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise, convention), -1, 0.9)
    one, other = (problem.by_formula(name).log_mean for name in ("bouchet-reygner", "state-dependent"))
    assert one == pytest.approx(other, abs=1e-10)


def test_for_a_gradient_under_white_noise_it_is_eyring_and_kramers():
    place = Landscape.from_expression(
        "(x**2-1)**2/4 + (y-x**2/2)**2*(2.5+x)/2 + x/10", "x y", bounds=[(-2, 2), (-1, 2)]
    )
    start = min(place.minima, key=lambda point: point.x[0]).x
    problem = fpsim.EscapeProblem(fpsim.SDE(place, fpsim.ConstantDiffusion(0.02)), start, fpsim.HalfSpace((1, 0), 0.8))
    one, other = (problem.by_formula(name) for name in ("bouchet-reygner", "eyring-kramers"))
    assert one.log_mean == pytest.approx(other.log_mean, abs=1e-3)
    assert abs(one.log_mean - other.log_mean) < one.log_error


def test_the_straight_way_of_a_strong_turn_has_a_focal_point():
    sde = fpsim.SDE(landscapes.MaierStein(8.0), fpsim.ConstantDiffusion(0.02))
    with pytest.raises(FocalPointError, match="cross"):
        prefactor(sde, np.stack([np.linspace(-1, 0, 129), np.zeros(129)]), (0.75, 0.5))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (fpsim.EscapeProblem(maier_stein(3.0, 0.1).sde, (-1, 0), BESIDE, "reflecting"), "knows no walls"),
        (fpsim.EscapeProblem(maier_stein(3.0, 0.1).sde, (-1, 0), fpsim.HalfSpace((0, 1), 0.9)), "none does"),
        (
            fpsim.EscapeProblem(
                fpsim.SDE(landscapes.MaierStein(3.0), fpsim.ConstantDiffusion([0.1, 0.0])), (-1, 0), BESIDE
            ),
            "does not reach every direction",
        ),
    ],
)
def test_refusals_are_one_sentence(problem, words):
    with pytest.raises(ValueError, match=words):
        problem.by_formula("bouchet-reygner")
