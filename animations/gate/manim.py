"""The film ``gate`` drawn with Manim: shrinking floors one below the other, then SGD's chain that jumps.

Nothing is computed here: every number on screen is read from the data.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from animations.film.captions import clock, expected, number, pace, with_error
from animations.film.fields import Array
from animations.film.look import AMBER, PLUM, REMARK
from animations.film.parts import Part
from animations.gate.data import GateData, LaneData
from animations.stage.outline import Outline
from animations.stage.plot import Plot
from animations.stage.stage import Stage
from animations.stage.words import BIG, NORMAL, SMALL, Words, formula, text_width
from fpsim.plotting.style import BLUE, GREEN, INK, ORANGE, SHADE

LEFT, RIGHT, TOP = -6.2, 6.75, 3.45
SPLIT, LABELS = 1.35, 1.6
"""Right edge of what shares the coordinate x, and left edge of the words beside it."""
NOISE = PLUM
ROWS = (0.62, -3.0)
"""Top and bottom of the rows of the first act."""
STRIP = 0.4
"""Share of a row where the particles lie."""
LOWEST = 2e-3
"""Least density drawn."""
DOT = 0.05
ARC = 0.4
"""How high a jump is drawn over its chord."""


def parts(data: GateData) -> list[Part]:
    """Two acts: the floors, and the chain."""
    return [(data.time.size, lambda: FloorsStage(data)), (data.chain.iteration.size, lambda: ChainStage(data, 1))]


class GateStage(Stage):
    """What both acts share: the gate's line, the escape times against the floor, and the colours' meaning."""

    def heading(self, title: str, motion: str) -> None:
        """The title, and the equation of motion below it."""
        own = self.say(title)
        self.title(f"{self.look.title} · {own}" if self.look.title else own)
        self.add(formula(motion, (-6.75, TOP - 0.55), BIG, 1))

    def gate_line(self, plot: Plot, top: float, bottom: float) -> None:
        """The gate's place through all panels."""
        across = float(plot.at(self.data.gate, plot.y[0])[0, 0])
        dashes = np.arange(bottom, top, 0.2)
        rows = np.stack([dashes, np.minimum(dashes + 0.11, top), np.full(dashes.size, np.nan)], axis=1).ravel()
        self.add(Outline(NOISE, 1.8).line(np.column_stack([np.full(rows.size, across), rows])))
        self.add(Words(self.say("gate"), (across, top + 0.07), SMALL, NOISE, align="center"))

    def legend(self, *more: tuple[str, str, str]) -> None:
        """What the colours mean."""
        x = -6.7
        rows = ((BLUE, "●", "never out"), (ORANGE, "●", "has been beyond the dashes"), *more)
        for colour, mark, key in (*rows, (REMARK, "▶", "outside the picture")):
            words = self.say(key)
            self.add(Words(mark, (x, -3.75), SMALL, colour), Words(words, (x + 0.27, -3.75), SMALL))
            x += 0.67 + text_width(words, SMALL)

    def share_out(self, out: int) -> str:
        """How many of the particles are out."""
        return self.say("{out} of {all} out", out=out, all=self.data.particles)

    def times(self, box: tuple[float, float, float, float]) -> Plot:
        """Exact escape times against the floor."""
        data = self.data
        ends = np.log10(data.floors[[-1, 0]])
        low = min(data.taus.min(), data.chain.tau) / 3
        plot = Plot((ends[0] - 0.15, ends[1] + 0.25), (low, data.taus.max() * 3), box, log=True)
        powers = [float(v) for v in np.arange(np.ceil(ends[0] - 1e-9), np.floor(ends[1] + 1e-9) + 1)]
        self.add(plot.axes(self.say("log₁₀ of floor ε"), "", powers, 4))
        self.add(Words(self.say("mean escape time τ"), (box[0] - 0.5, box[3] + 0.2), SMALL))
        self.add(Outline(INK, 2.6).line(plot.at(np.log10(data.floors), data.taus)))
        lanes = plot.at(np.log10([lane.floor for lane in data.lanes]), [lane.tau for lane in data.lanes])
        self.add(Outline(fill=GREEN).discs(lanes, 0.09))
        return plot


class FloorsStage(GateStage):
    """The first act: density and particles for one floor after another."""

    def construct(self) -> None:
        """Everything on stage."""
        data = self.data
        self.heading("Noise that dies where the curvature does", "D = kappa (abs(L'') + epsilon), quad kappa = "
                     f"eta \\/ (2 S) = {data.kappa:g}")  # fmt: skip
        self.legend((GREEN, "■", "density (log scale)"))
        self._loss()
        edges = np.linspace(*ROWS, len(data.lanes) + 1)
        for i, lane in enumerate(data.lanes):
            self._row(lane, edges[i] - 0.12, edges[i + 1], i == len(data.lanes) - 1)
        self.times((4.95, -2.75, RIGHT, -0.25))
        delta = f"delta = (2 abs(L')) / (kappa abs(L''')) = {data.delta:.4g}"
        self.add(formula(f"tau tilde epsilon^(-delta), quad {delta}", (RIGHT, 0.98), BIG, -1))
        self.add(
            Words(self.say("last slope {number}", number=number(-data.measured)), (RIGHT, 0.36), SMALL, align="right")
        )
        self.tell(lambda n: clock(float(data.time[n])), (RIGHT, TOP), BIG, align="right")
        rate = data.frames / data.seconds
        self.tell(lambda n: pace(self.say, data.time, n, rate), (RIGHT, TOP - 0.36), SMALL, REMARK, align="right")

    def _loss(self) -> None:
        """The loss, its absolute curvature, and the drift at the gate."""
        data = self.data
        box = (LEFT, 0.95, SPLIT, 2.3)
        plot = Plot(data.window[:2], data.window[2:], box)
        noise = Plot(data.window[:2], (0.0, 1.02 * float(data.curve_noise.max())), box)
        self.gate_line(plot, 2.3, ROWS[1])
        self.add(Outline(NOISE, 2.4).line(noise.at(data.curve_x, data.curve_noise)))
        self.add(Outline(SHADE, 3).line(plot.inside(data.curve_x, data.curve_loss)))
        home = -1.0 if data.target > data.start else 1.0
        tail = plot.at(data.gate, np.interp(data.gate, data.curve_x, data.curve_loss))[0]
        self.add(Outline(INK, 4).line(tail + home * np.array([[0, 0], [0.75, 0]])))
        self.add(Outline(fill=INK).area(tail + home * np.array([[0.93, 0], [0.75, 0.11], [0.75, -0.11]])))
        legend = (("loss L", 2.3, REMARK), ("noise |L''|", 1.96, NOISE), ("arrow: drift at the gate", 1.62, INK))
        for words, y, colour in legend:
            self.add(Words(self.say(words), (LABELS, y), SMALL, colour))

    def _row(self, lane: LaneData, top: float, bottom: float, last: bool) -> None:
        data = self.data
        split = bottom + STRIP * (top - bottom)
        density = Plot(data.window[:2], (LOWEST, 50.0), (LEFT, split, SPLIT, top), log=True)
        strip = Plot(data.window[:2], (0.0, 1.0), (LEFT, bottom + 0.06, SPLIT, split - 0.06))
        axes = Plot(data.window[:2], (0.0, 1.0), (LEFT, bottom, SPLIT, top))
        self.add(axes.axes("", "", 5, sides="x") if last else Outline(INK, 1.2).line([[LEFT, bottom], [SPLIT, bottom]]))
        self.add(density.axes(y_ticks=[0.01, 1.0], sides="y"))
        self.add(density.guide(x=data.target, color=ORANGE))
        self.add(Words(f"ε = {lane.floor:g}", (LABELS, top - 0.3), NORMAL, face="bold"))
        self.add(Words(f"τ = {number(lane.tau)}", (LABELS + 1.55, top - 0.3), SMALL, GREEN))
        fill, line = Outline(fill=GREEN, opacity=0.3), Outline(GREEN, 2.2)
        self.follow(lambda n: fill.area(density.under(data.x, lane.density[n])), fill)
        self.follow(lambda n: line.line(density.at(data.x, np.maximum(lane.density[n], LOWEST))), line)
        never, out = Outline(fill=BLUE), Outline(fill=ORANGE)
        self.follow(lambda n: never.discs(self._particles(strip, lane, n, False)[0], DOT), never)
        self.follow(lambda n: out.discs(self._particles(strip, lane, n, True)[0], DOT), out)
        for been, colour in ((False, BLUE), (True, ORANGE)):
            self._edge(Outline(fill=colour), strip, lane, been)
        count = data.particles
        self.tell(lambda n: self.share_out(count - int(lane.survivors[n])), (LABELS, top - 0.64), SMALL)
        self.tell(lambda n: expected(self.say, lane.survival[n], count), (LABELS, top - 0.96), SMALL)

    def _edge(self, arrows: Outline, strip: Plot, lane: LaneData, been: bool) -> None:
        """Particles beyond the window, at its edge."""
        self.follow(lambda n: arrows.arrows(*self._particles(strip, lane, n, been)[1:], 1.6 * DOT), arrows)

    def _particles(self, strip: Plot, lane: LaneData, frame: int, been: bool) -> tuple[Array, Array, Array]:
        """Places of the particles in the window, of those beyond it at its edge, and on which side these are."""
        chosen = (lane.exit_times <= self.data.time[frame]) == been
        x, heights = lane.positions[frame, chosen], self.data.heights[chosen]
        side = strip.beyond(x)
        away = side != 0
        edge = strip.at(np.clip(x[away], min(strip.x), max(strip.x)), heights[away])
        return strip.inside(x, heights), edge - 1.2 * DOT * side[away, None] * [1, 0], side[away]


class ChainStage(GateStage):
    """The second act: SGD on the loss, one iteration after another."""

    def construct(self) -> None:
        """Everything on stage."""
        data, chain = self.data, self.data.chain
        self.heading("SGD needs no floor: its finite steps jump the gate",
                     "x' = x - eta L' + eta sqrt(abs(L'') \\/ S) zeta, quad eta = "
                     f"{data.learning_rate:g}, quad S = {data.batch_size:g}")  # fmt: skip
        self.legend()
        box = (LEFT, -0.55, SPLIT, 2.2)
        self.plot = Plot(data.window[:2], data.window[2:], box)
        self.gate_line(self.plot, 2.2, -0.55)
        self.add(self.plot.guide(x=data.target, color=ORANGE))
        self.add(Outline(SHADE, 3).line(self.plot.inside(data.curve_x, data.curve_loss)))
        self._survivors()
        self._numbers()
        times = self.times((LABELS + 0.5, -2.75, RIGHT, -0.25))
        self.add(times.guide(y=chain.tau, color=BLUE, width=2.4))
        left, low = times.at(times.x[0], chain.tau)[0]
        self.add(Words(self.say("SGD, ε = 0"), (float(left) + 0.15, float(low) + 0.1), SMALL, BLUE))
        self._movers()

    def _numbers(self) -> None:
        """A column of numbers: what is counted, what is exact, and the time that the plot below marks."""
        chain = self.data.chain
        rows = (
            (1.55, self.say("mean number of iterations"), INK),
            (1.19, self.say("exact {number}", number=f"{chain.iterations:.4g}"), INK),
            (0.83, self.say("{count} chains {number}", count=chain.paths,
                            number=with_error(chain.sampled, chain.error)), BLUE),
            (0.47, f"τ = η × {chain.iterations:.4g} = {number(chain.tau)}", BLUE),
            (2.3, self.say("best single jump: z = √δ = {number}", number=f"{chain.best_jump:.3g}"), NOISE),
        )  # fmt: skip
        for y, words, colour in rows:
            self.add(Words(words, (LABELS, y), SMALL, colour))

    def _survivors(self) -> None:
        """Axes of the particles still in the valley, with the exact mean marked."""
        chain, box = self.data.chain, (LEFT, -2.75, SPLIT, -1.1)
        last = float(len(chain.positions) - 1)
        self.inside = Plot((0.0, last), (0.5 / self.data.particles, 1.3), box, log=True)
        self.add(self.inside.axes(self.say("iteration"), "", 6, [0.01, 0.1, 1.0]))
        self.add(Words(self.say("share of particles never out"), (LEFT - 0.1, box[3] + 0.1), SMALL))
        self.add(self.inside.guide(x=chain.iterations))
        at = float(self.inside.at(chain.iterations, 1.0)[0, 0])
        self.add(Words(self.say("mean"), (at + 0.1, box[1] + 0.12), SMALL, REMARK))

    def _movers(self) -> None:
        chain = self.data.chain
        arcs, line = Outline(AMBER, 1.6, opacity=0.8), Outline(BLUE, 2.6)
        self.follow(lambda n: arcs.line(self._jumps(int(chain.iteration[n]))), arcs)
        never, out = Outline(fill=BLUE, opacity=0.85), Outline(fill=ORANGE, opacity=0.85)
        self.follow(lambda n: never.discs(self._places(n, False), 0.07), never)
        self.follow(lambda n: out.discs(self._places(n, True), 0.07), out)
        self.follow(lambda n: line.line(self._steps(int(chain.iteration[n]))), line)
        word = self.say("iteration")
        self.tell(lambda n: f"{word} {chain.iteration[n]}", (RIGHT, TOP), BIG, align="right")
        self.tell(lambda n: self.share_out(chain.escaped(chain.iteration[n])), (LABELS, 2.7), face="bold")
        self.tell_beyond(self.plot, self.plot.box[3] + 0.08, 0.28, *(
            (colour, partial(self._group, been=been)) for colour, been in ((BLUE, False), (AMBER, True))))  # fmt: skip

    def _group(self, frame: int, been: bool) -> Array:
        """Positions of the particles that have been in the target by now, or have not."""
        chain, iteration = self.data.chain, int(self.data.chain.iteration[frame])
        return chain.positions[iteration, (chain.exits <= iteration) == been]

    def _places(self, frame: int, been: bool) -> Array:
        x = self._group(frame, been)
        return self.plot.inside(x, np.interp(x, self.data.curve_x, self.data.curve_loss))

    def _jumps(self, iteration: int) -> Array:
        """Arcs of the last iteration's jumps over the gate that begin and end inside the panel."""
        data, gap = self.data, np.full((1, 2), np.nan)
        if iteration == 0:
            return gap
        before, after = data.chain.positions[iteration - 1 : iteration + 1]
        side = 1.0 if data.target > data.start else -1.0
        over = (side * (before - data.gate) < 0) & (side * (after - data.gate) > 0)
        over &= (np.minimum(before, after) >= data.window[0]) & (np.maximum(before, after) <= data.window[1])
        s, rows = np.linspace(0, 1, 16), [gap]
        for a, b in zip(before[over], after[over], strict=True):
            ends = self.plot.at([a, b], np.interp([a, b], data.curve_x, data.curve_loss))
            lift = ARC * 4 * s * (1 - s)
            rows += [ends[0] + s[:, None] * (ends[1] - ends[0]) + np.column_stack([0 * s, lift]), gap]
        return np.concatenate(rows)

    def _steps(self, iteration: int) -> Array:
        """The share of particles never out, as steps."""
        chain, n = self.data.chain, self.data.particles
        count = np.arange(iteration + 1)
        share = 1 - np.array([chain.escaped(int(k)) for k in count]) / n
        share = np.where(share > 0, share, np.nan)
        x = np.repeat(count, 2)[1:]
        return self.inside.at(x, np.repeat(share, 2)[:-1])
