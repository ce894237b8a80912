"""One figure that tells the story of an escape: landscape, paths, exit times, routes, temperatures."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpsim.plotting.exits import exit_histogram
from fpsim.plotting.landscape import landscape_picture
from fpsim.plotting.routes import Row, arrhenius_chart, comparison_chart
from fpsim.plotting.style import BLUE, DPI, INK, LABEL, SHADE, TITLE, new_figure, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fpsim.paths.ensembles import Paths
    from fpsim.paths.exit_sample import ExitSample
    from fpsim.results import Comparison

MOST_PATHS = 4


def demo_figure(
    landscape: Any,
    problem: Any,
    sample_paths: Paths,
    sample: ExitSample,
    comparison: Comparison,
    rows: Sequence[Row],
    path: str | Path,
) -> Figure:
    """Four panels: landscape with paths, routes side by side, exit times, and ln(time) against barrier / temperature.

    Args:
        landscape: in one dimension.
        problem: has ``start`` and ``target``.
        sample_paths: some paths; they run down below the landscape, on the same axis.
        sample: exit times; the law drawn through them has the mean of the comparison's reference.
        comparison: the routes at the temperature of the sample.
        rows: as in :func:`arrhenius_chart`.
        path: where to save; the ending says the format (``.png``).

    Raises:
        ValueError: for a folder that does not exist, and as the four charts.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise ValueError(f"cannot save to '{path}': the folder '{path.parent}' does not exist; create it first")
    figure = new_figure(11.0, 8.4)
    grid = figure.add_gridspec(2, 2, height_ratios=(1.15, 1))
    cells = grid[0, 0].subgridspec(2, 1, hspace=0.02)
    first = figure.add_subplot(cells[0])
    landscape_picture(landscape, axes=first, start=problem.start, target=problem.target)
    _falling_paths(first, figure.add_subplot(cells[1], sharex=first), sample_paths)
    second, third, fourth = (figure.add_subplot(grid[i]) for i in ((0, 1), (1, 0), (1, 1)))
    comparison_chart(comparison, axes=second)
    reference = comparison.reference
    exit_histogram(sample, mean=sample.mean_and_error()[0] if reference is None else reference.mean, axes=third)
    arrhenius_chart(rows, axes=fourth)
    titles = "Landscape and paths", "Routes to the escape time", "Exit times of the paths", "Time against barrier"
    for letter, title, axes in zip("abcd", titles, (first, second, third, fourth), strict=True):
        pad = 20 if axes in (first, second) else 8  # above the legend of one and the remark of the other
        axes.set_title(f"{letter}   {title}", fontsize=TITLE, color=INK, loc="left", pad=pad, fontweight="bold")
    # with hard spaces inside its clauses the title breaks only between them
    clauses = "; ".join(clause.replace(" ", "\u00a0") for clause in comparison.problem.split("; "))
    figure.suptitle(textwrap.fill(clauses, 140, break_on_hyphens=False), fontsize=LABEL, color=INK)
    figure.savefig(path, dpi=DPI)
    return figure


def _falling_paths(above: Axes, axes: Axes, paths: Paths) -> None:
    """Paths below their landscape: x across, time running down."""
    low, high = above.get_xlim()
    shown = paths.x[:, :MOST_PATHS, 0]
    axes.plot(shown[:, 1:], paths.time, color=SHADE, linewidth=0.6, alpha=0.35)
    axes.plot(shown[:, 0], paths.time, color=BLUE, linewidth=0.8)
    above.set_xlim(min(low, float(shown.min())), max(high, float(shown.max())))
    axes.set_ylim(float(paths.time[-1]), float(paths.time[0]))
    tidy(axes, above.get_xlabel(), "time")
    above.set_xlabel("")
    above.tick_params(labelbottom=False)
