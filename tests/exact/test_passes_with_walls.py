"""Formulas on rings and between walls, and passes without curvature: the right number, or the true reason."""

import math

import numpy as np
import pytest

from fpsim import SDE, Ball, ConstantDiffusion, EscapeProblem, Walls
from fpsim.noise import HessianDiffusion
from landscapes import DriftField, Landscape

F = Landscape.from_expression
FORMULAS_1D = ("kramers", "kramers-next", "eyring-kramers", "white-noise", "state-dependent")


def exit_from_interval(loss, temperature, low, start, high, points=200_001):
    """The mean time to leave (low, high): two nested integrals by the trapezoidal rule."""
    x = np.linspace(low, high, points)
    u, h = loss(x), (high - low) / (points - 1)

    def running(f):
        return np.concatenate([[0.0], np.cumsum((f[1:] + f[:-1]) * h / 2)])

    up, down = np.exp((u - u.max()) / temperature), np.exp(-(u - u.min()) / temperature)
    a, b = running(up), running(up * running(down))
    k = int(np.searchsorted(x, start))
    return math.exp((u.max() - u.min()) / temperature) / temperature * (a[k] / a[-1] * b[-1] - b[k])


RINGS = [
    ("-cos(2*x)", lambda x: -np.cos(2 * x), 0.0, math.pi, 0.2, 0.2),  # a top lies on the seam
    ("-cos(2*x) - 0.3*cos(x) + 0.1*sin(x)", lambda x: -np.cos(2 * x) - 0.3 * np.cos(x) + 0.1 * np.sin(x),
     0.1, math.pi, 0.3, 0.1),
    ("-cos(2*x) + 0.2*sin(x)", lambda x: -np.cos(2 * x) + 0.2 * np.sin(x), 0.0, math.pi, 0.2, 0.15),
]  # fmt: skip


@pytest.mark.parametrize(("text", "loss", "start", "center", "radius", "temperature"), RINGS)
def test_rates_add_over_the_two_ways_round_a_ring(text, loss, start, center, radius, temperature):
    landscape = F(text, bounds=[(-math.pi / 2, 3 * math.pi / 2)])
    sde = SDE(landscape, ConstantDiffusion(temperature))
    problem = EscapeProblem(sde, start, Ball([center], radius), boundary="periodic")
    exact = exit_from_interval(loss, temperature, center + radius - 2 * math.pi, start, center - radius)
    for name in ("kramers", "eyring-kramers"):
        found = problem.by_formula(name)
        assert not found.violated
        assert found.mean == pytest.approx(exact, rel=0.08)
        assert "2 passes" in str(found)
    for name in ("kramers-next", "state-dependent"):
        with pytest.raises(ValueError, match="two lead to the target"):
            problem.by_formula(name)


def test_a_turn_of_a_tilted_ring_climbs():
    """-cos(x) - x/5: the way against the tilt has the higher pass, and the seam is no step."""
    landscape = F("-cos(x) - x/5", bounds=[(-math.pi, math.pi)])
    sde = SDE(landscape, ConstantDiffusion(0.15))
    target = Ball([-2.6], 0.1)  # beyond the seam to the right
    found = EscapeProblem(sde, 0.2, target, boundary="periodic").by_formula("kramers")
    exact = exit_from_interval(lambda x: -np.cos(x) - x / 5, 0.15, -2.5, 0.2, 2 * math.pi - 2.7)
    assert found.mean > exact  # the target lies on the left way's climb, which is said
    assert any("thermal widths" in a.statement for a in found.violated)
    wide = EscapeProblem(sde, 0.2, Ball([math.pi - 1e-3], 1e-4), boundary="periodic").by_formula("kramers")
    assert any("thermal widths" in a.statement for a in wide.violated)


def test_reflecting_walls_are_felt_near_the_minimum_only():
    landscape = F("(x**2 - 1)**2/4")
    sde = SDE(landscape, ConstantDiffusion(0.03))
    for wall, fine in ((-1.8, True), (-1.5, True), (-1.1, False)):
        found = EscapeProblem(sde, -1.0, 1.0, Walls("reflecting", [(wall, 2.0)])).by_formula("kramers")
        assert (not found.violated) == fine
    with pytest.raises(ValueError, match="rests at the wall"):
        EscapeProblem(sde, -0.7, 1.0, Walls("reflecting", [(-0.8, 2.0)])).by_formula("kramers")


def test_walls_in_the_plane():
    landscape = F("(x**2 - 1)**2/4 + y**2", variables="x y", bounds=[(-2, 2)] * 2)
    sde = SDE(landscape, ConstantDiffusion(0.03))

    def found(boundary):
        return EscapeProblem(sde, (-1.0, 0.0), Ball((1.0, 0.0), 0.3), boundary).by_formula("eyring-kramers")

    assert found("reflecting").mean == found(None).mean
    assert not found("reflecting").violated
    assert found(Walls("reflecting", [(-2, 2), (-0.1, 0.1)])).violated
    with pytest.raises(ValueError, match="periodic walls beyond one dimension"):
        found("periodic")


FLAT_TOPS = ["x**6/6 - x**4/4", "(x**4 - 1)**2/4"]


@pytest.mark.filterwarnings("ignore:.*degenerate critical points")
@pytest.mark.parametrize("text", FLAT_TOPS)
@pytest.mark.parametrize("name", FORMULAS_1D)
def test_a_pass_without_curvature_is_named(text, name):
    problem = EscapeProblem(SDE(F(text, bounds=[(-2, 2)]), ConstantDiffusion(0.01)), -1.0, 1.0)
    with pytest.raises(ValueError, match=r"curvature of the one at \[.*\] vanishes") as refused:
        problem.by_formula(name)
    assert "no barrier" not in str(refused.value)
    assert "vanishes" in str(problem.diagnose())


@pytest.mark.filterwarnings("ignore:.*degenerate critical points")
def test_flat_minima_and_flat_passes_in_the_plane():
    flat = EscapeProblem(SDE(F("(x**2 - 1)**4", bounds=[(-2, 2)]), ConstantDiffusion(0.01)), -1.0, 1.0)
    with pytest.raises(ValueError, match="has no curvature"):
        flat.by_formula("kramers")
    plane = F("x**6/6 - x**4/4 + y**2", variables="x y", bounds=[(-2, 2)] * 2)
    problem = EscapeProblem(SDE(plane, ConstantDiffusion(0.03)), (-1.0, 0.0), Ball((1.0, 0.0), 0.3))
    with pytest.raises(ValueError, match="vanishes"):
        problem.by_formula("eyring-kramers")


def test_no_barrier_is_still_called_so():
    with pytest.raises(ValueError, match="no barrier to escape over"):
        EscapeProblem(SDE(F("x**2/2", bounds=[(-3, 3)]), ConstantDiffusion(0.1)), 0.0, 1.0).by_formula("kramers")


def test_domains_with_an_edge():
    landscape = F("1/x + x - (x - 3)**3/100")  # the search keeps off the pole at 0
    found = EscapeProblem(SDE(landscape, ConstantDiffusion(0.3)), 1.0, 20.0)
    exact = found.by_quadrature().mean
    assert found.by_formula("kramers-next").mean == pytest.approx(exact, rel=0.05)


def test_hessian_noise_needs_a_loss():
    field = DriftField.from_expression(["x - x**3 - y**2*x", "-y*(1 + x**2)"], variables="x y")
    noise = HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.1)
    with pytest.raises(ValueError, match="no Hessian"):
        SDE(field, noise)
