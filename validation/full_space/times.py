"""Measured times: splitting, and plain simulation whose exits count only after the valley is filled.

    rate = exits after the lag / iterations walked after it,      relative error (exits)^(-1/2)

Replicas start in the minimum; in the first iterations none can leave, so that a mean from the start is longer than one
over the rate.  The lag is a multiple of the relaxation time 1/(eta h), h the least curvature at the minimum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from validation.full_space.places import TWINS, place_of
from validation.study.findings import Row, Rows

LAG = 4.0
"""Relaxation times that are cut."""
BATCHES, GAUSSIAN = "with-replacement", "gaussian"
SPLITTING, PLAIN = "splitting", "plain"


def split(
    network: str, decay: float, eta: float, size: int, noise: str, particles: int, repetitions: int, seed: int,
    side: str = TWINS,
) -> Rows:  # fmt: skip
    """One mean time by splitting."""
    from fpsim import HalfSpace, split_iterations
    from fpsim.networks.one_thread import one_thread

    place = place_of(network, decay, side)
    with one_thread():
        found = split_iterations(
            _moving(place, eta, size, noise), place.minimum, HalfSpace(*place.target), seed=seed,
            repetitions=repetitions, particles=particles, threads=1,
        )  # fmt: skip
    failed = "; ".join(str(a) for a in found.assumptions if not a.holds)
    row = _row(network, decay, side, eta, size, noise, SPLITTING, seed)
    return [{**row, "ln(iterations)": found.log_mean, "error": found.standard_error / found.mean, "note": failed}]


def simulate(
    network: str, decay: float, eta: float, size: int, noise: str, paths: int, horizon: int, seed: int,
    side: str = TWINS,
) -> Rows:  # fmt: skip
    """One rate by simulation."""
    from fpsim import HalfSpace, exit_iterations
    from fpsim.networks.one_thread import one_thread

    place = place_of(network, decay, side)
    lag = LAG / (eta * float(place.spectrum("minimum").curvatures[0]))
    with one_thread():
        sample = exit_iterations(
            _moving(place, eta, size, noise), place.minimum, HalfSpace(*place.target), paths, seed=seed,
            horizon=horizon, threads=1, device="auto",
        )  # fmt: skip
    exits, walked = counted(np.asarray(sample.times), ~np.asarray(sample.censored), lag)
    row = _row(network, decay, side, eta, size, noise, PLAIN, seed)
    mean = math.log(walked / exits) if exits else math.inf
    note = f"{exits} exits after {lag:.0f} iterations"
    return [{**row, "ln(iterations)": mean, "error": 1 / math.sqrt(max(exits, 1)), "note": note}]


def counted(times: Any, left: Any, lag: float) -> tuple[int, float]:
    """Exits after the lag, and the iterations walked after it."""
    return int(np.count_nonzero(left & (times > lag))), float(np.maximum(times - lag, 0.0).sum())


def together(rows: Rows) -> Rows:
    """Parts of one setting as one row: their means averaged, each as much as the others."""
    found: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in SETTING), []).append(row)
    return [_joined(parts) for parts in found.values()]


SETTING = ("network", "decay", "side", "eta", "S", "noise", "method")


def _joined(parts: Rows) -> Row:
    logs, errors = (np.array([part[key] for part in parts]) for key in ("ln(iterations)", "error"))
    largest = logs.max()
    if not np.isfinite(largest):  # without an exit
        return {**{key: parts[0][key] for key in SETTING}, **_ends(parts, math.inf, math.inf)}
    means = np.exp(logs - largest)
    mean, error = float(means.mean()), float(np.sqrt(np.sum((means * errors) ** 2))) / len(parts)
    return {**{key: parts[0][key] for key in SETTING}, **_ends(parts, float(largest + math.log(mean)), error / mean)}


def _ends(parts: Rows, log: float, error: float) -> Row:
    notes = "; ".join(dict.fromkeys(part["note"] for part in parts if part["note"]))
    rate = parts[0]["S"] / parts[0]["eta"]
    return {"S/eta": rate, "ln(iterations)": log, "error": error, "parts": len(parts), "note": notes}


def _row(
    network: str, decay: float, side: str, eta: float, size: int, noise: str, method: str, seed: int
) -> Row:  # fmt: skip
    return {
        "network": network, "decay": decay, "side": side, "eta": eta, "S": size, "noise": noise, "method": method,
        "seed": seed,
    }  # fmt: skip


def _moving(place: Any, eta: float, size: int, noise: Any) -> Any:
    """What moves: real mini-batches, or Gaussian noise of their covariance."""
    from fpsim import MiniBatchSGD

    return MiniBatchSGD(place.landscape, eta, size, noise)
