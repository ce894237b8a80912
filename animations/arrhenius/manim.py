"""The film ``arrhenius`` drawn with Manim: times fill in one by one, from strong noise to weak.

Nothing is computed here but the order in which things appear.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from animations.arrhenius.data import TRUSTED, ArrheniusData, SeriesData
from animations.film import captions
from animations.film.fields import Array
from animations.film.look import PAPER, REMARK, Look
from animations.film.parts import Part
from animations.stage.outline import Outline, dashed
from animations.stage.plot import Plot
from animations.stage.stage import Stage
from animations.stage.words import NORMAL, SMALL, Words, fitting, formula, text_width
from fpsim.plotting.style import BLACK, BLUE, INK, SHADE, VERMILLION

LEFT, RIGHT, GAP = -5.75, 6.75, 0.55
FOOT, HEAD = -2.72, 2.0
RADIUS = 0.085
SHADED = 0.22


def parts(data: ArrheniusData) -> list[Part]:
    """One stage for the whole film."""
    return [(data.frames, lambda: ArrheniusStage(data))]


class ArrheniusStage(Stage):
    """One plot per heading, all with the same logarithmic time."""

    data: ArrheniusData

    def construct(self) -> None:
        """All objects of the film."""
        data = self.data
        self.title(self.look.heading("Mean escape time τ against inverse noise"), RIGHT + 6.75)
        groups = data.panels()
        width = (RIGHT - LEFT - GAP * (len(groups) - 1)) / len(groups)
        self.panels = []
        for i, members in enumerate(groups.values()):
            left = LEFT + i * (width + GAP)
            self.panels.append(Panel(self, members, (left, FOOT, left + width, HEAD), i == 0))
        self._legend()

    def _legend(self) -> None:
        x, y = -6.75, -3.83
        several = len(self.data.series) > len(self.panels)
        off = "formula more than {share} % off" + (" for the valley named" if several else "")
        keys: tuple[tuple[Outline, str], ...] = (
            (Outline(fill=BLUE), self.say("paths ± 1σ")),
            (Outline(BLACK, 2.6), self.say("exact")),
            (Outline(VERMILLION, 2.6), self.say("formula")),
            (Outline(fill=SHADE, opacity=SHADED), self.say(off, share=f"{TRUSTED * 100:.0f}")),
        )
        keys = keys if any(one.fails.any() for one in self.data.series) else keys[:-1]
        for i, (key, words) in enumerate(keys):
            self.add(key, Words(words, (x + 0.62, y), SMALL))
            ends = np.array([[x, y + 0.08], [x + 0.48, y + 0.08]])
            if i == 0:
                key.discs(ends.mean(axis=0), RADIUS)
            elif i < 3:
                key.line(dashed(ends) if i == 2 else ends)
            else:
                key.area([[x, y - 0.02], [x + 0.48, y - 0.02], [x + 0.48, y + 0.2], [x, y + 0.2]])
            x += 0.62 + text_width(words, SMALL) + 0.5

    def front(self, frame: int) -> float:
        """How many levels are in, as a real number that counts up to the last level."""
        return self.data.share(frame) * (self.data.series[0].inverse.size - 1)


class Panel:
    """One plot: every series an exact line, a formula and points with error bars."""

    def __init__(
        self, stage: ArrheniusStage, members: list[SeriesData], box: tuple[float, float, float, float], first: bool
    ) -> None:
        self.stage, self.members, self.look = stage, members, stage.look
        shortest, longest = stage.data.span()
        levels = members[0].inverse
        step = levels[-1] - levels[-2]
        ends = (float(levels[0] - step), float(levels[-1] + step))
        self.plot = Plot(ends, (shortest / 1.6, 1.6 * longest), box, log=True)
        self._still(first)
        for number, one in enumerate(members):
            self._series(one, number)
        self._labels()
        self._ratio()

    def _still(self, first: bool) -> None:
        plot, one = self.plot, self.members[0]
        left, foot, right, head = plot.box
        failing = [member for member in self.members if member.fails.any()]
        if failing:
            last = max(float(member.inverse[member.fails][-1]) for member in failing)
            edge = plot.at(last, 1.0)[0, 0]
            area = [[left, foot], [edge, foot], [edge, head], [left, head]]
            self.stage.add(Outline(fill=SHADE, opacity=SHADED).area(area))
            names = f" {self.look.say('and')} ".join(self.look.told(member.label.split(",")[0]) for member in failing)
            names = names if len(self.members) > 1 else ""
            names, size = fitting(names, edge - left - 0.1, SMALL, "normal")
            self.stage.add(Words(names, ((left + edge) / 2, head - 0.28), size, REMARK, "center"))
        if first:
            decades = [10.0**k for k in range(-3, 13)]
            self.stage.add(plot.axes(one.axis, self.look.say("τ (learning rate × iterations)"), y_ticks=decades))
        else:
            self.stage.add(plot.axes(one.axis, sides="x"))
            self.stage.add(Outline(INK, 1.6).line([[left, foot], [left, head]]))
        heading = one.heading if len(self.members) > 1 else f"{one.label};  {one.heading}"
        words, size = fitting(self.look.told(heading), right - left, NORMAL * 1.1)
        self.stage.add(Words(words, (left, 2.95), size, face="bold"))
        if one.law:
            self.stage.add(formula(one.law, (left, 2.44), NORMAL, 1, right - left))

    def _series(self, one: SeriesData, number: int) -> None:
        """Lines grow with the front; points appear where it has passed.  Every second series has hollow points."""
        plot, front = self.plot, self.stage.front
        exact, closed = plot.at(one.inverse, one.tau), plot.at(one.inverse, one.formula)
        places = plot.at(one.inverse, one.paths)
        low, high = (plot.at(one.inverse, np.maximum(one.paths + d * one.error, plot.y[0])) for d in (-1, 1))
        line, theory, bars = Outline(BLACK, 2.4), Outline(VERMILLION, 3.2), Outline(BLUE, 2.2)
        points, holes = Outline(fill=BLUE), Outline(fill=PAPER)
        levels = np.arange(one.inverse.size)

        def move(frame: int) -> None:
            """As far as the front has come."""
            here = front(frame)
            line.line(until(exact, here))
            theory.line(dashed(until(closed, here)))
            seen = np.isfinite(one.paths) & (levels <= here)
            bars.line(error_bars(low[seen], high[seen]))
            points.discs(places[seen], RADIUS)
            holes.discs(places[seen][: None if number % 2 else 0], 0.5 * RADIUS)

        self.stage.follow(move, line, theory, bars, points, holes)

    def _labels(self) -> None:
        """Each line's name beside it, above the highest and below the others, once the line has come there."""
        if len(self.members) == 1:
            return
        order = np.argsort([-one.tau[-1] for one in self.members])
        for rank, k in enumerate(order):
            one, near = self.members[k], int((0.62 if rank == 0 else 0.7) * (self.members[k].inverse.size - 1))
            x, y = self.plot.at(one.inverse[near], one.tau[near])[0]
            place, side = ((x + 0.02, y - 0.34), "left") if rank else ((x - 0.1, y + 0.16), "right")
            name = partial(self._name, self.look.told(one.label), near)
            self.stage.tell(name, place, SMALL, align=side)

    def _name(self, label: str, near: int, frame: int) -> str:
        return label if self.stage.front(frame) >= near else ""

    def _ratio(self) -> None:
        """The ratio of the two times of a panel at the level that has come in last."""
        if len(self.members) != 2:
            return
        first, second = self.members
        place = (self.plot.box[2] - 0.05, self.plot.box[1] + 0.2)
        level = self.stage.front
        self.stage.tell(
            lambda frame: ratio(self.look, first, second, int(level(frame) + 1e-9)),
            place,
            SMALL,
            align="right",
            face="bold",
        )


def ratio(look: Look, first: SeriesData, second: SeriesData, level: int) -> str:
    """The ratio of two exact times at one level, in words."""
    names = " / ".join(f"τ {look.say(one.label.split()[0])}" for one in (second, first))
    value = captions.number(float(second.tau[level] / first.tau[level]), 3)
    return f"{first.axis} = {captions.number(float(first.inverse[level]))}:  {names} = {value}"


def until(xy: Array, front: float) -> Array:
    """The first ``front`` pieces of a line, the last one cut where need be."""
    whole = int(front + 1e-9)
    share = front - whole
    if whole >= len(xy) - 1 or share <= 0:
        return xy[: whole + 1]
    return np.concatenate([xy[: whole + 1], [(1 - share) * xy[whole] + share * xy[whole + 1]]])


def error_bars(low: Array, high: Array) -> Array:
    """Vertical lines with caps, pen lifted in between, (8 n, 2)."""
    cap, lift = np.array([0.07, 0.0]), np.full_like(low, np.nan)
    rows = [low, high, lift, low - cap, low + cap, lift, high - cap, high + cap, lift]
    return np.stack(rows, axis=1).reshape(-1, 2)
