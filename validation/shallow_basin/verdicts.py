"""Which claims about SGD in all parameters hold around the minimum that was watched."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from validation.study.findings import Row, Rows
from validation.study.lines import straight_line
from validation.study.report import Verdict

if TYPE_CHECKING:
    from validation.shallow_basin.measures import ShallowBasin

BATCHES = "with-replacement"
ENOUGH = 5  # exits, for a mean that another is compared with
BEND = 0.2
"""A departure from the linearised chain that must be able to stand out by 3 sigma before "there is none" is judged."""


def verdicts(found: ShallowBasin) -> tuple[Verdict, ...]:
    """In the order of the panel."""
    return (*excess(found.excess), *boundary(found.boundary), *exits(found.exits), *threshold(found.threshold))


def late(rows: Rows) -> Rows:
    """One row per setting: the late half of each run."""
    found = []
    for row in rows:
        if row["iterations"] != max(r["iterations"] for r in rows if _setting(r) == _setting(row)):
            continue
        ratio, error = (row[key] / row["late_linear"] for key in ("late_excess", "late_error"))
        found.append(
            {
                "kappa": row["kappa"], "batch_size": row["batch_size"], "learning_rate": row["learning_rate"],
                "excess": row["late_excess"], "error": row["late_error"], "linear": row["late_linear"],
                "ratio": ratio, "ratio_error": error, "z": (ratio - 1) / error,
                "replicas": row["replicas"], "back": row["back"], "undecided": row["undecided"], "lost": row["lost"],
            }
        )  # fmt: skip
    return found


def excess(rows: Rows) -> tuple[Verdict, ...]:
    """Mandt's stationary law for small noise, and where it bends."""
    points = late(rows)
    least, limit, error = _limit(points)
    worst = max(points, key=lambda r: abs(r["ratio"] - 1))
    found = [
        Verdict(
            "full-space-linear-limit",
            "For small eta/S the mean excess loss around a minimum of the network is that of the linearised chain",
            abs(limit - 1) < 3 * error,
            f"measured/linear = {limit:.3f} +- {error:.3f} at the {least} settings with the least noise (tolerance 3 "
            "sigma)",
        )
    ]
    if 3 * float(np.median([r["ratio_error"] for r in points])) > BEND:
        return tuple(found)
    found.append(
        Verdict(
            "full-space-linear-everywhere",
            "The linearised chain gives the excess loss at every stable learning rate and batch size",
            all(abs(r["z"]) < 3 for r in points),
            f"measured/linear is farthest off, {worst['ratio']:.2f} +- {worst['ratio_error']:.2f}, at kappa = "
            f"{worst['kappa']:g}, S = {worst['batch_size']:g}; {sum(abs(r['z']) >= 3 for r in points)} of "
            f"{len(points)} settings are off by 3 sigma or more",
            expected=False,
        )
    )
    return tuple(found)


def boundary(rows: Rows) -> tuple[Verdict, ...]:
    """Larger steps leave sooner, larger batches later."""
    falling = [(a, b) for a in rows for b in rows if _steadier(a, b) and _gap(a, b) > 3]
    pairs = sum(_steadier(a, b) for a in rows for b in rows)
    return (
        Verdict(
            "full-space-steadier",
            "A smaller learning rate or a larger batch never makes more replicas leave the basin",
            not falling,
            f"{len(falling)} of {pairs} pairs of settings contradict it by 3 sigma; shares of replicas that left "
            f"within {rows[0]['iterations']} iterations lie between {min(r['share'] for r in rows):.2f} and "
            f"{max(r['share'] for r in rows):.2f}",
        ),
    )


def exits(rows: Rows) -> tuple[Verdict, ...]:
    """What the exits say about S, eta/S and the kind of noise."""
    real = [r for r in rows if r["noise"] == BATCHES]
    return (*_by_batch(real), *_by_noise(real), *_by_shape(rows, real))


def _by_batch(real: Rows) -> Iterator[Verdict]:
    """Larger batches leave later: the smallest against the largest at each learning rate."""
    for fewer, more in _pairs(real, _larger_batch):
        same = [r for r in real if r["kappa"] == fewer["kappa"]]
        sizes = [r["batch_size"] for r in same]
        if (fewer["batch_size"], more["batch_size"]) != (min(sizes), max(sizes)):
            continue
        ratio, error = _log_ratio(more, fewer)
        yield Verdict(
            f"full-space-larger-batch-at-{fewer['kappa']:g}",
            f"At kappa = {fewer['kappa']:g}, exits take longer with S = {more['batch_size']:g} than with "
            f"S = {fewer['batch_size']:g}",
            ratio > 3 * error,
            f"{_shown(more)} against {_shown(fewer)} iterations: ln ratio {ratio:.2f} +- {error:.2f}, to be above "
            f"3 sigma{_exponent(same)}",
        )


def _by_noise(real: Rows) -> Iterator[Verdict]:
    """Time depends on eta/S alone."""
    for fewer, more in _pairs(real, _same_noise):
        ratio, error = _log_ratio(more, fewer, per_time=True)
        yield Verdict(
            f"full-space-sde-{fewer['kappa']:g}-{more['kappa']:g}-{more['batch_size']:g}",
            f"As in an SDE, time to exit (eta * iterations) depends on eta/S alone: kappa = {fewer['kappa']:g}, "
            f"S = {fewer['batch_size']:g} and kappa = {more['kappa']:g}, S = {more['batch_size']:g} take as long",
            abs(ratio) < 3 * error,
            f"{_shown(fewer)} and {_shown(more)} iterations: ln ratio of the times {ratio:.2f} +- {error:.2f} "
            "(tolerance 3 sigma)",
        )


def _by_shape(rows: Rows, real: Rows) -> Iterator[Verdict]:
    """Isotropic noise takes longer."""
    isotropic = next((r for r in rows if r["noise"] == "isotropic"), None)
    base = next((r for r in real if isotropic and _setting(r)[:2] == _setting(isotropic)[:2]), None)
    if isotropic is None or base is None or _exits(base) < ENOUGH:
        return
    ratio, error = _log_ratio(isotropic, base)
    if _exits(isotropic) or ratio >= 3 * error:  # else a bound that decides nothing
        yield Verdict(
            "full-space-isotropic",
            "Isotropic noise of the same trace leaves the basin as soon as mini-batches do",
            abs(ratio) < 3 * error,
            f"{_shown(isotropic)} against {_shown(base)} iterations: ln ratio "
            f"{'' if _exits(isotropic) else 'at least '}{ratio:.2f} +- {error:.2f} (tolerance 3 sigma)",
            expected=False,
        )


def threshold(rows: Rows) -> tuple[Verdict, ...]:
    """A loss threshold is no exit."""
    (row,) = rows
    if row["over"] < ENOUGH:
        return ()
    return (
        Verdict(
            "full-space-threshold",
            "A replica whose loss has passed a threshold has left the basin",
            row["back"] == 0,
            f"gradient flow brings {row['back']} of {row['over']} back to a from where their loss first passed "
            f"L(a) + {row['threshold']:.3g} ({row['multiple']:g} times the linearised stationary excess; kappa = "
            f"{row['kappa']:g}, S = {row['batch_size']:g}); {row['undecided']} undecided",
            expected=False,
        ),
    )


def _limit(points: Rows) -> tuple[int, float, float]:
    """Weighted mean of measured/linear over the third of the settings with the least noise, two at least.

    Settings of one batch size draw the same examples, so that errors are averaged as if they were one.
    """
    least = sorted(points, key=lambda r: float(r["linear"]))[: max(2, len(points) // 3)]
    ratio, error = np.array([(r["ratio"], r["ratio_error"]) for r in least]).T
    weight = error**-2.0
    return len(least), float(np.average(ratio, weights=weight)), float(np.average(error, weights=weight))


def _setting(row: Row) -> tuple[Any, ...]:
    return row["kappa"], row["batch_size"], row.get("noise")


def _steadier(a: Row, b: Row) -> bool:
    """Whether a is to leave no sooner than b."""
    other = _setting(a) != _setting(b)
    return bool(other and a["kappa"] <= b["kappa"] and a["batch_size"] >= b["batch_size"])


def _gap(a: Row, b: Row) -> float:
    """By how many standard errors more replicas left with a than with b."""
    n, k = a["replicas"] + b["replicas"], a["left"] + b["left"]
    error = math.sqrt(k / n * (1 - k / n) * (1 / a["replicas"] + 1 / b["replicas"]))
    return (a["share"] - b["share"]) / error if error > 0 else 0.0


def _pairs(rows: Rows, fits: Any) -> list[tuple[Row, Row]]:
    return [(a, b) for a in rows for b in rows if fits(a, b)]


def _exits(row: Row) -> int:
    return int(row["left"] + row["unstable"])


def _larger_batch(a: Row, b: Row) -> bool:
    """Whether b has the larger batch at the same learning rate, and a enough exits to compare with."""
    return bool(a["kappa"] == b["kappa"] and a["batch_size"] < b["batch_size"] and _exits(a) >= ENOUGH)


def _exponent(rows: Rows) -> str:
    """The power of S with which the mean grows, by a weighted line through ln(mean) against ln(S)."""
    known = [r for r in rows if _exits(r) >= ENOUGH]
    if len(known) < 3:
        return ""
    x, y, error = np.array([(math.log(r["batch_size"]), math.log(r["mean"]), r["log_error"]) for r in known]).T
    line = straight_line(x, y, error)
    return f"; mean ~ S^({line.slope:.2f} +- {line.slope_error:.2f})"


def _same_noise(a: Row, b: Row) -> bool:
    """Whether b has the larger learning rate at the same eta/S, and both have enough exits."""
    equal = abs(a["kappa"] / a["batch_size"] - b["kappa"] / b["batch_size"]) < 0.01 * a["kappa"] / a["batch_size"]
    return equal and bool(a["kappa"] < b["kappa"] and min(_exits(a), _exits(b)) >= ENOUGH)


def _log_ratio(a: Row, b: Row, per_time: bool = False) -> tuple[float, float]:
    """ln(mean of a / mean of b) with its error; without an exit of a, from its lower bound."""
    top = a["mean"] if _exits(a) else a["low"]
    scale = a["kappa"] / b["kappa"] if per_time else 1.0
    return math.log(top / b["mean"] * scale), math.hypot(a["log_error"], b["log_error"])


def _shown(row: Row) -> str:
    n = _exits(row)
    if not n:
        return f"more than {row['low']:.3g} (no exit of {row['replicas']})"
    return f"{row['mean']:.4g} ({row['low']:.3g} to {row['high']:.3g}; {n} exits of {row['replicas']})"
