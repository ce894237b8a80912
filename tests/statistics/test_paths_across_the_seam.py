"""Free diffusion on a ring of 2 pi, D = 1: {x >= 3.1} is met at 3.1 and, across the seam, at -pi: 3.1 pi / 2."""

import math

from fpsim import SDE, ConstantDiffusion, EscapeProblem
from landscapes import Landscape


def test_the_bridge_sees_a_target_across_the_seam() -> None:
    flat = Landscape.from_expression("0*x", bounds=[(-math.pi, math.pi)])
    problem = EscapeProblem(SDE(flat, ConstantDiffusion(1.0)), 0.0, 3.1, boundary="periodic")
    found = problem.by_paths(paths=10_000, step=0.01, seed=4)
    assert found.error < 0.15
    assert abs(found.mean - 3.1 * math.pi / 2) < 5 * found.standard_error
