"""What the film ``network`` holds: replicas that :mod:`validation.full_space.replicas` has simulated and stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np

from animations.film.clock import Clock
from animations.film.fields import Array, FilmData
from animations.network.film import NetworkFilm
from fpsim.fields import Kept
from landscapes.progress import Progress

FACTS = (
    "network", "parameters", "examples", "decay", "learning_rate", "batch_size", "barrier", "predicted", "measured",
    "measured_error", "measured_exits",
)  # fmt: skip


@dataclass(frozen=True)
class NetworkData(FilmData):
    """Everything that is drawn; lengths are those of the parameters.

    Attributes:
        network, parameters, examples, decay, learning_rate, batch_size, barrier: where, and what moves.
        predicted: mean iterations by theory.
        measured, measured_error, measured_exits: mean iterations of many other replicas.
        replicas, seconds, frames: of the film.
    """

    film: ClassVar[str] = "network"

    network: str
    parameters: int
    examples: int
    decay: float
    learning_rate: float
    batch_size: int
    barrier: float
    predicted: float
    measured: float
    measured_error: float
    measured_exits: int
    replicas: int
    seconds: float
    frames: int
    time: Annotated[Array, Kept("frame", "iterations", "since the start in the minimum")]
    positions: Annotated[Array, Kept("frame replica axis", "", "u and v of replicas")]
    exit_times: Annotated[Array, Kept("replica", "iterations", "when they were out first")]
    survivors: Annotated[Array, Kept("frame", "", "replicas that have never been out")]
    expected: Annotated[Array, Kept("frame", "", "exp(-t/tau) with the predicted tau")]
    band: Annotated[Array, Kept("frame", "", "its binomial standard deviation for as many replicas")]
    u: Annotated[Array, Kept("across", "", "along the direction of negative curvature at the saddle")]
    v: Annotated[Array, Kept("up", "", "across it, in the plane of the minima")]
    loss: Annotated[Array, Kept("up across", "", "loss less that of the minimum, in the plane")]
    way: Annotated[Array, Kept("point axis", "", "least-action path, projected")]
    corners: Annotated[Array, Kept("corner axis", "", "minimum, saddle, twin")]

    @property
    def out(self) -> Array:
        """Who has been out in each frame, (frames, replicas) of bool."""
        return np.asarray(self.exit_times <= self.time[:, None])

    @property
    def counted(self) -> tuple[float, float]:
        """Mean iterations by these replicas, with its error: what they walked until they left over those that left."""
        end = float(self.time[-1])
        left = int((self.exit_times <= end).sum())
        mean = float(np.minimum(self.exit_times, end).sum()) / max(left, 1)
        return mean, mean / max(left, 1) ** 0.5


def compute(film: NetworkFilm, progress: Progress) -> NetworkData:
    """Read what is stored."""
    from fpsim.storage import facts_of, read
    from validation.full_space.replicas import FILE

    kept = read(FILE)
    facts, stored = facts_of(kept), kept.sizes["replica"]
    count = stored if film.replicas is None else film.replicas
    if count > stored:
        raise ValueError(f"{stored} replicas of the network are stored; got replicas = {count}")
    near = _nearest(kept["time"].values, Clock.of(film.clock).share(np.linspace(0, 1, film.frames)))
    time, exits = kept["time"].values[near].astype(float), kept["exit"].values[:count]
    chance = np.exp(-time / facts["predicted"])
    progress(1.0)
    return NetworkData(
        **{name: facts[name] for name in FACTS}, replicas=count, seconds=float(film.seconds), frames=film.frames,
        time=time, positions=kept["position"].values[near, :count] * facts["unit"], exit_times=exits,
        survivors=(exits > time[:, None]).sum(axis=1), expected=chance, band=np.sqrt(chance * (1 - chance) / count),
        u=kept["u"].values, v=kept["v"].values, loss=kept["loss"].values, way=kept["way"].values,
        corners=kept["corner"].values,
    )  # fmt: skip


def _nearest(stored: Array, share: Array) -> Array:
    """Numbers (frames,) of the stored times nearest to these shares of the last one."""
    middle = (stored[1:] + stored[:-1]) / 2
    return np.searchsorted(middle, share * stored[-1])
