"""Finished pieces of a study, kept as a sweep keeps its points: an interrupted study goes on where it stopped.

A piece is known by its name, its settings and the code that made it (`validation.study.stamp`).  The same piece is
read, not computed again; one that was made otherwise lies beside it.  Pieces that do not need each other may be handed
over together, and are then made by whatever runs a sweep: processes, any executor, a Dask cluster.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.storage import cache_base
from fpsim.sweeps.answers import answer_of, plain_data, value_of
from fpsim.sweeps.costs import Costs
from fpsim.sweeps.design import Design
from fpsim.sweeps.keys import key_of
from fpsim.sweeps.running import Run
from fpsim.sweeps.store import Store
from fpsim.sweeps.task import Outcome, Task
from fpsim.sweeps.workers import workers
from validation.study.findings import Rows
from validation.study.stamp import stamp

if TYPE_CHECKING:
    import xarray


def file_of(study: str) -> Path:
    """Where the pieces of a study are kept if nothing else is said: in the user's cache folder."""
    return cache_base() / "studies" / f"{study}.sweep"


class PieceFailedError(RuntimeError):
    """A worker could not make a piece; those that were made are kept."""


@dataclass(frozen=True)
class Piece:
    """A part of a study.

    Attributes:
        name: of its kind.
        make: makes it: rows of plain data, or a dataset.  To run on workers, it is a function at the top of a file, or
            a ``partial`` of one with plain arguments.
        settings: plain data that it depends on.
    """

    name: str
    make: Callable[[], Any]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Pieces:
    """The finished pieces of a study.

    Args:
        file: the store that keeps them, made when the first one is finished; None keeps nothing.
        measure: the function that asks for them, which may hand objects to what makes a piece: its code counts too.
        crew: who makes pieces that are handed over together: ``executor``, ``cluster`` and ``count`` of
            :func:`fpsim.sweeps.workers.workers`; this process if left out.

    Attributes:
        found: names of the pieces that an earlier run had finished, in the order in which they were asked for.
    """

    file: Path | None = None
    measure: Callable[..., Any] | None = None
    crew: Mapping[str, Any] | None = None
    found: list[str] = field(default_factory=list, compare=False)
    _own: set[bytes] = field(default_factory=set, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.crew and self.file is None:
            raise ValueError("pieces that workers make are kept in a file; name one")
        if (self.crew or {}).get("executor") == "threads":
            raise ValueError("studies run on processes or a cluster: torch counts its threads for a whole process")

    def rows(self, name: str, make: Callable[[], Rows], **settings: Any) -> Rows:
        """One piece of rows of plain numbers and words.

        Raises:
            TypeError: for rows that are no plain data.
        """
        (rows,) = self.many([Piece(name, make, settings)])
        return list(rows)

    def data(self, name: str, make: Callable[[], xarray.Dataset], **settings: Any) -> xarray.Dataset:
        """One piece that is a dataset."""
        data: xarray.Dataset
        (data,) = self.many([Piece(name, make, settings)])
        return data

    def many(self, pieces: Sequence[Piece], tell: Callable[..., None] | None = None) -> list[Any]:
        """Pieces that do not need each other, in order; those that are not kept are made.

        Args:
            pieces: what is wanted.
            tell: called with the share that is finished, and a name.

        Raises:
            PieceFailedError: if a worker could not make one.
            StoreError: if the store cannot be written.
        """
        if self.file is None:
            # by way of what is kept: sums over a view and over its copy may differ in their last bit
            return [value_of(answer_of(piece.make())) for piece in pieces]
        store, tasks = Store(self.file), [self._task(piece) for piece in pieces]
        keys = [task.key for task in tasks]
        known = [kept is not None and kept.answer is not None for kept in store.rows(keys)]
        self.found.extend(
            p.name for p, k, there in zip(pieces, keys, known, strict=True) if there and k not in self._own
        )
        missing = [k for k, there in enumerate(known) if not there]
        if missing:
            made = self._made_by_workers if self.crew and len(pieces) > 1 else self._made_here
            made(store, [pieces[k] for k in missing], [tasks[k] for k in missing], tell or (lambda *_: None))
        return [value_of(kept.answer) for kept in store.rows(keys) if kept is not None and kept.answer is not None]

    def _task(self, piece: Piece) -> Task:
        settings = plain_data(piece.settings)
        words = json.dumps(settings, sort_keys=True)
        key = key_of(piece.name, stamp(piece.make, self.measure or piece.make), words, None, 0)
        return Task(key, {"piece": piece.name, "settings": settings}, None, 0, None)

    def _made_here(self, store: Store, pieces: list[Piece], tasks: list[Task], tell: Callable[..., None]) -> None:
        for number, (piece, task) in enumerate(zip(pieces, tasks, strict=True)):
            tell(number / len(pieces), piece.name)
            began = time.perf_counter()
            answer = answer_of(piece.make())
            store.land([Outcome(task, answer, "", "", time.perf_counter() - began)])
            self._own.add(task.key)

    def _made_by_workers(self, store: Store, pieces: list[Piece], tasks: list[Task], tell: Callable[..., None]) -> None:
        """As a sweep makes its points; all that can be made are, before one that cannot ends the study."""
        makers = _Makers({_called(task.point): piece.make for piece, task in zip(pieces, tasks, strict=True)})

        def landed(outcomes: list[Outcome], _: float) -> None:
            self._own.update(outcome.task.key for outcome in outcomes if outcome.answer is not None)
            tell(sum(task.key in self._own for task in tasks) / len(tasks), outcomes[-1].task.point["piece"])

        design = Design({}, tuple({"piece": piece.name} for piece in pieces), {})
        with workers(**{"executor": None, "cluster": None, "count": None, **(self.crew or {})}) as crew:
            order = np.arange(len(tasks))
            Run(makers, store, crew, tasks.__getitem__, order, Costs(design, 1), lambda _: None, landed).go()
        for task, kept in zip(tasks, store.rows([task.key for task in tasks]), strict=True):
            if kept is not None and kept.answer is None:
                error = PieceFailedError(f"a worker could not make the piece '{task.point['piece']}': {kept.error}")
                error.add_note(kept.trace)
                raise error


@dataclass(frozen=True)
class _Makers:
    """Makes the piece of a task; travels to workers with it."""

    makes: Mapping[str, Callable[[], Any]]

    def __call__(self, **point: Any) -> Any:
        return self.makes[_called(point)]()


def _called(point: Mapping[str, Any]) -> str:
    return json.dumps(point, sort_keys=True)
