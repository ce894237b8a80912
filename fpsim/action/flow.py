"""Where the dynamics without noise takes a point, x' = b(x): fixed points, and the ways that cost nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fpsim.action.hamiltonian import Hamiltonian

Array = NDArray[np.float64]
DOUBLINGS = 30  # of the time followed, from the fastest rate's own on
MOST_LOOKS = 20_000  # at the drift, before a flow line counts as going on for ever
AWAY = 1e-4  # of the way's length: how far beside a fixed point a flow line begins
AT_REST = 1e-9


class EndlessError(Exception):
    """A flow line comes to rest nowhere."""


@dataclass(frozen=True)
class FixedPoint:
    """A place where the drift vanishes, with the eigenvalues (d,) and eigenvectors (d, d) of its Jacobian."""

    x: Array
    rates: NDArray[np.complex128]
    modes: NDArray[np.complex128]

    @property
    def index(self) -> int:
        """How many directions grow."""
        return int(np.sum(self.rates.real > 0))

    @property
    def stable(self) -> bool:
        """Whether every small deviation dies out."""
        return bool(np.all(self.rates.real < 0))


def drift(h: Hamiltonian, x: Array) -> Array:
    """b at a point (d,)."""
    column = x[:, None]
    return np.asarray(h.by_momentum(column, np.zeros_like(column))[:, 0])


def jacobian(h: Hamiltonian, x: Array) -> Array:
    """db_i/dx_j at a point, (d, d)."""
    column = x[:, None]
    return np.asarray(h.shear(column, np.zeros_like(column))[..., 0])


def fixed_point(h: Hamiltonian, near: Array, reach: float) -> FixedPoint | None:
    """The fixed point that Newton's method finds from ``near`` (d,), if it lies within ``reach``."""
    x = near.copy()
    for _ in range(40):
        b, matrix = drift(h, x), jacobian(h, x)
        if not (np.isfinite(b).all() and np.isfinite(matrix).all()):
            return None
        step = np.linalg.lstsq(matrix, -b, rcond=1e-12)[0]
        x = x + step * min(1.0, reach / max(float(np.linalg.norm(step)), 1e-300))
        if np.linalg.norm(x - near) > 2 * reach:
            return None
        if np.linalg.norm(step) <= 1e-13 * (reach + np.linalg.norm(x)):
            break
    matrix = jacobian(h, x)
    if not np.linalg.norm(drift(h, x)) <= AT_REST * np.linalg.norm(matrix) * reach:
        return None
    if np.linalg.norm(x - near) > reach:
        return None
    rates, modes = np.linalg.eig(matrix)
    return FixedPoint(x, rates.astype(complex), modes.astype(complex))


def downstream(h: Hamiltonian, start: Array, length: float) -> tuple[Array, FixedPoint | None]:
    """The flow line (d, n) from a point, and the stable fixed point that it ends in (``None``: in none that is found).

    ``length`` is the problem's own, on which points are near or far.
    """
    from scipy.integrate import solve_ivp

    points, x = [start[:, None]], start
    rate = max(float(np.linalg.norm(jacobian(h, start), 2)), float(np.linalg.norm(drift(h, start))) / length, 1e-300)
    time = 1 / rate
    looks = 0

    def slope(_: float, y: Array) -> Array:
        """The drift, as long as it is not asked for too often."""
        nonlocal looks
        looks += 1
        if looks > MOST_LOOKS:
            raise EndlessError
        return drift(h, y)

    for _ in range(DOUBLINGS):
        try:
            with np.errstate(all="ignore"):
                found = solve_ivp(
                    slope, (0.0, time), x, method="LSODA", jac=lambda _, y: jacobian(h, y), rtol=1e-9,
                    atol=1e-11 * length,
                )  # fmt: skip
        except EndlessError:
            break
        if not (found.success and np.isfinite(found.y).all()):
            break
        points.append(found.y[:, 1:])
        x = found.y[:, -1]
        rest = fixed_point(h, x, 1e-3 * length)
        if rest is not None and rest.stable:
            return np.concatenate([*points, rest.x[:, None]], axis=1), rest
        time *= 2
    return np.concatenate(points, axis=1), None


def free_way(h: Hamiltonian, x: Array, begin: FixedPoint | None, end: Array) -> Array | None:
    """A flow line (d, n) along the curve ``x`` from its first point to ``end``; ``None`` if the flow leads elsewhere.

    From a fixed point with one growing direction it leaves on the curve's side.
    """
    length = float(np.linalg.norm(np.diff(x), axis=0).sum())
    start = x[:, 0]
    if begin is not None:
        if begin.index != 1:
            return None
        out = begin.modes[:, int(np.argmax(begin.rates.real))].real
        side = float(np.sign(out @ (x[:, min(3, x.shape[1] - 1)] - start))) or 1.0
        start = begin.x + side * AWAY * length * out / np.linalg.norm(out)
    line, rest = downstream(h, start, length)
    if rest is None or np.linalg.norm(rest.x - end) > 1e-6 * length:
        return None
    return np.concatenate([x[:, :1], line], axis=1) if begin is not None else line
