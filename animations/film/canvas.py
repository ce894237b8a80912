"""The canvas that the matplotlib films share: what stands still is drawn once, what moves once per picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from animations.film.encoding import Picture
from animations.film.parts import Part, pictures_of

WIDTH, HEIGHT = 8.54, 4.8
"""Inches; 100 dots per inch are 480p."""
BIG, NORMAL, SMALL = 12.0, 10.0, 8.5


class Canvas:
    """A figure; subclasses put on it what stands still, call :meth:`freeze`, and draw the rest with :meth:`shown`."""

    def __init__(self, height: int = 480) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.figure = Figure(figsize=(WIDTH, HEIGHT), dpi=height / HEIGHT, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(self.figure)

    def freeze(self) -> None:
        """Keep what has been drawn as the background of all pictures."""
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def shown(self, artists: Iterable[Any]) -> Picture:
        """The picture (height, width, 3) with these artists in front."""
        self.canvas.restore_region(self.background)
        for artist in artists:
            self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()


def pictures(parts: Sequence[Part], height: int = 480, only: Sequence[int] | None = None) -> Iterator[Picture]:
    """Pictures of the parts one after another, or of the frames ``only`` (increasing, counted from the start)."""
    return pictures_of(parts, lambda make: make(height), only)
