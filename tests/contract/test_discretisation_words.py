"""What every field says of its own grid: an error, checked assumptions, and what ended a walk."""

import copy
import json
import pickle

import numpy as np
import pytest
import xarray

import fpsim
from fpsim import ConstantDiffusion, FokkerPlanck, Grid, HalfSpace, automatic_grid
from fpsim.density.pending import Pending
from landscapes import DoubleWell, DriftField, Landscape

LINE = FokkerPlanck(fpsim.SDE(DoubleWell(), ConstantDiffusion(0.1)), Grid((-2.2, 2.2, 60)))
ANSWERS = {
    "stationary": lambda e: e.stationary(),
    "evolve": lambda e: e.evolve(-1.0, [0.5, 1.0]),
    "passage": lambda e: e.mean_first_passage_time(0.5, start=-1.0),
    "survival": lambda e: e.survival(-1.0, 0.5, [1.0]),
    "committor": lambda e: e.committor(-1.0, 1.0),
    "quasi": lambda e: e.quasi_stationary(0.0, start=-1.0).density,
}


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_fields_carry_an_error_that_is_printed_and_saved(name, tmp_path):
    found = ANSWERS[name](LINE)
    assert "discretisation_error" in str(found)
    assert 0 < found.attrs["discretisation_error"] < 0.2
    found.to_netcdf(tmp_path / "field.nc", engine="h5netcdf")
    stored = xarray.load_dataset(tmp_path / "field.nc", engine="h5netcdf")
    assert stored.attrs["discretisation_error"] == pytest.approx(found.attrs["discretisation_error"])
    checked = json.loads(stored.attrs["assumptions"])
    assert all(set(entry) == {"statement", "holds", "detail", "key"} for entry in checked)
    assert "accuracy" not in found.attrs  # linear algebra goes by its own name


@pytest.mark.parametrize(
    "make",
    [lambda: LINE.transitions(-1.0, 1.0), lambda: LINE.quasi_stationary(0.0, start=-1.0), lambda: LINE.spectrum(3)],
)
def test_numbers_carry_an_error_that_is_printed(make):
    found = make()
    assert f"discretisation error {found.discretisation_error:.2g}" in str(found)
    assert found.assumptions
    assert all(check.holds for check in found.assumptions)


def test_the_error_is_asked_for_once_and_late(monkeypatch):
    equation = FokkerPlanck(LINE.sde, LINE.grid)
    asked = []
    refined = FokkerPlanck.refined
    monkeypatch.setattr(FokkerPlanck, "refined", lambda self, factor: asked.append(factor) or refined(self, factor))
    found = equation.mean_first_passage_time(0.5, start=-1.0)
    _ = found["mean"].values.max(), found.attrs["target"]
    assert not asked
    first = found.attrs["discretisation_error"]
    count = len(asked)
    assert count > 0
    assert first == found.attrs["discretisation_error"]
    assert len(asked) == count


def test_cells_wider_than_the_density_fail_an_assumption():
    sde = fpsim.SDE(Landscape.from_expression("10*(x**2+y**2)", variables="x y"), ConstantDiffusion(1e-3))
    found = FokkerPlanck(sde, Grid((-2, 2, 150), (-2, 2, 150))).stationary()
    assert "cells are small against the width of the density" in found.attrs["failed_assumptions"]
    assert found.attrs["discretisation_error"] > 0.3
    variance = float((found["density"].sum("y") * found.x**2).sum()) * (4 / 150) ** 2
    assert abs(variance - 5e-5) < max(json.loads(found.attrs["variance_error"]))


def test_upwind_rates_fail_an_assumption():
    """A rotation that carries past a cell in no time: every cell is upwind, and says so."""
    field = DriftField.from_expression(["-x + 100*y", "-100*x - y"], variables="x y")
    equation = FokkerPlanck(fpsim.SDE(field, ConstantDiffusion(0.1)), Grid((-2, 2, 16), (-2, 2, 16)))
    found = equation.stationary()
    assert found["density"].min() >= 0
    assert "failed_assumptions" in found.attrs


def test_noise_too_oblique_for_the_grid_is_said():
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    sde = fpsim.SDE(
        Landscape.from_expression("(x**2+y**2)/2", variables="x y"),
        ConstantDiffusion(turn @ np.diag([0.1, 1e-9]) @ turn.T),
    )
    equation = FokkerPlanck(sde, Grid((-2, 2, 24), (-2, 2, 24)))
    found = equation.mean_first_passage_time(HalfSpace([1, 0], 0.5))
    assert equation.fallbacks["thickened"] > 0
    assert "made thicker" in found.attrs["failed_assumptions"]


def test_a_grid_too_large_is_refused_before_memory_is_taken():
    plane = fpsim.SDE(Landscape.from_expression("(x**2+y**2)/2", variables="x y"), ConstantDiffusion(0.1))
    for make in (
        lambda: FokkerPlanck(plane, Grid((-1, 1, 100_000), (-1, 1, 100_000))),
        lambda: fpsim.Grid((-1, 1, 100_000), (-1, 1, 100_000)).points,
        lambda: FokkerPlanck(plane, automatic_grid(plane, (0.5, 0.0), None, 100_000)),
    ):
        with pytest.raises(ValueError, match=r"GB.*use fewer cells"):
            make()


def test_pending_attributes_are_a_dictionary():
    made = []
    pending = Pending({"known": 1}, lambda: made.append(0) or {"late": 2, "known": 3})
    assert pending["known"] == 1
    assert not made
    twin = copy.copy(pending)
    assert twin["late"] == 2
    assert pending.get("late") == 2
    assert dict(pending) == {"known": 1, "late": 2} == dict(pending.items())
    assert len(made) == 1
    assert pending.get("never", 5) == 5
    assert pickle.loads(pickle.dumps(pending)) == {"known": 1, "late": 2}
    with pytest.raises(KeyError):
        pending["never"]


def test_a_spectrum_comes_back_from_its_file(tmp_path):
    field = DriftField.from_expression(["-x + 3*y", "-3*x - y"], variables="x y")
    turning = FokkerPlanck(fpsim.SDE(field, ConstantDiffusion(0.3)), Grid((-2.5, 2.5, 24), (-2.5, 2.5, 24)))
    for equation in (LINE, turning):
        found = equation.spectrum(3)
        stored = fpsim.load(found.save(tmp_path / "modes.nc"))
        np.testing.assert_array_equal(stored.eigenvalues, found.eigenvalues)
        np.testing.assert_array_equal(stored.modes["mode"], found.modes["mode"])
        assert stored.discretisation_error == found.discretisation_error
        assert stored.assumptions == found.assumptions
        assert str(stored) == str(found)
