"""Whether paths can be followed to their ends, found before they are: a pilot of few, then a horizon that none meets.

k exits in a time at risk R bound the mean from below: with 95 % it is larger than R / (k + 3 + 2 sqrt k).  Where it is
carried by rare long paths, or is infinite, horizons are stretched until the rate of the late exits has settled
(:mod:`fpsim.paths.censoring`), or the mean is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from fpsim.paths.censoring import UnsettledError
from fpsim.paths.chunks import BLOCK
from fpsim.paths.exit_sample import ExitSample

MOST_STEPS = {"compiled": 1e12, "numpy": 2e9}
"""Coordinate-steps of all paths beyond which a run without a horizon is refused."""
PILOTS, ENOUGH = 256, 64
AMPLE = 40.0
"""A horizon of this many means is met by no path, e^-40."""
SUSPICIOUS = 3
"""So many trial paths beyond an ample horizon are no accident."""
STRETCH, STRETCHES = 4.0, 2
SEARCHED = 2e9
"""Steps after which no further horizon is tried for exits that have not settled."""

Run = Callable[[int, float], ExitSample]


class BeyondReachError(ValueError):
    """A mean that no simulation of affordable length would find."""


@dataclass(frozen=True)
class Reach:
    """A run without a horizon.

    Attributes:
        run: exits of so many paths up to a horizon.
        paths: how many paths are wanted.
        step: their time step.
        dimension: coordinates of a path.
        known: the mean as an exact route knows it (``None``: none does), asked only where there is reason to doubt; it
            raises if the mean is infinite.
    """

    run: Run
    paths: int
    step: float
    dimension: int
    known: Callable[[str], float | None]

    def pilot(self) -> ExitSample:
        """Exits of a few paths, or refusal where the mean is beyond reach."""
        count, horizon = min(PILOTS, self.paths), 256 * self.step
        while True:
            sample = self.run(count, horizon)
            exits, risk = sample.exits.size, float(sample.times.sum())
            if exits >= min(ENOUGH, count) or "stopped" in sample.settings:
                break
            least = risk / (exits + 3 + 2 * math.sqrt(exits))
            self._require(sample, least, f"{exits} of {count} trial paths arrived within t = {sample.horizon:.3g}")
            horizon *= STRETCH
        longer = self.run(count, max(sample.horizon, AMPLE * risk / max(exits, 1)))
        late = int(longer.censored.sum())
        if late >= SUSPICIOUS and "stopped" not in longer.settings:
            said = (
                f"{late} of {count} trial paths had not arrived by t = {longer.horizon:.3g}, far beyond where most do"
            )
            mean = self.known(said)
            if mean is not None:
                self._require(longer, mean, said)
        return longer

    def complete(self, pilot: ExitSample) -> ExitSample:
        """All paths to their ends; the horizon is stretched for those that are late."""
        horizon = max(pilot.horizon, AMPLE * float(pilot.times.sum()) / max(pilot.exits.size, 1))
        while True:
            sample = self.run(self.paths, horizon)
            late = int(sample.censored.sum())
            if not late or "stopped" in sample.settings:
                return sample
            said = f"{late} of {self.paths} paths had not arrived by t = {sample.horizon:.3g}"
            try:
                found = sample.censored_mean()
                self._require(sample, found.mean, said)
                horizon = sample.horizon + AMPLE * (found.tail.residual if found.tail else horizon)
            except UnsettledError as error:
                if horizon >= STRETCH**STRETCHES * pilot.horizon or self._steps(sample) > SEARCHED:
                    raise BeyondReachError(
                        f"{said}, far beyond where most do, and their exits give no mean: it is infinite or carried by "
                        "rare long paths; give horizon= to look at the exits that there are"
                    ) from error
                horizon *= STRETCH

    def _steps(self, sample: ExitSample) -> float:
        """Steps that a sample took, counting the lanes that wait for the last path."""
        return max(float(sample.times.sum()), BLOCK * float(sample.times.max())) / sample.step

    def _require(self, sample: ExitSample, mean: float, said: str) -> None:
        """Refuse a mean that would take too many steps."""
        most = MOST_STEPS[sample.settings["engine"]] / self.dimension
        needed = max(self.paths, BLOCK) * mean / self.step
        if needed > most:
            raise BeyondReachError(
                f"{said}, so that {self.paths} paths would take at least {needed:.1e} steps (runs of more than "
                f"{most:.0e} are not begun); use an exact route, fewer paths, or give horizon="
            )
