"""Running the tasks of a sweep: claimed in the store, submitted in windows, landed one by one.

Cheap points first; calls that are quick are sent several at a time, so that sending costs little.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.sweeps.costs import Costs
from fpsim.sweeps.store import Store
from fpsim.sweeps.task import Outcome, Task, done
from fpsim.sweeps.workers import ClusterLostError, Workers

PER_WORKER = 4
"""Calls in flight per worker."""
BATCH_SECONDS, LARGEST_BATCH = 0.05, 64
"""Quick calls are sent together, as many as take about this long, at most so many."""
LANDING = 0.2
"""Seconds between two transactions, at most, while results come in."""
POLL = 0.5
"""Seconds between two looks at what others are at, and at whether the cluster is there."""
GRACE = 2.0
"""Seconds to wait for calls that are under way when something ends the run."""
DEATHS = 2
"""Workers that may die at one point before it counts as failed."""


@dataclass
class Run:
    """One run over tasks that are made from their numbers as they are needed.

    Attributes:
        function: what is called.
        store: where results go.
        workers: who calls it.
        task: the task with a number.
        queue: numbers still to do, the cheap ones first.
        costs: what calls take.
        following: the task after an outcome, where a point goes on (or ``None``).
        report: told of every landing: outcomes, and seconds that are left to work.
    """

    function: Callable[..., Any]
    store: Store
    workers: Workers
    task: Callable[[int], Task]
    queue: NDArray[np.int64]
    costs: Costs
    following: Callable[[Outcome], Task | None]
    report: Callable[[list[Outcome], float], None]
    flying: dict[Future[list[Outcome]], list[Task]] = field(default_factory=dict)
    again: deque[Task] = field(default_factory=deque)
    suspects: deque[Task] = field(default_factory=deque)
    trial: Future[list[Outcome]] | None = None
    elsewhere: deque[Task] = field(default_factory=deque)
    finished: list[Outcome] = field(default_factory=list)
    deaths: dict[bytes, int] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)
    landed: float = 0.0
    known: int = 0

    def go(self) -> None:
        """Until nothing is left; what is finished is kept whatever ends it."""
        try:
            while self._fill() or self.flying or self.elsewhere:
                self._collect()
        finally:
            under_way = [future for future in self.flying if not future.cancel()]
            ready, _ = wait(under_way, timeout=GRACE)
            self._gather([future for future in ready if future.exception() is None])
            self._land()
            self.store.release()

    def _fill(self) -> bool:
        """Submit what the window allows; whether anything was left to submit."""
        if self.suspects:  # one at a time, so that the next death names its point
            if not self.flying:
                self._submit(self._claimed([self.suspects.popleft()]))
                self.trial = next(iter(self.flying), None)
            return True
        window = self.workers.count * PER_WORKER if self.workers.count > 1 else 1
        while len(self.flying) < window and (self.again or self.queue.size):
            self._submit(self._claimed(list(self._next())))
        return bool(self.again or self.queue.size)

    def _next(self) -> Iterator[Task]:
        seconds = float(np.exp(np.mean(self.costs.logs[-200:]))) if self.costs.logs else np.inf
        size = max(1, min(LARGEST_BATCH, int(BATCH_SECONDS / seconds)))
        while size and self.again:
            size -= 1
            yield self.again.popleft()
        taken, self.queue = self.queue[:size], self.queue[size:]
        for number in taken.tolist():
            task = self.task(number)
            self.numbers[task.key] = number
            yield task

    def _claimed(self, tasks: list[Task]) -> list[Task]:
        mine = self._land(tasks)
        kept = {task.key for task in mine}
        self.elsewhere += [task for task in tasks if task.key not in kept]
        return mine

    def _submit(self, tasks: list[Task]) -> None:
        if not tasks:
            return
        try:
            self.flying[self.workers.executor.submit(done, self.function, tasks)] = tasks
        except (BrokenExecutor, RuntimeError):
            self._died(tasks, False)

    def _collect(self) -> None:
        """Wait for something to finish, and land it."""
        if self.flying:
            ready, _ = wait(self.flying, timeout=POLL, return_when=FIRST_COMPLETED)
            self._gather(list(ready))
        elif self.elsewhere:
            time.sleep(POLL)
        if not self.workers.is_there():
            raise ClusterLostError("the cluster went away in the middle; what had come back is kept: run again")
        if self.elsewhere and not (self.flying or self.again or self.queue.size or self.suspects):
            self._look_elsewhere()
        if self.finished and (time.monotonic() - self.landed > LANDING or not self.flying):
            self._land()

    def _look_elsewhere(self) -> None:
        """Points that another process was at: done by now, still there, or free again."""
        tasks, self.elsewhere = list(self.elsewhere), deque()
        for task, kept in zip(tasks, self.store.rows([task.key for task in tasks]), strict=True):
            if kept is not None and kept.answer is not None:
                more = self.following(Outcome(task, kept.answer, "", "", kept.seconds))
                self.again.extend([more] if more else [])
            elif mine := self._claimed([task]):
                self._submit(mine)

    def _gather(self, futures: list[Future[list[Outcome]]]) -> None:
        for future in futures:
            tasks, alone = self.flying.pop(future, []), future is self.trial
            try:
                outcomes = future.result()
            except CancelledError:
                if not self.workers.is_there():
                    raise ClusterLostError(
                        "the cluster went away in the middle; what had come back is kept: run again"
                    ) from None
                self.again.extend(tasks)
                continue
            except BrokenExecutor:
                self._died(tasks, alone)
                continue
            except Exception as error:  # what could not be sent, or a cluster's own account of lost workers
                if not alone:  # it may be the fault of another at the same worker: each again by itself
                    self.suspects.extend(tasks)
                    continue
                outcomes = [Outcome(t, None, f"{type(error).__name__}: {error}"[:500], "", 0.0) for t in tasks]
            for outcome in outcomes:
                self._finish(outcome)

    def _finish(self, outcome: Outcome) -> None:
        self.finished.append(outcome)
        number = self.numbers.pop(outcome.task.key, None)
        if number is not None:
            self.costs.add(number, outcome.seconds)
        more = self.following(outcome)
        if more is not None:
            self.again.append(more)

    def _died(self, tasks: list[Task], alone: bool) -> None:
        """A worker process was killed: its points are tried again alone, and fail if it happens there again."""
        for task in tasks:
            self.deaths[task.key] = self.deaths.get(task.key, 0) + alone
            if self.deaths[task.key] >= DEATHS:
                error = "WorkerDied: the process at this point was killed (out of memory, or a crash in compiled code)"
                self._finish(Outcome(task, None, error, "", 0.0))
            else:
                self.suspects.append(task)
        if not self.flying and not self.workers.renew():
            raise RuntimeError("the executor broke and is not fpsim's own to renew; run again with a new one")

    def _land(self, claims: list[Task] | None = None) -> list[Task]:
        outcomes, self.finished = self.finished, []
        if not outcomes and not claims:
            return []
        taken = self.store.land(outcomes, claims or [])
        self.landed = time.monotonic()
        if len(self.costs.logs) >= 2 * self.known + 4:
            self.known = len(self.costs.logs)
            self.queue = self.queue[np.argsort(self.costs.predicted(self.queue), kind="stable")]
        if outcomes:
            self.report(outcomes, self._left())
        return taken

    def _left(self) -> float:
        """Seconds of work left, by what is known of costs."""
        some = self.queue[:: max(1, self.queue.size // 1000)]
        mean = float(self.costs.predicted(some).mean()) if some.size else 0.0
        waiting = len(self.again) + sum(map(len, self.flying.values()))
        last = float(np.exp(self.costs.logs[-1])) if self.costs.logs else 0.0
        return (mean * self.queue.size + last * waiting) / self.workers.count
