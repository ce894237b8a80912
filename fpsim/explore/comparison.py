"""The routes that answer at once, as a comparison; and any comparison as the rows of the page's table."""

from __future__ import annotations

import math
from typing import Any

from fpsim.escape import EscapeProblem
from fpsim.escape_time import format_with_error
from fpsim.results import Comparison, Skipped
from fpsim.route import ROUTES
from fpsim.routes.allowance import within
from fpsim.routes.diagnosis import diagnose
from fpsim.routes.route import Route, route
from fpsim.sde.gates import InfiniteTimeError

AT_ONCE = 8.0
"""Seconds that one of the quick routes may take: far more than it does, unless the machine is busy."""
SLOW_IN_SPACE = {"bouchet-reygner", "reduced-path"}
"""Formulas that look for a path first: they are for the comparison of all routes."""
REFUSALS = (ValueError, TypeError, ArithmeticError, MemoryError, RuntimeError)


def at_once(problem: EscapeProblem) -> Comparison:
    """Quadrature and the closed formulas that apply: what a slider may ask for at every move."""
    answers, skipped, infinite = [], [], ""
    for each in _quick(problem):
        try:
            answers.append(within(AT_ONCE, lambda each=each: each.answer(problem)))  # type: ignore[misc]
        except InfiniteTimeError as error:
            infinite = infinite or each.name
            skipped.append(Skipped(each.name, str(error)))
        except REFUSALS as error:
            skipped.append(Skipped(each.name, " ".join(str(error).split())))
    return Comparison(str(problem), tuple(answers), tuple(skipped), _notes(problem), infinite)


def _quick(problem: EscapeProblem) -> list[Route]:
    wanted = ["quadrature"] if problem.sde.dimension == 1 else []
    slow = SLOW_IN_SPACE if problem.sde.dimension > 1 else set()
    return [route(name) for name in [*wanted, *(n for n in problem.formulas() if n not in slow)]]


def _notes(problem: EscapeProblem) -> tuple[str, ...]:
    try:
        checks = within(AT_ONCE, lambda: diagnose(problem, routes=False).checks)
    except REFUSALS:
        return ()
    return tuple(f"not so: {c.statement} ({c.detail})" for c in checks if not c.holds and c.key != "small noise")


def table(found: Comparison, doubts: tuple[str, ...] = ()) -> dict[str, Any]:
    """Headline, rows with failed assumptions in words, and what was skipped and why, for the page; ``doubts`` first."""
    rows = [_row(answer, row) for answer, row in zip(found.routes, found.rows(), strict=True)]
    remarks = {a.method: ROUTES[a.method].remark for a in found.routes if a.method in ROUTES}
    return {
        "headline": _headline(found),
        "rows": rows,
        "skipped": [{"method": s.method, "reason": s.reason} for s in found.skipped],
        "notes": [*doubts, *found.notes] + [text for text in remarks.values() if text],
    }


def _headline(found: Comparison) -> str:
    if found.infinite:
        return f"The mean escape time is infinite (by {found.infinite})."
    best = found.reference or next(iter(found.routes), None)
    if best is None:
        return "No quick route gives a time here."
    return f"{format_with_error(best)} {best.units} by {best.method}"


def _row(answer: Any, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "method": answer.method,
        "process": ROUTES[answer.method].process if answer.method in ROUTES else "formula",
        "reference": row["reference"],
        "mean": answer.mean if math.isfinite(answer.mean) else None,
        "log_mean": answer.log_mean,
        "log_error": answer.log_error,
        "shown": format_with_error(answer),
        "units": answer.units,
        "ratio": row["ratio"] if row["ratio"] is not None and math.isfinite(row["ratio"]) else None,
        "log_ratio": row["log_ratio"],
        "z": row["z_score"],
        "seconds": answer.seconds,
        "failed": [{"statement": a.statement, "detail": a.detail} for a in answer.violated],
    }
