"""Formulas for escape with inertia: limits, an independent depopulation factor, and what they refuse."""

import math

import numpy as np
import pytest
from scipy.special import ndtr

import fpsim
import landscapes
from fpsim.routes.formulas.inertial import depopulation
from landscapes import DriftField, Landscape

WELL = landscapes.DoubleWell()
TWO_LEVELS = fpsim.HessianDiffusion(learning_rate=0.05, batch_size=1, at="path", climb_fraction=0.5)


def problem(friction, temperature=0.02, mass=1.0, landscape=WELL, start=-1.0, target=1.0):
    sde = fpsim.Underdamped(landscape, fpsim.ConstantDiffusion(temperature), friction, mass)
    return fpsim.EscapeProblem(sde, start, target)


def walked(delta, depth=25.0, cells=1200):
    """A(delta) from the walk of energies itself, E' = E - delta + sqrt(2 delta) z a round trip, in units of T.

    Below the pass the density is phi(E) e^-E with phi = 1 far down; phi is stationary under a walk that drifts upwards
    instead, and A is what comes over the pass in a round trip.
    """
    spread, width = math.sqrt(2 * delta), depth / cells
    edges = np.linspace(-depth, 0.0, cells + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    chances = ndtr((middles[:, None] - edges - delta) / spread)
    phi = np.linalg.solve(np.eye(cells) - chances[:, :-1] + chances[:, 1:], ndtr((delta - middles - depth) / spread))
    return float(np.sum(phi * np.exp(-middles) * ndtr((middles - delta) / spread)) * width)


@pytest.mark.parametrize("delta", [0.3, 1.0, 4.0])
def test_depopulation_factor_from_the_walk_of_energies(delta):
    assert depopulation(delta) == pytest.approx(walked(delta), rel=1e-3)


def test_limits_of_the_turnover():
    assert depopulation(1e-6) / 1e-6 == pytest.approx(1, abs=2e-3) and depopulation(60.0) == pytest.approx(1, abs=1e-6)
    strong, weak = problem(40.0), problem(1e-7)
    assert strong.by_formula("melnikov-meshkov").mean == pytest.approx(strong.by_formula("kramers-moderate").mean, 1e-6)
    assert weak.by_formula("melnikov-meshkov").mean == pytest.approx(weak.by_formula("kramers-low").mean, rel=3e-3)
    plain = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.02)), -1.0, 1.0).by_formula("kramers")
    assert problem(1e3).by_formula("kramers-moderate").mean == pytest.approx(1e3 * plain.mean, rel=2e-6)


def by_energy(temperature, cells=1500):
    """friction * tau for friction -> 0: (1/T) int e^(E/T)/S(E) int_0^E e^(-E'/T) S'(E') dE' dE, S = loop of p dx."""
    u = (np.arange(cells) + 0.5) / cells
    energy, width = 0.25 * (1 - (1 - u) ** 2), 0.5 * (1 - u) / cells
    nodes, weights = np.polynomial.legendre.leggauss(200)
    low, high = np.sqrt(1 - 2 * np.sqrt(energy)), np.sqrt(1 + 2 * np.sqrt(energy))
    theta, half = np.pi / 2 * nodes[:, None], (high - low) / 2
    speed = np.sqrt(np.maximum(2 * (energy - WELL.loss(((high + low) / 2 + half * np.sin(theta))[None])), 0))
    action = np.pi * half * (weights @ (speed * np.cos(theta)))
    parts = np.exp(-energy / temperature) * action * width / temperature
    inner = np.exp(-energy / temperature) * action + np.cumsum(parts) - parts / 2
    return float(np.sum(np.exp(energy / temperature) / action * inner * width) / temperature)


@pytest.mark.parametrize(("temperature", "miss"), [(0.05, 0.304), (0.0125, 0.087)])
def test_weak_friction_is_too_fast_where_energy_is_lost_unevenly(temperature, miss):
    """What kramers-low and the turnover formula miss of the energy's own diffusion, and that they say so at 30 %."""
    exact = by_energy(temperature)
    for name in ("kramers-low", "melnikov-meshkov"):
        found = problem(1e-6, temperature).by_formula(name)
        assert 1 - found.mean * 1e-6 / exact == pytest.approx(miss, abs=0.01)
        assert [a.key for a in found.violated] == (["steady loss"] if miss > 0.15 else [])


def test_friction_of_any_size():
    """Langer's growing mode and the slowest relaxation without cancellation: tau / friction stays at 1e12."""
    for name in ("langer", "kramers-moderate"):
        strong, plain = problem(1e12).by_formula(name), problem(1e4).by_formula(name)
        assert strong.mean == pytest.approx(1e8 * plain.mean, rel=1e-7) and not strong.violated


@pytest.mark.parametrize(("friction", "mass"), [(0.2, 1.0), (1.0, 0.3), (3.0, 2.0)])
def test_langer_on_a_line_is_kramers(friction, mass):
    """2 pi / omega_a kappa^-1 e^(dL/T), by hand for L'' = 2 and -1."""
    omega_b = math.sqrt(1 / mass)
    kappa = math.sqrt(1 + (friction / (2 * mass * omega_b)) ** 2) - friction / (2 * mass * omega_b)
    exact = 2 * math.pi / math.sqrt(2 / mass) / kappa * math.exp(0.25 / 0.02)
    asked = problem(friction, mass=mass)
    assert asked.by_formula("kramers-moderate").mean == pytest.approx(exact, rel=1e-10)
    assert asked.by_formula("langer").mean == pytest.approx(exact, rel=1e-10)


def test_langer_knows_no_free_coordinates_and_the_width_of_passes():
    flat = Landscape.from_expression("(x**2-1)**2/4 + 3*y**2/2", variables="x y", bounds=[(-2, 2), (-2, 2)])
    narrow = Landscape.from_expression("(x**2-1)**2/4 + (4-3*x**2)*y**2/2", variables="x y", bounds=[(-1.1, 1.1)] * 2)
    goal, line = fpsim.HalfSpace((1, 0), 0.95), problem(0.7).by_formula("langer").mean
    found = problem(0.7, landscape=flat, start=(-1.0, 0.0), target=goal)
    assert found.by_formula("langer").mean == pytest.approx(line, rel=1e-9)
    found = problem(0.7, landscape=narrow, start=(-1.0, 0.0), target=goal)
    assert found.by_formula("langer").mean == pytest.approx(2 * line, rel=1e-9)  # sqrt(4 / 1)


def test_assumptions_say_which_friction_a_formula_is_for():
    asked = {"kramers-moderate": 0.01, "langer": 0.01, "kramers-low": 1.0, "melnikov-meshkov": 0.3}
    keys = {name: [a.key for a in problem(f).by_formula(name).violated] for name, f in asked.items()}
    assert keys["kramers-moderate"] == keys["langer"] == ["strong friction"]
    assert keys["kramers-low"] == ["weak friction"] and keys["melnikov-meshkov"] == []
    assert not problem(2.0).by_formula("kramers-moderate").violated


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("kramers", problem(1.0), "without inertia.*melnikov-meshkov"),
        ("bouchet-reygner", problem(1.0), "without inertia.*langer"),
        ("xie-adam", problem(1.0), "without inertia.*langer"),
        ("langer", fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1)), -1.0, 1.0), "with inertia"),
        ("melnikov-meshkov", problem(1.0, target=0.0), "beyond the pass"),
        ("xie-momentum", fpsim.EscapeProblem(fpsim.Underdamped(WELL, TWO_LEVELS, 1.0), -1.0, 0.0), "beyond the pass"),
        ("langer", fpsim.EscapeProblem(fpsim.Underdamped(DriftField.from_expression(["x-x**3"]),
         fpsim.ConstantDiffusion(0.1), 1.0), -1.0, 1.0), "gradient"),
    ],
)  # fmt: skip
def test_what_formulas_refuse(name, asked, words):
    with pytest.raises(ValueError, match=words):
        asked.by_formula(name)
