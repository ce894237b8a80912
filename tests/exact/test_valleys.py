"""Valleys and passes of landscapes whose critical points are known."""

import math

import numpy as np
import pytest

import landscapes
from fpsim.targets import Ball, HalfSpace
from fpsim.valleys.finding import valley
from fpsim.valleys.graph import descend
from landscapes import DoubleWell, DriftField, Landscape

WELL = DoubleWell()
# minima -2 and 2 (loss 0) and 0 (higher), tops at about -1.2 and 1.2, tilted so that all heights differ
THREE = Landscape.from_expression("x**2*(x**2 - 4)**2/16 + x/20", bounds=(-3, 3))
DEEP, MIDDLE, LOW = (-0.5582236, 1.4417258), (-0.0500108, 0.4666941), (0.6234994, 0.0280378)


def at(point):
    return None if point is None else pytest.approx(point.x, abs=1e-5)


@pytest.mark.parametrize(("start", "target", "side"), [(-1.7, 1, -1), (-0.3, 0, -1), (0.6, -0.5, 1)])
def test_double_well(start, target, side):
    found = valley(WELL, start, target)
    assert found.minimum.x[0] == pytest.approx(side)
    assert found.saddle.x[0] == pytest.approx(0, abs=1e-9)
    assert found.barrier == pytest.approx(0.25)
    assert found.competing == -math.inf


def test_target_on_the_climb_has_its_pass_behind():
    assert valley(WELL, -1, -0.2).saddle.x[0] == pytest.approx(0, abs=1e-9)


def test_downhill_target_has_no_pass():
    assert valley(WELL, -1.9, -1.2).saddle is None
    assert valley(Landscape.from_expression("x**2"), -1, 1).saddle is None
    with pytest.raises(ValueError, match="no barrier"):
        _ = valley(WELL, -1.9, -1.2).barrier


def test_line_of_valleys_takes_the_running_maximum():
    points = THREE.critical_points()
    left, middle, _ = (float(m.loss) for m in points.minima)
    first, second = (float(s.loss) for s in points.saddles)
    rightwards = valley(THREE, -2, 2)
    assert rightwards.saddle.x[0] > 1  # tilted: the second top is the higher one
    assert rightwards.barrier == pytest.approx(second - left)
    assert rightwards.competing == pytest.approx(max(first - left, second - middle))
    assert valley(THREE, -2, 0).saddle.x[0] < -1
    leftwards = valley(THREE, 2, -2)
    assert leftwards.saddle.x[0] > 1


def test_deeper_valley_behind_the_start_competes():
    found = valley(THREE, 0, 2)
    left = float(THREE.critical_points().minima[0].loss)
    assert found.competing == pytest.approx(float(found.saddle.loss) - left)


def test_landscape_without_a_box_is_searched_around_start_and_target():
    free = Landscape.from_expression("(x**2-1)**2/4")
    assert valley(free, -1, 1).saddle.x[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("start", "target", "minimum", "saddle"),
    [
        (DEEP, LOW, DEEP, (-0.8220016, 0.6243128)),
        (LOW, DEEP, LOW, (-0.8220016, 0.6243128)),
        (MIDDLE, DEEP, MIDDLE, (-0.8220016, 0.6243128)),
        (MIDDLE, LOW, MIDDLE, (0.2124866, 0.2929883)),
        ((-1.0, 1.6), LOW, DEEP, (-0.8220016, 0.6243128)),
    ],
)
def test_mueller_brown(start, target, minimum, saddle):
    found = valley(landscapes.MuellerBrown(), start, Ball(target, 0.1))
    np.testing.assert_allclose(found.minimum.x, minimum, atol=1e-6)
    np.testing.assert_allclose(found.saddle.x, saddle, atol=1e-6)
    assert found.others == ()
    np.testing.assert_allclose(found.beyond.x, target, atol=1e-6)


def test_target_in_the_own_valley_has_no_pass():
    assert valley(landscapes.MuellerBrown(), (-1.0, 1.6), Ball(DEEP, 0.05)).saddle is None
    assert valley(landscapes.MuellerBrown(), DEEP, Ball((-0.7, 1.2), 0.05)).saddle is None


def test_two_equal_passes_around_a_hill():
    ring = Landscape.from_expression("(x**2 + y**2 - 1)**2 + 3*y**2/10", variables="x y", bounds=[(-2, 2)] * 2)
    found = valley(ring, (-1, 0), Ball((1, 0), 0.2))
    heights = {round(float(p.x[1]), 6) for p in (found.saddle, *found.others)}
    assert heights == {round(math.sqrt(0.85), 6), -round(math.sqrt(0.85), 6)}
    assert found.competing == -math.inf


def test_three_holes_in_series_compete():
    # left -> upper -> right: two passes of one height, one after the other
    found = valley(landscapes.ThreeHole(), (-1, 0), Ball((1, 0), 0.2))
    assert found.saddle.x[1] == pytest.approx(1.10273, abs=1e-5)
    assert found.competing == pytest.approx(found.barrier, rel=1e-6)


def test_four_wells():
    four = Landscape.from_expression("(x**2 - 1)**2/4 + (y**2 - 1)**2/4", variables="x y", bounds=[(-2, 2)] * 2)
    found = valley(four, (-1, -1), HalfSpace((1, 0), 0.5))
    np.testing.assert_allclose(found.saddle.x, (0, -1), atol=1e-9)
    assert found.others == ()
    by_level = valley(four, (-1, -1), lambda x: x[0] - 0.5)
    np.testing.assert_allclose(by_level.saddle.x, (0, -1), atol=1e-9)
    at_the_pass = valley(four, (-1, -1), HalfSpace((1, 0), 0.0))
    np.testing.assert_allclose(at_the_pass.saddle.x, (0, -1), atol=1e-9)


def test_level_function_in_one_dimension():
    assert valley(WELL, -1, lambda x: x[0] - 0.7).saddle.x[0] == pytest.approx(0, abs=1e-9)


def test_ten_dimensions():
    names = [f"x{i}" for i in range(10)]
    text = "(x0**2 - 1)**2/4 + " + " + ".join(f"{n}**2" for n in names[1:])
    ten = Landscape.from_expression(text, variables=names, bounds=[(-2, 2)] * 10)
    found = valley(ten, [-1] + [0] * 9, HalfSpace([1] + [0] * 9, 0.8))
    np.testing.assert_allclose(found.saddle.x, np.zeros(10), atol=1e-9)
    assert not found.complete


def test_descent_follows_the_gradient_flow():
    # x' = x - x^3, y' = -4 y decouple: the sign of x decides
    ground = Landscape.from_expression("(x**2 - 1)**2/4 + 2*y**2", variables="x y", bounds=[(-2, 2)] * 2)
    points = np.random.default_rng(3).uniform(-2, 2, (2, 100))
    ends = descend(ground, points, np.array([[-1.0, 1.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(ends, (points[0] > 0).astype(int))


def test_flow_down_the_walls_of_a_bent_valley_meets_the_right_minimum():
    """The walls are a hundred times as steep as the floor; LSODA follows the same lines to 1e-10."""
    from scipy.integrate import solve_ivp

    bent = Landscape.from_expression("(x**2 - 1)**2/4 + 50*(y - sin(3*x)/2)**2 + x/10", variables="x y")
    minima = np.array([[-1.04668053, 0.94564903], [-0.00077553, 0.14997754]])
    points = np.array([[-0.42661441, -0.48626632, -0.6, 0.5, 0.9], [0.64474766, 0.84706032, 0.9, -0.8, 0.9]])

    def pull(_, x):
        return -bent.gradient(x[:, None])[:, 0]

    ends = [solve_ivp(pull, (0, 60), x, method="LSODA", rtol=1e-10, atol=1e-12).y[:, -1:] for x in points.T]
    wanted = [int(np.argmin(np.linalg.norm(minima - end, axis=0))) for end in ends]
    np.testing.assert_array_equal(descend(bent, points, minima), wanted)
    assert set(wanted) == {0, 1}


def test_refusals():
    with pytest.raises(ValueError, match="barrier top"):
        valley(WELL, 0, 1)
    with pytest.raises(ValueError, match="drift field"):
        valley(DriftField.from_expression("x - x**3"), -1, 1)
    with pytest.raises(ValueError, match="shape"):
        valley(WELL, [-1, 0], 1)
    two = Landscape.from_expression("(x**2-1)**2/4 + y**2", variables="x y", bounds=[(-2, 2)] * 2)
    with pytest.raises(ValueError, match="saddle"):
        valley(two, (0, 0), Ball((1, 0), 0.2))
    with pytest.raises(ValueError, match="no minimum"):
        valley(Landscape.from_expression("x"), 0, 1)
