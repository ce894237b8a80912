"""The GPU's paths against the CPU's: equal up to rounding over short times, and the same decisions.

Run by ``test_cuda.py`` in numba's CUDA simulator; where there is a GPU, also by hand:

    pytest -n 0 tests/agreement/cuda_checks.py
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from numba import cuda

import fpsim
from fpsim import Ball, ConstantDiffusion, EscapeProblem, HessianDiffusion
from fpsim.batch_sizes import over_batch_sizes
from fpsim.cuda.device import simulated
from fpsim.cuda.walk import SLAB, THREADS, power_sums
from fpsim.kernels.pacing import Piece
from fpsim.paths.chunks import ChunkedRun
from fpsim.paths.edges import start_edges
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.paths.step import DivergenceError
from fpsim.routes.splitting_run import SplittingRun
from fpsim.sgd.batches import LAWS, SAMPLINGS, BatchDivergenceError, MiniBatchSGD
from fpsim.sgd.chain import Chain
from fpsim.sgd.minibatch import exit_iterations, simulate_batches
from fpsim.splitting.card import placed
from fpsim.splitting.dynamics import ALOFT, ARRIVED, BACK, Stop, Until
from fpsim.splitting.moving import moving
from fpsim.splitting.scores import PathScore, TableScore
from fpsim.targets import Point, as_target
from fpsim.walls import Walls
from landscapes import CoupledDoubleWells, DoubleWell
from landscapes.catalogue.example_losses import LogisticRegression, PerExampleDoubleWell
from landscapes.examples.sampled import SampledLandscape
from landscapes.landscape import DriftField, Landscape

pytestmark = pytest.mark.filterwarnings("ignore")  # numpy's scalars warn where integers of a kernel wrap around

PATHS = 30 if simulated() else 5000
WELL = fpsim.SDE(DoubleWell(), ConstantDiffusion(0.3))
PAIR = fpsim.SDE(CoupledDoubleWells(2), ConstantDiffusion(0.3))
CURVATURE = HessianDiffusion(learning_rate=0.2, batch_size=1.0, floor=0.5, floor_shape="smooth", at="everywhere")
CURVED = fpsim.SDE(DoubleWell(), CURVATURE, convention="stratonovich")
WIDE = fpsim.SDE(CoupledDoubleWells(4), replace(CURVATURE, floor_shape="additive"))  # needs eigenvectors
PLANE = LogisticRegression.random(dimension=3, examples=8, seed=1)
OWN = MiniBatchSGD(PLANE, 0.3, 2).surrogate()  # needs the examples
TENSOR = fpsim.SDE(
    CoupledDoubleWells(3),
    fpsim.DiffusionField.from_expression(
        [["0.4 + x**2/9", "x*y/9", "z/9"], ["x*y/9", "0.5 + y**2", "0.1"], ["z/9", "0.1", "0.3"]], "x y z"
    ),
)
SAMPLED = SampledLandscape(np.linspace(-2, 2, 41), (np.linspace(-2, 2, 41) ** 2 - 1) ** 2 / 4)
STEPPED = fpsim.SDE(
    DriftField.from_expression("max(x, 0)/4 - x**3 + tanh(abs(x)) + erf(x)*sin(3*x) - sign(x)/9 + exp(-x)**0.3"),
    ConstantDiffusion(0.3),
)
ROUNDING = {"float64": 1e-12, "float32": 2e-5}
"""Largest difference after some tens of steps, in units of the paths' own size (about one)."""


def both(run, *arguments, **options):
    """The same run on the CPU and on the GPU."""
    return run(*arguments, **options), run(*arguments, **options, device="cuda")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("sde", "start", "walls", "every"),
    [
        (WELL, -1.0, None, 7),  # frames within groups of four steps
        (WELL, -1.0, Walls("reflecting", [(-1.3, 1.0)]), 8),
        (PAIR, [-1.0, -1.0], Walls(["periodic", None], [(-1.5, 1.5), (-2.0, 2.0)]), 40),
        (CURVED, -1.0, None, 10),
        (STEPPED, 0.2, None, 3),
        (TENSOR, [-1.0, -0.5, 0.2], None, 14),
        (fpsim.SDE(SAMPLED, ConstantDiffusion(0.3)), -1.0, None, 21),
    ],
    ids=["every 7", "reflecting", "periodic plane", "hessian stratonovich", "every function", "tensor", "table"],
)
def test_paths_are_the_cpu_s(sde, start, walls, every, dtype):
    options = {"paths": PATHS, "seed": 2**40 + 7, "save_every": every, "boundary": walls, "dtype": dtype}
    cpu, gpu = both(simulate, sde, start, 0.42, 0.01, **options)
    assert gpu.settings["engine"] == "cuda" and gpu.x.dtype == dtype and gpu.x.shape == cpu.x.shape
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING[dtype]
    assert np.ptp(gpu.x[-1]) > 0.5


def test_final_states_and_starts_of_every_kind():
    for start in (-1.0, np.linspace(-1.5, 1.5, PATHS)[None], lambda u: 2 * u - 1):
        cpu, gpu = both(simulate, WELL, start, 0.2, 0.01, paths=PATHS, keep="final")
        assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"]


def test_weak_order_two():
    cpu, gpu = both(simulate, PAIR, [-1.0, -1.0], 0.2, 0.02, paths=PATHS, keep="final", scheme="weak-2")
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"]


def test_moments_repeat_bit_for_bit():
    options = {"paths": PATHS, "save_every": 10, "keep": "moments"}
    cpu, gpu = both(simulate, PAIR, [-1.0, -1.0], 0.3, 0.01, **options)
    again = simulate(PAIR, [-1.0, -1.0], 0.3, 0.01, **options, device="cuda")
    for name in ("mean", "variance", "third", "fourth"):
        assert np.array_equal(getattr(gpu, name), getattr(again, name))
        assert np.allclose(getattr(gpu, name), getattr(cpu, name), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["plain", "discrete", "coarse single", "reflecting", "ring", "ball", "hessian"])
def test_exits_are_the_cpu_s(name):
    sde, start, target, options = {
        "plain": (WELL, -1.0, Point(-0.3, -1.0), {}),
        "discrete": (WELL, -1.0, Point(-0.3, -1.0), {"bridge": False}),
        "coarse single": (WELL, -1.0, Point(-0.3, -1.0), {"dtype": np.float32, "coarse": True}),
        "reflecting": (WELL, -1.0, Point(-0.3, -1.0), {"walls": Walls("reflecting", [(-1.2, 1.5)])}),
        "ring": (WELL, -1.0, Point(-0.3, -1.0), {"walls": Walls("periodic", [(-1.6, 1.5)])}),
        "ball": (PAIR, [-1.0, -1.0], Ball((-0.4, -0.4), 0.4), {}),
        "hessian": (CURVED, -1.0, Point(-0.6, -1.0), {}),
    }[name]
    cpu, gpu = both(exit_times, sde, start, target, PATHS, 0.02, seed=5, horizon=1.2, **options)
    tolerance = ROUNDING[np.dtype(options.get("dtype", float)).name]
    assert gpu.exits.size > 3 and np.array_equal(gpu.censored, cpu.censored)
    assert np.abs(gpu.times - cpu.times).max() < tolerance
    assert np.abs(gpu.places - cpu.places).max() < tolerance
    assert gpu.settings["engine"] == "cuda"


@pytest.mark.parametrize(("sde", "start"), [(WIDE, -np.ones(4)), (OWN, np.zeros(3))], ids=["eigenvectors", "examples"])
def test_noise_from_a_hessian_s_eigenvectors_and_from_examples(sde, start):
    """On the CPU such runs are NumPy's, unless they are long."""
    count = PATHS // 2
    cpu, gpu = both(simulate, sde, start, 0.2, 0.02, paths=count, keep="final")
    assert (cpu.settings["engine"], gpu.settings["engine"]) == ("numpy", "cuda")
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"] and np.ptp(gpu.x) > 0.2
    goal = fpsim.HalfSpace(np.eye(len(start))[0], float(start[0] + np.ptp(cpu.x[0, :, 0]) / 3))
    cpu, gpu = both(exit_times, sde, start, goal, count, 0.04, seed=5, horizon=0.7)
    assert np.array_equal(gpu.censored, cpu.censored) and gpu.exits.size > 1
    assert np.abs(gpu.times - cpu.times).max() < ROUNDING["float64"]
    for refused in ({"dtype": np.float32}, {"boundary": "reflecting"}):
        with pytest.raises(ValueError, match="in float32 also"):
            simulate(sde, start, 0.1, 0.02, paths=2, device="cuda", **refused)


@pytest.mark.parametrize(
    ("sde", "walls"),
    [
        (fpsim.Underdamped(DoubleWell(), ConstantDiffusion(0.3), 2.0), Walls("reflecting", [(-1.3, 1.5)])),
        (fpsim.SDE(DoubleWell(), fpsim.LevyNoise(1.5, 0.3)), None),
        (fpsim.SDE(DoubleWell(), fpsim.JumpNoise(0.1, 2.0, 0.3)), None),
        (fpsim.Scheduled(WELL, temperature=fpsim.schedules.inverse_time(0.3, 2.0)), None),
    ],
    ids=["inertia", "stable", "jumps", "schedule"],
)
def test_wider_states_are_the_cpu_s(sde, walls):
    """BAOAB with walls, jumps from more normals than coordinates, and time as a coordinate."""
    cpu, gpu = both(simulate, sde, -1.0, 0.5, 0.02, paths=PATHS, keep="final", boundary=walls)
    assert gpu.settings["engine"] == "cuda" and cpu.settings["engine"] == "compiled"
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"] and np.ptp(gpu.x) > 0.2
    cpu, gpu = both(exit_times, sde, -1.0, Point(-0.6, -1.0), PATHS, 0.05, seed=5, horizon=3.0, walls=walls)
    assert gpu.exits.size > 3 and np.array_equal(gpu.censored, cpu.censored)
    assert np.abs(gpu.times - cpu.times).max() < ROUNDING["float64"]


def test_fast_math_is_single_precision_s_neighbour():
    """In the simulator library functions stand in for the hardware's; all but one in a thousand differ by 1e-5."""
    fast = {"dtype": np.float32, "device": "cuda", "fast_math": True, "seed": 5}
    options = {"paths": PATHS, "save_every": 10}
    cpu = simulate(PAIR, [-1.0, -1.0], 0.3, 0.01, **options, seed=5)
    gpu = simulate(PAIR, [-1.0, -1.0], 0.3, 0.01, **options, **fast)
    gap = np.abs(cpu.x - gpu.x).max(axis=(0, 2))
    assert 0 < np.median(gap) < 5 * ROUNDING["float32"] and gap.max() < 1e-3 and gpu.settings["fast_math"]
    for walls in (None, Walls("reflecting", [(-1.2, 1.5)])):
        arguments = WELL, -1.0, Point(-0.3, -1.0), PATHS, 0.02
        cpu = exit_times(*arguments, horizon=1.2, walls=walls, seed=5)
        gpu = exit_times(*arguments, horizon=1.2, walls=walls, **fast)
        same = gpu.censored == cpu.censored
        assert same.mean() > 0.99 and gpu.exits.size > 3 and gpu.settings["fast_math"]
        assert np.median(np.abs(gpu.times - cpu.times)[same]) < 1e-3
    quick = EscapeProblem(fpsim.SDE(DoubleWell(), ConstantDiffusion(0.5)), -1.0, -0.5)
    cpu = quick.by_paths(paths=PATHS, step=0.02, seed=5, step_bias=False)
    gpu = quick.by_paths(paths=PATHS, step=0.02, step_bias=False, **fast)
    assert gpu.mean == pytest.approx(cpu.mean, rel=1e-3) and gpu.settings["fast_math"]


@pytest.mark.parametrize(
    ("options", "words"),
    [({"dtype": np.float32}, "give device='cuda'"), ({"device": "cuda"}, "for single precision.*got float64")],
)
def test_fast_math_elsewhere_is_refused(options, words):
    for run in (
        lambda **o: simulate(WELL, -1.0, 0.1, 0.01, paths=4, **o),
        lambda **o: exit_times(WELL, -1.0, Point(-0.3, -1.0), 4, 0.02, **o),
        LINE.by_paths,
    ):
        with pytest.raises(ValueError, match=words):
            run(**options, fast_math=True)
    told = simulate(WELL, -1.0, 0.1, 0.01, paths=4, dtype=np.float32, device="auto", fast_math=True).settings
    assert told["engine"] == "compiled" and told["fast_math"] is False


def test_momentum_and_the_chain():
    chain = Chain(CoupledDoubleWells(2), ConstantDiffusion(0.3), learning_rate=0.05)
    cpu, gpu = both(chain.simulate, [-1.0, -1.0], 30, paths=PATHS, momentum=0.5)
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"]
    cpu, gpu = both(chain.exit_times, [-1.0, -1.0], Ball((-0.4, -0.4), 0.4), paths=PATHS, horizon=40, momentum=0.5)
    assert np.array_equal(gpu.times, cpu.times) and gpu.exits.size > 3


@pytest.mark.parametrize("sampling", LAWS)
def test_mini_batches(sampling):
    count = PATHS if sampling in SAMPLINGS else PATHS // 5  # each of its steps takes all examples
    sgd = MiniBatchSGD(LogisticRegression.random(dimension=2, examples=11, seed=1), 0.3, 3, sampling)
    cpu, gpu = both(simulate_batches, sgd, [0.5, 0.0], 18, paths=count, save_every=3)
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"] and np.ptp(gpu.x[-1]) > 0.05
    cpu, gpu = both(simulate_batches, sgd, [0.5, 0.0], 18, paths=count, save_every=9, keep="moments")
    assert np.allclose(gpu.variance, cpu.variance, rtol=1e-10)
    wells = MiniBatchSGD(PerExampleDoubleWell(noise=2.0, examples=10, positive=5), 0.2, 2, sampling, momentum=0.3)
    for dtype in ROUNDING if sampling == "with-replacement" else ["float64"]:
        cpu, gpu = both(exit_iterations, wells, -1.0, -0.7, count, seed=3, horizon=40, dtype=dtype)
        same = gpu.times == cpu.times
        assert same.all() if dtype == "float64" else same.mean() > 0.9
        assert gpu.exits.size > 2 and np.abs(gpu.places - cpu.places)[same].max() < 5 * ROUNDING[dtype]


RATES, SIZES = fpsim.schedules.inverse_time(0.3, 8.0), fpsim.schedules.steps([1, 3], [6])


@pytest.mark.parametrize(
    ("sampling", "rule", "schedules"),
    [
        ("with-replacement", {"optimiser": fpsim.SignSGD(0.6)}, {}),
        ("with-replacement", {"optimiser": fpsim.Adam(0.8, 0.95, 1e-3)}, {"learning_rate": RATES, "batch_size": SIZES}),
        ("without-replacement", {}, {"learning_rate": RATES, "batch_size": SIZES}),
        ("reshuffled", {"optimiser": fpsim.Adam(0.8, 0.95, 1e-3)}, {"learning_rate": RATES}),
        ("isotropic", {"momentum": 0.7}, {"batch_size": SIZES}),
    ],
    ids=["signum", "adam", "sizes", "epochs", "isotropic"],
)
def test_rules_and_schedules_of_mini_batches(sampling, rule, schedules):
    count = PATHS if sampling in SAMPLINGS else PATHS // 5
    sgd = MiniBatchSGD(LogisticRegression.random(dimension=2, examples=7, seed=1), 0.1, 2, sampling, **rule)
    cpu, gpu = both(simulate_batches, sgd, [0.5, 0.0], 11, paths=count, save_every=3, seed=4, **schedules)
    assert gpu.settings == {**cpu.settings, "engine": "cuda"} and np.array_equal(cpu.time, gpu.time)
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"] and np.ptp(gpu.x[-1]) > 0.05
    wells = replace(sgd, landscape=PerExampleDoubleWell(noise=2.0, examples=10, positive=5))
    cpu, gpu = both(exit_iterations, wells, -1.0, -0.7, count, seed=3, horizon=22, **schedules)
    assert np.array_equal(gpu.times, cpu.times) and gpu.exits.size > 2 and gpu.horizon == cpu.horizon
    assert np.abs(gpu.places - cpu.places).max() < ROUNDING["float64"] and gpu.settings["engine"] == "cuda"


@pytest.mark.parametrize(("sampling", "momentum"), [("with-replacement", 0.0), ("gaussian", 0.5)])
def test_all_parameters_of_a_network(sampling, momentum):
    torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    from landscapes.networks.architectures import ResNet
    from landscapes.networks.landscape import NeuralLandscape

    torch.manual_seed(0)
    draws = np.random.default_rng(0)
    images, labels = draws.normal(size=(4, 3, 3)), np.arange(4) % 2
    place = NeuralLandscape(ResNet([1], 1, 2, 1, "3x3", "none", "tanh").eval(), images, labels, weight_decay=0.1)
    sgd, x = MiniBatchSGD(place, 0.2, 2, sampling, momentum), place.initial
    count = 3 if simulated() else PATHS
    cpu, gpu = both(simulate_batches, sgd, x, 5, paths=count, keep="final", seed=2)
    assert np.abs(gpu.x - cpu.x).max() < ROUNDING["float64"] and np.ptp(gpu.x) > 0.01
    goal = fpsim.HalfSpace(np.ones(place.dimension), float(x.sum()) + 0.02)
    for dtype in ["float64"] if momentum else ROUNDING:
        cpu, gpu = both(exit_iterations, sgd, x, goal, count, seed=3, horizon=8, dtype=dtype)
        same = gpu.times == cpu.times
        assert same.all() if dtype == "float64" else same.mean() > 0.9
        assert np.abs(gpu.places - cpu.places)[same].max() < ROUNDING[dtype]


def test_over_batch_sizes():
    line = PerExampleDoubleWell(noise=2.0, examples=10, positive=5)
    cpu, gpu = both(over_batch_sizes, line, 0.2, [2], -1.0, -0.7, PATHS // 3, routes=())
    assert gpu.logs == cpu.logs and not gpu.refusals and np.isfinite(gpu.logs["mini-batches"]).all()


BOXED = EscapeProblem(
    PAIR, [-1.0, -1.0], Ball((-0.3, -0.3), 0.4), Walls(["reflecting", None], [(-1.4, 1.5), (-9.0, 9.0)])
)
LINE = EscapeProblem(WELL, -1.0, -0.3)
WAY = PathScore(np.array([[-1.0, -1.0], [-0.6, -0.7], [0.0, 0.0]]), 2)
TABLE = TableScore([np.linspace(-2, 1, 7)], np.linspace(-2, 1, 7) ** 3, "table")


def flown_alike(flights, start):
    """Flights on CPU and GPU, with their records, back where a quarter of free ones end."""
    way = np.tile(start, (PATHS, 1)), 2**34 + np.arange(PATHS), np.full(PATHS, -np.inf)
    free = flights.fly(*way, Until(horizon=32), False, Stop())
    until = Until(low=np.quantile(flights.score(free.places[free.ends == ALOFT]), 0.25), low_from=8, horizon=32)
    cpu, gpu = (one.fly(*way, until, True, Stop()) for one in (flights, placed(flights, "cuda", 1.0)))
    assert {ARRIVED, BACK} <= set(cpu.ends.tolist()) and np.array_equal(cpu.ends, gpu.ends)
    assert np.abs(cpu.steps - gpu.steps).max() < 1e-9 and np.abs(cpu.places - gpu.places).max() < 1e-12
    for name in ("owner", "score", "step", "place"):
        one, two = (getattr(f.log, name)[np.argsort(f.log.owner, kind="stable")] for f in (cpu, gpu))
        assert len(one) > 2 * PATHS and np.allclose(one, two, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("problem", "score"),
    [(LINE, None), (LINE, TABLE), (BOXED, None), (BOXED, WAY)],
    ids=["line", "table", "walls", "path"],
)
def test_flights_are_the_cpu_s(problem, score):
    run = SplittingRun(problem, 2, 60, None, 0.02, 1, 1, False, np.inf, None, None)
    flights = replace(run.dynamics(0.02, 0), own=score)
    flown_alike(flights, problem.point)


FORGETFUL = MiniBatchSGD(PerExampleDoubleWell(noise=2.0, examples=10, positive=5), 0.2, 3)


@pytest.mark.parametrize(
    ("sgd", "score", "momentum"),
    [
        (FORGETFUL, "distance", None),
        (FORGETFUL, None, None),
        (replace(FORGETFUL, sampling="without-replacement", momentum=0.3), None, None),
        (replace(FORGETFUL, sampling="isotropic"), "distance", None),
        (Chain(DoubleWell(), ConstantDiffusion(0.3), learning_rate=0.2), None, None),
        (Chain(DoubleWell(), ConstantDiffusion(0.1), learning_rate=0.1), None, 0.5),
    ],
    ids=["batches", "draw by draw", "momentum", "isotropic", "parts of steps", "heavy ball"],
)
def test_flights_of_sgd_are_the_cpu_s(sgd, score, momentum):
    start = np.array([-1.0])
    found = moving(sgd, start, as_target(-0.4, start), 3, score, None, momentum)
    flown_alike(found.dynamics, found.start)


def test_flights_in_groups_and_with_few_rows(monkeypatch):
    """Neither the size of a group nor the room for records changes a flight; a lost one is named by its number."""
    monkeypatch.setattr("fpsim.splitting.card.LOG_BYTES", 8 * 3 * 4 * (PATHS // 3))
    monkeypatch.setattr("fpsim.splitting.card.MOST_ROWS", 4)
    run = SplittingRun(LINE, 2, 60, None, 0.02, 1, 1, False, np.inf, None, None)
    flown_alike(run.dynamics(0.02, 0), LINE.point)
    monkeypatch.setattr("fpsim.splitting.card.MOST_ROWS", 7)  # which two groups of records at every step overrun
    flights = replace(run.dynamics(0.02, 0), sde=fpsim.SDE(DriftField.from_expression("1"), ConstantDiffusion(1e-9)))
    way = np.full((3, 1), -3.0), np.arange(3), np.full(3, -np.inf), Until(horizon=32), True, Stop()
    cpu, gpu = (one.fly(*way).log for one in (flights, placed(flights, "cuda", 1.0)))
    for name in ("owner", "score", "step"):
        one, two = (getattr(log, name)[np.argsort(log.owner, kind="stable")] for log in (cpu, gpu))
        assert len(one) == 96 and np.abs(one - two).max() < 1e-9
    falling = fpsim.SDE(DriftField.from_expression("-x**2"), ConstantDiffusion(0.01))
    flights = replace(run.dynamics(0.02, 0), sde=falling, target=Point(9.0, -0.5))
    said = []
    for one in (flights, placed(flights, "cuda", 1.0)):
        states = np.concatenate([np.full((PATHS // 2, 1), 0.5), [[-1e9]]])
        numbers, first = np.arange(len(states)), np.full(len(states), np.inf)
        with pytest.raises(DivergenceError) as lost:
            one.fly(states, numbers, first, Until(horizon=32), False, Stop())
        said.append(str(lost.value))
    assert said[0] == said[1] and f"path {PATHS // 2} " in said[1]


def test_what_cannot_fly_on_a_gpu():
    plain = fpsim.SDE(Landscape(lambda x: (x**4).sum(axis=0)), ConstantDiffusion(0.3))
    with pytest.raises(ValueError, match="a GPU flies formulas"):
        EscapeProblem(plain, 0.0, 1.0).by_splitting(device="cuda", step=0.01)
    with pytest.raises(ValueError, match="score of these flights are none that compile"):
        LINE.by_splitting(device="cuda", score=lambda x: x[0], step=0.02)
    with pytest.raises(ValueError, match="device must be"):
        LINE.by_splitting(device="gpu", step=0.02)


def test_a_mean_by_splitting_is_the_cpu_s():
    """From end to end: the plan is the CPU's own, and so is every level."""
    chain = Chain(DoubleWell(), ConstantDiffusion(0.1), learning_rate=0.2)
    options = {"seed": 3, "repetitions": 2, "particles": 8, "score": "distance"}
    cpu, gpu = both(fpsim.split_iterations, chain, -1.0, -0.2, **options)
    assert gpu.settings["device"] == "cuda" and "device" not in cpu.settings
    assert gpu.mean == pytest.approx(cpu.mean, rel=1e-9) and gpu.settings["levels"] == cpu.settings["levels"] > 1
    problem = EscapeProblem(fpsim.SDE(DoubleWell(), ConstantDiffusion(0.1)), -1.0, -0.2)
    cpu, gpu = both(problem.by_splitting, step=0.1, step_bias=False, **options)
    assert gpu.settings["device"] == "cuda" and "device" not in cpu.settings
    assert gpu.mean == pytest.approx(cpu.mean, rel=1e-9) and gpu.settings["levels"] == cpu.settings["levels"] > 1


def test_a_lost_path_is_named_with_its_step():
    with pytest.raises(DivergenceError) as gpu:
        simulate(WELL, -1.0, 500, 0.9, paths=PATHS, seed=3, device="cuda")
    with pytest.raises(DivergenceError) as alone:
        simulate(WELL, -1.0, 500, 0.9, paths=gpu.value.path + 1, seed=3, keep="final")
    if gpu.value.path == 0:
        assert gpu.value.step == alone.value.step
    falling = fpsim.SDE(DriftField.from_expression("-x**2"), ConstantDiffusion(0.01))
    with pytest.raises(DivergenceError) as gpu:
        exit_times(falling, -0.5, Point(9.0, -0.5), 1, 0.02, seed=11, device="cuda")
    with pytest.raises(DivergenceError) as cpu:
        exit_times(falling, -0.5, Point(9.0, -0.5), 1, 0.02, seed=11)
    assert str(gpu.value) == str(cpu.value)
    sgd = MiniBatchSGD(LogisticRegression.random(dimension=2, examples=11, seed=1), 1e3, 3)
    rate = fpsim.schedules.inverse_time(3e3, 8.0)
    for chosen in ({}, {"learning_rate": rate}):
        with pytest.raises(BatchDivergenceError) as gpu:
            simulate_batches(sgd, [0.5, 0.0], 400, paths=2, device="cuda", **chosen)
        with pytest.raises(BatchDivergenceError) as cpu:
            simulate_batches(sgd, [0.5, 0.0], 400, paths=2, **chosen)
        assert str(gpu.value) == str(cpu.value)


def test_a_deadline_leaves_one_horizon():
    deep = fpsim.SDE(DoubleWell(), ConstantDiffusion(0.02))
    sample = exit_times(deep, -1.0, Point(0.0, -1.0), PATHS, 0.01, deadline=0.5, device="cuda")
    assert "stopped" in sample.settings and sample.censored.any() and np.isfinite(sample.places).all()
    assert (sample.times[sample.censored] == sample.horizon).all()


def test_numbers_of_paths_and_steps_beyond_32_bits():
    """Where the counters of the random words carry into their upper halves, within a group of four steps."""
    edges, start = start_edges(PAIR, -np.ones(2), None, 0), np.broadcast_to(-np.ones((2, 1)), (2, PATHS))
    told = PAIR, [-1.0, -1.0], 0.01, 2**40, 2**20, 2**40, 3, edges, "final", np.dtype(float)
    first, piece, found = 2**33, Piece(2**35 - 6, 1, 17, True), []
    for device in ("cpu", "cuda"):
        walk = ChunkedRun(*told, device)._walk(first, start)
        walk.advance(piece, np.zeros((1, 2)), np.zeros((0, 4, 2)))
        found.append(walk.positions())
    assert np.abs(found[1] - found[0]).max() < ROUNDING["float64"] and np.ptp(found[0]) > 0.3


def test_powers_of_several_slabs():
    x = np.random.default_rng(1).normal(size=(1, 2, SLAB + 21))
    powers = x[0] - np.array([[0.3], [-0.2]])
    found = power_sums(cuda.to_device(x), np.array([[0.3, -0.2]]))[0]
    assert np.allclose(found, [(powers**p).sum(axis=1) for p in (1, 2, 3, 4)], rtol=1e-11)


def test_a_deadline_knows_how_long_each_path_was_followed(monkeypatch):
    """Paths under way are where the CPU's are after as many steps, in two lists and whenever a thread took them up."""
    samples, ticks, began = [], count(1), time.perf_counter()
    slow = SimpleNamespace(perf_counter=lambda: began + 1e3 * next(ticks))
    monkeypatch.setattr("fpsim.paths.cuda_exits.clock", slow)  # each call has one group of four steps, but the first
    monkeypatch.setattr("fpsim.paths.cuda_exits.LANES", 1)
    monkeypatch.setattr("fpsim.cuda.device.multiprocessors", lambda: 1)
    monkeypatch.setattr("fpsim.paths.exits.sample_of", lambda found, *rest: samples.append(found))
    whole = 3 * THREADS
    monkeypatch.setattr("fpsim.cuda.device.free_memory", lambda: 2.0 * 32 * 2 * THREADS)
    exit_times(WELL, -1.0, Point(-0.3, -1.0), whole, 0.02, seed=5, horizon=1.2, deadline=6.5e4, device="cuda")
    (found,) = samples
    now, under_way = found.followed, np.isnan(found.times) & (found.followed >= 0)
    assert len(set(now[: 2 * THREADS].tolist())) > 3 and under_way[2 * THREADS :].sum() > 3
    for quads in set(now[under_way].tolist()):
        x = simulate(WELL, -1.0, 0.08 * quads, 0.02, paths=whole, seed=5, keep="final").x[0]
        here = under_way & (now == quads)
        assert np.abs(found.places[here] - x[here]).max() < ROUNDING["float64"]


def test_progress_and_interruption():
    told = []
    simulate(WELL, -1.0, 1.0, 0.01, paths=10, device="cuda", progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(WELL, -1.0, 1e4, 0.01, paths=10, device="cuda", progress=stop)
    with pytest.raises(KeyboardInterrupt):
        exit_times(WELL, -1.0, Point(9.0, -1.0), 10, 0.01, device="cuda", progress=stop)


def test_a_list_longer_than_the_memory_goes_in_parts(monkeypatch):
    whole = exit_times(WELL, -1.0, Point(-0.3, -1.0), PATHS, 0.02, seed=5, horizon=1.2, device="cuda")
    monkeypatch.setattr("fpsim.cuda.device.free_memory", lambda: 2.0 * 32 * (PATHS // 3))
    parts = exit_times(WELL, -1.0, Point(-0.3, -1.0), PATHS, 0.02, seed=5, horizon=1.2, device="cuda")
    assert np.array_equal(whole.times, parts.times) and np.array_equal(whole.places, parts.places)
    monkeypatch.setattr("fpsim.paths.chunks.CARD_COORDINATES", 8)
    monkeypatch.setattr("fpsim.paths.chunks.CARD_PATHS", 8)
    cpu, gpu = both(simulate, WELL, -1.0, 0.2, 0.01, paths=20, keep="moments", save_every=10)
    assert np.allclose(gpu.fourth, cpu.fourth, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("words", ["Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY", "an illegal address"])
def test_what_the_memory_does_not_hold_is_told_in_a_sentence(words, monkeypatch):
    def full(*arguments):
        raise CardError(words)

    sgd = MiniBatchSGD(PLANE, 0.3, 2)
    run = SplittingRun(LINE, 2, 60, None, 0.02, 1, 1, False, np.inf, None, None)
    flights = placed(run.dynamics(0.02, 0), "cuda", 1.0)
    monkeypatch.setattr("fpsim.cuda.walk.over", full)
    for one in (
        lambda: simulate(WELL, -1.0, 0.1, 0.01, paths=4, device="cuda"),
        lambda: exit_times(WELL, -1.0, Point(-0.3, -1.0), 4, 0.02, device="cuda"),
        lambda: simulate_batches(sgd, np.zeros(3), 4, paths=4, device="cuda"),
        lambda: flights.fly(-np.ones((2, 1)), np.arange(2), -np.ones(2), Until(horizon=8), False, Stop()),
    ):
        with pytest.raises(MemoryError if "OUT_OF" in words else CardError, match=r"does not hold this run|illegal"):
            one()


class CardError(Exception):
    """As the driver has them."""


def test_by_paths_on_the_gpu():
    problem = EscapeProblem(fpsim.SDE(DoubleWell(), ConstantDiffusion(0.5)), -1.0, -0.5)
    cpu, gpu = both(problem.by_paths, paths=PATHS, step=0.02, seed=1, step_bias=False)
    assert gpu.settings["device"] == "cuda" and gpu.mean == pytest.approx(cpu.mean, rel=1e-12)


def test_plain_functions_are_refused_and_auto_goes_to_the_cpu():
    plain = fpsim.SDE(Landscape(lambda x: (x**4).sum(axis=0)), ConstantDiffusion(0.3))
    with pytest.raises(ValueError, match="a GPU runs formulas"):
        simulate(plain, 0.1, 0.1, 0.01, paths=4, device="cuda")
    with pytest.raises(ValueError, match="is a plain function"):
        exit_times(WELL, -1.0, lambda x: x[0] + 0.3, 4, 0.01, device="cuda")
    assert simulate(WELL, -1.0, 0.1, 0.01, paths=4, device="auto").settings["engine"] == "compiled"


def test_no_thread_of_a_kernel_is_left():
    before = time.perf_counter()
    while threading.active_count() > 1 and time.perf_counter() - before < 5:
        time.sleep(0.05)
    assert threading.active_count() == 1
