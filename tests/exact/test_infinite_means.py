"""Mean times that are infinite: every route says so, and no formula answers with all of its assumptions held."""

import math

import pytest

from fpsim import SDE, Comparison, ConstantDiffusion, EscapeProblem
from landscapes import Landscape, TiltedCosine

ENDLESS = {
    "cosine": EscapeProblem(
        SDE(Landscape.from_expression("-cos(2*x)"), ConstantDiffusion(0.2)), start=0.0, target=math.pi
    ),
    "tilted cosine": EscapeProblem(SDE(TiltedCosine(), ConstantDiffusion(0.15)), start=0.0, target=2 * math.pi),
    "falls off": EscapeProblem(
        SDE(Landscape.from_expression("x**3/3 - x"), ConstantDiffusion(0.05)), start=1.0, target=3.0
    ),
}


@pytest.mark.parametrize("name", ["cosine", "tilted cosine"])
def test_formulas_name_the_failed_assumption(name: str) -> None:
    found = ENDLESS[name].by_formula("kramers")
    assert "the mean time is finite" in [a.statement for a in found.violated]


def test_a_valley_that_confines_holds_it() -> None:
    well = Landscape.from_expression("(x**2 - 1)**2/4")
    found = EscapeProblem(SDE(well, ConstantDiffusion(0.02)), -1.0, 1.0).by_formula("kramers")
    assert not found.violated and "the mean time is finite" in [a.statement for a in found.assumptions]


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_a_comparison_says_it_first(name: str, tmp_path) -> None:
    found = ENDLESS[name].compare(budget=5)
    assert found.infinite == "quadrature" and "paths" not in [route.method for route in found.routes]
    assert str(found).startswith("the mean time is infinite, by quadrature")
    again = Comparison.load(found.save(tmp_path / "infinite.nc"))
    assert again.infinite == "quadrature"
