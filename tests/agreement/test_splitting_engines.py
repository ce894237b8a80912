"""Flights compiled and in NumPy, scores compiled and in NumPy: one and the same."""

import dataclasses
import math

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.routes.splitting import SplittingRun
from fpsim.splitting.dynamics import Stop, Until
from fpsim.splitting.moving import moving
from fpsim.splitting.multilevel import repetition
from fpsim.splitting.plan import planned
from fpsim.splitting.scores import PathScore, TableScore
from fpsim.splitting.stochastic import StochasticFlights
from fpsim.targets import as_target

WALLS = fpsim.Walls(("reflecting", None), ((-1.4, 1.5), (-9.0, 9.0)))
PLANE = landscapes.Landscape.from_expression("(x**2-1)**2/4 + y**2 + x*y/4", variables="x y")
LINE = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
BOXED = fpsim.EscapeProblem(
    fpsim.SDE(PLANE, fpsim.ConstantDiffusion(0.1)), (-1.0, 0.0), fpsim.Ball((1.0, 0.0), 0.4), WALLS
)


class InNumPy(StochasticFlights):
    """The same without compiled code."""

    def fly(self, *arguments):
        return self._fly_numpy(*arguments)


def run(problem, score=None):
    return SplittingRun(problem, 2, 60, score, 0.02, 1, 1, False, math.inf, None, None)


@pytest.mark.parametrize("problem", [LINE, BOXED], ids=["line", "walls"])
@pytest.mark.parametrize("scored", [False, True], ids=["distance", "path"])
def test_a_repetition_is_the_same_compiled_and_in_numpy(problem, scored):
    d = problem.sde.dimension
    way = np.array([[-1.0, 0.0], [0.0, 0.3], [1.0, 0.0]])[:, :d]
    made = run(problem, way if scored else None)
    compiled = made.dynamics(0.02, 0)
    plain = InNumPy(*(getattr(compiled, f.name) for f in dataclasses.fields(compiled)))
    plan = dataclasses.replace(planned(compiled, problem.point, 60, 5, 50, Stop()).plan, particles=60)
    found, twin = (repetition(moving, plan, 3, 7, Stop()) for moving in (compiled, plain))
    assert compiled.engine == "compiled" and found.levels > 3
    assert found.to_dict() == pytest.approx(twin.to_dict(), rel=1e-12)


@pytest.mark.parametrize("momentum", [None, 0.8], ids=["parts of steps", "momentum"])
def test_a_chain_flies_the_same_compiled_and_in_numpy(momentum):
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=3, at="everywhere", floor=0)
    chain, start = fpsim.Chain(landscapes.DoubleWell(), noise), np.array([-1.0])
    found = moving(chain, start, as_target(0.3, start), 3, None, None, momentum)
    plain = InNumPy(*(getattr(found.dynamics, f.name) for f in dataclasses.fields(found.dynamics)))
    states = np.tile(found.start, (40, 1))
    ends = [
        d.fly(states, np.arange(40), np.full(40, -np.inf), Until(horizon=48), True, Stop())
        for d in (found.dynamics, plain)
    ]
    for compiled, twin in ((ends[0].places, ends[1].places), (ends[0].log.score, ends[1].log.score)):
        np.testing.assert_allclose(np.sort(compiled, axis=0), np.sort(twin, axis=0), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    "score",
    [
        PathScore(np.array([[-1.0, 0.0], [0.0, 1.0], [1.0, 1.5]]), 2),
        TableScore([np.linspace(-1, 1, 5), np.linspace(0, 3, 7)], np.arange(35.0).reshape(5, 7) ** 1.5, "table"),
    ],
    ids=["path", "table"],
)
def test_scores_are_the_same_compiled_and_in_numpy(score):
    x, out = np.random.default_rng(1).uniform(-2, 4, (2, 256)), np.empty(256)
    made = score.compiled(np.float64)
    made.function(x.ravel(), made.data, out)
    np.testing.assert_allclose(out, score(x), rtol=1e-12, atol=1e-12)


def test_the_coordinate_along_a_path_and_a_table_by_hand():
    path = PathScore(np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 4.0]]), 2)
    x = np.array([[1.0, 2.0, 5.0, 3.0, -2.0, 3.1], [1.0, -3.0, 2.0, 9.0, 0.5, 4.0]])
    np.testing.assert_allclose(path(x), [1, 2, 5, 12, -2, 7])
    table = TableScore([np.array([0.0, 1.0, 2.0])], np.array([0.0, 10.0, 40.0]), "table")
    np.testing.assert_allclose(table(np.array([[-1.0, 0.5, 1.5, 2.0, 7.0]])), [0, 5, 25, 40, 40])


def test_the_answer_does_not_depend_on_threads():
    one, two = (LINE.by_splitting(seed=3, repetitions=4, particles=50, threads=n, step_bias=False) for n in (1, 3))
    assert (one.mean, one.standard_error) == (two.mean, two.standard_error)


def test_an_interrupted_run_goes_on_where_it_was(tmp_path):
    store = tmp_path / "landed.jsonl"
    ask = {"seed": 4, "particles": 50, "step_bias": False}
    LINE.by_splitting(repetitions=3, store=store, **ask)
    assert len(store.read_text().splitlines()) == 3
    resumed = LINE.by_splitting(repetitions=5, store=store, **ask)
    assert len(store.read_text().splitlines()) == 5
    assert resumed.mean == LINE.by_splitting(repetitions=5, **ask).mean
