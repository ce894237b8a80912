"""Does gradient flow from here return to the minimum a?

    dx/dt = -grad L(x),      x(t) -> a   or not                                     (a quench)

A loss above a threshold is no exit: a fluctuation reaches it and falls back.  The basin of a is the set of points from
which the flow ends in a, and a quench asks for just that.  Three answers are possible:

    "returned"      the flow came within `Basin.radius` of a, from where every trial found its way to a
    "elsewhere"     its loss fell below L(a), which a flow towards a never does, or it came to rest away from a
    "undecided"     neither within the steps that were allowed

The flow is stiff (the largest curvature decides the step, the smallest the time), so it is followed by the damped
Chebyshev method of order 1 with s stages (van der Houwen, Sommeijer 1980; Hairer, Wanner, Solving Ordinary Differential
Equations II, IV.2): stable for h * curvature up to about 1.93 s^2 where s steps of descent reach 2 s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas
    from landscapes.networks.landscape import NeuralLandscape

Array = NDArray[np.float64]
RETURNED, ELSEWHERE, UNDECIDED = "returned", "elsewhere", "undecided"

MOST_STAGES = 16
DAMPING = 0.05
BEND = 0.25
"""Steps are chosen so that the velocity changes by about twice this share of the way made, and repeated beyond twice
that: a step must not jump over the border between two basins."""
ROUNDING = 1e-5  # of losses, relative to 1 + |L(a)|; they may be computed in float32


@dataclass(frozen=True, eq=False)
class Basin:
    """A minimum and what is needed to recognise it.

    Attributes:
        minimum: a, shape (d,).
        loss: L(a).
        gradient_norm: |grad L(a)|.
        curvatures: smallest and largest eigenvalue of H(a).
        radius: a flow that comes this near to a counts as returned; see :func:`calibrate`.
        trials: how many flows the radius rests on.
    """

    minimum: Array
    loss: float
    gradient_norm: float
    curvatures: tuple[float, float]
    radius: float
    trials: int = 0

    def distance(self, x: ArrayLike) -> Array:
        """Distance from a of points (n, d), shape (n,)."""
        return np.asarray(np.linalg.norm(np.asarray(x) - self.minimum, axis=1))


@dataclass(frozen=True, eq=False)
class Quench:
    """Where the flow went from n points.

    Attributes:
        outcome: (n,) ``"returned"``, ``"elsewhere"`` or ``"undecided"``.
        places: (n, d) where the flow was stopped.
        losses, distances: (n,) there: loss, and distance from a.
        gradients: full gradients that were computed, of all points together.
    """

    outcome: NDArray[np.str_]
    places: Array
    losses: Array
    distances: Array
    gradients: int

    def count(self, outcome: str) -> int:
        """How many points had this outcome."""
        return int(np.count_nonzero(self.outcome == outcome))

    def __str__(self) -> str:
        return ", ".join(f"{self.count(word)} {word}" for word in (RETURNED, ELSEWHERE, UNDECIDED))


def quench(engine: Replicas, basin: Basin, x: ArrayLike, most: int = 80, rest: float = 2e-3) -> Quench:
    """Follow gradient flow from points (n, d) until it is known where it goes.

    Args:
        engine: copies of the network.
        basin: the minimum.
        x: points (n, d), finite.
        most: Chebyshev steps, of up to `MOST_STAGES` full gradients each, after which a point is left undecided.
        rest: gradient norm below which the flow is at rest.

    Raises:
        ValueError: for points that are not finite.
    """
    places = np.array(x, dtype=np.float64)
    if not np.isfinite(places).all():
        raise ValueError("a quench starts from finite parameters; a replica that was lost has no basin")
    outcome = np.full(len(places), UNDECIDED, dtype="U9")
    losses, slopes = engine.losses_and_gradients(places)
    time, count = np.full(len(places), 1 / basin.curvatures[1]), len(places)
    margin, low = ROUNDING * (1 + abs(basin.loss)), np.arange(len(places))
    for step in range(most + 1):
        outcome[low] = _judged(basin, places[low], losses[low], slopes[low], margin, rest)
        low = low[outcome[low] == UNDECIDED]
        if not low.size or step == most:
            break
        # half of what is stable at the largest curvature of a: it may be larger on the way
        stages = int(np.clip(np.ceil(np.sqrt(time[low].max() * basin.curvatures[1])), 2, MOST_STAGES))
        moved = chebyshev_step(engine, places[low], slopes[low], time[low], stages)
        new_losses, new_slopes = engine.losses_and_gradients(moved)
        count += stages * len(low)
        bend = _bend(places[low], moved, slopes[low], new_slopes, time[low])
        true = (bend < 2 * BEND) & (new_losses <= losses[low] + margin / 10)  # false for NaN too
        good = low[true]
        places[good], losses[good], slopes[good] = moved[true], new_losses[true], new_slopes[true]
        time[low] *= np.where(true, np.clip(BEND / np.maximum(bend, 1e-9), 0.5, 2.0), 0.25)
        time[low] = np.minimum(time[low], MOST_STAGES**2 / basin.curvatures[1])
    return Quench(outcome, places, losses, basin.distance(places), count)


def _judged(basin: Basin, x: Array, losses: Array, slopes: Array, margin: float, rest: float) -> NDArray[np.str_]:
    """What is known of points on their way."""
    distance = basin.distance(x)
    near = distance < basin.radius
    # a slow flow near a may still go there: what is left of its way is at most about |g|/(smallest curvature)
    way = basin.curvatures[0] * (distance - basin.radius) / 8
    resting = np.linalg.norm(slopes, axis=1) < np.minimum(rest, way)
    gone = ~near & ((losses < basin.loss - margin) | resting)
    return np.where(near, RETURNED, np.where(gone, ELSEWHERE, UNDECIDED))


def _bend(x: Array, moved: Array, slopes: Array, new_slopes: Array, time: Array) -> Array:
    """Half of how much the flow's velocity changed over a step, relative to the way made."""
    way = np.linalg.norm(moved - x, axis=1)
    turned = time / 2 * np.linalg.norm(new_slopes - slopes, axis=1)
    return np.asarray(np.divide(turned, way, out=np.zeros_like(way), where=way > 0))


def chebyshev_step(engine: Replicas, x: Array, slopes: Array, time: Array, stages: int = 8) -> Array:
    """One step of gradient flow by the damped Chebyshev method of order 1.

    Args:
        engine: copies of the network.
        x, slopes: points (n, d) and their gradients (n, d).
        time: (n,) steps h, stable up to about 1.93 ``stages``^2 over the largest curvature.
        stages: s >= 2; the step costs s - 1 gradients besides ``slopes``.

    Returns:
        (n, d).
    """
    at, t, dt = 1 + DAMPING / stages**2, [1.0, 1 + DAMPING / stages**2], [0.0, 1.0]
    for _ in range(2, stages + 1):
        dt.append(2 * t[-1] + 2 * at * dt[-1] - dt[-2])
        t.append(2 * at * t[-1] - t[-2])
    scale, h = t[-1] / dt[-1], time[:, None]
    before, now = x, x - scale / at * h * slopes
    for j in range(2, stages + 1):
        forward, back = 2 * at * t[j - 1] / t[j], -t[j - 2] / t[j]
        kick = 2 * scale * t[j - 1] / t[j]
        before, now = now, forward * now + back * before - kick * h * engine.gradients(now)
    return now


def calibrate(
    engine: Replicas, landscape: NeuralLandscape, minimum: ArrayLike, seed: int = 0, trials: int = 24,
    largest: float | None = None, curvatures: tuple[float, float] | None = None,
) -> Basin:  # fmt: skip
    """Describe a minimum, and find a radius from which gradient flow returns to it.

    Flows start on a sphere around a, half of them in random directions and half in directions of gradient noise, where
    SGD is most often found.  The sphere is halved until all of them come four times as near; half of that sphere's
    radius, for safety, is the radius of recognition.

    Args:
        engine: copies of the network, for the flows.
        landscape: the same network in float64, for gradient and curvatures.
        minimum: a, shape (d,).
        seed: of the directions.
        trials: how many.
        largest: first radius to try; default |a|/4.
        curvatures: smallest and largest eigenvalue of H(a), if they are known; else found by Lanczos' method.

    Raises:
        ValueError: if a is no strict minimum, or if no radius is found.
    """
    a = np.asarray(minimum, dtype=np.float64)
    low, high = curvatures or _outermost(landscape, a)
    norm = float(np.linalg.norm(landscape.gradient(a)))
    if not low > 0:
        raise ValueError(f"the flow ends in minima only, and here the lowest curvature is {low:.3g}; polish further")
    directions = _directions(landscape, a, trials, seed)
    radius = float(np.linalg.norm(a)) / 4 if largest is None else largest
    for _ in range(8):
        nearer = Basin(a, float(landscape.loss(a)), norm, (low, high), radius / 4)
        if quench(engine, nearer, a + radius * directions).count(RETURNED) == trials:
            return Basin(a, nearer.loss, norm, (low, high), radius / 2, trials)
        radius /= 2
    raise ValueError(f"flows from a distance {2 * radius:.3g} do not all return: the basin is too small to recognise")


def _outermost(landscape: NeuralLandscape, a: Array) -> tuple[float, float]:
    """Smallest and largest eigenvalue of the Hessian."""
    from landscapes.networks.eigenpairs import top_eigenpairs

    if landscape.dimension < 3:  # ARPACK wants fewer pairs than dimensions
        values = np.linalg.eigvalsh(landscape.hessian(a))
        return float(values[0]), float(values[-1])
    operator = landscape.hessian_operator(a)
    return float(top_eigenpairs(operator, 1, "SA")[0][0]), float(top_eigenpairs(operator, 1, "LA")[0][0])


def _directions(landscape: NeuralLandscape, a: Array, trials: int, seed: int) -> Array:
    """Unit vectors (trials, d)."""
    draws, m = np.random.default_rng(seed), landscape.number_of_examples
    found = draws.standard_normal((trials, landscape.dimension))
    for k in range(0, trials, 2):
        z = draws.standard_normal(m)
        found[k] = landscape.weighted_gradient(a, z - z.mean())
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))
