"""ln(time) of one noise model while one variable moves, and the slope read off it.

ln(time) = m * exponent + ln(prefactor) + ...        m = 1 where theory is right
s needed = 2 - slope / (d/dx 2 S dL / (eta H))       what theorem 3.2 of Xie et al. would need for the same slope
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from validation.escape_formula.four_noises import Setting
from validation.study.findings import Row, Rows
from validation.study.lines import Line, asymptote, straight_line

Terms = tuple[float, float]
LOG = "ln time (chain: iterations)"


class Kind(StrEnum):
    """How a slope is read off."""

    STRAIGHT = "straight"
    ASYMPTOTE = "asymptote"
    WITH_LOGARITHM = "asymptote with ln"


@dataclass(frozen=True)
class Plan:
    """What is varied.

    Attributes:
        model, variable: what is varied under which noise.
        settings: the points.
        kind: how the slope is read off.
        corrections: inverse powers fitted beside an asymptote.
    """

    model: str
    variable: str
    settings: tuple[Setting, ...]
    kind: Kind = Kind.STRAIGHT
    corrections: int = 2


@dataclass(frozen=True)
class Sweep(Plan):
    """ln(time) of one model while one variable moves.

    Attributes:
        logs, errors: ln(time), for the chain ln(iterations); zero errors for exact numbers.
        terms: exponent and ln(prefactor) of the model's theory (the latter NaN where there is none).
    """

    logs: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()
    terms: tuple[Terms, ...] = ()

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
        if self.kind is Kind.STRAIGHT:
            return straight_line(exponents, y, self.errors if max(self.errors) > 0 else None)
        return asymptote(exponents, y, self.corrections, self.kind is Kind.WITH_LOGARITHM)

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


def swept(plan: Plan, time: Callable[[Setting], tuple[float, float]], theory: Callable[[Setting], Terms]) -> Sweep:
    """Compute a sweep: ``time`` gives ln(time) and its error, ``theory`` exponent and ln(prefactor)."""
    logs, errors = zip(*(time(s) for s in plan.settings), strict=True)
    return Sweep(**vars(plan), logs=logs, errors=errors, terms=tuple(theory(s) for s in plan.settings))


def points(sweeps: Iterable[Sweep], first: int = 0) -> Rows:
    """Sweeps as the rows of a table, numbered from ``first``."""
    return [
        {
            "model": sweep.model, "variable": sweep.variable, "eta": s.learning_rate, "S": s.batch_size,
            "dL": s.barrier, "H": s.curvature, LOG: log, "error": error, "exponent": exponent,
            "ln prefactor": prefactor, "sweep": number, "kind": str(sweep.kind), "corrections": sweep.corrections,
        }
        for number, sweep in enumerate(sweeps, first)
        for s, log, error, (exponent, prefactor) in zip(
            sweep.settings, sweep.logs, sweep.errors, sweep.terms, strict=True
        )
    ]  # fmt: skip


def sweeps_of(rows: Rows) -> list[Sweep]:
    """The inverse of `points`."""
    return [_sweep(list(part)) for _, part in groupby(rows, lambda row: row["sweep"])]


def _sweep(rows: Rows) -> Sweep:
    first = rows[0]
    return Sweep(
        first["model"],
        first["variable"],
        tuple(Setting(r["eta"], r["S"], r["dL"], r["H"]) for r in rows),
        Kind(first["kind"]),
        first["corrections"],
        logs=tuple(r[LOG] for r in rows),
        errors=tuple(r["error"] for r in rows),
        terms=tuple((r["exponent"], r["ln prefactor"]) for r in rows),
    )
