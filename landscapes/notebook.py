"""How a notebook shows an object: what `print` shows, with a small picture and what failed in colour."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from typing import Any

from landscapes.look import png

RED, GREEN, GREY = "#b3261e", "#2e7d32", "#777"
MARKS = {
    "FAIL": RED,
    "FAILED": RED,
    "FAILS": RED,
    "HOLDS": RED,
    "ok": GREEN,
    "holds": GREEN,
    "skipped": GREY,
    "note": GREY,
}
"""Words that colour the line they stand in; the first found wins."""
WIDTH = 420  # of a picture, in pixels
FOLDED = 12  # lines beyond which the rest is folded away


class Shown:
    """An object that a notebook shows by its text and, where it can be drawn, a small picture."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Short: the first line of what ``print`` shows."""
        return f"<{type(self).__name__}: {str(self).partition(chr(10))[0]}>"

    def _repr_html_(self) -> str:
        first, *others = str(self).splitlines() or [type(self).__name__]
        return page(first, others, picture(getattr(self._pictured, "plot", None)))

    @property
    def _pictured(self) -> Any:
        """The object whose ``plot()`` is the picture."""
        return self


def page(headline: str, lines: list[str], drawn: str = "", table: str = "") -> str:
    """Headline, table and coloured lines beside a picture; the text is escaped, ``table`` and ``drawn`` are HTML."""
    shown = "".join(map(_line, lines[:FOLDED]))
    if len(lines) > FOLDED:
        rest = "".join(map(_line, lines[FOLDED:]))
        shown += f"<details><summary>{len(lines) - FOLDED} more lines</summary>{rest}</details>"
    text = f'<div style="flex:1 1 24em;min-width:0"><div><b>{html.escape(headline)}</b></div>{table}{shown}</div>'
    return f'<div style="display:flex;flex-wrap:wrap;gap:1em;align-items:flex-start">{text}{drawn}</div>'


def rows(header: tuple[str, ...], cells: list[tuple[str, ...]]) -> str:
    """A table, its first column to the left and all others to the right."""

    def row(words: tuple[str, ...], tag: str) -> str:
        sides = ("left", *("right" for _ in words[1:]))
        pairs = zip(words, sides, strict=True)
        return "".join(f'<{tag} style="text-align:{side}">{html.escape(word)}</{tag}>' for word, side in pairs)

    body = "".join(f"<tr>{row(line, 'td')}</tr>" for line in cells)
    return f"<table><thead><tr>{row(header, 'th')}</tr></thead><tbody>{body}</tbody></table>"


def picture(plot: Callable[[], Any] | None) -> str:
    """The figure that ``plot()`` returns as an embedded PNG; nothing where there is none, or it can't be drawn."""
    if plot is None:
        return ""
    try:
        code = png(plot())
    except (ValueError, TypeError, AttributeError, ModuleNotFoundError):  # no sample, too many dimensions, no extra
        return ""
    data = base64.b64encode(code).decode("ascii")
    return f'<img alt="picture" style="max-width:{WIDTH}px;width:100%" src="data:image/png;base64,{data}">'


def _line(text: str) -> str:
    """One line of text, in the colour of what it says."""
    words = [word.strip("[],:") for word in text.split()[:3]]
    colour = next((shade for mark, shade in MARKS.items() if mark in words), None)
    style = f"color:{colour};" if colour else ""
    return f'<div style="{style}font-family:monospace;font-size:90%;white-space:pre-wrap">{html.escape(text)}</div>'
