"""Work in the background of the page: few at once, each with progress, a limit in seconds and an end.

A job that nobody asks after is stopped, so that closed tabs cost nothing; the same question asked twice is one job.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Literal

from fpsim.routes.allowance import Task

Work = Callable[[Callable[[float, str], None]], Any]
State = Literal["waiting", "running", "done", "failed", "cancelled"]

AT_ONCE = 2
WAITING = 16
SECONDS = 60.0
LEASE = 15.0
"""Seconds after which a job that nobody asks after is stopped, and what it found forgotten."""
LOOK = 0.05


class BusyError(ValueError):
    """More is asked for than this machine should do at once."""


@dataclass
class Job:
    """One piece of work and how far it is."""

    number: int
    key: Any
    work: Work
    asked: float
    state: State = "waiting"
    share: float = 0.0
    stage: str = ""
    result: Any = None
    error: str = ""
    cancel: threading.Event = field(default_factory=threading.Event)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("waiting", "running")

    def tell(self, share: float, stage: str) -> None:
        """Progress, called by the work."""
        self.share, self.stage = min(max(float(share), 0.0), 1.0), stage

    def to_dict(self) -> dict[str, Any]:
        """State, progress, and the result or a sentence about what went wrong."""
        facts = {"id": self.number, "state": self.state, "share": self.share, "stage": self.stage}
        return {**facts, **({"result": self.result} if self.state == "done" else {}), "error": self.error}


class Jobs:
    """All jobs of one server."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, seconds: float = SECONDS, lease: float = LEASE):
        self.pool = ThreadPoolExecutor(at_once, thread_name_prefix="fpsim-explore")
        self.most, self.seconds, self.lease = at_once + waiting, seconds, lease
        self.jobs: dict[int, Job] = {}
        self.numbers, self.lock = itertools.count(1), threading.Lock()

    def start(self, key: Any, work: Work) -> Job:
        """A new job, or the one that already answers the same question.

        Raises:
            BusyError: if too many wait.
        """
        with self.lock:
            self._forget()
            for job in self.jobs.values():
                if job.key == key and job.state in ("waiting", "running", "done") and not self._unwanted(job):
                    job.asked = time.monotonic()
                    return job
            if sum(not (job.ended or self._unwanted(job)) for job in self.jobs.values()) >= self.most:
                raise BusyError(f"{self.most} jobs are under way, which is the most at once; try again in a while")
            job = Job(next(self.numbers), key, work, time.monotonic())
            self.jobs[job.number] = job
        self.pool.submit(self._run, job)
        return job

    def find(self, number: int) -> Job:
        """A job by its number, which keeps it alive.

        Raises:
            KeyError: for one that is unknown or forgotten.
        """
        with self.lock:
            job = self.jobs[number]
            job.asked = time.monotonic()
            return job

    def close(self) -> None:
        """Stop all jobs."""
        for job in list(self.jobs.values()):
            job.cancel.set()
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _forget(self) -> None:
        """Drop ended jobs that nobody asked after for a lease."""
        now = time.monotonic()
        self.jobs = {n: job for n, job in self.jobs.items() if not (job.ended and now - job.asked > self.lease)}

    def _run(self, job: Job) -> None:
        if self._unwanted(job):
            job.state = "cancelled"
            return
        job.state = "running"
        task, began = Task(lambda: job.work(job.tell)), time.monotonic()
        while not task.done.wait(LOOK):
            late = time.monotonic() - began > self.seconds
            if late or self._unwanted(job):
                if task.stop():
                    break
                job.error = f"this took more than {self.seconds:g} s, the most a job may take" if late else ""
                job.state = "failed" if late else "cancelled"
                return
        try:
            job.result, job.share = task.result(), 1.0
            job.state = "done"
        except BaseException as error:
            job.error, job.state = sentence(error), "failed"

    def _unwanted(self, job: Job) -> bool:
        return job.cancel.is_set() or time.monotonic() - job.asked > self.lease


def sentence(error: BaseException) -> str:
    """An error in one line."""
    if isinstance(error, OverflowError) or type(error).__name__ == "LinAlgError":
        return "a number here is beyond what floats hold; take one of an ordinary size"
    return " ".join(str(error).split()) or type(error).__name__
