"""SGD in all parameters of a small residual network, around one minimum a: what theory says and what is measured.

    excess loss          E L - L(a) against the linearised chain (Mandt, Hoffman, Blei 2017), as noise grows
    stability            the share of replicas that have left the basin, over eta lambda_max and S
    exits                iterations until gradient flow no longer leads back to a, over S at fixed eta
    three noises         mini-batches, Gaussian noise of their covariance, isotropic noise of their trace
    a loss threshold     how many of those that pass it are still in the basin

A panel of the study `validation.resnet.run`; nothing here is an escape rate that Kramers' formula predicts, because the
noise that leaves this basin within an affordable time is not small.  Learning rates are given as
kappa = eta * (largest curvature at a).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from validation.full_space import verdicts as judge
from validation.full_space.minimum import NETWORK, load
from validation.study.pieces import Pieces
from validation.study.report import Progress, Table, Verdict

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

    from validation.full_space.measures import Surroundings

Row = dict[str, Any]
Settings = tuple[tuple[float, int], ...]
BATCHES = "with-replacement"
NOISES = (BATCHES, "reshuffled", "gaussian", "isotropic")


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
    def of(cls, quick: bool) -> Size:
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
class FullSpace:
    """What the panel hands over to a report.

    Attributes:
        summary: what was done, in a few plain sentences.
        verdicts, tables, pictures, data, settings: as in :class:`validation.study.report.Report`.
        rows: per table, its rows as dictionaries; ``"exits"`` holds one row per setting, ``"times"`` one per replica.
    """

    summary: str
    verdicts: tuple[Verdict, ...]
    tables: tuple[Table, ...]
    pictures: Mapping[str, Callable[[], Figure]] = field(repr=False)
    data: xarray.Dataset = field(repr=False)
    rows: Mapping[str, list[Row]] = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)


def full_space(size: Size, seed: int = 0, pieces: Pieces | None = None, tell: Progress | None = None) -> FullSpace:
    """Measure everything around the minimum that is kept; each setting is one piece.

    Args:
        size: how much; ``Size.of(quick)``.
        seed: of all random numbers.  The same seed gives the same numbers on the same machine: torch and linear
            algebra run on one thread (the networks are too small for more).
        pieces: keeps finished settings.
        tell: called with a share and a name.
    """
    from fpsim.networks.one_thread import one_thread

    with one_thread():
        rows = _Panel(size, seed, pieces or Pieces(), tell or (lambda share, name="": None)).rows()
    place = rows["minimum"][0]
    return FullSpace(
        summary=(
            f"A norm-free ResNet-8 of width 1 ({place['parameters']} parameters) on {NETWORK.examples} digits. At its "
            f"minimum a the gradient norm is {place['gradient_norm']:.1e} and the curvatures lie between "
            f"{place['lowest_curvature']:.2g} and {place['largest_curvature']:.3g}. Replicas of SGD start in a; they "
            "have left when gradient flow does not lead back to it (quench test)."
        ),
        verdicts=judge.all_verdicts(rows),
        tables=_tables(rows),
        pictures=_pictures(rows),
        data=_data(rows, seed),
        rows=rows,
        settings={"network": asdict(NETWORK), **asdict(size)},
    )


class _Panel:
    """One call of :func:`full_space`."""

    def __init__(self, size: Size, seed: int, pieces: Pieces, tell: Progress) -> None:
        self.size, self.seed, self.pieces, self.tell = size, seed, pieces, tell
        self.known: dict[str, Any] = {"network": asdict(NETWORK), "seed": seed, "trials": size.trials}
        self._around: Surroundings | None = None

    @property
    def around(self) -> Surroundings:
        """The minimum with its spectrum, made when the first missing piece needs it."""
        if self._around is None:
            self._around = _surroundings(self._basin_row(), self._spectrum())
        return self._around

    def rows(self) -> dict[str, list[Row]]:
        size, found = self.size, {"minimum": [self._basin_row()], "spectrum": _spectrum_rows(self._spectrum())}
        runs = [(s, BATCHES) for s in size.exits] + [(size.exits[0], noise) for noise in size.noises]
        count, done = len(size.excess) + len(size.boundary) + 2 * len(runs) + 2, 2
        found["excess"], found["boundary"], found["times"], found["exits"] = [], [], [], []
        for pair in size.excess:
            self.tell(done / count, "excess loss")
            found["excess"] += self._excess(*pair)
            done += 1
        for pair in size.boundary:
            self.tell(done / count, "stability boundary")
            found["boundary"] += self._boundary(*pair)
            done += 1
        for setting, noise in runs:
            self.tell(done / count, "exits")
            times = self._exits(*setting, noise)
            found["times"] += times
            found["exits"].append(_exit_row(times))
            done += 2
        found["threshold"] = self._threshold()
        return found

    def _basin_row(self) -> Row:
        def make() -> list[Row]:
            from fpsim.networks.quench import calibrate
            from fpsim.networks.replicas import Replicas

            exact, engine = NETWORK.landscape(), Replicas(NETWORK.landscape("float32"), "unrolled")
            values = self._spectrum()["curvature"].values
            outermost = float(values[0]), float(values[-1])
            basin = calibrate(engine, exact, load(), self.seed, self.size.trials, largest=1.0, curvatures=outermost)
            return [
                {
                    "parameters": exact.dimension, "examples": NETWORK.examples, "loss": basin.loss,
                    "accuracy": exact.accuracy(basin.minimum), "gradient_norm": basin.gradient_norm,
                    "lowest_curvature": basin.curvatures[0], "largest_curvature": basin.curvatures[1],
                    "radius": basin.radius, "trials": basin.trials,
                }
            ]  # fmt: skip

        return self.pieces.rows("full-space-minimum", make, **self.known)[0]

    def _spectrum(self) -> xarray.Dataset:
        def make() -> xarray.Dataset:
            from validation.full_space.measures import spectrum

            return spectrum(NETWORK.landscape(), load())

        return self.pieces.data("full-space-spectrum", make, **self.known)

    def _excess(self, kappa: float, batch_size: int) -> list[Row]:
        from validation.full_space.measures import excess_rows

        size: dict[str, Any] = {"replicas": self.size.excess_replicas, "iterations": self.size.excess_iterations}
        settings: dict[str, Any] = {"kappa": kappa, "batch_size": batch_size, "noise": BATCHES, **size}
        return self.pieces.rows(
            "full-space-excess", lambda: excess_rows(self.around, seed=self.seed, **settings), **settings, **self.known
        )

    def _boundary(self, kappa: float, batch_size: int) -> list[Row]:
        from validation.full_space.measures import boundary_row

        size = {"replicas": self.size.boundary_replicas, "iterations": self.size.boundary_iterations}
        settings: dict[str, Any] = {"kappa": kappa, "batch_size": batch_size, **size}
        return self.pieces.rows(
            "full-space-boundary",
            lambda: [boundary_row(self.around, seed=self.seed + 1, **settings)],
            **settings, **self.known,
        )  # fmt: skip

    def _exits(self, kappa: float, batch_size: int, horizon: int, every: int, noise: str) -> list[Row]:
        from validation.full_space.measures import exit_rows

        settings: dict[str, Any] = {
            "kappa": kappa, "batch_size": batch_size, "noise": noise, "replicas": self.size.exit_replicas,
            "horizon": horizon, "every": every,
        }  # fmt: skip
        return self.pieces.rows(
            "full-space-exits",
            lambda: exit_rows(self.around, seed=self.seed + 2, **settings),
            **settings, **self.known,
        )  # fmt: skip

    def _threshold(self) -> list[Row]:
        from validation.full_space.measures import threshold_row

        kappa, batch_size, horizon, _ = self.size.exits[0]
        settings: dict[str, Any] = {
            "kappa": kappa, "batch_size": batch_size, "multiple": self.size.threshold,
            "replicas": self.size.exit_replicas, "horizon": horizon,
        }  # fmt: skip
        return self.pieces.rows(
            "full-space-threshold",
            lambda: [threshold_row(self.around, seed=self.seed + 3, **settings)],
            **settings, **self.known,
        )  # fmt: skip


def _surroundings(row: Row, spectrum: xarray.Dataset) -> Surroundings:
    from fpsim.networks.quench import Basin
    from fpsim.networks.replicas import Replicas
    from validation.full_space.measures import Surroundings

    a, curvatures = load(), (row["lowest_curvature"], row["largest_curvature"])
    basin = Basin(a, row["loss"], row["gradient_norm"], curvatures, row["radius"], row["trials"])
    own = float(spectrum.attrs["curvature_spread"])
    fast = NETWORK.landscape("float32")
    grouped, unrolled = Replicas(fast, "grouped"), Replicas(fast, "unrolled")
    return Surroundings(grouped, unrolled, basin, spectrum["curvature"].values, spectrum["gradient_spread"].values, own)


def _spectrum_rows(spectrum: xarray.Dataset) -> list[Row]:
    """The sharpest directions."""
    pairs = zip(spectrum["curvature"].values[::-1][:6], spectrum["gradient_spread"].values[::-1][:6], strict=True)
    rows = [{"direction": i, "curvature": float(h), "C1": float(c)} for i, (h, c) in enumerate(pairs, 1)]
    return [{**row, "C1 / curvature": row["C1"] / row["curvature"]} for row in rows]


def _exit_row(times: list[Row]) -> Row:
    """One line for a setting."""
    from fpsim.networks.exits import INSIDE, LEFT, UNSTABLE, NetworkExits
    from fpsim.networks.quench import UNDECIDED

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


def _tables(rows: Mapping[str, list[Row]]) -> tuple[Table, ...]:
    titles = {
        "minimum": "Full space: the minimum",
        "spectrum": "Full space: curvature and gradient variance of one example along the sharpest directions",
        "excess": "Full space: mean excess loss of the late half of each run against the linearised chain",
        "boundary": "Full space: replicas that have left the basin (quench test)",
        "exits": (
            "Full space: quench-verified exits; iterations with 95 % intervals as for exponential times, and the error "
            "of ln(mean) from the scatter; who returns between two quenches has not left; mean * kappa^2 / S is "
            "constant where replicas diffuse out, and grows as noise falls where a barrier holds them"
        ),
        "threshold": "Full space: a loss threshold, and how many of those above it fall back",
    }
    shown = {**rows, "excess": judge.late(rows["excess"])}
    return tuple(Table.of(title, shown[key]) for key, title in titles.items())


def _pictures(rows: Mapping[str, list[Row]]) -> dict[str, Callable[[], Figure]]:
    def excess() -> Figure:
        from validation.full_space.pictures import excess_figure

        return excess_figure(rows["excess"])

    def leaving() -> Figure:
        from validation.full_space.pictures import exit_figure

        return exit_figure(rows["boundary"], rows["exits"], rows["times"])

    return {"full-space-excess": excess, "full-space-exits": leaving}


def _data(rows: Mapping[str, list[Row]], seed: int) -> xarray.Dataset:
    """All rows as variables along one dimension per table."""
    from fpsim.storage import dataset

    entries = {
        f"full_space_{table}_{key}".replace(" ", "_").replace("/", "per").replace("*", "times").replace("^", ""): (
            f"full_space_{table}_row", [row[key] for row in part], "", f"{key} ({table})",
        )
        for table, part in rows.items()
        for key in part[0]
    }  # fmt: skip
    return dataset(entries, experiment="full-space", seed=seed)
