"""Every long call takes ``progress=True | False | a function | None``, and shows one bar where somebody watches."""

from __future__ import annotations

import inspect
import io
import re
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import fpsim
import landscapes
from animations.film.film import Film
from fpsim.batch_sizes import over_batch_sizes
from landscapes import progress
from validation.study.study import Study

WELL = landscapes.DoubleWell()
PROBLEM = fpsim.EscapeProblem(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1)), start=-1.0, target=1.0)


class Screen(io.StringIO):
    """Standard error that is a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars that appear at once."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch, hasty: None) -> Callable[[], Screen]:
    """From when it is called on, somebody types in a terminal (pytest puts its own in place before a test begins)."""

    def typed() -> Screen:
        screen = Screen(True)
        monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    monkeypatch.setenv("TERM", "xterm")
    return typed


def callables() -> Iterator[tuple[str, Any]]:
    """All public functions, and methods of public classes, that take ``progress``."""
    things = [(f"{m.__name__}.{n}", getattr(m, n)) for m in (fpsim, landscapes) for n in m.__all__]
    things += [("Film", Film), ("Study", Study), ("over_batch_sizes", over_batch_sizes)]
    for name, thing in things:
        public = [key for key in dir(thing) if key[:1] != "_" or key == "__call__"] if inspect.isclass(thing) else []
        for label, call in [(name, thing), *((f"{name}.{key}", getattr(thing, key)) for key in public)]:
            plain = isinstance(call, types.FunctionType | types.MethodType)
            if plain and "progress" in inspect.signature(call).parameters:
                yield label, call


CALLS = dict(callables())


def test_what_is_long_takes_progress() -> None:
    named = {label.rpartition(".")[2] for label in CALLS}
    assert {
        "simulate", "exit_times", "exit_iterations", "simulate_batches", "split_iterations", "minimum_action", "rates",
        "passes", "saddle", "string", "by_paths", "by_splitting", "by_grid", "by_chain", "compare", "run", "between",
        "along", "through", "around", "compute", "__call__", "over_batch_sizes", "settling_iterations",
    } <= named  # fmt: skip


QUICK = {
    fpsim.EscapeProblem: {"by", "by_chain", "by_quadrature", "diagnose", "formulas", "plot", "result", "to_dict"},
    fpsim.SurvivalProblem: set(),
    fpsim.FokkerPlanck: {"current", "facts", "refined"},
}  # fmt: skip
"""What takes no more than a second, or hands ``progress`` on (``by``, ``by_chain``)."""


@pytest.mark.parametrize("owner", QUICK)
def test_every_method_that_answers_takes_it(owner: type) -> None:
    methods = {name for name, found in inspect.getmembers(owner, inspect.isfunction) if name[:1] != "_"}
    assert {name for name in methods if f"fpsim.{owner.__name__}.{name}" not in CALLS} == QUICK[owner]


PLANE = landscapes.Landscape.from_expression("(x**2-1)**2 + y**2", variables="x y", bounds=[(-2, 2), (-2, 2)])
COLD = fpsim.FokkerPlanck(fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1)), fpsim.Grid((-2, 2, 60)))
WARM = fpsim.SDE(PLANE, fpsim.ConstantDiffusion(0.4))
COOLED = fpsim.Scheduled(
    fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.2)), temperature=fpsim.schedules.exponential(0.2, 5.0)
)


def flat() -> fpsim.FokkerPlanck:
    """A plane that nothing is known of yet."""
    return fpsim.FokkerPlanck(WARM, fpsim.Grid((-2, 2, 16), (-2, 2, 16)))


LEFT, RIGHT, TIMES = fpsim.Ball([-1, 0], 0.4), fpsim.Ball([1, 0], 0.4), [0.5, 1.0, 3.0]
TOLD = {
    "evolve on a line": lambda p: COLD.evolve(-1.0, TIMES, progress=p),
    "survival on a line": lambda p: COLD.survival(-1.0, 1.0, TIMES, progress=p),
    "evolve": lambda p: flat().evolve([-1, 0], TIMES, progress=p),
    "evolve by powers": lambda p: flat().evolve([-1, 0], TIMES, "uniformisation", progress=p),
    "evolve by subspaces": lambda p: flat().evolve([-1, 0], TIMES, "krylov", progress=p),
    "evolve in steps": lambda p: flat().evolve([-1, 0], TIMES, "implicit", progress=p),
    "survival": lambda p: flat().survival([-1, 0], RIGHT, TIMES, progress=p),
    "stationary": lambda p: flat().stationary(progress=p),
    "mean_first_passage_time": lambda p: flat().mean_first_passage_time(RIGHT, progress=p),
    "committor": lambda p: flat().committor(LEFT, RIGHT, progress=p),
    "transitions": lambda p: flat().transitions(LEFT, RIGHT, progress=p),
    "quasi_stationary": lambda p: flat().quasi_stationary(RIGHT, progress=p),
    "spectrum": lambda p: flat().spectrum(3, progress=p),
    "scheduled by_grid": lambda p: fpsim.SurvivalProblem(COOLED, -1.0, 1.0).by_grid([1.0, 2.0], 60, progress=p),
    "scheduled quasi_static": lambda p: fpsim.SurvivalProblem(COOLED, -1.0, 1.0).quasi_static([1.0, 2.0], progress=p),
    "by_formula": lambda p: fpsim.EscapeProblem(WARM, [-1, 0], RIGHT).by_formula("bouchet-reygner", progress=p),
}  # fmt: skip


@pytest.mark.parametrize("call", TOLD.values(), ids=TOLD)
def test_shares_rise_to_one(call: Callable[[Any], Any]) -> None:
    told: list[float] = []
    call(told.append)
    assert told[-1] == 1.0 and told == sorted(set(told)) and len(told) > 1 and 0 < told[0] < 1


def test_parts_of_parts_are_shares_of_the_whole() -> None:
    told: list[float] = []
    with progress.heard(told.append):
        with progress.part(0.5, 0.75), progress.part(0.0, 0.5):
            progress.tell(0.5)
            progress.tell(7.0)
        progress.tell(0.1)  # nothing goes back
        with progress.heard(None):
            progress.tell(0.9)  # whoever asked for none
    progress.tell(0.95)  # nobody is heard
    assert told == [0.5625, 0.625, 1.0]


@pytest.mark.parametrize("label", CALLS)
def test_one_place_turns_it_into_a_function(label: str) -> None:
    assert CALLS[label].shows_progress


def work(seen: list[Any], fails: bool = False) -> Any:
    """A long call within a long call."""

    @progress.shows_progress("inner")
    def inner(progress: Any = None) -> None:
        seen.append(progress)

    @progress.shows_progress("outer")
    def outer(progress: Any = None) -> None:
        seen.append(progress)
        inner()
        if progress is not None:
            progress(0.25)
        if fails:
            raise KeyboardInterrupt

    return outer


def test_a_terminal_at_a_prompt_has_one_bar_which_goes(prompt: Callable[[], Screen]) -> None:
    seen: list[Any] = []
    before, screen = threading.active_count(), prompt()
    with pytest.raises(KeyboardInterrupt):
        work(seen, fails=True)()
    assert callable(seen[0]) and seen[1] is None
    assert "outer" in screen.getvalue() and "25%" in screen.getvalue()
    for _ in range(40):  # rich's own thread ends at its next look
        if threading.active_count() > before:
            time.sleep(0.05)
    assert threading.active_count() == before and not progress._SCREEN.locked()


@pytest.mark.parametrize("given", [False, None])
def test_nothing_is_shown_where_none_is_asked_for_or_nobody_types(given: bool | None, capsys: Any) -> None:
    seen: list[Any] = []
    work(seen)(progress=given)
    assert seen == [None, None] and capsys.readouterr().err == ""


@pytest.mark.usefixtures("hasty")
def test_logs_get_lines(capsys: Any) -> None:
    work([])(True)  # by place
    assert capsys.readouterr().err == "fpsim:  25 % outer\n"


def test_short_calls_show_nothing(capsys: Any) -> None:
    work([])(progress=True)
    assert capsys.readouterr().err == ""


def test_a_function_is_told_and_keeps_the_screen(prompt: Callable[[], Screen]) -> None:
    told, seen = [], []  # type: ignore[var-annotated]
    screen = prompt()
    work(seen)(progress=told.append)
    assert told == [0.25] and seen[1] is None and screen.getvalue() == ""


@pytest.mark.parametrize("given", ["yes", 3, 0.5, [True]])
def test_what_is_none_of_these_is_refused(given: Any) -> None:
    with pytest.raises(TypeError, match="progress must be True, False, None or a function of the share; got"):
        PROBLEM.by_paths(progress=given)


def test_other_threads_are_silent(prompt: Callable[[], Screen]) -> None:
    seen: list[Any] = []
    prompt()
    one = threading.Thread(target=work(seen))
    one.start()
    one.join()
    assert seen == [None, None]


def test_a_notebook_shows_html_and_takes_it_away(monkeypatch: pytest.MonkeyPatch, prompt: Callable[[], Screen]) -> None:
    shown: list[str] = []
    monkeypatch.setattr(progress._Notebook, "EVERY", 0.0)
    handle = types.SimpleNamespace(update=shown.append)
    display = types.ModuleType("IPython.display")
    vars(display).update(HTML=str, display=lambda code, display_id: (shown.append(code), handle)[1])
    kernel = types.ModuleType("IPython")
    vars(kernel).update(get_ipython=lambda: types.SimpleNamespace(kernel=1), display=display)
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    screen = prompt()
    work([])()
    assert re.fullmatch(r'<div>outer <progress value="0\.2500" max="1"></progress> 25 %, \d s</div>', shown[0])
    assert shown[1:] == [""] and screen.getvalue() == ""


ASKED = {
    "by paths": lambda told: PROBLEM.by_paths(200, progress=told),
    "by name": lambda told: PROBLEM.by("paths", paths=200, progress=told),
    "grid": lambda told: PROBLEM.by_grid(progress=told),
    "compare": lambda told: PROBLEM.compare(budget=5, paths=1000, progress=told),
}


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("name", ASKED)
def test_routes_tell_how_far_they_are(name: str, capsys: Any) -> None:
    ASKED[name](True)
    assert re.search(r"^fpsim: +\d+ % ", capsys.readouterr().err, re.MULTILINE)
