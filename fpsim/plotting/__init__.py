"""Pictures of results: every function draws into ``axes``, or a figure of its own, and returns the figure.

Nothing here touches pyplot or matplotlib's global settings, so that pictures can be drawn on servers and in threads.
"""

from fpsim.plotting.action import action_chart
from fpsim.plotting.checks import check_chart
from fpsim.plotting.curves import curve_chart
from fpsim.plotting.density import committor_map, density_chart, density_map, survival_curve
from fpsim.plotting.escape import escape_figure, escape_picture
from fpsim.plotting.exits import exit_histogram, survival_chart
from fpsim.plotting.fields import field_chart, transition_chart
from fpsim.plotting.jumps import jump_chart
from fpsim.plotting.landscape import landscape_picture
from fpsim.plotting.laws import law_chart, survival_band
from fpsim.plotting.paths import moment_chart, path_chart
from fpsim.plotting.routes import arrhenius_chart, comparison_chart
from fpsim.plotting.spectra import spectrum_chart
from fpsim.plotting.theories import theory_lines

__all__ = [
    "action_chart",
    "arrhenius_chart",
    "check_chart",
    "committor_map",
    "comparison_chart",
    "curve_chart",
    "density_chart",
    "density_map",
    "escape_figure",
    "escape_picture",
    "exit_histogram",
    "field_chart",
    "jump_chart",
    "landscape_picture",
    "law_chart",
    "moment_chart",
    "path_chart",
    "spectrum_chart",
    "survival_band",
    "survival_chart",
    "survival_curve",
    "theory_lines",
    "transition_chart",
]
