"""What no step resolves and what no path waits for: D that jumps, and chains and grids whose times are very long."""

import math
import warnings

import pytest

from fpsim import SDE, Chain, ConstantDiffusion, DiffusionField, EscapeProblem, MiniBatchSGD
from landscapes import DoubleWell, Landscape, resnet_slice

WELLS = Landscape.from_expression("(x**2-1)**2/4")


@pytest.mark.parametrize("noise", ["0.2 + 0.1*sign(x)", "0.2 - 0.1*sign(x - 0.3)", "0.15 - 0.05*sign(x + 0.4)"])
def test_paths_where_the_noise_jumps(noise: str) -> None:
    problem = EscapeProblem(SDE(WELLS, DiffusionField.from_expression(noise)), -1.0, 1.0)
    exact, paths = problem.by_quadrature().mean, problem.by_paths(3000)
    assert abs(paths.mean - exact) <= 3 * math.hypot(paths.standard_error, paths.systematic_error)
    assert math.hypot(paths.standard_error, paths.systematic_error) < 0.1 * exact
    assert any("m + a h^0.5" in check.statement for check in paths.assumptions)


@pytest.mark.parametrize("convention", ["stratonovich", "anti-ito"])
def test_paths_refuse_a_drift_that_is_infinite(convention: str) -> None:
    noise = DiffusionField.from_expression("0.2 + 0.1*sign(x)")
    problem = EscapeProblem(SDE(WELLS, noise, convention=convention), -1.0, 1.0)
    with pytest.raises(ValueError, match=rf"drift of paths \({convention}\) is infinite there"):
        problem.by_paths(100)
    assert problem.by_grid().mean == pytest.approx(problem.by_quadrature().mean, rel=1e-6)


def test_long_chain_of_the_shipped_slice() -> None:
    """Steps are short here, so that ln T = 74.5 of the chain is near that of its SDE."""
    place = resnet_slice()
    noise = MiniBatchSGD(place, 0.2, 4).noise()
    problem = EscapeProblem(SDE(place, noise), place.default_start[0], place.default_target[0])
    chain = problem.by_chain()
    assert chain.systematic_error <= 1e-6 * chain.mean
    assert chain.log_mean == pytest.approx(problem.by_quadrature().log_mean, abs=0.3)
    with pytest.raises(ValueError, match=r"about e\^76\.1376, told to a relative error of .*not tolerance = 1e-08"):
        Chain(place, noise).mean_exit_time(place.default_start[0], place.default_target[0])


@pytest.mark.parametrize("temperature", [0.0006, 0.0005, 0.0003])
def test_grid_beyond_where_squares_of_times_overflow(temperature: float) -> None:
    problem = EscapeProblem(SDE(DoubleWell(), ConstantDiffusion(temperature)), -1.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = problem.by_grid()
    assert found.log_mean == pytest.approx(problem.by_quadrature().log_mean, abs=1e-7)


def test_an_exact_chain_comes_before_paths() -> None:
    place = DoubleWell()
    noise = DiffusionField.from_expression("1 + 0*x")
    from fpsim import GradientNoise

    sde = SDE(place, GradientNoise(learning_rate=0.1, batch_size=1, covariance=noise))
    found = EscapeProblem(sde, -1.0, 1.0).compare(budget=8, paths=500)
    names = [route.method for route in found.routes]
    assert {"quadrature", "grid", "paths", "chain"} <= set(names)
