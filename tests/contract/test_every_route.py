"""What every route promises, and that what compares, prints and draws routes knows none of them by name."""

import ast
from pathlib import Path
from types import MappingProxyType

import pytest

import fpsim
import landscapes
from fpsim.results import Comparison
from fpsim.route import EXACTNESS, ROUTES, Route
from fpsim.routes import ways
from fpsim.routes.formulas.kramers import FORMULAS
from fpsim.routes.problem import Problem

ROOT = Path(__file__).parents[2] / "fpsim"
KNOWS_NO_ROUTE = [ROOT / "results.py", ROOT / "routes/comparing.py", ROOT / "routes/diagnosis.py"]
KNOWS_NO_ROUTE += sorted((ROOT / "plotting").glob("*.py"))

WELL = landscapes.DoubleWell()
WHITE = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)
SHAPED = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="path", climb_fraction=0.5)
EXAMPLES = landscapes.PerExampleDoubleWell()
SGD = fpsim.EscapeProblem(fpsim.MiniBatchSGD(EXAMPLES, 0.05, 1).surrogate(), -1.0, 1.0)
PROBLEMS = MappingProxyType(
    {
        **dict.fromkeys(["quadrature", "grid", "paths", "kramers", "kramers-next"], WHITE),
        **dict.fromkeys(["eyring-kramers", "white-noise"], WHITE),
        "xie": fpsim.EscapeProblem(fpsim.SDE(WELL, SHAPED), -1.0, 1.0),
        "state-dependent": fpsim.EscapeProblem(fpsim.SDE(WELL, SHAPED), -1.0, 1.0),
        "cramer": SGD,
        "chain": SGD,
    }
)
"""A problem that each route answers: a new route adds its own."""


def plan() -> ways.Plan:
    return ways.Plan(ways.Allowance(60.0), 500, 0.05, 1, None, "float64", None)


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_answers_under_its_own_name_with_errors_and_assumptions(name: str):
    problem, way = PROBLEMS[name], ways.WAYS[name]
    found = way.take(problem, plan(), way.share_of(False)) if way.is_tried(problem) else problem.by_formula(name)
    assert found.method == name and found.mean > 0 and found.units == "time"
    assert found.target == str(problem.target) and found.problem == problem.to_dict()
    assert all(a.statement and (a.holds or a.detail) for a in found.assumptions)
    exact = ROUTES[name].exactness is not None
    assert (found.error > 0) if exact else (found.assumptions and found.settings["reference"])
    assert 0 < way.share_of(True) <= way.share_of(False) <= 1


def test_the_tables_hold_the_same_routes():
    assert list(ways.WAYS) == list(ROUTES)
    assert {name for name, route in ROUTES.items() if route.process == "formula"} == set(FORMULAS)
    places = [route.exactness for route in ROUTES.values() if route.exactness is not None]
    assert sorted(places) == list(range(len(places))) and list(EXACTNESS) == sorted(
        EXACTNESS, key=lambda name: ROUTES[name].exactness
    )
    assert all(set(p.formulas()) <= set(FORMULAS) for p in PROBLEMS.values())


@pytest.mark.parametrize("file", KNOWS_NO_ROUTE, ids=lambda file: file.name)
def test_no_route_is_known_by_name(file: Path):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not said & (set(ROUTES) - {"chain", "paths"}), said & set(ROUTES)  # those two are also words of theirs


def test_sampled_routes_come_last():
    """In 1-D the chain is exact and says what paths would cost; beyond, it is sampled itself."""
    assert ways.tried(SGD) == ["quadrature", "state-dependent", "cramer", "grid", "chain", "paths"]
    bowl = landscapes.Landscape.from_expression("x**2 + y**2", variables="x y", bounds=((-1, 1), (-1, 1)))
    noise = fpsim.GradientNoise(learning_rate=0.1, batch_size=1, covariance=0.1)
    flat = fpsim.EscapeProblem(fpsim.SDE(bowl, noise), (0.0, 0.0), fpsim.HalfSpace((1.0, 0.0), 0.5))
    assert ways.tried(flat)[-2:] == ["paths", "chain"]


def test_a_new_route_is_compared_drawn_and_diagnosed(monkeypatch: pytest.MonkeyPatch):
    class Guess(ways.Way):
        def is_tried(self, problem: Problem) -> bool:
            return problem.sde.dimension == 1

        def take(self, problem: Problem, plan: ways.Plan, share: float) -> fpsim.EscapeTime:
            return problem.result("guess", 0.0, 14.0, systematic_error=1.0)

        def foreseen(self, problem: Problem, expected: float | None) -> tuple[str, float | None]:
            return "at once", 14.0

    monkeypatch.setitem(ROUTES, "guess", Route("guess", "formula", remark="a guess guesses"))
    monkeypatch.setattr(ways, "WAYS", {"guess": Guess()})
    monkeypatch.setattr("fpsim.routes.comparing.WAYS", ways.WAYS)
    monkeypatch.setattr("fpsim.routes.diagnosis.WAYS", ways.WAYS)
    found = WHITE.compare(budget=5)
    assert isinstance(found, Comparison) and [route.method for route in found.routes] == ["guess"]
    assert "(a guess guesses)" in str(found)
    assert WHITE.diagnose().routes == (("guess", "at once"),)
