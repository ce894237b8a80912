"""SGD's escapes on a slice against every formula: ln(iterations) as a function of the batch size S.

    Cramer            S I / eta + ln prefactor(S)               I = |int q dx|,  mean_j exp(-q g_j) = 1
    ... corrected     + ln(exact SDE time / its own small-noise formula): what a finite S I/eta does to both alike
    Gaussian, SDE     exact quadrature with D = eta C1(x)/(2S);  exponent (S/eta) |int 2 L'/C1 dx|
    Gaussian, chain   the same noise in steps of eta, by transfer matrix
    Kramers           C1 frozen at the minimum:  exponent 2 S dL / (eta C1(a))
    theorem 3.2       C1 = H:  exponent (2 S dL / eta) (s/H_a + (1 - s)/|H_b|)        (Xie, Sato, Sugiyama 2021)

Slopes are weighted least squares with every point's own error; theories are fitted at the same S with the same weights,
so that their own curvature in S does not count against them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.escape import EscapeProblem
from fpsim.exact.first_passage import first_passage
from fpsim.kernels.random_numbers import own_seed
from fpsim.noise import ConstantDiffusion, HessianDiffusion
from fpsim.paths.exits import exit_times
from fpsim.sde.sde import SDE
from fpsim.sgd.minibatch import SAMPLINGS, MiniBatchSGD, exit_iterations
from fpsim.targets import as_target
from landscapes.examples.sampled import SampledLandscape
from validation.resnet.slices import Case, Climb
from validation.study.findings import Row, Rows
from validation.study.lines import Line, straight_line

if TYPE_CHECKING:
    from fpsim.escape_time import EscapeTime
    from validation.resnet.size import Size
    from validation.study.run import Run

GAUSSIAN = "gaussian"
LAWS = (*SAMPLINGS, GAUSSIAN)
"""How a step's noise is drawn: three laws of mini-batches, and Gaussian noise of the covariance C1/S."""
FEWEST = 700.0
"""Iterations that Cramer's formula predicts at least at the smallest batch size of a sweep."""
SIGMAS = 3.0
"""Standard errors within which numbers count as equal."""
LEAST_EXPONENT = 3.0
"""Cramer's exponent S I/eta there, at least: the formulas are for large ones."""
THEORIES = ("corrected", "cramer", "sde", "chain", "kramers", "xie")
PATIENCE = 30.0
"""Paths are followed for this many times the longer one of Cramer's and the Gaussian chain's mean."""
RESHUFFLED = (5.0, 120)
"""The same for reshuffled epochs, whose noise cancels within an epoch: some never leave; and their number at most."""


@dataclass(frozen=True)
class Sweep:
    """Mean iterations to escape at several batch sizes and one learning rate.

    Attributes:
        slice, law, learning_rate: what was run.
        climb: the way out of the minimum.
        rows: per batch size the mean, its standard error, and what the theories say (``ln ...``).
    """

    slice: str
    law: str
    learning_rate: float
    climb: Climb
    rows: tuple[Row, ...]

    @property
    def usable(self) -> Rows:
        """The batch sizes at which enough paths left for a mean."""
        return [row for row in self.rows if math.isfinite(row["iterations"])]

    def line(self, quantity: str = "measured") -> Line:
        """The straight line through ln(iterations) against S; of a theory with the weights of the measurement."""
        rows = self.usable
        logs = [math.log(r["iterations"]) if quantity == "measured" else r[f"ln {quantity}"] for r in rows]
        return straight_line([r["S"] for r in rows], logs, [r["error"] / r["iterations"] for r in rows])

    @property
    def stiffness(self) -> float:
        """Learning rate times the largest curvature on the climb."""
        return self.learning_rate * self.climb.stiffest

    @property
    def chi_squared(self) -> float:
        """Of the measured points about their straight line, per degree of freedom; NaN for two points."""
        rows, line = self.usable, self.line()
        if len(rows) < 3:
            return math.nan
        pulls = [
            (math.log(r["iterations"]) - line.slope * r["S"] - line.intercept) / (r["error"] / r["iterations"])
            for r in rows
        ]
        return float(np.sum(np.square(pulls)) / (len(rows) - 2))

    def theory_slopes(self) -> dict[str, float]:
        """Slope per example in the batch of every theory: leading exponents, and whole formulas at the same S."""
        climb, eta = self.climb, self.learning_rate
        unit, bottom, top = 2 * climb.barrier / eta, climb.curvature, abs(climb.curvature_top)
        leading = {
            "Cramer, exponent": climb.exponent / eta,
            "Gaussian, exponent": climb.gaussian / eta,
            "Kramers with C1(a)": unit / climb.covariance,
            "theorem 3.2, s = 1/2": unit * (0.5 / bottom + 0.5 / top),
            "theorem 3.2, s = 1": unit / bottom,
            "theorem 3.2, s = 0": unit / top,
        }
        whole = {"Cramer, corrected": "corrected", "Cramer": "cramer", "SDE": "sde", "Gaussian chain": "chain"}
        return {**{name: self.line(key).slope for name, key in whole.items()}, **leading}

    @property
    def allowance(self) -> float:
        """What the formulas leave out, in units of the slope.

        At a finite learning rate (eta |H|)^2 of the slope; and as the correction for finite noise is that of Gaussian
        noise, the share of it by which the two exponents differ.
        """
        slopes = self.theory_slopes()
        correction = abs(slopes["Cramer, corrected"] - slopes["Cramer"])
        return self.stiffness**2 * abs(self.line().slope) + self.climb.gap * correction

    def distance(self, slope: float) -> float:
        """(measured slope - slope) in standard errors."""
        line = self.line()
        return (line.slope - slope) / line.slope_error

    def agrees(self, slope: float) -> bool:
        """Whether the measured slope is that one, within `SIGMAS` standard errors and the allowance."""
        line = self.line()
        return abs(line.slope - slope) <= SIGMAS * line.slope_error + self.allowance

    def s_needed(self) -> float:
        """The fraction of the climb with which theorem 3.2 would have the measured slope."""
        slopes = self.theory_slopes()
        one, zero = slopes["theorem 3.2, s = 1"], slopes["theorem 3.2, s = 0"]
        return (self.line().slope - zero) / (one - zero)


def one(function: Callable[..., Row], *arguments: Any) -> Callable[[], Rows]:
    """A call, put off, that makes the one row of a piece."""
    return lambda: [function(*arguments)]


def batch_sizes(line: SampledLandscape, climb: Climb, rate: float, count: int, stride: int, most: float) -> list[int]:
    """Batch sizes from the first one for which Cramer's formula predicts enough iterations and a large exponent.

    Args:
        line, climb, rate: slice, direction and learning rate.
        count, stride: how many, and their distance.
        most: iterations that the formula predicts at most.
    """
    found: list[int] = []
    size = 1
    while len(found) < count and size < 10_000:
        log = _cramer_log(line, climb, rate, size)
        if log > math.log(most):
            break
        if log >= math.log(FEWEST) and size * climb.exponent / rate >= LEAST_EXPONENT:
            found.append(size)
        size += stride if found else 1
    return found


def swept(run: Run[Size], case: Case, law: str, rate: float, sizes: Sequence[int]) -> Sweep:
    """One law of noise (of `LAWS`) at one learning rate over batch sizes; every batch size is a piece."""
    climb, budget = case.climb, run.size.budget
    rows: Rows = []
    for size in sizes:
        key = {"slice": fingerprint(case.line), "start": climb.start, "target": climb.target, "rate": rate, "S": size}
        make = one(theories, case.line, climb, rate, size)
        (theory,) = run.pieces.rows(f"{case.name}-theory", make, **key)
        longest = math.exp(min(60.0, max(theory["ln cramer"], theory["ln chain"])))
        patience, most = RESHUFFLED if law == "reshuffled" else (PATIENCE, run.size.most_paths)
        paths = int(np.clip(budget / (longest * size), 100, min(most, run.size.most_paths)))
        own = own_seed(run.seed, case.name, law, rate, size)
        make = one(measured, case.line, climb, rate, size, law, paths, patience * longest, own, run.threads)
        (row,) = run.pieces.rows(f"{case.name}-{law}", make, law=law, paths=paths, seed=own, **key)
        rows.append({**row, **theory})
    return Sweep(case.name, law, rate, climb, tuple(rows))


def measured(
    line: SampledLandscape,
    climb: Climb,
    rate: float,
    size: int,
    law: str,
    paths: int,
    horizon: float,
    seed: int,
    threads: int | None = None,
) -> Row:
    """Mean iterations from the minimum to the other one, with standard error; NaN if too few paths left."""
    sgd = MiniBatchSGD(line, rate, size, "with-replacement" if law == GAUSSIAN else law)  # type: ignore[arg-type]
    if law == GAUSSIAN:
        goal, sde = as_target(climb.target, np.array([climb.start])), sgd.surrogate()
        sample = exit_times(sde, climb.start, goal, paths, rate, seed, horizon * rate, bridge=False, threads=threads)
        unit = rate
    else:
        sample = exit_iterations(sgd, climb.start, climb.target, paths, seed, horizon, threads)
        unit = 1.0
    try:
        mean, error = sample.mean_and_error()
    except ValueError:  # too few exits for a mean
        mean = error = math.nan
    return {
        "S": size, "paths": paths, "censored": int(sample.censored.sum()), "iterations": mean / unit,
        "error": error / unit, "median / mean": float(np.median(sample.times)) / mean,
        "per exit": float(sample.times.sum()) / max(1, int((~sample.censored).sum())) / unit,
    }  # fmt: skip


def theories(line: SampledLandscape, climb: Climb, rate: float, size: int) -> Row:
    """ln(iterations) by every theory at one batch size."""
    sgd = MiniBatchSGD(line, rate, size)
    problem = EscapeProblem(sgd.surrogate(), climb.start, climb.target)
    frozen = SDE(line, ConstantDiffusion(rate * climb.covariance / (2 * size)))
    half = HessianDiffusion(learning_rate=rate, batch_size=size, at="path", climb_fraction=0.5)
    logs = {
        "cramer": _cramer_log(line, climb, rate, size) + math.log(rate),
        "sde": first_passage(problem.sde, problem.point, problem.target).log_mean,
        "chain": math.log(problem.by_chain().mean),
        "kramers": EscapeProblem(frozen, climb.start, climb.target).by_formula("kramers").log_mean,
        "xie": EscapeProblem(SDE(line, half), climb.start, climb.target).by_formula("xie").log_mean,
    }
    small_noise = problem.by_formula("state-dependent").log_mean
    logs = {"corrected": logs["cramer"] + logs["sde"] - small_noise, **logs}
    return {f"ln {name}": value - math.log(rate) for name, value in logs.items()}


def _cramer_log(line: SampledLandscape, climb: Climb, rate: float, size: int) -> float:
    return _cramer(line, climb, rate, size).log_mean - math.log(rate)


def steps_too_large(line: SampledLandscape, climb: Climb, rate: float, size: int) -> str:
    """Which of Cramer's own checks of the limit eta -> 0 fail on a climb; empty where it may be believed."""
    return ", ".join(a.key for a in _cramer(line, climb, rate, size).violated if a.key in ("straight", "small steps"))


def _cramer(line: SampledLandscape, climb: Climb, rate: float, size: int) -> EscapeTime:
    problem = EscapeProblem(MiniBatchSGD(line, rate, size).surrogate(), climb.start, climb.target)
    return problem.by_formula("cramer")


def fingerprint(line: SampledLandscape) -> str:
    """Tells slices apart: a checksum of nodes and losses."""
    import hashlib

    return hashlib.sha256(line.nodes.tobytes() + line.values.tobytes()).hexdigest()[:16]
