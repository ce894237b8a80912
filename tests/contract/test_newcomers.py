"""What newcomers try first: each refused in one sentence, or right."""

import pickle
from collections.abc import Callable
from typing import Any, Literal

import pytest

import fpsim
import landscapes
from fpsim import schedules
from fpsim.cli.own import landscape

WELL = landscapes.DoubleWell()
NOISE = fpsim.ConstantDiffusion(0.1)
WHITE = fpsim.SDE(WELL, NOISE)
ANY: Any = WHITE
HEAVY = fpsim.Underdamped(WELL, NOISE, friction=1.0)
CHAIN = fpsim.Chain(WELL, NOISE, 0.1)
PLAN = fpsim.SurvivalProblem(fpsim.Scheduled(WHITE, temperature=schedules.cosine(0.15, 0.05, 50)), -1.0, 1.0)


@pytest.mark.parametrize("cells", [-2, 0, 2, 15, 40.5, True])
def test_survival_on_cells_that_cannot_be_halved_is_refused(cells: object) -> None:
    """Two cells gave 0.927 +- 2e-6 where 0.910 is right: no coarser grid told the error."""
    with pytest.raises(ValueError, match="whole number of at least"):
        PLAN.by_grid([5.0], cells=cells)  # type: ignore[arg-type]


def test_few_cells_have_an_error_that_covers_the_truth() -> None:
    fine, few = PLAN.by_grid([5.0]), PLAN.by_grid([5.0], cells=16)
    assert abs(few.chance[0] - fine.chance[0]) <= few.systematic_error[0] + fine.systematic_error[0]


@pytest.mark.parametrize("times", [[], "soon", [[1.0, 2.0]], [2.0, 1.0], [float("nan")], None])
def test_times_are_increasing_numbers(times: object) -> None:
    with pytest.raises(ValueError, match="one or more increasing numbers"):
        PLAN.by_grid(times)  # type: ignore[arg-type]


@pytest.mark.parametrize("optimiser", [0.9, fpsim.Adam])
def test_an_optimiser_is_one_with_its_numbers(optimiser: object) -> None:
    with pytest.raises(TypeError, match=r"fpsim.Adam\(\) or fpsim.SignSGD\(\)"):
        CHAIN.simulate(-1.0, 10, 4, optimiser=optimiser)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", [{"beta1": "a"}, {"beta2": None}, {"epsilon": "a"}])
def test_numbers_of_an_optimiser_are_numbers(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a number"):
        fpsim.Adam(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("ask", [lambda: fpsim.SDE(ANY, NOISE), lambda: fpsim.Chain(HEAVY, NOISE, 0.1)])
def test_an_sde_is_no_landscape(ask: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="is a Landscape or DriftField"):
        ask()


@pytest.mark.parametrize("method", ["eyring-kramers", "grid"])
def test_rates_of_chains_and_of_motion_with_inertia(method: Literal["eyring-kramers", "grid"]) -> None:
    with pytest.raises(TypeError, match="rates expected an SDE"):
        fpsim.rates(CHAIN, method=method)
    with pytest.raises(ValueError, match="without inertia"):
        fpsim.rates(HEAVY, method=method)


@pytest.mark.parametrize("sde", [WHITE, HEAVY])
def test_a_problem_that_has_been_used_can_be_pickled(sde: fpsim.SDE) -> None:
    problem = fpsim.EscapeProblem(sde, -1.0, 1.0)
    sde.kick(*[problem.sde.drift(problem.point[:, None])] * 2)
    again = pickle.loads(pickle.dumps(problem))
    assert again == problem
    assert str(again) == str(problem)


def test_a_file_without_a_name_is_no_formula() -> None:
    with pytest.raises(ValueError, match=r"FILE\.py:NAME"):
        landscape("wells.py", {}, None, None)
