"""The reduced theory along the path: against the grid next to a pitchfork, and against what it reduces to."""

import numpy as np
import pytest

import fpsim
import landscapes
from landscapes import Landscape

FORK = Landscape.from_expression(
    "x**4/4 - m*x**2/2 + (4 + 2*x**2)*(y - x**2/4)**2/2", "x y", bounds=[(-1.4, 1.4), (-0.8, 0.8)], m=0.25
)


def fork(m, convention="ito"):
    """A pitchfork at m = 0, its barrier m^2/4 eight times the noise, a full D(x), and a target beyond."""
    noise = fpsim.DiffusionField.from_expression(
        [["T*(1+4*x**2)", "0.3*x*T"], ["0.3*x*T", "T*2*(1+x**2)"]], "x y", T=m**2 / 32
    )
    a = -np.sqrt(m)
    return fpsim.EscapeProblem(
        fpsim.SDE(FORK.with_parameters(m=m), noise, convention), (a, a * a / 4), fpsim.HalfSpace((1, 0), -0.9 * a)
    )


@pytest.mark.parametrize("convention", ["ito", "anti-ito"])
def test_it_tends_to_the_theory_in_the_plane_towards_the_pitchfork(convention):
    gaps = []
    for m in (0.5, 0.125, 0.03125):
        problem = fork(m, convention)
        whole, line = (problem.by_formula(name) for name in ("bouchet-reygner", "reduced-path"))
        gaps.append(abs(whole.log_mean - line.log_mean))
    assert gaps[0] > gaps[1] > gaps[2] and gaps[2] < 0.025
    assert not line.violated


def test_next_to_a_pitchfork_it_is_near_the_grid():
    problem = fork(0.125)
    formula = problem.by_formula("reduced-path")
    assert not formula.violated
    assert problem.by_grid().ratio(formula) == pytest.approx(1.14, abs=0.03)  # 1.34 and 1.21 at m = .5 and .25
    assert "stiff across" in [a.key for a in fork(0.5).by_formula("reduced-path").violated]


def test_for_white_noise_it_is_eyring_and_kramers():
    place = Landscape.from_expression(
        "(x**2-1)**2/4 + (y-x**2/2)**2*(2.5+x)/2 + x/10 + z**2*(1+y**2)", "x y z", bounds=[(-2, 2), (-1, 2), (-1, 1)]
    )
    start = min(place.minima, key=lambda point: point.x[0]).x
    beyond = fpsim.HalfSpace((1, 0, 0), 0.8)
    problem = fpsim.EscapeProblem(fpsim.SDE(place, fpsim.ConstantDiffusion(0.02)), start, beyond)
    one, other = (problem.by_formula(name).log_mean for name in ("reduced-path", "eyring-kramers"))
    assert one == pytest.approx(other, abs=1e-3)


def test_refusals_are_one_sentence():
    line = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.05)), -1, 0.9)
    with pytest.raises(ValueError, match="use 'state-dependent'"):
        line.by_formula("reduced-path")
    field = fpsim.SDE(landscapes.MaierStein(), fpsim.ConstantDiffusion(0.05))
    with pytest.raises(ValueError, match="gradient drift"):
        fpsim.EscapeProblem(field, (-1, 0), fpsim.HalfSpace((1, 0), 0.9)).by_formula("reduced-path")
