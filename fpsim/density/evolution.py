"""Densities in time: p(t) = exp(t A^T) p(0).

    contour          a line (real spectrum): resolvents on a contour, no time step      (Weideman 2006)
    chebyshev        detailed balance: series in the symmetrised generator              (Tal-Ezer, Kosloff 1984)
    uniformisation   any walk, short times: every term is positive                      (Jensen 1953)
    krylov           any walk: one factorisation for a decade of times            (van den Eshof, Hochbruck 2006)
    implicit         any walk, long times: backward Euler, log p extrapolated           (L-stable, positive)

All but the positive two may round below zero: negatives above -1e-12 max(p), or -1e-10 of a subspace, are set to zero
and the mass rescaled, both sizes are stated; anything larger falls to the next method.  The rates of a guided walk may
be negative, and so may its densities while they are narrow: up to a share of 1e-3 that is cut off and stated, beyond
it ``NotPositive`` is raised.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fpsim.density.implicit import ImplicitStepper
from fpsim.density.motion import Motion
from fpsim.kernels.pacing import stretches
from landscapes.progress import part, tell

Array = NDArray[np.float64]
Method = Literal["contour", "chebyshev", "uniformisation", "krylov", "implicit"]
CONTOUR_NODES = 26
NEGATIVE_LIMIT = {"krylov": 1e-10}  # 1e-12 for the others
ROUNDING_LIMIT = 1e-9  # L1 error at which a series is given up
FIRST_WORK = 10**7  # edge updates in the first call of a kernel
MOST_WORK = 2e10  # edge updates of a series, or work like it, before implicit steps are preferred
SIGNED_LIMIT = 1e-3  # share of negative mass that guided rates may leave: it is cut off, and stated
CANCELLATION = 12.0  # most powers of e that may cancel in a sum over powers of a matrix with negative entries


class NotPositive(ValueError):
    """The density of a guided walk has too large a negative part."""


@dataclass(frozen=True)
class Evolution:
    """Masses at the output times and how they were made.

    Attributes:
        masses: (times, n), non-negative.
        method: which of them was used.
        negative: most negative mass before it was set to zero, relative to the largest.
        mass_error: largest correction of the total mass by rescaling.
        time_error: estimated L1 error of the time integration.
        lost: mass per unit time that ends at each time, (times,).
    """

    masses: Array
    method: Method
    negative: float
    mass_error: float
    time_error: float
    lost: Array


def propagate(
    motion: Motion, masses: Array, times: Array, method: Method | None = None, tolerance: float = 1e-5
) -> Evolution:
    """Masses (n,) carried to each of the increasing ``times``, by the quickest method that keeps them positive.

    Args:
        motion: the walk.
        masses: at time zero, shape (n,).
        times: increasing, >= 0.
        method: force one method.
        tolerance: L1 error allowed to implicit steps over the whole time.

    Raises:
        ValueError: for a method that does not suit the walk.
    """
    if method is not None and method not in get_args(Method):
        raise ValueError(f"method is one of {list(get_args(Method))}; got {method!r}")
    later = times[times > 0]
    for chosen in [method] if method else methods_for(motion, later):
        with part(0.1, 1.0):
            values, error = _integrate(motion, chosen, masses, later, tolerance)
        lowest = float(np.min(values.min(axis=1) / values.max(axis=1), initial=0.0))
        share = float(np.max(negative_share(values), initial=0.0)) if motion.opposed else 0.0
        positive = share <= SIGNED_LIMIT if motion.opposed else lowest >= -NEGATIVE_LIMIT.get(chosen, 1e-12)
        accurate = np.isfinite(values).all() and (error < ROUNDING_LIMIT or chosen == "implicit")
        signed = motion.opposed and method is None  # what negative rates leave below zero is so by every method
        if accurate and (positive or signed):
            break
    if not (accurate and positive):
        if signed:
            raise NotPositive(f"a share of {share:.2g} of the density is negative")
        raise ValueError(
            f"the method '{chosen}' is not accurate here: densities down to {lowest:.2g} of their maximum, L1 error "
            f"about {error:.2g}; leave method out"
        )
    before, values, rescaled = values, np.maximum(values, 0.0), 0.0
    if motion.opposed:
        values *= (before.sum(axis=1) / values.sum(axis=1))[:, None]
    if not motion.killing.any() and later.size:
        totals = values.sum(axis=1) / masses.sum()
        rescaled = float(np.abs(totals - 1).max())
        values = values / totals[:, None]
    values = np.concatenate([masses[None][: times.size - later.size], values])
    lost = values @ (motion.killing if chosen == "contour" else motion.capped)
    return Evolution(values, chosen, lowest, rescaled, error, lost)


def negative_share(values: Array) -> Array:
    """Share of the masses (times, n) that is negative."""
    return np.asarray(-np.minimum(values, 0.0).sum(axis=1) / np.abs(values).sum(axis=1))


def methods_for(motion: Motion, times: Array) -> Iterator[Method]:
    """Methods in the order to try: on a line the contour, else those of the least work first."""
    if times.size == 0:
        yield "uniformisation"
        return
    if motion.is_line:
        yield "contour"
    steps, n = (float(motion.leaving.max()) + 8 * motion.opposed) * float(times.max()), motion.killing.size
    work: dict[Method, float] = {
        "uniformisation": steps * motion.rates.nnz,
        "krylov": 20 * n**1.5 if motion.dimension < 3 else 1.5 * n**2,  # measured, like the 8 below
    }
    if motion.log_stationary is not None and not motion.is_line:
        work["chebyshev"] = 8 * np.sqrt(steps) * motion.rates.nnz
    series = sorted((name for name in work if work[name] < MOST_WORK), key=lambda name: work[name])
    yield from series
    if "uniformisation" not in series:
        yield "implicit"


def _integrate(motion: Motion, method: Method, masses: Array, times: Array, tolerance: float) -> tuple[Array, float]:
    """Masses at ``times`` (all > 0), shape (times, n), and the estimated L1 error."""
    if times.size == 0:
        return np.empty((0, masses.size)), 0.0
    if method == "contour":
        return _contour(motion, masses, times), 1e-12
    if method == "chebyshev":
        return _chebyshev(motion, masses, times)
    if method == "krylov":
        from fpsim.density.rational import carried

        return carried(motion, masses, times)
    if method == "uniformisation":
        return _uniformise(motion, masses, times), 1e-12
    return _implicit(motion, masses, times, tolerance)


def _contour(motion: Motion, masses: Array, times: Array) -> Array:
    from fpsim.kernels.tridiagonal import contour

    if not motion.is_line:
        raise ValueError("the contour method needs a tridiagonal generator: one dimension without periodic walls")
    out = np.empty((times.size, masses.size))
    for k, t in enumerate(times):
        out[k] = contour(*motion.bands, motion.killing, masses, t, CONTOUR_NODES)
        tell((k + 1) / times.size)
    return out


def _chebyshev(motion: Motion, masses: Array, times: Array) -> tuple[Array, float]:
    """exp(-t H) with H_ij = -sqrt(rate_ij rate_ji) on the masses p / sqrt(stationary), and its rounding error."""
    from scipy.sparse import diags
    from scipy.special import ive

    from fpsim.density.solver import aligned
    from fpsim.kernels.propagation import chebyshev

    balance = motion.log_stationary
    if balance is None:
        raise ValueError("the Chebyshev series needs detailed balance, which this walk does not have")
    forth, back = aligned(motion.rates)
    forth.data = np.sqrt(forth.data * back.data)
    bound = float((motion.leaving + np.asarray(forth.sum(axis=1)).ravel()).max())  # Gershgorin
    matrix = (forth * (2 / bound) + diags(1 - 2 * motion.leaving / bound)).tocsr()
    root = np.exp(np.maximum(balance - balance.max(), -1200.0) / 2)
    orders = np.arange(int(7 * np.sqrt(bound * times.max() / 2)) + 40)
    coefficients = np.array([np.where(orders > 0, 2.0, 1.0) * ive(orders, bound * t / 2) for t in times])
    used = int(np.flatnonzero(coefficients.max(axis=0) > 1e-17)[-1]) + 1
    start = np.where(masses > 0, masses / root, 0.0)
    table = np.ascontiguousarray(coefficients[:, : max(used, 2)])
    values, before, now = np.empty((times.size, start.size)), start.copy(), np.empty_like(start)
    for begin, end in stretches(table.shape[1], FIRST_WORK // (matrix.nnz + 1)):
        chebyshev(matrix.indptr, matrix.indices, matrix.data, before, now, table, values, begin, end)
        tell(end / table.shape[1])
    values *= root
    # mass far out in the tails is a large number in the symmetrised variable, and rounds as one
    rounding = 2e-16 * np.sqrt(used) * float(np.linalg.norm(start) * np.linalg.norm(root)) / float(masses.sum())
    return np.asarray(values), max(rounding, 1e-14)


def _uniformise(motion: Motion, masses: Array, times: Array) -> Array:
    """Poisson sums of powers of I + A^T / q."""
    from scipy.sparse import diags

    from fpsim.kernels.propagation import uniformised

    q = float(motion.leaving.max()) * (1 + 1e-12)
    if q == 0:
        return np.repeat(masses[None], times.size, axis=0)
    matrix = (motion.rates.T * (1 / q) + diags(np.maximum(1 - motion.leaving / q, 0.0))).tocsr()
    if motion.opposed * times[-1] > CANCELLATION:
        return _uniformise_in_steps(motion, masses, times)
    pieces = [poisson_weights(q * t) for t in times]
    first, counts = np.array([p[0] for p in pieces]), np.array([p[1].size for p in pieces])
    weights = np.concatenate([p[1] for p in pieces])
    out, power = np.zeros((times.size, masses.size)), np.array(masses)
    total = int((first + counts).max())
    for begin, end in stretches(total, FIRST_WORK // (matrix.nnz + 1)):
        uniformised(matrix.indptr, matrix.indices, matrix.data, power, first, counts, weights, out, begin, end)
        tell(end / total)
    return out


def _uniformise_in_steps(motion: Motion, masses: Array, times: Array) -> Array:
    """Poisson sums over steps so short that negative rates cancel few digits."""
    out, now, p = [], 0.0, masses
    for time in times:
        count = int(np.ceil(motion.opposed * (time - now) / (0.99 * CANCELLATION)))
        for k in range(count):
            with part(*((now + (time - now) * (k + end) / count) / times[-1] for end in (0, 1))):
                p = _uniformise(motion, p, np.array([(time - now) / count]))[0]
        now = float(time)
        out.append(p)
    return np.array(out)


def poisson_weights(mean: float) -> tuple[int, Array]:
    """First index and Poisson(mean) weights that carry all but 1e-16 of the mass, summing to one."""
    width = 9 * np.sqrt(mean) + 40
    mode, first = int(mean), max(0, int(mean - width))
    k = np.arange(first, int(mean + width) + 1)
    # sums of logarithms of ratios to the mode: no large numbers to cancel
    steps = np.log(mean) - np.log(np.maximum(k, 1))
    steps[0] = 0.0
    logs = np.cumsum(steps)
    logs -= logs[mode - first]
    weights = np.exp(logs)
    keep = np.flatnonzero(weights > 1e-18)
    weights = weights[keep[0] : keep[-1] + 1]
    return first + int(keep[0]), np.asarray(weights / weights.sum())


def _implicit(motion: Motion, masses: Array, times: Array, tolerance: float) -> tuple[Array, float]:
    """Uniformisation through the first transient, then implicit steps from time to time."""
    early = 0.05 * MOST_WORK / (float(motion.leaving.max()) * motion.rates.nnz)
    stepper = ImplicitStepper(motion, tolerance / float(times.max()), dt=early / 256)
    out, now, p = [], 0.0, masses
    for time in times:
        if now == 0.0:
            now = min(early, float(time))
            with part(0.0, 0.05):
                p = _uniformise(motion, masses, np.array([now]))[0]
        with part(*(0.05 + 0.95 * t / float(times[-1]) for t in (now, float(time)))):
            p = stepper.advance(p, float(time) - now)
        now = float(time)
        out.append(p)
    return np.array(out), stepper.error
