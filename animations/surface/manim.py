"""The film ``surface`` drawn with Manim: particles cross a pass in space, over the contours of the plane.

Nothing is computed here but where points of the surface fall into the picture: every number is read from the data.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from animations.film.captions import clock, expected, number, pace
from animations.film.fields import Array
from animations.film.look import AMBER, LINE, PAPER, PLUM, REMARK, channels
from animations.film.parts import Part
from animations.stage.outline import Outline, dashed
from animations.stage.stage import Stage
from animations.stage.words import BIG, SMALL, Words, formula, text_width
from animations.surface.data import SurfaceData
from animations.surface.view import Surface, View
from fpsim.plotting.style import BLUE, INK, ORANGE, SHADE

CONTOURS = 10
"""Contour lines up to the ceiling."""
RADIUS, TAIL = 0.075, 2
PATH, CLEAR = PLUM, AMBER
LATEST = 2
"""Crossings drawn clearly."""
LEFT, RIGHT, TOP, FOOT = -6.75, 6.75, 3.45, -3.72
STAGE = (-3.5, -3.3, 6.8, 3.2)
"""Left, bottom, right and top of what the surface and its plane take."""
BELOW = 0.75
"""How far the base plane lies below the lowest minimum, in heights of the surface."""


def parts(data: SurfaceData) -> list[Part]:
    """The whole film in one part."""
    return [(data.frames, lambda: SurfaceStage(data))]


class SurfaceStage(Stage):
    """The surface above its contours, seen from a camera that turns; particles, crossings and counters move."""

    def construct(self) -> None:
        """Everything on stage."""
        data = self.data
        self.surface = Surface(data.grid_x, data.grid_y, data.grid_loss, data.ceiling)
        self.shades = self.look.toned(self.surface.facets[2])[:, ::-1]
        lowest = float(data.minima[:, 2].min())
        levels = np.linspace(lowest, data.ceiling, CONTOURS + 1)[1:]
        self.contours = self.surface.contours(levels)
        x, y = (tuple(map(float, v[[0, -1]])) for v in (data.grid_x, data.grid_y))
        self.camera_at(0, View(x, y, (lowest, data.ceiling)))  # type: ignore[arg-type]
        self.view = self._fitting()
        self._words()
        self._lines()
        self._crossings()
        self._ways()
        self._particles(BLUE, False)
        self._particles(ORANGE, True)

    # --- the camera ---------------------------------------------------------------------------------------------------

    def camera_at(self, frame: int, view: View) -> None:
        """Turn the camera to where it stands in this frame."""
        along = frame / max(1, self.data.frames - 1) - 0.5
        self.view = replace(view, azimuth=View.azimuth + self.data.turn * along)

    def _fitting(self) -> View:
        """The view that has all of the surface and its plane inside ``STAGE`` wherever the camera stands."""
        data, seen = self.data, []
        drawn = data.grid_loss <= data.ceiling
        xy = np.stack(np.meshgrid(data.grid_x, data.grid_y), axis=-1)[drawn]
        for turned in (-0.5, 0.0, 0.5):
            view = replace(self.view, azimuth=View.azimuth + data.turn * turned)
            seen += [view.at(xy, data.grid_loss[drawn]), view.at(xy, self.floor_of(view))]
        low, high = np.concatenate(seen).min(axis=0), np.concatenate(seen).max(axis=0)
        room = np.array(STAGE).reshape(2, 2)
        scale = float(((room[1] - room[0]) / (high - low)).min())
        middle = room.mean(axis=0) - scale * (low + high) / 2
        return replace(self.view, width=scale * self.view.width, middle=(float(middle[0]), float(middle[1])))

    def floor_of(self, view: View) -> float:
        """Height of the base plane, in units of loss."""
        return view.z[0] - BELOW * (view.z[1] - view.z[0])

    def backdrop(self, frame: int, context: Any) -> None:
        """Contours and the path's shadow on the base plane, and before them the surface."""
        context.new_path()
        for lines, colour, width in (
            (self.contours[0], self.look.colour(LINE), 0.016), (self.data.path, self.look.colour(PATH), 0.026)
        ):  # fmt: skip
            places = self.view.at(lines, self.floor_of(self.view))
            context.set_line_width(width)
            context.set_source_rgba(*channels(colour)[::-1], 0.45 if lines is self.data.path else 1.0)
            for piece in np.split(places, np.flatnonzero(np.isnan(places[:, 0]))):
                for k, place in enumerate(piece[np.isfinite(piece[:, 0])].tolist()):
                    (context.line_to if k else context.move_to)(*place)
            context.stroke()
        self.surface.draw(context, self.view, self.shades)

    def _lines(self) -> None:
        """Contours on the surface; with them the camera turns."""
        (places, heights), lines = self.contours, Outline(SHADE, 1.2, opacity=0.55)
        rim = Outline(SHADE, 2.0)
        top = np.where((heights == heights.max())[:, None], places, np.nan)

        def update(frame: int) -> None:
            """The camera first, since all others look through it."""
            self.camera_at(frame, self.view)
            lines.line(self._open(places, heights))
            rim.line(self._open(top, heights))

        self.follow(update, lines, rim)

    def _open(self, xy: Array, z: Array) -> Array:
        """Places of lines on the surface, NaN where it hides them."""
        hidden = self.surface.hides(self.view, np.nan_to_num(xy), z)
        return np.where(hidden[:, None], np.nan, self.view.at(xy, z))

    def _ways(self) -> None:
        """Ridge, most probable path, minima and saddle, above the crossings."""
        data = self.data
        ridge, halo, path = Outline(INK, 2.2), Outline(PAPER, 8), Outline(PATH, 5)
        rings, spots = Outline(fill=PAPER), Outline(fill=INK)
        bright, dark = Outline(PAPER, 8), Outline(INK, 4)
        cross = 0.12 * np.array([[-1, -1], [1, 1], [np.nan, np.nan], [-1, 1], [1, -1]])

        def update(_: int) -> None:
            """As the camera sees them."""
            at = self.view.at
            border = self._open(data.ridge, data.ridge_loss)
            ridge.line(dashed(border[np.isfinite(border).all(axis=1)], 0.14, 0.1))
            way, wells = at(data.path, data.path_loss), at(data.minima[:, :2], data.minima[:, 2])
            saddle = at(data.saddle[None, :2], data.saddle[2])
            halo.line(way), path.line(way)
            rings.discs(wells, 0.13), spots.discs(wells, 0.095)
            bright.line(saddle + 1.25 * cross), dark.line(saddle + cross)

        self.follow(update, ridge, halo, path, rings, spots, bright, dark)

    def _words(self) -> None:
        data = self.data
        self.title(self.look.heading("Noisy descent from valley to valley"))
        if np.isfinite(data.temperature):
            motion = f"dif X = -nabla L dif t + sqrt(2 T) dif B, quad T = {data.temperature:g}"
            self.add(formula(motion, (LEFT, TOP - 0.6), BIG, 1))
        x = LEFT
        legend: tuple[tuple[str, str], ...] = (
            ("●", BLUE), (self.say("not yet across"), INK), ("●", ORANGE), (self.say("across"), INK), ("—", PATH),
            (self.say(data.path_name), INK), ("- -", INK), (self.say("border of the valleys"), INK), ("×", INK),
            (self.say("saddle, L = {number}", number=number(round(float(data.saddle[2]), 4))), INK),
        )  # fmt: skip
        for place, (words, colour) in enumerate(legend):
            mark = place % 2 == 0
            self.add(Words(words, (x, FOOT), SMALL, colour, face="bold" if mark else "normal"))
            x += text_width(words, SMALL, "bold" if mark else "normal") + (0.12 if mark else 0.3)
        times = [self.say("mean time τ"), self.say("{time} (grid)", time=f"{data.tau:.4g}")]
        if np.isfinite(data.formula):
            times.append(self.say("{time} (Eyring-Kramers)", time=f"{data.formula:.4g}"))
        for k, words in enumerate(times):
            self.add(Words(words, (LEFT, 0.35 - 0.36 * k), SMALL))
        rate = data.frames / data.seconds
        self.tell(lambda n: clock(float(data.time[n])), (RIGHT, TOP), BIG, align="right")
        self.tell(lambda n: pace(self.say, data.time, n, rate), (RIGHT, TOP - 0.36), SMALL, REMARK, align="right")
        self.tell(self._count, (LEFT, 1.9), BIG, face="bold")
        self.tell(lambda n: expected(self.say, data.survival[n], data.particles), (LEFT, 1.5), SMALL)
        self.tell(self._near, (LEFT, 1.14), SMALL)
        self.tell(self._outside, (LEFT, 0.78), SMALL, REMARK)

    def _count(self, frame: int) -> str:
        return self.say("{out} of {all} crossed", out=self.data.crossed(frame), all=self.data.particles)

    def _near(self, frame: int) -> str:
        data = self.data
        return self.say("{count} within {radius} of ×", count=data.crossed_near(frame), radius=f"{data.near:.2g}")

    def _outside(self, frame: int) -> str:
        """How many particles are beyond the piece of the surface that is drawn."""
        data = self.data
        count = int((~self.surface.holds(data.positions[frame], data.loss[frame])).sum())
        return self.say("{count} outside the picture", count=count) if count else ""

    def _particles(self, colour: str, been: bool) -> None:
        """Particles that have been across, or have not, with their tails; faint where the surface hides them."""
        tails = Outline(colour, 1.6, opacity=0.4)
        hidden, seen = Outline(fill=colour, opacity=0.22), Outline(fill=colour)
        self.follow(lambda n: tails.line(self._tails(n, been)), tails)
        self.follow(lambda n: hidden.discs(self._places(n, been, True), RADIUS), hidden)
        self.follow(lambda n: seen.discs(self._places(n, been, False), RADIUS), seen)

    def _group(self, frame: int, been: bool) -> Array:
        """Particles that have been across by now, or have not; those beyond the drawn surface are left out."""
        data, recent = self.data, slice(max(0, frame - TAIL), frame + 1)
        drawn = self.surface.holds(data.positions[recent], data.loss[recent]).all(axis=0)
        return np.flatnonzero(((data.exit_times <= data.time[frame]) == been) & drawn)

    def _places(self, frame: int, been: bool, hidden: bool) -> Array:
        data, chosen = self.data, self._group(frame, been)
        xy, z = data.positions[frame, chosen], data.loss[frame, chosen]
        return self.view.at(xy, z)[self.surface.hides(self.view, xy, z) == hidden]

    def _tails(self, frame: int, been: bool) -> Array:
        data, chosen = self.data, self._group(frame, been)
        rows = range(max(0, frame - TAIL), frame + 1)
        pieces = [self.view.at(data.positions[k, chosen], data.loss[k, chosen]) for k in rows]
        pieces.append(np.full_like(pieces[0], np.nan))
        return np.stack(pieces, axis=1).reshape(-1, 2)

    def _crossings(self) -> None:
        """The pieces of paths that lead across: the latest ones clear, older ones faint."""
        data = self.data
        drawn = self.surface.holds(data.crossing, data.crossing_loss)
        ways = np.column_stack([np.where(drawn[:, None], data.crossing, np.nan), data.crossing_loss])
        self.pieces = np.split(ways, np.flatnonzero(np.diff(data.crossing_particle)) + 1)
        self.done = data.exit_times[np.isfinite(data.exit_times)]
        old, new = Outline(ORANGE, 1.2, opacity=0.3), Outline(CLEAR, 1.8)
        self.follow(lambda n: old.line(self._until(n, False)), old)
        self.follow(lambda n: new.line(self._until(n, True)), new)

    def _until(self, frame: int, latest: bool) -> Array:
        """The last ``LATEST`` crossings until ``frame``, or all before them; the pen lifted between two."""
        order = np.argsort(self.done)
        order = order[self.done[order] <= self.data.time[frame]]
        chosen = order[-LATEST:] if latest else order[:-LATEST]
        gap = np.full((1, 3), np.nan)
        ways = np.concatenate([gap, *(v for k in chosen for v in (self.pieces[k], gap))])
        return self.view.at(ways[:, :2], ways[:, 2])
