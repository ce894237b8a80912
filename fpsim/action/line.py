"""One dimension: there is one way, and its action is an integral,

S = int_start^end F(x, +-1) dx,      F = p where the drift points back, 0 where it helps.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.action.hamiltonian import Hamiltonian, NoWayError, pull
from fpsim.sgd.cramer import integral

Array = NDArray[np.float64]
SIGHT = 2049  # points at which the drift's sign is looked at
TOLERANCE = 1e-11


@dataclass(frozen=True)
class Line:
    """Where the drift changes sign between the ends, and the action of every piece with its error."""

    ends: Array
    actions: Array
    errors: Array


def line(h: Hamiltonian, start: float, end: float) -> Line:
    """The action from a number to another one.

    Raises:
        ValueError: if the integral does not converge, as where the noise vanishes against the drift.
        NoWayError: where no finite momentum leads on.
    """
    side = float(np.sign(end - start))

    def force(x: Array) -> Array:
        """F(x, +-1)."""
        points = x.reshape(1, -1)
        with np.errstate(all="ignore"):
            return pull(h, points, np.full_like(points, side)).action

    ends = np.array([start, *_turns(h, start, end), end])
    actions, errors = np.zeros(ends.size - 1), np.zeros(ends.size - 1)
    for k, (low, high) in enumerate(itertools.pairwise(ends)):
        if side * float(_drift(h, np.array([(low + high) / 2]))[0]) < 0:
            try:
                value, error = integral(force, float(low), float(high), TOLERANCE)
            except NoWayError:
                raise
            except ValueError as reason:
                raise ValueError(
                    f"the action from {low:g} to {high:g} does not converge ({reason}): the noise vanishes against the "
                    "drift there; give floor= (a share of the noise at the start)"
                ) from None
            actions[k], errors[k] = abs(value), error
    return Line(ends, actions, errors)


def _drift(h: Hamiltonian, x: Array) -> Array:
    return np.asarray(h.by_momentum(x[None], np.zeros((1, x.size)))[0])


def _turns(h: Hamiltonian, start: float, end: float) -> list[float]:
    """Where the drift changes sign strictly between two points, in order of the way."""
    from scipy.optimize import brentq

    x = np.linspace(start, end, SIGHT)
    b = _drift(h, x)
    b[np.abs(b) <= 1e-12 * np.abs(b).max()] = 0.0
    signs, found = np.sign(b), []
    known = np.flatnonzero(signs)
    for i, j in itertools.pairwise(known):
        if signs[i] != signs[j]:
            found.append(
                float(brentq(lambda y: float(_drift(h, np.array([y]))[0]), x[i], x[j], xtol=1e-15, rtol=1e-14))
            )
    return found


def momentum_on(h: Hamiltonian, x: Array, rising: bool) -> tuple[Array, float, float]:
    """Momentum (n,) at points of a line, int p . p dt, and the largest |H| / |b p|."""
    points, zero = x[None], np.zeros((1, x.size))
    b, side = h.by_momentum(points, zero)[0], 1.0 if rising else -1.0
    climbing, p = side * b < -1e-12 * np.abs(b).max(), np.zeros(x.size)
    if not climbing.any():
        return p, 0.0, 0.0
    up = np.ascontiguousarray(points[:, climbing])
    found = pull(h, up, np.full_like(up, side))
    p[climbing] = found.momentum[0]
    energy = float(np.abs(h.value(up, found.momentum)).max() / np.abs(b[climbing] * p[climbing]).max())
    spent = np.zeros(x.size)
    spent[climbing] = found.time * found.momentum[0] ** 2
    return p, abs(float(np.trapezoid(spent, x))), energy
