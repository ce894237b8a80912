"""Splitting against times that are known otherwise: quadrature, transfer matrix, separable landscapes, plain paths.

Seeds are fixed; where errors are stated, five of them bound the deviation.
"""

import math

import numpy as np
import pytest

import fpsim
import landscapes

F, C = landscapes.Landscape.from_expression, fpsim.ConstantDiffusion
WELL = landscapes.DoubleWell()


@pytest.mark.parametrize(
    ("noise", "exact"),
    [(0.05, 729.670691942), (0.025, 102108.365457), (0.0125, 2198644401.41), (0.0085, 26716055204429.457)],
)
def test_the_quartic_well_over_ten_powers_of_ten(noise, exact):
    problem = fpsim.EscapeProblem(fpsim.SDE(WELL, C(noise)), -1.0, 1.0)
    found = problem.by_splitting(seed=11, particles=400, step=0.01, step_bias=False)
    assert found.standard_error < 0.08 * exact
    assert abs(found.mean - exact) < 3 * found.error
    assert not found.violated


def random_problem(rng):
    """A tilted quartic well with white, wavy or Hessian-shaped noise, e^2 to e^10 away from its other valley."""
    a = rng.uniform(0.5, 2)
    well = F("a*(x**2-1)**2/4 + b*x + c*x**3", variables="x", a=a, b=rng.uniform(-0.1, 0.1), c=rng.uniform(-0.05, 0.05))
    strength = a / 4 / rng.uniform(2, 10)
    kind, convention = int(rng.integers(3)), ("ito", "anti-ito")[int(rng.integers(2))]
    if kind == 0:
        noise = C(strength)
    elif kind == 1:
        noise = fpsim.DiffusionField.from_expression("D*(1 + q*x**2)", variables="x", D=strength, q=rng.uniform(0, 0.6))
    else:
        floor = rng.uniform(0.3, 3)
        noise, convention = (
            fpsim.HessianDiffusion(learning_rate=strength, batch_size=1, at="everywhere", floor=floor),
            "ito",
        )
    return fpsim.EscapeProblem(fpsim.SDE(well, noise, convention), rng.uniform(-1.3, -0.2), rng.uniform(0.2, 1.3))


def test_stated_errors_cover_on_random_problems():
    """z of 16 problems: none beyond 4, mean within 3 / sqrt(16) of 0, root mean square below 1.6 (chi^2: 0.1 %)."""
    z, rng = [], np.random.default_rng(5)
    while len(z) < 16:
        problem = random_problem(rng)
        found = problem.by_splitting(seed=len(z), repetitions=12, particles=64, step_bias=False, step=0.01)
        z.append((found.mean / problem.by_quadrature().mean - 1) / (found.standard_error / found.mean))
    z = np.array(z)
    assert np.abs(z).max() < 4
    assert abs(z.mean()) < 3 / math.sqrt(z.size)
    assert 0.5 < math.sqrt(np.mean(z**2)) < 1.6


def test_ten_dimensions_with_the_times_of_one():
    names = [f"x{i}" for i in range(10)]
    bowls = "+".join(f"{0.5 + 0.2 * i}*{name}**2/2" for i, name in enumerate(names[1:]))
    space = F(f"(x0**2-1)**2/4 + {bowls}", variables=" ".join(names))
    problem = fpsim.EscapeProblem(fpsim.SDE(space, C(0.025)), [-1.0, *[0.0] * 9], fpsim.HalfSpace([1.0, *[0.0] * 9], 1))
    found = problem.by_splitting(seed=1, repetitions=10, particles=200, step=0.01, step_bias=False)
    assert abs(found.mean - 102108.365457) < 5 * found.standard_error < 0.5 * found.mean


def test_a_bent_way_by_the_committor_of_the_grid():
    """From Mueller-Brown's deep valley to its middle one, against the grid's own time."""
    place = landscapes.MuellerBrown()
    deep, middle = (tuple(minimum.x) for minimum in place.minima[:2])
    problem = fpsim.EscapeProblem(fpsim.SDE(place, C(10.0)), deep, fpsim.Ball(middle, 0.1))
    found = problem.by_splitting(seed=1, repetitions=4, particles=128, score="committor", step=3e-5, step_bias=False)
    exact = problem.by_grid(cells=100).log_mean  # within 1 %
    assert exact > 5
    assert abs(found.log_mean - exact) < 5 * found.log_error < 1.5
    assert found.settings["score"] == "committor"
    assert not {"scatter", "weights", "extinct", "settled"} & {a.key for a in found.violated}


def test_a_bent_way_by_the_path_of_least_loss():
    """From Mueller-Brown's deep valley to its low one, round two bends; 198.31 is theory's (the grid has 198.315)."""
    place = landscapes.MuellerBrown()
    deep, _, low = (tuple(minimum.x) for minimum in place.minima)
    path = fpsim.string(place, deep, low).x.T
    problem = fpsim.EscapeProblem(fpsim.SDE(place, C(10.0)), deep, fpsim.Ball(low, 0.1))
    found = problem.by_splitting(seed=1, repetitions=4, particles=64, score=path, step=1e-4, step_bias=False)
    assert abs(found.mean - 198.31) < 5 * found.standard_error < 2.5 * 198.31
    assert not {"scatter", "weights", "extinct", "settled"} & {a.key for a in found.violated}
    assert int(found.settings["score"].split()[-2]) < len(path) / 4  # straight parts need few points
