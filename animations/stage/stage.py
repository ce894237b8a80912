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
from functools import lru_cache
from typing import Any

from manim import Scene, ValueTracker, VMobject, tempconfig

from animations.film.encoding import Picture
from animations.film.parts import Part, pictures_of
from animations.stage.words import Words

HEIGHT, WIDTH = 8.0, 8.0 * 854 / 480


class Stage(Scene):
    """A scene that follows a frame number; subclasses write ``construct`` with ``add`` and :meth:`follow`.

    Args:
        data: what the scene draws.
        act: number of the act, for films whose acts have different still parts.
    """

    def __init__(self, data: Any, act: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.data, self.act = data, act
        self.frame = ValueTracker(0)

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

    def picture(self, frame: int) -> Picture:
        """The picture (height, width, 3) of one frame."""
        self.frame.set_value(frame)
        self.update_mobjects(0)
        moving = [one for one in self.mobjects if one.updaters]
        if self.renderer.static_image is None:
            still = [one for one in self.mobjects if not one.updaters]
            self.renderer.save_static_frame_data(self, [*still, VMobject()])
        self.renderer.update_frame(self, moving or [VMobject()])
        pixels: Picture = self.renderer.get_frame()[..., :3].copy()
        return pixels


def pictures(parts: Sequence[Part], height: int = 480, only: Sequence[int] | None = None) -> Iterator[Picture]:
    """Pictures of the parts one after another, or of the frames ``only`` (increasing, counted from the start)."""
    return pictures_of(parts, lambda make: built(make, height), only)


def built(make: Callable[[], Stage], height: int = 480) -> Stage:
    """A stage with all its objects, ready to be asked for pictures ``height`` pixels high."""
    width = 2 * math.ceil(height * 8 / 9)
    settings = {
        "pixel_height": height, "pixel_width": width, "frame_height": HEIGHT, "frame_width": HEIGHT * width / height,
        "background_color": "#FFFFFF", "renderer": "cairo", "dry_run": True, "verbosity": "ERROR",
        "media_dir": _folder().name, "progress_bar": "none",
    }  # fmt: skip
    with tempconfig(settings):
        stage = make()
        stage.setup()
        stage.construct()
    return stage


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Typst's files, for as long as this process lives."""
    return tempfile.TemporaryDirectory(prefix="fpsim-typst-")


def _unmoved(mobject: VMobject) -> None:
    """What is moved with another, or stands still above moving things."""
