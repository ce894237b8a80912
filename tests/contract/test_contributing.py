"""The recipes of CONTRIBUTING.md do what they say, and every path in it exists."""

import importlib
import math
import re
import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image

import animations
import fpsim
import fpsim.noise
import fpsim.routes.formulas
import landscapes
from animations.catalogue import FILMS, Order, animate
from fpsim.route import ROUTES, Facts
from landscapes.catalogue.parametric import ParametricLandscape
from landscapes.field import require_positive
from validation.study.run import Run

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PLACES = sorted(
    {found.rstrip("/") for found in re.findall(r"`((?:fpsim|landscapes|validation|animations|tests)/[\w/.]*)`", TEXT)}
)


def test_the_landscape_is_one():
    (code,) = re.findall(r"```python\n(class Himmelblau.*?)```", TEXT, flags=re.DOTALL)
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


def test_the_noise_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file as printed keeps the promises of every noise, and paths agree with quadrature under it."""
    (code,) = re.findall(r"```python\n# fpsim/noise/steep\.py\n(.*?)```", TEXT, flags=re.DOTALL)
    (tmp_path / "steep.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(fpsim.noise, "__path__", [*fpsim.noise.__path__, str(tmp_path)])
    try:
        SteepDiffusion = importlib.import_module("fpsim.noise.steep").SteepDiffusion
        promises = runpy.run_path(str(Path(__file__).with_name("test_every_noise.py")))
        for landscape in (promises["WELL"], promises["PLANE"]):
            promises["check_noise"](SteepDiffusion(0.2, 0.3), landscape)
        with pytest.raises(ValueError, match="is a drift field; give a landscape"):
            fpsim.SDE(landscapes.MaierStein(), SteepDiffusion(0.2, 0.3))
        problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), SteepDiffusion(0.2, 0.3)), -1.0, 0.5)
        assert "0.2 + 0.3 |grad L|^2" in str(problem)
        found, exact = problem.by_paths(paths=2000, step=0.01, seed=2), problem.by_quadrature()
        assert abs(found.z_score(exact)) < 5
        level = SteepDiffusion(0.2, 0.0)  # without growth it is white noise
        same = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), level), -1.0, 0.5).by_quadrature()
        white = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.2)), -1.0, 0.5)
        assert same.mean == pytest.approx(white.by_quadrature().mean, rel=1e-10) and exact.mean < same.mean
    finally:
        monkeypatch.delitem(sys.modules, "fpsim.noise.steep", raising=False)


def test_the_routes_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files as printed, found beside our routes, and one row each: compared, named, repeated, diagnosed."""
    files = re.findall(r"```python\n# (fpsim/routes/[\w/]+\.py)\n(.*?)```", TEXT, flags=re.DOTALL)
    assert [file.rpartition("/")[2] for file, _ in files] == ["collocation.py", "arrhenius.py"]
    for file, code in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(code, encoding="utf-8")
    for package in (fpsim.routes, fpsim.routes.formulas):
        own = tmp_path.joinpath(*package.__name__.split("."))
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(own)])
    (row,) = re.findall(r"```python\n(Facts\(.*?\))\n```", TEXT)
    monkeypatch.setitem(ROUTES, "collocation", eval(row, {"Facts": Facts}))
    home = "fpsim.routes.formulas.arrhenius:by_arrhenius"
    monkeypatch.setitem(ROUTES, "arrhenius", Facts("arrhenius", "formula", home))
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.05)), -1.0, 1.0)
    try:
        found, exact = problem.by("collocation"), problem.by_quadrature()
        assert abs(found.z_score(exact)) < 3 and found.mean == pytest.approx(exact.mean, rel=1e-4)
        assert problem.by("collocation", tolerance=1e-5).repeat().settings["tolerance"] == 1e-5
        assert problem.by_formula("arrhenius").log_mean == pytest.approx(
            5 - math.log(2), abs=1e-9
        )  # 0.25 / 0.05, L'' = 2
        assert problem.formulas()[-1] == "arrhenius"
        table = problem.compare(budget=10, paths=1000)
        assert {"collocation", "arrhenius"} <= {time.method for time in table.routes}
        assert {"collocation", "arrhenius"} <= dict(problem.diagnose().routes).keys()
    finally:
        for name in ("fpsim.routes.collocation", "fpsim.routes.formulas.arrhenius"):
            monkeypatch.delitem(sys.modules, name, raising=False)


def test_the_film_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The three files as printed, found beside our films; the film is that of its data, pixel by pixel of its line."""
    files = re.findall(r"```python\n# (animations/(\w+)/\w+\.py)\n(.*?)```", TEXT, flags=re.DOTALL)
    assert [file.rpartition("/")[2] for file, _, _ in files] == ["film.py", "data.py", "matplotlib.py"]
    for file, _, code in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(code, encoding="utf-8")
    monkeypatch.setattr(animations, "__path__", [*animations.__path__, str(tmp_path / "animations")])
    monkeypatch.setitem(FILMS, "decay", "decay.film:DecayFilm")
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.2)), -1.0, 1.0)
    try:
        order, path = Order("decay", renderer="matplotlib"), tmp_path / "decay.gif"
        path, stored = animate(order, problem, path, seconds=0.4)
        kind = sys.modules["animations.decay.data"].DecayData
    finally:
        for name in [name for name in sys.modules if name.startswith("animations.decay")]:
            monkeypatch.delitem(sys.modules, name)
    data = kind.load(stored)
    assert (data.frames, data.tau) == (5, problem.by_quadrature().mean)
    assert data.chance[0] == 1 and 0.1 < data.chance[-1] < 0.2  # exp(-2), but for the first moments
    with Image.open(path) as film:
        assert (film.n_frames, film.size) == (5, (854, 480))


def test_the_study_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Both files as printed keep the promises of every study; its verdict holds, and fails for another barrier."""
    (start, end) = (TEXT.index(f"## Adding a {what}") for what in ("study", "film"))
    measures, run = re.findall(r"```python\n(.*?)```", TEXT[start:end], flags=re.DOTALL)
    home = tmp_path / "arrhenius"
    home.mkdir()
    for name, text in (("__init__", ""), ("measures", measures), ("run", run)):
        (home / f"{name}.py").write_text(text.replace("validation.arrhenius.", "arrhenius."))
    monkeypatch.syspath_prepend(tmp_path)
    study = importlib.import_module("arrhenius.run")
    small, full = (study.Size.of(quick) for quick in (True, False))
    promises = runpy.run_path(str(Path(__file__).with_name("test_every_study.py")))
    promises["check"](study.STUDY, small, tmp_path / "out")
    assert study.STUDY.run(full).as_expected
    found = study.STUDY.measure(Run(full))
    other = [{**row, "time": row["time"] ** 1.2} for row in found.times]
    assert not study.STUDY.report(study.Times(other))["slope"].holds


@pytest.mark.parametrize("place", PLACES)
def test_every_path_exists(place: str):
    assert (ROOT / place).exists()


def test_paths_are_found():
    assert len(PLACES) > 20
