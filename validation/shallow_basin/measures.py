"""SGD in all parameters of a small residual network, around one minimum a: what theory says and what is measured.

    excess loss          E L - L(a) against the linearised chain (Mandt, Hoffman, Blei 2017), as noise grows
    stability            the share of replicas that have left the basin, over eta lambda_max and S
    exits                iterations until gradient flow no longer leads back to a, over S at fixed eta
    three noises         mini-batches, Gaussian noise of their covariance, isotropic noise of their trace
    a loss threshold     how many of those that pass it are still in the basin

A panel of the study `validation.full_space.run`; nothing here is an escape rate that Kramers' formula predicts, because
the noise that leaves this basin within an affordable time is not small.  Learning rates are given as
kappa = eta * (largest curvature at a).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from fpsim.networks import quench
from fpsim.networks.exits import INSIDE, LEFT, UNSTABLE, NetworkExits
from fpsim.networks.quench import UNDECIDED, Basin
from validation.shallow_basin import around
from validation.shallow_basin.around import Surroundings
from validation.shallow_basin.minimum import NETWORK, load
from validation.study.findings import Findings, Row, Rows

if TYPE_CHECKING:
    import xarray

    from validation.study.run import Run

Settings = tuple[tuple[float, int], ...]
BATCHES = "with-replacement"
RECIPE = asdict(NETWORK)


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        trials: flows from which the radius of the basin is calibrated.
        excess, excess_replicas, excess_iterations: pairs (kappa, S), and how many of each.
        boundary, boundary_replicas, boundary_iterations: the same for the stability boundary.
        exits: (kappa, S, horizon, iterations between snapshots) of the exits with real mini-batches; one gap for all,
            since gradient flow is asked at every eighth snapshot and who comes back in between has not left.
        exit_replicas: of each.
        noises: other kinds of noise that run at the first of ``exits``.
        threshold: multiple of the stationary excess loss at which the loss threshold lies; it runs there too.
    """

    trials: int
    excess: Settings
    excess_replicas: int
    excess_iterations: int
    boundary: Settings
    boundary_replicas: int
    boundary_iterations: int
    exits: tuple[tuple[float, int, int, int], ...]
    exit_replicas: int
    noises: tuple[str, ...]
    threshold: float = 1.0

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """About 40 s, or about ten minutes, on one core."""
        if quick:
            return cls(
                6, ((0.05, 8), (0.1, 4), (0.2, 2), (0.4, 2)), 16, 150, ((0.3, 1), (1.0, 4), (1.0, 1), (2.0, 1)), 8, 100,
                ((1.0, 1, 320, 40),), 10, (),
            )  # fmt: skip
        pairs = tuple((k, s) for k in (0.05, 0.1, 0.2, 0.4, 0.8) for s in (2, 4, 16))
        cells = tuple((k, s) for s in (1, 2, 4) for k in (0.4, 0.8, 1.2, 1.6, 2.0))
        exits = ((1.0, 1, 960, 40), (1.0, 2, 3200, 40), (1.0, 4, 6400, 40), (0.5, 1, 3200, 40))
        return cls(12, pairs, 32, 300, cells, 16, 200, exits, 40, ("reshuffled", "gaussian", "isotropic"))


@dataclass(frozen=True)
class ShallowBasin(Findings):
    """What was measured around the minimum.

    Attributes:
        minimum, spectrum: the place, and its sharpest directions.
        excess, boundary: mean excess loss, and who has left, per setting.
        times, exits: exits, one row per replica and one per setting.
        threshold: a loss threshold.
    """

    prefix: ClassVar[str] = "full_space_"
    minimum: Rows
    spectrum: Rows
    excess: Rows
    boundary: Rows
    times: Rows
    exits: Rows
    threshold: Rows


def measure(run: Run[Size]) -> ShallowBasin:
    """Everything around the minimum that is kept; each setting is one piece.

    Torch and linear algebra run on one thread: the networks are too small for more.
    """
    from fpsim.networks.one_thread import one_thread

    with one_thread():
        spectrum = run.data("full-space-spectrum", _spectrum, "trials", network=RECIPE)
        (place,) = run.rows("full-space-minimum", partial(_minimum, run, spectrum), "trials", network=RECIPE)
        near = cache(partial(_surroundings, place, spectrum))  # made when the first missing piece needs it
        found: dict[str, list[Rows]] = {kind: [] for kind in KINDS}
        plan = _plan(run.size)
        for i, (kind, settings) in enumerate(plan):
            run.tell(i / len(plan), KINDS[kind])
            make = partial(_rows, near, kind, run.seed + list(KINDS).index(kind), settings)
            found[kind].append(run.rows(f"full-space-{kind}", make, "trials", network=RECIPE, **settings))
    excess, boundary, times, over = ([row for rows in parts for row in rows] for parts in found.values())
    exits = [_exit_row(rows) for rows in found["exits"]]
    return ShallowBasin([place], _sharpest(spectrum), excess, boundary, times, exits, over)


KINDS = {
    "excess": "excess loss", "boundary": "stability boundary", "exits": "exits", "threshold": "loss threshold",
}  # fmt: skip
"""What is measured, each with random numbers of its own, and what it is called while it runs."""


def _plan(size: Size) -> list[tuple[str, Row]]:
    """Kind and settings of everything that is measured."""
    excess = {"noise": BATCHES, "replicas": size.excess_replicas, "iterations": size.excess_iterations}
    boundary = {"replicas": size.boundary_replicas, "iterations": size.boundary_iterations}
    (kappa, batch, horizon, _), replicas = size.exits[0], size.exit_replicas
    runs = [(s, BATCHES) for s in size.exits] + [(size.exits[0], noise) for noise in size.noises]
    exits = [dict(zip(("kappa", "batch_size", "horizon", "every"), s, strict=True)) | {"noise": n} for s, n in runs]
    threshold = {"kappa": kappa, "batch_size": batch, "horizon": horizon, "multiple": size.threshold}
    return [
        *(("excess", {"kappa": k, "batch_size": s, **excess}) for k, s in size.excess),
        *(("boundary", {"kappa": k, "batch_size": s, **boundary}) for k, s in size.boundary),
        *(("exits", {**one, "replicas": replicas}) for one in exits),
        ("threshold", {**threshold, "replicas": replicas}),
    ]


def _rows(near: Callable[[], Surroundings], kind: str, seed: int, settings: Row) -> Rows:
    rows: Rows = getattr(around, f"{kind}_rows")(near(), seed=seed, **settings)
    return rows


def _spectrum() -> xarray.Dataset:
    return around.spectrum(NETWORK.landscape(), load())


def _minimum(run: Run[Size], spectrum: xarray.Dataset) -> Rows:
    """The minimum, and how it is recognised."""
    from fpsim.networks.replicas import Replicas

    exact, engine = NETWORK.landscape(), Replicas(NETWORK.landscape("float32"))
    values = spectrum["curvature"].values
    outermost = float(values[0]), float(values[-1])
    basin = quench.calibrate(engine, exact, load(), run.seed, run.size.trials, largest=1.0, curvatures=outermost)
    return [
        {
            "parameters": exact.dimension, "examples": NETWORK.examples, "loss": basin.loss,
            "accuracy": exact.accuracy(basin.minimum), "gradient_norm": basin.gradient_norm,
            "lowest_curvature": basin.curvatures[0], "largest_curvature": basin.curvatures[1],
            "radius": basin.radius, "trials": basin.trials,
        }
    ]  # fmt: skip


def _surroundings(row: Row, spectrum: xarray.Dataset) -> Surroundings:
    from fpsim.networks.replicas import Replicas

    a, curvatures = load(), (row["lowest_curvature"], row["largest_curvature"])
    basin = Basin(a, row["loss"], row["gradient_norm"], curvatures, row["radius"], row["trials"])
    own = float(spectrum.attrs["curvature_spread"])
    engine = Replicas(NETWORK.landscape("float32"))
    return Surroundings(engine, basin, spectrum["curvature"].values, spectrum["gradient_spread"].values, own)


def _sharpest(spectrum: xarray.Dataset) -> Rows:
    """The sharpest directions."""
    pairs = zip(spectrum["curvature"].values[::-1][:6], spectrum["gradient_spread"].values[::-1][:6], strict=True)
    rows = [{"direction": i, "curvature": float(h), "C1": float(c)} for i, (h, c) in enumerate(pairs, 1)]
    return [{**row, "C1 / curvature": row["C1"] / row["curvature"]} for row in rows]


def _exit_row(times: Rows) -> Row:
    """One line for a setting."""
    first, columns = times[0], {key: np.array([row[key] for row in times]) for key in times[0]}
    exits = NetworkExits(
        columns["iterations"], columns["half_width"], columns["outcome"], np.empty((len(times), 0)), first["horizon"]
    )
    mean, low, high = exits.mean_and_interval()
    halves = columns["half_width"][exits.left]
    return {
        "noise": first["noise"], "kappa": first["kappa"], "batch_size": first["batch_size"],
        "learning_rate": first["learning_rate"], "mean": mean, "low": low, "high": high,
        "mean * kappa^2 / S": mean * first["kappa"] ** 2 / first["batch_size"],
        "replicas": len(times), "left": exits.count(LEFT), "unstable": exits.count(UNSTABLE),
        "inside": exits.count(INSIDE), "undecided": exits.count(UNDECIDED), "horizon": first["horizon"],
        "half_width": float(halves.mean()) if halves.size else np.nan,
        "log_error": _log_error(columns["iterations"], exits.left),
    }  # fmt: skip


def _log_error(times: NDArray[np.float64], left: NDArray[np.bool_]) -> float:
    """The error of ln(mean): from the scatter if all have left, else that of exponential times."""
    if left.all() and left.size > 1:
        return float(times.std(ddof=1) / times.mean() / np.sqrt(left.size))
    return float(1 / np.sqrt(max(1, left.sum())))
