"""Densities in time: p(t) = exp(t A^T) p(0).

    line, real spectrum       a contour integral of resolvents: no time step           (Weideman 2006)
    detailed balance          Chebyshev series of the symmetrised generator            (Tal-Ezer, Kosloff 1984)
    any walk, short times     uniformisation: every term is positive                   (Jensen 1953)
    any walk, long times      backward Euler with Richardson extrapolation of log p    (L-stable, positive)

The first two may round below zero: negatives above -1e-12 max(p) are set to zero and the mass rescaled, both sizes
are stated; anything larger falls to the positive methods.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Method = Literal["contour", "chebyshev", "uniformisation", "implicit"]
CONTOUR_NODES = 32
NEGATIVE_LIMIT = 1e-12
MOST_WORK = 2e10  # edge updates of a series before implicit steps are preferred


@dataclass(frozen=True)
class Evolution:
    """Masses at the output times and how they were made.

    Attributes:
        masses: (times, n), non-negative.
        method: which of the four was used.
        negative: most negative mass before it was set to zero, relative to the largest.
        mass_error: largest correction of the total mass by rescaling.
        time_error: estimated L1 error of the time stepping (rounding for the exact methods).
    """

    masses: Array
    method: Method
    negative: float
    mass_error: float
    time_error: float


def propagate(
    rates: Any, killing: Array, masses: Array, times: Array, *, log_stationary: Array | None = None,
    is_line: bool = False, method: Method | None = None, tolerance: float = 1e-6,
) -> Evolution:
    """Masses (n,) carried to each time, by the quickest method that keeps them positive.

    Args:
        rates: sparse rates among the cells, row to column.
        killing: rates out, shape (n,).
        masses: at time zero, shape (n,).
        times: increasing, >= 0.
        log_stationary: logarithm of the stationary masses if the walk is in detailed balance with them.
        is_line: whether the walk is tridiagonal.
        method: force one method.
        tolerance: L1 error allowed to implicit steps over the whole time.
    """
    leaving = np.asarray(rates.sum(axis=1)).ravel() + killing
    positive = times[times > 0]
    kept = not killing.any()
    candidates = [method] if method else _candidates(rates, leaving, positive, log_stationary, is_line)
    for candidate in candidates:
        values, error = _run(candidate, rates, leaving, masses, positive, log_stationary, tolerance)
        lowest = float(np.min(values / np.max(values, axis=1, keepdims=True), initial=0.0)) if positive.size else 0.0
        if np.isfinite(values).all() and lowest >= -NEGATIVE_LIMIT:
            break
    else:
        raise ValueError(f"the method '{method}' gave densities down to {lowest:.2g} of their maximum; leave the choice open")
    values = np.maximum(values, 0.0)
    drift = np.abs(values.sum(axis=1) / masses.sum() - 1) if kept else np.zeros(1)
    if kept:
        values *= masses.sum() / values.sum(axis=1, keepdims=True)
    out = np.empty((times.size, masses.size))
    out[times > 0], out[times == 0] = values, masses
    return Evolution(out, candidate, lowest, float(np.max(drift, initial=0.0)), error)


def _candidates(rates: Any, leaving: Array, times: Array, balance: Array | None, is_line: bool) -> list[Method]:
    """Methods in the order to try."""
    if times.size == 0:
        return ["uniformisation"]
    steps = float(leaving.max()) * float(times.max())
    out: list[Method] = ["contour"] if is_line else []
    if balance is not None and not is_line and 8 * np.sqrt(steps) * rates.nnz < MOST_WORK:
        out.append("chebyshev")
    short = steps * rates.nnz < MOST_WORK
    return [*out, "uniformisation"] if short else [*out, "implicit"]


def _run(
    method: Method, rates: Any, leaving: Array, masses: Array, times: Array, balance: Array | None, tolerance: float
) -> tuple[Array, float]:
    if times.size == 0:
        return np.empty((0, masses.size)), 0.0
    if method == "contour":
        from fpsim.kernels.tridiagonal import contour

        up, down = rates.diagonal(1), rates.diagonal(-1)
        return np.array([contour(up, down, leaving, masses, t, CONTOUR_NODES) for t in times]), 1e-12
    if method == "chebyshev":
        return _chebyshev(rates, leaving, masses, times, balance), 1e-12
    if method == "uniformisation":
        return _uniformise(rates, leaving, masses, times), 1e-12
    return _implicit(rates, leaving, masses, times, tolerance)


def _chebyshev(rates: Any, leaving: Array, masses: Array, times: Array, balance: Array | None) -> Array:
    """exp(-t H) with H_ij = -sqrt(rate_ij rate_ji) on the symmetrised masses p / sqrt(stationary)."""
    from scipy.sparse import diags
    from scipy.special import ive

    from fpsim.density.solver import aligned
    from fpsim.kernels.propagation import chebyshev

    if balance is None:
        raise ValueError("the Chebyshev series needs detailed balance, which this walk does not have")
    forth, back = aligned(rates)
    forth.data = np.sqrt(forth.data * back.data)
    bound = float((leaving + np.asarray(forth.sum(axis=1)).ravel()).max())  # Gershgorin
    matrix = (forth * (2 / bound) + diags(1 - 2 * leaving / bound)).tocsr()
    root = np.exp(np.maximum(balance - balance.max(), -1200.0) / 2)
    terms = int(np.ceil(7.0 * np.sqrt(bound * times.max() / 2) + 40))
    orders = np.arange(terms)
    coefficients = np.array([np.where(orders > 0, 2.0, 1.0) * ive(orders, bound * t / 2) for t in times])
    used = int(np.max(np.nonzero(np.nan_to_num(coefficients).max(axis=0) > 1e-17)[0], initial=1)) + 1
    start = np.where(masses > 0, masses / root, 0.0)
    out = chebyshev(matrix.indptr, matrix.indices, matrix.data, start, np.ascontiguousarray(coefficients[:, : max(used, 2)]))
    return np.asarray(out * root)


def _uniformise(rates: Any, leaving: Array, masses: Array, times: Array) -> Array:
    """Poisson sums of powers of I + A^T / q."""
    from scipy.sparse import diags

    from fpsim.kernels.propagation import uniformised

    q = float(leaving.max()) * (1 + 1e-12)
    if q == 0:
        return np.repeat(masses[None], times.size, axis=0)
    matrix = (rates.T * (1 / q) + diags(np.maximum(1 - leaving / q, 0.0))).tocsr()
    firsts, weights = [], []
    for t in times:
        first, row = poisson_weights(q * t)
        firsts.append(first)
        weights.append(row)
    counts = np.array([w.size for w in weights])
    return np.asarray(
        uniformised(matrix.indptr, matrix.indices, matrix.data, masses, np.array(firsts), counts, np.concatenate(weights))
    )


def poisson_weights(mean: float) -> tuple[int, Array]:
    """First index and Poisson(mean) weights that carry all but 1e-16 of the mass, summing to one."""
    width = 9 * np.sqrt(mean) + 40
    first = max(0, int(mean - width))
    k = np.arange(first, int(mean + width) + 1)
    from scipy.special import gammaln

    # relative to the mode, where the logarithms of large numbers would lose digits
    mode = int(mean)
    logs = (k - mode) * np.log(mean) - (gammaln(k + 1.0) - gammaln(mode + 1.0)) if mean > 0 else np.where(k == 0, 0.0, -800.0)
    weights = np.exp(logs - logs.max())
    keep = np.flatnonzero(weights > 1e-18)
    weights = weights[keep[0] : keep[-1] + 1]
    return first + int(keep[0]), np.asarray(weights / weights.sum())


def _implicit(rates: Any, leaving: Array, masses: Array, times: Array, tolerance: float) -> tuple[Array, float]:
    """Backward Euler over dt and over 2 x dt/2, joined as fine^2 / coarse: second order, positive, L-stable.

    Steps double or halve, so that each factorisation serves two step sizes.
    """
    from scipy.sparse import diags, identity

    from fpsim.density.solver import factorise

    generator = (rates.T - diags(leaving)).tocsc()
    factors: dict[float, Any] = {}

    def step(p: Array, dt: float) -> Array:
        if dt not in factors:
            while len(factors) > 4:
                factors.pop(next(iter(factors)))
            factors[dt] = factorise((identity(p.size, format="csc") - dt * generator).tocsc())
        return np.maximum(factors[dt].solve(p), 0.0)

    out, error, now, p = [], 0.0, 0.0, masses.copy()
    longest = float(times.max())
    dt = longest / 2 ** np.ceil(np.log2(max(float(leaving.max()) * longest, 2.0)))
    for time in times:
        while now < time * (1 - 1e-12):
            size = dt if now + dt <= time else time - now
            coarse, fine = step(p, size), step(step(p, size / 2), size / 2)
            joined = _log_extrapolated(coarse, fine)
            gap = float(np.abs(joined - fine).sum() / masses.sum()) ** 1.5  # the joined step errs one order higher
            if gap > tolerance * size / longest and size > 1e-12 * longest:
                dt = size / 2
                continue
            now, p, error = now + size, joined, error + gap
            if size == dt and gap < tolerance * size / longest / 8:
                dt *= 2
        out.append(p.copy())
    return np.array(out), error


def _log_extrapolated(coarse: Array, fine: Array) -> Array:
    """fine^2 / coarse, scaled to the mass that the linear extrapolation 2 fine - coarse has."""
    with np.errstate(divide="ignore", invalid="ignore"):
        joined = np.where(coarse > 0, fine * np.minimum(fine / coarse, 4.0), fine)
    mass = max(2 * fine.sum() - coarse.sum(), 0.0)
    return np.asarray(joined * (mass / joined.sum()))
