"""The film ``kramers`` drawn with matplotlib: what stands still is drawn once per act, what moves once per frame.

Nothing is computed here: every number on screen is read from the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from animations.film.canvas import BIG, NORMAL, SMALL, Canvas
from animations.film.captions import pace, shorter
from animations.film.look import AMBER, PLAIN, PLUM, REMARK, Look
from animations.film.parts import Part
from animations.kramers import captions
from animations.kramers.data import KramersData, ShotData
from fpsim.plotting.style import BLUE, GREEN, INK, ORANGE, PURPLE, SHADE, VERMILLION

COLOURS = {"": REMARK, "grid": GREEN, "paths": BLUE, "formula": VERMILLION}
LEFT, MIDDLE, RIGHT = 0.035, 0.615, 0.985
"""Left edge, right edge of the landscape and right edge of the survival, in shares of the width."""
SURVIVAL_LEFT = 0.69
TAIL = 2
"""Frames that a particle's tail reaches back."""
LONGEST_TAIL = 0.12
"""Longer moves within two frames are not drawn as tails, in shares of the window."""


def parts(data: KramersData) -> list[Part]:
    """One picture per act."""

    def act(number: int) -> Part:
        """One act."""
        return data.frames_of(number), lambda look: KramersPicture(data, number, look)

    return [act(number) for number in range(len(data.acts))]


class KramersPicture(Canvas):
    """One act of the film on a canvas of its own; ``panels`` are drawn one below the other."""

    def __init__(self, data: KramersData, act: int, look: Look = PLAIN) -> None:
        super().__init__(look)
        self.data, self.act = data, act
        shots = data.acts[act]
        title = look.told(shots[0].noise)
        title = f"{look.title} · {title}" if look.title else title
        size, title = BIG if len(title) <= 75 else SMALL, shorter(title, 120)
        self.figure.text(LEFT, 0.972, title, fontsize=size, weight="bold", color=INK, va="top")
        self._footer(data, act)
        edges = np.linspace(0.90, 0.065, len(shots) + 1)
        self.panels = [Panel(self, shot, edges[i], edges[i + 1], i == len(shots) - 1) for i, shot in enumerate(shots)]
        self.freeze()

    def _footer(self, data: KramersData, act: int) -> None:
        y = 0.018
        rows = ((LEFT, BLUE, self.say("not yet in the target")), (0.235, ORANGE, self.say("has been there")))
        for x, colour, words in rows:
            self.figure.text(x, y, "●", fontsize=SMALL, color=colour)
            self.figure.text(x + 0.018, y, words, fontsize=SMALL, color=INK)
        words = captions.ratios(self.look, data, act)
        self.figure.text(RIGHT, y, words, fontsize=NORMAL, weight="bold", color=INK, ha="right")

    def moved(self, frame: int) -> list[Any]:
        """The artists of one frame of this act."""
        moment = self.data.moment(self.act, frame)
        return [artist for panel in self.panels for artist in panel.moved(moment)]


class Panel:
    """One shot: the loss with its particles over their density, and beside them the survival."""

    def __init__(self, act: KramersPicture, shot: ShotData, top: float, bottom: float, last: bool) -> None:
        figure, self.shot, self.top, self.say = act.figure, shot, top, act.say
        self.figure, self.rate = figure, act.data.rate
        foot, head = bottom + 0.075, top - 0.045
        split = foot + 0.36 * (head - foot)
        self.loss = figure.add_axes((LEFT, split, MIDDLE - LEFT, head - split))
        self.density = figure.add_axes((LEFT, foot, MIDDLE - LEFT, split - foot))
        self.survival = figure.add_axes((SURVIVAL_LEFT, foot, RIGHT - 0.012 - SURVIVAL_LEFT, head - foot))
        figure.text(LEFT, top - 0.008, shorter(act.look.told(shot.label), 50), fontsize=NORMAL, color=INK, va="top")
        self._stage()
        self._axes_of_survival(last)
        self._movers()

    def _stage(self) -> None:
        shot, (low, high, floor, ceiling) = self.shot, self.shot.window
        self.loss.set(xlim=(low, high), ylim=(floor, ceiling))
        self.loss.axis("off")
        self.loss.plot(shot.curve_x, shot.curve_loss, color=SHADE, lw=1.4, zorder=1)
        later = slice(shot.time.size // 8, None)  # the first spike would flatten all the rest
        tallest = max(float(shot.density[later].max()), float(shot.histogram[later].max()))
        self.density.set(xlim=(low, high), ylim=(0, 1.05 * tallest))
        self.density.set_yticks([])
        self.density.spines[["top", "right", "left"]].set_visible(False)
        self.density.tick_params(labelsize=SMALL, colors=INK, length=3, pad=2)
        for axes in (self.loss, self.density):
            axes.axvline(shot.target, color=ORANGE, lw=1.0, ls=(0, (4, 3)), zorder=0)
        self.loss.text(
            shot.target, ceiling, f" {self.say('target')} ", fontsize=SMALL, color=AMBER,
            va="top", ha="right" if shot.target > shot.start else "left",
        )  # fmt: skip

    def _axes_of_survival(self, last: bool) -> None:
        from matplotlib.ticker import NullFormatter

        shot, axes = self.shot, self.survival
        axes.set_yscale("log")
        axes.set(xlim=(0, shot.time[-1]), ylim=(0.04, 1.25), yticks=[0.1, 1], yticklabels=["0.1", "1"])
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=SMALL, colors=INK, length=3, pad=2)
        axes.tick_params(which="minor", length=2, colors=INK)
        axes.locator_params(axis="x", nbins=5)
        axes.set_ylabel(self.say("not yet escaped"), fontsize=SMALL, color=INK, labelpad=1)
        if last:
            axes.set_xlabel(captions.axis(self.say, shot), fontsize=SMALL, color=INK, labelpad=1)
        for i, (route, words) in enumerate(captions.taus(self.say, shot)[::-1]):
            look: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": SMALL}
            axes.annotate(words, (0.03, 0.03), (0, 2 + 12.5 * i), color=COLOURS[route], **look)

    def _movers(self) -> None:
        shot, loss = self.shot, self.loss
        dots: dict[str, Any] = {"ls": "", "marker": "o", "ms": 3.6, "mew": 0, "animated": True}
        (self.tails,) = loss.plot([], [], color=BLUE, lw=1.6, alpha=0.25, animated=True)
        (self.waiting,) = loss.plot([], [], color=BLUE, zorder=3, **dots)
        (self.escaped,) = loss.plot([], [], color=ORANGE, zorder=3, **dots)
        (self.arrow,) = loss.plot([], [], color=PURPLE, lw=2.2, animated=True)
        (self.head,) = loss.plot([], [], color=PURPLE, ls="", ms=7, animated=True)
        middle = shot.window[2] + 0.93 * (shot.window[3] - shot.window[2])
        middling = {"ha": "center", "va": "center"}
        words: dict[str, Any] = {"fontsize": SMALL, "color": PLUM, "animated": True, **middling}
        self.flow = loss.text(shot.barrier, middle, "", **words)
        look: dict[str, Any] = {"fontsize": SMALL, "color": REMARK, "animated": True, "transform": loss.transAxes}
        self.beyond = [loss.text(x, 0.03, "", ha=side, **look) for x, side in ((0.005, "left"), (0.995, "right"))]
        density, survival = self.density, self.survival
        (self.fill,) = density.fill([0], [0], color=GREEN, alpha=0.3, lw=0, animated=True)
        (self.line,) = density.plot([], [], color=GREEN, lw=1.5, animated=True)
        (self.steps,) = density.plot([], [], color=BLUE, lw=0.9, drawstyle="steps-post", animated=True)
        (self.band,) = survival.fill([0], [1], color=BLUE, alpha=0.18, lw=0, animated=True)
        (self.by_grid,) = survival.plot([], [], color=GREEN, lw=2.0, animated=True)
        (self.by_formula,) = survival.plot([], [], color=VERMILLION, lw=1.4, ls=(0, (4, 2)), animated=True)
        (self.counted,) = survival.plot([], [], color=BLUE, lw=1.3, drawstyle="steps-post", animated=True)
        across = survival.get_xaxis_transform()  # time, and shares of the height
        self.high = shot.strength / (1.25 * float(shot.strength.max())) if shot.scheduled else shot.strength[:0]
        survival.plot(shot.time[: self.high.size], self.high, color=SHADE, lw=1.1, transform=across)
        (self.now,) = survival.plot([], [], color=SHADE, ls="", marker="o", ms=4.5, transform=across, animated=True)
        look = {**look, "transform": survival.transAxes, "ha": "right", "va": "top"}
        self.strength = survival.text(0.99, 0.97, "", **look)
        words = {"va": "top", "ha": "right", "fontsize": NORMAL, "color": INK, "animated": True}
        self.clock = self.figure.text(MIDDLE, self.top - 0.008, "", **words)
        self.count = self.figure.text(RIGHT, self.top - 0.008, "", **words)

    def moved(self, frame: int) -> list[Any]:
        """The artists of one frame, in the order in which they are drawn."""
        self._move_particles(frame)
        self._move_density(frame)
        self._move_survival(frame)
        return [
            self.fill, self.line, self.steps, self.tails, self.waiting, self.escaped, self.arrow, self.head, self.flow,
            self.band, self.by_formula, self.by_grid, self.counted, self.now, self.strength,
            self.clock, self.count, *self.beyond,
        ]  # fmt: skip

    def height(self, x: Any) -> Any:
        """The drawn loss at ``x``; NaN outside the window."""
        return np.interp(x, self.shot.curve_x, self.shot.curve_loss, left=np.nan, right=np.nan)

    def _move_particles(self, frame: int) -> None:
        shot = self.shot
        x, been = shot.positions[frame], shot.exit_times <= shot.time[frame]
        self.waiting.set_data(x[~been], self.height(x[~been]))
        self.escaped.set_data(x[been], self.height(x[been]))
        low, high = int((x < shot.window[0]).sum()), int((x > shot.window[1]).sum())
        self.beyond[0].set_text(f"◀ {low}" if low else "")
        self.beyond[1].set_text(f"{high} ▶" if high else "")
        back = shot.positions[max(0, frame - TAIL) : frame + 1]
        near = np.ptp(back, axis=0) < LONGEST_TAIL * (shot.window[1] - shot.window[0])
        way = np.linspace(back[0, near], back[-1, near], 8).T
        way = np.column_stack([way, np.full(len(way), np.nan)]).ravel()
        self.tails.set_data(way, self.height(way))

    def _move_density(self, frame: int) -> None:
        shot = self.shot
        x, p = shot.x, shot.density[frame]
        self.fill.set_xy(np.column_stack([[x[0], *x, x[-1]], [0, *p, 0]]))
        self.line.set_data(x, p)
        self.steps.set_data(shot.edges, [*shot.histogram[frame], 0])
        low, high, floor, ceiling = shot.window
        largest = max(float(np.abs(shot.current).max()), 1e-300)
        ahead = float(np.sign(shot.target - shot.start))
        share = float(shot.current[frame]) / largest
        tip, level = shot.barrier + 0.16 * (high - low) * share * ahead, floor + 0.78 * (ceiling - floor)
        self.arrow.set_data([shot.barrier, tip], [level, level])
        self.head.set_data([tip], [level])
        self.head.set_marker(">" if ahead * share >= 0 else "<")
        self.head.set_alpha(float(abs(share) > 0.02))
        self.flow.set_text(captions.current(self.say, shot, frame))

    def _move_survival(self, frame: int) -> None:
        shot, so_far = self.shot, slice(0, frame + 1)
        t, share = shot.time[so_far], shot.survivors[so_far] / shot.particles
        low, high = np.maximum(share - shot.band, 1e-3), np.minimum(share + shot.band, 1.0)
        self.band.set_xy(np.column_stack([np.concatenate([t, t[::-1]]), np.concatenate([low, high[::-1]])]))
        self.counted.set_data(t, np.maximum(share, 1e-6))
        self.by_grid.set_data(t, shot.survival[so_far])
        self.by_formula.set_data(t, shot.formula_survival[so_far])
        self.now.set_data(t[-1:], self.high[frame : frame + 1] if self.high.size else [np.nan])
        self.strength.set_text(captions.strength(shot, frame))
        speed = pace(self.say, shot.time, frame, self.rate)
        self.clock.set_text(f"{captions.moment(self.say, shot, frame)}   {speed}")
        self.count.set_text(captions.escaped(self.say, shot, frame))
