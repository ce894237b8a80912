"""The film ``arrhenius`` drawn with matplotlib: points fill in one by one, from strong noise to weak.

Nothing is computed here but the order in which things appear.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from animations.arrhenius.data import TRUSTED, ArrheniusData, SeriesData
from animations.film.canvas import BIG, NORMAL, SMALL, Canvas
from animations.film.look import PLAIN, Look
from animations.film.parts import Part
from fpsim.plotting.style import BLUE, GREEN, INK, SHADE, VERMILLION

COLOURS = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"))


def parts(data: ArrheniusData) -> list[Part]:
    """One picture for the whole film."""
    return [(data.frames, lambda look: ArrheniusPicture(data, look))]


class ArrheniusPicture(Canvas):
    """One axes per heading, all with the same logarithmic time."""

    def __init__(self, data: ArrheniusData, look: Look = PLAIN) -> None:
        super().__init__(look)
        self.data = data
        title = look.heading("Mean escape time τ against inverse noise")
        self.figure.text(0.035, 0.972, title, fontsize=BIG, weight="bold", color=INK, va="top")
        groups = data.panels()
        self.curves: list[Curve] = []
        width, gap = 0.885 / len(groups), 0.06 if len(groups) > 1 else 0.0
        for i, (heading, members) in enumerate(groups.items()):
            axes = self.figure.add_axes((0.085 + i * (width + gap / 2), 0.19, width - gap / 2 - 0.005, 0.66))
            self._prepare(axes, heading, members, i == 0)
            self.curves += [Curve(axes, one, look, *COLOURS[k % len(COLOURS)]) for k, one in enumerate(members)]
            axes.legend(loc="upper left", fontsize=SMALL, frameon=False, labelcolor=INK)
        words = self.say("points: paths   line: exact   dashes: formula   shaded: formula more than {share} % off",
                         share=f"{TRUSTED * 100:.0f}")  # fmt: skip
        self.figure.text(0.035, 0.018, words, fontsize=SMALL, color=INK)
        self.freeze()

    def _prepare(self, axes: Any, heading: str, members: list[SeriesData], first: bool) -> None:
        shortest, longest = self.data.span()
        levels = members[0].inverse
        axes.set_yscale("log")
        axes.set(xlim=(0, levels[-1] * 1.03), ylim=(shortest / 2, (longest / shortest) ** 1.35 * shortest))
        axes.set_title(self.look.told(heading), fontsize=NORMAL, color=INK, loc="left")
        axes.set_xlabel(members[0].axis, fontsize=SMALL, color=INK, labelpad=1)
        if first:
            axes.set_ylabel(self.say("τ (learning rate × iterations)"), fontsize=SMALL, color=INK)
        else:
            axes.set_yticklabels([])
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(which="both", labelsize=SMALL, colors=INK)
        bad = np.flatnonzero(np.any([one.fails for one in members], axis=0))
        if bad.size:
            axes.axvspan(0, levels[bad[-1]], color=SHADE, alpha=0.15, lw=0)

    def moved(self, frame: int) -> list[Any]:
        """The artists of one frame."""
        share = self.data.share(frame)
        return [artist for curve in self.curves for artist in curve.until(share)]


class Curve:
    """One series: an exact line, a formula, and points with error bars."""

    def __init__(self, axes: Any, one: SeriesData, look: Look, colour: str, marker: str) -> None:
        self.one = one
        (self.exact,) = axes.plot([], [], color=colour, lw=1.4, animated=True)
        (self.formula,) = axes.plot([], [], color=colour, lw=1.2, ls=(0, (4, 3)), animated=True)
        (self.bars,) = axes.plot([], [], color=colour, lw=1.2, animated=True)
        style: dict[str, Any] = {"color": colour, "marker": marker, "ms": 5}
        (self.points,) = axes.plot([], [], ls="", mec="white", mew=0.6, animated=True, **style)
        axes.plot([], [], lw=1.4, label=look.told(one.label), **style)

    def until(self, share: float) -> list[Any]:
        """The artists once ``share`` of the levels is in."""
        one, shown = self.one, slice(0, 1 + int(share * (self.one.inverse.size - 1) + 1e-9))
        x, y, error = one.inverse[shown], one.paths[shown], one.error[shown]
        self.exact.set_data(x, one.tau[shown])
        self.formula.set_data(x, one.formula[shown])
        self.points.set_data(x, y)
        ends = np.column_stack([np.maximum(y - error, y / 10), y + error, np.full(len(y), np.nan)])
        self.bars.set_data(np.repeat(x, 3), ends.ravel())
        return [self.formula, self.exact, self.bars, self.points]
