"""Work that ends in time, whatever it is: a share of a budget, and a call that is stopped when its share is spent.

Computer algebra, searches and panels are Python: an exception between two of its instructions stops them.  A routine
of a library (a factorisation, a compiler) knows no such moment; when it does not come back within GRACE seconds it is
left to itself on its thread, which ends with it, and what it finds is not used.
"""

from __future__ import annotations

import ctypes
import sys
import threading
import time as clock
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, TypeVar

Result = TypeVar("Result")
GRACE = 1.0
LOOK = 0.1  # seconds between looks at Ctrl-C, which a longer wait would not see everywhere
PAUSE = 0.005  # seconds between looks at whether the compiler is through
STACK = 64 * 2**20  # bytes; deep formulas on a thread need the room that the main thread has


class OverBudgetError(ValueError):
    """A route would cost, or has cost, more than the budget allows; ``seconds`` is its predicted cost, if known."""

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class Allowance:
    """A number of seconds that runs from now on."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.began = seconds, clock.perf_counter()

    @property
    def left(self) -> float:
        """Seconds that are left, never negative."""
        return max(self.seconds - (clock.perf_counter() - self.began), 0.0)


class _Interrupted(BaseException):
    """Raised inside work whose time is up."""


def within(seconds: float, work: Callable[[], Result]) -> Result:
    """What ``work()`` returns, or raises, if it ends within ``seconds``.

    Raises:
        OverBudgetError: if it does not end; at most GRACE seconds later.
        KeyboardInterrupt: on Ctrl-C, after the work was stopped.
    """
    if seconds <= 0:
        raise OverBudgetError("nothing of the budget was left")
    task = Task(work)
    try:
        ended, allowance = False, Allowance(seconds)
        while not ended and allowance.left > 0:
            ended = task.done.wait(min(LOOK, allowance.left))
    except BaseException:
        task.stop()
        raise
    if not ended and not task.stop():
        raise OverBudgetError(f"it did not end within {seconds:.3g} s, its share of the budget")
    return task.result()


class Task:
    """Work on a thread of its own, in the caller's context (numpy's error handling among it).

    Attributes:
        done: set when the work has ended, by itself or stopped.
    """

    def __init__(self, work: Callable[[], Any]) -> None:
        self.done, self.lock, self.finished = threading.Event(), threading.Lock(), False
        self.value: Any = None
        self.error: BaseException | None = None
        context, before = copy_context(), threading.stack_size(STACK)
        try:
            self.thread = threading.Thread(target=self._run, args=(context, work), daemon=True)
            self.thread.start()
        finally:
            threading.stack_size(before)

    def _run(self, context: Any, work: Callable[[], Any]) -> None:
        try:
            try:
                self.value = context.run(work)
            except _Interrupted:
                return
            except BaseException as error:  # handed to the caller
                self.error = error
            with self.lock:
                self.finished = True
        except _Interrupted:
            pass
        finally:
            self.done.set()

    def stop(self) -> bool:
        """Stop the work; whether it had finished before."""
        if not self._raised():
            threading.Thread(target=self._raise_later, daemon=True).start()
        self.done.wait(GRACE)
        return self.finished

    def _raised(self) -> bool:
        """Whether the work has finished, or is told to stop; not told where nothing that is raised comes out."""
        with self.lock:
            if self.finished:
                return True
            if _inside_compiler(self.thread.ident):
                return False
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(self.thread.ident or 0), ctypes.py_object(_Interrupted)
            )
            return True

    def _raise_later(self) -> None:
        while not self.done.wait(PAUSE) and not self._raised():
            pass

    def result(self) -> Any:
        """What the work returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.value


def _inside_compiler(thread: int | None) -> bool:
    """Whether a thread is in a call of LLVM: its callbacks to Python swallow what is raised in them."""
    frame = sys._current_frames().get(thread or 0)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] == "llvmlite":
            return True
        frame = frame.f_back
    return False
