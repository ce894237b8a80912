"""When does SGD leave a basin?  Each replica is followed until a criterion says that it is out:

    time of exit = (last snapshot inside + first snapshot outside)/2,     mean = total time followed / number of exits

The mean is the maximum-likelihood one for exponential times, with replicas that are still inside at the horizon counted
as followed but not out; twice the total time over the mean has a chi-square law with 2 n degrees of freedom, which
gives the interval (Epstein, Sobel, J. Amer. Stat. Assoc. 48 (1953) 486).  What "out" means is stated with each result:

    `quench_test`       gradient flow from here does not return to the minimum
    `beyond`            the displacement along a given direction has reached a given distance
    `loss_above`        the full loss is above a level: a threshold on a fluctuating loss, not an exit
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.networks.advance import advance
from fpsim.networks.quench import ELSEWHERE, RETURNED, UNDECIDED, Basin, quench
from fpsim.networks.sgd import NetworkSGD
from landscapes.notebook import Shown
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    from fpsim.networks.replicas import Replicas
    from fpsim.paths.exit_sample import ExitSample

Array = NDArray[np.float64]
Words = NDArray[np.str_]
LEFT, UNSTABLE, INSIDE = "left", "left by instability", "inside"


@dataclass(frozen=True, eq=False)
class Criterion:
    """What counts as out.

    Attributes:
        label: what it is, in words that go with each result.
        judge: points (n, d) -> (n,) of ``"returned"`` (inside), ``"elsewhere"`` (out) or ``"undecided"``.
    """

    label: str
    judge: Callable[[Array], Words]

    def __str__(self) -> str:
        return self.label


def quench_test(engine: Replicas, basin: Basin, most: int = 80) -> Criterion:
    """Out is where gradient flow does not return to the minimum of ``basin``, see :mod:`fpsim.networks.quench`."""

    def judge(x: Array) -> Words:
        return quench(engine, basin, x, most).outcome

    return Criterion("quench test: gradient flow does not return to the minimum", judge)


def beyond(minimum: ArrayLike, direction: ArrayLike, distance: float) -> Criterion:
    """Out is where (x - minimum) . direction/|direction| >= distance, for minimum and direction (d,)."""
    a, v = np.asarray(minimum, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    v = v / np.linalg.norm(v)

    def judge(x: Array) -> Words:
        return np.where((x - a) @ v >= distance, ELSEWHERE, RETURNED)

    return Criterion(f"displacement of {distance:.4g} along the direction of escape", judge)


def loss_above(engine: Replicas, level: float) -> Criterion:
    """Out is where the full loss is above ``level``."""

    def judge(x: Array) -> Words:
        return np.where(engine.losses(x) > level, ELSEWHERE, RETURNED)

    return Criterion(f"full loss above {level:.4g} (a threshold on a fluctuating loss, not an exit)", judge)


@dataclass(frozen=True, eq=False, repr=False)
class NetworkExits(Shown):
    """Exits of R replicas.

    Attributes:
        iterations: (R,) times of exit; for a replica that did not leave, how long it is known to have been inside.
        half_widths: (R,) half the gap between the last snapshot inside and the first outside; 0 without an exit.
        outcomes: (R,) ``"left"``; ``"left by instability"`` (parameters beyond all bounds or not finite);
            ``"inside"`` at the horizon; ``"undecided"`` at the horizon.
        places: (R, d) first snapshots outside, or the last ones of all.
        horizon: iterations after which a replica was no longer followed.
        settings: what moved, what counted as out, the seed.
    """

    iterations: Array
    half_widths: Array
    outcomes: Words
    places: Array
    horizon: int
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def left(self) -> NDArray[np.bool_]:
        """(R,) whether a replica is out."""
        return (self.outcomes == LEFT) | (self.outcomes == UNSTABLE)

    def count(self, outcome: str) -> int:
        """How many replicas had this outcome."""
        return int(np.count_nonzero(self.outcomes == outcome))

    def mean_and_interval(self, coverage: float = 0.95) -> tuple[float, float, float]:
        """Mean exit time in iterations, and its central interval.

        Without any exit the mean and the upper end are infinite, and the lower end is a bound.
        """
        from scipy.stats import chi2

        n, total, tail = int(self.left.sum()), float(self.iterations.sum()), (1 - coverage) / 2
        low = 2 * total / float(chi2.ppf(1 - tail, 2 * n + 2 if n < len(self.left) else 2 * n))
        if n == 0:
            return np.inf, low, np.inf
        return total / n, low, 2 * total / float(chi2.ppf(tail, 2 * n))

    def sample(self) -> ExitSample:
        """The same as the sample that other routes give, with undecided replicas among the censored."""
        from fpsim.paths.exit_sample import ExitSample

        return ExitSample(self.iterations, self.places, ~self.left, float(self.horizon), 1.0, self.settings)

    def plot(self, axes: Any = None) -> Any:
        """Share of replicas that have not left, against the exponential law; returns the figure."""
        from fpsim.plotting import survival_chart

        return survival_chart(self.sample(), self.mean_and_interval()[0], axes)

    def __str__(self) -> str:
        mean, low, high = self.mean_and_interval()
        counts = ", ".join(f"{self.count(w)} {w}" for w in (LEFT, UNSTABLE, INSIDE, UNDECIDED) if self.count(w))
        return f"{mean:.4g} iterations ({low:.4g} to {high:.4g}); {counts}; {self.settings.get('criterion', '')}"


@shows_progress("exits")
def network_exits(
    sgd: NetworkSGD, engine: Replicas, criterion: Criterion, replicas: int, horizon: int, every: int = 20,
    looks: int = 1, seed: int = 0, progress: Progress = None,
) -> NetworkExits:  # fmt: skip
    """Follow replicas until they are out.

    A snapshot is kept every ``every`` iterations, and the criterion is asked at every ``looks``-th of them; once it
    says out, the snapshots since the last one inside are bisected.  A replica that left and came back between two
    questions has not left.

    Args:
        sgd: what moves, from where.
        engine: many copies of its network.
        criterion: what counts as out.
        replicas: how many; their numbers 0, 1, ... choose their random numbers.
        horizon: most iterations to follow a replica; rounded up to a multiple of ``every * looks``.
        every, looks: as said; more than one look between questions is for criteria that cost much.
        seed: of all random numbers.
        progress: called with the share of the horizon that is done, or of the replicas that are out.

    Raises:
        ValueError: for impossible numbers, or if the start counts as out or undecided.
    """
    for name, value in (("replicas", replicas), ("horizon", horizon), ("every", every), ("looks", looks)):
        if isinstance(value, bool) or not (np.isfinite(value) and value == int(value) and value >= 1):
            raise ValueError(f"{name} is a whole number >= 1; got {value!r}")
    verdict = str(criterion.judge(np.asarray(sgd.start)[None])[0])
    if verdict != RETURNED:
        raise ValueError(f"the start is to be inside, but the {criterion} says '{verdict}'; start from the minimum")
    walk = _Walk(partial(advance, sgd, engine, seed=seed), criterion, np.tile(sgd.start, (int(replicas), 1)))
    n = 0
    while n < horizon and walk.inside.size:
        n = walk.chunk(n, int(every), int(looks))
        if progress is not None:
            progress(max(n / horizon, 1 - walk.inside.size / replicas))
    settings = {"sgd": str(sgd), "criterion": str(criterion), "every": int(every), "seed": int(seed)}
    return walk.result(n if walk.inside.size else max(n, int(horizon)), settings)


class _Walk:
    """The state of one call: who is inside, and the snapshots since each was last known to be."""

    def __init__(self, on: Callable[..., tuple[Array, NDArray[np.int64]]], criterion: Criterion, places: Array) -> None:
        count = len(places)
        self.on, self.criterion, self.places, self.inside = on, criterion, places, np.arange(count)
        self.history = [[(0, place)] for place in places.copy()]
        self.times, self.halves = np.zeros(count), np.zeros(count)
        self.outcomes = np.full(count, INSIDE, dtype="U20")

    def chunk(self, begin: int, every: int, looks: int) -> int:
        """Walk on, ask, and find the times of those that are out; returns the iteration reached."""
        lost = np.zeros(len(self.outcomes), dtype=np.int64)
        for n in range(begin, begin + every * looks, every):
            walking = self.inside[lost[self.inside] == 0]
            if not walking.size:
                break
            x, lost[walking] = self.on(self._last(walking), walking, n, every)
            for r, place in zip(walking, x, strict=True):
                self.history[r].append((int(lost[r]) or n + every, place))
        self._ask(lost)
        return begin + every * looks

    def _ask(self, lost: NDArray[np.int64]) -> None:
        sound = self.inside[lost[self.inside] == 0]
        words = self.criterion.judge(self._last(sound)) if sound.size else np.array([], dtype="U9")
        for r in sound[words == RETURNED]:
            self.history[r] = self.history[r][-1:]
        self.outcomes[sound] = np.where(words == UNDECIDED, UNDECIDED, INSIDE)
        out = sound[words == ELSEWHERE]
        unstable = self.inside[lost[self.inside] > 0]
        self.outcomes[out], self.outcomes[unstable] = LEFT, UNSTABLE
        self._bisect(np.concatenate([out, unstable]))
        self.inside = sound[words != ELSEWHERE]

    def _bisect(self, out: NDArray[np.int64]) -> None:
        """Close in on the exit; where the criterion cannot decide, the gap stays as it is."""
        low, high = np.zeros(len(out), dtype=int), np.array([len(self.history[r]) - 1 for r in out], dtype=int)
        wide = np.flatnonzero(high - low > 1)
        while wide.size:
            middle = (low[wide] + high[wide]) // 2
            points = np.array([self.history[r][m][1] for r, m in zip(out[wide], middle, strict=True)])
            words = self.criterion.judge(points)
            low[wide[words == RETURNED]] = middle[words == RETURNED]
            high[wide[words == ELSEWHERE]] = middle[words == ELSEWHERE]
            wide = wide[(words != UNDECIDED) & (high[wide] - low[wide] > 1)]
        for r, first, last in zip(out, low, high, strict=True):
            (before, _), (after, place) = self.history[r][first], self.history[r][last]
            self.times[r], self.halves[r], self.places[r] = (before + after) / 2, (after - before) / 2, place

    def _last(self, replicas: NDArray[np.int64]) -> Array:
        return np.array([self.history[r][-1][1] for r in replicas])

    def result(self, horizon: int, settings: dict[str, Any]) -> NetworkExits:
        for r in self.inside:  # the first entry is the last one known to be inside
            self.times[r], self.places[r] = self.history[r][0][0], self.history[r][-1][1]
        return NetworkExits(self.times, self.halves, self.outcomes, self.places, horizon, settings)
