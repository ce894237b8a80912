"""The stationary covariance of constant-step SGD around a minimum with Hessian A.

    A Sig + Sig A = eta C                           (Ornstein-Uhlenbeck limit)
    A Sig + Sig A - eta A Sig A = eta C             (the discrete chain with noise of constant covariance C, exactly)

C is the covariance of the batch's mean gradient, C1/S.  Mandt, Hoffman, Blei, JMLR 18 (2017) 134, equation 13; the
second is the discrete Lyapunov equation Sig = (I - eta A) Sig (I - eta A) + eta^2 C.  With C = A/S it is
Sig = eta/(2 S) (I - eta A/2)^-1.

Real mini-batches of least squares have multiplicative noise, and their second moments close exactly,

    Sig = (I - eta A) Sig (I - eta A) + eta^2 f/S [(1/m) sum_j (r_j^2 + u_j^T Sig u_j) u_j u_j^T - A Sig A],

r_j the residuals at the optimum, f = 1 with replacement and (1 - S/m) m/(m - 1) without.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.sgd.batches import MiniBatchSGD
from landscapes.catalogue.example_losses import LinearRegression

Array = NDArray[np.float64]

LARGEST_DIMENSION = 60  # the second-moment equation is solved as one dense system of d^2 unknowns


def stationary_covariance(
    curvature: ArrayLike, noise_covariance: ArrayLike, learning_rate: float, discrete: bool = True
) -> Array:
    """The covariance of SGD with constant gradient noise in a quadratic bowl.

    Args:
        curvature: the Hessian A at the minimum, (d, d) or a number; positive definite.
        noise_covariance: C, the covariance of the mini-batch gradient, (d, d) or a number.
        learning_rate: eta; for the discrete chain below 2 / (largest eigenvalue of A).
        discrete: solve for the chain itself (default), or for its continuous limit, Mandt's formula.

    Returns:
        (d, d).

    Raises:
        ValueError: for matrices that do not fit, a curvature that is not positive definite, or a learning rate at which
            the chain has no stationary law.
    """
    from scipy.linalg import solve_continuous_lyapunov, solve_discrete_lyapunov

    a, c = _matrix(curvature, "curvature"), _matrix(noise_covariance, "noise_covariance")
    if a.shape != c.shape:
        raise ValueError(f"curvature and noise_covariance must have one shape; got {a.shape} and {c.shape}")
    values = np.linalg.eigvalsh(a)
    if not values[0] > 0:
        raise ValueError(f"the curvature must be positive definite; its smallest eigenvalue is {values[0]:g}")
    if not (np.isfinite(learning_rate) and learning_rate > 0):
        raise ValueError(f"learning_rate must be a positive number; got {learning_rate!r}")
    if not discrete:
        found = solve_continuous_lyapunov(a, learning_rate * c)
    elif learning_rate * values[-1] < 2:
        found = solve_discrete_lyapunov(np.eye(len(a)) - learning_rate * a, learning_rate**2 * c)
    else:
        raise ValueError(
            f"SGD has no stationary law: eta * (largest curvature) = {learning_rate * values[-1]:.4g} must be below 2"
        )
    return np.asarray((found + found.T) / 2, dtype=np.float64)


@dataclass(frozen=True)
class RegressionCovariance:
    """Stationary covariance of least-squares SGD, true and by Mandt's formulas.

    Attributes:
        exact: (d, d) of true mini-batches (multiplicative noise).
        discrete: (d, d) of the chain with noise frozen at the optimum.
        continuous: (d, d) of Mandt's continuous formula.
        optimum: (d,) the mean.
    """

    exact: Array
    discrete: Array
    continuous: Array
    optimum: Array

    @property
    def excess(self) -> float:
        """tr(exact) / tr(continuous) - 1: how far Mandt's formula is off."""
        return float(np.trace(self.exact) / np.trace(self.continuous) - 1)

    def __str__(self) -> str:
        traces = (float(np.trace(matrix)) for matrix in (self.exact, self.discrete, self.continuous))
        names = ("true mini-batches", "noise frozen at the optimum", "continuous limit (Mandt)")
        lines = [f"  {name}: trace {trace:.6g}" for name, trace in zip(names, traces, strict=True)]
        return "\n".join(["stationary covariance of least-squares SGD", *lines, f"  excess {100 * self.excess:+.3g} %"])


def regression_covariance(sgd: MiniBatchSGD) -> RegressionCovariance:
    """The stationary covariance of mini-batch SGD on a ``LinearRegression``, from the exact second-moment equation.

    Raises:
        TypeError: for another landscape.
        ValueError: for reshuffled batches, more than 60 dimensions, inputs that do not span the space, or a learning
            rate at which the second moments grow without bound.
    """
    land = sgd.landscape
    if type(land) is not LinearRegression:
        raise TypeError(f"the second moments close for LinearRegression only; got {land!r}")
    if sgd.sampling == "reshuffled":
        raise ValueError("reshuffled batches are not independent: their second moments do not close; draw otherwise")
    u, v, eta, d = land.inputs, land.targets, sgd.learning_rate, land.dimension
    if d > LARGEST_DIMENSION:
        raise ValueError(f"the second-moment equation is solved up to {LARGEST_DIMENSION} dimensions; got {d}")
    a, m = u.T @ u / len(u), len(u)
    if not np.linalg.eigvalsh(a)[0] > 1e-12 * np.trace(a):
        raise ValueError("the inputs do not span the space, so the optimum is not unique; drop dependent columns")
    optimum = np.asarray(np.linalg.lstsq(u, v, rcond=None)[0], dtype=np.float64)
    residuals = v - u @ optimum
    c1 = (u * residuals[:, None] ** 2).T @ u / m
    strength = eta**2 * sgd.covariance_factor / sgd.batch_size
    pairs = np.einsum("mi,mj->mij", u, u).reshape(m, -1)
    shrink = np.eye(d) - eta * a
    step = np.kron(shrink, shrink) + strength * (pairs.T @ pairs / m - np.kron(a, a))
    growth = float(np.abs(np.linalg.eigvals(step)).max())
    if not growth < 1:
        raise ValueError(f"the second moments grow by {growth:.4g} per iteration: learning rate {eta:g} is too large")
    exact = np.linalg.solve(np.eye(d * d) - step, strength * c1.ravel()).reshape(d, d)
    c = sgd.covariance_factor / sgd.batch_size * c1
    chain, limit = (stationary_covariance(a, c, eta, discrete) for discrete in (True, False))
    return RegressionCovariance((exact + exact.T) / 2, chain, limit, optimum)


def _matrix(value: ArrayLike, name: str) -> Array:
    matrix = np.asarray(value, dtype=np.float64)
    matrix = matrix.reshape(1, 1) if matrix.ndim == 0 else matrix
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ValueError(f"{name} is a number or a finite (d, d) matrix; got shape {matrix.shape}")
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-300):
        raise ValueError(f"{name} must be symmetric; give (M + M.T)/2")
    return matrix
