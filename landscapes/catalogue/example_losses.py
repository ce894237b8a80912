"""Named data-set landscapes: regression, and double wells whose single examples pull in different directions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array
from landscapes.examples.dataset import DatasetLandscape
from landscapes.field import numbered, require_positive


class LinearRegression(DatasetLandscape):
    """Least squares: example j has the loss (u_j . x - v_j)^2 / 2.

    The Hessian is A = (1/m) sum_j u_j u_j^T everywhere. The noise of SGD grows with the distance from the optimum,
    since the gradients u_j (u_j . x - v_j) do: it is multiplicative.

    Args:
        inputs: (m, d).
        targets: (m,).

    Raises:
        ValueError: for other shapes.
    """

    def __init__(self, inputs: ArrayLike, targets: ArrayLike) -> None:
        u, v = _table(inputs, targets, "targets")
        names = numbered(u.shape[1])
        prediction = " + ".join(f"u{i}*{x}" for i, x in enumerate(names))
        start = np.linalg.lstsq(u, v, rcond=None)[0]
        self._describe_named(f"({prediction} - v)**2/2", u, v, {}, start.tolist())

    @classmethod
    def random(cls, dimension: int = 1, examples: int = 100, noise: float = 1.0, seed: int = 0) -> Self:
        """Make standard normal inputs, and targets u . (1, ..., 1) + noise * normal."""
        draws = np.random.default_rng(seed)
        inputs = draws.standard_normal((examples, dimension))
        return cls(inputs, inputs.sum(axis=1) + noise * draws.standard_normal(examples))

    def _describe_named(
        self, formula: str, u: Array, v: Array, parameters: Mapping[str, float], start: Sequence[float]
    ) -> None:
        data = {f"u{i}": column for i, column in enumerate(u.T)} | {"v": v}
        box = [(value - 5.0, value + 5.0) for value in start]
        self._describe_examples(formula, numbered(u.shape[1]), data, parameters, box, type(self).__name__, start)

    @property
    def inputs(self) -> Array:
        """The inputs u, shape (m, d)."""
        return self.examples.table[:-1].T

    @property
    def targets(self) -> Array:
        """The targets (or labels) v, shape (m,)."""
        return np.asarray(self.examples.table[-1])


class LogisticRegression(LinearRegression):
    """Classification: example j has the loss log(1 + exp(-v_j u_j . x)) + penalty |x|^2 / 2 with labels v = -1 or 1.

    Args:
        inputs: (m, d).
        labels: (m,), each -1 or 1.
        penalty: weight of |x|^2 / 2; with 0 the loss of separable data has no minimum.

    Raises:
        ValueError: for other shapes or labels, or a negative penalty.
    """

    def __init__(self, inputs: ArrayLike, labels: ArrayLike, penalty: float = 0.1) -> None:
        u, v = _table(inputs, labels, "labels")
        if not np.all(np.abs(v) == 1):
            raise ValueError("The labels of a logistic regression are -1 or 1.")
        if not penalty >= 0:
            raise ValueError(f"The penalty is a number >= 0, not {penalty!r}.")
        names = numbered(u.shape[1])
        score = " + ".join(f"u{i}*{x}" for i, x in enumerate(names))
        square = " + ".join(f"{x}**2" for x in names)
        formula = f"log(1 + exp(-v*({score}))) + penalty*({square})/2"
        self._describe_named(formula, u, v, {"penalty": penalty}, [0.0] * u.shape[1])

    @classmethod
    def random(cls, dimension: int = 1, examples: int = 100, noise: float = 1.0, seed: int = 0) -> Self:
        """Make standard normal inputs, and labels sign(u . (1, ..., 1) + noise * logistic), a well-specified model."""
        draws = np.random.default_rng(seed)
        inputs = draws.standard_normal((examples, dimension))
        scores = inputs.sum(axis=1) + noise * draws.logistic(size=examples)
        return cls(inputs, np.where(scores >= 0, 1.0, -1.0))


class PerExampleDoubleWell(DatasetLandscape):
    """The double well barrier (x^2 - 1)^2 whose examples add a slope: l_j = barrier (x^2 - 1)^2 + noise s_j x.

    A share p of the examples has s = sqrt((1 - p)/p), the others s = -sqrt(p/(1 - p)): mean 0, variance 1, skewness
    (1 - 2 p)/sqrt(p (1 - p)). So C1 = noise^2 is constant and Gaussian noise of that covariance has the exponent
    2 barrier/noise^2, while the steps themselves have two values only. The equation for the Cramer root q at a slope L'
    is linear in L', which gives its inverse in closed form,

        L' = ln(p exp(-q noise s_1) + (1 - p) exp(-q noise s_2)) / q.

    Args:
        noise: standard deviation of one example's gradient.
        positive: number of examples with s > 0.
        examples: number of examples m; the share is p = positive/examples.
        barrier: height of the top at 0 above the minima at -1 and 1.

    Raises:
        ValueError: for a noise or barrier that is not positive, or examples of one sign only.
    """

    def __init__(self, noise: float = 1.0, positive: int = 20, examples: int = 100, barrier: float = 0.25) -> None:
        require_positive(noise=noise, barrier=barrier)
        if not 0 < positive < examples:
            raise ValueError(f"Between 1 and {examples - 1} of {examples} examples are positive, not {positive}.")
        p = positive / examples
        s = np.where(np.arange(examples) < positive, math.sqrt((1 - p) / p), -math.sqrt(p / (1 - p)))
        self._describe_examples(
            "barrier*(x**2 - 1)**2 + noise*s*x",
            ("x",),
            {"s": s},
            {"noise": noise, "barrier": barrier},
            [(-2.0, 2.0)],
            type(self).__name__,
            start=[-1.0],
            target=[1.0],
        )


class PerExampleTent(DatasetLandscape):
    """A double well of straight slopes whose Cramer root is a given number: l_j = slope | |x| - 1 | + noise s_j x.

    Half of the examples have s = 1, half s = -1. With

        slope = ln(cosh(root noise)) / root

    the root is q = root wherever L' = slope and q = -root wherever L' = -slope, so that the exponent of an escape from
    -1 to 0 is ``root`` exactly, where Gaussian noise of the same covariance noise^2 has 2 slope/noise^2. For slope =
    noise/3 the root is (3/2) ln((1 + sqrt 5)/2)/noise. The minima at -1 and 1 and the top at 0 are kinks.

    Args:
        root: the Cramer root on the way up.
        noise: size of the slope that single examples add; larger than ``slope`` for every root.
        examples: number of examples m, even.

    Raises:
        ValueError: for a root or noise that is not positive, or an odd number of examples.
    """

    def __init__(self, root: float = 1.0, noise: float = 1.0, examples: int = 2) -> None:
        require_positive(root=root, noise=noise)
        if not (examples >= 2 and examples % 2 == 0):
            raise ValueError(f"The number of examples is even and at least 2, not {examples!r}.")
        s = np.where(np.arange(examples) % 2 == 0, 1.0, -1.0)
        # ln cosh u = |u| + ln(1 + e^(-2|u|)) - ln 2 without overflow
        u = root * noise
        slope = (u + math.log1p(math.exp(-2 * u)) - math.log(2)) / root
        self._describe_examples(
            "slope*abs(abs(x) - 1) + noise*s*x",
            ("x",),
            {"s": s},
            {"slope": slope, "noise": noise},
            [(-2.0, 2.0)],
            type(self).__name__,
            start=[-1.0],
            target=[1.0],
        )


def _table(inputs: ArrayLike, targets: ArrayLike, what: str) -> tuple[Array, Array]:
    u, v = np.asarray(inputs, dtype=np.float64), np.asarray(targets, dtype=np.float64)
    u = u[:, np.newaxis] if u.ndim == 1 else u
    if u.ndim != 2 or v.shape != u.shape[:1]:
        raise ValueError(f"inputs have shape (m, d) and {what} shape (m,), not {u.shape} and {v.shape}.")
    return u, v
