"""What is known before anything is run: closed forms for the quartic well."""

from __future__ import annotations

import math

import pytest

import fpsim
import landscapes

WELL = landscapes.DoubleWell()


def problem(noise: fpsim.noise.Diffusion, target: float = 1.0) -> fpsim.EscapeProblem:
    return fpsim.EscapeProblem(fpsim.SDE(WELL, noise), start=-1.0, target=target)


def sgd(floor: float, kappa: float = 0.1) -> fpsim.HessianDiffusion:
    return fpsim.HessianDiffusion(learning_rate=2 * kappa, batch_size=1, at="everywhere", floor=floor)


@pytest.mark.parametrize("kappa", [0.05, 0.1, 0.4])
def test_delta_of_the_quartic_is_2_over_9_kappa(kappa: float) -> None:
    (gate,) = problem(sgd(0.1, kappa)).diagnose().gates
    assert gate.x == pytest.approx(-1 / math.sqrt(3), abs=1e-9)
    assert gate.delta == pytest.approx(2 / (9 * kappa), rel=1e-6)


def test_noise_without_a_floor_is_shut_and_only_the_chain_applies() -> None:
    found = problem(sgd(0.0)).diagnose()
    routes = dict(found.routes)
    assert found.blocked
    assert "infinite" in routes["paths"] and "infinite" in routes["quadrature"] and "applies" in routes["chain"]


@pytest.mark.parametrize("route", ["by_paths", "by_quadrature", "by_grid"])
def test_shut_routes_name_inflection_and_delta(route: str) -> None:
    with pytest.raises(ValueError, match=r"x = -0\.57735.*delta = 2\.222"):
        getattr(problem(sgd(0.0)), route)()


def test_simulate_refuses_shut_noise() -> None:
    with pytest.raises(ValueError, match=r"delta = 2\.222"):
        fpsim.simulate(problem(sgd(0.0)).sde, -1.0, duration=1.0, step=0.01)


def test_floor_and_delta_are_printed_with_the_result() -> None:
    text = str(problem(sgd(0.1), target=0.3).by_quadrature())
    assert "floor: 0.1" in text and "delta: 2.222" in text


def test_barrier_over_noise_is_the_integral_of_slope_over_noise() -> None:
    found = problem(fpsim.ConstantDiffusion(0.1)).diagnose()
    (barrier,) = [check for check in found.checks if check.key == "small noise"]
    assert repr(found).startswith("<Diagnosis: ") and len(repr(found)) < 80
    assert not barrier.holds and "2.5" in barrier.detail
    calm = problem(fpsim.ConstantDiffusion(0.01)).diagnose()
    assert all(c.holds for c in calm.checks)


def test_large_learning_rates_fail_the_step_size_check() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=1.5, batch_size=100, at="minimum")
    checks = problem(noise).diagnose().checks
    (check,) = [c for c in checks if c.key == "small steps"]
    assert not check.holds and "unstable" in check.detail  # eta H_a = 3


def test_no_saddle_no_escape() -> None:
    flat = landscapes.Landscape.from_expression("x**2", bounds=[(-3, 3)])
    found = fpsim.EscapeProblem(fpsim.SDE(flat, fpsim.ConstantDiffusion(0.5)), -0.5, 1.0)
    assert not found.diagnose().checks[-1].holds
    with pytest.raises(ValueError, match="no barrier to escape over"):
        found.by_formula("kramers")
    assert found.by_quadrature().mean > 0
