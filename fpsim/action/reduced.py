"""An escape as a line: the theory along the path of steepest descent from a saddle b to its minimum a,

    tau = 2 pi / sqrt(L_a'' |L_b''|) (D_b / D_a)^(1/2) exp(int_a^b (L' + tr(C H') / 2 - l t . div D) / D ds)

s is the length of the path, t its direction, D = t . D t, and H the Hessian across it, in a frame that does not turn
about the path.  C is the spread across the path that the noise keeps up there, H C + C H = 2 D across: where the valley
narrows (H' > 0) it drives the path back.  With D = T I it is Eyring and Kramers' formula: tr(C H')/2 integrates to
(T/2) ln det H.  It needs the path to be soft and everything across it stiff, as next to a pitchfork.  C. Gardiner,
Handbook of Stochastic Methods (3rd ed.), section 6.4 (elimination of fast variables) and 5.2.7.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.curve import lengths_along, spaced
from fpsim.action.flow import downstream, fixed_point
from fpsim.action.hamiltonian import Quadratic
from landscapes.field import in_words

Array = NDArray[np.float64]
POINTS = 400
AWAY = 1e-5  # of the distance: how far beside the saddle the path begins


@dataclass(frozen=True)
class Reduced:
    """The reduced theory of one escape.

    Attributes:
        x: (d, n) the path, from the minimum to the saddle.
        slope: int L'/D ds, the noise units climbed.
        narrowing: int tr(C H') / 2 D ds.
        convention: - l int t . div D / D ds.
        levels: D along the path at minimum and saddle.
        curvatures: L'' along the path at minimum and saddle.
        stiffness: the smallest curvature across the path, over the largest along it.
    """

    x: Array
    slope: float
    narrowing: float
    convention: float
    levels: tuple[float, float]
    curvatures: tuple[float, float]
    stiffness: float

    @property
    def log_mean(self) -> float:
        """ln tau, for a target beyond the saddle."""
        bends = math.log(self.curvatures[0] * abs(self.curvatures[1]))
        front = math.log(2 * math.pi) - bends / 2 + math.log(self.levels[1] / self.levels[0]) / 2
        return front + self.slope + self.narrowing + self.convention


def reduced_path(sde: Any, minimum: Array, saddle: Array) -> Reduced:
    """The reduced theory between a minimum (d,) and a saddle (d,) of a loss in two or more dimensions.

    Raises:
        ValueError: if no steepest descent joins them, the loss is not confined across it, or the noise vanishes there.
    """
    from scipy.interpolate import CubicSpline

    x = descent_path(sde, minimum, saddle)
    s = lengths_along(x)
    place = CubicSpline(s, x, axis=1)
    t = np.asarray(place(s, 1))
    t /= np.linalg.norm(t, axis=0)
    hessian, noise = np.asarray(sde.landscape.hessian(x)), np.asarray(sde.diffusion(x))
    frames = _frames(t)
    along = np.einsum("in,ijn,jn->n", t, noise, t)
    across = [np.einsum("nia,ijn,njb->nab", frames, matrix, frames, optimize=True) for matrix in (hessian, noise)]
    stiff = np.linalg.eigvalsh(across[0])
    if not (stiff[:, 0] > 0).all() or not (along > 0).all():
        where = in_words(x[:, int(np.argmin(stiff[:, 0]))])
        raise ValueError(f"the loss is not confined across the path of steepest descent, or no noise acts, at {where}")
    spread = spread_of(*across)
    change = np.asarray(CubicSpline(s, across[0], axis=0)(s, 1))
    drifting = np.zeros_like(x) if sde.noise.is_constant else np.asarray(sde.divergence(x))
    bends = tuple(float(t[:, k] @ hessian[..., k] @ t[:, k]) for k in (0, -1))
    parts = (
        np.einsum("in,in->n", t, np.asarray(sde.landscape.gradient(x))),
        np.einsum("nab,nba->n", spread, change) / 2,
        -sde.convention_weight * np.einsum("in,in->n", t, drifting),
    )
    slope, narrowing, convention = (float(CubicSpline(s, part / along).integrate(0.0, s[-1])) for part in parts)
    softest = float(stiff[:, 0].min()) / max(abs(bend) for bend in bends)
    ends = (float(along[0]), float(along[-1]))
    return Reduced(x, slope, narrowing, convention, ends, (bends[0], bends[1]), softest)


def descent_path(sde: Any, minimum: Array, saddle: Array) -> Array:
    """The path of steepest descent from the saddle to the minimum, turned round: (d, n), closer at the ends."""
    length = float(np.linalg.norm(saddle - minimum))
    h = Quadratic(sde, (length,) * len(minimum))
    at = fixed_point(h, saddle, 1e-4 * length)
    if at is None or at.index != 1:
        raise ValueError(f"a reduced path begins at a saddle of index 1, which {in_words(saddle)} is not")
    out = at.modes[:, int(np.argmax(at.rates.real))].real
    for side in (-1.0, 1.0):
        line, rest = downstream(h, at.x + side * AWAY * length * out / np.linalg.norm(out), length)
        if rest is not None and np.linalg.norm(rest.x - minimum) <= 1e-5 * length:
            whole = np.concatenate([at.x[:, None], _thinned(line, length)], axis=1)
            return spaced(whole[:, ::-1], POINTS, (True, True))
    raise ValueError(f"no steepest descent leads from the saddle {in_words(saddle)} to {in_words(minimum)}")


def _thinned(x: Array, length: float) -> Array:
    """The same points without those that lie nearer to each other than the integration is accurate."""
    kept = [0]
    for k in range(1, x.shape[1] - 1):
        if min(np.linalg.norm(x[:, k] - x[:, j]) for j in (kept[-1], -1)) > 1e-4 * length:
            kept.append(k)
    return x[:, [*kept, x.shape[1] - 1]]


def _frames(t: Array) -> Array:
    """Orthonormal frames (n, d, d - 1) across unit tangents (d, n), carried on without turning about them."""
    frames = [np.linalg.svd(t[:, :1].T)[2][1:].T]
    for k in range(1, t.shape[1]):
        # the reflection that takes the last tangent to this one, and one of the tangent itself, make a plain rotation
        mean = t[:, k] + t[:, k - 1]
        before = frames[-1]
        frames.append(before - np.outer(mean, mean @ before) * 2 / (mean @ mean))
    return np.asarray(frames)


def spread_of(hessian: Array, noise: Array) -> Array:
    """C (n, k, k) with H C + C H = 2 D."""
    values, vectors = np.linalg.eigh(hessian)
    inner = np.swapaxes(vectors, 1, 2) @ noise @ vectors
    inner = 2 * inner / (values[:, :, None] + values[:, None, :])
    return np.asarray(vectors @ inner @ np.swapaxes(vectors, 1, 2))
