"""``fpsim density``: the report's numbers are the routes' numbers, its files hold what they say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.density.report import density_report

WELL = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))


@pytest.fixture(scope="module")
def report():
    return density_report(WELL, (-1.0,), [0.5, 5.0, 20.0], target=1.0)


def test_survival_and_passage_agree_with_quadrature(report) -> None:
    assert report.passage[0] == pytest.approx(66.2686263649, rel=2e-6)
    assert np.all(np.diff(report.survival.survival) < 0)


def test_rows_keep_mass_and_end_in_the_stationary_law(report) -> None:
    rows = report.rows()
    assert [row["mass"] for row in rows] == pytest.approx([1.0] * 4, abs=1e-12)
    assert np.isinf(rows[-1]["time"]) and rows[-1]["mean"][0] == pytest.approx(0.0, abs=1e-6)  # the well is symmetric
    x = np.linspace(-3, 3, 20001)
    boltzmann = np.exp(-((x**2 - 1) ** 2) / 0.4)
    assert rows[-1]["deviation"][0] == pytest.approx(np.sqrt((x**2 * boltzmann).sum() / boltzmann.sum()), rel=1e-4)


def test_pictures_show_the_densities(report) -> None:
    left, right = report.plot().axes
    lines = {line.get_label(): line for line in left.get_lines()}
    np.testing.assert_array_equal(lines["t = 5"].get_ydata(), report.evolution.density.values[1])
    assert right.get_yscale() == "log"
    np.testing.assert_allclose(right.get_lines()[0].get_ydata(), report.survival.survival)


def test_heat_map_draws_the_last_density_with_its_current() -> None:
    bowl = fpsim.SDE(landscapes.Quadratic([1.0, 2.0]), fpsim.ConstantDiffusion(0.2))
    found = density_report(bowl, (1.0, 0.0), [0.2], cells=40)
    axes = found.plot().axes[0]
    kinds = {type(c).__name__ for c in axes.collections}
    assert {"QuadMesh", "Quiver"} <= kinds
    mesh = next(c for c in axes.collections if type(c).__name__ == "QuadMesh")
    np.testing.assert_allclose(np.ravel(mesh.get_array()), found.evolution.density.values[-1].T.ravel())


def test_command_prints_json_and_writes_netcdf(tmp_path: Path, command: Any) -> None:
    import xarray

    words = ["density", "double-well", "--temperature", "0.1", "--times", "1,2", "--json", "--output", "d.nc"]
    done = command(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert table["first_passage_time"]["mean"] == pytest.approx(66.2686, rel=1e-5)
    with xarray.open_dataset(tmp_path / "d.nc", engine="h5netcdf") as data:
        assert data.density.dims[0] == "time" and data.stationary_density.attrs["units"] == "1/volume"
        assert data.density.shape[0] == 2


def test_shut_noise_is_refused() -> None:
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=1, at="everywhere", floor=0.0)
    with pytest.raises(ValueError, match="delta = 2"):
        density_report(fpsim.SDE(landscapes.DoubleWell(), noise), (-1.0,), [1.0])
