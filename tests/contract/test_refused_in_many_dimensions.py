"""Valleys, actions and comparisons refuse what has no number in a sentence, and hide no fault of a program."""

import math

import numpy as np
import pytest

import fpsim
from fpsim.routes import comparing
from landscapes import DoubleWell, DriftField, Landscape

WELL = DoubleWell()
PLANE = Landscape.from_expression("(x**2 - 1)**2/4 + y**2/2 + a*x", variables="x y", bounds=[(-2.0, 2.0)] * 2, a=0.1)
OPEN = Landscape.from_expression("(x**2 - 1)**2/4 + (y - x**2)**2", variables="x y")
A, B = (-1.0466805, 0.0), (0.9456492, 0.0)


def sde(place=PLANE, level=0.02):
    return fpsim.SDE(place, fpsim.ConstantDiffusion(level))


@pytest.mark.parametrize(
    ("ask", "sentence"),
    [
        (lambda: fpsim.passes(WELL, -1, 1, temperature=1e-310), "no float holds"),
        (lambda: fpsim.EscapeProblem(sde(WELL, 1e-310), -1, 1).by_formula("kramers"), "no float holds"),
        (lambda: fpsim.passes(WELL, -1, 1, temperature="cold"), "positive number; got 'cold'"),
        (lambda: fpsim.passes(WELL, -1, 1, starts=2.5), "starts must be a whole number"),
        (lambda: fpsim.passes(WELL, -1, 1, seed=-1), "a seed must be a whole number >= 0"),
        (lambda: fpsim.string(WELL, -1, 1, images=25.5), "whole number >= 5"),
        (lambda: fpsim.string(WELL, -1, 1, tolerance=math.nan), "tolerance must be a positive number"),
        (lambda: fpsim.saddle(OPEN, (1e200, 0.0)), "the gradient at .* begin nearer"),
        (lambda: fpsim.string(OPEN, (1e200, 0.0), (1.0, 1.0)), "the gradient at .* begin nearer"),
        (lambda: fpsim.rates(sde()).time((math.nan, 0.0), 1), "finite"),
        (lambda: fpsim.rates(sde()).time((0.0,), 1), "2 coordinate"),
        (lambda: fpsim.rates(sde(level=1e-5)).modes(), "beyond what floats resolve"),
        (lambda: fpsim.minimum_action(sde(level=1e-310), A, (0.1, 0.0)), "ask for one at another level"),
        (lambda: fpsim.minimum_action(sde(OPEN), A, (1e200, 0.0)), "coordinates below 1e.100"),
        (lambda: fpsim.minimum_action(sde(OPEN), A, (1e40, 0.0)), "the drift at"),
        (lambda: fpsim.minimum_action(sde(), A, B, deadline=math.nan), "positive number of seconds"),
        (lambda: fpsim.minimum_action(sde(), A, B, tolerance=-1.0), "tolerance must be a positive number"),
        (lambda: fpsim.minimum_action(sde(), A, B, pieces=20.5), "pieces must be a whole number >= 16"),
    ],
)
def test_what_has_no_number_is_refused_in_a_sentence(ask, sentence):
    with pytest.raises(ValueError, match=sentence):
        ask()


def test_an_sde_is_no_landscape():
    with pytest.raises(TypeError, match="of an SDE"):
        fpsim.saddle(sde(), A)


def test_a_direction_of_any_length_is_one():
    assert fpsim.saddle(PLANE, A, direction=(1e-200, 0.0)).x[0] == pytest.approx(0.10103, abs=1e-5)


def test_a_single_valley_has_one_mode_that_stays():
    chain = fpsim.rates(sde(Landscape.from_expression("x**2 + y**2", variables="x y", bounds=[(-1.0, 1.0)] * 2)))
    values, modes = chain.modes()
    assert values.tolist() == [0.0] and modes.tolist() == [[1.0]] and not [a for a in chain.assumptions if not a.holds]


def test_a_pole_between_two_minima_joins_nothing():
    place = Landscape.from_expression("(x**2 - 1)**2/(4*x**2) + y**2/2", variables="x y", bounds=[(-3.0, 3.0)] * 2)
    with pytest.raises(ValueError, match="no finite slope on the way"):
        fpsim.string(place, (-1.0, 0.0), (1.0, 0.0))


def test_a_flat_saddle_has_no_prefactor():
    place = Landscape.from_expression("x**6/6 - x**4/4 + y**2/2", variables="x y", bounds=[(-2.0, 2.0)] * 2)
    problem = fpsim.EscapeProblem(sde(place, 5e-3), (-1.0, 0.0), fpsim.Ball((1.0, 0.0), 0.3))
    with pytest.warns(UserWarning, match="degenerate"), pytest.raises(ValueError, match="one that vanishes"):
        problem.by_formula("bouchet-reygner")


def test_the_error_of_a_way_that_is_not_resolved_covers_the_action():
    # a gradient and a rotation thirty times as strong along its level lines: the least action is the barrier, 1/4
    spin = DriftField.from_expression(
        ["-(x**3 - x) - 30*y", "-y + 30*(x**3 - x)"], variables="x y", bounds=[(-2.0, 2.0)] * 2
    )
    found = fpsim.minimum_action(sde(spin, 0.1), (-1.0, 0.0), (0.0, 0.0), starts=1, pieces=64)
    assert abs(found.exponent - 2.5) <= found.exponent_error
    assert any(a.key == "settled" and not a.holds for a in found.assumptions)


class Fails:
    """A route that raises."""

    name, room = "fails", 1.0

    def __init__(self, work):
        self.work = work

    def share_of(self, followed):
        return 1.0

    def within(self, problem, plan, share):
        return self.work()


@pytest.mark.parametrize(
    "work", [lambda: 1 + "1", lambda: np.linspace(0, 1, 2.5), lambda: len(3)], ids=["sum", "numpy", "len"]
)
def test_a_fault_of_a_program_is_no_skipped_route(monkeypatch, work):
    monkeypatch.setattr(comparing, "_start_up", lambda dtype: None)
    monkeypatch.setattr(comparing, "applicable", lambda problem: [Fails(work)])
    with pytest.raises(TypeError):
        fpsim.EscapeProblem(sde(WELL), -1.0, 1.0).compare(budget=5)


def test_refusals_and_failed_numerics_are_skipped_routes(monkeypatch):
    monkeypatch.setattr(comparing, "_start_up", lambda dtype: None)
    found = [Fails(lambda: fpsim.saddle(sde(), A)), Fails(lambda: math.exp(1e4))]
    monkeypatch.setattr(comparing, "applicable", lambda problem: found)
    first, second = fpsim.EscapeProblem(sde(WELL), -1.0, 1.0).compare(budget=5).skipped
    assert first.reason.startswith("saddles are those of a landscape")
    assert second.reason == "it ended with OverflowError: math range error"
