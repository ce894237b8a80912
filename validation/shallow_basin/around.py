"""What is measured around a minimum a in all parameters of a network, each measure against its theory.

The linearised chain with constant noise, x - a <- (I - eta H)(x - a) + eta xi, cov xi = C1/S, has after n iterations
from a, in the eigenbasis of H with c_i the diagonal of C1 in it,

    E L - L(a) = (1/2) sum_i lambda_i Sig_ii(n),      Sig_ii(n) = (eta c_i/S) (1 - (1 - eta lambda_i)^(2 n))
                                                                  / (lambda_i (2 - eta lambda_i)),

exactly, and eta tr C1/(4 S) for n -> oo, eta -> 0 (after Mandt, Hoffman, Blei, JMLR 18 (2017) 134, equation 13).
Mini-batches have another covariance away from a.  Along a direction of curvature lambda in which the examples' own
curvatures have the variance s^2, the linearised chain keeps its second moment bounded if and only if

    (1 - eta lambda)^2 + eta^2 s^2/S < 1          (Wu, Ma, E, NeurIPS 2018, equation 7, with replacement)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.networks.advance import advance
from fpsim.networks.exits import loss_above, network_exits, quench_test
from fpsim.networks.quench import RETURNED, UNDECIDED, Basin, quench
from fpsim.networks.sgd import NetworkSGD, Noise
from validation.study.findings import Rows

if TYPE_CHECKING:
    import xarray

    from fpsim.networks.replicas import Replicas
    from landscapes.networks.landscape import NeuralLandscape

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Surroundings:
    """A minimum with its quadratic neighbourhood.

    Attributes:
        engine: many copies of the network, in the precision in which SGD runs.
        basin: the minimum a, its loss, and how it is recognised.
        curvatures: (d,) eigenvalues of H(a), ascending.
        spread: (d,) variance of one example's gradient along each eigenvector.
        curvature_spread: variance over the examples of their own curvature along the last (sharpest) eigenvector.
    """

    engine: Replicas
    basin: Basin
    curvatures: Array
    spread: Array
    curvature_spread: float

    def chain(self, kappa: float, batch_size: float, noise: Noise) -> NetworkSGD:
        """SGD from a with eta = kappa / (largest curvature)."""
        eta = kappa / float(self.curvatures[-1])
        return NetworkSGD(self.engine.landscape, eta, batch_size, noise, self.basin.minimum)

    def excess(self, chain: NetworkSGD, iterations: ArrayLike) -> Array:
        """The linearised chain's E L - L(a) after numbers of iterations (...)."""
        spread = self.spread * chain.covariance_factor
        if chain.noise == "isotropic":
            spread = np.full_like(spread, spread.mean())
        return linear_excess(self.curvatures, spread, chain.learning_rate, chain.batch_size, iterations)

    def second_moment_factor(self, chain: NetworkSGD) -> float:
        """(1 - eta lambda)^2 + eta^2 s^2/S along the sharpest direction; above 1 linearised mini-batches diverge."""
        eta = chain.learning_rate
        noise = eta**2 * self.curvature_spread * chain.covariance_factor / chain.batch_size
        return float((1 - eta * self.curvatures[-1]) ** 2 + noise)


def linear_excess(
    curvatures: ArrayLike, spread: ArrayLike, learning_rate: float, batch_size: float, iterations: ArrayLike
) -> Array:
    """E L - L(a) of the linearised chain that starts in a.

    Args:
        curvatures: lambda_i, shape (d,); below 2/eta.
        spread: c_i, variance of one example's gradient along each eigenvector, (d,).
        learning_rate, batch_size: eta and S.
        iterations: n, shape (...); infinity for the stationary law, where all curvatures must be positive.

    Returns:
        (...), in units of loss.

    Raises:
        ValueError: for curvatures at which the sum has no limit.
    """
    rate, c = learning_rate * np.asarray(curvatures, dtype=np.float64), np.asarray(spread, dtype=np.float64)
    n = np.asarray(iterations, dtype=np.float64)[..., None]
    if np.isinf(n).any() and not (rate.min() > 0 and rate.max() < 2):
        raise ValueError(f"a stationary law needs 0 < eta * curvature < 2; got {rate.min():.3g} to {rate.max():.3g}")
    flat = np.abs(rate) < 1e-12
    safe = np.where(flat, 1.0, rate)
    # (1 - (1 - r)^(2 n)) / (2 - r), without cancellation for small r; its limit for r -> 0 is n r -> 0
    grown = np.where(np.abs(1 - safe) > 0, np.expm1(2 * n * np.log(np.maximum(np.abs(1 - safe), 1e-300))), -1.0)
    terms = np.where(flat, 0.0, -grown / (2 - safe))
    return np.asarray(learning_rate / (2 * batch_size) * (terms * c).sum(axis=-1))


def spectrum(exact: NeuralLandscape, minimum: Array) -> xarray.Dataset:
    """Diagonalise H(a), and measure the spread of gradients and curvatures of the examples there.

    Returns:
        ``curvature`` and ``gradient_spread`` over ``direction`` (ascending curvature); the attribute
        ``curvature_spread`` belongs to the last direction.
    """
    from fpsim.storage import dataset

    values, vectors = np.linalg.eigh(_hessian(exact, minimum))
    slopes = exact.example_gradients(minimum) @ vectors
    top, h = vectors[:, -1], 1e-4 * (1 + float(np.linalg.norm(minimum)))
    own = (exact.slopes(minimum + h * top, top) - exact.slopes(minimum - h * top, top)) / (2 * h)
    entries = {
        "curvature": ("direction", values, "", "eigenvalue of the Hessian"),
        "gradient_spread": ("direction", slopes.var(axis=0), "", "variance of one example's slope along it"),
    }
    return dataset(entries, curvature_spread=float(own.var()))


def _hessian(exact: NeuralLandscape, x: Array, step: float = 1e-5) -> Array:
    """Central differences of gradients, all at once: an error of about 1e-8, ten times faster than exact products."""
    from fpsim.networks.replicas import Replicas

    moves, engine = step * np.eye(len(x)), Replicas(exact)
    columns = (engine.gradients(x + moves) - engine.gradients(x - moves)) / (2 * step)
    return np.asarray((columns + columns.T) / 2)


def excess_rows(
    around: Surroundings, kappa: float, batch_size: float, noise: Noise, replicas: int, iterations: int, seed: int,
    every: int = 25,
) -> Rows:  # fmt: skip
    """Mean excess loss of replicas that start in a, every 25 iterations, beside the linearised chain's.

    Each row ends with what became of the replicas in the end; a lost one (diverged) no longer counts in the mean.
    """
    chain, numbers = around.chain(kappa, batch_size, noise), np.arange(replicas)
    x, found = np.tile(around.basin.minimum, (replicas, 1)), []
    lost = np.zeros(replicas, dtype=np.int64)
    times = np.arange(every, iterations + 1, every)
    for n in map(int, times):
        walking = numbers[lost == 0]
        x[walking], lost[walking] = advance(chain, around.engine, x[walking], walking, n - every, every, seed)
        losses = around.engine.losses(x) - around.basin.loss
        found.append(np.where(lost == 0, losses, np.nan))
    if (lost == 0).sum() < 2:
        raise ValueError(
            f"{replicas} replicas: {int((lost > 0).sum())} diverged at kappa = {kappa:g}, S = {batch_size:g}, too many "
            "for a mean; take a smaller kappa"
        )
    outcome = quench(around.engine, around.basin, x[lost == 0]).outcome
    late = np.nanmean(np.array(found)[times > iterations / 2], axis=0)[lost == 0]
    return [
        {
            "kappa": kappa, "batch_size": batch_size, "noise": noise, "learning_rate": chain.learning_rate,
            "iterations": int(n), "excess": float(np.nanmean(values)),
            "error": float(np.nanstd(values, ddof=1) / np.sqrt(np.isfinite(values).sum())),
            "linear": float(around.excess(chain, n)), "replicas": replicas, "lost": int((lost > 0).sum()),
            "back": int((outcome == RETURNED).sum()), "undecided": int((outcome == UNDECIDED).sum()),
            "late_excess": float(late.mean()), "late_error": float(late.std(ddof=1) / np.sqrt(late.size)),
            "late_linear": float(around.excess(chain, times[times > iterations / 2]).mean()),
        }
        for n, values in zip(times, found, strict=True)
    ]  # fmt: skip


def boundary_rows(
    around: Surroundings, kappa: float, batch_size: float, replicas: int, iterations: int, seed: int
) -> Rows:
    """How many replicas have left the basin after a number of iterations."""
    chain, numbers = around.chain(kappa, batch_size, "with-replacement"), np.arange(replicas)
    start = np.tile(around.basin.minimum, (replicas, 1))
    x, lost = advance(chain, around.engine, start, numbers, 0, iterations, seed)
    sound = lost == 0
    outcome = quench(around.engine, around.basin, x[sound]).outcome if sound.any() else np.array([], "U9")
    inside, undecided = int((outcome == RETURNED).sum()), int((outcome == UNDECIDED).sum())
    return [
        {
            "kappa": kappa, "batch_size": batch_size, "learning_rate": chain.learning_rate, "iterations": iterations,
            "replicas": replicas, "inside": inside, "undecided": undecided, "unstable": int((~sound).sum()),
            "left": replicas - inside - undecided, "share": (replicas - inside - undecided) / replicas,
            "second_moment_factor": around.second_moment_factor(chain),
        }
    ]  # fmt: skip


def exits_rows(
    around: Surroundings, kappa: float, batch_size: float, noise: Noise, replicas: int, horizon: int, every: int,
    seed: int, looks: int = 8,
) -> Rows:  # fmt: skip
    """Exits from the basin by the quench test, one row per replica."""
    chain = around.chain(kappa, batch_size, noise)
    judge = quench_test(around.engine, around.basin)
    found = network_exits(chain, around.engine, judge, replicas, horizon, every, looks, seed)
    distances = around.basin.distance(found.places)
    return [
        {
            "noise": noise, "kappa": kappa, "batch_size": batch_size, "learning_rate": chain.learning_rate,
            "replica": r, "iterations": float(found.iterations[r]), "half_width": float(found.half_widths[r]),
            "outcome": str(found.outcomes[r]), "distance": float(distances[r]), "horizon": found.horizon,
        }
        for r in range(replicas)
    ]  # fmt: skip


def threshold_rows(
    around: Surroundings, kappa: float, batch_size: float, multiple: float, replicas: int, horizon: int, seed: int
) -> Rows:
    """Replicas whose full loss has passed a threshold, and how many of them gradient flow brings back to a.

    The threshold lies ``multiple`` times the linearised stationary excess above L(a).
    """
    chain = around.chain(kappa, batch_size, "with-replacement")
    level = around.basin.loss + multiple * float(around.excess(chain, np.inf))
    over_it = loss_above(around.engine, level)
    found = network_exits(chain, around.engine, over_it, replicas, horizon, 5, 1, seed)
    over = found.left & np.isfinite(found.places).all(axis=1)
    outcome = quench(around.engine, around.basin, found.places[over]).outcome if over.any() else np.array([], "U9")
    mean, low, high = found.mean_and_interval()
    return [
        {
            "kappa": kappa, "batch_size": batch_size, "threshold": level - around.basin.loss, "multiple": multiple,
            "mean": mean, "low": low, "high": high, "over": int(over.sum()), "replicas": replicas,
            "back": int((outcome == RETURNED).sum()), "undecided": int((outcome == UNDECIDED).sum()),
        }
    ]  # fmt: skip
