"""The stage that all Manim scenes share: pictures by number, through Manim's Cairo camera.

    picture(n) = still objects, drawn once  +  objects whose updaters were told n

A scene is a :class:`manim.Scene`; it is not played but asked for one picture after another, so that the films of both
renderers have the same frames and go through the same encoder.  The frame is 8 units high and ``WIDTH`` wide, with its
origin in the middle; 60 pixels make a unit at 480p.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import cairo
from manim import Mobject, Scene, ValueTracker, VMobject, tempconfig

from animations.film.encoding import Picture
from animations.film.languages import speaking
from animations.film.look import PLAIN, Look, channels
from animations.film.parts import Part, pictures_of
from animations.stage.plot import Plot
from animations.stage.words import BIG, SMALL, Words, fitting

HEIGHT, WIDTH = 8.0, 8.0 * 854 / 480
TITLE, TITLE_WIDTH = (-6.75, 3.45), 11.4
"""Where a film's title begins, and how wide it is at most."""
POINTS = 72.0
"""Points to a unit of the frame, in stills as SVG and PDF."""


class Stage(Scene):
    """A scene that follows a frame number; subclasses write ``construct`` with ``add`` and :meth:`follow`.

    What is put on stage is painted in the colours of its ``look``, whose words :meth:`say` speaks.

    Args:
        data: what the scene draws.
        act: number of the act, for films whose acts have different still parts.
    """

    look: Look = PLAIN

    def __init__(self, data: Any, act: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.data, self.act = data, act
        self.frame = ValueTracker(0)
        self.still: Any = None

    def say(self, words: str, **values: Any) -> str:
        """English words in the film's language."""
        return self.look.say(words, **values)

    def add(self, *mobjects: Mobject) -> Stage:
        """Put ``mobjects`` on stage, painted in the colours of the look."""
        for one in (one for top in mobjects for one in top.get_family()):
            if isinstance(one, VMobject) and not hasattr(one, "painted"):
                _paint(one, self.look)
        super().add(*mobjects)
        return self

    def title(self, words: str, width: float = TITLE_WIDTH) -> None:
        """The film's title, or ``words`` of its own where none was asked for."""
        text, size = fitting(words, width, BIG)
        self.add(Words(text, TITLE, size, face="bold"))

    def follow(self, update: Callable[[int], object], *mobjects: VMobject) -> None:
        """Put ``mobjects`` on stage as moving ones; ``update(frame)`` is called before each picture."""
        for mobject in mobjects:
            mobject.add_updater(_unmoved)
            self.add(mobject)
        mobjects[0].add_updater(lambda _: update(round(self.frame.get_value())))

    def tell(self, text: Callable[[int], str], *at: Any, **look: Any) -> Words:
        """Put words on stage that say ``text(frame)``; place and look are those of :class:`Words`."""
        words = Words("", *at, **look)
        self.follow(lambda frame: words.show(text(frame)), words)
        return words

    def tell_beyond(self, plot: Plot, up: float, step: float, *groups: tuple[str, Callable[[int], Any]]) -> None:
        """At the edges of ``plot``, how many of each group (colour, positions at a frame) are beyond it.

        The words begin at the height ``up`` of the frame, each group's ``step`` above the one before.
        """
        for i, (colour, places) in enumerate(groups):
            for side, left in ((-1.0, True), (1.0, False)):
                at = (plot.box[0 if left else 2] - side * 0.06, up + step * i)
                self.tell(partial(_beyond, plot, places, side), at, SMALL, colour, align="left" if left else "right")

    def backdrop(self, frame: int, context: cairo.Context[Any]) -> None:
        """Draw what lies behind all that moves; colours are given blue first, as Manim does."""

    def _set(self, frame: int) -> tuple[list[Mobject], list[Mobject]]:
        """Tell all objects the frame; what stands still, and what moves."""
        self.frame.set_value(frame)
        with speaking(self.look.language):
            self.update_mobjects(0)
        return [one for one in self.mobjects if not one.updaters], [one for one in self.mobjects if one.updaters]

    def picture(self, frame: int) -> Picture:
        """The picture (height, width, 3) of one frame."""
        still, moving = self._set(frame)
        camera: Any = self.camera
        if self.still is None:
            camera.reset()
            camera.capture_mobjects(still)
            self.still = camera.pixel_array.copy()
        camera.pixel_array[:] = self.still
        self.backdrop(frame, camera.get_cairo_context(camera.pixel_array))
        camera.capture_mobjects(moving)
        pixels: Picture = camera.pixel_array[..., :3].copy()
        return pixels

    def draw(self, frame: int, path: Path) -> None:
        """One frame as SVG or PDF: the same outlines, on a page."""
        page = cairo.SVGSurface if path.suffix == ".svg" else cairo.PDFSurface
        surface = page(str(path), POINTS * WIDTH, POINTS * HEIGHT)
        context = _BlueFirst(surface)
        context.set_source_rgba(*channels(self.look.palette["paper"])[::-1], 1.0)
        context.paint()
        context.set_matrix(cairo.Matrix(POINTS, 0, 0, -POINTS, POINTS * WIDTH / 2, POINTS * HEIGHT / 2))
        still, moving = self._set(frame)
        camera: Any = self.camera
        for group in (still, moving):
            if group is moving:
                self.backdrop(frame, context)
            for one in camera.get_mobjects_to_display(group):
                camera.display_vectorized(one, context)
        surface.finish()


class _BlueFirst(cairo.Context):
    """A page that takes colours as Manim gives them to its pictures."""

    def set_source_rgba(self, red: float, green: float, blue: float, alpha: float = 1.0) -> None:
        super().set_source_rgba(blue, green, red, alpha)


def _beyond(plot: Plot, places: Callable[[int], Any], side: float, frame: int) -> str:
    count = int((plot.beyond(places(frame)) == side).sum())
    return "" if count == 0 else f"◀ {count}" if side < 0 else f"{count} ▶"


def _paint(one: VMobject, look: Look) -> None:
    """The look's colours in place of the light ones."""
    one.painted = True  # a colour is translated once
    for read, write in ((one.get_fill_color, one.set_fill), (one.get_stroke_color, one.set_stroke)):
        light = read().to_hex().upper()
        if look.colour(light) != light:
            write(color=look.colour(light), family=False)


def pictures(parts: Sequence[Part], look: Look = PLAIN, only: Sequence[int] | None = None) -> Iterator[Picture]:
    """Pictures of the parts one after another, or of the frames ``only`` (increasing, counted from the start)."""
    return pictures_of(parts, lambda make: built(make, look), only)


def built(make: Callable[[], Stage], look: Look = PLAIN) -> Stage:
    """A stage with all its objects, ready to be asked for pictures."""
    height = look.height
    width = 2 * math.ceil(height * 8 / 9)
    settings = {
        "pixel_height": height, "pixel_width": width, "frame_height": HEIGHT, "frame_width": HEIGHT * width / height,
        "background_color": look.palette["paper"], "renderer": "cairo", "dry_run": True, "verbosity": "ERROR",
        "media_dir": _folder().name, "progress_bar": "none",
    }  # fmt: skip
    with tempconfig(settings), speaking(look.language):
        stage = make()
        stage.look = look
        stage.setup()
        stage.construct()
    return stage


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Typst's files, for as long as this process lives."""
    return tempfile.TemporaryDirectory(prefix="fpsim-typst-")


def _unmoved(mobject: VMobject) -> None:
    """What is moved with another, or stands still above moving things."""
