"""What a film is: a frozen description, from which everything that will be drawn is computed before it is drawn.

A film is a folder: ``film`` describes it, ``data`` asks :mod:`fpsim` for its numbers (``compute(film, progress)``), and
``manim`` and ``matplotlib``, where there are such files, draw them (``parts(data)``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, ClassVar, Self

from animations.film.clock import Clock
from landscapes.progress import Progress, shows_progress

RENDERERS = ("manim", "matplotlib")
"""The preferred one first."""


@dataclass(frozen=True, kw_only=True)
class Film:
    """What all films share.  A film that can show another escape has a class method ``of(problem, **options)`` too.

    Args:
        seconds, frames: of the whole film.
        seed: of the random paths.
        clock: slow here and fast there, as in :meth:`animations.film.clock.Clock.of`.
    """

    name: ClassVar[str]
    length: ClassVar[float] = 10.0
    """Seconds of the film where nothing else is asked for."""
    with_manim: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Further arguments where Manim draws."""

    seconds: float = 10.0
    frames: int = 200
    seed: int = 0
    clock: Clock | str | float = "even"

    @classmethod
    def standard(cls, **options: Any) -> Self:
        """The film without a landscape from outside."""
        return cls(**options)

    @shows_progress("film")
    def compute(self, progress: Progress = None) -> Any:
        """All that will be drawn; ``progress`` is told the share that is done.

        Raises:
            ValueError: where an escape has no finite time or takes more steps than can be filmed.
        """
        return import_module(f"{_folder(type(self))}.data").compute(self, progress or _ignored)

    @classmethod
    def renderers(cls) -> tuple[str, ...]:
        """What can draw it, the preferred one first."""
        return tuple(name for name in RENDERERS if find_spec(f"{_folder(cls)}.{name}"))

    @classmethod
    def parts(cls, data: Any, renderer: str) -> Any:
        """(number of frames, what makes their stage) for each part of the film."""
        return import_module(f"{_folder(cls)}.{renderer}").parts(data)

    def require(self, **least: int) -> None:
        """Raise ``ValueError`` where one of these counts is smaller, the film has no length, or no such clock."""
        for what, fewest in least.items():
            if getattr(self, what) < fewest:
                raise ValueError(f"the film '{self.name}' needs {what} of at least {fewest}; got {getattr(self, what)}")
        if not self.seconds > 0:
            raise ValueError(f"the film '{self.name}' needs a length of more than 0 seconds; got {self.seconds:g}")
        Clock.of(self.clock)


def require_open_space(problem: Any, schedules: bool = False) -> None:
    """Raise ``ValueError`` for walls, which particles of a film go through, and for schedules where a film has none."""
    if scheduled(problem):
        if not schedules:
            raise ValueError("only the film 'kramers' shows an escape under a schedule; take that one, or leave it out")
        return
    if problem.walls is not None:
        raise ValueError(f"films draw particles without walls, and this problem has {problem.walls}; leave them out")


def scheduled(problem: Any) -> bool:
    """Whether its learning rate, batch size or temperature follows a schedule."""
    from fpsim.survival.problem import SurvivalProblem

    return isinstance(problem, SurvivalProblem)


def _folder(film: type) -> str:
    return film.__module__.rpartition(".")[0]


def _ignored(share: float) -> None:
    """Nobody asked how far it is."""
