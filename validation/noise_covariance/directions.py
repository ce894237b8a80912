"""Gradient noise held against curvature along k orthonormal directions e_i, the eigenvectors of the Hessian:

    C_ij = mean_n[ (e_i.g_n)(e_j.g_n) ] - (e_i.g)(e_j.g),      H_ii = mean_n[ e_i.H_n e_i ],      F_ij = (e_i.F e_j)

over the examples n = 1 ... m, with g_n, H_n gradient and Hessian of one example's loss, g the mean gradient and F the
Fisher information of the model.  C = H/S at batch size S says C_ii = H_ii here (C is that of one example) and C_ij = 0
beside the diagonal.  Errors are those of a finite sample of examples, from leaving out groups of them (jackknife:
Efron, Stein, Ann. Stat. 9 (1981) 586).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
GROUPS = 50
RESOLVED = 1e-4
"""Directions with H_ii above this share of the largest enter slopes, correlations and ratios."""


@dataclass(frozen=True)
class Directions:
    """One example's gradients and curvatures along k directions.

    Attributes:
        gradients: (m, k), e_i.g_n.
        curvatures: (m, k), e_i.H_n e_i of the loss without its penalty.
        fisher: (k, k), the Fisher information of the model.
        gradient_norm: of the whole gradient of the loss with its penalty.
    """

    gradients: Array
    curvatures: Array
    fisher: Array
    gradient_norm: float

    @cached_property
    def hessian(self) -> Array:
        """H_ii, shape (k,)."""
        return np.asarray(self.curvatures.mean(axis=0))

    @cached_property
    def covariance(self) -> Array:
        """C of one example, shape (k, k)."""
        a = self.gradients - self.gradients.mean(axis=0)
        return np.asarray(a.T @ a / len(a))

    @cached_property
    def outer_products(self) -> Array:
        """The mean of g_n g_n^T, not centred ("empirical Fisher"), shape (k, k)."""
        return np.asarray(self.gradients.T @ self.gradients / len(self.gradients))

    @property
    def resolved(self) -> Mask:
        """Directions whose ratio C_ii/H_ii means something: H_ii > 1e-4 of the largest."""
        return self.hessian > RESOLVED * self.hessian.max()

    def errors(self, seed: int = 0) -> tuple[Array, Array]:
        """Errors of C_ii - H_ii and of C_ii/H_ii (nan where it is not resolved) at fixed parameters, (k,) each."""

        def statistic(keep: Mask) -> Array:
            c, h = self.gradients[keep].var(axis=0), self.curvatures[keep].mean(axis=0)
            return np.stack([c - h, c / np.where(self.resolved, h, np.nan)])

        difference, ratio = jackknife(statistic, len(self.gradients), seed=seed)
        return difference, ratio

    def measures(self) -> dict[str, float]:
        """Numbers that say how far C, F and H agree, by the words of the report's table."""
        h, c, good = self.hessian, np.diag(self.covariance), self.resolved
        ratio = c[good] / h[good]
        size = float(np.sum(self.covariance**2))
        a = self.gradients - self.gradients.mean(axis=0)
        scatter = (float(np.sum((a * a).sum(axis=1) ** 2)) / len(a) - size) / len(a)
        own = float(np.sum(np.mean(a**4, axis=0) - c**2)) / len(a)
        full = np.diag(h)
        return {
            "directions": len(h), "resolved": int(good.sum()), "H < 0": int(np.sum(h < 0)),
            "|gradient|": self.gradient_norm,
            "tr H": float(h.sum()), "tr C": float(c.sum()), "tr F model": float(np.trace(self.fisher)),
            "C/H 10 %": float(np.quantile(ratio, 0.1)), "C/H median": float(np.median(ratio)),
            "C/H 90 %": float(np.quantile(ratio, 0.9)),
            "log-log slope": _slope(c[good], h[good]), "slope error": self._slope_error(),
            "log-log r": _correlation(c[good], h[good]),
            "cosine C, H": float(h @ c / np.sqrt(size * (h @ h))),
            "off-diagonal": 1 - float(c @ c) / size, "off-diagonal by chance": (scatter - own) / size,
            "|C - G|/|G|": _distance(self.covariance, self.outer_products),
            "|F - H|/|H|": _distance(self.fisher, full), "|C - H|/|H|": _distance(self.covariance, full),
        }  # fmt: skip

    def _slope_error(self) -> float:
        good = self.resolved

        def statistic(keep: Mask) -> Array:
            c, h = self.gradients[keep][:, good].var(axis=0), self.curvatures[keep][:, good].mean(axis=0)
            return np.array([_slope(c[h > 0], h[h > 0])])

        return float(jackknife(statistic, len(self.gradients))[0])


def _slope(c: Array, h: Array) -> float:
    """Least squares of ln C against ln H; nan where the curvatures do not differ."""
    x, y = np.log(h), np.log(c)
    return float((x - x.mean()) @ y / np.sum((x - x.mean()) ** 2)) if len(h) > 1 and np.ptp(x) > 0 else math.nan


def _correlation(c: Array, h: Array) -> float:
    x, y = np.log(h), np.log(c)
    return float(np.corrcoef(x, y)[0, 1]) if len(h) > 1 and np.ptp(x) > 0 and np.ptp(y) > 0 else math.nan


def jackknife(statistic: Callable[[Mask], Array], examples: int, groups: int = GROUPS, seed: int = 0) -> Array:
    """One-sigma errors of ``statistic(keep)``, keep (m,) a mask of examples, from leaving out one group at a time."""
    member = np.random.default_rng(seed).permutation(examples) % groups
    values = np.stack([statistic(member != group) for group in range(groups)])
    return np.asarray(np.sqrt((groups - 1) * values.var(axis=0)))


def _distance(first: Array, second: Array) -> float:
    return float(np.linalg.norm(first - second) / np.linalg.norm(second))


def along(landscape: Any, x: Array, vectors: Array) -> Directions:
    """Measure a `landscapes.networks.landscape.NeuralLandscape` at x (d,) along orthonormal columns (d, k).

    e.H_n e are central differences of e.g_n with an error of 1e-8 or so.
    """
    from landscapes.networks.fisher import every_label

    gradients = landscape.example_gradients(x) @ vectors
    step = 1e-4
    rows = [(landscape.slopes(x + step * e, e) - landscape.slopes(x - step * e, e)) / (2 * step) for e in vectors.T]
    fisher = np.zeros((vectors.shape[1],) * 2)
    for labelled in every_label(landscape):
        g = labelled.example_gradients(x) @ vectors * np.exp(-0.5 * labelled.example_losses(x))[:, None]
        fisher += g.T @ g / landscape.number_of_examples
    norm = float(np.linalg.norm(landscape.gradient(x)))
    return Directions(gradients, np.stack(rows, axis=1) - landscape.weight_decay, fisher, norm)
