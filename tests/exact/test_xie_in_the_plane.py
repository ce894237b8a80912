"""Theorem 3.2 beyond one dimension: whether the path is straight along the escape direction is checked."""

import fpsim
from landscapes import Landscape


def straight(text):
    place = Landscape.from_expression(text, "x y", bounds=[(-1.6, 1.6), (-1.0, 1.5)])
    noise = fpsim.HessianDiffusion(learning_rate=0.02, batch_size=1, at="everywhere", floor=0.1, climb_fraction=0.5)
    start = min(place.minima, key=lambda point: point.x[0]).x
    problem = fpsim.EscapeProblem(fpsim.SDE(place, noise), start, fpsim.HalfSpace((1, 0), 0.9))
    return next(a for a in problem.by_formula("xie").assumptions if a.key == "straight path")


def test_a_straight_path_across_a_channel_holds():
    assert straight("(x**2-1)**2/4 + 3*y**2/2").holds


def test_a_path_that_bends_fails_with_its_figures():
    found = straight("(x**2-1)**2/4 + 3*(y-x**2/2)**2/2")
    assert not found.holds and "|cos|" in found.detail


def test_a_straight_path_in_a_valley_that_turns_fails():
    """Near the straight line H couples x to y: (x^2 - 1) x y pushes the path aside, too."""
    assert not straight("(x**2-1)**2/4 + 3*y**2/2 + 0.4*(x**2-1)*x*y").holds
