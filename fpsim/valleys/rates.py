"""The valleys of a landscape as a Markov chain:  i -> j at the rate sum_b k_ij(b), one rate per saddle b between them.

    pi_i ~ e^(-L_i / T) / sqrt(det H_i)

Eyring and Kramers' rates (:mod:`fpsim.valleys.eyring`) are in detailed balance with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fpsim.assumption import Assumption
from fpsim.valleys.chain import ValleyRates
from fpsim.valleys.eyring import anharmonicity, log_rate, require_spectrum
from fpsim.valleys.joining import SAME
from fpsim.valleys.patience import Told, patience
from fpsim.valleys.saddle import Saddle, certified, require_loss, unit_of_length
from landscapes.critical.points import CriticalPoint

MOST = 300
"""Valleys of a chain, at most: its mean times take the fourth power of their number."""


def eyring_kramers_rates(
    sde: Any, bounds: Any = None, progress: Callable[[float], None] | None = None, deadline: float = math.inf
) -> ValleyRates:
    """The valleys of a landscape as a Markov chain with Eyring-Kramers rates.

    Args:
        sde: a landscape with a loss under noise D = T I.
        bounds: the box whose minima are the states; the landscape's own if None.
        progress: called with the share of the saddles that are certified, in [0, 1].
        deadline: seconds for certifying these (after the search of the box for critical points), then an error that
            says what was found.

    Raises:
        ValueError: for another noise, without a loss or a box, if there is no minimum, or the deadline passes.
    """
    temperature, landscape = _temperature(sde), sde.landscape
    require_loss(landscape)
    require_spectrum(landscape)
    valleys = joined_valleys(landscape, bounds, progress, deadline)
    n = len(valleys.minima)
    log_rates, errors = np.full((n, n), -np.inf), np.zeros((n, n))
    for s, (i, j) in zip(valleys.saddles, valleys.links, strict=True):
        for a, b in ((i, j), (j, i)):
            value, error = log_rate(landscape, valleys.minima[a], s, temperature)
            log_rates[a, b] = np.logaddexp(log_rates[a, b], value)
            errors[a, b] = max(errors[a, b], error)
    weights = np.array([-m.loss / temperature - np.sum(np.log(m.eigenvalues)) / 2 for m in valleys.minima])
    stationary = weights - float(np.logaddexp.reduce(weights))
    checks = _checks(landscape, valleys, temperature)
    return ValleyRates(landscape.name, temperature, valleys.minima, valleys.saddles, valleys.links, log_rates,
                       stationary, errors, checks, valleys.notes, landscape=landscape)  # fmt: skip


@dataclass(frozen=True)
class JoinedValleys:
    """The minima of a box, the certified saddles between two different ones, which two, and what was left out."""

    minima: tuple[CriticalPoint, ...]
    saddles: tuple[Saddle, ...]
    links: tuple[tuple[int, int], ...]
    notes: tuple[str, ...]


def joined_valleys(
    landscape: Any, bounds: Any, progress: Callable[[float], None] | None, deadline: float
) -> JoinedValleys:
    """The valleys of a box and the passes between them.

    Raises:
        ValueError: without a box, if there is no minimum or too many, or the deadline passes.
    """
    points = landscape.critical_points(bounds)
    minima = points.minima
    if not 0 < len(minima) <= MOST:
        raise ValueError(f"a chain of valleys has 1 to {MOST} of them; {len(minima)} minima were found in the box")
    saddles: list[Saddle] = []
    with patience(deadline, lambda: f"{len(minima)} minima and {len(saddles)} certified passes were known"):
        length = unit_of_length(landscape, minima[0].x)
        links, notes = _joined(landscape, points, length, saddles, Told(progress))
    if not points.complete:
        notes.append("minima and passes come from a search that may have missed some")
    return JoinedValleys(minima, tuple(saddles), tuple(links), tuple(notes))


def _temperature(sde: Any) -> float:
    """T of D = T I."""
    if not (hasattr(sde, "noise") and hasattr(sde, "landscape")):
        raise TypeError(f"rates expected an SDE, a landscape together with its noise; got {sde!r}")
    tensor = np.asarray(sde.diffusion(np.zeros((sde.dimension, 1)))[..., 0]) if sde.noise.is_constant else None
    level = None if tensor is None else float(tensor[0, 0])
    if tensor is None or not np.allclose(tensor, level * np.eye(len(tensor)), rtol=1e-12, atol=0):  # type: ignore[operator]
        raise ValueError(
            f"rates between valleys are for noise D = T I, equal in all directions; this SDE has {sde.noise}"
        )
    assert level is not None
    return level


def _joined(
    landscape: Any, points: Any, length: float, saddles: list[Saddle], told: Told
) -> tuple[list[tuple[int, int]], list[str]]:
    """Add the certified saddles between two different minima of the box; which two, and what was left out."""
    links, left = [], 0
    for done, p in enumerate(points.saddles, 1):
        try:
            found = certified(landscape, p.x, length)
        except ValueError:
            left += 1
            continue
        ends = [_number(points.minima, m, length) for m in found.minima]
        if ends[0] is None or ends[1] is None:
            left += 1
        elif ends[0] != ends[1]:
            saddles.append(found)
            links.append((ends[0], ends[1]))
        told(done / len(points.saddles))
    told(1.0)
    notes = [f"{left} saddle(s) lead out of the box or to no minimum and are left out"] if left else []
    degenerate = sum(p.degenerate for p in points)
    if degenerate:
        notes.append(f"{degenerate} degenerate critical point(s) have no rate and are left out")
    return links, notes


def _number(minima: Sequence[CriticalPoint], m: CriticalPoint, length: float) -> int | None:
    return next((k for k, known in enumerate(minima) if np.linalg.norm(known.x - m.x) <= SAME * length), None)


def _checks(landscape: Any, valleys: JoinedValleys, temperature: float) -> tuple[Assumption, ...]:
    if not valleys.saddles:
        alone = len(valleys.minima) == 1
        return (Assumption("valleys are joined", alone, "there is one" if alone else "no pass joins two of them"),)
    pairs = [(s, [valleys.minima[k] for k in pair]) for s, pair in zip(valleys.saddles, valleys.links, strict=True)]
    least = min(s.loss - max(m.loss for m in ends) for s, ends in pairs)
    off = max(anharmonicity(landscape, (m, s), temperature) for s, ends in pairs for m in ends)
    return (
        Assumption("every climb / T >= 5", least >= 5 * temperature, f"the least {least / temperature:.4g}"),
        Assumption("loss is quadratic within a thermal width (0.1 noise units)", off <= 0.1, f"off by {off:.3g}"),
    )
