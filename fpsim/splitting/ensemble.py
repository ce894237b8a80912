"""Many independent repetitions on a pool of threads, landing one by one; and the mean time that they give.

    T = <transit> + <back> <loop> / <p>         errors by the jackknife over repetitions

p is unbiased and its mean enters, so that the bias of T is of second order in the error; the jackknife takes that off.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.escape_time import LARGEST_LOG, EscapeTime
from fpsim.kernels.pacing import Stopped
from fpsim.kernels.random_numbers import own_seed
from fpsim.splitting.company import companies
from fpsim.splitting.dynamics import Dynamics, Stop
from fpsim.splitting.multilevel import KILLED, Plan, Repetition, repetition

Array = NDArray[np.float64]
FEW = 10
"""Repetitions below which their scatter alone is no error: the ideal one's counts if it is larger."""
SCATTER = 3.0
"""Largest scatter of repetitions, in ideal ones, of a score that is called good."""
LARGEST_SHARE = 0.5
SMALL_ERROR = 0.2
"""Relative error up to which the jackknife's estimate of the bias is taken off the mean."""
LARGEST_IDEAL = 0.7
"""Largest relative deviation of a repetition by an ideal score, beyond which a few of them do not show their spread."""
IDEAL = 1.16
"""Relative variance of p is this times -ln p / N for an ideal score, a quarter killed at a time."""


class SplittingInterrupted(KeyboardInterrupt):
    """Ctrl-C during a run of repetitions.

    Attributes:
        found: the repetitions that had ended; with ``store=`` the same call goes on from them.
        answer: the mean that they give, where two or more had ended and it needs nothing else.
    """

    def __init__(self, found: Sequence[Repetition], answer: EscapeTime | None = None) -> None:
        super().__init__(f"{len(found)} repetitions had ended; with store= the same call goes on from them")
        self.found, self.answer = tuple(found), answer


def repetitions(
    dynamics: Dynamics, plan: Plan, count: int, seed: int, threads: int, stop: Stop,
    progress: Callable[[float], None] | None = None, store: Path | None = None,
) -> list[Repetition]:  # fmt: skip
    """Repetitions 0 ... count - 1 in order; when time is up, those that have ended.

    Args:
        dynamics, plan, seed: what each of them does.
        count, threads: how many, on how many threads.
        stop: when to end early.
        progress: called with the share that has ended.
        store: a file of lines that keeps them; those found there are not run again.

    Raises:
        SplittingInterrupted: on Ctrl-C.
    """
    mark = f"{own_seed(seed, plan.low, plan.high, plan.settled, plan.particles, *plan.start.tolist()):x}"
    found = {} if store is None else {r.number: r for r in _read(store, mark) if r.number < count}
    missing = [number for number in range(count) if number not in found]
    teams, workers = companies(dynamics, threads, len(missing), int(KILLED * plan.particles))

    def work(number: int) -> Repetition:
        if not teams:
            return repetition(dynamics, plan, number, seed, stop)
        team = teams[number % len(teams)]
        with team.member():
            return repetition(team, plan, number, seed, stop)

    with ThreadPoolExecutor(workers) as pool:
        pending = {pool.submit(work, number) for number in missing}
        try:
            while pending:
                done, pending = wait(pending, timeout=0.1, return_when=FIRST_COMPLETED)
                for future in done:
                    try:
                        landed = future.result()
                    except Stopped:
                        continue
                    found[landed.number] = landed
                    _append(store, landed, mark)
                if progress is not None:
                    progress(len(found) / count)
        except BaseException as error:
            stop.told.set()
            pool.shutdown(wait=True, cancel_futures=True)
            if isinstance(error, KeyboardInterrupt):
                raise SplittingInterrupted([found[k] for k in sorted(found)]) from None
            raise
    return [found[number] for number in sorted(found)]


def _read(store: Path, mark: str) -> list[Repetition]:
    """Those of the same plan and seed, which ``mark`` tells; other runs may share the file."""
    if not store.exists():
        return []
    lines = [line for line in store.read_text().splitlines() if line.endswith("}")]  # the last may be torn
    entries = [json.loads(line) for line in lines]
    return [Repetition(**entry["found"]) for entry in entries if entry["run"] == mark]


def _append(store: Path | None, landed: Repetition, mark: str) -> None:
    if store is not None:
        with store.open("a") as file:
            file.write(json.dumps({"run": mark, "found": landed.to_dict()}) + "\n")


@dataclass(frozen=True)
class MeanOfLoops:
    """A mean time in steps, in logarithms.

    Attributes:
        log_mean: ln T.
        error: relative standard error of T.
        log_chance: ln p of a loop, -inf if no loop was needed.
        loop: steps of a loop.
        extinct: repetitions whose flights died out, which count as p = 0.
        ideal: relative standard deviation of p by an ideal score.
        scatter: that over repetitions, over the ideal one.
        largest: share of the largest p in the sum of all.
        lines: least number of first flights from which the arrived ones of a repetition descend.
        repetitions: all of them.
    """

    log_mean: float
    error: float
    log_chance: float
    loop: float
    extinct: int
    ideal: float
    scatter: float
    largest: float
    lines: int
    repetitions: tuple[Repetition, ...]

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Whether the score was good enough for the error to be believed."""
        if math.isinf(self.log_chance):
            return ()
        count = len(self.repetitions)
        ideal = "repetitions scatter at most 3 times as those of an ideal score, sqrt(-ln p / N)"
        few, extinct = "no single repetition carries half of the chance", "flights died out in no repetition"
        scatter, lost = f"{self.scatter:.2g} times; a bad score misses ways", f"{self.extinct} of {count}, as p = 0"
        found = [
            Assumption(ideal, self.scatter <= SCATTER, scatter, key="scatter"),
            Assumption(extinct, self.extinct == 0, lost, key="extinct"),
            Assumption(
                f"particles are enough for p to be nearly normal: sqrt(-1.16 ln p / N) <= {LARGEST_IDEAL:g}",
                self.ideal <= LARGEST_IDEAL, f"{self.ideal:.2g}", key="particles",
            ),
        ]  # fmt: skip
        if count >= 4:
            carried = f"the largest carries {self.largest:.2g}"
            found.append(Assumption(few, self.largest <= LARGEST_SHARE, carried, key="weights"))
        return tuple(found)


def mean_of_loops(found: Sequence[Repetition], particles: int) -> MeanOfLoops:
    """The mean time, from two repetitions or more.

    Raises:
        ValueError: for fewer, or if the flights of all repetitions died out.
    """
    if len(found) < 2:
        raise ValueError(
            f"only {len(found)} of the repetitions ended in time, and an error needs two: give more time, fewer "
            "particles= or a score= that leads to the target"
        )
    looped = [r for r in found if r.back > 0]
    chances = np.array([r.log_chance for r in looped])
    if looped and np.isneginf(chances).all():
        levels = max(r.levels for r in looped)
        raise ValueError(
            f"the flights of all {len(looped)} repetitions died out, the last of them after {levels} levels, and none "
            "reached the target: use more particles=, or a score= that rises all the way to the target"
        )
    log_mean = _log_mean(found)
    rest = np.array([_log_mean([*found[:k], *found[k + 1 :]]) for k in range(len(found))])
    gaps, n = np.exp(np.minimum(rest - log_mean, LARGEST_LOG)), len(found)
    error = math.sqrt((n - 1) / n * float(np.sum((gaps - gaps.mean()) ** 2)))
    if error < SMALL_ERROR:  # the mean of 1/p is not 1/<p>; where one repetition carries all, nothing mends that
        log_mean += math.log1p(-(n - 1) * (float(gaps.mean()) - 1))
    if not looped:
        return MeanOfLoops(log_mean, error, -math.inf, math.nan, 0, 0.0, 0.0, 0.0, 0, tuple(found))
    shares = np.exp(chances - chances.max())
    log_chance = float(chances.max() + math.log(shares.mean()))
    ideal = math.sqrt(IDEAL * max(-log_chance, 1 / particles) / particles)
    scatter = float(shares.std(ddof=1) / shares.mean()) / ideal if len(looped) > 1 else 0.0
    if len(looped) < FEW:
        error = max(error, ideal / math.sqrt(len(looped)) * _share_of_loops(found, log_mean))
    loop = float(np.mean([r.loop for r in looped]))
    lines = min((r.lines for r in looped if r.lines), default=0)
    return MeanOfLoops(
        log_mean, error, log_chance, loop, int(np.isneginf(chances).sum()), ideal, scatter,
        float(shares.max() / shares.sum()), lines, tuple(found),
    )  # fmt: skip


def _log_mean(found: Sequence[Repetition]) -> float:
    """Ln of <transit> + <back> <loop> / <p>."""
    transit, back = (float(np.mean([getattr(r, name) for r in found])) for name in ("transit", "back"))
    looped = [r for r in found if r.back > 0]
    if not looped:
        return math.log(transit)
    chances = np.array([r.log_chance for r in looped])
    top = float(chances.max())
    if math.isinf(top):
        return math.inf
    loop, log_chance = float(np.mean([r.loop for r in looped])), top + math.log(np.mean(np.exp(chances - top)))
    log_loops = math.log(back * loop) - log_chance
    return float(np.logaddexp(math.log(transit), log_loops))


def _share_of_loops(found: Sequence[Repetition], log_mean: float) -> float:
    """The part of the mean that loops take after the first transit."""
    return 1 - math.exp(math.log(float(np.mean([r.transit for r in found]))) - log_mean)


def describe_loops(found: MeanOfLoops, unit: float) -> dict[str, Any]:
    """Chance and duration of a loop for a result's settings, with ``unit`` the time of a step."""
    if math.isinf(found.log_chance):
        return {"loops": "none: flights from the start arrive before they settle"}
    p = f"{math.exp(found.log_chance):.4g}" if found.log_chance > -700 else f"e^{found.log_chance:.6g}"
    levels = int(np.median([r.levels for r in found.repetitions]))
    return {
        "loops": f"chance {p} of the target before the way back, {unit * found.loop:.4g} time each",
        "levels": levels, "extinct": found.extinct, "scatter": f"{found.scatter:.2g} of an ideal score's",
    }  # fmt: skip
