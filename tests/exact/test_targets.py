"""What a target knows of itself, held against its level function; and that nobody asks which kind one is."""

import ast
import math
from pathlib import Path

import numpy as np
import pytest

from fpsim.targets import Ball, HalfSpace, LevelSet, Point, as_set, as_target, target_from

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(7)
ON_LINE = [
    (Point(1.3, -0.4), (1.3, math.inf)),
    (Point(-2.1, -0.4), (-math.inf, -2.1)),
    (Ball([0.7], 0.2), (0.5, 0.9)),
    (Ball([-3.0], 0.5), (-3.5, -2.5)),
    (HalfSpace([1.0], 0.25), (0.25, math.inf)),
    (HalfSpace([-2.0], 3.0), (-math.inf, -1.5)),
]
IN_SPACE = [Ball([1.0, -2.0, 0.5], 0.3), HalfSpace([1.0, 2.0, -2.0], 4.5)]
START = np.array([-0.4])


@pytest.mark.parametrize(("target", "inside"), ON_LINE)
def test_interval_and_edge_are_where_the_level_vanishes(target, inside):
    assert target.interval() == pytest.approx(inside)
    edge = target.edge(START)
    assert float(target.level(np.array([[edge]]))[0]) == pytest.approx(0, abs=1e-15)
    way = START + np.linspace(0, 1, 101)[:-1] * (edge - START)
    assert (target.level(way[None]) < 0).all()  # and nothing of it lies before
    assert target.far(START) >= abs(edge - START[0]) - 1e-15


@pytest.mark.parametrize("target", [target for target, _ in ON_LINE] + IN_SPACE)
def test_facts_agree_with_the_level(target):
    d = target.dimension
    start = np.full(d, -0.4)
    (anchor,) = target.anchors(start)
    assert float(target.level(anchor[:, None])[0]) >= -1e-12
    x = RNG.normal(size=(d, 200)) * 3
    if target.plane() is not None:
        normal, offset = target.plane()
        assert np.allclose(target.level(x), normal @ x - offset, atol=1e-12)
        assert np.linalg.norm(normal) == pytest.approx(1)
    else:
        center, radius = target.ball()
        assert np.allclose(target.level(x), radius - np.linalg.norm(x - center[:, None], axis=0), atol=1e-12)
    again = as_target(target_from(target.describe()), start)
    assert np.allclose(again.level(x), target.level(x), atol=1e-12)
    assert target.is_distance and np.allclose(np.linalg.norm(target.gradient(x), axis=0), 1)


def test_a_ring_shows_a_ball_its_nearest_image_and_folds_for_all_else():
    ball, plane, row = Ball([2.9], 0.2), HalfSpace([1.0], 2.0), np.array([-2.9, 0.1, 9.0])
    near = ball.folded(row, 0, -3.0, 3.0)
    assert np.abs(near - 2.9).max() <= 3.0 and np.allclose(np.mod(near - row, 6.0) % 6.0, 0, atol=1e-12)
    assert np.allclose(plane.folded(row, 0, -3.0, 3.0), [-2.9, 0.1, -3.0])


def test_a_level_function_knows_its_level_alone():
    known = as_set(lambda x: x[0] - 2.0)
    assert isinstance(known, LevelSet) and not known.is_distance and known.dimension is None
    assert known.ball() is known.plane() is known.interval() is known.edge(START) is None and known.anchors(START) == []
    assert known.far(START) == pytest.approx(2.4, rel=1e-6)
    assert as_set(1.0) is None and as_set(np.array([1.0, 2.0])) is None
    with pytest.raises(ValueError, match="a plain function, which this file does not hold"):
        target_from(known.describe())


def test_nobody_asks_which_kind_a_target_is():
    kinds, found = {"Point", "Ball", "HalfSpace", "LevelSet", "Target"}, []
    for package in ("fpsim", "validation", "animations"):
        for file in (ROOT / package).rglob("*.py"):
            if "targets" in file.relative_to(ROOT).parts:
                continue
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                asks = isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance"
                if asks and kinds & {n.id for n in ast.walk(node.args[1]) if isinstance(n, ast.Name)}:
                    found.append(f"{file.name}, line {node.lineno}")
    assert not found
