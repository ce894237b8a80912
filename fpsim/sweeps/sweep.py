"""A sweep: a function of plain parameters at every point of a design, kept point by point."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile, tee
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.sweeps.answers import Answer, pooled, relative_error
from fpsim.sweeps.costs import Costs
from fpsim.sweeps.design import Design, Point, as_design, as_seeds
from fpsim.sweeps.keys import code_of, found, key_of, name_of, stream_of, words_of
from fpsim.sweeps.running import Run
from fpsim.sweeps.store import Store
from fpsim.sweeps.table import Row, dataset_of
from fpsim.sweeps.task import Outcome, Task
from fpsim.sweeps.workers import workers as hired
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    import xarray

MOST_PARTS = 10_000
"""Parts of one point, whatever the tolerance."""


@dataclass(frozen=True)
class Status:
    """Where a sweep stands: calls done, failed, at work in some process, all; seconds computed and left (estimated)."""

    done: int
    failed: int
    running: int
    total: int
    seconds: float = 0.0
    left: float = math.nan

    def __str__(self) -> str:
        words = f"{self.done} of {self.total} done"
        words += f", {self.failed} failed" if self.failed else ""
        words += f", {self.running} running" if self.running else ""
        words += f", {self.seconds:.3g} s of computing" if self.seconds else ""
        return words + (f", about {self.left:.0f} s left" if math.isfinite(self.left) else "")


@dataclass(frozen=True)
class Sweep:
    """A function over many parameters and seeds; what is finished is never computed again.

    Args:
        function: a function at the top of a file, or its name ``"module:function"``.  It is called with the
            parameters by name, and with ``seed=`` where ``seeds`` are given, and returns a number, an array, a mapping
            of names to them, or a result of fpsim.
        parameters: ``{name: values or one value}`` (every combination), a list of ``{name: value}``, or what
            :func:`fpsim.sweeps.design.sampled` gives.
        seeds: how many independent repetitions of every point, or their seeds; ``None`` for a function without chance.
            Every point and seed has a random stream of its own.
        name: of the sweep in its store; that of the function if left out.
        store: the file that keeps the results; ``NAME.sweep`` in the working folder if left out.

    Raises:
        TypeError, ValueError: for parameters that are not plain, empty or repeated axes, functions without a name.
    """

    function: Any
    parameters: Any
    seeds: int | Sequence[int] | None = None
    name: str = ""
    store: str | Path | None = None

    def __post_init__(self) -> None:
        function = found(self.function) if isinstance(self.function, str) else self.function
        object.__setattr__(self, "function", function)
        object.__setattr__(self, "name", self.name or name_of(function).rpartition(":")[2])
        object.__setattr__(self, "parameters", as_design(self.parameters))
        object.__setattr__(self, "seeds", as_seeds(self.seeds))
        object.__setattr__(self, "store", Path(self.store or f"{self.name}.sweep"))
        name_of(function)

    @property
    def design(self) -> Design:
        """The points."""
        design: Design = self.parameters
        return design

    @cached_property
    def _store(self) -> Store:
        return Store(self.store or "")

    @cached_property
    def _code(self) -> tuple[str, str]:
        return name_of(self.function), code_of(self.function)

    @property
    def _seeds(self) -> tuple[int | None, ...]:
        return tuple(self.seeds) if isinstance(self.seeds, Sequence) else (None,)

    def __len__(self) -> int:
        """Calls of the function, parts not counted."""
        return len(self.design) * len(self._seeds)

    def _task(self, number: int, part: int = 0) -> Task:
        point = self.design[number // len(self._seeds)]
        return self._task_at(point, self._seeds[number % len(self._seeds)], part)

    def _task_at(self, point: Point, seed: int | None, part: int) -> Task:
        words = words_of(point)
        stream = None if seed is None else stream_of(words, seed, part)
        return Task(key_of(*self._code, words, seed, part), point, seed, part, stream)

    @shows_progress("points", lambda now: ((now.done + now.failed) / now.total, "points", str(now)))
    def run(
        self, executor: Any = None, cluster: Any = None, tolerance: float | None = None, budget: float | None = None,
        workers: int | None = None, retry: bool = False, progress: Progress = None,
    ) -> Sweep:  # fmt: skip
        """Compute what the store does not hold yet; returns the sweep.

        Args:
            executor: ``"threads"`` (if left out), ``"processes"``, ``"serial"`` or a ``concurrent.futures.Executor``.
            cluster: address of a Dask scheduler, ``"local"``, or a ``distributed.Client``, in its place.
            tolerance: relative standard error at which a point is done: until then it goes on with the next part of its
                stream (needs ``seeds``).
            budget: seconds of computing per point, after which no further part begins.
            workers: how many calls at once; all cores, or all of the cluster, if left out.
            retry: points that failed are tried again.
            progress: told of the :class:`Status` as results land.

        Raises:
            StoreError: if the store cannot be written (a full disk); what had landed is kept.
            ClusterLostError: if the cluster goes away.
        """
        if tolerance is not None and not (tolerance > 0 and self.seeds):
            raise ValueError("a tolerance is a relative standard error > 0, and needs seeds, whose streams go on")
        if budget is not None and not budget > 0:
            raise ValueError(f"budget is seconds per point, > 0; got {budget!r}")
        store = self._store
        store.define(self.name, self.definition())
        states = store.states()
        counts, queue = self._plan(states, retry)
        going = _Going(self, states, tolerance, budget)
        begun = going.unfinished(store) if tolerance is not None else []

        def report(outcomes: list[Outcome], left: float) -> None:
            for outcome in outcomes:
                if outcome.task.part == 0:
                    counts[outcome.answer is None] += 1
            if progress is not None:
                progress(Status(counts[0], counts[1], 0, len(self), left=left))

        with hired(executor, cluster, workers) as crew:
            costs = Costs(self.design, len(self._seeds))
            run = Run(self.function, store, crew, self._task, queue, costs, going.following, report)
            run.again.extend(begun)
            run.go()
        return self

    def _plan(self, states: dict[bytes, bool], retry: bool) -> tuple[list[int], NDArray[np.int64]]:
        """Calls that are done and that failed for good, and the numbers of those to come."""
        counts, waiting = [0, 0], array("q")
        for number in range(len(self)) if states else ():
            answered = states.get(self._task(number).key)
            if answered is None or (retry and not answered):
                waiting.append(number)
            else:
                counts[not answered] += 1
        return counts, np.array(waiting) if states else np.arange(len(self))

    def definition(self) -> dict[str, Any]:
        """Function, code, axes or points (the first 10 000), fixed parameters and seeds, as plain data."""
        design = self.design
        listed = [dict(point) for point in design.listed[:10_000]]
        axes = {name: list(values) for name, values in design.axes.items()}
        function, code = self._code
        seeds = None if self.seeds is None else list(self._seeds)
        what = {"function": function, "code": code, "fixed": dict(design.fixed), "seeds": seeds}
        return {**what, "axes": axes, "points": listed}

    def status(self) -> Status:
        """Calls done, failed and at work in any process, and the seconds that they and their further parts took."""
        states, spent = self._store.states(), self._store.seconds()
        done, failed, seconds = 0, 0, 0.0
        for number in range(len(self)):
            task = self._task(number)
            answered = states.get(task.key)
            done, failed = done + (answered is True), failed + (answered is False)
            further = takewhile(spent.__contains__, self._further(task)) if answered and self.seeds is not None else ()
            seconds += spent.get(task.key, 0.0) + sum(spent[key] for key in further)
        return Status(done, failed, self._store.claimed(), len(self), seconds)

    def rows(self) -> Iterator[Row]:
        """Every point and seed in order, with its answer over all parts, its error, or nothing yet."""
        going = {key for key, answered in self._store.states().items() if answered} if self.seeds is not None else set()
        tasks, again = tee(self._task(number) for number in range(len(self)))
        for task, kept in zip(tasks, self._store.rows(task.key for task in again), strict=True):
            if kept is None or kept.answer is None:
                yield Row(task.point, task.seed, None, *(("", "") if kept is None else (kept.error, kept.trace)))
                continue
            more = list(takewhile(going.__contains__, self._further(task))) if going else []
            parts = [k.answer for k in self._store.rows(more) if k is not None and k.answer is not None] if more else []
            yield Row(task.point, task.seed, pooled([kept.answer, *parts]))

    def _further(self, task: Task) -> Iterator[bytes]:
        """Keys of the parts of a point after its first."""
        return (self._task_at(task.point, task.seed, part).key for part in range(1, MOST_PARTS))

    def to_xarray(self) -> xarray.Dataset:
        """All numbers and arrays over the sweep's axes (``point`` for a list) and ``seed``; NaN where there is none."""
        facts = {"sweep": self.name, "definition": self.definition()}
        seeds = None if self.seeds is None else self._seeds
        return dataset_of(list(self.rows()), self.design, seeds, facts)

    def save(self, path: str | Path) -> Path:
        """Write :meth:`to_xarray` as netCDF."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    def plot(self, axis: str | None = None, value: str | None = None, axes: Any = None) -> Any:
        """The logarithm of a value (a time, or the first number) against an axis, a fitted line for each series."""
        from fpsim.plotting.sweeps import lines_over

        return lines_over(self.to_xarray(), axis, value, axes)

    def __str__(self) -> str:
        over = ", ".join(f"{name} ({size})" for name, size in zip(self.design.names, self.design.shape, strict=False))
        seeds = "" if self.seeds is None else f", {len(self._seeds)} seeds"
        return f"sweep '{self.name}' over {over}{seeds} in {self.store}: {self.status()}"

    def __repr__(self) -> str:
        return f"<Sweep '{self.name}': {len(self)} calls, in {self.store}>"


@dataclass
class _Going:
    """Which points go on with a further part."""

    sweep: Sweep
    states: dict[bytes, bool]
    tolerance: float | None
    budget: float | None
    parts: dict[bytes, list[tuple[Answer, float]]] = field(default_factory=dict)

    def following(self, outcome: Outcome) -> Task | None:
        """The next part of a point that is not yet known to the tolerance."""
        task = outcome.task
        if self.tolerance is None or outcome.answer is None:
            return None
        first = self.sweep._task_at(task.point, task.seed, 0).key
        parts = self.parts.setdefault(first, [])
        if len(parts) < task.part:  # of an earlier run
            keys = [self.sweep._task_at(task.point, task.seed, part).key for part in range(len(parts), task.part)]
            kept = list(self.sweep._store.rows(keys))
            parts += [(k.answer, k.seconds) for k in kept if k is not None and k.answer is not None]
        parts.append((outcome.answer, outcome.seconds))
        if self._is_done(parts) or len(parts) >= MOST_PARTS:
            del self.parts[first]
            return None
        return self.sweep._task_at(task.point, task.seed, task.part + 1)

    def _is_done(self, parts: list[tuple[Answer, float]]) -> bool:
        """Whether the budget is spent, or the error small: looked at each time at first, then after an eighth more."""
        if self.budget is not None and math.fsum(seconds for _, seconds in parts) >= self.budget:
            return True
        count = len(parts)
        looks = count < 16 or count % (1 << (count.bit_length() - 4)) == 0
        return looks and relative_error(pooled([answer for answer, _ in parts])) <= (self.tolerance or 0.0)

    def unfinished(self, store: Store) -> list[Task]:
        """The next part of every point that an earlier run left below the tolerance."""
        more = []
        for number in range(len(self.sweep)) if self.states else ():
            if not self.states.get(self.sweep._task(number).key, False):
                continue
            part = 0
            while self.states.get(self.sweep._task(number, part + 1).key, False):
                part += 1
            task = self.sweep._task(number, part)
            kept = next(store.rows([task.key]))
            if kept is not None and kept.answer is not None:
                following = self.following(Outcome(task, kept.answer, "", "", kept.seconds))
                more += [following] if following else []
        return more
