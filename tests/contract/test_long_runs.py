"""Long runs obey: Ctrl-C and deadlines are heard at once, memory is asked for first, nothing is computed in vain."""

import math
import os
import signal
import threading
import time

import numpy as np
import pytest

import fpsim
from fpsim import memory
from fpsim.kernels import pacing
from fpsim.paths import chunks
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.paths.step import DivergenceError
from fpsim.sgd.chain import Chain
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations, simulate_batches
from fpsim.targets import Point
from landscapes import DoubleWell, Landscape, PerExampleDoubleWell

LATE = 30.0
"""Seconds after which a busy machine has stopped, too, what would go on for hours."""
COLD = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.02))
FUNCTIONS = fpsim.SDE(
    Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, lambda x: x**3 - x, dimension=1), fpsim.ConstantDiffusion(0.02)
)
SGD = MiniBatchSGD(PerExampleDoubleWell(noise=0.3), 0.05, 4)
RUNS = {
    "moments": lambda threads: simulate(COLD, -1.0, 5e4, 0.01, 10**6, keep="moments", threads=threads),
    "a single chunk": lambda threads: simulate(COLD, -1.0, 1e8, 0.01, 100, keep="final", threads=threads),
    "functions": lambda threads: simulate(FUNCTIONS, -1.0, 1e6, 0.01, 10**5, keep="final", threads=threads),
    "exits": lambda threads: exit_times(COLD, -1.0, Point(0.9, -1.0), 10**6, 0.001, threads=threads),
    "exits of functions": lambda threads: exit_times(FUNCTIONS, -1.0, Point(0.9, -1.0), 5000, 0.001, threads=threads),
    "batches": lambda threads: simulate_batches(SGD, -1.0, 10**9, 10**5, keep="moments", threads=threads),
    "exits of batches": lambda threads: exit_iterations(SGD, -1.0, 5.0, 10**5, threads=threads),
    "chain": lambda threads: Chain(COLD.landscape, COLD.noise, 0.01).simulate(
        -1.0, 10**9, 10**5, keep="final", threads=threads
    ),
}


@pytest.mark.parametrize("method", ["chebyshev", "uniformisation"])
def test_calls_of_any_size_give_the_same_density(monkeypatch, method):
    from fpsim.density import evolution

    land = Landscape.from_expression("(x**2 - 1)**2/4 + y**2", "x y", bounds=[(-2, 2), (-2, 2)])
    plane = fpsim.FokkerPlanck(fpsim.SDE(land, fpsim.ConstantDiffusion(0.2)), fpsim.Grid((-2, 2, 24), (-2, 2, 24)))
    whole = plane.evolve((-1.0, 0.0), [0.1, 0.7], method=method)["density"].values
    monkeypatch.setattr(evolution, "FIRST_WORK", 1)
    monkeypatch.setattr(pacing, "GROWTH", 1)
    np.testing.assert_array_equal(plane.evolve((-1.0, 0.0), [0.1, 0.7], method=method)["density"].values, whole)


@pytest.fixture(scope="module")
def compiled():
    """Kernels are compiled before signals are sent; a large run of plain functions compiles these, too."""
    for sde in (COLD, FUNCTIONS):
        exit_times(sde, -1.0, Point(0.9, -1.0), 2, 0.001, horizon=0.1)
        simulate(sde, -1.0, 0.1, 0.01, 2)
    simulate_batches(SGD, -1.0, 4, 2)
    exit_iterations(SGD, -1.0, 5.0, 2, horizon=4)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.usefixtures("compiled")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # met in a call back of the compiler
def test_an_interrupt_is_heard_at_once(name, threads):
    sent = []

    def interrupt():
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(0.5, interrupt)
    before = threading.active_count()
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            RUNS[name](threads)
    finally:
        timer.cancel()
    assert time.perf_counter() - sent[0] < LATE
    timer.join()
    for _ in range(40):  # a timer that was told to end may need a moment
        if threading.active_count() > before:
            time.sleep(0.05)
    assert threading.active_count() <= before  # nobody goes on in the background


@pytest.mark.parametrize("name", ["exits", "exits of functions", "exits of batches"])
@pytest.mark.usefixtures("compiled")
def test_a_deadline_ends_a_run(name):
    began = time.perf_counter()
    if name == "exits of batches":
        sample = exit_iterations(SGD, -1.0, 5.0, 10**5, deadline=0.5)
    else:
        sde = COLD if name == "exits" else FUNCTIONS
        sample = exit_times(sde, -1.0, Point(0.9, -1.0), 5000, 1e-3, deadline=0.5)
    assert time.perf_counter() - began < LATE
    assert (sample.times[sample.censored] == sample.horizon).all() and sample.censored.mean() > 0.9
    assert 0 < sample.horizon < math.inf
    assert np.isfinite(sample.places).all() and sample.places.shape == (sample.times.size, 1)
    assert sample.settings["stopped"].startswith("after 0.5 s: ")


@pytest.mark.parametrize("deadline", [1e3, 1e30, 1e308])
def test_a_deadline_that_is_not_reached_changes_nothing(deadline):
    plain, timed = (
        exit_times(COLD, -1.0, Point(-0.8, -1.0), 500, 0.01, 5, horizon=9.0, **how)
        for how in ({}, {"deadline": deadline})
    )
    np.testing.assert_array_equal(plain.times, timed.times)
    assert plain.settings == timed.settings and plain.horizon == timed.horizon


@pytest.mark.parametrize("deadline", [1.0, 1e30])
def test_a_path_that_diverges_is_named_before_any_deadline(deadline):
    steep = fpsim.SDE(Landscape.from_expression("exp(x**2)", bounds=[(-2, 2)]), fpsim.ConstantDiffusion(0.5))
    with pytest.raises(DivergenceError, match=r"path \d+ diverged at step"):
        exit_times(steep, 0.1, Point(4.0, 0.1), 500, 0.5, deadline=deadline)


@pytest.mark.parametrize("deadline", [0.0, -1.0, math.nan])
def test_impossible_deadlines(deadline):
    with pytest.raises(ValueError, match="the deadline must be a positive number of seconds"):
        exit_times(COLD, -1.0, Point(0.9, -1.0), 5, 1e-3, deadline=deadline)


# --- memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: simulate(COLD, -1.0, 1e12, 1e-3, 10, save_every=1), "the paths would take .* GB, more than .* GB"),
        (lambda: simulate(COLD, -1.0, 1.0, 1e-3, 10**13, keep="final"), "the paths would take 8e.04 GB.*fewer paths"),
        (lambda: simulate(COLD, -1.0, 1e12, 1e-3, 10, save_every=1, keep="moments"), "the moments at .* times would"),
        (lambda: exit_times(COLD, -1.0, Point(0.9, -1.0), 10**13, 1e-3), "the exits would take .* use fewer paths"),
        (lambda: simulate_batches(SGD, -1.0, 10**13, 10, save_every=1), "what is kept of 10 paths would take"),
        (lambda: simulate_batches(SGD, -1.0, 10**13, 10, save_every=1, keep="moments"), "would take"),
        (lambda: exit_iterations(SGD, -1.0, 5.0, 10**13), "the exits would take"),
    ],
)
def test_memory_is_counted_before_it_is_taken(call, sentence):
    import tracemalloc

    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=sentence):
            call()
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_a_small_machine_refuses_earlier(monkeypatch):
    monkeypatch.setattr(memory, "installed", lambda: 1e6)
    with pytest.raises(ValueError, match=r"would take 0\.0016\d* GB, more than 0\.001 GB"):
        simulate(COLD, -1.0, 200.0, 1.0, 1000, save_every=1)


# --- plain functions --------------------------------------------------------------------------------------------------


def counted(columns):
    """A double well of plain functions that notes at how many points its gradient is asked for."""

    def gradient(x):
        columns.append(x[0].size)
        return x**3 - x

    landscape = Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, gradient, lambda x: 3 * x[None] ** 2 - 1, dimension=1)
    columns.clear()
    return landscape


@pytest.mark.parametrize("paths", [2, 5, 300])
def test_functions_are_evaluated_at_true_paths_only(paths):
    columns = []
    sde = fpsim.SDE(counted(columns), fpsim.ConstantDiffusion(0.1))
    simulate(sde, -1.0, 5.0, 1.0, paths, keep="final")
    assert columns == [paths] * 5


def test_paths_that_are_out_are_evaluated_no_more():
    columns = []
    sde = fpsim.SDE(counted(columns), fpsim.ConstantDiffusion(0.2))
    sample = exit_times(sde, -1.0, Point(0.0, -1.0), 40, 0.02, horizon=20.0)
    steps = np.ceil(np.minimum(sample.times, sample.horizon) / 0.02 - 1e-9)
    assert columns[0] == 40
    assert sum(columns) <= steps.sum() + 1000  # a lone path has a copy for company
    assert sample.exits.size > 10


def test_a_lone_exit_is_that_among_many():
    few, many = (exit_times(FUNCTIONS, -1.0, Point(-0.8, -1.0), n, 0.01, 3, horizon=10.0) for n in (1, 50))
    assert few.times[0] == many.times[0] and few.places[0] == many.places[0]


def test_groups_of_paths_leave_no_trace(monkeypatch):
    whole = exit_times(FUNCTIONS, -1.0, Point(-0.8, -1.0), 50, 0.01, 3, horizon=10.0)
    monkeypatch.setattr("fpsim.paths.exit_run.NUMPY_ENTRIES", 23)
    parts = exit_times(FUNCTIONS, -1.0, Point(-0.8, -1.0), 50, 0.01, 3, horizon=10.0)
    np.testing.assert_array_equal(whole.times, parts.times)
    np.testing.assert_array_equal(whole.places, parts.places)


# --- progress ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2])
def test_progress_is_told_within_a_chunk(threads):
    seen = []
    simulate(FUNCTIONS, -1.0, 5.0, 0.01, 100, keep="final", threads=threads, progress=seen.append)
    assert len(seen) > 4 and seen == sorted(seen) and seen[-1] == 1.0


def test_a_long_run_says_how_long(capsys, monkeypatch):
    """Its first piece, in which kernels are compiled, took 300 seconds, and says nothing about the others."""
    times = iter([300.0, 300.0, 310.0])
    monkeypatch.setattr(pacing.clock, "perf_counter", lambda: next(times))
    watch = pacing.Watch(1000.0)
    for _ in range(3):
        watch.advance(10.0)
    assert capsys.readouterr().err == "fpsim: this run will take about 16 minutes more\n"  # once
    assert [pacing.duration(s) for s in (0.3, 89.6, 121, 7300, 2e5)] == [
        "1 seconds", "90 seconds", "2 minutes", "2 hours", "2 days",
    ]  # fmt: skip


@pytest.mark.parametrize("cost", [1e-10, 1e-6, 1e-3, 0.15])
def test_calls_take_a_fraction_of_a_second(cost):
    pace, taken = pacing.Pace(1), []
    for _ in range(40):
        taken.append(pace.size * cost)
        pace.took(pace.size, taken[-1])
    assert max(taken) <= 2 * pacing.AIM
    assert taken[-1] >= pacing.AIM / 2  # and no call is wasted on little
    pace.took(pace.size, 1000 * taken[-1])  # a machine that slows down
    assert pace.size * 1000 * cost <= pacing.AIM or pace.size == 1


@pytest.mark.parametrize(
    ("steps", "every", "most", "unit"), [(1000, 7, 3, 64), (5, 5, 9, 4), (130, 64, 1, 64), (9, 20, 1, 1)]
)
def test_pieces_cover_every_step_once(steps, every, most, unit):
    for size in (1, 5, 64, 100, 10**6):
        done, frames = 0, 0
        for piece in pacing.pieces(steps, every, most, unit, pacing.Pace(size)):
            assert piece.step == done and piece.frames <= most
            done += piece.frames * piece.every
            frames += piece.frames if piece.finished else 0
            assert (done % every == 0 or done == steps) if piece.finished else done % unit == 0
        assert done == steps and frames == -(-steps // every)


def test_moments_at_many_times_take_few_calls_of_the_kernel(monkeypatch):
    """A call does as many times as it has seconds for, and they are the moments of the paths."""
    calls, kernel = [], chunks._BlockWalk._kernel
    monkeypatch.setattr(chunks._BlockWalk, "_kernel", lambda self, *a: calls.append(1) or kernel(self, *a))
    found = simulate(COLD, -1.0, 20.0, 0.01, paths=300, save_every=1, keep="moments", threads=1)
    assert len(calls) < 20 and len(found.time) == 2001
    whole = simulate(COLD, -1.0, 20.0, 0.01, paths=300, save_every=1, threads=1)
    np.testing.assert_allclose(found.mean[:, 0], whole.x[..., 0].mean(axis=1), atol=1e-12)
