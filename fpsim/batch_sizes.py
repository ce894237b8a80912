"""Leaving a valley of a line through a network, over batch sizes: SGD itself beside the theories of its escape.

    ln(iterations) against S at fixed eta, and its slope,

by mini-batches as they are (:func:`fpsim.exit_iterations`), by the SDE with their covariance (quadrature), by the chain
with Gaussian noise of the same covariance and SGD's finite step, and by Cramer's exponent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fpsim.cuda.device import Device, chosen
from fpsim.escape import EscapeProblem
from fpsim.sde.sde import SDE
from fpsim.sgd.minibatch import MiniBatchSGD, exit_iterations
from landscapes.notebook import Shown
from landscapes.progress import Progress, shows_progress

ROUTES = ("quadrature", "chain", "cramer")
SGD = "mini-batches"


@dataclass(frozen=True, repr=False)
class BatchSizes(Shown):
    """What came out.

    Attributes:
        line: the landscape, in words.
        learning_rate: eta.
        start, target: where it began and what it had to reach.
        sizes: the batch sizes S.
        logs: name -> ln(iterations) for each S; NaN where a route refused.
        errors: name -> their standard errors (0: none, or far smaller).
        refusals: why a route gave nothing, in sentences.
    """

    line: str
    learning_rate: float
    start: float
    target: float
    sizes: tuple[int, ...]
    logs: dict[str, tuple[float, ...]]
    errors: dict[str, tuple[float, ...]]
    refusals: tuple[str, ...] = ()

    def slope(self, name: str) -> tuple[float, float]:
        """Slope of ln(iterations) per unit of S and its error, by weighted least squares; NaN from fewer than two."""
        y, e = np.array(self.logs[name]), np.array(self.errors[name])
        known = np.isfinite(y)
        if known.sum() < 2:
            return math.nan, math.nan
        x, y, e = np.array(self.sizes)[known], y[known], e[known]
        weights = np.where(e > 0, 1 / np.maximum(e, 1e-12) ** 2, 1.0) if np.all(e > 0) else np.ones_like(y)
        x = x - np.average(x, weights=weights)
        spread = float(weights @ x**2)
        return float(weights @ (x * y)) / spread, 1 / math.sqrt(spread) if np.all(e > 0) else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return {**vars(self), "slopes": {name: self.slope(name) for name in self.logs}}

    def plot(self, axes: Any = None) -> Any:
        """ln(iterations) against S, one line per route; SGD with its errors."""
        from fpsim.plotting.batch_sizes import batch_size_chart

        return batch_size_chart(self, axes)

    def __repr__(self) -> str:
        return f"<BatchSizes: S = {', '.join(map(str, self.sizes))} at eta = {self.learning_rate:g} on {self.line}>"

    def __str__(self) -> str:
        head = f"ln(iterations) from {self.start:.6g} to {self.target:.6g} on {self.line}, eta = {self.learning_rate:g}"
        rows = [("S", *map(str, self.sizes), "slope per S")]
        for name, logs in self.logs.items():
            errors, (slope, error) = self.errors[name], self.slope(name)
            rows.append((name, *map(_cell, logs, errors), _cell(slope, error)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  " + "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([head, *lines, *(f"  {words}" for words in self.refusals)])


@shows_progress("batch sizes")
def over_batch_sizes(
    line: Any, learning_rate: float, sizes: Sequence[int], start: float | None = None, target: float | None = None,
    paths: int = 300, horizon: float = 1e7, seed: int = 0, threads: int | None = None,
    progress: Progress = None, routes: Sequence[str] = ROUTES, device: Device = "cpu",
) -> BatchSizes:  # fmt: skip
    """Measure and predict how long SGD stays in a valley of ``line``, for each batch size.

    Args:
        line: a 1-D landscape with examples, such as ``SampledLandscape.between``.
        learning_rate: eta.
        sizes: the batch sizes S.
        start, target: by default the line's own, or its first and last minimum.
        paths, seed, threads: for the mini-batches.
        horizon: most iterations of a path.
        progress: ``True`` for a bar, or called with the share of the sizes that is done.
        routes: the theories beside SGD itself.
        device: of the mini-batches, as in :func:`fpsim.simulate`.

    Raises:
        NoGPUError: for ``device="cuda"`` where there is none.
        ValueError: for a line with fewer than two minima, where start or target is not given.
    """
    chosen(device, 0.0)  # a GPU that is not there is no refusal of one size
    begin, end = _ends(line, start, target)
    every, refusals = (*routes, SGD), []
    logs: dict[str, list[float]] = {name: [] for name in every}
    errors: dict[str, list[float]] = {name: [] for name in every}
    for done, size in enumerate(sizes, 1):
        sgd = MiniBatchSGD(line, learning_rate=learning_rate, batch_size=size)
        problem = EscapeProblem(SDE(line, sgd.noise()), begin, end)
        for name in every:
            try:
                if name == SGD:
                    log, error = _measured(sgd, begin, end, paths, horizon, seed, threads, device)
                else:
                    log, error = _predicted(problem, name, learning_rate), 0.0
            except ValueError as reason:
                log, error = math.nan, 0.0
                refusals.append(f"{name} at S = {size}: {reason}")
            logs[name].append(log)
            errors[name].append(error)
        if progress is not None:
            progress(done / len(sizes))
    return BatchSizes(
        str(line), learning_rate, begin, end, tuple(sizes), _frozen(logs), _frozen(errors), tuple(refusals)
    )


def _frozen(table: dict[str, list[float]]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(row) for name, row in table.items()}


def _ends(line: Any, start: float | None, target: float | None) -> tuple[float, float]:
    if start is not None and target is not None:
        return float(start), float(target)
    own = line.default_start, line.default_target
    if start is None and target is None and None not in own:
        return float(own[0][0]), float(own[1][0])
    minima = sorted(float(point.x[0]) for point in line.minima)
    if len(minima) < 2:
        raise ValueError(f"{line} has {len(minima)} minimum; say by start and target which valley is left")
    return (minima[0] if start is None else float(start)), (minima[-1] if target is None else float(target))


def _predicted(problem: EscapeProblem, name: str, learning_rate: float) -> float:
    """ln(iterations) by a route, whose times are learning rate times iterations."""
    found = problem.by(name)
    return found.log_mean - (math.log(learning_rate) if found.units == "time" else 0.0)


def _measured(
    sgd: MiniBatchSGD, begin: float, end: float, paths: int, horizon: float, seed: int, threads: int | None,
    device: Device,
) -> tuple[float, float]:  # fmt: skip
    """ln(iterations) of mini-batches as they are."""
    mean, error = exit_iterations(sgd, begin, end, paths, seed, horizon, threads, device=device).mean_and_error()
    return math.log(mean), error / mean


def _cell(value: float, error: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.4g}" + (f" +- {error:.2g}" if error else "")
