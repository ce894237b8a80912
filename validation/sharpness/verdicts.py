"""Verdicts on sharpness: what products with vectors find, what a rescaling changes and what it leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from validation.study.findings import Rows
from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.sharpness.measures import Sharpness

SIGMAS = 5.0
TRACE, TOP, EXACT = 0.01, 1e-6, 1e-8
"""Relative tolerances: of a trace from products, of top eigenvalues, of identities."""
SAME_TIME = 1e-8
"""Of exact escape times; the discrete chain's grid is fitted anew, to 1e-6."""
CHAIN = 1e-6
SAME_WALK, OTHER_WALK = "matching rates: distance after the walk", "one rate: distance after the walk"
MOVING = ("a", "change of losses", "trace", "trace by law", "top", "top by law", SAME_WALK, OTHER_WALK)
"""Columns of the rescaled network that are no invariant measures."""


def verdicts(found: Sharpness) -> list[Verdict]:
    """All claims, in the order of the tables."""
    return [*_spectra(found.compared), *_rescaling(found.rescaled), *_escapes(found.escape)]


def _spectra(rows: Rows) -> list[Verdict]:
    traces = [r for r in rows if r["kind"] == "trace"]
    # before training tr H is a small difference of large eigenvalues of both signs
    judged = [r for r in traces if r["stage"] == "minimum"]
    worst = max(abs(r["relative difference"]) for r in judged)
    tops = max(abs(r["relative difference"]) for r in rows if r["kind"] == "top")
    densities = [r for r in rows if r["kind"] in ("moment", "count")]
    z = max(abs(r["z"]) for r in (*traces, *densities))
    return [
        Verdict(
            "traces",
            "at the minimum the traces of H and C from products with vectors are those of the dense matrices",
            worst <= TRACE,
            f"within {100 * worst:.2g} %, limit {100 * TRACE:g} %; quoted errors up to "
            f"{100 * max(r['error'] / abs(r['dense']) for r in judged):.2g} %",
        ),
        Verdict(
            "top-eigenvalues",
            "the largest eigenvalues from products with vectors are those of the dense matrices",
            tops <= TOP,
            f"within {tops:.1g}, limit {TOP:g}",
        ),
        Verdict(
            "spectral-densities",
            "spectral densities by Lanczos quadrature: moments and counts agree with dense spectra within the errors",
            z <= SIGMAS,
            f"largest |z| {z:.1f} over {len(traces) + len(densities)} numbers, limit {SIGMAS:g}",
        ),
    ]


def _rescaling(rows: Rows) -> list[Verdict]:
    one = next(r for r in rows if r["a"] == 1)
    law = max(abs(r[f"{k}"] / r[f"{k} by law"] - 1) for r in rows for k in ("trace", "top"))
    names = [k for k in one if k not in MOVING]
    spread = max(abs(r[k] / one[k] - 1) for r in rows for k in names)
    traces, tops = [r["trace"] for r in rows], [r["top"] for r in rows]
    same = max(r[SAME_WALK] for r in rows)
    apart = max(r[OTHER_WALK] for r in rows)
    return [
        Verdict(
            "same-function",
            "one layer times a and the next over a: the network is the same function",
            max(r["change of losses"] for r in rows) <= EXACT,
            f"losses change by {max(r['change of losses'] for r in rows):.1g} at most, a from {rows[0]['a']:g} to "
            f"{rows[-1]['a']:g}",
        ),
        Verdict(
            "same-sharpness",
            "the same function has the same sharpness (trace and top eigenvalue of H, within a factor 2)",
            max(traces) / min(traces) <= 2 and max(tops) / min(tops) <= 2,
            f"traces from {min(traces):.4g} to {max(traces):.4g}, top eigenvalues from {min(tops):.4g} to "
            f"{max(tops):.4g}",
            expected=False,
        ),
        Verdict(
            "law-of-change",
            "trace and top eigenvalue change as D^-1 H D^-1 says", law <= EXACT, f"within {law:.1g}, limit {EXACT:g}"
        ),
        Verdict(
            "invariants",
            "relative trace, relative top eigenvalue, relative flatness per layer and Fisher-Rao norm do not change",
            spread <= EXACT,
            f"within {spread:.1g}, limit {EXACT:g}: "
            + ", ".join(f"{name} {one[name]:.4g}" for name in names),
        ),
        Verdict(
            "matching-walk",
            "SGD with the learning rates eta D^2 on the rescaled network is the same walk",
            same <= EXACT,
            f"ends differ by {same:.1g} of the way, limit {EXACT:g}",
        ),
        Verdict(
            "one-rate-walk",
            "SGD with one learning rate for both is the same walk, too",
            apart <= 0.01,
            f"ends differ by up to {apart:.3g} of the way (the same mini-batches)",
            expected=False,
        ),
    ]  # fmt: skip


def _escapes(rows: Rows) -> list[Verdict]:
    def spread(name: str) -> float:
        values = [float(r[name]) for r in rows]
        return max(values) / min(values) - 1

    flat, sharp = max(rows, key=lambda r: float(r["k"])), min(rows, key=lambda r: float(r["k"]))
    batches = np.array([r["mini-batches, eta k^2"] for r in rows])
    errors = np.array([r["error"] for r in rows])
    gap = float(np.max(np.abs(batches - batches.mean()) / errors))
    exact, chain = spread("SDE, eta k^2"), spread("chain, eta k^2")
    return [
        Verdict(
            "sharpness-decides",
            "how sharp a valley is decides in how many iterations SGD leaves it, whatever the learning rate's scale",
            not exact <= SAME_TIME,
            f"with eta k^2 curvatures from {flat['H']:.3g} to {sharp['H']:.3g} take the same "
            f"{rows[0]['SDE, eta k^2']:.6g} iterations: only eta H counts ({rows[0]['eta H, eta k^2']:.3g} in all)",
            expected=False,
        ),
        Verdict(
            "matching-rate",
            "with the matching learning rate eta k^2 the escape takes the same number of iterations",
            exact <= SAME_TIME and chain <= CHAIN and gap <= SIGMAS,
            f"SDE within {exact:.1g} (limit {SAME_TIME:g}), discrete chain within {chain:.1g} (limit {CHAIN:g}), true "
            f"mini-batches, drawn alike, {batches.mean():.4g} +- {errors.mean():.2g}, within {gap:.1g} errors",
        ),
        Verdict(
            "one-rate",
            "at one and the same learning rate the stretched (flatter) slice is left as soon as the original",
            spread("SDE, same eta") <= 0.1,
            f"the sharpest is left after {sharp['SDE, same eta']:.3g} iterations, the flattest after "
            f"{flat['SDE, same eta']:.3g}: the coordinate's unit has changed, not the valley",
            expected=False,
        ),
    ]
