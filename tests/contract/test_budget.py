"""A comparison ends within its budget whatever the problem, says what it left out, and Ctrl-C keeps what there is."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time as clock
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.escape import EscapeProblem
from fpsim.routes.allowance import OverBudgetError, within
from fpsim.routes.comparing import ComparisonInterrupted, _start_up
from fpsim.routes.route import route
from fpsim.routes.speed import measured_speed

LATE = 30.0
"""Seconds by which a busy machine may be late; what is not stopped goes on for minutes or without end."""
WELL = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)


@pytest.fixture(scope="module", autouse=True)
def started() -> None:
    """What a process loads and compiles once belongs to no budget."""
    _start_up(np.float64)


def formula(text: str, noise: float, start: float, target: float) -> EscapeProblem:
    sde = fpsim.SDE(landscapes.Landscape.from_expression(text), fpsim.ConstantDiffusion(noise))
    return fpsim.EscapeProblem(sde, start, target)


def endless() -> Any:
    while True:
        np.linalg.norm([1.0, 2.0])


def test_python_code_is_stopped_and_a_library_left_behind() -> None:
    began = clock.perf_counter()
    with pytest.raises(OverBudgetError, match=r"did not end within 0\.2 s"):
        within(0.2, endless)
    assert clock.perf_counter() - began < LATE
    began = clock.perf_counter()
    with pytest.raises(OverBudgetError):
        within(0.2, lambda: clock.sleep(100))
    assert clock.perf_counter() - began < LATE
    assert within(5, lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        within(5, lambda: 1 // 0)


def test_work_is_not_stopped_in_a_callback_of_the_compiler_which_would_swallow_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    swallowed: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", swallowed.append)
    here = {"__name__": "llvmlite.binding.ffi", "callback": ctypes.CFUNCTYPE(None)(lambda: clock.sleep(0.3))}
    exec("def compiled(): callback()", here)
    ended, calls = threading.Event(), []

    def work() -> None:
        try:
            while len(calls) < 20:
                calls.append(here["compiled"]())
                clock.sleep(0.03)
        finally:
            ended.set()

    with pytest.raises(OverBudgetError):
        within(0.1, work)
    assert ended.wait(LATE) and len(calls) < 20 and not swallowed


def test_work_sees_the_numpy_settings_of_its_caller() -> None:
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        within(5, lambda: np.ones(1) / np.zeros(1))


def test_a_route_without_end_costs_its_share_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route("quadrature"), "answer", lambda problem: endless())
    began = clock.perf_counter()
    found = WELL.compare(budget=4, paths=500)
    assert clock.perf_counter() - began < 4 + LATE
    answered = {route.method: route.mean for route in found.routes}
    assert "kramers" in answered  # the formulas come after it; a busy machine may be left without time for the grid
    assert all(answered[name] == pytest.approx(14.2777, rel=0.3) for name in ("paths", "grid") if name in answered)
    assert next(s for s in found.skipped if s.method == "quadrature").reason.startswith("it did not end within 1")


HARD = {
    "no wall on the far side": lambda: fpsim.EscapeProblem(
        fpsim.SDE(landscapes.TiltedCosine(), fpsim.ConstantDiffusion(0.5)), 0.0, 2 * np.pi
    ),
    "periodic, infinite mean": lambda: formula("-cos(2*x)", 0.3, 0.0, np.pi),
    "a pole": lambda: formula("x-0.6*log(x)", 0.5, 1.0, 4.0),
    "deep and far": lambda: formula("x**4/4-3*x**2", 0.05, -2.4, 2.4),
}


@pytest.mark.parametrize("name", HARD)
def test_hard_problems_end_within_the_budget(name: str) -> None:
    problem = HARD[name]()
    began = clock.perf_counter()
    found = problem.compare(budget=3)
    assert clock.perf_counter() - began < 3 + LATE
    methods = {r.method for r in found.routes} | {s.method for s in found.skipped}
    assert {"quadrature", "grid", "paths", "kramers"} <= methods


def test_paths_that_stop_at_the_budget_say_so() -> None:
    slow = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
    slow.by_paths(512, step=0.01)  # what is compiled is compiled
    began = clock.perf_counter()
    slow.by_paths(4000, step=0.01, threads=1)  # a hundredth of the work, on a machine as busy as this one
    found = slow.by_paths(400_000, step=0.01, deadline=max(1.0, 5 * (clock.perf_counter() - began)), threads=1)
    assert found.settings["paths"] < 400_000 and "of 400000 paths" in found.settings["stopped"]
    assert abs(found.mean - slow.by_quadrature().mean) < 5 * found.error


def test_the_speed_of_paths_is_measured() -> None:
    speed, _ = measured_speed(WELL, 0.01, 1, 1.0)
    plain = landscapes.Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, bounds=[(-2, 2)])
    other = fpsim.EscapeProblem(fpsim.SDE(plain, fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)
    assert speed > 20 * measured_speed(other, 0.01, 1, 1.0)[0]


def test_ctrl_c_keeps_the_routes_that_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(route("grid"), "answer", lambda problem, **_: endless())
    timer = threading.Timer(1.0, lambda: signal.raise_signal(signal.SIGINT))
    timer.start()
    began = clock.perf_counter()
    with pytest.raises(ComparisonInterrupted) as caught:
        WELL.compare(budget=60)
    assert clock.perf_counter() - began < 1 + LATE
    assert caught.value.found["quadrature"].mean == pytest.approx(14.2777366365, rel=1e-9)


@pytest.mark.parametrize("budget", [0, -1, float("inf"), float("nan")])
def test_a_budget_is_a_number_of_seconds(budget: float) -> None:
    with pytest.raises(ValueError, match="budget must be a positive number of seconds"):
        WELL.compare(budget=budget)


def test_a_first_trial_that_compiles_leaves_time_to_measure_the_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It used up the time of the others: four steps were then timed, and 1000 paths in 0.2 s were said to take 95 s."""
    calls, now = [], [0.0]

    def trial(problem: Any, step: float, steps: int, count: int, *more: Any) -> tuple[Any, float]:
        calls.append(steps)
        spent = 3.0 if len(calls) == 1 else 0.005 + 1e-8 * steps * count
        now[0] += spent
        sample = SimpleNamespace(times=np.full(count, steps * step), exits=np.empty(0))
        return sample, spent

    monkeypatch.setattr("fpsim.routes.speed._trial", trial)
    monkeypatch.setattr("fpsim.routes.allowance.clock", SimpleNamespace(perf_counter=lambda: now[0]))
    speed, _ = measured_speed(WELL, 0.01, 1, 0.1)
    assert speed > 2e7 and calls[-1] > 1000  # 1e8 without the 5 ms of a call
