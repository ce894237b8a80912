"""The film ``kramers`` in Manim: a card with the noise's formula, then its panels (:mod:`animations.kramers.panel`).

Nothing is computed here: every number on screen is read from the data.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from manim import VMobject

from animations.film.captions import shorter
from animations.film.look import PAPER, REMARK
from animations.film.parts import Part
from animations.kramers import captions
from animations.kramers.data import KramersData, ShotData
from animations.kramers.panel import LEFT, RIGHT, Panel
from animations.stage.outline import Outline
from animations.stage.stage import HEIGHT, WIDTH, Stage
from animations.stage.words import BIG, NORMAL, SMALL, Words, fitting, formula, text_width
from fpsim.plotting.style import BLUE, ORANGE

TOP, BOTTOM = 3.08, -3.2
"""Upper edge of the first panel and lower edge of the last."""
LARGEST = 0.62
"""Size of the letters on a card at most, in units."""


def parts(data: KramersData) -> list[Part]:
    """One stage per act."""

    def act(number: int) -> Part:
        """One act."""
        return data.frames_of(number), lambda: KramersStage(data, number)

    return [act(number) for number in range(len(data.acts))]


class KramersStage(Stage):
    """One act: its card first, then the card's formula moves up and the panels appear below it."""

    data: KramersData

    def construct(self) -> None:
        """All objects of the act."""
        shots = self.data.acts[self.act]
        edges = np.linspace(TOP, BOTTOM, len(shots) + 1)
        last = len(shots) - 1
        self.panels = [
            Panel(self, shot, self.moment, edges[i], edges[i + 1], i == last) for i, shot in enumerate(shots)
        ]
        self._footer()
        self._card()

    def moment(self, frame: int) -> int:
        """Which moment of the act a frame shows."""
        return self.data.moment(self.act, frame)

    def _footer(self) -> None:
        y = -3.83
        x = LEFT
        for colour, words in ((BLUE, self.say("not yet in the target")), (ORANGE, self.say("has been there"))):
            self.add(Outline(fill=colour).discs([[x + 0.08, y + 0.08]], 0.08), Words(words, (x + 0.28, y), SMALL))
            x += 0.68 + text_width(words, SMALL)
        ratios, size = fitting(captions.ratios(self.look, self.data, self.act), RIGHT - x, NORMAL)
        self.add(Words(ratios, (RIGHT, y), size, align="right", face="bold"))

    def _card(self) -> None:
        """A white curtain that fades, and on it the name and the formula of the noise, which stay as the title."""
        shot = self.data.acts[self.act][0]
        standing = max(self.data.standing[self.act][0], 1)
        name, title, laws = self._titles(shot)
        curtain = Outline(fill=PAPER).area(np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * [WIDTH / 2, HEIGHT / 2])
        remark = Words(self._remark(), (0, -1.35), NORMAL, align="center", color=REMARK)

        def update(frame: int) -> None:
            """The curtain fades, and name and formula move to their places."""
            time = frame / standing
            curtain.set_fill(opacity=1 - smooth((time - 0.75) / 0.25))
            remark.set_fill(opacity=1 - smooth((time - 0.42) / 0.08))
            between(title, *name, smooth((time - 0.5) / 0.2))  # the name goes first, out of the formula's way
            if laws:
                between(*laws, smooth((time - 0.55) / 0.2))

        self.follow(update, curtain, remark, title, *(laws or ())[:1])

    def _titles(self, shot: ShotData) -> tuple[tuple[Words, Words], Words, tuple[Any, Any, Any] | None]:
        """(name on the card and as title), the moving name, and the formula: moving, on the card, in the title."""
        words = self.look.told(shot.noise.split(":")[0] if shot.law else shot.noise)
        words = f"{self.look.title} · {words}" if self.look.title else words
        words, size = fitting(words, (0.62 if shot.law else 1.0) * (RIGHT - LEFT), BIG)
        card = Words(words, (0, 1.15), size * 1.3, align="center", face="bold")
        if card.width > RIGHT - LEFT:
            card.scale_to_fit_width(RIGHT - LEFT)
        title = Words(words, (LEFT, 3.5), size, face="bold")
        if not shot.law:
            return (card, title), title.copy(), None
        large = formula(shot.law, (0, 0), LARGEST, width=RIGHT - LEFT)
        after = LEFT + title.width + 0.5
        small = formula(shot.law, (after, 3.58), BIG * 0.9, 1, RIGHT - after)
        return (card, title), title.copy(), (large.copy(), large, small)

    def _remark(self) -> str:
        """A line below the formula on the card."""
        shots = self.data.acts[self.act]
        if len(shots) == 1:
            return shorter(shots[0].label, 90)
        if self.act == 0:
            return self.say("two valleys, the same barrier, the same learning rate η and batch size S")
        so_far = captions.ratios(self.look, self.data, self.act - 1)
        return self.say("the same valleys, η and S;  so far {ratios}", ratios=so_far)


def smooth(share: float) -> float:
    """From 0 to 1 with level ends."""
    share = min(max(share, 0.0), 1.0)
    return share * share * (3 - 2 * share)


def between(moving: VMobject, first: VMobject, last: VMobject, share: float) -> None:
    """Move all letters of ``moving`` a share of their way from ``first`` to ``last``."""
    for one, a, b in zip(*(each.get_family() for each in (moving, first, last)), strict=True):
        one.points = (1 - share) * a.points + share * b.points
