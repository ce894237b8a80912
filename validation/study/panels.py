"""What the figures of all studies share: lettered titles, legends, logarithmic axes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fpsim.plotting.style import INK, SMALL, TITLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike


def lettered(panels: Iterable[Axes], titles: Iterable[str]) -> None:
    """Bold titles with the letters a, b, c ..."""
    for i, (axes, title) in enumerate(zip(panels, titles, strict=True)):
        titled(axes, f"{'abcdefgh'[i]}   {title}")


def titled(axes: Axes, title: str) -> None:
    """A bold title on the left."""
    axes.set_title(title, fontsize=TITLE, color=INK, loc="left", fontweight="bold")


def legend(axes: Axes, place: str, **more: Any) -> None:
    """A legend without a frame."""
    look: dict[str, Any] = {"loc": place, "fontsize": SMALL, "frameon": False, "labelcolor": INK}
    axes.legend(**(look | more))


def points(
    axes: Axes, x: ArrayLike, y: ArrayLike, error: ArrayLike, fmt: str, color: str, label: str | None = None
) -> None:
    """Markers with error bars; ``error`` as in matplotlib."""
    axes.errorbar(x, y, yerr=error, fmt=fmt, color=color, markersize=5, elinewidth=1.2, capsize=2, label=label)


def logarithmic(axes: Axes, which: str = "xy") -> None:
    """Logarithmic axes: ``"x"``, ``"y"`` or both."""
    for one in which:
        getattr(axes, f"set_{one}scale")("log")
