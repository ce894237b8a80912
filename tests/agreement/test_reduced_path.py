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


def test_at_the_pitchfork_it_is_the_grid():
    """The barrier is eight noise units at every m, so ln(grid / formula) tends to what those do to the quartic well.

    a + b m + c m^2 through three levels; the error is what c does to the line through the last two.
    """
    well = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25 / 8))
    line = fpsim.EscapeProblem(well, -1, 0.9)
    formulas = {m: fork(m).by_formula("reduced-path") for m in (0.25, 0.125, 0.0625)}
    four, two, one = (np.log(fork(m).by_grid(cells=80).ratio(found)) for m, found in formulas.items())
    limit = (8 * one - 6 * two + four) / 3
    error = abs(limit - (2 * one - two))
    assert abs(limit - np.log(line.by_quadrature().ratio(line.by_formula("kramers")))) < error < 0.01
    assert not formulas[0.125].violated
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
