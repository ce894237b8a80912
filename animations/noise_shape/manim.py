"""The film ``noise-shape`` drawn with Manim: two histograms of one gradient noise while the batch grows.

Only measured batch sizes are shown; between two of them one picture fades into the next.  Every number on screen is
read from the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from animations.film.captions import number, with_error
from animations.film.fields import Array
from animations.film.look import AMBER, REMARK
from animations.film.parts import Part
from animations.noise_shape.data import NoiseShapeData
from animations.stage.outline import Outline, dashed
from animations.stage.plot import Plot
from animations.stage.stage import Stage
from animations.stage.words import BIG, SMALL, Words
from fpsim.plotting.style import BLUE, GREEN, INK, ORANGE, VERMILLION

LEFT, RIGHT, TOP = -6.75, 6.75, 3.45
RUN, FADE = 0.94, 0.35
"""Share of the film until the last size is in, and share of a size's time that it takes to fade in."""
DENSITIES = (3e-5, 60.0)
BATCHES, PARAMETERS = (0.75, -0.5, RIGHT, 2.2), (-6.0, -0.5, -0.6, 2.2)
"""Boxes of the two histograms."""
LOW, HIGH, HEADS = -3.0, -1.85, -1.73
"""Bottom and top of the panels below, and baseline of their headings."""


def parts(data: NoiseShapeData) -> list[Part]:
    """The whole film in one part."""
    return [(data.frames, lambda: NoiseShapeStage(data))]


class NoiseShapeStage(Stage):
    """Across parameters on the left, across batches on the right, and below what their numbers do as S grows."""

    def construct(self) -> None:
        """Everything on stage."""
        data = self.data
        self.title(self.look.heading("One gradient noise, two histograms"), 9.6)
        words = self.say("{network} ({state}), {parameters} parameters, {examples} images",
                         network=data.network.split(",")[0], state=self.say(data.state),
                         parameters=data.parameters, examples=data.examples)  # fmt: skip
        self.add(Words(words, (LEFT, TOP - 0.42), SMALL, REMARK))
        size = self.say("batch size S")
        self.tell(
            lambda n: f"{size} = {int(data.batch_size[self.shown(n)])}", (RIGHT, TOP), BIG, align="right", face="bold"
        )
        self._histogram(PARAMETERS, data.value, data.across_parameters, data.normal_value, ORANGE, AMBER)
        self._titles(
            PARAMETERS, self.say("across the parameters of one gradient"), "uᵢ / rms", AMBER, "index_parameters"
        )
        self._histogram(BATCHES, data.coordinate, data.across_batches, data.normal_coordinate, BLUE, BLUE)
        self._titles(BATCHES, self.say("across batches, parameter by parameter"), "uᵢ √S / σᵢ", BLUE, "index_batches")
        self._indices()
        self._kurtoses()

    # --- which size a frame shows -----------------------------------------------------------------------------------

    def place(self, frame: int) -> tuple[int, float]:
        """The size (its number) that is shown or fading in, and how far it has faded in."""
        count = len(self.data.batch_size)
        along = min(self.data.share(frame) / RUN * count, count - 1e-9)
        number_, rest = int(along), along % 1
        return number_, 1.0 if number_ == 0 else min(1.0, rest / FADE)

    def shown(self, frame: int) -> int:
        """The size whose numbers stand on screen."""
        k, faded = self.place(frame)
        return k if faded >= 0.5 else k - 1

    def measured(self, what: str, frame: int) -> str:
        """A quantity of the size on screen, with its error."""
        k = self.shown(frame)
        return with_error(getattr(self.data, what)[k], getattr(self.data, f"{what}_error")[k])

    # --- what is drawn ----------------------------------------------------------------------------------------------

    def _histogram(self, box: Any, x: Array, density: Array, gaussian: Array, colour: str, ink: str) -> None:
        edge = float(x[-1] + (x[1] - x[0]) / 2)
        plot = Plot((-edge, edge), DENSITIES, box, log=True)
        self.add(plot.axes("", "", 5, [1e-4, 1e-2, 1.0]))
        self.add(Outline(INK, 2.0).line(dashed(_without_nan(plot.inside(x, gaussian)))))
        for new in (False, True):
            self._fading(plot, x, density, colour, ink, new)

    def _fading(self, plot: Plot, x: Array, density: Array, colour: str, ink: str, new: bool) -> None:
        """The histogram of the size that comes (``new``) or goes."""
        fill, line = Outline(fill=colour), Outline(ink, 2.0)

        def draw(n: int) -> None:
            """The frame's size, as far as it has faded in or out."""
            values, share = density[self._which(n, new)], self._share(n, new)
            fill.area(plot.under(np.repeat(_edges(x), 2)[1:-1], np.repeat(values, 2))).set_fill(opacity=0.3 * share)
            line.line(_steps(plot, x, values)).set_stroke(opacity=share)

        self.follow(draw, fill, line)

    def _titles(self, box: Any, heading: str, axis: str, ink: str, index: str) -> None:
        self.add(Words(heading, (box[0], box[3] + 0.22), SMALL, ink, face="bold"))
        self.add(Words(axis, ((box[0] + box[2]) / 2, box[1] - 0.66), SMALL, align="center"))
        self.add(Words("- - " + self.say("Gaussian"), (box[0] + 0.15, box[3] - 0.2), SMALL))
        self.tell(
            lambda n: self.say("tail index {number}", number=self.measured(index, n)),
            (box[2], box[3] - 0.2),
            SMALL,
            ink,
            "right",
        )

    def _which(self, frame: int, new: bool) -> int:
        k, _ = self.place(frame)
        return k if new else max(0, k - 1)

    def _share(self, frame: int, new: bool) -> float:
        """Opacity of the size that comes (``new``) or goes."""
        faded = self.place(frame)[1]
        return faded if new else 1 - faded

    def _indices(self) -> None:
        """Tail indices against S, with the value that unlike variances alone would give."""
        data = self.data
        plot = self._against_size((-6.0, LOW, -0.6, HIGH), (0.9, 2.6), False, [1.0, 1.5, 2.0])
        self.add(Words(self.say("tail index"), (-6.0, HEADS), SMALL, face="bold"))
        at = np.log2(data.batch_size)
        label = (-5.9, float(plot.at(at[0], 2.0)[0, 1]) + 0.06)
        self.add(plot.guide(y=2.0), Words(self.say("Gaussian"), label, SMALL, REMARK))
        self.add(Outline(VERMILLION, 2.2).line(dashed(plot.at(at, data.index_formula))))
        value = number(float(f"{data.index_formula[0]:.4g}"))
        self.add(
            Words(
                self.say("unlike variances alone: {number}", number=value),
                (-0.6, HEADS),
                SMALL,
                VERMILLION,
                align="right",
            )
        )
        self._points(plot, data.index_parameters, data.index_parameters_error, ORANGE)
        self._points(plot, data.index_batches, data.index_batches_error, BLUE)

    def _kurtoses(self) -> None:
        """Excess kurtosis across batches against S, with the exact line."""
        data = self.data
        seen = np.concatenate([data.kurtosis_exact, data.kurtosis_batches + data.kurtosis_batches_error])
        ends = (float(data.kurtosis_exact.min()) / 4, float(seen.max()) * 1.5)
        plot = self._against_size((0.75, LOW, RIGHT, HIGH), ends, True, [0.01, 0.1, 1.0, 10.0, 100.0])
        self.add(Words(self.say("excess kurtosis"), (0.75, HEADS), SMALL, face="bold"))
        self.add(Outline(GREEN, 2.4).line(plot.at(np.log2(data.batch_size), data.kurtosis_exact)))
        self.add(Words(self.say("exact: ∝ 1/S"), (RIGHT, HEADS), SMALL, GREEN, align="right"))
        self._points(plot, data.kurtosis_batches, data.kurtosis_batches_error, BLUE)
        self.tell(lambda n: self.measured("kurtosis_batches", n), (3.0, HEADS), SMALL, BLUE)

    def _against_size(self, box: Any, y: tuple[float, float], log: bool, ticks: list[float]) -> Plot:
        """Axes with the measured sizes across, evenly in log S."""
        sizes = self.data.batch_size
        at = np.log2(sizes)
        plot = Plot((float(at[0]) - 0.35, float(at[-1]) + 0.35), y, box, log=log)
        self.add(plot.axes("", "", [], ticks))
        for size, across in zip(sizes, plot.at(at, np.full(len(at), y[0]))[:, 0], strict=True):
            self.add(Outline(INK, 1.6).line([[across, box[1]], [across, box[1] - 0.07]]))
            self.add(Words(str(int(size)), (float(across), box[1] - 0.3), SMALL, align="center"))
        self.add(Words(self.say("batch size S"), ((box[0] + box[2]) / 2, box[1] - 0.66), SMALL, align="center"))
        return plot

    def _points(self, plot: Plot, values: Array, errors: Array, colour: str) -> None:
        """Points with error bars (one standard error), as far as the film has come."""
        at = np.log2(self.data.batch_size)
        low = np.maximum(values - errors, plot.y[0])
        bars, dots = Outline(colour, 2.2), Outline(fill=colour)
        gap = np.full((len(at), 2), np.nan)
        ends = np.stack([plot.at(at, low), plot.at(at, values + errors), gap], axis=1)
        places = plot.inside(at, values)
        self.follow(lambda n: bars.line(ends[: self.shown(n) + 1].reshape(-1, 2)), bars)
        self.follow(lambda n: dots.discs(places[: self.shown(n) + 1], 0.085), dots)


def _edges(x: Array) -> Array:
    half = (x[1] - x[0]) / 2
    return np.concatenate([x - half, [x[-1] + half]])


def _steps(plot: Plot, x: Array, density: Array) -> Array:
    """A histogram's outline; the pen is lifted where no sample fell."""
    edges, values = np.repeat(_edges(x), 2)[1:-1], np.repeat(density, 2)
    xy = plot.at(edges, np.maximum(values, plot.y[0]))
    return np.where((values > plot.y[0])[:, None], xy, np.nan)


def _without_nan(xy: Array) -> Array:
    return xy[np.isfinite(xy).all(axis=1)]
