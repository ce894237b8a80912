"""ln(time) of one noise model while one variable moves, and the slope read off it.

ln(time) = m * exponent + ln(prefactor) + ...        m = 1 where theory is right
s needed = 2 - slope / (d/dx 2 S dL / (eta H))       what theorem 3.2 of Xie et al. would need for the same slope
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from validation.escape_formula.four_noises import Setting
from validation.study.lines import Line, asymptote, straight_line

Row = dict[str, Any]
Terms = tuple[float, float]


@dataclass(frozen=True)
class Sweep:
    """ln(time) of one model while one variable moves.

    Attributes:
        model, variable: what is varied under which noise.
        settings: the points.
        logs, errors: ln(time), for the chain ln(iterations); zero errors for exact numbers.
        terms: exponent and ln(prefactor) of the model's theory (the latter NaN where there is none).
        kind: how the slope is read off: ``"asymptote"``, ``"asymptote with ln"`` or ``"straight"``.
        corrections: inverse powers fitted beside an asymptote.
    """

    model: str
    variable: str
    settings: tuple[Setting, ...]
    logs: tuple[float, ...]
    errors: tuple[float, ...]
    terms: tuple[Terms, ...]
    kind: str
    corrections: int = 2

    @property
    def x(self) -> list[float]:
        """Values of the variable."""
        return [s.value(self.variable) for s in self.settings]

    @property
    def fit(self) -> Line:
        """ln(time), freed of the known change of the prefactor, against the exponent."""
        exponents, prefactors = zip(*self.terms, strict=True)
        known = [0.0 if math.isnan(p) else p - prefactors[0] for p in prefactors]
        y = [value - k for value, k in zip(self.logs, known, strict=True)]
        if self.kind.startswith("asymptote"):
            return asymptote(exponents, y, self.corrections, self.kind.endswith("ln"))
        return straight_line(exponents, y, self.errors if max(self.errors) > 0 else None)

    def row(self) -> Row:
        """The line of the table."""
        line, plain = self.fit, straight_line(self.x, self.logs)
        per_x = straight_line(self.x, [e for e, _ in self.terms]).slope
        unit = straight_line(self.x, [s.unit for s in self.settings]).slope
        first = self.settings[0]
        return {
            "model": self.model, "variable": self.variable, "from": self.x[0], "to": self.x[-1],
            "eta": first.learning_rate, "S": first.batch_size, "Pearson r": plain.correlation,
            "slope": line.slope * per_x, "slope / theory": line.slope, "error": line.slope_error,
            "prefactor / theory": math.exp(line.intercept - self.terms[0][1]), "prefactor error": line.intercept_error,
            "s needed": 2 - line.slope * per_x / unit,
        }  # fmt: skip


def swept(
    model: str, variable: str, settings: Sequence[Setting], time: Callable[[Setting], tuple[float, float]],
    theory: Callable[[Setting], Terms], kind: str,
) -> Sweep:  # fmt: skip
    """Compute a sweep: ``time`` gives ln(time) and its error, ``theory`` exponent and ln(prefactor)."""
    found = [time(s) for s in settings]
    logs, errors = zip(*found, strict=True)
    return Sweep(model, variable, tuple(settings), logs, errors, tuple(theory(s) for s in settings), kind)
