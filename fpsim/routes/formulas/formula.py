"""What a closed formula says: ln(mean escape time), with the paper, and with what it assumes checked."""

from __future__ import annotations

from dataclasses import dataclass

from fpsim.assumption import Assumption
from fpsim.exact.passage import from_log


@dataclass(frozen=True)
class Formula:
    """What a closed formula says.

    Attributes:
        name: its name in ``EscapeProblem.by_formula``.
        log_mean: logarithm of the mean escape time (finite also where the time overflows).
        reference: the paper, with theorem or equation.
        assumptions: what the formula needs, each checked for the problem at hand.
        target: which escape time this is: beyond the pass, or at the pass (half).
        convention: reading of the stochastic integral that the prefactor belongs to.
        minimum: the minimum a, as a tuple of coordinates.
        saddle: the pass b.
        notes: remarks on the number.
    """

    name: str
    log_mean: float
    reference: str
    assumptions: tuple[Assumption, ...]
    target: str
    convention: str
    minimum: tuple[float, ...]
    saddle: tuple[float, ...]
    notes: tuple[str, ...] = ()

    @property
    def mean(self) -> float:
        """The mean escape time; ``ValueError`` beyond the floating-point range (use ``log_mean``)."""
        return from_log(self.log_mean, f"escape time by {self.name}", "log_mean")

    @property
    def violated(self) -> tuple[Assumption, ...]:
        """The assumptions that do not hold."""
        return tuple(a for a in self.assumptions if not a.holds)

    def __str__(self) -> str:
        lines = [f"{self.name}: e^{self.log_mean:.6g}, {self.target} ({self.convention}); {self.reference}"]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes), *(f"  {a}" for a in self.assumptions)])
