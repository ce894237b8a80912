"""What the film ``kramers`` holds: everything that will be drawn, kept as netCDF.

    survival = 1 - exits(t)/N within +- sqrt(ln(2/0.05)/(2 N))        (Massart 1990: the whole curve, 95 %)

Made by :class:`animations.kramers.film.KramersFilm`; the renderers read it and compute no physics.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True)
class ShotData:
    """Everything that is drawn of one shot.

    Attributes:
        label, noise, problem: in words.
        law: the noise in Typst's mathematics; empty where it has no short formula.
        start, target, barrier: positions.
        band: half width of the simultaneous 95 % band of ``survivors / particles`` (Massart 1990).
        window: (x low, x high, loss low, loss high) worth drawing.
        routes, route_mean, route_error: routes to the mean escape time; error one sigma or bound, 0 if not known.
        failed: assumptions of the formula that do not hold.
        time: (frames,) time since the start.
        positions: (frames, particles).
        exit_times: (particles,), infinite if not within the shot.
        survivors: (frames,) particles that have never been in the target.
        survival: (frames,) the same chance on the grid.
        formula_survival: (frames,) exp(-t / tau of the formula); NaN without one.
        x, density, current: cell centres (cells,), probability per length (frames, cells), and its current at the
            barrier, positive towards the target, (frames,).
        edges, histogram: edges (bins + 1,) and density (frames, bins) of the particles.
        curve_x, curve_loss: the loss to draw.
    """

    label: str
    noise: str
    law: str
    problem: str
    start: float
    target: float
    barrier: float
    band: float
    window: tuple[float, float, float, float]
    routes: tuple[str, ...]
    failed: tuple[str, ...]
    route_mean: Array
    route_error: Array
    time: Array
    positions: Array
    exit_times: Array
    survivors: Array
    survival: Array
    formula_survival: Array
    x: Array
    density: Array
    current: Array
    edges: Array
    histogram: Array
    curve_x: Array
    curve_loss: Array

    @property
    def particles(self) -> int:
        """Number of particles."""
        return int(self.exit_times.size)

    def tau(self, route: str) -> tuple[float, float]:
        """Mean escape time and its error by one route."""
        i = self.routes.index(route)
        return float(self.route_mean[i]), float(self.route_error[i])


ARRAYS = {
    "route_mean": (("route",), "time", "mean escape time"),
    "route_error": (("route",), "time", "error of the mean escape time"),
    "time": (("frame",), "time", "learning rate * iterations"),
    "positions": (("frame", "particle"), "", "position"),
    "exit_times": (("particle",), "time", "first time in the target, infinite if not within the film"),
    "survivors": (("frame",), "", "particles that have never been in the target"),
    "survival": (("frame",), "", "chance never to have been in the target, on the grid"),
    "formula_survival": (("frame",), "", "exponential of the formula's time"),
    "x": (("cell",), "", "cell centres"),
    "density": (("frame", "cell"), "1/length", "probability density"),
    "current": (("frame",), "1/time", "probability current at the barrier towards the target"),
    "edges": (("edge",), "", "edges of the bins"),
    "histogram": (("frame", "bin"), "1/length", "density of the particles"),
    "curve_x": (("curve",), "", "where the loss is drawn"),
    "curve_loss": (("curve",), "", "loss"),
}


@dataclass(frozen=True)
class KramersData:
    """Acts of one or two shots, in the order in which they are shown, with ``seconds`` for all of them.

    Each act stands still for some frames before it starts and after it ends: ``standing`` holds both numbers per act.
    """

    acts: tuple[tuple[ShotData, ...], ...]
    seconds: float
    seed: int
    standing: tuple[tuple[int, int], ...]

    def frames_of(self, act: int) -> int:
        """Frames of one act, those in which it stands still included."""
        return int(self.acts[act][0].time.size) + sum(self.standing[act])

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return sum(self.frames_of(act) for act in range(len(self.acts)))

    def moment(self, act: int, frame: int) -> int:
        """Which of an act's moments its ``frame`` shows."""
        return min(max(frame - self.standing[act][0], 0), self.acts[act][0].time.size - 1)

    def ratio(self, act: int) -> float:
        """Mean escape time of an act's second shot over that of its first, by quadrature."""
        first, second = self.acts[act]
        return second.tau("quadrature")[0] / first.tau("quadrature")[0]

    def to_xarray(self) -> xarray.Dataset:
        """One dataset; variables and dims of shot j of act i end in ``_i_j``."""
        from fpsim.storage import dataset

        entries: dict[str, Any] = {}
        words: dict[str, Any] = {}
        for i, act in enumerate(self.acts):
            for j, shot in enumerate(act):
                for name, (dims, units, meaning) in ARRAYS.items():
                    entries[f"{name}_{i}_{j}"] = (
                        [f"{d}_{i}_{j}" for d in dims], getattr(shot, name), units,
                        f"{meaning}; {shot.label}, {shot.noise}",
                    )  # fmt: skip
                words[f"shot_{i}_{j}"] = {f.name: getattr(shot, f.name) for f in fields(shot) if f.name not in ARRAYS}
        shape = json.dumps([len(act) for act in self.acts])
        facts: dict[str, Any] = {"seconds": self.seconds, "seed": self.seed, "standing": json.dumps(self.standing)}
        return dataset(entries, film="kramers", acts=shape, **facts, **words)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> KramersData:
        """Read what :meth:`save` wrote."""
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as data:
            if data.attrs.get("film") != "kramers":
                raise ValueError(f"'{path}' does not hold the data of the film 'kramers'")
            counts = json.loads(data.attrs["acts"])
            acts = tuple(tuple(_shot(data, f"_{i}_{j}") for j in range(n)) for i, n in enumerate(counts))
            standing = tuple((int(a), int(b)) for a, b in json.loads(data.attrs["standing"]))
            return cls(acts, float(data.attrs["seconds"]), int(data.attrs["seed"]), standing)


def _shot(data: xarray.Dataset, ending: str) -> ShotData:
    words: dict[str, Any] = json.loads(data.attrs["shot" + ending])
    words |= {name: tuple(words[name]) for name in ("window", "routes", "failed")}
    words |= {name: data[name + ending].values for name in ARRAYS}
    return ShotData(**words)
