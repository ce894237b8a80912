"""Points, boxes and refusals of a user's own functions as people read them: short, and the same from every route."""

from typing import Any

import numpy as np
import pytest

import landscapes
from fpsim import SDE, Ball, ConstantDiffusion, EscapeProblem, FokkerPlanck, Grid, simulate
from landscapes import DoubleWell, Landscape, Quadratic
from landscapes.field import in_words


def test_every_public_name_loads() -> None:
    pytest.importorskip("torch")
    for name in landscapes.__all__:
        assert getattr(landscapes, name).__module__.startswith("landscapes")


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (-0.0, "[0]"),
        ([2.0, -0.0], "[2, 0]"),
        ([1 / 3, 1e-9], "[0.333333, 1e-09]"),
        (range(6), "[0, 1, 2, 3, 4, 5]"),
        (range(50), "[0, 1, 2, 3, ... (50 coordinates)]"),
    ],
)
def test_point(point: object, words: str) -> None:
    assert in_words(point) == words  # type: ignore[arg-type]


def test_problem_has_no_minus_zero_and_no_page_of_coordinates() -> None:
    assert str(EscapeProblem(SDE(DoubleWell(), ConstantDiffusion(0.1)), -0.0, 1.0)).startswith("escape from 0 to x")
    many = EscapeProblem(SDE(Quadratic(np.ones(50)), ConstantDiffusion(0.1)), np.zeros(50), Ball([1.0] * 50, 0.1))
    assert "escape from [0, 0, 0, 0, ... (50 coordinates)] to |x - [1, 1, 1, 1, ... (50 coord" in str(many)


ROUTES = ("by_quadrature", "by_grid", "by_paths", "kramers", "density", "simulate")


def _ask(route: str, loss: object) -> None:
    sde = SDE(Landscape(loss), ConstantDiffusion(0.2))  # type: ignore[arg-type]
    if route == "density":
        FokkerPlanck(sde, Grid((-2, 2, 50))).stationary()
    elif route == "simulate":
        simulate(sde, -1.0, 0.1, 0.01, 10)
    elif route == "kramers":
        EscapeProblem(sde, -1.0, 1.0).by_formula(route)
    else:
        getattr(EscapeProblem(sde, -1.0, 1.0), route)()


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "loss", [lambda x: x[0] ** 2 if x[0] > 0 else -x[0], lambda x: max(x[0], 0.0) ** 2 + x[0] ** 2]
)
def test_decisions_on_arrays_are_named(route: str, loss: object) -> None:
    with pytest.raises(ValueError, match=r"The loss decides by if.*holds many points at once; write np\.where"):
        _ask(route, loss)


@pytest.mark.parametrize("route", ["by_quadrature", "by_paths", "kramers"])
def test_functions_that_end_are_named(route: str) -> None:
    said = "cannot be had from differences: the function is not finite there or beside it; keep start and walls"
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match=said):
        _ask(route, lambda x: x[0] ** 2 + np.sqrt(x[0] + 1.0))


def test_commands_speak_of_their_own_options(command: Any) -> None:
    done = command("landscape", "x**2")
    assert done.returncode == 2
    assert "say where to look with --bounds low:high" in done.stderr
    assert "(" not in done.stderr
