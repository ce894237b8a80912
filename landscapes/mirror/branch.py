"""Critical points of a network's loss inside a subspace, and how they move with the weight decay.

    grad L(x) = 0,  x = B c      L-BFGS steps in c down to a valley, then Newton steps  -(B^T H B)^-1 B^T grad L

On the mirror-symmetric subspace a minimum is a critical point of the whole loss.  Followed down in the weight decay,
its lowest curvature across the subspace falls through zero (a pitchfork): there the minimum becomes a saddle of index
1, and two minima that mirror each other leave it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.mirror.involution import Mirror
from landscapes.networks.landscape import NeuralLandscape

SETTLED = 1e-11
"""Gradient norm at which Newton's steps end."""
MOST_STEPS = 60
LONGEST = 1.0  # Newton step
MOST_KICKS, KICK = 8, 0.05
"""How often, and how far, a descent that ended at a saddle is pushed off."""


def with_decay(landscape: NeuralLandscape, decay: float) -> NeuralLandscape:
    """The same network on the same data with another weight decay."""
    return NeuralLandscape(
        landscape.network, landscape.inputs, landscape.labels, landscape.kind,  # type: ignore[arg-type]
        decay, chunk=landscape.chunk, name=landscape.name, buffers="frozen",
    )  # fmt: skip


def valley(landscape: NeuralLandscape, start: Array, basis: Array | None = None, steps: int = 3000) -> Array:
    """A minimum (d,) of the loss in the span of the columns of ``basis`` (d, k), or of everything, below ``start``.

    Raises:
        ValueError: if the gradient does not become smaller than `SETTLED`, or only saddles are found.
    """
    from scipy.optimize import minimize

    b = np.eye(len(start)) if basis is None else basis

    def both(c: Array) -> tuple[float, Array]:
        x = b @ c
        return float(landscape.loss(x)), b.T @ landscape.gradient(x)

    options: Any = {"maxiter": steps, "maxfun": 2 * steps, "ftol": 1e-14, "gtol": 1e-6, "maxcor": 30}
    x = np.asarray(start, dtype=np.float64)
    for _ in range(MOST_KICKS):
        near = minimize(both, b.T @ x, jac=True, method="L-BFGS-B", options=options).x
        x = newton(landscape, b @ near, b, downhill=True)
        values, vectors = np.linalg.eigh(b.T @ landscape.hessian(x) @ b)
        if values[0] >= 0:
            return x
        x = x + KICK * b @ vectors[:, 0]  # a saddle: on, down its other side
    raise ValueError(f"{MOST_KICKS} descents ended at saddles, the last with a curvature of {values[0]:.2g}")


def newton(landscape: NeuralLandscape, start: Array, basis: Array | None = None, downhill: bool = False) -> Array:
    """The critical point (d,) in a subspace next to ``start``; ``downhill`` looks for a minimum.

    Raises:
        ValueError: if the gradient does not become smaller than `SETTLED`.
    """
    b, x = np.eye(len(start)) if basis is None else basis, np.array(start, dtype=np.float64)
    for _ in range(MOST_STEPS):
        slope = b.T @ landscape.gradient(x)
        if np.linalg.norm(slope) < SETTLED:
            return x
        values, vectors = np.linalg.eigh(b.T @ landscape.hessian(x) @ b)
        pivots = np.maximum(np.abs(values), 1e-6) * (1.0 if downhill else np.where(values < 0, -1.0, 1.0))
        step = b @ (vectors @ (vectors.T @ slope / pivots))
        share = min(1.0, LONGEST / float(np.linalg.norm(step)))
        if downhill:
            share = _shortened(landscape, x, step, share)
        x = x - share * step
    raise ValueError(
        f"Newton's method left a gradient of {np.linalg.norm(slope):.2g} after {MOST_STEPS} steps (below {SETTLED:g} "
        "is wanted); start nearer, or follow the branch in smaller steps of the decay"
    )


def _shortened(landscape: NeuralLandscape, x: Array, step: Array, share: float) -> float:
    before = float(landscape.loss(x))
    while share > 1e-6 and float(landscape.loss(x - share * step)) > before + 1e-14:
        share /= 2
    return share


def follow(landscape: NeuralLandscape, mirror: Mirror, start: Array, decays: Iterable[float]) -> dict[float, Array]:
    """Symmetric minima (d,) at several decays, each found from the one before; the first from ``start``."""
    basis, found, x = mirror.symmetric(), {}, (start + mirror(start)) / 2
    for decay in decays:
        x = found[decay] = valley(with_decay(landscape, decay), x, basis)
    return found


@dataclass(frozen=True)
class Pitchfork:
    """Where a symmetric minimum becomes a saddle.

    Attributes:
        decay: of the weights, at which the lowest curvature across the symmetric subspace is zero.
        error: of the root.
        point: (d,) there.
    """

    decay: float
    error: float
    point: Array


def pitchfork(
    landscape: NeuralLandscape, mirror: Mirror, saddle: Array, decay: float, step: float = 1e-3, most: float = 1.0,
    precision: float = 1e-9, tell: Callable[[float, float], None] | None = None,
) -> Pitchfork:  # fmt: skip
    """Follow a symmetric saddle (d,) up from ``decay`` until its curvature across is zero (Brent's method).

    Raises:
        ValueError: if it is still a saddle at ``most``, or the branch ends before.
    """
    from scipy.optimize import brentq

    basis, across, points = mirror.symmetric(), mirror.antisymmetric(), [saddle]

    def lowest(at: float) -> float:
        there = with_decay(landscape, at)
        points.append(newton(there, points[-1], basis))
        value = float(np.linalg.eigvalsh(across.T @ there.hessian(points[-1]) @ across)[0])
        if tell is not None:
            tell(at, value)
        return value

    value = lowest(decay)
    while value < 0:
        decay = decay + step
        if decay > most:
            raise ValueError(f"the symmetric point is still a saddle at the weight decay {most:g}; raise most")
        value = lowest(decay)
    root = float(brentq(lowest, decay - step, decay, xtol=precision, rtol=1e-15))
    lowest(root)
    return Pitchfork(root, precision, points[-1])
