"""The Eyring-Kramers time where no box can be searched: passes between two valleys, rates added."""

import math

import numpy as np
import pytest

import fpsim
from landscapes import Landscape

RING = "(x**2 + y**2 - 1)**2 + y**2/5 + x*y**2/20 + y**3/30"
FLAT = Landscape.from_expression(RING, "x y", bounds=[(-2, 2), (-2, 2)])


def ring_in(d):
    """The ring and a bowl in d - 2 more coordinates, which change no time; turned, so that no axis helps."""
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

    return Landscape(loss, gradient, hessian, dimension=d, name=f"a ring in {d}"), turn


def time_by_hand(temperature):
    (a, _), rate = FLAT.minima, 0.0
    for s in FLAT.saddles:
        det = np.linalg.det(FLAT.hessian(a.x)) / -np.linalg.det(FLAT.hessian(s.x))
        rate -= s.eigenvalues[0] / (2 * np.pi) * det**0.5 * np.exp(-(s.loss - a.loss) / temperature)
    return 1 / rate


@pytest.mark.parametrize("d", [9, 40])
def test_rates_of_both_passes_are_added(d):
    place, turn = ring_in(d)
    a, b = (turn[:, :2] @ m.x for m in FLAT.minima)
    start = a + 0.01 * turn[:, 3]  # beside the minimum
    problem = fpsim.EscapeProblem(fpsim.SDE(place, fpsim.ConstantDiffusion(0.02)), start, fpsim.Ball(b, 0.3))
    found = problem.by_formula("eyring-kramers")
    assert found.log_mean == pytest.approx(math.log(time_by_hand(0.02)), abs=1e-6)
    assert "rates over 2 passes added" in found.settings["notes"]
    assert found.settings["notes"].count("% of the rate") == 2
    assert "may have missed some" in found.settings["notes"]


@pytest.mark.parametrize(("temperature", "exact"), [(0.05, 729.670691942), (0.025, 102108.365457)])
def test_ten_separable_dimensions_against_quadrature(temperature, exact):
    """Nine bowls beside a quartic well change no time, which by quadrature is 1 + 3 T / 2 + O(T^2) of the formula's."""
    bowls = " + ".join(f"{k}*y{k}**2/2" for k in range(1, 10))
    well = Landscape.from_expression(f"(x**2 - 1)**2/4 + {bowls}", ("x", *(f"y{k}" for k in range(1, 10))))
    sde = fpsim.SDE(well, fpsim.ConstantDiffusion(temperature))
    left = [-1.0, *[0.0] * 9]
    found = fpsim.EscapeProblem(sde, left, fpsim.HalfSpace(np.eye(10)[0], 1.0)).by_formula("eyring-kramers")
    assert exact / found.mean == pytest.approx(1 + 1.5 * temperature, abs=14 * temperature**2)
    assert [a.key for a in found.assumptions if not a.holds] == []


def test_what_has_no_passes_is_refused_in_a_sentence():
    bowl = Landscape.from_expression("+".join(f"x{k}**2" for k in range(8)), [f"x{k}" for k in range(8)])
    sde = fpsim.SDE(bowl, fpsim.ConstantDiffusion(0.1))
    with pytest.raises(ValueError, match="has none: there is no barrier"):
        fpsim.EscapeProblem(sde, [0.1] * 8, fpsim.Ball([1.0] * 8, 0.2)).by_formula("eyring-kramers")
    with pytest.raises(ValueError, match="take a Ball or a HalfSpace"):
        fpsim.EscapeProblem(sde, [0.1] * 8, lambda x: x[0] - 1).by_formula("eyring-kramers")
