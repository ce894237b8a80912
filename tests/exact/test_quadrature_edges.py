"""Passages beside edges, walls and seams, by quadrature.  Numbers without a formula are mpmath's, 25 digits."""

import itertools
import math

import numpy as np
import pytest

from fpsim.escape import EscapeProblem
from fpsim.exact.feller import classify
from fpsim.exact.first_passage import first_passage
from fpsim.noise import ConstantDiffusion, DiffusionField
from fpsim.sde.sde import SDE
from fpsim.targets import Ball, HalfSpace
from fpsim.walls import Walls
from landscapes import DriftField, Landscape

LINE = Landscape.from_expression


def sde(text, noise, convention="ito", **parameters):
    model = DiffusionField.from_expression(noise) if isinstance(noise, str) else ConstantDiffusion(noise)
    return SDE(LINE(text, **parameters), model, convention)


@pytest.mark.parametrize(
    ("text", "noise", "start", "target", "right"),
    [
        ("4*(1/x**12-1/x**6)", 0.3, 1.12, 2.5, 18.9355496821597),
        ("1/x+x", 0.3, 1, 3, 99.774280334595),
        ("1/x**2+x", 0.3, 1, 3, 60.4352430246174),
        ("1/tanh(x)+x", 0.2, 1, 3, 3639.56838246593),
        ("exp(-5*x)+x", 0.2, 1, 3, 130754.75837252),
        ("tan(x)**2", 0.2, 0.3, 1, 14197.2337086322),
        ("x-0.6*log(x)", 0.5, 1, 4, 160.197893858211),
        ("-log(x)-log(1-x)", 0.2, 0.3, 0.8, 1.35257990506427),
        ("-log(x)-log(1-x)", 0.2, 0.7, 0.2, 1.35257990506427),
        ("-log(x-2)-log(3-x)", 0.2, 2.3, 2.8, 1.35257990506427),
    ],
)
def test_walls_of_the_landscape_itself(text, noise, start, target, right):
    found = first_passage(sde(text, noise), start, target)
    assert found.mean == pytest.approx(right, rel=2e-12)
    assert found.relative_error < 1e-12
    assert found.edge.kind == "entrance"


@pytest.mark.parametrize(
    ("text", "right"), [("x-0.4*log(x)", 293.425311461338), ("sqrt(x)", 65.8693636669177), ("x**1.5", 1723059.87132478)]
)
def test_edges_that_can_be_reached_need_a_wall(text, right):
    problem = sde(text, 0.5)
    with pytest.raises(ValueError, match=r"in finite time.*regular.*boundary"):
        first_passage(problem, 1, 4)
    found = first_passage(problem, 1, 4, walls=Walls("reflecting", [(0, 5)]))
    assert found.mean == pytest.approx(right, rel=2e-12)
    # a wall in front of the edge leaves less room: the path arrives sooner
    assert first_passage(problem, 1, 4, walls=Walls("reflecting", [(0.2, 5)])).mean < found.mean


@pytest.mark.parametrize(
    ("level", "kind"),
    [
        (0.3, "regular"),
        (0.499999999, "regular"),
        (0.5, "entrance"),
        (0.7, "entrance"),
        (-0.3, "regular"),
        (-0.6, "exit"),
    ],
)
@pytest.mark.parametrize("place", [0.0, 1.5])
def test_logarithmic_walls_are_reached_below_the_threshold(level, kind, place):
    # drift a/u under D: a Bessel process, which meets u = 0 if a < D, and stays there for a <= -D
    problem = sde(f"x-a*log(x-{place})", 0.5, a=level)

    def fields(x):
        return -problem.landscape.drift(x[None])[0] / 0.5, np.full(x.shape, math.log(0.5))

    assert classify(fields, place + 1, place, 0.0, 1.0).kind == kind


@pytest.mark.parametrize(
    ("text", "noise", "place", "kind", "draws"),
    [
        ("x**2/2", 1.0, math.inf, "natural", False),
        ("x**4/4", 1.0, math.inf, "entrance", False),
        ("-x**4/4", 1.0, math.inf, "exit", True),
        ("-x", 1.0, math.inf, "natural", True),
        ("0*x", "1+x**4", math.inf, "entrance", False),
        ("-1/x", 1.0, 0.0, "exit", True),
        ("(x-2)**2/2", "x", 0.0, "entrance", False),
        ("(x-0.5)**2/2", "x", 0.0, "regular", True),
        ("-x**2/2", "x**2/4", 0.0, "natural", False),
        ("-x**2/2", "2*x**2", 0.0, "natural", True),
    ],
)
def test_feller_classes(text, noise, place, kind, draws):
    problem = sde(text, noise)

    def fields(x):
        level = problem.diffusion(x[None])[0, 0]
        return -problem.landscape.drift(x[None])[0] / level, np.log(level)

    found = classify(fields, 1.0, place, 0.0, 1.0)
    assert (found.kind, found.draws) == (kind, draws)


def test_the_verdict_is_printed():
    text = str(EscapeProblem(sde("x-0.6*log(x)", 0.5), 1, 4).by_quadrature())
    assert "far end: x = 0 is entrance: cannot be reached" in text


@pytest.mark.parametrize(
    ("text", "noise", "words"),
    [
        ("0.5*log(1+x**2)", 1.0, "no finite integral"),
        ("0*x", "1+abs(x)", "no finite integral"),
        ("0*x", "exp(x)", "no finite integral"),
        ("x", 1.0, "a share of the paths"),
        ("-x**4/4+x", 1.0, "in finite time"),
        ("-x**2/2", "2*x**2", "a share of the paths goes to x = 0"),
        ("x/(1+x**2)**0.5", 1.0, "no finite integral"),
    ],
)
def test_infinite_means_are_refused_with_their_reason(text, noise, words):
    with pytest.raises(ValueError, match=words):
        first_passage(sde(text, noise), 1, 2)


@pytest.mark.parametrize(
    ("noise", "right"),
    [("1+x**2", math.pi * 3 / 4 - math.log(2) / 2), ("1+x**4", 1.58499464018078), ("exp(-x)", math.e - 1)],
)
def test_growing_noise_makes_means_finite(noise, right):
    assert first_passage(sde("0*x", noise), 0, 1).mean == pytest.approx(right, rel=1e-11)
    mirrored = noise.replace("-x", "x")
    assert first_passage(sde("0*x", mirrored), 0, -1).mean == pytest.approx(right, rel=1e-11)


@pytest.mark.parametrize(
    ("a", "mean", "variance"),
    [
        (1.4, 2.34682020104699, math.inf),
        (1.6, 2.30324577141206, 9.31415995565429),
        (2, 2.34002856677153, 6.09727974727348),
    ],
)
def test_algebraic_far_side(a, mean, variance):
    found = first_passage(sde("a*log(1+x**2)", 1.0, a=a), 0, 1)
    assert found.mean == pytest.approx(mean, rel=1e-12)
    if math.isinf(variance):
        assert found.log_variance == math.inf
        with pytest.raises(ValueError, match="infinite"):
            _ = found.variance
        by_route = EscapeProblem(sde("a*log(1+x**2)", 1.0, a=a), 0, 1).by_quadrature()
        assert by_route.variance is None and "infinite" in by_route.settings["variance"]
    else:
        assert found.variance == pytest.approx(variance, rel=1e-11)


# --- walls and rings ---


def test_reflecting_wall_on_a_flat_line():
    # between a wall at 0 and the target c: T = (c^2 - x^2) / 2D
    flat = sde("0*x", 0.7)
    for wall, start, target, right in ((0, 0.5, 1, 0.75 / 1.4), (0, 0, 1, 1 / 1.4), (3, 2.5, 2, 0.75 / 1.4)):
        walls = Walls("reflecting", [tuple(sorted((wall, target + (target - wall))))])
        assert first_passage(flat, start, target, walls=walls).mean == pytest.approx(right, rel=1e-13)
    # a target on the wall itself
    assert first_passage(flat, 0.5, 1, walls=Walls("reflecting", [(0, 1)])).mean == pytest.approx(0.75 / 1.4, rel=1e-13)


def test_targets_behind_walls_and_edges_are_refused():
    with pytest.raises(ValueError, match="behind the wall at x = 1"):
        first_passage(sde("0*x", 1.0), 0, 2, walls=Walls("reflecting", [(-1, 1)]))
    with pytest.raises(ValueError, match="edge at 0"):
        first_passage(sde("x-log(x)", 0.5), 1, -1)


def test_a_far_wall_is_no_wall():
    plain = first_passage(sde("(x**2-1)**2/4", 0.1), -1, 1)
    walled = first_passage(sde("(x**2-1)**2/4", 0.1), -1, 1, walls=Walls("reflecting", [(-30, 30)]))
    assert walled.mean == pytest.approx(plain.mean, rel=1e-13)


def test_ring_with_two_wells():
    ring = LINE("-cos(2*x)", bounds=[(-np.pi / 2, 3 * np.pi / 2)])
    problem = EscapeProblem(SDE(ring, ConstantDiffusion(0.5)), 0.0, Ball(np.pi, 0.2), boundary="periodic")
    found = problem.by_quadrature()
    # by symmetry 0 is a reflecting wall on the way to pi - .2
    half = first_passage(problem.sde, 0.0, np.pi - 0.2, walls=Walls("reflecting", [(0, 4)]))
    assert found.mean == pytest.approx(half.mean, rel=1e-12)
    assert found.variance == pytest.approx(half.variance, rel=1e-11)
    assert found.mean == pytest.approx(50.9, abs=0.05)


@pytest.mark.parametrize(
    ("target", "right"), [(3.1, 3.1 * np.pi / 2), (3, 3 * np.pi / 2), (-2, np.pi), (0.1, 0.05 * np.pi)]
)
def test_target_across_the_seam(target, right):
    # {x >= c} of the box (-pi, pi) is met at c and, the other way round, at the seam: T = a b / 2D
    walls = Walls("periodic", [(-np.pi, np.pi)])
    flat = sde("0*x", 1.0)
    assert first_passage(flat, 0.0, target, walls=walls).mean == pytest.approx(right, rel=1e-13)
    side = HalfSpace([np.sign(target)], abs(target))
    assert first_passage(flat, 0.0, side, walls=walls).mean == pytest.approx(right, rel=1e-13)


def test_ring_with_a_current():
    # drift f round a ring of length 2 pi to a ball of radius r: exit from (-b, b), T = b/f tanh(f b / 2D)
    field = SDE(DriftField.from_expression("f + 0*x", f=2.0), ConstantDiffusion(0.8))
    for shift in (0.0, 2.0, -3.0):
        start = (shift + np.pi) % (2 * np.pi) - np.pi
        goal = Ball((shift + 2 * np.pi) % (2 * np.pi) - np.pi, 0.2)
        found = first_passage(field, start, goal, walls=Walls("periodic", [(-np.pi, np.pi)]))
        b = np.pi - 0.2
        assert found.mean == pytest.approx(b / 2 * math.tanh(2 * b / 1.6), rel=1e-12)


def test_level_sets_are_met_on_both_sides():
    # Ornstein-Uhlenbeck out of (-c, c): by symmetry a wall at 0
    bowl = sde("x**2/2", 0.5)
    both = first_passage(bowl, 0.0, lambda x: np.abs(x[0]) - 1.3)
    half = first_passage(bowl, 0.0, 1.3, walls=Walls("reflecting", [(0, 2)]))
    assert both.mean == pytest.approx(half.mean, rel=1e-12)
    assert both.variance == pytest.approx(half.variance, rel=1e-11)
    one = first_passage(bowl, 0.0, lambda x: x[0] - 1.3)
    assert one.mean == pytest.approx(first_passage(bowl, 0.0, 1.3).mean, rel=1e-12)


@pytest.mark.parametrize("start", [0.1, 0.3, 0.5])
def test_times_on_a_ring(start):
    found = first_passage(sde("0*x", 1.0), start, Ball(0.8, 0.1), walls=Walls("periodic", [(0, 1)]))
    assert found.mean == pytest.approx((start + 0.1) * (0.7 - start) / 2, rel=1e-12)


# --- units ---


def test_units_of_length_and_energy_do_not_matter():
    cases = (
        ("u*((x/l)**2-1)**2/4 + u*b*sin(3*x/l)", 0.1, -1, 1),
        ("u*(x/l-0.6*log(x/l))", 0.5, 1, 4),
        ("u*1.6*log(1+(x/l)**2)", 1.0, 0, 1),
        ("u*4*((l/x)**12-(l/x)**6)", 0.3, 1.12, 2.5),
    )
    for text, level, start, target in cases:
        logs = []
        for length, energy in itertools.product((1e-9, 1.0, 1e9), (4.1e-21, 1.0, 1e9)):
            names = {"u": energy, "l": length, "b": 0.05}
            well = LINE(text, **{name: value for name, value in names.items() if name != "b" or "b*" in text})
            found = first_passage(SDE(well, ConstantDiffusion(level * energy)), start * length, target * length)
            logs.append(found.log_mean - math.log(length**2 / energy))
        assert np.ptp(logs) < 1e-12


def test_targets_at_the_very_edge():
    # for x^1.5 the edge is an ordinary point of drift and noise; a logarithm keeps paths away
    plain = sde("x**1.5", 0.5)
    at, near = first_passage(plain, 1, 0).mean, first_passage(plain, 1, 1e-9).mean
    assert at == pytest.approx(near, rel=1e-8)
    with pytest.raises(ValueError, match=r"edge x = 0, which no path reaches in finite time \(entrance"):
        first_passage(sde("x-0.6*log(x)", 0.5), 1, 0)
