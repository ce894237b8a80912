"""Times so long that cells of a grid climb beyond what rates as floats hold: right in logarithms, or refused."""

import pytest

from fpsim import SDE, Ball, ConstantDiffusion, EscapeProblem, FokkerPlanck, Grid
from landscapes import DoubleWell, Landscape


def problem(temperature: float, formula: str = "", start: float = -1.0) -> EscapeProblem:
    place = Landscape.from_expression(formula) if formula else DoubleWell()
    return EscapeProblem(SDE(place, ConstantDiffusion(temperature)), start, 1.0)


@pytest.mark.parametrize("temperature", [1e-4, 3e-5, 1e-5])
def test_grid_in_logarithms(temperature: float) -> None:
    asked = problem(temperature)
    grid, exact = asked.by_grid(), asked.by_quadrature()
    assert grid.log_mean == pytest.approx(exact.log_mean, abs=max(3 * grid.log_error, 1e-9))
    assert grid.log_error < 1e-6


@pytest.mark.parametrize("temperature", [3e-6, 1e-7, 1e-9, 1e-30])
def test_cells_too_steep_are_refused(temperature: float) -> None:
    for asked in (problem(temperature), problem(temperature, "x**2/2", 0.0)):
        with pytest.raises(ValueError, match=r"times the noise, where rates as floats hold 600 at most"):
            asked.by_grid()


def test_transitions_without_a_flux_are_refused() -> None:
    equation = FokkerPlanck(SDE(DoubleWell(), ConstantDiffusion(1e-9)), Grid((-1.5, 1.5, 400)))
    with pytest.raises(ValueError, match="reactive flux came out as 0: transitions are rarer than floats can tell"):
        equation.transitions(Ball((-1.0,), 0.2), Ball((1.0,), 0.2))


def test_an_edge_that_is_reached_is_not_called_infinite() -> None:
    found = problem(0.1, "3*sqrt(x) + (x-2)**2", 0.5).compare(budget=4, paths=200)
    assert not found.routes or found.routes[0].method in ("kramers", "kramers-next")
    assert found.infinite == ""
    assert "infinite" not in str(found).splitlines()[0]
    assert any("paths reach the landscape's edge x = 0" in skipped.reason for skipped in found.skipped)


def test_paths_from_a_kink_of_the_drift() -> None:
    asked = problem(0.3, "abs(x)**1.5", 0.0)
    exact, paths = asked.by_quadrature().mean, asked.by_paths(3000)
    assert abs(paths.mean - exact) <= 3 * (paths.standard_error + paths.systematic_error)
    assert paths.standard_error + paths.systematic_error < 0.1 * exact
