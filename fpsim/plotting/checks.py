"""Checks that hold or fail, one line each."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fpsim.plotting.style import GREEN, INK, LABEL, SMALL, VERMILLION, axes_or_new, figure_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LINE = 88
"""Characters of a detail in one line."""
ROW = 0.55
"""Inches of one check."""


def check_chart(title: str, checks: Sequence[Any], axes: Axes | None = None) -> Figure:
    """A tick or a cross for each of ``checks`` (``statement``, ``holds``, ``detail``), the first on top.

    Raises:
        ValueError: where there are none.
    """
    if not checks:
        raise ValueError("nothing could be checked beforehand, so there is nothing to draw; print it to see the routes")
    axes = axes_or_new(axes, 6.4, 0.5 + ROW * len(checks))
    for row, check in enumerate(checks):
        mark, color = ("✓", GREEN) if check.holds else ("✗", VERMILLION)
        axes.text(0.0, -row, mark, color=color, fontsize=12, va="center", fontfamily="DejaVu Sans")
        axes.text(
            0.04, -row + 0.18, check.statement, color=INK if check.holds else VERMILLION, fontsize=LABEL, va="center"
        )
        axes.text(0.04, -row - 0.2, textwrap.shorten(check.detail, LINE, placeholder=" ..."), color="#595959",
                  fontsize=SMALL, va="center")  # fmt: skip
    axes.set_xlim(-0.02, 1.0)
    axes.set_ylim(-len(checks) + 0.4, 0.6)
    axes.axis("off")
    axes.set_title(textwrap.shorten(title, LINE, placeholder=" ..."), fontsize=LABEL, color=INK, loc="left")
    return figure_of(axes)
