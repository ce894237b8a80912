"""The canvas that the matplotlib films share: what stands still is drawn once, what moves once per picture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animations.film.encoding import Picture
from animations.film.languages import COMMA, speaking, written
from animations.film.look import PLAIN, Look
from animations.film.parts import Part, pictures_of

WIDTH, HEIGHT = 8.54, 4.8
"""Inches; 100 dots per inch are 480p."""
BIG, NORMAL, SMALL = 12.0, 10.0, 8.5
PAINTED = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


class Canvas:
    """A figure; subclasses put on it what stands still, call :meth:`freeze`, and say what moves in :meth:`moved`."""

    def __init__(self, look: Look = PLAIN) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.look, self.say = look, look.say
        self.figure = Figure(figsize=(WIDTH, HEIGHT), dpi=look.height / HEIGHT, facecolor="white")
        self.canvas: Any = FigureCanvasAgg(self.figure)

    def freeze(self) -> None:
        """Keep what has been drawn, in the look's colours, as the background of all pictures."""
        self.canvas.draw()  # after which ticks and their numbers are there
        if self.look.language in COMMA:
            for axis in (axis for axes in self.figure.axes for axis in (axes.xaxis, axes.yaxis)):
                self._fix_ticks(axis)
        for artist in self.figure.findobj(include_self=True):
            self._paint(artist)
            self._write(artist)
        self.figure.set_facecolor(self.look.palette["paper"])
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def _paint(self, artist: Any) -> None:
        """The look's colours in place of the light ones."""
        from matplotlib.colors import is_color_like, to_hex

        for name in PAINTED:
            read, write = getattr(artist, f"get_{name}", None), getattr(artist, f"set_{name}", None)
            if read and write and is_color_like(read()) and np.size(read()) != 0 and to_hex(read()) != "none":
                light = to_hex(read())
                if self.look.colour(light) != light:
                    write(self.look.colour(light))

    def _fix_ticks(self, axis: Any) -> None:
        """The ticks in view, with numbers as the look's language writes them."""
        low, high = sorted(axis.get_view_interval())
        shown = [(place, one) for place, one in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
                 if low <= place <= high]  # fmt: skip
        self._write(*(one for _, one in shown))
        axis.set_ticks([place for place, _ in shown], [one.get_text() for _, one in shown])

    def _write(self, *artists: Any) -> None:
        """Numbers as the look's language writes them."""
        with speaking(self.look.language):
            for one in artists:
                if hasattr(one, "set_text") and (text := one.get_text()) != (new := written(text)):
                    one.set_text(new)

    def moved(self, frame: int) -> Iterable[Any]:
        """What is drawn over the background in one frame, from back to front."""
        raise NotImplementedError

    def picture(self, frame: int) -> Picture:
        """The picture (height, width, 3) of one frame."""
        self.canvas.restore_region(self.background)
        for artist in self.moved(frame):
            self._write(artist)
            self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()

    def draw(self, frame: int, path: Path) -> None:
        """One frame as SVG or PDF."""
        from matplotlib import rc_context

        for artist in self.moved(frame):
            self._write(artist)
            artist.set_animated(False)
        with rc_context({"pdf.fonttype": 42}):  # letters stay letters
            self.figure.savefig(path)


def pictures(parts: Sequence[Part], look: Look = PLAIN, only: Sequence[int] | None = None) -> Iterator[Picture]:
    """Pictures of the parts one after another, or of the frames ``only`` (increasing, counted from the start)."""
    return pictures_of(parts, lambda make: built(make, look), only)


def built(make: Any, look: Look = PLAIN) -> Canvas:
    """A canvas with all that stands still on it."""
    made: Canvas = make(look)
    return made
