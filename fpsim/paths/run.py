"""A simulation as a value: what walks, how far, what is kept of it, and the facts that repeat it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.random_numbers import Stream
from fpsim.paths import numpy_kernels as twin
from fpsim.paths.composed import why_numpy
from fpsim.paths.edges import Edges
from fpsim.paths.step import EULER, Compiled, DivergenceError, Scheme, compiled_step, lost
from fpsim.sde.sde import SDE

Array = NDArray[Any]
Keep = Literal["paths", "final", "moments"]


@dataclass(frozen=True)
class Run:
    """One simulation: ``steps`` steps, of which every ``every``-th is looked at."""

    sde: SDE
    start: Any
    step: float
    steps: int
    every: int
    paths: int
    seed: int
    edges: Edges
    keep: Keep
    dtype: np.dtype[Any]
    device: str = "cpu"
    scheme: Scheme = EULER
    fast_math: bool = False

    @property
    def frames(self) -> int:
        """How often the paths are looked at after the start; the last stretch may be short."""
        return -(-self.steps // self.every)

    @cached_property
    def compiled(self) -> Compiled | None:
        """The compiled step, or ``None`` if landscape or noise are plain functions."""
        return compiled_step(
            self.sde, self.step, self.edges, self.dtype, self.device, self.scheme, self.work
        )  # fmt: skip

    @property
    def work(self) -> float:
        """Coordinate-steps."""
        return float(self.paths) * self.steps * self.sde.dimension

    def settings(self) -> dict[str, Any]:
        """Everything needed to repeat the run."""
        engine = "cuda" if self.device == "cuda" else "numpy" if self.compiled is None else "compiled"
        walls = "none" if self.edges.walls is None else str(self.edges.walls)
        facts = {"sde": str(self.sde), "step": self.step, "seed": int(self.seed), "boundary": walls}
        if engine == "numpy":
            facts["numpy"] = why_numpy(self.sde, self.work, not self.edges)
        if self.fast_math:
            facts["fast_math"] = self.device == "cuda"  # a device that was chosen may be the CPU
        if self.scheme != EULER:
            facts["scheme"] = self.scheme
        dtype = self.dtype.name if engine != "numpy" or self.dtype == np.float64 else "float32 of float64 results"
        start = "a distribution" if callable(self.start) else np.asarray(self.start, dtype=float)
        if isinstance(start, np.ndarray):
            start = start.tolist() if start.size <= 16 else "given points"
        places = {"start": start, "variables": list(self.sde.landscape.variables)}
        return {**facts, "dtype": dtype, "engine": engine, **places}

    def lost(self, path: int, step: int, before: Array) -> DivergenceError:
        """What happened to a path in step number ``step`` from ``before`` (d,)."""
        group = np.array([(step - 1) // 4])
        z = twin.quad_normals(np.array([path]), group, self.sde.normals, self.seed, Stream.INCREMENTS)
        return lost(self.edges, path, step, self.step, before.astype(float), z[(step - 1) % 4, :, 0])
