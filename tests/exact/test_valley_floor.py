"""Theories along a valley's floor, and all theories of an escape, where closed forms exist."""

import math

import numpy as np
import pytest

import fpsim
from fpsim.action.theories import theories
from fpsim.action.valley_floor import valley_floor
from fpsim.sgd.cramer import cramer_exponent
from landscapes import DatasetLandscape

S, T = (part.ravel() for part in np.meshgrid([-1.0, 1.0], [-1.0, 1.0]))
ETA = 0.1


def trough(loss, **data):
    """A mean loss plus forces s x + t y of single examples, whose covariance is the unit matrix everywhere."""
    return DatasetLandscape.from_expression(
        f"{loss} + s*x + t*y", "x y", bounds=[(-2, 2), (-1.5, 1.5)], data={"s": S, "t": T, **data}
    )


NARROW = trough("(x**2 - 1)**2/4 + (3 + 2*x)*y**2/2")


def test_the_floor_of_a_bent_valley():
    """The floor of a valley that follows y = x^2/2 is that curve, and the line is its loss."""
    floor = valley_floor(trough("(x**2 - 1)**2/4 + 4*(y - x**2/2)**2"), (-1, 0.5), np.zeros(2), (1, 0))
    assert np.allclose(floor.x, [floor.u, floor.u**2 / 2], atol=1e-12)
    u = np.linspace(-1.5, 0.9, 7)
    loss = floor.line.loss(u[None]) - floor.line.loss(np.zeros(1))
    assert np.allclose(loss, (u**2 - 1) ** 2 / 4 - 0.25, atol=1e-7)
    assert floor.exponents[0] == pytest.approx(2 * 0.25, abs=1e-7)  # C1 = 1
    assert floor.narrowing == pytest.approx(0.0, abs=1e-9) and floor.stiffness == pytest.approx(4, rel=1e-2)


def test_theories_of_white_noise_are_eyring_and_kramers():
    """Unit covariance everywhere: int tr(C H') / 2 D du is ln sqrt(H_b / H_a) exactly, and all slopes are 2 dL."""
    found = theories(fpsim.MiniBatchSGD(NARROW, ETA, 1), (-1, 0), (0, 0), floor=0.0)
    front = math.log(2 * math.pi / ETA) - math.log(2) / 2
    assert found.line.narrowing == pytest.approx(math.log(3) / 2, abs=1e-5)  # of 32 points; it ends at x = -1.5
    for name in ("gauss", "floor, gauss", "kramers, C(a)", "kramers, C(b)", "isotropic"):
        assert found[name].slope == pytest.approx(0.5, abs=1e-6)
    assert found["floor, gauss"].log_prefactor == pytest.approx(front, abs=1e-6)
    for name in ("reduced, gauss", "kramers, C(b)"):
        assert found[name].log_prefactor == pytest.approx(front + math.log(3) / 2, abs=1e-5)
    least = found["gauss"]
    assert abs(least.log_prefactor - front - math.log(3) / 2) < least.log_error < 0.01
    line = DatasetLandscape.from_expression("(x**2-1)**2/4 + s*x", "x", bounds=[(-2, 2)], data={"s": [-1.0, 1.0]})
    assert found["cramer"].slope == pytest.approx(cramer_exponent(line, -1, 0).exponent, abs=1e-5)
    assert found["floor, cramer"].slope == pytest.approx(cramer_exponent(line, -1, 0).exponent, abs=1e-7)
    problem = fpsim.EscapeProblem(fpsim.MiniBatchSGD(line, ETA, 8).surrogate(), -1, 1)
    for name, route in (("cramer", problem.by_formula("cramer")), ("gauss", problem.by_formula("state-dependent"))):
        log = found[f"floor, {name}"].log_iterations(ETA, 8)
        assert log + math.log(ETA) == pytest.approx(route.log_mean, abs=1e-4)
    exact = problem.by_quadrature().log_mean - route.log_mean
    assert found.finite_noise(ETA, 8) == pytest.approx(exact, abs=1e-4) and exact > 0.005


def test_refusals_are_one_sentence():
    sgd = fpsim.MiniBatchSGD(NARROW, ETA, 1)
    with pytest.raises(ValueError, match=r"need a minimum and a saddle .* the lowest are 1 at the minimum, 2 and 5"):
        theories(sgd, (-1, 0), (1, 0))
    with pytest.raises(ValueError, match="points from the minimum to the saddle"):
        valley_floor(NARROW, (-1, 0), np.zeros(2), (-1, 0))
    pinched = trough("(x**2 - 1)**2/4 + (1 + 2*x)*y**2/2")
    with pytest.raises(ValueError, match=r"not least on the plane across the direction at u = -0\.5"):
        valley_floor(pinched, (-1, 0), np.zeros(2), (1, 0), points=16)
