"""The store of a sweep: one SQLite file, to which results come one by one, each whole or not at all.

    results(key, sweep, parameters, seed, part, numbers, arrays, facts, file, error, trace, seconds, finished)

SQLite, with arrays as .npy bytes beside the numbers: 1e5 results are one file of 16 MB that any language reads, where
netCDF or Zarr would be 1e5 files or chunks that are no transaction.  A rollback journal with full synchronisation
survives SIGKILL, power cuts and full disks, works on network disks, and a store on a read-only disk can be read.
Format 1; a reader of format n reads all formats up to n.
"""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fpsim.sweeps.answers import Answer
from fpsim.sweeps.task import Outcome, Task

FORMAT = 1
PATIENCE = 60.0
"""Seconds to wait for another process that writes."""
LEASE = 120.0
"""Seconds for which a claim from another machine counts that was not renewed."""
TABLES = """
create table if not exists about (name text primary key, value text) without rowid;
create table if not exists sweeps (name text primary key, definition text) without rowid;
create table if not exists results (
    key blob primary key, parameters text, seed integer, part integer, numbers text, arrays blob, facts text,
    file blob, error text, trace text, seconds real, finished text
) without rowid;
create table if not exists claims (key blob primary key, owner text, until real) without rowid;
"""


class StoreError(OSError):
    """The store cannot be read or written."""


@dataclass(frozen=True)
class Kept:
    """A result as the store has it: an answer, or the error of a point that failed."""

    answer: Answer | None
    error: str
    trace: str
    seconds: float


class Store:
    """A store on disk.

    Args:
        path: of the file; it and its folder are made when something is written.

    Raises:
        ValueError: if there is a file and it is no store, or of a later format.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.owner = f"{socket.gethostname()} {os.getpid()}"
        self.is_made = self.path.is_file() and self.path.stat().st_size > 0
        if self.is_made:
            self._check()

    def _check(self) -> None:
        try:
            with self._reading() as base:
                found = base.execute("select value from about where name = 'format'").fetchone()
        except (sqlite3.DatabaseError, StoreError) as error:
            if "locked" in str(error):
                raise
            raise ValueError(f"'{self.path}' is no store of a sweep ({error}); give another file") from None
        if found is None or int(found[0]) > FORMAT:
            form = "no" if found is None else found[0]
            raise ValueError(f"'{self.path}' has format {form}; this version reads stores up to format {FORMAT}")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that changes nothing, and works on read-only disks."""
        with self._in_words():
            name = self.path.resolve().as_uri()
            with closing(sqlite3.connect(f"{name}?mode=ro", uri=True, timeout=PATIENCE)) as base:
                yield base

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it lands, or nothing."""
        with self._in_words():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)) as base:
                base.execute("pragma synchronous = full")
                base.execute("begin immediate")
                if not self.is_made:
                    for statement in TABLES.split(";"):
                        base.execute(statement)
                    base.execute("insert or ignore into about values ('format', ?)", (str(FORMAT),))
                yield base
                base.execute("commit")
                self.is_made = True

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(
                f"the store '{self.path}' cannot be used ({error}): what was finished before is kept; make room on the "
                "disk or give access, and run again"
            ) from None

    def define(self, name: str, definition: dict[str, Any]) -> None:
        """Remember what a sweep is; the newest definition under a name counts."""
        with self._writing() as base:
            base.execute("insert or replace into sweeps values (?, ?)", (name, json.dumps(definition)))

    def land(self, outcomes: Iterable[Outcome], claims: Iterable[Task] = ()) -> list[Task]:
        """Keep outcomes and claim tasks in one transaction; returns the tasks that nobody has done or is at.

        A task counts as claimed by its owner's process while that runs, or on another machine while it renews.
        """
        now = time.time()
        with self._writing() as base:
            for outcome in outcomes:
                row = _row(outcome)
                base.execute(f"insert or replace into results values ({', '.join('?' * len(row))})", row)
                base.execute("delete from claims where key = ?", (outcome.task.key,))
            taken = []
            for task in claims:
                known = base.execute("select error from results where key = ?", (task.key,)).fetchone()
                holder = base.execute("select owner, until from claims where key = ?", (task.key,)).fetchone()
                if (known is None or known[0]) and (holder is None or not self._is_held(holder[0], holder[1], now)):
                    base.execute("insert or replace into claims values (?, ?, ?)", (task.key, self.owner, now + LEASE))
                    taken.append(task)
            base.execute("update claims set until = ? where owner = ?", (now + LEASE, self.owner))
            return taken

    def release(self) -> None:
        """Give back what this process has claimed."""
        if self.is_made:
            with self._writing() as base:
                base.execute("delete from claims where owner = ?", (self.owner,))

    def _is_held(self, owner: str, until: float, now: float) -> bool:
        host, _, process = owner.rpartition(" ")
        if owner == self.owner or host != self.owner.rpartition(" ")[0]:
            return owner != self.owner and until > now
        return until > now and _is_alive(int(process))

    def claimed(self) -> int:
        """Points that some running process is at."""
        if not self.is_made:
            return 0
        now = time.time()
        with self._reading() as base:
            rows = base.execute("select owner, until from claims").fetchall()
        return sum(owner == self.owner or self._is_held(owner, until, now) for owner, until in rows)

    def states(self) -> dict[bytes, bool]:
        """key -> whether the point was answered (else it failed)."""
        if not self.is_made:
            return {}
        with self._reading() as base:
            return {key: not error for key, error in base.execute("select key, error from results")}

    def seconds(self) -> dict[bytes, float]:
        """key -> seconds that the point took."""
        if not self.is_made:
            return {}
        with self._reading() as base:
            return dict(base.execute("select key, seconds from results"))

    def rows(self, keys: Iterable[bytes]) -> Iterator[Kept | None]:
        """What is kept under each key, in order; ``None`` for what is not there yet."""
        if not self.is_made:
            yield from (None for _ in keys)
            return
        with self._reading() as base:
            for key in keys:
                row = base.execute(
                    "select numbers, arrays, facts, file, error, trace, seconds from results where key = ?", (key,)
                ).fetchone()
                yield None if row is None else _kept(*row)


def _row(outcome: Outcome) -> tuple[Any, ...]:
    task, answer = outcome.task, outcome.answer
    arrays = None
    if answer is not None and answer.arrays:
        file = io.BytesIO()
        np.savez(file, **answer.arrays)  # type: ignore[arg-type]
        arrays = file.getvalue()
    return (
        task.key, json.dumps(task.point), task.seed, task.part,
        None if answer is None else json.dumps(dict(answer.numbers)), arrays,
        None if answer is None else json.dumps(dict(answer.facts)), None if answer is None else answer.file,
        outcome.error, outcome.trace, outcome.seconds, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )  # fmt: skip


def _kept(
    numbers: str | None, arrays: bytes | None, facts: str, file: bytes | None, error: str, trace: str, seconds: float
) -> Kept:
    if numbers is None:
        return Kept(None, error, trace, seconds)
    found = {}
    if arrays:
        with np.load(io.BytesIO(arrays)) as stored:
            found = {name: stored[name] for name in stored}
    return Kept(Answer(json.loads(numbers), found, json.loads(facts), file), error, trace, seconds)


def _is_alive(process: int) -> bool:
    """Whether a process of this machine runs; where asking would end it (Windows), its claim has to run out."""
    if os.name == "nt":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OSError):
        return True
    return True
