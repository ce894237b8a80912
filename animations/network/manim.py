"""The film ``network`` drawn with Manim: replicas in the plane of both minima, and how many are still inside.

Nothing is computed here: every number on screen is read from the data.
"""

from __future__ import annotations

import numpy as np

from animations.film.fields import Array
from animations.film.look import AMBER, REMARK
from animations.film.parts import Part
from animations.network import captions
from animations.network.data import NetworkData
from animations.network.levels import TICKS, contours, foot
from animations.stage.outline import Outline, dashed
from animations.stage.plot import Plot
from animations.stage.stage import Stage
from animations.stage.words import NORMAL, SMALL, Words, text_width
from fpsim.plotting.style import BLUE, INK, ORANGE, PURPLE, SHADE, VERMILLION

LEFT, RIGHT, TOP = -6.75, 6.75, 3.45
PLANE, SURVIVAL = (-5.95, -2.72, 1.5, 2.3), (3.0, -2.72, RIGHT, 0.55)
"""Boxes of the two panels."""
COLUMN = 2.15
"""Left edge of the words on the right."""
COLOURS = {"heading": REMARK, "replicas": BLUE, "others": INK, "theory": VERMILLION}
DOT, POINT = 0.06, 0.09
"""Radii of replicas and critical points."""


def parts(data: NetworkData) -> list[Part]:
    """The whole film in one part."""
    return [(data.frames, lambda: NetworkStage(data))]


class NetworkStage(Stage):
    """The plane on the left; survival and mean times on the right."""

    data: NetworkData

    def construct(self) -> None:
        """Everything on stage."""
        data = self.data
        self.title(self.look.heading(captions.TITLE))
        self.add(Words(captions.subtitle(self.say, data), (LEFT, TOP - 0.45), SMALL, REMARK))
        self.plane = Plot((float(data.u[0]), float(data.u[-1])), (float(data.v[0]), float(data.v[-1])), PLANE)
        self.inside = Plot((0.0, float(data.time[-1]) / 1000), (foot(data), 1.15), SURVIVAL, log=True)
        self._plane()
        self._replicas()
        self._corners()
        self._survival()
        self._words()
        self._legend()

    def _plane(self) -> None:
        """What stands still on the left: contours, the way up, and where out begins."""
        data, plane = self.data, self.plane
        for line, strong in contours(data):
            self.add(Outline(INK if strong else SHADE, 1.8 if strong else 1.0).line(plane.at(*line.T)))
        out = -float(data.corners[0, 0])
        self.add(plane.axes(self.say(captions.ACROSS), self.say(captions.UP)), plane.guide(x=out, color=ORANGE))
        place = (float(plane.at(out, 0)[0, 0]), PLANE[3] + 0.08)
        self.add(Words(self.say("out"), place, SMALL, AMBER, "center"))
        self.add(Outline(PURPLE, 3.6).line(plane.at(*data.way.T)))

    def _corners(self) -> None:
        """Minima and saddle above all dots; they do not move, but what stands still is drawn first."""
        places = self.plane.at(*self.data.corners.T)
        points = Outline(fill=INK)
        self.follow(lambda _: points.discs(places, POINT), points)
        for name, (x, y) in zip(captions.NAMES, places, strict=True):
            self.tell(lambda _, name=name: name, (x, y + 0.16), NORMAL, align="center", face="bold")  # type: ignore[misc]

    def _replicas(self) -> None:
        """Dots in the plane; orange once they have been out."""
        data, never, been = self.data, Outline(fill=BLUE), Outline(fill=ORANGE)

        def places(frame: int, out: bool) -> Array:
            """Those that have been out, or not."""
            return self.plane.inside(*data.positions[frame, data.out[frame] == out].T)

        self.follow(lambda n: never.discs(places(n, False), DOT), never)
        self.follow(lambda n: been.discs(places(n, True), DOT), been)

    def _survival(self) -> None:
        """What theory expects with its band, and the staircase of the replicas."""
        data, inside, time = self.data, self.inside, self.data.time / 1000
        self.add(inside.axes(self.say(captions.TIME), self.say(captions.INSIDE), 5, TICKS))
        low, high = np.maximum(data.expected - data.band, inside.y[0]), np.minimum(data.expected + data.band, 1.0)
        band = np.concatenate([inside.at(time, low), inside.at(time, high)[::-1]])
        self.add(Outline(fill=VERMILLION, opacity=0.18).area(band))
        self.add(Outline(VERMILLION, 2.6).line(dashed(inside.at(time, data.expected))))
        steps = Outline(BLUE, 2.8)

        def counted(frame: int) -> object:
            """The staircase so far."""
            at, share = np.repeat(time[: frame + 1], 2)[1:], np.repeat(data.survivors[: frame + 1], 2)[:-1]
            return steps.line(inside.at(at, np.maximum(share / data.replicas, inside.y[0])))

        self.follow(counted, steps)

    def _words(self) -> None:
        data, say = self.data, self.say
        self.tell(lambda n: captions.moment(say, data, n), (COLUMN, 2.25), NORMAL, face="bold")
        self.tell(lambda n: captions.left(say, data, n), (RIGHT, 2.25), NORMAL, align="right")
        for i, (whose, words) in enumerate(captions.taus(say, data)):
            self.add(Words(words, (COLUMN, 1.83 - 0.31 * i), SMALL, COLOURS[whose]))

    def _legend(self) -> None:
        x, y = LEFT, -3.83
        for i, (colour, words) in enumerate(zip((BLUE, ORANGE, PURPLE, INK), captions.KEYS, strict=True)):
            key, told = Outline(fill=colour) if i < 2 else Outline(colour, 3.6 if i == 2 else 1.8), self.say(words)
            self.add(key, Words(told, (x + 0.4, y), SMALL))
            if i < 2:
                key.discs([[x + 0.15, y + 0.08]], DOT)
            else:
                key.line([[x, y + 0.08], [x + 0.3, y + 0.08]])
            x += 0.4 + text_width(told, SMALL) + 0.45
