"""One look for all pictures: colours that colour-blind readers can tell apart, few lines, labels with units.

Colours: M. Okabe and K. Ito, "Color universal design" (2008).
"""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"
INK, SHADE = "#262626", "#8C8C8C"  # text and axes; guides and remarks
CYCLE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)

TIME = "time (learning rate × iterations)"
TITLE, LABEL, SMALL = 10.5, 9.5, 8.5  # font sizes in points
DPI = 150
SHOWN = 80
"""Dots per inch in a notebook."""


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` x ``height`` inches on the Agg canvas."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=DPI, layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    FigureCanvasAgg(figure)
    figure._repr_png_ = partial(png, figure)  # type: ignore[attr-defined]  # pyplot, which shows figures, is not loaded
    return figure


def png(figure: Figure) -> bytes:
    """A figure as a notebook shows it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=SHOWN, bbox_inches="tight")
    return file.getvalue()


def axes_or_new(axes: Axes | None, width: float = 5.2, height: float = 3.5) -> Axes:
    """The caller's axes, or those of a new figure."""
    return new_figure(width, height).add_subplot() if axes is None else axes


def figure_of(axes: Axes) -> Figure:
    """The figure that holds ``axes``."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    return figure


def tidy(axes: Axes, x: str, y: str) -> None:
    """Label both axes and take away what carries no information."""
    axes.set_xlabel(x, fontsize=LABEL, color=INK)
    axes.set_ylabel(y, fontsize=LABEL, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["bottom", "left"]].set_color(INK)
    axes.tick_params(which="both", labelsize=SMALL, colors=INK)


def remark(axes: Axes, text: str, x: float, y: float, align: str) -> None:
    """A small grey remark at (x, y) in shares of the axes; ``align`` is "left" or "right"."""
    vertical = "top" if 0.5 < y <= 1 else "bottom"
    axes.text(x, y, text, transform=axes.transAxes, fontsize=SMALL, color="#595959", ha=align, va=vertical)
