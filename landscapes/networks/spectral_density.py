"""How the eigenvalues of a symmetric operator A (d, d) lie on the line, from products with vectors only:

    phi(t) = (1/d) sum_i delta(t - lambda_i),      (1/d) tr f(A) = int f dphi = E[ v^T f(A) v ]

over random v of length 1. Lanczos' method turns each v into a Gauss quadrature: k steps A Q = Q T + rest give the
eigenvalues t_n of the small tridiagonal T as nodes and the squared first components w_n of its eigenvectors as weights,

    v^T f(A) v = sum_n w_n f(t_n)      exactly for polynomials f of degree 2 k - 1

(stochastic Lanczos quadrature: Lin, Saad, Yang, SIAM Review 58 (2016) 34, section 3.2; for the Hessians of networks:
Ghorbani, Krishnan, Xiao, ICML 2019).  Full reorthogonalisation keeps ghosts of found eigenvalues away.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array

if TYPE_CHECKING:
    from scipy.sparse.linalg import LinearOperator


@dataclass(frozen=True)
class Estimate:
    """A mean over random probes.

    Attributes:
        value: the estimate.
        standard_error: of the random probes.
    """

    value: float
    standard_error: float

    def __str__(self) -> str:
        return f"{self.value:.6g} +- {self.standard_error:.2g}"


@dataclass(frozen=True, eq=False)
class SpectralDensity:
    """Quadratures of a spectrum, one row per random probe.

    Attributes:
        nodes: (probes, steps) points t_n, rising in each row.
        weights: (probes, steps) w_n, of sum 1 in each row; 0 where the method ended early since it was exact.
        dimension: d, the number of eigenvalues.
    """

    nodes: Array
    weights: Array
    dimension: int

    def trace_of(self, function: Callable[[Array], Array]) -> Estimate:
        """Estimate tr f(A) = sum_i f(lambda_i) for a function of arrays; its error is that of random probes."""
        return self._sum(np.asarray(function(self.nodes), dtype=np.float64))

    def count(self, low: float, high: float) -> Estimate:
        """Estimate how many eigenvalues lie in [low, high]."""
        return self._sum(((self.nodes >= low) & (self.nodes <= high)).astype(np.float64))

    def density(self, grid: ArrayLike, width: float) -> tuple[Array, Array]:
        """The density phi, of integral 1, smoothed by a Gaussian, with its standard error.

        Args:
            grid: (n,) values t.
            width: standard deviation of the Gaussian, in units of eigenvalues.

        Raises:
            ValueError: for a width that is not positive.
        """
        if not width > 0:
            raise ValueError(f"the width of the smoothing Gaussian is a positive number; got {width!r}")
        t = np.asarray(grid, dtype=np.float64)
        bells = (_gaussian(t[:, None] - n, width) for n in self.nodes)
        means = [(bell @ w, bell**2 @ w) for bell, w in zip(bells, self.weights, strict=True)]
        return self._mean(*np.mean(means, axis=0))

    def _sum(self, values: Array) -> Estimate:
        mean, error = self._mean(*(np.mean((self.weights * values**p).sum(axis=1)) for p in (1, 2)))
        return Estimate(float(self.dimension * mean), float(self.dimension * error))

    def _mean(self, first: Array, second: Array) -> tuple[Array, Array]:
        """The mean of f over the spectrum and its error, from the means of f and f^2.

        Over the sphere v^T f(A) v has the variance 2/(d + 2) (mean f^2 - (mean f)^2). The scatter of a few probes would
        be a poorer guess of it: it is far from normal where one eigenvalue dominates.
        """
        variance = 2 / (self.dimension + 2) * np.maximum(second - first**2, 0)
        return first, np.sqrt(variance / len(self.nodes))

    def __str__(self) -> str:
        low, high = float(self.nodes.min()), float(self.nodes.max())
        probes, steps = self.nodes.shape
        head = f"{self.dimension} eigenvalues, {low:.4g} to {high:.4g}, trace {self.trace_of(lambda t: t)}"
        return f"{head} ({probes} probes of {steps} steps)"


def spectral_density(operator: LinearOperator, steps: int = 60, probes: int = 10, seed: int = 0) -> SpectralDensity:
    """The spectrum of a symmetric operator by stochastic Lanczos quadrature; takes steps * probes products.

    Args:
        operator: such as ``landscape.hessian_operator(x)`` or ``landscape.covariance_operator(x)``.
        steps: k of Lanczos' method; the outermost nodes converge to the outermost eigenvalues. At most d are made.
        probes: number of random vectors, at least 2 for an error.
        seed: of the random vectors.

    Raises:
        ValueError: for impossible numbers, or if a product is not finite.
    """
    d = operator.shape[0]
    if steps < 1 or probes < 2:
        raise ValueError(f"at least 1 step and 2 probes are needed; got {steps!r} and {probes!r}")
    draws, k = np.random.default_rng(seed), min(steps, d)
    nodes, weights = np.zeros((probes, k)), np.zeros((probes, k))
    for row in range(probes):
        diagonal, beside = lanczos(operator, draws.standard_normal(d), k)
        t, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        nodes[row, : len(t)], weights[row, : len(t)] = t, vectors[0] ** 2
        nodes[row, len(t) :] = t[-1]
    return SpectralDensity(nodes, weights, d)


def lanczos(operator: LinearOperator, start: Array, steps: int) -> tuple[Array, Array]:
    """The diagonal (k,) and the next one (k - 1,) of T = Q^T A Q with the orthonormal Krylov basis Q of ``start`` (d,).

    k is ``steps``, or less where the Krylov space ends: T's eigenvalues are then eigenvalues of A.

    Raises:
        ValueError: if a product is not finite.
    """
    product, basis, first = _room(operator, start, steps)
    basis[0] = first / math.sqrt(float(first @ first))
    diagonal, beside = np.zeros(steps), np.zeros(max(steps - 1, 0))
    for n in range(steps):
        v = product(basis[n])
        size = math.sqrt(float(v @ v))
        if not math.isfinite(size):
            raise ValueError(f"product {n + 1} with the operator holds values that are not finite numbers")
        diagonal[n] = float(basis[n] @ v)
        for _ in range(2):  # twice is enough (Giraud, Langou, Rozloznik 2005)
            v = v - basis[: n + 1].T @ (basis[: n + 1] @ v)
        if n + 1 == steps:
            break
        beside[n] = math.sqrt(float(v @ v))
        if beside[n] <= 1e-13 * max(size, float(np.abs(diagonal[: n + 1]).max())):
            return diagonal[: n + 1], beside[:n]
        basis[n + 1] = v / beside[n]
    return diagonal, beside


def _room(operator: LinearOperator, start: Array, steps: int) -> tuple[Callable[[Any], Any], Any, Any]:
    """The product, zeros for the basis, and ``start``: arrays, or tensors on the device of a network's products."""
    products = getattr(operator, "products", None)
    if products is None or products.on_host:
        return lambda v: np.asarray(operator @ v, dtype=np.float64), np.zeros((steps, len(start))), start
    first = products.tensor(start)
    return products.of_tensor, first.new_zeros(steps, len(start)), first


def trace(operator: LinearOperator, products: int = 99, seed: int = 0, sketch: bool = True) -> Estimate:
    """Estimate tr A of a symmetric operator from a number of products with vectors, and the error of the estimate.

        tr A = tr Q^T A Q + E[ g^T (1 - Q Q^T) A (1 - Q Q^T) g ],      Q = orth(A G)

    with random signs g and G (Hutch++: Meyer, Musco, Musco, Woodruff, SOSA 2021, algorithm 1): the part in the span of
    Q, where a network's Hessian has its few large eigenvalues, is exact, the rest is sampled. Without ``sketch`` Q is
    empty (Hutchinson, Commun. Stat. Simul. 18 (1989) 1059).

    Args:
        operator: such as ``landscape.hessian_operator(x)``.
        products: how many, at least 6; with a sketch as many as d or more give the trace itself, with error 0.
        seed: of the random signs.
        sketch: whether a third of the products goes into Q and another third into A Q.

    Raises:
        ValueError: for too few products, or if one is not finite.
    """
    d = operator.shape[0]
    if products < 6:
        raise ValueError(f"an estimate with an error takes at least 6 products; got {products!r}")
    draws = np.random.default_rng(seed)
    if sketch and products >= d:
        return Estimate(_finite(float(np.trace(_products(operator, np.eye(d))))), 0.0)
    rank = products // 3 if sketch else 0
    basis, exact = np.zeros((d, 0)), 0.0
    if rank:
        basis = np.linalg.qr(_products(operator, draws.choice([-1.0, 1.0], (d, rank))))[0]
        exact = float(np.sum(basis * _products(operator, basis)))
    g = draws.choice([-1.0, 1.0], (d, products - 2 * rank))
    g = g - basis @ (basis.T @ g)
    samples = np.sum(g * _products(operator, g), axis=0)
    error = samples.std(ddof=1) / np.sqrt(len(samples))
    return Estimate(_finite(exact + float(samples.mean())), float(error))


def _products(operator: LinearOperator, vectors: Array) -> Array:
    found = np.stack([np.asarray(operator @ v, dtype=np.float64) for v in vectors.T], axis=1)
    _finite(float(found.sum()))
    return found


def _finite(number: float) -> float:
    if not np.isfinite(number):
        raise ValueError("a product with the operator holds values that are not finite numbers")
    return number


def _gaussian(x: Array, width: float) -> Array:
    return np.exp(-0.5 * (x / width) ** 2) / (width * np.sqrt(2 * np.pi))
