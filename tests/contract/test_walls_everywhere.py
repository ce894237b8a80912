"""Walls belong to the problem: whatever answers it obeys them and records them, or refuses in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.escape import EscapeProblem

RING = landscapes.Landscape.from_expression("-cos(2*x)", bounds=[(-np.pi / 2, 3 * np.pi / 2)])
WALLED = EscapeProblem(fpsim.SDE(RING, fpsim.ConstantDiffusion(0.5)), 0.0, fpsim.Ball(np.pi, 0.2), boundary="periodic")


def test_a_comparison_obeys_the_walls_and_records_them(tmp_path: Path) -> None:
    """By symmetry two ways of length pi - .2 lead to the target; exact by quadrature of half the ring: 50.9205."""
    found = WALLED.compare(budget=15, paths=2000)
    exact = found.reference
    assert exact is not None and exact.method in ("quadrature", "grid")
    assert exact.mean == pytest.approx(50.9205, abs=1e-3)
    assert "walls periodic on [-1.5708, 4.71239]" in str(found)
    for route in found.routes:
        assert route.settings["walls"] == "walls periodic on [-1.5708, 4.71239]"
        assert route.problem["walls"]["kind"] == ["periodic"]
        if route.error > 0:
            assert abs(route.z_score(exact)) < 5, route.method
    assert {s.method for s in found.skipped} >= {"kramers"} or "kramers" in {r.method for r in found.routes}


def test_a_file_keeps_the_walls(tmp_path: Path) -> None:
    found = WALLED.by_grid()
    again = fpsim.load(found.save(tmp_path / "t.nc")).repeat()
    assert again.mean == found.mean and again.problem["walls"] == found.problem["walls"]


def test_the_diagnosis_knows_the_walls() -> None:
    printed = str(WALLED.diagnose())
    assert "walls periodic" in printed and "route paths" in printed


@pytest.mark.parametrize("scene", ["kramers", "arrhenius", "gate"])
def test_films_refuse_walls_in_a_sentence(scene: str) -> None:
    from importlib import import_module

    kind = {"kramers": "KramersFilm", "arrhenius": "ArrheniusFilm", "gate": "GateFilm"}[scene]
    film = getattr(import_module(f"animations.{scene}.film"), kind)
    with pytest.raises(ValueError, match="films draw particles without walls, and this problem has walls periodic"):
        film.of(WALLED)


def test_walls_given_to_the_paths_alone_are_recorded_too() -> None:
    free = EscapeProblem(WALLED.sde, WALLED.start, WALLED.target)
    found = free.by_paths(100, step=0.0025, boundary="periodic", step_bias=False)
    assert found.settings["walls"] == "walls periodic on [-1.5708, 4.71239]"
    assert found.problem["walls"]["kind"] == ["periodic"]
    assert found.repeat().mean == found.mean
