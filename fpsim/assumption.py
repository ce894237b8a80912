"""What a number rests on: a condition in words, and whether it holds for the problem at hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    """One condition under which a formula holds, checked for the problem at hand.

    Attributes:
        statement: what must hold, in words, e.g. ``"barrier / noise >= 5"``.
        holds: whether it does, here and now.
        detail: the figures behind the verdict, e.g. ``"barrier / noise = 2.5"``.
        key: a short name of the condition, by which programs find it; sentences may change.
    """

    statement: str
    holds: bool
    detail: str = ""
    key: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.holds else "FAIL"
        return f"{mark} {self.statement}" + (f" ({self.detail})" if self.detail else "")


class Assumed:
    """What rests on assumptions."""

    assumptions: tuple[Assumption, ...]

    @property
    def violated(self) -> tuple[Assumption, ...]:
        """The assumptions that do not hold."""
        return tuple(a for a in self.assumptions if not a.holds)
