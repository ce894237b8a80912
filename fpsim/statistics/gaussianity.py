"""How far noise is from Gaussian, and over how many directions it spreads, from K independent batches.

    excess kurtosis   E z^4 - 3,                       z of mean 0 and variance 1, both known
    effective rank    r = (tr C)^2 / tr C^2,           Gaussian |u|^2 has relative variance 2/r

With the Gram matrix G_kl = u_k . u_l of centred noise vectors, G_kk G_ll and G_kl^2 with k != l have the means (tr C)^2
and tr C^2, whatever the law of the noise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.statistics.exceedances import tail_shape

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error; infinite where the sample does not tell."""

    value: float
    error: float

    @classmethod
    def of(cls, independent: ArrayLike) -> Estimate:
        """The mean of independent numbers of one law.

        Raises:
            ValueError: for fewer than two.
        """
        x = np.asarray(independent, dtype=np.float64).ravel()
        if x.size < 2:
            raise ValueError(f"an error needs two independent numbers; got {x.size}")
        return cls(float(x.mean()), float(x.std(ddof=1) / math.sqrt(x.size)))

    def __str__(self) -> str:
        return f"{self.value:.5g} +- {self.error:.2g}"


def excess_kurtosis(standardized: ArrayLike) -> Estimate:
    """Return the mean of z^4 - 3 over (K,) or (K, n) values of known mean 0 and known variance 1.

    It has no small-sample bias, as the kurtosis of values that are standardised by their own spread has. The error is
    from the scatter of the K rows, where that tells: a mean of z^4 has a standard error only if E z^8 is finite. Unless
    the tail of the sample says so (xi < 1/8 by two of its errors, :mod:`fpsim.statistics.exceedances`) the error is
    infinite: that of Gaussian values needs K of about 2000 to be finite in most samples. A skewed mean is off mostly
    because the next large value is missing, so twice the largest value's share of the mean is added in squares.
    Measured coverage at two errors, infinite ones included: 92 % or more for normal, uniform, Laplace and exponential
    values and for Student, Pareto and lognormal ones from light to without a kurtosis, K = 100 to 10 000 (300 samples
    each).

    Raises:
        ValueError: for fewer than two rows, or values that are not finite.
    """
    z = np.asarray(standardized, dtype=np.float64)
    if z.ndim not in (1, 2) or not np.isfinite(z).all():
        raise ValueError(f"standardized values are finite numbers of shape (K,) or (K, n); got shape {z.shape}")
    fourth = (z**4).reshape(len(z), -1).mean(axis=1)
    mean = Estimate.of(fourth - 3)
    shape, uncertainty = tail_shape(fourth**0.25)
    if not shape + 2 * uncertainty < 1 / 8:
        return Estimate(mean.value, math.inf)
    return Estimate(mean.value, math.hypot(mean.error, 2 * float(fourth.max()) / len(z)))


def effective_rank(gram: ArrayLike) -> Estimate:
    """Estimate (tr C)^2 / tr C^2 from the Gram matrix (K, K) of centred, independent noise vectors.

    Numerator and denominator are unbiased; the jackknife over vectors takes the bias O(1/K) out of their ratio (B.
    Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, chapter 2) and gives the error.

    Raises:
        ValueError: for fewer than four vectors, a matrix that is not square or not finite, or vectors that are
            orthogonal (but for one of them at most), which say nothing of tr C^2.
    """
    g = np.asarray(gram, dtype=np.float64)
    count = len(g)
    if g.shape != (count, count) or count < 4:
        raise ValueError(f"a Gram matrix of at least four vectors is (K, K); got shape {g.shape}")
    d, squares = np.diag(g), g**2
    lost = squares.sum(axis=1) - d**2
    trace, own, off = d.sum(), (d**2).sum(), lost.sum()
    if not (np.isfinite(g).all() and np.all(off - 2 * lost > 0)):
        raise ValueError("a Gram matrix holds finite numbers, not all zero beside the diagonal; draw more vectors")
    # the factors K (K - 1) of both means cancel
    whole = (trace**2 - own) / off
    less = ((trace - d) ** 2 - (own - d**2)) / (off - 2 * lost)
    error = math.sqrt((count - 1) / count * float(((less - less.mean()) ** 2).sum()))
    return Estimate(float(count * whole - (count - 1) * less.mean()), error)


def rejected(samples: ArrayLike, level: float = 0.05) -> float:
    """Return the share of the columns of (K, n) that a Shapiro-Wilk test calls not normal at ``level``.

    Of Gaussian columns it rejects the share ``level`` on average. The power grows with K, so that shares may be
    compared between samples of one K only. A column of equal values is not normal.

    Raises:
        ValueError: for fewer than three rows.
    """
    from scipy.stats import shapiro

    x = np.asarray(samples, dtype=np.float64)
    if x.ndim != 2 or len(x) < 3 or not np.isfinite(x).all():
        raise ValueError(f"a test needs finite values (K, n) with K >= 3; got shape {x.shape}")
    varies = np.ptp(x, axis=0) > 0
    normal = sum(shapiro(column).pvalue >= level for column in x.T[varies])
    return 1 - float(normal) / x.shape[1]
