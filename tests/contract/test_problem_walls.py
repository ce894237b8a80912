"""Walls and the landscape's domain belong to the problem: checked when it is made, obeyed or refused by every route."""

import math

import pytest

from fpsim import SDE, Ball, ConstantDiffusion, EscapeProblem, Walls
from landscapes import Landscape

RING = Landscape.from_expression("-cos(2*x)", bounds=[(-math.pi / 2, 3 * math.pi / 2)])


@pytest.mark.parametrize("boundary", ["reflecting", "periodic", Walls("reflecting", [(-1.0, 4.0)])])
def test_walls_are_kept_and_printed(boundary: object) -> None:
    problem = EscapeProblem(SDE(RING, ConstantDiffusion(0.5)), 0.0, Ball([math.pi], 0.2), boundary=boundary)
    assert problem.walls is not None
    assert str(problem.walls) in str(problem)


def test_a_start_outside_the_walls_is_refused() -> None:
    with pytest.raises(ValueError, match="outside the walls reflecting on"):
        EscapeProblem(SDE(RING, ConstantDiffusion(0.5)), 6.0, 0.0, boundary="reflecting")


def test_a_start_outside_the_domain_is_refused() -> None:
    sde = SDE(Landscape.from_expression("x - 0.6*log(x)"), ConstantDiffusion(0.5))
    with pytest.raises(ValueError, match="not defined at x = -1"):
        EscapeProblem(sde, -1.0, 4.0)


def test_walls_given_twice_must_agree() -> None:
    problem = EscapeProblem(SDE(RING, ConstantDiffusion(0.5)), 0.0, Ball([math.pi], 0.2), boundary="periodic")
    with pytest.raises(ValueError, match="leave boundary= out"):
        problem.by_paths(paths=10, step=0.01, boundary="reflecting")
