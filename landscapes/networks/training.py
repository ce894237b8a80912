"""Training on a `NeuralLandscape`: Adam on mini-batches, and descent to a stationary point.

    m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2,   x <- x - eta (m/(1 - b1^n)) / ((v/(1 - b2^n))^(1/2) + eps)

(Adam: Kingma, Ba, ICLR 2015, algorithm 1).  `polish` takes L-BFGS (Liu, Nocedal, Math. Programming 45 (1989) 503) near
a minimum and Newton's method in a trust region (Gould, Lucidi, Roma, Toint, SIAM J. Optim. 9 (1999) 504) into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from landscapes.evaluation import Array

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape


def adam(
    landscape: NeuralLandscape,
    start: Array,
    steps: int,
    learning_rate: float,
    batch_size: int,
    seed: int,
    decay: tuple[float, float] = (0.9, 0.999),
) -> Array:
    """Return the parameters (d,) after a number of Adam steps with mini-batches drawn with replacement.

    Raises:
        ValueError: for impossible numbers, or if the parameters leave the finite numbers.
    """
    if steps < 0 or batch_size < 1 or not learning_rate > 0:
        raise ValueError(
            f"steps >= 0, batch_size >= 1 and learning_rate > 0 are wanted; got {steps}, {batch_size}, {learning_rate}"
        )
    draws, m = np.random.default_rng(seed), landscape.number_of_examples
    x = np.array(start, dtype=np.float64)
    first, second = np.zeros_like(x), np.zeros_like(x)
    for n in range(1, steps + 1):
        weights = np.bincount(draws.integers(0, m, batch_size), minlength=m) / batch_size
        g = landscape.weighted_gradient(x, weights)
        first = decay[0] * first + (1 - decay[0]) * g
        second = decay[1] * second + (1 - decay[1]) * g**2
        x = x - learning_rate * (first / (1 - decay[0] ** n)) / (np.sqrt(second / (1 - decay[1] ** n)) + 1e-8)
    if not np.isfinite(x).all():
        raise ValueError(f"training diverged within {steps} steps; reduce the learning rate {learning_rate:g}")
    return x


def polish(
    landscape: NeuralLandscape, start: Array, steps: int = 300, newton: int = 30, tolerance: float = 1e-7
) -> Array:
    """Return a point (d,) near ``start`` where the full gradient is small: L-BFGS steps, then Newton steps.

    How small it became is for the caller to look at: ``numpy.linalg.norm(landscape.gradient(x))``.
    """
    from scipy.optimize import minimize

    def both(x: Array) -> tuple[float, Array]:
        uniform = np.full(landscape.number_of_examples, 1 / landscape.number_of_examples)
        return float(landscape.loss(x)), landscape.weighted_gradient(x, uniform)

    options: Any = {"maxiter": steps, "gtol": tolerance, "ftol": 0.0, "maxcor": 30, "maxfun": 3 * steps}
    x = minimize(both, start, jac=True, method="L-BFGS-B", options=options).x
    if newton > 0:
        options = {"maxiter": newton, "gtol": tolerance}
        x = minimize(both, x, jac=True, hessp=landscape.hessian_vector, method="trust-krylov", options=options).x
    return np.asarray(x, dtype=np.float64)
