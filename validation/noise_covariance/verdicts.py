"""Verdicts on C = F/S = H/S: five standard errors per direction, tolerances fixed beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from validation.noise_covariance.stages import NETWORKS, Key, Stages, z_scores
from validation.study.findings import Row, Rows
from validation.study.report import Verdict

if TYPE_CHECKING:
    import xarray

    from validation.noise_covariance.measures import NoiseCovariance

SIGMAS = 5.0
CALIBRATED = (0.8, 1.25)
"""Between these the rms of the z-scores says that the errors are right."""
SAME = 1e-10
RANK_ONE = 0.01
"""Centred and uncentred covariance count as equal below this relative distance."""
RIGHT = (("linear", "optimum"), ("logistic", "optimum"), ("teacher", "truth"))
WRONG = (
    ("linear, loud noise", "optimum"), ("linear, uneven noise", "optimum"), ("logistic, wrong labels", "optimum"),
    ("linear", "off optimum"), ("teacher", "off truth"),
)  # fmt: skip
EXACT = (("linear, loud noise", "optimum"), ("linear, uneven noise", "optimum"), ("linear", "off optimum"))
MATCHED = {"linear", "logistic"}
"""Kinds of models whose Fisher information is their Hessian, whatever the data: what stands before the comma."""


def verdicts(found: NoiseCovariance, stages: Stages) -> tuple[Verdict, ...]:
    """All claims in the order of the chain C = C1/S, C1 = G, G = F, F = H, and C = H/S as a whole."""
    return (
        _one_over_s(found.batches),
        *_centred(found.models),
        *_fisher(found.models),
        *(_equal(key, stages[key], True) for key in RIGHT if key in stages),
        _calibrated(found.scores),
        *(_equal(key, stages[key], False) for key in WRONG if key in stages),
        *(_exact(key, stages[key]) for key in EXACT),
        *(_equal(key, stages[key], False) for key in stages if key[0] in NETWORKS),
        *_slice(found.data, found.places),
    )


def plain_words(rows: Rows, places: Rows) -> str:
    """What came out for real networks, in a sentence or two."""
    parts = []
    for r in rows:
        if r["model"] in NETWORKS and r["stage"] == "minimum":
            parts.append(
                f"{r['model']} at its minimum: C/H is {r['C/H median']:.2g} in the median direction (80 % between "
                f"{r['C/H 10 %']:.2g} and {r['C/H 90 %']:.2g}), log-log slope {r['log-log slope']:.3f} +- "
                f"{r['slope error']:.2g}, r {r['log-log r']:.3f}"
            )
    parts.append("on the slice C1/|H| is " + ", ".join(f"{p['C1/|H|']:.2g} at the {p['place']}" for p in places))
    return "Measured: " + "; ".join(parts) + "."


def _one_over_s(batches: Rows) -> Verdict:
    key = "tr C / (factor tr C1 / S)"
    z = [(r[key] - 1) / r["error"] for r in batches]
    worst = max(abs(r[key] - 1) for r in batches)
    return Verdict(
        "one-over-s",
        "the noise of a mini-batch of S examples has the covariance C1/S (times (1 - S/m) m/(m - 1) if drawn without "
        "replacement)",
        max(map(abs, z)) <= SIGMAS,
        f"traces within {100 * worst:.2g} % for S = {', '.join(str(s) for s in sorted({r['S'] for r in batches}))}; "
        f"largest |z| {max(map(abs, z)):.1f}, limit {SIGMAS:g}",
    )


def _centred(rows: Rows) -> list[Verdict]:
    """C = mean g g^T needs the mean gradient to vanish."""
    key = "|C - G|/|G|"
    at = [r for r in rows if r["stage"] in ("optimum", "minimum")]
    worst = max(at, key=lambda r: float(r[key]))
    verdicts = [
        Verdict(
            "centred",
            "at minima the centred covariance is the mean outer product of gradients, C = G",
            worst[key] <= RANK_ONE,
            f"|C - G|/|G| at most {worst[key]:.2g} ({worst['model']}, |gradient| {worst['|gradient|']:.2g}), limit "
            f"{RANK_ONE:g}",
        )
    ]
    off = [r for r in rows if r["stage"] in ("initialisation", "off optimum")]
    best = min(off, key=lambda r: float(r[key]))
    verdicts.append(
        Verdict(
            "uncentred",
            "away from minima the mean outer product of gradients is still the noise's covariance, C = G",
            best[key] <= RANK_ONE,
            f"|C - G|/|G| = {', '.join(f'{r[key]:.2g} ({_name(r)})' for r in off)}: G holds the mean gradient, too",
            expected=False,
        )
    )
    return verdicts


def _fisher(rows: Rows) -> list[Verdict]:
    """F = H everywhere for linear scores; for networks only on average over the model's own labels."""
    key = "|F - H|/|H|"
    linear = [r for r in rows if r["model"].partition(",")[0] in MATCHED]
    worst = max(float(r[key]) for r in linear)
    verdicts = [
        Verdict(
            "fisher-regressions",
            "linear and logistic regression: the model's Fisher information is the Hessian, F = H, whatever the data",
            worst <= SAME,
            f"|F - H|/|H| at most {worst:.1g} at and off the optimum, with right and wrong laws; limit {SAME:g}",
        )
    ]
    start = [r for r in rows if r["model"] in NETWORKS and r["stage"] == "initialisation"]
    if start:
        end = [r for r in rows if r["model"] in NETWORKS and r["stage"] == "minimum"]
        shown = ", ".join(f"{r[key]:.2g} ({_name(r)})" for r in (*start, *end))
        verdicts.append(
            Verdict(
                "fisher-networks",
                "networks before training: F = H within 10 %",
                min(float(r[key]) for r in start) <= 0.1,
                f"|F - H|/|H| = {shown}",
                expected=False,
            )
        )
    return verdicts


def _slug(key: Key) -> str:
    return "-".join(key).replace(",", "").replace(" ", "-").lower()


def _name(row: Row) -> str:
    return f"{row['model']}, {row['stage']}"


def _equal(key: Key, data: xarray.Dataset, expected: bool) -> Verdict:
    z = z_scores(data)
    c, h = data["covariance"].values, data["hessian"].values
    good = np.isfinite(data["ratio_error"].values)
    ratio = c[good] / h[good]
    outside = int(np.sum(np.abs(z) > SIGMAS))
    return Verdict(
        f"equal-{_slug(key)}",
        f"{key[0]}, {key[1]}: C = H/S in every direction of the Hessian's eigenbasis",
        bool(np.abs(z).max() <= SIGMAS),
        f"C_ii/H_ii {np.median(ratio):.3g} in the median direction, 80 % between {np.quantile(ratio, 0.1):.3g} and "
        f"{np.quantile(ratio, 0.9):.3g}, typical error "
        f"{np.median(data['ratio_error'].values[good]):.2g}; largest |z| {np.abs(z).max():.1f}, {outside} of {len(z)} "
        f"directions beyond {SIGMAS:g}",
        expected=expected,
    )


def _exact(key: Key, data: xarray.Dataset) -> Verdict:
    z = z_scores(data, data["theory"].values)
    theory = data["theory"].values
    return Verdict(
        f"ratio-{_slug(key)}",
        f"{key[0]}, {key[1]}: C_ii/H_ii is what the law of the data gives ({theory.min():.3g} to {theory.max():.3g})",
        bool(np.abs(z).max() <= SIGMAS),
        f"largest |z| {np.abs(z).max():.1f} over {len(z)} directions, limit {SIGMAS:g}",
    )


def _calibrated(scores: Rows) -> Verdict:
    return Verdict(
        "calibrated",
        "the quoted errors are right: over many data sets z has an rms of 1",
        all(CALIBRATED[0] <= r["rms z"] <= CALIBRATED[1] for r in scores),
        "; ".join(f"{r['model']}: rms {r['rms z']:.3f}, mean {r['mean z']:+.3f}" for r in scores)
        + f"; limits {CALIBRATED[0]:g} and {CALIBRATED[1]:g}",
    )


def _slice(data: xarray.Dataset, places: Rows) -> list[Verdict]:
    minima = [p for p in places if p["H"] > 0]
    z = [(p["C1/|H|"] - 1) / p["error"] for p in minima]
    ratio = data["slice_ratio"].values
    return [
        Verdict(
            "slice-minima",
            "slice of a ResNet: C1 = H at its two minima",
            max(map(abs, z)) <= SIGMAS,
            "; ".join(f"C1/H = {p['C1/|H|']:.4g} +- {p['error']:.2g} at the {p['place']}" for p in minima),
            expected=False,
        ),
        Verdict(
            "slice-ratio",
            "slice of a ResNet: one constant ratio C1/|H|, within a factor of 2, holds along the way",
            float(np.quantile(ratio, 0.9) / np.quantile(ratio, 0.1)) <= 2,
            f"80 % of the way lies between {np.quantile(ratio, 0.1):.3g} and {np.quantile(ratio, 0.9):.3g}; where the "
            f"curvature changes sign the ratio is infinite (up to {ratio.max():.3g} at the nodes)",
            expected=False,
        ),
    ]
