"""The recipes of CONTRIBUTING.md do what they say, and every path in it exists."""

import re
from pathlib import Path

import pytest

import fpsim
from landscapes.catalogue.named import ParametricLandscape
from landscapes.field import require_positive

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACES = sorted(
    {found.rstrip("/") for found in re.findall(r"`((?:fpsim|landscapes|validation|animations|tests)/[\w/.]*)`", TEXT)}
)


def test_the_landscape_is_one():
    (code,) = re.findall(r"```python\n(class .*?)```", TEXT, flags=re.DOTALL)
    names = {"ParametricLandscape": ParametricLandscape, "require_positive": require_positive}
    exec(code, names)
    place = names["Himmelblau"](height=0.02)
    points = place.critical_points()
    assert len(points.minima) == 4 and sum((-1) ** p.index for p in points) == 1
    printed = [(-3.779310, -3.283186), (-2.805118, 3.131312), (3.0, 2.0), (3.584428, -1.848126)]
    assert sorted(tuple(p.x) for p in points.minima) == [pytest.approx(x, abs=1e-6) for x in printed]
    sde = fpsim.SDE(place, fpsim.ConstantDiffusion(0.3))
    problem = fpsim.EscapeProblem(sde, place.default_start, fpsim.Ball(place.default_target, 0.3))
    assert problem.by_formula("eyring-kramers").mean > 0
    with pytest.raises(ValueError, match="height"):
        names["Himmelblau"](height=-1.0)


@pytest.mark.parametrize("place", PLACES)
def test_every_path_exists(place: str):
    assert (ROOT / place).exists()


def test_paths_are_found():
    assert len(PLACES) > 20
