"""One shot of the film ``kramers`` in Manim: particles on the loss over their density, and beside them the survival."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from manim import VMobject

from animations.film.captions import pace
from animations.film.fields import Array
from animations.film.look import AMBER, PLUM, REMARK
from animations.kramers import captions
from animations.kramers.data import ShotData
from animations.stage.outline import Outline, dashed
from animations.stage.plot import Plot
from animations.stage.stage import Stage
from animations.stage.words import NORMAL, SMALL, Words, fitting
from fpsim.plotting.style import BLUE, GREEN, ORANGE, PURPLE, SHADE, VERMILLION

LEFT, MIDDLE, RIGHT = -6.75, 1.75, 6.75
SURVIVAL_LEFT = 2.85
RADIUS = 0.055
TAIL, TAIL_POINTS, LONGEST_TAIL = 3, 6, 0.12
"""Frames that a tail reaches back, its points, and the longest one, in shares of the window."""
DARK = {ORANGE: AMBER, PURPLE: PLUM}
"""For words: readable on white where the colour itself is too light."""
COLOURS = {"": REMARK, "grid": GREEN, "paths": BLUE, "formula": VERMILLION}
LOWEST = 0.04
"""Lower end of the survival axis."""


class Panel:
    """One shot: the loss with its particles over their density, and beside them the survival.

    Args:
        stage: where it is drawn.
        shot: what is drawn.
        moment: which moment of the shot a frame of the stage shows.
        top, bottom: its place.
        last: whether it is the lowest one, which names its axes.
    """

    def __init__(
        self, stage: Stage, shot: ShotData, moment: Callable[[int], int], top: float, bottom: float, last: bool
    ) -> None:
        self.stage, self.shot, self.moment, self.top, self.say = stage, shot, moment, top, stage.say
        foot, head = bottom + 0.42, top - 0.42
        split = foot + 0.34 * (head - foot)
        low, high, floor, ceiling = shot.window
        later = slice(shot.time.size // 8, None)  # the first spike would flatten all the rest
        tallest = 1.05 * max(float(shot.density[later].max()), float(shot.histogram[later].max()))
        self.loss = Plot((low, high), (floor, ceiling), (LEFT, split, MIDDLE, head))
        self.density = Plot((low, high), (0.0, tallest), (LEFT, foot, MIDDLE, split - 0.02))
        ends = (0.0, float(shot.time[-1]))
        self.survival = Plot(ends, (LOWEST, 1.25), (SURVIVAL_LEFT, foot, RIGHT, head), log=True)
        if shot.scheduled:
            self._schedule()
        self._still(last)
        self._survival()
        self._density()
        self._particles()
        self._words()

    def _follow(self, update: Callable[[int], object], *mobjects: VMobject) -> None:
        """``update`` is told the moment of the shot."""
        self.stage.follow(lambda frame: update(self.moment(frame)), *mobjects)

    def _still(self, last: bool) -> None:
        shot, add = self.shot, self.stage.add
        time = captions.axis(self.say, shot) if last else ""
        add(self.density.axes(sides="x"), self.survival.axes(time, self.say("not yet escaped"), 4, [0.1, 1.0]))
        add(self.loss.guide(x=shot.target, color=ORANGE), self.density.guide(x=shot.target, color=ORANGE))
        curve = self.loss.at(shot.curve_x, np.minimum(shot.curve_loss, self.loss.y[1]))
        ground = self.loss.at(shot.curve_x[[-1, 0]], [self.loss.y[0]] * 2)
        add(Outline(fill=SHADE, opacity=0.12).area(np.concatenate([curve, ground])))
        add(Outline(SHADE, 2.6).line(self.loss.inside(shot.curve_x, shot.curve_loss)))
        ahead = 1 if shot.target > shot.start else -1
        place = self.loss.at(shot.target, self.loss.y[1])[0] + [-0.1 * ahead, -0.2]
        side = "right" if ahead > 0 else "left"
        add(Words(self.say("target"), tuple(place), SMALL, DARK[ORANGE], side))
        label, size = fitting(self.stage.look.told(shot.label), MIDDLE - LEFT - 4.7, NORMAL, "normal")
        add(Words(label, (LEFT, self.top - 0.28), size))
        left, foot, _, _ = self.survival.box
        for i, (route, words) in enumerate(captions.taus(self.say, shot)[::-1]):
            add(Words(words, (left + 0.15, foot + 0.14 + 0.3 * i), SMALL, COLOURS[route]))

    def _words(self) -> None:
        shot, y, rate = self.shot, self.top - 0.28, self.stage.data.rate
        time, speed, out = (Words("", (x, y), NORMAL, align="right") for x in (MIDDLE - 2.7, MIDDLE, RIGHT))

        def tell(frame: int) -> None:
            """The clock, how fast it runs where it does, and the count."""
            moment, runs = self.moment(frame), self.moment(frame + 1) > self.moment(frame)
            time.show(captions.moment(self.say, shot, moment))
            speed.show(pace(self.say, shot.time, moment, rate) if runs else "")
            out.show(captions.escaped(self.say, shot, moment))

        self.stage.follow(tell, time, speed, out)

    def height(self, x: Array) -> Array:
        """The drawn loss at ``x``."""
        return np.interp(x, self.shot.curve_x, self.shot.curve_loss)

    def places(self, x: Array) -> Array:
        """Where particles at ``x`` are drawn, (n, 2); NaN outside the window."""
        return self.loss.inside(x, self.height(x))

    def _particles(self) -> None:
        self.tails, self.waiting, self.been = Outline(BLUE, 8.0, opacity=0.3), Outline(fill=BLUE), Outline(fill=ORANGE)
        self._follow(self._place, self.tails, self.waiting, self.been)
        self._current()
        self.stage.tell_beyond(self.loss, self.loss.box[1] + 0.35, -0.27, *(
            (colour, partial(self._group, been=been)) for colour, been in ((BLUE, False), (AMBER, True))))  # fmt: skip

    def _group(self, frame: int, been: bool) -> Array:
        """Positions of the particles that have been in the target at a frame, or have not."""
        shot, moment = self.shot, self.moment(frame)
        return shot.positions[moment, (shot.exit_times <= shot.time[moment]) == been]

    def _place(self, moment: int) -> None:
        """Particles and their tails."""
        shot = self.shot
        x, out = shot.positions[moment], shot.exit_times <= shot.time[moment]
        self.waiting.discs(self.places(x[~out]), RADIUS)
        self.been.discs(self.places(x[out]), RADIUS)
        back = shot.positions[max(0, moment - TAIL) : moment + 1]
        moved = np.abs(np.ptp(back, axis=0))
        near = (moved < LONGEST_TAIL * (shot.window[1] - shot.window[0])) & (moved > 0)
        way = np.linspace(back[0, near], back[-1, near], TAIL_POINTS).T
        self.tails.line(self.places(np.column_stack([way, np.full(len(way), np.nan)]).ravel()))

    def _current(self) -> None:
        """An arrow over the barrier, as long as the current's share of its largest value."""
        shot = self.shot
        floor, ceiling = shot.window[2:]
        middle, up = self.loss.at(shot.barrier, floor + 0.72 * (ceiling - floor))[0]
        reach = 0.17 * (MIDDLE - LEFT) * (1 if shot.target > shot.start else -1)
        largest = max(float(np.abs(shot.current).max()), 1e-300)
        arrow = Outline(fill=PURPLE)
        words = Words("", (middle, self.loss.box[3] - 0.14), SMALL, DARK[PURPLE], "center")

        def point(moment: int) -> None:
            """The arrow and its number."""
            tip = reach * float(shot.current[moment]) / largest
            words.show(captions.current(self.say, shot, moment))
            arrow.area(arrowhead(middle, up, tip)) if abs(tip) > 0.03 else arrow.cubics(np.zeros((0, 2)))

        self._follow(point, arrow, words)

    def _density(self) -> None:
        shot, plot = self.shot, self.density
        fill, line = Outline(fill=GREEN, opacity=0.3), Outline(GREEN, 2.6)
        steps = Outline(BLUE, 1.7)
        seen = (shot.x >= shot.window[0]) & (shot.x <= shot.window[1])
        x = shot.x[seen]

        def move(moment: int) -> None:
            """The grid's density, and the histogram of the particles."""
            density = np.minimum(shot.density[moment][seen], plot.y[1])
            fill.area(plot.under(x, density))
            line.line(plot.at(x, density))
            bins = np.minimum(shot.histogram[moment], plot.y[1])
            steps.line(plot.at(np.repeat(shot.edges, 2), np.concatenate([[0], np.repeat(bins, 2), [0]])))

        self._follow(move, fill, line, steps)

    def _schedule(self) -> None:
        """The noise's strength behind the survival, from 0 at the bottom, and its value now."""
        shot, (left, foot, right, head) = self.shot, self.survival.box
        plot = Plot(self.survival.x, (0.0, 1.25 * float(shot.strength.max())), (left, foot, right, head))
        self.stage.add(Outline(SHADE, 2.0).line(plot.at(shot.time, shot.strength)))
        dot, words = Outline(fill=SHADE), Words("", (right, head - 0.22), SMALL, REMARK, "right")

        def show(moment: int) -> None:
            """Where the schedule is."""
            dot.discs(plot.at(shot.time[moment], shot.strength[moment]), 0.08)
            words.show(captions.strength(shot, moment))

        self._follow(show, dot, words)

    def _survival(self) -> None:
        shot, plot = self.shot, self.survival
        band, counted = Outline(fill=BLUE, opacity=0.18), Outline(BLUE, 2.2)
        by_grid, by_formula = Outline(GREEN, 3.2), Outline(VERMILLION, 2.4)
        share = shot.survivors / shot.particles
        theory = plot.at(shot.time, shot.formula_survival)
        theory = dashed(theory[theory[:, 1] >= plot.box[1]]) if np.isfinite(shot.formula_survival).all() else theory[:0]

        def move(moment: int) -> None:
            """All that is past."""
            past = slice(0, moment + 1)
            t, p = shot.time[past], share[past]
            low, high = np.maximum(p - shot.band, LOWEST), np.clip(p + shot.band, LOWEST, 1.0)
            band.area(plot.at(np.concatenate([t, t[::-1]]), np.concatenate([low, high[::-1]])))
            steps = plot.inside(np.repeat(t, 2)[1:], np.maximum(np.repeat(p, 2)[:-1], 1e-9))
            counted.line(steps)
            by_grid.line(plot.inside(t, shot.survival[past]))
            here = plot.at(t[-1:], [1.0])[0, 0]
            by_formula.line(theory[~(theory[:, 0] > here)])

        self._follow(move, band, by_formula, by_grid, counted)


def arrowhead(x: float, y: float, length: float) -> Array:
    """An arrow from (x, y) along the first axis, as a polygon (7, 2); a short one is all head."""
    head = np.sign(length) * min(abs(length), 0.22)
    neck, thin, wide = x + length - head, 0.035, 0.55 * abs(head)
    ends = [[x, y - thin], [neck, y - thin], [neck, y - wide], [x + length, y]]
    return np.array([*ends, [neck, y + wide], [neck, y + thin], [x, y + thin]])
