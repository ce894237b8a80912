"""Pictures of sweeps: the lines that are drawn are those of the numbers."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from fpsim import Sweep
from fpsim.plotting.sweeps import is_spaced_in_logarithm
from fpsim.sweeps.escape import escape_time


def drawn(found, **options):
    axes = Figure().add_subplot()
    found.plot(axes=axes, **options)
    return axes, [text.get_text() for text in axes.get_legend().texts]


def test_a_sweep_over_one_axis_is_drawn_with_its_power(tmp_path):
    """|H| noise with floor f: tau ~ f^-delta, delta = 2 / (9 kappa) = 20 / 9 towards small floors."""
    what = {"landscape": "double-well", "noise": "hessian", "at": "everywhere", "learning_rate": 0.2, "batch_size": 1}
    what |= {"start": -1.0, "target": 0.3, "floor": [1e-4, 3e-4, 1e-3]}
    axes, legend = drawn(Sweep(escape_time, what, store=tmp_path / "f.sweep").run("serial"))
    (label,) = legend
    assert axes.get_xscale() == "log" and label.startswith("slope -2.2")
    assert float(label.split()[1]) == pytest.approx(-20 / 9, rel=0.01)


def test_a_formula_is_a_dashed_curve_through_its_own_values(tmp_path):
    what = {
        "landscape": "double-well",
        "target": 0.0,
        "temperature": [0.05, 0.1, 0.2],
        "route": ["kramers", "quadrature"],
    }
    found = Sweep(escape_time, what, store=tmp_path / "k.sweep").run("serial")
    axes, legend = drawn(found)
    dashed = [line for line in axes.get_lines() if line.get_linestyle() == "--"]
    assert [line.get_xdata().tolist() for line in dashed] == [[0.05, 0.1, 0.2]]
    kramers = np.log(np.pi * np.sqrt(2) * np.exp(0.25 / np.array([0.05, 0.1, 0.2])) / 2)
    shown = dashed[0].get_ydata()
    assert shown == pytest.approx(found.to_xarray().log_mean.sel(route="kramers").values, rel=1e-12)
    assert np.diff(shown) == pytest.approx(np.diff(kramers), rel=1e-6)  # Kramers' slope in 1 / T is the barrier, 1/4
    assert len(legend) == 2


def test_which_values_are_spaced_in_their_logarithm():
    assert is_spaced_in_logarithm(np.geomspace(1e-3, 1e-1, 5)) and is_spaced_in_logarithm(np.array([1.0, 3.0, 10.0]))
    assert not is_spaced_in_logarithm(np.arange(1.0, 7.0)) and not is_spaced_in_logarithm(np.array([-1.0, 1.0, 10.0]))
    assert not is_spaced_in_logarithm(np.array([1.0, 10.0]))


def test_a_name_cannot_be_a_parameter_and_an_answer(tmp_path):
    found = Sweep("builtins:dict", {"x": [1, 2]}, store=tmp_path / "n.sweep").run("serial")
    assert [row.value["x"] for row in found.rows()] == [1, 2]
    with pytest.raises(ValueError, match="'x' is a parameter of this sweep and a name of what its function returns"):
        found.to_xarray()


def test_an_axis_of_very_large_whole_numbers_is_written(tmp_path):
    found = Sweep("operator:index", {"x": [10**30, 1]}, store=tmp_path / "l.sweep")
    assert found.to_xarray().x.values.tolist() == [1e30, 1.0] and found.save(tmp_path / "l.nc").exists()
