"""Replicas of the main network that leave its valley: what the film ``network`` shows.

    python -m validation.full_space.replicas FILE.nc SECONDS        again and again, until it says that FILE is written

SGD with real mini-batches moves in all parameters; kept are the coordinates

    u = (x - b) . e,   v = (x - b) . s,      e the direction of negative curvature at the saddle b, s ~ (a + a')/2 - b,

and the loss in the plane of a, b and a'.  A replica has left at the first of its snapshots, one every `EVERY`
iterations, with u >= |u(a)|.
"""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from landscapes.mirror.place import Place
from validation.full_space import laws
from validation.full_space.places import place_of
from validation.full_space.size import BATCHES, MAIN
from validation.full_space.theories import CRAMER
from validation.full_space.times import PLAIN

FILE = Path(__file__).parents[1] / "data" / "network_replicas.nc"
RATE, SIZE = 0.04, 3
PATHS, ITERATIONS, EVERY, CHUNK = 64, 540_000, 100, 20_000
FIRST = 2_000_000
"""Seed of the first chunk; that of chunk k is `FIRST` + k `CHUNK`."""
MOMENTS, SPEED_UP = 401, 3.0
"""Snapshots that are kept, on a clock that runs exp(`SPEED_UP`) times faster at its end."""
UNIT = 1e-3
"""Coordinates are kept as whole multiples of it."""
PIECES = 64
Array = Any


def axes(place: Place) -> Array:
    """e and s (2, d), which is mirror-symmetric, so that e . s = 0."""
    middle = (place.minimum + place.twin) / 2 - place.saddle
    return np.stack([place.direction, middle / np.linalg.norm(middle)])


def walk(place: Place, part: Path, seconds: float) -> Array | None:
    """Coordinates (snapshots, paths, 2), or None if the time did not suffice; ``part`` is where it goes on."""
    from fpsim import MiniBatchSGD
    from fpsim.networks.one_thread import one_thread
    from fpsim.sgd.minibatch import simulate_batches

    sgd, began, plane = MiniBatchSGD(place.landscape, RATE, SIZE), time.monotonic(), axes(place)
    x, seen, n = np.repeat(place.minimum[:, None], PATHS, 1), [], 0
    if part.exists():
        with np.load(part) as kept:
            x, seen, n = kept["x"], list(kept["uv"]), int(kept["n"])
    with one_thread():
        while n < ITERATIONS and time.monotonic() - began < seconds:
            moved: Any = simulate_batches(sgd, x, CHUNK, PATHS, EVERY, FIRST + n, threads=1)
            seen.append(((moved.x[1:] - place.saddle) @ plane.T).astype(np.float32))
            x, n = moved.x[-1].T.copy(), n + CHUNK
            np.savez(part, x=x, uv=np.array(seen), n=n)
            print(f"{n} of {ITERATIONS} iterations", flush=True)
    if n < ITERATIONS:
        return None
    start = np.broadcast_to((place.minimum - place.saddle) @ plane.T, (1, PATHS, 2))
    return np.concatenate([start, *seen])


def exits(place: Place, uv: Array) -> Array:
    """Iterations (paths,) at which replicas had left; infinite for those that had not."""
    out = uv[..., 0] >= -place.along(place.minimum)
    return np.where(out.any(axis=0), EVERY * out.argmax(axis=0), math.inf)


def moments(last: int) -> Array:
    """Which snapshots (moments,) are kept, of 0 ... ``last``."""
    share = np.expm1(SPEED_UP * np.linspace(0, 1, MOMENTS)) / math.expm1(SPEED_UP)
    wanted = np.rint(share * last).astype(int)
    return np.maximum.accumulate(np.maximum(wanted - np.arange(MOMENTS), 0)) + np.arange(MOMENTS)


def way(place: Place) -> Array:
    """The least-action path of Gaussian noise from a to b, (points, 2)."""
    from fpsim import MiniBatchSGD, minimum_action
    from fpsim.action.theories import FLOOR

    sgd = MiniBatchSGD(place.landscape, RATE, 1)
    found: Any = minimum_action(sgd.surrogate(), place.minimum, place.saddle, floor=FLOOR, pieces=PIECES)
    return (found.x.T - place.saddle) @ axes(place).T


def contours(place: Place, uv: Array) -> tuple[Array, Array, Array]:
    """u (n,), v (m,) and L - L(a) (m, n) in the plane of a, b and a', around the coordinates that were visited."""
    e, s = axes(place)
    way = place.twin - place.minimum
    low, high = np.quantile(uv, 0.002, (0, 1)), np.quantile(uv, 0.998, (0, 1))
    edge = max(-low[0], high[0]) * 1.1
    u, v = np.linspace(-edge, edge, 61), np.linspace(low[1] - 0.1, high[1] + 0.1, 37)
    across, up = np.meshgrid(u, v)
    points = place.saddle[:, None, None] + np.multiply.outer(way / (way @ e), across) + np.multiply.outer(s, up)
    return u, v, np.asarray(place.landscape.loss(points)) - float(place.landscape.loss(place.minimum))


def make(file: Path, seconds: float) -> bool:
    """Whether everything is there and written."""
    from fpsim.storage import dataset, write
    from validation.full_space.kept import stored

    place, part = place_of(*MAIN), file.with_suffix(".part.npz")
    uv = walk(place, part, seconds)
    if uv is None:
        return False
    known, keep = stored(), moments(len(uv) - 1)
    at = {"network": MAIN[0], "decay": MAIN[1], "eta": RATE, "S": SIZE, "noise": BATCHES, "method": PLAIN}
    count = laws.one(known.times, **at)
    theory = laws.one(laws.predicted(known.times, known.theories), theory=CRAMER, **at)
    assert theory is not None and count is not None
    u, v, loss = contours(place, uv)
    corners = np.stack([(x - place.saddle) @ axes(place).T for x in (place.minimum, place.saddle, place.twin)])
    entries: dict[str, Any] = {
        "u": ("across", u, "", "along the direction of negative curvature at the saddle"),
        "v": ("up", v, "", "across it, towards the minima"),
        "loss": (("up", "across"), loss.astype(np.float32), "", "loss less that of the minimum, in the plane"),
        "time": ("moment", EVERY * keep, "iterations", "when replicas stood there"),
        "position": (
            ("moment", "replica", "axis"), np.rint(uv[keep] / UNIT).astype(np.int16), f"{UNIT:g}", "u and v of replicas"
        ),
        "exit": ("replica", exits(place, uv), "iterations", "first snapshot beyond the twin's distance"),
        "way": (("point", "axis"), way(place), "", "least-action path of Gaussian noise from minimum to saddle"),
        "corner": (("corner_name", "axis"), corners, "", "minimum, saddle, twin"),
    }  # fmt: skip
    facts: dict[str, Any] = {
        "network": "ResNet", "parameters": place.landscape.dimension, "decay": MAIN[1], "learning_rate": RATE,
        "examples": place.landscape.number_of_examples, "batch_size": SIZE, "iterations": ITERATIONS, "every": EVERY,
        "unit": UNIT, "barrier": place.barrier, "predicted": math.exp(theory["predicted"]),
        "measured": math.exp(count["ln(iterations)"]),
        "measured_error": math.exp(count["ln(iterations)"]) * float(count["error"]),
        "measured_exits": int(count["exits"]),
    }  # fmt: skip
    write(dataset(entries, **facts), file)
    return True


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m validation.full_space.replicas FILE.nc SECONDS")
    print("written" if make(Path(sys.argv[1]), float(sys.argv[2])) else "not yet: call again")
