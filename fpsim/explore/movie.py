"""The particles of the page: compiled paths, streamed in pieces of frames.

    piece = length (uint32) + float32 [frame][particle][coordinate],      all little-endian

The first piece holds the start as its first frame; a length of LAST ends the stream, and what follows it is a sentence
about a path that could not go on.  Every piece goes on where the last one ended, with random numbers of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.escape import EscapeProblem
from fpsim.explore.clock import FRAMES, Clock
from fpsim.explore.settings import Settings
from fpsim.paths.simulate import simulate
from fpsim.routes.allowance import within

PIECES = 10
SECONDS = 20.0
"""Of one piece, the compiler's included."""
LAST = 2**32 - 1


def movie(settings: Settings, problem: EscapeProblem, time: Clock) -> Iterator[bytes]:
    """The pieces of a film; raises in the first piece what makes paths impossible at all."""
    begin: Any = problem.start
    for piece, walked in enumerate(frames(settings, problem, time)):
        begin = walked if piece else np.concatenate([_at_start(begin, walked), walked])
        payload = np.ascontiguousarray(begin, dtype="<f4").tobytes()
        yield struct.pack("<I", len(payload)) + payload


def frames(settings: Settings, problem: EscapeProblem, time: Clock) -> Iterator[NDArray[Any]]:
    """The frames of every piece (frames, particles, d), without the start."""
    begin: Any = problem.start
    length = time.film / PIECES
    every = round(time.film / FRAMES / time.step)
    for piece in range(PIECES):
        found: Any = within(SECONDS, partial(
            simulate, problem.sde, begin, length, time.step, settings.particles, every, settings.seed + (piece << 32),
            threads=1,
        ))  # fmt: skip
        begin = np.ascontiguousarray(found.x[-1].T)
        yield found.x[1:]


def stopped(error: Exception) -> bytes:
    """The end of a stream that could not go on."""
    return struct.pack("<I", LAST) + " ".join(str(error).split()).encode()


def _at_start(start: Any, walked: NDArray[Any]) -> NDArray[Any]:
    return np.broadcast_to(np.asarray(start, dtype=float), (1, *walked.shape[1:]))
