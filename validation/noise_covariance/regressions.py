"""Regressions with a linear score s = u.x, drawn from a law that the model knows or not, and their optimum:

    linear      l(s, v) = (s - v)^2 / 2            gradient (s - v) u               Hessian u u^T
    logistic    l(s, v) = ln(1 + e^(-s v))         gradient (p - (1 + v)/2) u       Hessian p (1 - p) u u^T

p = 1/(1 + e^-s), labels v = -1, 1. Both losses are -ln of a density of v, so Fisher information and Hessian of the
model are the same at every x, whatever the data. C = H at the optimum asks more: that the data follow that density, for
the linear loss a residual of variance 1 whatever u is (White, Econometrica 50 (1982) 1, the information matrix test).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from validation.noise_covariance.directions import Directions, Mask, jackknife

Array = NDArray[np.float64]
WIDEST, NARROWEST = 1.0, 0.1
"""Standard deviations of the first and the last input; the Hessian's eigenvalues are their squares."""
FLIPPED = 0.2
"""Share of wrong labels of the misspecified logistic regression."""


@dataclass(frozen=True)
class Regression:
    """Data of a regression: inputs (m, d), targets (m,), and whether its loss is logistic."""

    inputs: Array
    targets: Array
    logistic: bool = False

    def gradients(self, x: Array) -> Array:
        """Gradients of all examples at x (d,), shape (m, d)."""
        return self._slopes(x)[:, None] * self.inputs

    def hessian(self, x: Array) -> Array:
        """H at x (d,), shape (d, d)."""
        return np.asarray((self.inputs * self._curvatures(x)[:, None]).T @ self.inputs / len(self.targets))

    def optimum(self) -> Array:
        """The minimum (d,) by Newton's method.

        Raises:
            ValueError: if it does not converge: then some direction separates the labels.
        """
        x = np.zeros(self.inputs.shape[1])
        for _ in range(50):
            step = np.linalg.solve(self.hessian(x), self.gradients(x).mean(axis=0))
            x = x - step
            if np.abs(step).max() <= 1e-12 * max(1.0, float(np.abs(x).max())):
                return x
        raise ValueError("Newton's method found no minimum in 50 steps: the labels may be separable; add examples")

    def directions(self, shift: Array | None = None) -> tuple[Directions, Array, Array]:
        """Noise and curvature in H's eigenbasis at the optimum, or at ``shift`` (d,) from it; errors refit.

        Returns:
            the directions, the basis (d, d), and the errors of C_ii - H_ii and C_ii/H_ii, shape (2, d). They come from
            leaving out groups of examples and fitting anew, in a fixed basis.
        """
        off = np.zeros(self.inputs.shape[1]) if shift is None else shift
        x = self.optimum() + off
        basis = np.linalg.eigh(self.hessian(x))[1][:, ::-1]
        found = self._along(x, basis)

        def statistic(keep: Mask) -> Array:
            part = Regression(self.inputs[keep], self.targets[keep], self.logistic)
            one = part._along(part.optimum() + off, basis)
            c = one.gradients.var(axis=0)
            return np.stack([c - one.hessian, c / one.hessian])

        return found, basis, jackknife(statistic, len(self.targets))

    def _along(self, x: Array, basis: Array) -> Directions:
        u, h = self.inputs @ basis, self._curvatures(x)
        gradients = self._slopes(x)[:, None] * u
        return Directions(gradients, h[:, None] * u**2, self._fisher(x, u), float(np.linalg.norm(gradients.mean(0))))

    def _fisher(self, x: Array, u: Array) -> Array:
        """Outer products of gradients averaged over the targets that the model draws."""
        if not self.logistic:
            return np.asarray(u.T @ u / len(u))  # E (s - v)^2 = 1 under the model
        p = _share(self.inputs @ x)
        squares = p * (p - 1) ** 2 + (1 - p) * p**2
        return np.asarray((u * squares[:, None]).T @ u / len(u))

    def _slopes(self, x: Array) -> Array:
        s = self.inputs @ x
        return _share(s) - (1 + self.targets) / 2 if self.logistic else s - self.targets

    def _curvatures(self, x: Array) -> Array:
        p = _share(self.inputs @ x)
        return p * (1 - p) if self.logistic else np.ones(len(p))


def _share(score: Array) -> Array:
    from scipy.special import expit

    return np.asarray(expit(score), dtype=np.float64)


def inputs(examples: int, dimension: int, draws: np.random.Generator) -> Array:
    """Normal inputs (m, d) whose variances fall from 1 to 0.01 in equal ratios."""
    return draws.standard_normal((examples, dimension)) * np.geomspace(WIDEST, NARROWEST, dimension)


def linear(examples: int, dimension: int, seed: int, law: str = "right") -> Regression:
    """A linear regression whose noise has variance 1 (``"right"``), 4 (``"loud"``) or u_1^2 (``"uneven"``).

    Raises:
        ValueError: for another law.
    """
    if law not in ("right", "loud", "uneven"):
        raise ValueError(f"the noise is 'right', 'loud' or 'uneven'; got {law!r}")
    draws = np.random.default_rng([seed, 1])
    u = inputs(examples, dimension, draws)
    spread = {"right": np.ones(examples), "loud": np.full(examples, 2.0), "uneven": np.abs(u[:, 0]) / WIDEST}[law]
    return Regression(u, u.sum(axis=1) + spread * draws.standard_normal(examples))


def logistic(examples: int, dimension: int, seed: int, wrong: float = 0.0) -> Regression:
    """A logistic regression on labels that follow its law; a share ``wrong`` of them is then turned around."""
    draws = np.random.default_rng([seed, 2])
    u = inputs(examples, dimension, draws)
    scores = 3 * u.sum(axis=1) + draws.logistic(size=examples)
    turned = np.where(draws.random(examples) < wrong, -1.0, 1.0)
    return Regression(u, turned * np.where(scores >= 0, 1.0, -1.0), True)


def shifted_ratio(hessian: Array, shift: Array, variance: float = 1.0) -> Array:
    """C_ii/H_ii of a linear regression with normal inputs at a distance from its optimum, both in H's eigenbasis.

    C_ii/H_ii = variance + sum_k H_k d_k^2 + H_i d_i^2, from the fourth moments of a normal law (Isserlis, 1918).
    """
    return np.asarray(variance + hessian @ shift**2 + hessian * shift**2)
