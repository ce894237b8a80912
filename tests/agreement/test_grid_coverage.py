"""How often the error that by_grid states covers the truth, over random problems of six kinds with fixed seeds.

Isotropic wells and hats with balls, and the way out of them (truth: nested integrals); half-spaces at any angle and
separable landscapes under full tensors (truth: one-dimensional quadrature along the normal).
"""

import numpy as np
import pytest

import fpsim
from landscapes import DriftField, Landscape

WELL = "((x-p)**2 + (y-q)**2)"


def isotropic(kind, rng, radial_time):
    """Start, target, SDE and exact time of a problem around a random centre."""
    p, q = rng.uniform(-2, 2, 2)
    angle = rng.uniform(0, 2 * np.pi)
    if kind == "hat":
        noise, radius = rng.uniform(0.08, 0.3), rng.uniform(0.15, 0.8)
        begin, far = rng.uniform(max(1.0, radius + 0.1), 1.3), 4.0
        landscape = Landscape.from_expression(f"({WELL}-1)**2/4", variables="x y", p=p, q=q)
        exact = radial_time(lambda r: (r * r - 1) ** 2 / 4 / noise, noise, 2, begin, radius, far)
    else:
        k, noise, b = rng.uniform(0.5, 2), rng.uniform(0.3, 1.5), rng.uniform(0, 0.3)
        width = np.sqrt(noise / k)
        radius = width * (rng.uniform(0.15, 1.2) if kind == "ball" else rng.uniform(1, 3))
        begin = radius + width * rng.uniform(0.2, 2) if kind == "ball" else radius * rng.uniform(0, 0.8)
        landscape = Landscape.from_expression(f"k*{WELL}/2+b*{WELL}**2", variables="x y", k=k, b=b, p=p, q=q)
        exact = radial_time(lambda r: (k * r * r / 2 + b * r**4) / noise, noise, 2, begin, radius, 12 * width)
    start = (p + begin * np.cos(angle), q + begin * np.sin(angle))
    target = fpsim.Ball((p, q), radius) if kind != "out" else lambda x: np.hypot(x[0] - p, x[1] - q) - radius
    return fpsim.EscapeProblem(fpsim.SDE(landscape, fpsim.ConstantDiffusion(noise)), start, target), exact


def separable(kind, rng):
    """A double well along a random direction, under white noise or (drift = M grad) under D M."""
    angle, noise, stiff, tilt = (
        rng.uniform(0, 2 * np.pi),
        rng.uniform(0.1, 0.5),
        rng.uniform(0.5, 4),
        rng.uniform(-0.1, 0.1),
    )
    begin, end, aside = rng.uniform(-1.2, -0.8), rng.uniform(-0.3, 1.0), rng.uniform(-0.5, 0.5)
    line = Landscape.from_expression("(x**2-1)**2/4+t*x", t=tilt)
    exact = fpsim.EscapeProblem(fpsim.SDE(line, fpsim.ConstantDiffusion(noise)), begin, end).by_quadrature().mean
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    if kind == "half":
        form = "((c*x+s*y)**2-1)**2/4+t*(c*x+s*y)+w*(c*y-s*x)**2/2"
        c, s = turn[:, 0]
        landscape = Landscape.from_expression(form, variables="x y", c=c, s=s, w=stiff, t=tilt)
        shape = turn
        diffusion = fpsim.ConstantDiffusion(noise)
    else:
        shape = turn @ np.array([[1, 0], [rng.uniform(-0.8, 0.8), 1]]) @ np.diag([1, rng.uniform(0.5, 2)])
        back = np.linalg.inv(shape)

        def drift(x):
            u, v = np.tensordot(back, x, axes=1)
            return np.tensordot(shape, np.stack([-(u**3 - u + tilt), -stiff * v]), axes=1)

        landscape = DriftField(drift, dimension=2)
        diffusion = fpsim.ConstantDiffusion(noise * shape @ shape.T)
    normal = np.linalg.inv(shape)[0]
    start = shape @ np.array([begin, aside])
    return fpsim.EscapeProblem(fpsim.SDE(landscape, diffusion), start, fpsim.HalfSpace(normal, end)), exact


@pytest.mark.slow
def test_errors_cover_the_truth_in_the_plane(radial_time):
    rng, kinds = np.random.default_rng(2024), ("ball", "out", "hat", "half", "tensor")
    scores, errors = [], []
    for k in range(40):
        kind = kinds[k % len(kinds)]
        case, exact = isotropic(kind, rng, radial_time) if k % 5 < 3 else separable(kind, rng)
        found = case.by_grid(64)
        scores.append(abs(found.mean - exact) / found.systematic_error)
        errors.append(found.systematic_error / exact)
    covered = np.mean(np.array(scores) <= 1)
    print(
        f"covered {covered:.0%} of {len(scores)}, worst {max(scores):.2g} errors, median error {np.median(errors):.1e}"
    )
    assert covered >= 0.95
    assert max(scores) < 5
    assert np.median(errors) < 6e-4


def test_errors_cover_the_truth_on_the_line():
    rng, scores, errors = np.random.default_rng(7), [], []
    for _ in range(100):
        a, b, c, d = rng.uniform(-1, 1, 4)
        values = {"a": a, "b": b / 2, "c": c, "d": 3 * d}
        line = Landscape.from_expression("(x**2-1)**2/4+a*x/10+b*cos(3*x+d)/3+c*sin(2*x)/5", **values)
        convention = ("ito", "stratonovich", "anti-ito")[rng.integers(3)]
        noise = fpsim.ConstantDiffusion(rng.uniform(0.08, 0.5))
        if rng.random() < 0.5:
            noise = fpsim.DiffusionField.from_expression(
                "T*(1+m*sin(q*x))", T=rng.uniform(0.1, 0.5), m=0.7, q=rng.uniform(1, 4)
            )
        case = fpsim.EscapeProblem(fpsim.SDE(line, noise, convention), -1.0, rng.uniform(-0.5, 1.5))
        exact, found = case.by_quadrature().mean, case.by_grid()
        scores.append(abs(found.mean - exact) / max(found.systematic_error, 1e-10 * exact))
        errors.append(found.systematic_error / exact)
    print(
        f"covered {np.mean(np.array(scores) <= 1):.0%}, worst {max(scores):.2g}, median error {np.median(errors):.1e}"
    )
    assert np.mean(np.array(scores) <= 1) >= 0.97
    assert np.median(errors) < 1e-7
