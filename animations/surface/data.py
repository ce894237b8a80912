"""What the film ``surface`` holds: paths, crossings and the surface, kept as netCDF.

    crossed(t) = #{particles: exit time <= t},   near the saddle: closest <= sqrt(D_ss / lambda_s)

Made by :class:`animations.surface.film.SurfaceFilm`; the renderer reads it and computes no physics.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]


@dataclass(frozen=True)
class SurfaceData:
    """Everything that is drawn; ``*_loss`` is the height of the points named before.

    Attributes:
        problem, name, path_name: in words; ``path_name`` says whether the path is the most probable one.
        temperature: T of isotropic constant noise, NaN for other noise.
        tau, tau_error: mean escape time on a Fokker-Planck grid.
        formula: the same by Eyring and Kramers, NaN where it does not apply.
        near: radius about the saddle that counts as near it.
        ceiling: largest loss drawn.
        time: (frames,); positions: (frames, particles, 2); loss: (frames, particles).
        exit_times: (particles,) infinite if not within the film; survival: (frames,) the same chance on the grid.
        crossing: (points, 2) the crossings one after another; crossing_time and crossing_particle: (points,).
        closest: (crossings,) least distance from the saddle, in the order of their particles.
        path, ridge: (n, 2) minimum to minimum, and the border of the valleys through the saddle.
        minima, saddle: (k, 2) the minima on the path, and its highest saddle (2,); rows of ``x, y, loss``.
        grid_x, grid_y, grid_loss: the surface, (nx,), (ny,), (ny, nx).
    """

    problem: str
    name: str
    path_name: str
    temperature: float
    tau: float
    tau_error: float
    formula: float
    near: float
    ceiling: float
    seconds: float
    seed: int
    time: Array
    positions: Array
    loss: Array
    exit_times: Array
    survival: Array
    crossing: Array
    crossing_loss: Array
    crossing_time: Array
    crossing_particle: Array
    closest: Array
    path: Array
    path_loss: Array
    ridge: Array
    ridge_loss: Array
    minima: Array
    saddle: Array
    grid_x: Array
    grid_y: Array
    grid_loss: Array

    @property
    def frames(self) -> int:
        """Frames of the film."""
        return int(self.time.size)

    @property
    def particles(self) -> int:
        """Number of particles."""
        return int(self.exit_times.size)

    def crossed(self, frame: int) -> int:
        """Particles that have been in the target by then."""
        return int((self.exit_times <= self.time[frame]).sum())

    def crossed_near(self, frame: int) -> int:
        """Those of them that passed within ``near`` of the saddle."""
        done = np.sort(np.flatnonzero(np.isfinite(self.exit_times)))
        return int(((self.exit_times[done] <= self.time[frame]) & (self.closest <= self.near)).sum())

    def to_xarray(self) -> xarray.Dataset:
        """One dataset; what is no array stands in its attributes."""
        from fpsim.storage import dataset

        entries: dict[str, Any] = {
            name: (dims, getattr(self, name), units, words) for name, (dims, units, words) in ARRAYS.items()
        }
        facts = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ARRAYS}
        return dataset(entries, film="surface", facts=facts)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> SurfaceData:
        """Read what :meth:`save` wrote."""
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as data:
            if data.attrs.get("film") != "surface":
                raise ValueError(f"'{path}' does not hold the data of the film 'surface'")
            facts: dict[str, Any] = json.loads(data.attrs["facts"])
            return cls(**{**facts, **{name: data[name].values for name in ARRAYS}})


ARRAYS = {
    "time": (("frame",), "time", "learning rate * iterations"),
    "positions": (("frame", "particle", "axis"), "", "position"),
    "loss": (("frame", "particle"), "loss", "loss at the particle"),
    "exit_times": (("particle",), "time", "first time in the target, infinite if not within the film"),
    "survival": (("frame",), "", "chance never to have been in the target, on the grid"),
    "crossing": (("point", "axis"), "", "crossings, one after another"),
    "crossing_loss": (("point",), "loss", "loss along the crossings"),
    "crossing_time": (("point",), "time", "time of the point"),
    "crossing_particle": (("point",), "", "particle of the point"),
    "closest": (("crossing_number",), "", "least distance from the saddle"),
    "path": (("step", "axis"), "", "steepest descent from the saddles to the minima"),
    "path_loss": (("step",), "loss", "loss along the path"),
    "ridge": (("ridge_step", "axis"), "", "border of the valleys through the saddle"),
    "ridge_loss": (("ridge_step",), "loss", "loss along the border"),
    "minima": (("minimum", "axis_and_loss"), "", "x, y and loss of the minima on the path"),
    "saddle": (("axis_and_loss",), "", "x, y and loss of the highest saddle on the path"),
    "grid_x": (("column",), "", "first coordinate"),
    "grid_y": (("row",), "", "second coordinate"),
    "grid_loss": (("row", "column"), "loss", "loss of the surface"),
}
