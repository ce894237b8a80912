"""The stationary covariance of constant-step SGD around a minimum with Hessian A.

    A Sig + Sig A = eta C                           (Ornstein-Uhlenbeck limit)
    A Sig + Sig A - eta A Sig A = eta C             (the discrete chain with noise of constant covariance C, exactly)

C is the covariance of the batch's mean gradient, C1/S.  Mandt, Hoffman, Blei, JMLR 18 (2017) 134, equation 13; the
second is the discrete Lyapunov equation Sig = (I - eta A) Sig (I - eta A) + eta^2 C.  With C = A/S it is
Sig = eta/(2 S) (I - eta A/2)^-1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


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


def _matrix(value: ArrayLike, name: str) -> Array:
    matrix = np.asarray(value, dtype=np.float64)
    matrix = matrix.reshape(1, 1) if matrix.ndim == 0 else matrix
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not np.isfinite(matrix).all():
        raise ValueError(f"{name} is a number or a finite (d, d) matrix; got shape {matrix.shape}")
    if not np.allclose(matrix, matrix.T, rtol=1e-10, atol=1e-300):
        raise ValueError(f"{name} must be symmetric; give (M + M.T)/2")
    return matrix
