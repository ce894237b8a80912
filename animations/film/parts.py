"""A film in parts, each drawn on a stage of its own; pictures are asked for by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from animations.film.encoding import Picture

Part = tuple[int, Callable[..., Any]]
"""Number of frames, and what makes the stage that draws them."""


class Drawing(Protocol):
    """A stage with everything on it."""

    def picture(self, frame: int) -> Picture:
        """The picture (height, width, 3) of one frame of its part."""
        ...

    def draw(self, frame: int, path: Path) -> None:
        """The same as SVG or PDF."""
        ...


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
