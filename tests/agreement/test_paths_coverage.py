"""Paths against truth on random problems: the stated error, of sample and step together, must cover.

Truth by quadrature in one dimension; in two, of a separable landscape, or of a ball around a rotation's centre, whose
time ln(r/R)/k from distance r depends neither on D nor on the rotation.
"""

import numpy as np
import pytest

import fpsim
from landscapes import DoubleWell, DriftField, Landscape

F, C, D = Landscape.from_expression, fpsim.ConstantDiffusion, fpsim.DiffusionField.from_expression
PATHS = 400


def quadrature(problem):
    return problem, problem.by_quadrature().mean


def tilted(u):
    well = F("(x**2-1)**2/4 + a*x", bounds=[(-3, 3)], a=u(-0.1, 0.1))
    return quadrature(fpsim.EscapeProblem(fpsim.SDE(well, C(u(0.1, 0.4))), -1.0, 0.5))


def rippled(u):
    bowl = F("k*x**2/2 + b*cos(w*x)", bounds=[(-5, 5)], k=u(0.5, 1.5), b=u(0, 0.3), w=u(2, 6))
    return quadrature(fpsim.EscapeProblem(fpsim.SDE(bowl, C(u(0.4, 1.2))), 0.0, u(0.6, 1.4)))


def wavy_noise(u):
    noise = D("T*(1 + b*sin(q*x))", T=u(0.4, 1.0), b=u(0.2, 0.8), q=u(2, 6))
    sde = fpsim.SDE(F("k*x**2/2", bounds=[(-4, 4)], k=u(0.2, 1.0)), noise)
    return quadrature(fpsim.EscapeProblem(sde, 0.0, u(0.7, 1.5)))


def dented_noise(u):
    noise = D("T*(1 - b*exp(-((x-c)/w)**2))", T=u(0.3, 0.8), b=u(0.3, 0.9), c=u(0.2, 0.6), w=u(0.1, 0.4))
    sde = fpsim.SDE(F("k*x**2/2", bounds=[(-4, 4)], k=u(0.2, 1.0)), noise)
    return quadrature(fpsim.EscapeProblem(sde, 0.0, u(0.8, 1.4)))


def floored(u):
    noise = fpsim.HessianDiffusion(learning_rate=u(0.4, 1.2), batch_size=1, at="everywhere", floor=10 ** u(-0.7, 0))
    return quadrature(fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), noise), -1.0, 0.3))


def whirl(u):
    k, w, radius, r = u(0.5, 1.5), u(0, 3), u(0.15, 0.4), u(1, 2)
    field = DriftField.from_expression([f"-{k}*x + {w}*y", f"-{w}*x - {k}*y"], variables="x y")
    problem = fpsim.EscapeProblem(fpsim.SDE(field, C(u(0.2, 0.6))), [r, 0.0], fpsim.Ball([0.0, 0.0], radius))
    return problem, np.log(r / radius) / k


def channel(u):
    noise, tilt = u(0.15, 0.4), u(-0.1, 0.1)
    one = fpsim.EscapeProblem(fpsim.SDE(F("(x**2-1)**2/4 + a*x", a=tilt), C(noise)), -1.0, 0.5)
    plane = F("(x**2-1)**2/4 + a*x + w*y**2/2", variables="x y", a=tilt, w=u(0.5, 5))
    sde = fpsim.SDE(plane, C([noise, u(0.1, 1.0)]))
    return fpsim.EscapeProblem(sde, [-1.0, 0.0], fpsim.HalfSpace([1.0, 0.0], 0.5)), one.by_quadrature().mean


KINDS = (tilted, rippled, wavy_noise, dented_noise, floored, whirl, channel)


@pytest.mark.slow
def test_stated_errors_cover_the_truth_on_random_problems():
    u = np.random.default_rng(11).uniform
    scores, widths = [], []
    for number in range(7 * 10):
        problem, truth = KINDS[number % 7](u)
        found = problem.by_paths(PATHS, seed=number)
        if not found.violated:
            scores.append(abs(found.mean - truth) / found.error)
            widths.append(found.error / found.mean)
    scores = np.array(scores)
    print(f"{scores.size} answered; within 2: {np.mean(scores < 2):.3f}, 3: {np.mean(scores < 3):.3f}")
    assert scores.size >= 60
    assert np.mean(scores < 2) >= 0.93 and np.mean(scores < 3) >= 0.99
    assert np.median(widths) < 2.5 / np.sqrt(PATHS)  # little more than the sample's own error
