"""What the film ``gate`` holds: one lane per floor and SGD's chain, kept as netCDF.

    tau ~ eps^-delta with a floor eps,   tau = eta * iterations for the chain without one

Made by :class:`animations.gate.film.GateFilm`; the renderer reads it and computes no physics.
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
class LaneData:
    """The continuous-time equation with one floor.

    Attributes:
        floor: eps, in units of curvature.
        tau: mean escape time by quadrature, ``grid`` the same from the Fokker-Planck grid that is drawn.
        positions: (frames, particles).
        exit_times: (particles,), infinite if not within the act.
        survivors: (frames,) particles that have never been in the target; ``survival`` the same chance on the grid.
        density: (frames, drawn cells), probability per length, averaged over the cells of the grid.
    """

    floor: float
    tau: float
    grid: float
    positions: Array
    exit_times: Array
    survivors: Array
    survival: Array
    density: Array


@dataclass(frozen=True)
class ChainData:
    """SGD's own chain without a floor.

    Attributes:
        tau, iterations: exact means by transfer matrix, in time and in iterations.
        sampled, error: mean number of iterations of ``paths`` simulated chains, with its standard error.
        best_jump: z-score of the best single jump over the gate, sqrt(delta).
        iteration: (frames,) the iteration at which each frame stands.
        positions: (iterations, particles), one row per iteration.
        exits: (particles,) iterations until the target, infinite if not within the act.
    """

    tau: float
    iterations: float
    sampled: float
    error: float
    paths: int
    best_jump: float
    iteration: Array
    positions: Array
    exits: Array

    def escaped(self, iteration: int) -> int:
        """Particles that have been in the target by then."""
        return int((self.exits <= iteration).sum())


@dataclass(frozen=True)
class GateData:
    """Everything that is drawn.

    Attributes:
        problem, name: in words; ``name`` is the loss.
        start, target, gate: positions; ``slope`` is L' at the gate.
        delta, kappa, learning_rate, batch_size: numbers of the noise.
        measured: slope of ln tau against ln eps between the two smallest floors of the line.
        window: (x low, x high, loss low, loss high) worth drawing.
        time: (frames of the first act,).
        lanes: one per floor, from large to small.
        chain: the second act.
        x: (drawn cells,) where the densities stand.
        heights: (particles,) uniform numbers that spread the particles under the density.
        floors, taus: (line,) exact escape times against the floor.
        curve_x, curve_loss, curve_noise: the loss and |L''|, (curve,).
    """

    problem: str
    name: str
    start: float
    target: float
    gate: float
    slope: float
    delta: float
    kappa: float
    learning_rate: float
    batch_size: float
    measured: float
    window: tuple[float, float, float, float]
    seconds: float
    seed: int
    lanes: tuple[LaneData, ...]
    chain: ChainData
    time: Array
    x: Array
    heights: Array
    floors: Array
    taus: Array
    curve_x: Array
    curve_loss: Array
    curve_noise: Array

    @property
    def frames(self) -> int:
        """Frames of the whole film."""
        return int(self.time.size + self.chain.iteration.size)

    @property
    def particles(self) -> int:
        """Particles per lane, and of the chain."""
        return int(self.heights.size)

    def to_xarray(self) -> xarray.Dataset:
        """One dataset; variables of lane i end in ``_i``, those of the chain in ``_chain``."""
        from fpsim.storage import dataset

        entries: dict[str, Any] = {name: (dims, getattr(self, name), units, words)
                                   for name, (dims, units, words) in ARRAYS.items()}  # fmt: skip
        groups = [(f"_{i}", lane, LANE) for i, lane in enumerate(self.lanes)] + [("_chain", self.chain, CHAIN)]
        numbers: dict[str, Any] = {}
        for ending, one, arrays in groups:
            for name, (dims, units, words) in arrays.items():
                entries[name + ending] = (dims, getattr(one, name), units, words)
            numbers["group" + ending] = {f.name: getattr(one, f.name) for f in fields(one) if f.name not in arrays}
        skipped = {*ARRAYS, "lanes", "chain"}
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in skipped}
        return dataset(entries, film="gate", count=len(self.lanes), facts=facts, **numbers)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> GateData:
        """Read what :meth:`save` wrote."""
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as data:
            if data.attrs.get("film") != "gate":
                raise ValueError(f"'{path}' does not hold the data of the film 'gate'")

            def read(arrays: dict[str, Any], ending: str) -> dict[str, Any]:
                own = json.loads(data.attrs["group" + ending]) if ending else json.loads(data.attrs["facts"])
                return {**own, **{name: data[name + ending].values for name in arrays}}

            facts = read(ARRAYS, "")
            facts["window"] = tuple(facts["window"])
            lanes = tuple(LaneData(**read(LANE, f"_{i}")) for i in range(int(data.attrs["count"])))
            return cls(**facts, lanes=lanes, chain=ChainData(**read(CHAIN, "_chain")))


ARRAYS = {
    "time": (("frame",), "time", "learning rate * iterations"),
    "x": (("cell",), "", "middle of the drawn cells"),
    "heights": (("particle",), "", "where a particle stands between axis and density"),
    "floors": (("floor",), "curvature", "floors of the line of escape times"),
    "taus": (("floor",), "time", "mean escape time by quadrature"),
    "curve_x": (("curve",), "", "where the loss is drawn"),
    "curve_loss": (("curve",), "", "loss"),
    "curve_noise": (("curve",), "curvature", "absolute curvature"),
}
LANE = {
    "positions": (("frame", "particle"), "", "position"),
    "exit_times": (("particle",), "time", "first time in the target, infinite if not within the act"),
    "survivors": (("frame",), "", "particles that have never been in the target"),
    "survival": (("frame",), "", "chance never to have been in the target, on the grid"),
    "density": (("frame", "cell"), "1/length", "probability density"),
}
CHAIN = {
    "iteration": (("picture",), "", "iteration of the frame"),
    "positions": (("iteration", "particle"), "", "position of SGD"),
    "exits": (("particle",), "", "iterations until the target, infinite if not within the act"),
}
