"""A film in parts, each drawn on a stage of its own; pictures are asked for by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from animations.film.encoding import Drawing, Picture

Part = tuple[int, Callable[..., Any]]
"""Number of frames, and what makes the stage that draws them."""


def pictures_of(
    parts: Sequence[Part], built: Callable[[Callable[..., Any]], Drawing], only: Sequence[int] | None = None
) -> Iterator[Picture]:
    """Pictures of the parts one after another, or of the frames ``only`` (increasing, counted from the start)."""
    start = 0
    for frames, make in parts:
        wanted = range(frames) if only is None else [n - start for n in only if 0 <= n - start < frames]
        if wanted:
            stage = built(make)
            yield from map(stage.picture, wanted)
        start += frames


def part_of(parts: Sequence[Part], frame: int) -> tuple[Callable[..., Any], int]:
    """What makes the stage of a frame of the film, and the frame's number on it."""
    for frames, make in parts:
        if frame < frames:
            return make, frame
        frame -= frames
    raise ValueError("the film ends before this frame")
