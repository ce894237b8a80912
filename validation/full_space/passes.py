"""Many escape paths: which pass does an exit take, of two that lead out of one minimum?

    rate = k_P + k_Q,       share of P = k_P/(k_P + k_Q),       k = exp(-V S/eta)/A of each pass

SGD with real mini-batches starts in a; it has left when it is as far as Pa along the way over the first pass, or as Qa
along that over the second.  Where it has gone is confirmed by descent with the whole data set.  A rate over one pass
alone, whatever is done on the other, is the same one, since the other mirror image is the same place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from landscapes.mirror.crossroads import crossroads
from validation.full_space.times import LAG
from validation.study.findings import Findings, Row, Rows

if TYPE_CHECKING:
    from landscapes.mirror.place import Place
    from validation.study.run import Run

FILE = Path(__file__).parents[1] / "data" / "many_passes.nc"
RATE = 0.5
"""Learning rate; times the largest curvature it is 0.35."""
EVERY = 20
"""Iterations between two looks, a quarter of a relaxation time."""
CHUNK = 2000
QUENCHED = 200
"""Exits that are followed down, at most; the first ones."""
CONFIRMING = 1000
"""Seeds from here on confirm."""
SEEDS = {"both": 0, "up-down": 300, "left-right": 600}
"""What is counted, and what is added to the seed for it: exits over either pass, or over one of them."""


@dataclass(frozen=True)
class Size:
    """How much is computed.

    Attributes:
        batches: (S, paths, iterations).
        pieces: of the curves of least actions.
    """

    batches: tuple[tuple[int, int, int], ...]
    pieces: int

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """The certificate alone, or everything in some minutes on one core."""
        return cls((), 0) if quick else cls(((1, 1024, 10_000), (2, 2048, 40_000)), 64)


@dataclass(frozen=True)
class ManyPasses(Findings):
    """What was found.

    Attributes:
        passes: the saddles around one minimum.
        ways: what theories say of each.
        exits: measured rates, over either pass and over each alone.
    """

    prefix: ClassVar[str] = "passes_"
    passes: Rows
    ways: Rows
    exits: Rows


def stored() -> ManyPasses:
    """The findings that are kept in the package."""
    from fpsim.storage import read

    return ManyPasses.from_xarray(read(FILE))


def measure(run: Run[Size]) -> ManyPasses:
    """Everything; each pass of theories and each setting of exits is a piece."""
    size = run.size
    passes = run.rows("passes-places", place_rows)
    if not size.batches:
        return ManyPasses(passes, [], [])
    ways = [row for k in (0, 1) for row in run.rows("passes-ways", partial(way_rows, k, size.pieces), "pieces", way=k)]
    exits = []
    for i, (batch, paths, iterations) in enumerate(size.batches):
        run.tell((i + 1) / (len(size.batches) + 1), f"passes, S = {batch}")
        for over, added in SEEDS.items():
            seed = CONFIRMING + 1000 * run.seed + added
            make = partial(exit_rows, batch, paths, iterations, over, seed)
            exits += run.rows("passes-exits", make, batch=batch, paths=paths, iterations=iterations, over=over)
    return ManyPasses(passes, ways, exits)


def place_rows() -> Rows:
    """What certifies the passes, computed anew."""
    from fpsim.networks.one_thread import one_thread

    with one_thread():
        return [_place_row(place.certified()) for place in crossroads()]


def _place_row(place: Place) -> Row:
    a, b, e = place.spectrum("minimum"), place.spectrum("saddle"), place.direction
    spread = {x: float(place.landscape.slopes(getattr(place, x), e).var()) for x in ("saddle", "minimum")}
    return {
        "pass": name_of(place), "parameters": place.landscape.dimension,
        "examples": place.landscape.number_of_examples, "barrier": place.barrier,
        "lowest curvature of b": float(b.curvatures[0]), "next curvature of b": float(b.curvatures[1]),
        "lowest curvature of a": float(a.curvatures[0]), "largest curvature of a": float(a.curvatures[-1]),
        "u of a": float(place.along(place.minimum)), "C along e at b": spread["saddle"],
        "C along e at a": spread["minimum"], "gradient norm at a": a.gradient_norm,
        "gradient norm at b": b.gradient_norm,
    }  # fmt: skip


def name_of(place: Place) -> str:
    """A pass is called by its mirror."""
    assert place.mirror is not None
    return str(place.mirror.name)


def way_rows(number: int, pieces: int) -> Rows:
    """The least action of Gaussian noise over one pass, and its prefactor.

    Mini-batches have none of their own along this way: where it climbs, no mixture of the examples' slopes leads on.
    """
    from fpsim import MiniBatchSGD, minimum_action
    from fpsim.action.theories import FLOOR, along_ways
    from fpsim.networks.one_thread import one_thread

    place = crossroads()[number]
    sgd = MiniBatchSGD(place.landscape, RATE, 1)
    with one_thread():
        way: Any = minimum_action(sgd.surrogate(), place.minimum, place.saddle, floor=FLOOR, pieces=pieces)
        found = along_ways(sgd, {"gauss": way}, FLOOR, pieces)
    return [
        {
            "pass": name_of(place), "theory": one.name, "slope": one.slope, "error": one.slope_error,
            "ln prefactor": one.log_prefactor + one.by_steps, "per S": one.per_batch, "its error": one.log_error,
            "note": one.note,
        }
        for one in found
    ]  # fmt: skip


def exit_rows(size: int, paths: int, iterations: int, over: str, seed: int) -> Rows:
    """Exits over either pass, or over one of them alone."""
    from fpsim.networks.one_thread import one_thread

    places = [place for place in crossroads() if over in ("both", name_of(place))]
    lag = LAG / (RATE * float(places[0].spectrum("minimum").curvatures[0]))
    with one_thread():
        times, which, where = _walked(places, size, paths, iterations, seed)
        late = times > lag
        out = late & (which >= 0)
        counts = [int((out & (which == k)).sum()) for k in range(len(places))]
        ends = _ends(places, where[out][:QUENCHED], which[out][:QUENCHED]) if over == "both" else (0, 0)
    shares = {f"exits {name_of(place)}": 0 for place in crossroads()}
    shares |= {f"exits {name_of(place)}": count for place, count in zip(places, counts, strict=True)}
    return [
        {
            "S": size, "over": over, "exits": sum(counts), **shares,
            "walked": float((times - lag)[late].sum()), "followed down": ends[0], "in its valley": ends[1],
        }
    ]  # fmt: skip


def _walked(places: list[Place], size: int, paths: int, iterations: int, seed: int) -> tuple[Any, Any, Any]:
    """Iterations at which paths were out or their number, over which pass (-1: none), and the places (paths, d)."""
    from fpsim import MiniBatchSGD
    from fpsim.sgd.minibatch import simulate_batches

    sgd = MiniBatchSGD(places[0].landscape, RATE, size)
    x = np.repeat(places[0].minimum[:, None], paths, 1)
    times, which, inside = np.full(paths, float(iterations)), np.full(paths, -1), np.arange(paths)
    for begin in range(0, iterations, CHUNK):
        if not inside.size:
            break
        moved: Any = simulate_batches(sgd, x[:, inside], CHUNK, inside.size, EVERY, seed * 1_000_000 + begin, threads=1)
        beyond = np.stack([(moved.x @ place.direction) >= place.target[1] for place in places])  # (passes, frames, n)
        first = beyond.any(axis=0).argmax(axis=0)
        out, lane = beyond.any(axis=(0, 1)), np.arange(inside.size)
        last = np.where(out, first, len(moved.x) - 1)
        x[:, inside] = moved.x[last, lane].T
        times[inside[out]] = begin + EVERY * first[out]
        which[inside[out]] = beyond[:, first[out], lane[out]].argmax(axis=0)
        inside = inside[~out]
    return times, which, x.T


def _ends(places: list[Place], points: Any, which: Any) -> tuple[int, int]:
    """How many points (n, d) were followed down, and how many of them to the minimum beyond their pass."""
    landscape, x = places[0].landscape, points.T.copy()
    curvatures = places[0].spectrum("minimum").curvatures
    for _ in range(int(20 * curvatures[-1] / curvatures[0])):
        x = x - landscape.gradient(x) / curvatures[-1]
    twins = np.stack([places[k].twin for k in which]).T if len(which) else x
    near = np.linalg.norm(x - twins, axis=0) < 0.05 * np.linalg.norm(places[0].twin - places[0].minimum)
    return len(which), int(near.sum())


def predicted(ways: Rows, theory: str, size: int) -> dict[str, float] | None:
    """ln(iterations) over each pass by one theory; None where it has no prefactor."""
    mine = [row for row in ways if row["theory"] == theory]
    logs = {r["pass"]: r["slope"] * size / RATE + r["ln prefactor"] + r["per S"] * size for r in mine}
    return logs if logs and all(math.isfinite(value) for value in logs.values()) else None
