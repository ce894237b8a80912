"""Words and formulas for the Manim scenes, all drawn by Typst.

A letter is drawn once in the life of a process and then moved about as an outline, so that a number which changes every
frame compiles nothing.  The letters are DejaVu Sans, which matplotlib brings along, so both renderers look alike and no
font of the system is needed; formulas are Typst's New Computer Modern.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from manim import Typst

from animations.film.captions import shorter
from animations.film.fields import Array
from animations.film.languages import set_by_typst, written
from animations.stage.outline import DISC, Outline
from fpsim.plotting.style import INK

BIG, NORMAL, SMALL = 0.30, 0.245, 0.215
"""Sizes of letters in units; ``SMALL`` is 13 pixels at 480p."""
ALPHABET = "".join(map(chr, range(33, 127))) + "±×−–…·′″²³°≈≤≥≠∞→√∫∂ΔΣηθκλμνπρστφεδαβγωξ●▲■⁻⁰¹⁴⁵⁶⁷⁸⁹ÄÖÜäöüß▲▶◀▸◂"
FACES = {"normal": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}


def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


_GLYPHS: dict[tuple[str, str], tuple[Array, float]] = {}


def glyphs(text: str, face: str = "normal") -> list[tuple[Array, float]]:
    """Outline (4 n, 2) and width of each letter, at size 1 with its pen at the origin; drawn by Typst once."""
    if any((letter, face) not in _GLYPHS for letter in text if letter != " "):
        _draw("".join(dict.fromkeys(ALPHABET + text)).replace(" ", ""), face)
    if " " in text and (" ", face) not in _GLYPHS:
        _GLYPHS[" ", face] = (np.zeros((0, 2)), _advance(" ", face))
    return [_GLYPHS[letter, face] for letter in text]


def _draw(letters: str, face: str) -> None:
    """Ask Typst for ``letters``, each a quarter line apart so that none touches another, and cut them up."""
    new = [letter for letter in letters if (letter, face) not in _GLYPHS]
    rows = "".join(f'#place(dx: {2 * i}em, text("{_escaped(letter)}"))' for i, letter in enumerate(["H", *new, "H"]))
    source = f"#box(width: {2 * len(new) + 4}em, height: 1.2em)[{rows}]"
    drawn = Typst(source, typst_preamble=_preamble(face), font_paths=[_fonts()], should_center=False)
    left = np.array([one.points[:, 0].min() for one in drawn.submobjects])
    em = (left[-1] - left[0]) / (2 * len(new) + 2)
    if len(left) != len(new) + 2:
        raise ValueError(f"some of these letters cannot be drawn: {''.join(new)}")
    capital = drawn.submobjects[0].points
    bearing = (em * _advance("H", face) - np.ptp(capital[:, 0])) / 2  # an H stands in the middle of its width
    origin = np.array([left[0] - bearing, capital[:, 1].min()])
    for i, letter in enumerate(new, 1):
        outline = (drawn.submobjects[i].points[:, :2] - origin) / em - [2 * i, 0]
        _GLYPHS[letter, face] = (outline, _advance(letter, face))


def _escaped(letter: str) -> str:
    return {"\\": "\\\\", '"': '\\"'}.get(letter, letter)


def _preamble(face: str) -> str:
    return f'#set text(font: "DejaVu Sans", weight: "{"bold" if face == "bold" else "regular"}")'


@lru_cache(maxsize=2)
def _font(face: str) -> Any:
    from PIL import ImageFont

    return ImageFont.truetype(str(_fonts() / FACES[face]), 1000)


def _advance(letter: str, face: str) -> float:
    """From its pen to the next letter's, at size 1."""
    return float(_font(face).getlength(letter)) / 1000


class Words(Outline):
    """A line of text as one outline; :meth:`show` changes it at no cost, ``text`` is what it shows.

    Args:
        text: one line.
        at: (x, y) of the point that ``align`` names, on the baseline.
        size: of the letters, in units.
        align: "left", "center" or "right".
        turned: written upwards.
    """

    def __init__(
        self, text: str = "", at: tuple[float, float] = (0.0, 0.0), size: float = NORMAL, color: str = INK,
        align: str = "left", face: str = "normal", turned: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(fill=color)
        self.at, self.size, self.align, self.face, self.turned = at, size, align, face, turned
        self.show(text)

    def show(self, text: str) -> Words:
        """Show ``text`` from now on."""
        self.text = text = written(text)
        letters = glyphs(text, self.face)
        pens = np.concatenate([[0], np.cumsum([width for _, width in letters])])
        placed = [outline + np.array([pen, 0]) for (outline, _), pen in zip(letters, pens, strict=False)]
        xy = np.concatenate([DISC[:0], *placed])
        xy[:, 0] -= {"left": 0.0, "center": 0.5, "right": 1.0}[self.align] * pens[-1]
        if self.turned:
            xy = np.column_stack([-xy[:, 1], xy[:, 0]])
        self.cubics(xy * self.size + np.array(self.at))
        return self


def text_width(text: str, size: float = NORMAL, face: str = "normal") -> float:
    """Width of a line of text in units."""
    return size * sum(width for _, width in glyphs(text, face))


def fitting(words: str, width: float, size: float, face: str = "bold") -> tuple[str, float]:
    """``words`` and a size at which they fit into ``width``: smaller letters first, cut short as a last resort."""
    size = min(size, max(SMALL, size * width / max(text_width(words, size, face), 1e-9)))
    while text_width(words, size, face) > width:
        words = shorter(words, len(words) - 2)
    return words, size


def formula(
    source: str, at: tuple[float, float] = (0.0, 0.0), size: float = NORMAL, side: int = 0, width: float = math.inf
) -> Any:
    """Typst mathematics (display style) with its middle, its left (``side`` 1) or its right end (-1) at ``at``.

    Its letters are as large as those of :class:`Words`, smaller where it would be wider than ``width``.
    """
    source = set_by_typst(source)
    drawn = Typst(f"$ {source} $", color=INK, typst_preamble=_preamble("normal"), font_paths=[_fonts()])
    drawn.scale(size / _em())
    if drawn.width > width:
        drawn.scale_to_fit_width(width)
    drawn.typst_source = source
    return drawn.move_to([at[0] + side * drawn.width / 2, at[1], 0])


@lru_cache(maxsize=1)
def _em() -> float:
    """Size of Typst's letters as Manim reads them."""
    source = '#box(width: 10em)[#place(text("H"))#place(dx: 4em, text("H"))]'
    drawn = Typst(source, typst_preamble=_preamble("normal"), font_paths=[_fonts()])
    first, second = drawn.submobjects
    return float(second.points[0, 0] - first.points[0, 0]) / 4
