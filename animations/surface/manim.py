"""The film ``surface`` drawn with Manim: particles cross a pass in space, over the contours of the plane.

Nothing is computed here but where points of the surface fall into the picture: every number is read from the data.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property

import numpy as np
from manim import config

from animations.film.captions import expected, number
from animations.film.fields import Array
from animations.film.parts import Part
from animations.stage.outline import Outline, dashed
from animations.stage.stage import Stage
from animations.stage.words import BIG, SMALL, Words, formula, text_width
from animations.surface.data import SurfaceData
from animations.surface.view import View, painted
from fpsim.plotting.style import BLUE, INK, ORANGE

CONTOURS = 10
"""Contour lines up to the ceiling."""
RADIUS, TAIL = 0.075, 2
PATH, CLEAR = "#9C4673", "#8F6200"
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
    """The surface above its contours; particles, crossings and counters move."""

    @cached_property
    def view(self) -> View:
        """The camera: low enough to see heights, high enough to see into both valleys; all of it inside ``STAGE``."""
        data = self.data
        lowest = float(data.minima[:, 2].min())
        x, y = (tuple(map(float, v[[0, -1]])) for v in (data.grid_x, data.grid_y))
        view = View(x, y, (lowest, data.ceiling))  # type: ignore[arg-type]
        drawn = data.grid_loss <= data.ceiling
        xy = np.stack(np.meshgrid(data.grid_x, data.grid_y), axis=-1)[drawn]
        seen = np.concatenate([view.at(xy, data.grid_loss[drawn]), view.at(xy, self.floor_of(view))])
        low, high = seen.min(axis=0), seen.max(axis=0)
        room = np.array(STAGE).reshape(2, 2)
        scale = float(((room[1] - room[0]) / (high - low)).min())
        middle = room.mean(axis=0) - scale * (low + high) / 2
        return replace(view, width=scale * view.width, middle=(float(middle[0]), float(middle[1])))

    def floor_of(self, view: View) -> float:
        """Height of the base plane, in units of loss."""
        return view.z[0] - BELOW * (view.z[1] - view.z[0])

    def construct(self) -> None:
        """Everything on stage."""
        self._surface()
        self._plane()
        self._words()
        self._crossings()
        self._ways()
        self._particles(BLUE, False)
        self._particles(ORANGE, True)

    def _plane(self) -> None:
        """Contours on the base plane, with the path's shadow."""
        from contourpy import contour_generator

        data = self.data
        lines = contour_generator(data.grid_x, data.grid_y, data.grid_loss)
        low, high = self.view.z
        rows: list[Array] = []
        for level in np.linspace(low, high, CONTOURS + 1)[1:]:
            for line in lines.lines(level):
                rows += [np.asarray(line), np.full((1, 2), np.nan)]
        self.add(Outline("#C4C4C4", 1.6).line(self._under(np.concatenate(rows))))
        self.add(Outline(PATH, 2.6, opacity=0.45).line(self._under(data.path)))

    def _under(self, xy: Array) -> Array:
        """Places of lines on the base plane, NaN where the surface hides them."""
        finer = np.linspace(0, len(xy) - 1, 3 * len(xy))
        xy = np.column_stack([np.interp(finer, np.arange(len(xy)), v) for v in xy.T])
        places = self.view.at(xy, self.floor_of(self.view))
        hidden = np.isfinite(self._depth(np.nan_to_num(places)))
        return np.where(hidden[:, None], np.nan, places)

    def _surface(self) -> None:
        """The painted surface becomes the background of all pictures."""
        data, height, width = self.data, config.pixel_height, config.pixel_width
        spacing = (self.view.z[1] - self.view.z[0]) / CONTOURS
        self.unit = height / config.frame_height
        picture, self.depths = painted(
            self.view, data.grid_x, data.grid_y, data.grid_loss, data.ceiling, spacing, (height, width), self.unit
        )
        share = picture[..., 3:] / 255
        picture[..., :3] = np.rint(share * picture[..., :3] + 255 * (1 - share))
        picture[..., 3] = 255
        self.camera.background = picture

    def _depth(self, places: Array) -> Array:
        """Depth of the surface at places in the frame, NaN where there is none."""
        rows, columns = self.depths.shape
        row = np.clip(np.rint(rows / 2 - places[:, 1] * self.unit), 0, rows - 1).astype(int)
        column = np.clip(np.rint(columns / 2 + places[:, 0] * self.unit), 0, columns - 1).astype(int)
        return np.asarray(self.depths[row, column])

    def _ways(self) -> None:
        """Ridge, most probable path, minima and saddle; they stand still, but above the crossings."""
        data, view = self.data, self.view
        path, spots = view.at(data.path, data.path_loss), view.at(data.minima[:, :2], data.minima[:, 2])
        saddle = view.at(data.saddle[None, :2], data.saddle[2])
        cross = 0.12 * np.array([[-1, -1], [1, 1], [np.nan, np.nan], [-1, 1], [1, -1]])
        self.follow(
            lambda n: None,
            Outline(INK, 2.2).line(dashed(view.at(data.ridge, data.ridge_loss), 0.14, 0.1)),
            Outline("#FFFFFF", 8).line(path), Outline(PATH, 5).line(path),
            Outline(fill="#FFFFFF").discs(spots, 0.13), Outline(fill=INK).discs(spots, 0.095),
            Outline("#FFFFFF", 8).line(saddle + 1.25 * cross), Outline(INK, 4).line(saddle + cross),
        )  # fmt: skip

    def _words(self) -> None:
        data = self.data
        self.add(Words("Noisy descent from valley to valley", (LEFT, TOP), BIG, face="bold"))
        if np.isfinite(data.temperature):
            motion = f"dif X = -nabla L dif t + sqrt(2 T) dif B, quad T = {data.temperature:g}"
            self.add(formula(motion, (LEFT, TOP - 0.6), BIG, 1))
        x = LEFT
        legend: tuple[tuple[str, str], ...] = (
            ("●", BLUE), ("not yet across", INK), ("●", ORANGE), ("across", INK), ("—", PATH),
            (data.path_name, INK), ("- -", INK), ("border of the valleys", INK), ("×", INK),
            (f"saddle, L = {number(round(float(data.saddle[2]), 4))}", INK),
        )  # fmt: skip
        for place, (words, colour) in enumerate(legend):
            mark = place % 2 == 0
            self.add(Words(words, (x, FOOT), SMALL, colour, face="bold" if mark else "normal"))
            x += text_width(words, SMALL, "bold" if mark else "normal") + (0.12 if mark else 0.3)
        times = ["mean time τ", f"{data.tau:.4g} (grid)"]
        if np.isfinite(data.formula):
            times += [f"{data.formula:.4g} (Eyring-", "Kramers formula)"]
        for k, words in enumerate(times):
            self.add(Words(words, (LEFT, 0.35 - 0.36 * k), SMALL))
        self.tell(lambda n: f"t = {data.time[n]:.1f}", (RIGHT, TOP), BIG, align="right")
        self.tell(lambda n: f"{data.crossed(n)} of {data.particles} crossed", (LEFT, 1.9), BIG, face="bold")
        self.tell(lambda n: expected(data.survival[n], data.particles), (LEFT, 1.5), SMALL)
        self.tell(lambda n: f"{data.crossed_near(n)} within {data.near:.2g} of ×", (LEFT, 1.14), SMALL)

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
        drawn = self._drawn(data.positions[recent], data.loss[recent]).all(axis=0)
        return np.flatnonzero(((data.exit_times <= data.time[frame]) == been) & drawn)

    def _drawn(self, xy: Array, loss: Array) -> Array:
        """Whether points lie on the piece of the surface that is drawn."""
        low, high = (np.array([self.data.grid_x[k], self.data.grid_y[k]]) for k in (0, -1))
        return np.asarray((loss <= self.data.ceiling) & ((xy >= low) & (xy <= high)).all(axis=-1))

    def _places(self, frame: int, been: bool, hidden: bool) -> Array:
        data, chosen = self.data, self._group(frame, been)
        xy, z = data.positions[frame, chosen], data.loss[frame, chosen]
        places = self.view.at(xy, z)
        return places[self._behind(places, self.view.depth(xy, z)) == hidden]

    def _behind(self, places: Array, depth: Array) -> Array:
        """Whether a part of the surface lies before these places."""
        return np.asarray(np.nan_to_num(self._depth(places), nan=np.inf) < depth - 0.12)

    def _tails(self, frame: int, been: bool) -> Array:
        data, chosen = self.data, self._group(frame, been)
        rows = range(max(0, frame - TAIL), frame + 1)
        pieces = [self.view.at(data.positions[k, chosen], data.loss[k, chosen]) for k in rows]
        pieces.append(np.full_like(pieces[0], np.nan))
        return np.stack(pieces, axis=1).reshape(-1, 2)

    def _crossings(self) -> None:
        """The pieces of paths that lead across: the latest ones clear, older ones faint."""
        data = self.data
        places = self.view.at(data.crossing, data.crossing_loss)
        places[~self._drawn(data.crossing, data.crossing_loss)] = np.nan
        self.pieces = np.split(places, np.flatnonzero(np.diff(data.crossing_particle)) + 1)
        self.done = data.exit_times[np.isfinite(data.exit_times)]
        old, new = Outline(ORANGE, 1.2, opacity=0.3), Outline(CLEAR, 1.8)
        self.follow(lambda n: old.line(self._until(n, False)), old)
        self.follow(lambda n: new.line(self._until(n, True)), new)

    def _until(self, frame: int, latest: bool) -> Array:
        """The last ``LATEST`` crossings until ``frame``, or all before them; the pen lifted between two."""
        order = np.argsort(self.done)
        order = order[self.done[order] <= self.data.time[frame]]
        chosen = order[-LATEST:] if latest else order[:-LATEST]
        gap = np.full((1, 2), np.nan)
        return np.concatenate([gap, *(v for k in chosen for v in (self.pieces[k], gap))])
