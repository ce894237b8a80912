"""Fields on a grid: a curve in one dimension, a heat map in two."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.plotting.density import field_arrows
from fpsim.plotting.style import BLACK, BLUE, INK, LABEL, SMALL, VERMILLION, axes_or_new, figure_of, tidy
from fpsim.storage import facts_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def field_chart(data: Any, name: str, title: str = "", axes: Axes | None = None) -> Figure:
    """The field ``name`` of a dataset on a grid; its unit and meaning are those of its attributes.

    Raises:
        ValueError: in three dimensions, which no picture shows.
    """
    field = data[name]
    if field.ndim > 2:
        raise ValueError(f"a field is drawn in one or two dimensions; this one has {field.ndim}; take a slice of it")
    axes = axes_or_new(axes, 5.8, 4.0)
    names = facts_of(data).get("variables", [str(one) for one in field.dims])
    words = field.attrs.get("long_name", name)
    if field.ndim == 1:
        axes.plot(field[field.dims[0]], field, color=BLUE, linewidth=1.6)
        axes.fill_between(field[field.dims[0]], 0, field, color=BLUE, alpha=0.12, linewidth=0)
        axes.set_ylim(bottom=0)
        tidy(axes, names[0], words)
    else:
        x, y = (field[one].values for one in field.dims)
        mesh = axes.pcolormesh(x, y, field.values.T, cmap="Blues", shading="nearest", rasterized=True)
        bar = figure_of(axes).colorbar(mesh, ax=axes)
        bar.set_label(words, fontsize=LABEL, color=INK)
        bar.ax.tick_params(labelsize=SMALL)
        tidy(axes, *names)
    axes.set_title(title, fontsize=LABEL, color=INK, loc="left")
    return figure_of(axes)


def transition_chart(found: Any, axes: Axes | None = None) -> Figure:
    """Where reactive paths are (``fields``), with the line of even chances and, in the plane, their current."""
    fields = found.fields
    figure = field_chart(fields, "reactive_density", f"from a to b in a time of {found.time:.5g}", axes)
    axes = figure.axes[0] if axes is None else axes
    committor = fields.committor
    if committor.ndim == 1:
        x = committor[committor.dims[0]].values
        rising = committor.values[-1] > committor.values[0]
        even = np.interp(0.5, *((committor.values, x) if rising else (committor.values[::-1], x[::-1])))
        axes.axvline(even, color=VERMILLION, linewidth=1.2, label="even chances")
    else:
        x, y = (committor[one].values for one in committor.dims)
        axes.contour(x, y, committor.values.T, levels=[0.5], colors=BLACK, linewidths=1.2)
        field_arrows(fields.reactive_current.values, x, y, axes)
    return figure
