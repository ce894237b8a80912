"""The GPU's kernels through numba-cuda's own compiler, which needs no card: they have types, and fit into registers.

Run by hand, where numba-cuda is installed (the simulator knows neither types nor registers):

    pytest -n 0 tests/agreement/cuda_ptx.py
"""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

import fpsim
from fpsim.cuda import batches, moving
from fpsim.cuda.batch_draws import Batches
from fpsim.cuda.exits import exit_kernel
from fpsim.cuda.flights import flight_kernel
from fpsim.cuda.walk import walk_kernel
from fpsim.paths.clocked_body import clocked
from fpsim.paths.edges import start_edges
from fpsim.paths.step import compiled_fold, compiled_step
from fpsim.paths.wall import compiled_wall
from fpsim.sde.wide import widened
from fpsim.sgd.batch_paths import compiled_level, kernel_arguments
from fpsim.sgd.batches import LAWS, MiniBatchSGD
from fpsim.splitting.scores import PathScore, TableScore
from fpsim.targets import as_target
from fpsim.walls import Walls
from landscapes import CoupledDoubleWells, DoubleWell
from landscapes.catalogue.example_losses import LogisticRegression
from landscapes.examples.sampled import SampledLandscape
from landscapes.landscape import DriftField

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
from numba import cuda, types
from numba.cuda import compiler, dispatcher

i4, i8, u4, f8, b1 = types.int32, types.int64, types.uint32, types.float64, types.boolean
CARD = SimpleNamespace(compute_capability=(9, 0))


@pytest.fixture(autouse=True)
def a_card(monkeypatch):
    """What device functions are compiled for."""
    for module in (dispatcher, compiler):
        monkeypatch.setattr(module, "get_current_device", lambda: CARD)


def code_of(kernel, *arguments, fast=False):
    """PTX."""
    return cuda.compile_ptx(kernel.py_func, arguments, cc=CARD.compute_capability, fastmath=fast)[0]


def rows(real, dimensions=1):
    return types.Array(real, dimensions, "C")


def fits(kernel, *arguments):
    """Compile; nothing stands in local memory, nothing is called."""
    code = code_of(kernel, *arguments)
    assert ".entry" in code or ".func" in code
    assert not re.search(r"__local_depot|ld\.local|st\.local|call\.uni", code)


def loops_fit(move, given, real):
    """Exits, and flights in double precision."""
    i, path = rows(i8), rows(f8, 2)
    fits(exit_kernel(move), rows(real, 2), i, i, i, path, i8, i8, i8, given, real, rows(f8), path, i, i8)
    if real is f8:
        ended = rows(f8), rows(types.int8), rows(f8), i
        ends = f8, i8, f8, i8, i8
        log = b1, i, path, path, rows(f8, 3)
        fits(flight_kernel(move, None), i, path, i, *ended, *ends, given, rows(f8), f8, *log)


@pytest.mark.parametrize("walls", [None, Walls("reflecting", [(-1.5, 1.5)] * 2)], ids=["free", "walls"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_generated_steps(walls, dtype):
    sde, real = fpsim.SDE(CoupledDoubleWells(2), fpsim.ConstantDiffusion(0.1)), getattr(types, dtype)
    edges = start_edges(sde, -np.ones(2), walls, 0)
    goal = fpsim.Ball((1.0, 1.0), 0.3)
    parts = (
        compiled_step(sde, 0.01, None, dtype, "cuda"), compiled_wall(sde, goal, 0.01, dtype, "cuda", 0.0),
        compiled_fold(edges, np.dtype(dtype), "cuda") if edges else None,
    )  # fmt: skip
    texts = [part and (part.function, part.data.size) for part in parts]
    given = types.BaseTuple.from_types((rows(real),) * 3 + (b1, u4, u4, i8, i8), moving.Given)
    loops_fit(moving.moving(*texts, 2, dtype), given, real)
    fits(
        walk_kernel(*texts[0], 2, dtype), rows(real, 2), i8, i8, i8, i8, u4, u4, i8, rows(real), real, rows(real, 3),
        rows(i8),
    )  # fmt: skip


RULES = {
    "plain": {}, "momentum": {"momentum": 0.5}, "sign": {"optimiser": fpsim.SignSGD(0.5)},
    "adam": {"optimiser": fpsim.Adam()},
}  # fmt: skip


@pytest.mark.parametrize(
    ("law", "dtype", "rule", "scheduled"),
    [
        *((law, *how) for law in LAWS for how in (("float32", "plain", False), ("float64", "momentum", False))),
        ("isotropic", "float64", "adam", True), ("without-replacement", "float32", "sign", True),
    ],
)  # fmt: skip
def test_mini_batches(law, dtype, rule, scheduled):
    loss, real = LogisticRegression.random(dimension=2, examples=11, seed=1), getattr(types, dtype)
    sgd = MiniBatchSGD(loss, 0.3, 3, law, **RULES[rule])
    _, _, gradient, d, _, number, *_ = kernel_arguments(sgd, 1, "cuda", dtype)
    level, _ = compiled_level(sgd, fpsim.HalfSpace((1.0, 0.0), 1.0), "cuda", dtype)
    shape, row = batches.Shape(d, LAWS.index(law), number, scheduled, dtype), rows(real)
    own = (rows(real, 2), row, row, real, real, i8, i8, u4, u4, row, row, rows(i8), rows(i4, 2), rows(i4, 2))
    given = types.BaseTuple.from_types(own, Batches)
    fits(batches.walk_kernel(gradient, shape), rows(real, 2), i8, i8, i8, i8, given, real, rows(real, 3), rows(i8))
    loops_fit(batches.moving(gradient, level, shape), types.Tuple((given, rows(real))), real)


def test_fast_math_takes_the_hardware_s_functions():
    """In the normals; the exponential of a formula stays as it is, and what is lost is still seen."""
    sde = fpsim.SDE(DriftField.from_expression("-x*exp(-x**2)"), fpsim.ConstantDiffusion(0.1))
    step, wall = (part(sde, *how, "cuda") for part, how in (
        (compiled_step, (0.01, None, "float32")), (compiled_wall, (as_target(1.0, -np.ones(1)), 0.01, "float32")),
    ))  # fmt: skip
    f4, codes = types.float32, {}
    given = types.BaseTuple.from_types((rows(f4),) * 3 + (b1, u4, u4, i8, i8), moving.Given)
    i, path = rows(i8), rows(f8, 2)
    for fast in (False, True):
        walk = walk_kernel(step.function, step.data.size, 1, "float32", fast)
        left = exit_kernel(moving.moving(*((p.function, p.data.size) for p in (step, wall)), None, 1, "float32", fast))
        assert (walk.targetoptions["fastmath"], left.targetoptions["fastmath"]) == (fast, fast)
        codes[fast] = (
            code_of(walk, rows(f4, 2), i8, i8, i8, i8, u4, u4, i8, rows(f4), f4, rows(f4, 3), i, fast=fast),
            code_of(left, rows(f4, 2), i, i, i, path, i8, i8, i8, given, f4, rows(f8), path, i, i8, fast=fast),
        )
    for strict, quick in zip(codes[False], codes[True], strict=True):
        for word in ("lg2.approx.ftz.f32", "sin.approx.ftz.f32", "cos.approx.ftz.f32", "sqrt.approx.ftz.f32"):
            assert word in quick and word.replace(".ftz", "") not in strict and word not in strict
        assert quick.count(";\n") < 0.95 * strict.count(";\n") and not re.search(r"__local_depot|call\.uni", quick)
        assert "max.ftz.f32" in quick and re.search(r"setp\.(gtu|leu|nan|num|le)\.", quick)


WELL = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.3))
TENSOR = [["0.4 + x**2/9", "x*y/9", "z/9"], ["x*y/9", "0.5 + y**2", "0.1"], ["z/9", "0.1", "0.3"]]
KINDS = {
    "table": fpsim.SDE(SampledLandscape(np.linspace(-2, 2, 41), np.linspace(-2, 2, 41) ** 2), WELL.noise),
    "tensor": fpsim.SDE(CoupledDoubleWells(3), fpsim.DiffusionField.from_expression(TENSOR, "x y z")),
    "inertia": fpsim.Underdamped(DoubleWell(), WELL.noise, 2.0).between(Walls("reflecting", [(-1.3, 1.5)])),
    "stable": widened(fpsim.SDE(DoubleWell(), fpsim.LevyNoise(1.5, 0.3))),
    "jumps": widened(fpsim.SDE(DoubleWell(), fpsim.JumpNoise(0.1, 2.0, 0.3))),
    "schedule": clocked(fpsim.Scheduled(WELL, temperature=fpsim.schedules.inverse_time(0.3, 2.0)), 0.02, 0.5),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_every_kind(kind, dtype):
    """In single precision nothing is computed in double, at which many cards are slow."""
    sde, real = KINDS[kind], getattr(types, dtype)
    step = compiled_step(sde, 0.02, None, dtype, "cuda")
    walk = walk_kernel(step.function, step.data.size, sde.dimension, dtype)
    how = rows(real, 2), i8, i8, i8, i8, u4, u4, i8, rows(real), real, rows(real, 3), rows(i8)
    fits(walk, *how)
    assert (".f64" in code_of(walk, *how)) == (dtype == "float64")


WAY = PathScore(np.array([[-1.0], [0.0], [1.0]]), 1)
TABLE = TableScore([np.linspace(-2, 1, 7)], np.linspace(-2, 1, 7) ** 3, "table")


@pytest.mark.parametrize("score", [WAY, TABLE], ids=["path", "table"])
def test_scores(score):
    step, wall = compiled_step(WELL, 0.01, None, "float64", "cuda"), compiled_wall(
        WELL, as_target(1.0, -np.ones(1)), 0.01, "float64", "cuda", 0.0
    )  # fmt: skip
    text = score.compiled(np.dtype(float), "cuda")
    given = types.BaseTuple.from_types((rows(f8),) * 3 + (b1, u4, u4, i8, i8), moving.Given)
    move = moving.moving(*((p.function, p.data.size) for p in (step, wall)), None, 1, "float64")
    i, path = rows(i8), rows(f8, 2)
    how = i, path, i, rows(f8), rows(types.int8), rows(f8), i, f8, i8, f8, i8, i8, given, rows(f8), f8
    fits(flight_kernel(move, (text.function, text.data.size)), *how, b1, i, path, path, rows(f8, 3))


@pytest.mark.parametrize("kind", ["eigenvectors", "examples"])
def test_noise_in_parts(kind):
    """Loops over a Hessian's rows or a table stay loops, so that a thread has memory of its own; they have types."""
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=1.0, floor=0.5, at="everywhere")
    sde = fpsim.SDE(CoupledDoubleWells(4), noise)
    if kind == "examples":
        sde = MiniBatchSGD(LogisticRegression.random(dimension=3, examples=8, seed=1), 0.3, 2).surrogate()
    d, row = sde.dimension, rows(f8)
    goal = as_target(fpsim.HalfSpace(np.eye(d)[0], 1.0), -np.ones(d))
    step = compiled_step(sde, 0.01, None, "float64", "cuda", work=1e9)
    wall = compiled_wall(sde, goal, 0.01, "float64", "cuda", 1e9)
    walk = walk_kernel(step.function, step.data.size, d, "float64")
    assert ".entry" in code_of(walk, rows(f8, 2), i8, i8, i8, i8, u4, u4, i8, row, f8, rows(f8, 3), rows(i8))
    given = types.BaseTuple.from_types((row,) * 3 + (b1, u4, u4, i8, i8), moving.Given)
    left = exit_kernel(moving.moving(*((p.function, p.data.size) for p in (step, wall)), None, d, "float64"))
    i, path = rows(i8), rows(f8, 2)
    assert ".entry" in code_of(left, path, i, i, i, path, i8, i8, i8, given, f8, row, path, i, i8)
