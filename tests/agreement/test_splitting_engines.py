"""Flights compiled and in NumPy, scores compiled and in NumPy: one and the same."""

import dataclasses
import math
import signal

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.routes.allowance import Allowance, OverBudgetError
from fpsim.routes.plan import Plan
from fpsim.routes.route import route
from fpsim.routes.splitting_run import SplittingRun
from fpsim.splitting.dynamics import Stop, Until
from fpsim.splitting.ensemble import SplittingInterrupted
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


def test_a_path_as_score_from_end_to_end():
    """The same time as by distance."""
    ask = {"seed": 3, "repetitions": 4, "particles": 60, "step": 0.02, "step_bias": False}
    found, plain = BOXED.by_splitting(score=[[-1.0, 0.0], [1.0, 0.0]], **ask), BOXED.by_splitting(**ask)
    assert found.settings["score"] == "length along a path of 2 points"
    assert abs(found.mean - plain.mean) < 5 * math.hypot(found.error, plain.error)


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


def ctrl_c_after(share):
    def progress(done):
        if done >= share:
            signal.raise_signal(signal.SIGINT)

    return progress


def test_ctrl_c_keeps_what_has_ended_and_the_same_call_goes_on(tmp_path):
    chain, store = fpsim.Chain(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1), 0.1), tmp_path / "landed.jsonl"

    def split(**options):
        return fpsim.split_iterations(
            chain, -1.0, 0.6, seed=4, particles=40, repetitions=12, threads=2, score="distance", **options
        )

    with pytest.raises(SplittingInterrupted, match="repetitions had ended; with store=") as caught:
        split(store=store, progress=ctrl_c_after(0.3))
    stopped = caught.value
    assert 2 <= len(stopped.found) < 12
    assert len(store.read_text().splitlines()) == len(stopped.found) == stopped.answer.settings["repetitions"]
    whole = split()
    assert abs(stopped.answer.mean - whole.mean) < 5 * math.hypot(stopped.answer.error, whole.error)
    assert split(store=store).mean == whole.mean
    with pytest.raises(SplittingInterrupted):
        LINE.by_splitting(repetitions=20, particles=50, step_bias=False, progress=ctrl_c_after(0.1))


COLD = fpsim.EscapeProblem(
    fpsim.SDE(PLANE, fpsim.HessianDiffusion(learning_rate=0.1, batch_size=0.7, at="everywhere", floor=0.3)),
    (-1.0, 0.0),
    fpsim.HalfSpace((1.0, 0.0), 0.8),
)


def test_the_chain_in_the_plane_by_splitting(monkeypatch):
    """The chain's way samples plain paths as long as it can, else it splits; both are the same time."""
    plain = COLD.by_chain(paths=1500, seed=2)

    def beyond(*arguments):
        raise OverBudgetError("paths would take years")

    monkeypatch.setattr("fpsim.routes.chain.affordable_paths", beyond)
    monkeypatch.setattr("fpsim.routes.chain.REPETITIONS", 8)
    found = route("chain").within(COLD, Plan(Allowance(60.0), 1000, None, 3, 2, np.float64, None), 1.0)
    assert found.settings["engine"] == "splitting" and found.method == "chain" and found.units == "time"
    assert abs(found.mean - plain.mean) < 5 * math.hypot(found.error, plain.error) < 0.5 * plain.mean
    assert found.mean == pytest.approx(0.1 * found.settings["iterations"])
    assert found.repeat().mean == found.mean
