"""What every route promises, and that what compares, prints and draws routes knows none of them by name."""

import ast
from pathlib import Path
from types import MappingProxyType

import pytest

import fpsim
import landscapes
from fpsim.route import ROUTES, Facts, by_exactness
from fpsim.routes.allowance import Allowance
from fpsim.routes.formulas.formula import formulas
from fpsim.routes.plan import Plan
from fpsim.routes.problem import Problem
from fpsim.routes.route import Cost, Route, applicable, route

ROOT = Path(__file__).parents[2] / "fpsim"
KNOWS_NO_ROUTE = [ROOT / "results.py", ROOT / "routes/comparing.py", ROOT / "routes/diagnosis.py"]
KNOWS_NO_ROUTE += [ROOT / "routes/route.py", ROOT / "routes/plan.py", ROOT / "routes/problem.py"]
KNOWS_NO_ROUTE += [*sorted((ROOT / "plotting").glob("*.py")), *sorted((ROOT / "cli").glob("*.py"))]

WELL = landscapes.DoubleWell()
WHITE = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)
SHAPED = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="path", climb_fraction=0.5)
LOSS = fpsim.LossScaledDiffusion(learning_rate=0.1, batch_size=1, curvature=1.0)
BOWL = landscapes.Landscape.from_expression("x**2/2", bounds=[(-2, 2)])
FLAT = landscapes.DriftField.from_expression(["0"], variables="x", bounds=[(-2, 2)])
JUMPING = fpsim.EscapeProblem(fpsim.SDE(BOWL, fpsim.LevyNoise(1.2, 0.1)), 0.0, fpsim.Outside([0.0], 1.0))
EXAMPLES = landscapes.PerExampleDoubleWell()
SGD = fpsim.EscapeProblem(fpsim.MiniBatchSGD(EXAMPLES, 0.05, 1).surrogate(), -1.0, 1.0)
FORK = landscapes.Landscape.from_expression(
    "x**4/4 - x**2/8 + (4 + 2*x**2)*(y - x**2/4)**2/2", variables="x y", bounds=((-1.2, 1.2), (-0.8, 0.8))
)
ROUGH = fpsim.DiffusionField.from_expression(["0.002*(1 + x**2)", "0.004*(1 + y**2)"], "x y")
PITCHFORK = fpsim.EscapeProblem(fpsim.SDE(FORK, ROUGH), (-0.5, 1 / 16), fpsim.HalfSpace((1, 0), 0.4))
INERT = fpsim.EscapeProblem(fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.05), 0.5), -1.0, 1.0)
PROBLEMS = MappingProxyType(
    {
        **dict.fromkeys(["quadrature", "grid", "paths", "kramers", "kramers-next"], WHITE),
        **dict.fromkeys(["eyring-kramers", "white-noise"], WHITE),
        "xie": fpsim.EscapeProblem(fpsim.SDE(WELL, SHAPED), -1.0, 1.0),
        "state-dependent": fpsim.EscapeProblem(fpsim.SDE(WELL, SHAPED), -1.0, 1.0),
        "bouchet-reygner": PITCHFORK,
        "reduced-path": PITCHFORK,
        **dict.fromkeys(["fractional", "imkeller-pavlyukevich"], JUMPING),
        "getoor": fpsim.EscapeProblem(fpsim.SDE(FLAT, fpsim.LevyNoise(1.2, 0.1)), 0.3, fpsim.Outside([0.0], 1.0)),
        "mori": fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(offset=0.5), LOSS), -1.0, 1.0),
        "cramer": SGD,
        "splitting": WHITE,
        "chain": SGD,
        **dict.fromkeys(["kramers-moderate", "kramers-low", "melnikov-meshkov", "langer"], INERT),
        "xie-momentum": fpsim.EscapeProblem(fpsim.Underdamped(WELL, SHAPED, 0.5), -1.0, 1.0),
        "xie-adam": fpsim.EscapeProblem(fpsim.SDE(WELL, SHAPED), -1.0, 1.0),
    }
)
"""A problem that each route answers: a new route adds its own."""


def plan() -> Plan:
    return Plan(Allowance(60.0), 500, 0.05, 1, None, "float64", None)


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_keeps_its_promises(name: str):
    problem, one = PROBLEMS[name], route(name)
    found = one.within(problem, plan(), one.share_of(False))
    assert found.method == one.name == one.facts.name == name and found.mean > 0 and found.units == "time"
    assert found.target == str(problem.target) and found.problem == problem.to_dict()
    assert all(a.statement and a.key and (a.holds or a.detail) for a in found.assumptions)
    assert len({a.key for a in found.assumptions}) == len(found.assumptions)
    exact = one.facts.exactness is not None
    assert (found.error > 0) if exact else (found.assumptions and found.settings["reference"] == one.reference)
    assert 0 < one.share_of(True) <= one.share_of(False) <= 1
    assert one.reference and len(one.reference) > 20
    words, mean = one.cost(problem, 14.0)
    assert isinstance(words, str) and (mean is None or mean == pytest.approx(found.mean, rel=0.01))


@pytest.mark.parametrize("name", ROUTES)
def test_a_result_is_found_again_from_what_it_remembers(name: str):
    one = route(name)
    found = one.within(PROBLEMS[name], plan(), one.share_of(False))
    again = found.repeat()
    assert again.mean == found.mean and again.method == name and again.seed == found.seed


def test_places_and_names_are_told_once():
    assert all(name == row.name == route(name).name for name, row in ROUTES.items())
    places = [row.exactness for row in ROUTES.values() if row.exactness is not None]
    assert sorted(places) == list(range(len(places)))
    assert [ROUTES[name].exactness for name in by_exactness(ROUTES)] == sorted(places)
    assert set(formulas()) == {name for name, row in ROUTES.items() if row.process == "formula"}


@pytest.mark.parametrize("file", KNOWS_NO_ROUTE, ids=lambda file: file.name)
def test_no_route_is_known_by_name(file: Path):
    tree = ast.parse(file.read_text(encoding="utf-8"))
    said = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not said & (set(ROUTES) - {"chain", "paths"}), said & set(ROUTES)  # those two are also words of theirs


def test_sampled_routes_come_last():
    """In 1-D the chain is exact and says what paths would cost; beyond, it is sampled itself."""
    names = [one.name for one in applicable(SGD)]
    assert names == ["quadrature", "state-dependent", "cramer", "grid", "chain", "paths", "splitting"]
    bowl = landscapes.Landscape.from_expression("x**2 + y**2", variables="x y", bounds=((-1, 1), (-1, 1)))
    noise = fpsim.GradientNoise(learning_rate=0.1, batch_size=1, covariance=0.1)
    flat = fpsim.EscapeProblem(fpsim.SDE(bowl, noise), (0.0, 0.0), fpsim.HalfSpace((1.0, 0.0), 0.5))
    assert [one.name for one in applicable(flat)][-3:] == ["paths", "splitting", "chain"]


class Guess(Route):
    """A third party's route."""

    name, reference = "guess", "rolled"

    def applies(self, problem: Problem) -> bool:
        return problem.sde.dimension == 1

    def cost(self, problem: Problem, expected: float | None = None) -> Cost:
        return Cost("at once", 14.0)

    def answer(self, problem: Problem, sides: int = 6) -> fpsim.EscapeTime:
        return problem.result(self.name, 0.0, 2.0 * sides, systematic_error=1.0, settings={"sides": sides})


by_guess = Guess()


@pytest.fixture
def _guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, "guess", Facts("guess", "sde", f"{__name__}:by_guess", 5, remark="a guess guesses"))


@pytest.mark.usefixtures("_guess")
def test_a_third_partys_route_is_compared_drawn_diagnosed_and_repeated():
    found = WHITE.compare(budget=20, paths=2000)
    assert {"quadrature", "guess"} <= {time.method for time in found.routes}
    assert found.reference is not None and found.reference.method == "quadrature"
    assert "(a guess guesses)" in str(found) and found.plot().axes
    assert dict(WHITE.diagnose().routes)["guess"] == "at once"
    assert by_guess.answer(WHITE, sides=7).repeat().mean == 14.0
    assert by_guess.answer(WHITE, sides=7).repeat(sides=8).mean == 16.0


def test_an_unknown_route_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match="there is no route 'guess'; known are quadrature"):
        route("guess")
    with pytest.raises(ValueError, match="there is no formula 'paths'"):
        WHITE.by_formula("paths")


def test_no_decision_reads_a_sentence():
    """Sentences of assumptions are printed and never compared: programs ask for the key."""
    found = []
    for package in ("fpsim", "validation", "animations"):
        for file in (ROOT.parent / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                parts = [node.left, *node.comparators] if isinstance(node, ast.Compare) else []
                parts += [node.func] if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else []
                read = {n.attr for part in parts for n in ast.walk(part) if isinstance(n, ast.Attribute)}
                if read & {"statement", "detail"}:
                    found.append(f"{file.name}, line {node.lineno}")
    assert not found
