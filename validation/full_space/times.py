"""Measured times: splitting, and plain simulation whose exits count only after the valley is filled.

    rate = exits after the lag / iterations walked after it,      relative error (exits)^(-1/2)

Replicas start in the minimum; in the first iterations none can leave, so that a mean from the start, which is what
splitting gives, is longer than one over the rate: by some 7000 iterations at decay 0.04, which is a sixth at S = 2, a
sixtieth at S = 3 and nothing from S = 4 on.  Plain simulation gives both (:func:`fpsim.sgd.settled.from_start`), and
splitting is held against the same of the two.  The lag is a multiple of the relaxation time 1/(eta h), h the least
curvature at the minimum.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from validation.full_space.places import TWINS, place_of
from validation.full_space.size import BATCHES, MOMENTA
from validation.study.findings import Row, Rows

LAG = 15.0
"""Relaxation times that are cut; after 4 of them exits are still too few (test of the first run on a GPU)."""
SPLITTING, PLAIN = "splitting", "plain"
FROM_START, ITS_ERROR = "ln(iterations) from the start", "error from the start"


def split(
    network: str, decay: float, eta: float, size: int, noise: str, particles: int, repetitions: int, seed: int,
    side: str = TWINS, threads: int | None = 1,
) -> Rows:  # fmt: skip
    """One mean time by splitting."""
    from fpsim import HalfSpace, split_iterations
    from fpsim.networks.one_thread import one_thread

    place = place_of(network, decay, side)
    with one_thread():
        found = split_iterations(
            _moving(place, eta, size, noise), place.minimum, HalfSpace(*place.target), seed=seed,
            repetitions=repetitions, particles=particles, threads=threads,
        )  # fmt: skip
    failed = "; ".join(str(a) for a in found.assumptions if not a.holds)
    row = _row(network, decay, side, eta, size, noise, SPLITTING, seed)
    log, error = found.log_mean, found.log_error or found.standard_error / found.mean
    return [
        {
            **row, "ln(iterations)": log, "error": error, FROM_START: log, ITS_ERROR: error, "exits": 0, "walked": 0.0,
            "note": failed,
        }
    ]  # fmt: skip


def simulate(
    network: str, decay: float, eta: float, size: int, noise: str, paths: int, horizon: int, seed: int,
    device: Any = "cpu", side: str = TWINS, threads: int | None = 1,
) -> Rows:  # fmt: skip
    """One rate by simulation."""
    from fpsim import HalfSpace, exit_iterations
    from fpsim.networks.one_thread import one_thread
    from fpsim.sgd.settled import Risk, assumptions, from_start

    place = place_of(network, decay, side)
    lag = LAG / (eta * float(place.spectrum("minimum").curvatures[0]))
    with one_thread():
        sample = exit_iterations(
            _moving(place, eta, size, noise), place.minimum, HalfSpace(*place.target), paths, seed=seed,
            horizon=horizon, threads=threads, device=device,
        )  # fmt: skip
    risk = Risk(np.asarray(sample.times, dtype=float), ~np.asarray(sample.censored))
    exits, walked = risk.exits(lag), risk.exposure(lag)
    failed = "; ".join(str(a) for a in assumptions(risk, lag) if not a.holds) if exits else ""
    row = _row(network, decay, side, eta, size, noise, PLAIN, seed)
    begun = from_start(risk, lag) if exits else (math.inf, math.inf)
    whole = {FROM_START: math.log(begun[0]), ITS_ERROR: begun[1] / begun[0] if exits else math.inf}
    return [{**row, **_rate(exits, walked), **whole, "exits": exits, "walked": walked, "note": failed}]


def together(rows: Rows) -> Rows:
    """Parts of one setting as one row: means by splitting averaged, each as much as the others; exits counted up."""
    found: dict[tuple[Any, ...], Rows] = {}
    for row in rows:
        found.setdefault(tuple(row[key] for key in SETTING), []).append(row)
    return [_joined(parts) for parts in found.values()]


SETTING = ("network", "decay", "side", "eta", "S", "noise", "method")


def _joined(parts: Rows) -> Row:
    row = {key: parts[0][key] for key in SETTING} | {"S/eta": parts[0]["S"] / parts[0]["eta"]}
    exits, walked = (sum(part[key] for part in parts) for key in ("exits", "walked"))
    whole = _mean(parts, FROM_START, ITS_ERROR)
    mean = _rate(exits, walked) if row["method"] == PLAIN else _mean(parts, "ln(iterations)", "error")
    notes = "; ".join(dict.fromkeys(part["note"] for part in parts if part["note"]))
    return {**row, **mean, **whole, "exits": exits, "walked": walked, "parts": len(parts), "note": notes}


def _rate(exits: int, walked: float) -> Row:
    """ln of iterations per exit and its error; infinite without one."""
    if not exits:
        return {"ln(iterations)": math.inf, "error": math.inf}
    return {"ln(iterations)": math.log(walked / exits), "error": 1 / math.sqrt(exits)}


def _mean(parts: Rows, log: str, error: str) -> Row:
    """Means that count alike, and the error of their mean; infinite if one is."""
    logs, errors = (np.array([part[key] for part in parts]) for key in (log, error))
    if not np.isfinite(logs).all():
        return {log: math.inf, error: math.inf}
    means = np.exp(logs - logs.max())
    spread = float(np.sqrt(np.sum((means * errors) ** 2))) / len(parts)
    return {log: float(logs.max() + math.log(means.mean())), error: spread / float(means.mean())}


def _row(
    network: str, decay: float, side: str, eta: float, size: int, noise: str, method: str, seed: int
) -> Row:  # fmt: skip
    return {
        "network": network, "decay": decay, "side": side, "eta": eta, "S": size, "noise": noise, "method": method,
        "seed": seed,
    }  # fmt: skip


def _moving(place: Any, eta: float, size: int, noise: Any) -> Any:
    """What moves: real mini-batches by one of their laws, or Gaussian noise of their covariance."""
    from fpsim import MiniBatchSGD

    beta = MOMENTA.get(noise, 0.0)
    law: Any = BATCHES if beta else noise
    return MiniBatchSGD(place.landscape, (1 - beta) * eta, size, law, momentum=beta)
