"""The film ``arrhenius`` drawn with matplotlib: points fill in one by one, from strong noise to weak.

Nothing is computed here but the order in which things appear.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from animations.arrhenius.film import TRUSTED, ArrheniusData, SeriesData
from animations.film.encoding import Picture
from fpsim.plotting.style import BLUE, GREEN, INK, SHADE, VERMILLION

WIDTH, HEIGHT = 8.54, 4.8
BIG, NORMAL, SMALL = 12.0, 10.0, 8.5
COLOURS = ((BLUE, "o"), (VERMILLION, "s"), (GREEN, "^"))
HOLD = 0.2
"""Share of the film that the finished picture stands."""


def arrhenius_pictures(data: ArrheniusData, height: int = 480, only: list[int] | None = None) -> Iterator[Picture]:
    """Pictures (height, width, 3) of the film, or of the frames ``only``."""
    picture = ArrheniusPicture(data, height)
    for frame in range(data.frames) if only is None else only:
        yield picture.at(frame)


class ArrheniusPicture:
    """One axes per heading, all with the same logarithmic time."""

    def __init__(self, data: ArrheniusData, height: int = 480) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.data = data
        self.figure = Figure(figsize=(WIDTH, HEIGHT), dpi=height / HEIGHT, facecolor="white")
        canvas: Any = FigureCanvasAgg(self.figure)
        self.canvas = canvas
        title = "Mean escape time against inverse noise"
        self.figure.text(0.035, 0.972, title, fontsize=BIG, weight="bold", color=INK, va="top")
        headings = list(dict.fromkeys(one.heading for one in data.series))
        self.curves: list[Curve] = []
        width, gap = 0.885 / len(headings), 0.06 if len(headings) > 1 else 0.0
        for i, heading in enumerate(headings):
            axes = self.figure.add_axes((0.085 + i * (width + gap / 2), 0.19, width - gap / 2 - 0.005, 0.66))
            members = [one for one in data.series if one.heading == heading]
            self._prepare(axes, heading, members, i == 0)
            self.curves += [Curve(axes, one, *COLOURS[k % len(COLOURS)]) for k, one in enumerate(members)]
            axes.legend(loc="upper left", fontsize=SMALL, frameon=False, labelcolor=INK)
        words = f"points: paths   line: exact   dashes: formula   shaded: formula off by more than {TRUSTED:.0%}"
        self.figure.text(0.035, 0.018, words, fontsize=SMALL, color=INK)
        self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def _prepare(self, axes: Any, heading: str, members: list[SeriesData], first: bool) -> None:
        every = np.concatenate([v for one in self.data.series for v in (one.tau, one.formula, one.paths)])
        every = every[np.isfinite(every)]
        levels = members[0].inverse
        axes.set_yscale("log")
        axes.set(xlim=(0, levels[-1] * 1.03), ylim=(every.min() / 2, (every.max() / every.min()) ** 1.35 * every.min()))
        axes.set_title(heading, fontsize=NORMAL, color=INK, loc="left")
        axes.set_xlabel(members[0].axis, fontsize=SMALL, color=INK, labelpad=1)
        if first:
            axes.set_ylabel("τ (learning rate × iterations)", fontsize=SMALL, color=INK)
        else:
            axes.set_yticklabels([])
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(which="both", labelsize=SMALL, colors=INK)
        bad = np.flatnonzero(np.any([one.fails for one in members], axis=0))
        if bad.size:
            axes.axvspan(0, levels[bad[-1]], color=SHADE, alpha=0.15, lw=0)

    def at(self, frame: int) -> Picture:
        """The picture of one frame."""
        share = min(1.0, frame / max(1.0, (1 - HOLD) * (self.data.frames - 1)))
        self.canvas.restore_region(self.background)
        for curve in self.curves:
            for artist in curve.until(share):
                self.figure.draw_artist(artist)
        return np.asarray(self.canvas.buffer_rgba())[..., :3].copy()


class Curve:
    """One series: an exact line, a formula, and points with error bars."""

    def __init__(self, axes: Any, one: SeriesData, colour: str, marker: str) -> None:
        self.one = one
        (self.exact,) = axes.plot([], [], color=colour, lw=1.4, animated=True)
        (self.formula,) = axes.plot([], [], color=colour, lw=1.2, ls=(0, (4, 3)), animated=True)
        (self.bars,) = axes.plot([], [], color=colour, lw=1.2, animated=True)
        look: dict[str, Any] = {"color": colour, "marker": marker, "ms": 5}
        (self.points,) = axes.plot([], [], ls="", mec="white", mew=0.6, animated=True, **look)
        axes.plot([], [], lw=1.4, label=one.label, **look)

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
