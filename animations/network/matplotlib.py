"""The film ``network`` drawn with matplotlib: what stands still is drawn once, what moves once per frame.

Nothing is computed here: every number on screen is read from the data.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from animations.film.canvas import BIG, NORMAL, SMALL, Canvas
from animations.film.look import AMBER, PLAIN, REMARK, Look
from animations.film.parts import Part
from animations.network import captions
from animations.network.data import NetworkData
from animations.network.levels import TICKS, contours, foot
from fpsim.plotting.style import BLUE, INK, ORANGE, PURPLE, SHADE, VERMILLION

COLOURS = {"heading": REMARK, "replicas": BLUE, "others": INK, "theory": VERMILLION}
LEFT, COLUMN, RIGHT = 0.035, 0.65, 0.985
"""Left edges of the whole and of the words on the right, and the right edge, in shares of the width."""


def parts(data: NetworkData) -> list[Part]:
    """The whole film in one part."""
    return [(data.frames, lambda look: NetworkPicture(data, look))]


class NetworkPicture(Canvas):
    """The plane on the left; survival and mean times on the right."""

    def __init__(self, data: NetworkData, look: Look = PLAIN) -> None:
        super().__init__(look)
        self.data = data
        title, more = look.heading(captions.TITLE), captions.subtitle(self.say, data)
        self.figure.text(LEFT, 0.972, title, fontsize=BIG, weight="bold", color=INK, va="top")
        self.figure.text(LEFT, 0.908, more, fontsize=SMALL, color=REMARK, va="top")
        self.plane = self.figure.add_axes((0.085, 0.17, 0.525, 0.62))
        self.inside = self.figure.add_axes((0.715, 0.17, RIGHT - 0.715, 0.42))
        for axes in (self.plane, self.inside):
            axes.spines[["top", "right"]].set_visible(False)
        self._plane()
        self._survival()
        for axes in (self.plane, self.inside):
            axes.tick_params(which="both", labelsize=SMALL, colors=INK, length=3, pad=2)
        self._words()
        self.freeze()

    def _plane(self) -> None:
        data, axes = self.data, self.plane
        for line, strong in contours(data):
            axes.plot(*line.T, color=INK if strong else SHADE, lw=1.1 if strong else 0.6, zorder=1)
        axes.plot(*data.way.T, color=PURPLE, lw=2.2, zorder=2)
        out = -float(data.corners[0, 0])
        axes.axvline(out, color=ORANGE, lw=1.0, ls=(0, (4, 3)), zorder=0)
        axes.set(xlim=data.u[[0, -1]], ylim=data.v[[0, -1]])
        axes.text(out, data.v[-1], self.say("out"), fontsize=SMALL, color=AMBER, ha="center", va="bottom")
        axes.set_xlabel(self.say(captions.ACROSS), fontsize=SMALL, color=INK, labelpad=1)
        axes.set_ylabel(self.say(captions.UP), fontsize=SMALL, color=INK, labelpad=1)
        axes.locator_params(nbins=5)
        dots: dict[str, Any] = {"ls": "", "marker": "o", "ms": 3.8, "mew": 0, "animated": True}
        (self.never,) = axes.plot([], [], color=BLUE, **dots)
        (self.been,) = axes.plot([], [], color=ORANGE, **dots)
        (self.corners,) = axes.plot(*data.corners.T, color=INK, **{**dots, "ms": 6})
        place: dict[str, Any] = {"xytext": (0, 5), "textcoords": "offset points", "ha": "center", "animated": True}
        self.names = [
            axes.annotate(name, corner, fontsize=NORMAL, weight="bold", color=INK, **place)
            for name, corner in zip(captions.NAMES, data.corners, strict=True)
        ]

    def _survival(self) -> None:
        data, axes, time = self.data, self.inside, self.data.time / 1000
        lowest = foot(data)
        shown = [v for v in TICKS if v > lowest]
        axes.set_yscale("log")
        axes.set(xlim=(0, time[-1]), ylim=(lowest, 1.15), yticks=shown, yticklabels=[f"{v:g}" for v in shown])
        axes.minorticks_off()
        axes.locator_params(axis="x", nbins=5)
        axes.set_xlabel(self.say(captions.TIME), fontsize=SMALL, color=INK, labelpad=1)
        axes.set_ylabel(self.say(captions.INSIDE), fontsize=SMALL, color=INK, labelpad=1)
        low, high = np.maximum(data.expected - data.band, lowest), np.minimum(data.expected + data.band, 1.0)
        axes.fill_between(time, low, high, color=VERMILLION, alpha=0.18, lw=0)
        axes.plot(time, data.expected, color=VERMILLION, lw=1.6, ls=(0, (4, 2)))
        (self.counted,) = axes.plot([], [], color=BLUE, lw=1.7, drawstyle="steps-post", animated=True)

    def _words(self) -> None:
        for i, (whose, words) in enumerate(captions.taus(self.say, self.data)):
            self.figure.text(COLUMN, 0.765 - 0.042 * i, words, fontsize=SMALL, color=COLOURS[whose])
        marks = ((LEFT, BLUE, "●"), (0.16, ORANGE, "●"), (0.305, PURPLE, "—"), (0.5, INK, "—"))
        for (x, colour, mark), words in zip(marks, captions.KEYS, strict=True):
            self.figure.text(x, 0.018, mark, fontsize=SMALL, color=colour)
            self.figure.text(x + 0.022, 0.018, self.say(words), fontsize=SMALL, color=INK)
        moving: dict[str, Any] = {"fontsize": NORMAL, "color": INK, "animated": True}
        self.clock = self.figure.text(COLUMN, 0.82, "", weight="bold", **moving)
        self.left = self.figure.text(RIGHT, 0.82, "", ha="right", **moving)

    def moved(self, frame: int) -> Iterable[Any]:
        """What is drawn over the background in one frame, from back to front."""
        data, out, so_far = self.data, self.data.out[frame], slice(0, frame + 1)
        self.never.set_data(*data.positions[frame, ~out].T)
        self.been.set_data(*data.positions[frame, out].T)
        self.counted.set_data(data.time[so_far] / 1000, np.maximum(data.survivors[so_far] / data.replicas, 1e-6))
        self.clock.set_text(captions.moment(self.say, data, frame))
        self.left.set_text(captions.left(self.say, data, frame))
        return [self.never, self.been, self.corners, *self.names, self.counted, self.clock, self.left]
