"""What a worker does: call the function at some points, and send back answers or errors, small and plain."""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fpsim.sweeps.answers import Answer, answer_of
from fpsim.sweeps.design import Point


@dataclass(frozen=True)
class Task:
    """One call: a point, the user's seed, which part of the point's stream, and the seed that the function is given."""

    key: bytes
    point: Point
    seed: int | None
    part: int
    stream: int | None


@dataclass(frozen=True)
class Outcome:
    """What became of a task: an answer, or an error with its trace; and the seconds that it took."""

    task: Task
    answer: Answer | None
    error: str
    trace: str
    seconds: float


def done(function: Callable[..., Any], tasks: list[Task]) -> list[Outcome]:
    """Outcomes of a few tasks; an error in one is its outcome, and the others go on."""
    return [_outcome(function, task) for task in tasks]


def _outcome(function: Callable[..., Any], task: Task) -> Outcome:
    began = time.perf_counter()
    arguments = {name.replace(".", "__"): value for name, value in task.point.items()}
    if task.stream is not None:
        arguments["seed"] = task.stream
    try:
        answer, error, trace = _known(answer_of(function(**arguments))), "", ""
    except KeyboardInterrupt:
        raise
    except BaseException as failure:  # sys.exit() in a function ends its point, not the sweep
        answer, trace = None, traceback.format_exc()
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
    return Outcome(task, answer, error, trace, time.perf_counter() - began)


def _known(answer: Answer) -> Answer:
    """The answer; ``ValueError`` if it is NaN alone, which a table could not tell from a point not yet done."""
    more = answer.arrays or answer.facts or answer.file
    if answer.numbers and not more and all(math.isnan(v) for v in answer.numbers.values()):
        raise ValueError("the function returned nan and nothing else; raise an error that says why there is no number")
    return answer
