"""Several passes between the same two valleys: all found, told apart, their rates added, by the formula too."""

import math

import numpy as np
import pytest

import fpsim
from landscapes import Landscape, MuellerBrown, ThreeHole

RING = "(x**2 + y**2 - 1)**2 + y**2/5 + x*y**2/20 + y**3/30"
FLAT = Landscape.from_expression(RING, "x y", bounds=[(-2, 2), (-2, 2)])


def ring_in(d):
    """The same two coordinates and a bowl in d - 2 more, turned at random: no axis says where the passes are."""
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((d, d)))[0]
    stiff = np.linspace(1, 4, d - 2)

    def loss(z):
        w = np.tensordot(turn.T, z, axes=1)
        return FLAT.loss(w[:2]) + np.tensordot(stiff, w[2:] ** 2, axes=1) / 2

    def gradient(z):
        w = np.tensordot(turn.T, z, axes=1)
        return np.tensordot(turn, np.concatenate([FLAT.gradient(w[:2]), (stiff * w[2:].T).T]), axes=1)

    def hessian(z):  # of one point (d,) or of several (d, n)
        w = turn.T @ z
        inner = np.zeros((d, d, *np.shape(z)[1:]))
        inner[:2, :2] = FLAT.hessian(w[:2])
        for k, value in enumerate(stiff, 2):
            inner[k, k] = value
        return np.tensordot(turn, np.tensordot(inner, turn, axes=(1, 1)).swapaxes(1, -1), axes=1)

    ends = [turn @ np.concatenate([m.x, np.zeros(d - 2)]) for m in FLAT.minima]
    return Landscape(loss, gradient, hessian, dimension=d, name=f"a ring in {d}"), ends, turn


def rates_by_hand(temperature):
    (a, _), found = FLAT.minima, []
    for s in FLAT.saddles:
        det = np.linalg.det(FLAT.hessian(a.x)) / -np.linalg.det(FLAT.hessian(s.x))
        found.append(-s.eigenvalues[0] / (2 * np.pi) * det**0.5 * np.exp(-(s.loss - a.loss) / temperature))
    return sorted(found, reverse=True)


@pytest.mark.parametrize(("d", "starts"), [(2, 0), (12, 2), (200, 1)])
def test_both_passes_of_a_ring(d, starts):
    place, (a, b), turn = (FLAT, [m.x for m in FLAT.minima], np.eye(2)) if d == 2 else ring_in(d)
    found = fpsim.passes(place, a, b, temperature=0.02, starts=starts)
    assert len(found.saddles) == 2
    by_hand = rates_by_hand(0.02)
    np.testing.assert_allclose(np.exp(found.log_rates), by_hand, rtol=1e-6)
    assert found.shares[0] == pytest.approx(by_hand[0] / sum(by_hand), rel=1e-6)
    assert found.log_time == pytest.approx(-np.log(sum(by_hand)), abs=1e-6)
    for s in found.saddles:
        np.testing.assert_allclose(s.minima[0].x, a, atol=1e-8)
        np.testing.assert_allclose((turn.T @ s.x)[2:], 0, atol=1e-9)
    assert found.complete is (d == 2)
    assert "% of the rate" in str(found)


@pytest.mark.parametrize(("temperature", "exact"), [(0.05, 729.670691942), (0.025, 102108.365457)])
def test_ten_dimensions_against_quadrature(temperature, exact):
    """Nine bowls beside a quartic well change no time; the exact one, by quadrature, is 1 + 3 T / 2 + O(T^2) of it."""
    bowls = " + ".join(f"{k}*y{k}**2/2" for k in range(1, 10))
    names = ("x", *(f"y{k}" for k in range(1, 10)))
    well = Landscape.from_expression(f"(x**2 - 1)**2/4 + {bowls}", names, bounds=[(-2, 2)] * 10)
    left, right = ([side, *[0.0] * 9] for side in (-1.0, 1.0))
    found = fpsim.passes(well, left, right, temperature=temperature, starts=1)
    assert len(found.saddles) == 1
    assert exact / np.exp(found.log_time) == pytest.approx(1 + 1.5 * temperature, abs=14 * temperature**2)
    sde = fpsim.SDE(well, fpsim.ConstantDiffusion(temperature))
    time = fpsim.EscapeProblem(sde, left, fpsim.HalfSpace(np.eye(10)[0], 1.0)).by_formula("eyring-kramers")
    assert time.log_mean == pytest.approx(found.log_time, rel=1e-9)
    assert [a.key for a in time.assumptions if not a.holds] == []


def test_passes_of_the_three_holes():
    """Between the deep wells only the direct pass counts: the way over the shallow one is a chain of two."""
    left, shallow, right = (m.x for m in ThreeHole().minima)
    direct = fpsim.passes(ThreeHole(), left, right, temperature=0.3)
    np.testing.assert_allclose(direct.saddles[0].x, (0, -0.3158266), atol=1e-6)
    assert len(direct.saddles) == len(fpsim.passes(ThreeHole(), left, shallow).saddles) == 1


def test_refused_in_a_sentence():
    deep, middle, low = (m.x for m in MuellerBrown().minima)
    with pytest.raises(ValueError, match=r"directly .*fpsim.string goes through it"):
        fpsim.passes(MuellerBrown(), deep, low)
    with pytest.raises(ValueError, match="both ends lead to the same"):
        fpsim.passes(MuellerBrown(), deep, deep)
    with pytest.raises(ValueError, match=r"a temperature, .* must be a positive number"):
        fpsim.passes(MuellerBrown(), deep, middle, temperature=0)
    with pytest.raises(ValueError, match="rates need a temperature"):
        _ = fpsim.passes(MuellerBrown(), deep, middle).log_rate


@pytest.mark.parametrize("d", [9, 40])
def test_rates_of_both_passes_are_added(d):
    place, (a, b), turn = ring_in(d)
    start = a + 0.01 * turn[:, 3]  # beside the minimum
    problem = fpsim.EscapeProblem(fpsim.SDE(place, fpsim.ConstantDiffusion(0.02)), start, fpsim.Ball(b, 0.3))
    found = problem.by_formula("eyring-kramers")
    assert found.log_mean == pytest.approx(-math.log(sum(rates_by_hand(0.02))), abs=1e-6)
    assert "rates over 2 passes added" in found.settings["notes"]
    assert found.settings["notes"].count("% of the rate") == 2
    assert "may have missed some" in found.settings["notes"]


def test_what_has_no_passes_is_refused_in_a_sentence():
    bowl = Landscape.from_expression("+".join(f"x{k}**2" for k in range(8)), [f"x{k}" for k in range(8)])
    sde = fpsim.SDE(bowl, fpsim.ConstantDiffusion(0.1))
    with pytest.raises(ValueError, match="has none: there is no barrier"):
        fpsim.EscapeProblem(sde, [0.1] * 8, fpsim.Ball([1.0] * 8, 0.2)).by_formula("eyring-kramers")
    with pytest.raises(ValueError, match="take a Ball or a HalfSpace"):
        fpsim.EscapeProblem(sde, [0.1] * 8, lambda x: x[0] - 1).by_formula("eyring-kramers")
