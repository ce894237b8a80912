"""What every film promises: data first, kept and read back, drawn from what was read, and no physics in the drawing."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, fields
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np
import pytest

import fpsim
import landscapes
from animations.catalogue import FILMS, STAGES, Order, film_of, without_manim
from animations.film.film import RENDERERS
from animations.film.languages import LANGUAGES
from animations.film.look import Look, channels
from animations.kramers.data import KramersData
from animations.noise_shape.data import NoiseShapeData
from fpsim.storage import read

HOME = Path(__file__).parents[2] / "animations"
WELL = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.25)), -1.0, 1.0)
PASS = landscapes.Landscape.from_expression("(x**2-1)**2/4+y**2", variables="x y", bounds=((-1.8, 1.8), (-1.5, 1.5)))
UNLIKE = fpsim.SDE(PASS, fpsim.ConstantDiffusion([0.15, 0.1]))  # no single temperature: a number that is NaN
GATE = fpsim.HessianDiffusion(learning_rate=0.4, batch_size=1, at="everywhere", floor=0.0)
SMALL = MappingProxyType(
    {
        "kramers": (WELL, {"particles": 20, "frames": 8, "paths": 100, "before": 0.25, "after": 0.125}),
        "arrhenius": (WELL, {"levels": 3, "high": 0.8, "paths": 80, "frames": 6}),
        "surface": (fpsim.EscapeProblem(UNLIKE, (-1, 0), fpsim.Ball((1, 0), 0.4)), {"particles": 8, "frames": 5}),
        "gate": (
            fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), GATE), -1.0, 0.3),
            {"floors": (0.3, 0.2), "particles": 10, "frames": 8},
        ),
        "noise-shape": (None, {"sizes": (16, 512), "frames": 5}),
        "network": (None, {"replicas": 12, "frames": 5}),
    }
)
"""A problem that each film shows (none: it has its own) and options that make it small: a new film adds its own."""
ATTRIBUTES = MappingProxyType(
    {
        "kramers": {"acts", "seconds", "seed", "standing", "shot_0_0"},
        "arrhenius": {"series", "seconds", "frames", "seed", "clock"},
        "surface": {"facts"},
        "gate": {"facts", "count", "group_0", "group_1", "group_chain"},
        "noise-shape": {"facts"},
        "network": {"facts"},
    }
)
"""What a film's file is read by, for years to come."""


def small(name: str, **more):
    problem, options = SMALL[name]
    kind = film_of(name)
    return kind.standard(**options, **more) if problem is None else kind.of(problem, **options, **more)


@pytest.fixture(scope="module", params=FILMS)
def made(request, tmp_path_factory):
    """(name, film, its data, the file that it was saved to, what its progress was told)."""
    film, told = small(request.param, seconds=0.5, seed=3), []
    data = film.compute(told.append)
    return request.param, film, data, data.save(tmp_path_factory.mktemp("film") / "film.nc"), told


def leaves(one, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value of the data with its path, however deep."""
    if hasattr(one, "__dataclass_fields__"):
        for field in fields(one):
            yield from leaves(getattr(one, field.name), f"{path}.{field.name}")
    elif isinstance(one, tuple):
        for place, each in enumerate(one):
            yield from leaves(each, f"{path}[{place}]")
    else:
        yield path, one


def test_the_tables_hold_every_film() -> None:
    assert list(SMALL) == list(FILMS) == list(ATTRIBUTES)
    folders = {place.parent.name for place in HOME.glob("*/film.py")} - {"film"}
    assert folders == {place.partition(".")[0] for place in FILMS.values()}


def test_the_command_line_names_every_film() -> None:
    words = [sys.executable, "-m", "fpsim.cli", "animate", "--help"]
    told = " ".join(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    without = {name for name in FILMS if not hasattr(film_of(name), "of")}
    assert all(name in told for name in FILMS) and all(f"{name} takes none" in told for name in without)


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_described_before_it_is_computed(name: str) -> None:
    kind, film = film_of(name), small(name)
    assert kind.name == name and kind.__doc__ and kind.length > 0 and set(kind.renderers()) <= set(RENDERERS)
    assert kind.renderers(), "nothing draws it"
    with pytest.raises(FrozenInstanceError):
        film.seconds = 2.0
    for wrong in ({"frames": 1}, {"seconds": 0.0}):
        with pytest.raises(ValueError, match=rf"^the film '{name}' needs .*; got [01]$"):
            kind.standard(**wrong)
    assert kind.standard(seed=7).seed == 7


@pytest.mark.parametrize("name", [name for name, (problem, _) in SMALL.items() if problem is not None])
def test_a_film_of_another_problem_refuses_walls(name: str) -> None:
    problem = SMALL[name][0]
    walled = fpsim.EscapeProblem(problem.sde, problem.start, problem.target, boundary="reflecting")
    with pytest.raises(ValueError, match="films draw particles without walls"):
        film_of(name).of(walled)


def test_data_know_their_length_and_seed(made) -> None:
    name, film, data, _, told = made
    assert data.film == name and data.frames == film.frames and data.seconds == film.seconds
    assert told == sorted(told) and told[-1] == pytest.approx(1.0)
    values = dict(leaves(data))
    assert len(values) > 10 and all(isinstance(v, np.ndarray | str | int | float) for v in values.values())


def test_what_was_saved_is_what_is_read(made, tmp_path) -> None:
    name, _, data, path, _ = made
    again = type(data).load(path)
    before, after = dict(leaves(data)), dict(leaves(again))
    assert list(before) == list(after) and type(again) is type(data)
    for place, value in before.items():
        assert type(after[place]) is type(value), place
        numbers = np.asarray(value).dtype.kind == "f"
        assert np.array_equal(after[place], value, equal_nan=numbers), place
    if name == "surface":
        assert np.isnan(again.temperature)
    other = KramersData if name == "noise-shape" else NoiseShapeData
    with pytest.raises(ValueError, match=f"does not hold the data of the film '{other.film}'"):
        other.load(path)
    with pytest.raises(FileNotFoundError, match=r"nothing\.nc"):
        type(data).load(tmp_path / "nothing.nc")


def test_the_file_says_what_each_array_is(made) -> None:
    name, _, _, path, _ = made
    data = read(path)
    assert data.attrs["film"] == name and ATTRIBUTES[name] | {"film", "fpsim_version"} == set(data.attrs)
    if name in ("kramers", "arrhenius"):  # pieces of unlike lengths: each has dims of its own
        assert all(dim.endswith("_0") for dim in data.dims)
    for variable in data.variables.values():
        assert variable.attrs["long_name"] and "units" in variable.attrs and "{" not in variable.attrs["long_name"]


@pytest.mark.parametrize("renderer", RENDERERS)
def test_a_still_is_drawn_from_what_was_read(made, renderer: str, tmp_path) -> None:
    """One picture, from the file alone; the film that made it is not asked again."""
    from PIL import Image

    name, film, data, path, _ = made
    if renderer not in film.renderers():
        with pytest.raises(ValueError, match=f"no renderer of '{name}' named '{renderer}'"):
            Order(name, renderer=renderer)
        return
    if renderer == "manim" and without_manim():
        pytest.skip("needs manim")
    order, again = Order(name, format="png", renderer=renderer), type(data).load(path)
    with Image.open(order.render(again, tmp_path / "still.png")) as still:
        picture = np.asarray(still)
    assert picture.shape == (480, 854, 3) and 0.02 < (picture < 200).any(axis=2).mean() < 0.9
    parts = film.parts(again, renderer)
    assert sum(count for count, _ in parts) == again.frames


class Listening(Look):
    """A look that keeps what is said in English only."""

    missing: ClassVar[set[str]] = set()

    def say(self, words: str, **values) -> str:
        if words not in LANGUAGES[self.language]:
            self.missing.add(words)
        return super().say(words, **values)


@pytest.mark.parametrize("renderer", RENDERERS)
def test_every_word_on_screen_is_in_the_table_and_in_its_colours(made, renderer: str) -> None:
    """In German and in the dark; what is written in no language but its own (numbers, formulas) is not said."""
    name, film, data, _, _ = made
    if renderer not in film.renderers() or (renderer == "manim" and without_manim()):
        return
    look = Listening(language="de", colours="dark", title="Vorlesung")
    Listening.missing.clear()
    drawing = import_module(f"animations.{STAGES[renderer]}")
    parts = film.parts(data, renderer)
    ends = np.cumsum([count for count, _ in parts]) - 1
    for picture in drawing.pictures(parts, look, ends.tolist()):
        paper, ink = (np.array([round(255 * c) for c in channels(look.palette[n])]) for n in ("paper", "ink"))
        assert (picture == paper).all(axis=2).mean() > 0.3 and (picture == ink).all(axis=2).sum() > 50
        assert (picture == 255).all(axis=2).mean() < 5e-3  # white is only for lines that were black
    assert not Listening.missing, name


# --- no physics where it is drawn ------------------------------------------------------------------------------------

DESCRIBES = ("escape", "noise", "sde", "targets", "walls")
"""What a description may know of fpsim: what its problem is made of."""
SOLVES = ("simulate", "exit_times", "solve", "survival", "evolve", "critical_points", "minima", "fixed_points")
FILES = sorted(HOME.rglob("*.py"))


def asked_of(tree: ast.AST, where: Path) -> set[str]:
    """What a file asks of the packages below: rooms that it imports, and solvers that it calls."""
    found = set()
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        found |= {name for name in names if name.partition(".")[0] in ("fpsim", "landscapes", "validation")}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            called = node.func.attr
            found |= {f"{called}()"} if called.startswith("by_") or called in SOLVES else set()
    return found


def allowed_in(where: Path) -> set[str]:
    described = {f"fpsim.{room}" for room in DESCRIBES} | {"fpsim.sde.sde", "fpsim.sde.gates", "landscapes"}
    described |= {"landscapes.progress", "fpsim.survival.problem"}
    return {
        "film.py": described,
        "fields.py": {"fpsim.fields", "fpsim.storage"},
        "noises.py": {"fpsim.noise"},
        "catalogue.py": {"fpsim.escape", "landscapes.extras"},
        "encoding.py": {"fpsim.plotting.style", "landscapes.extras"},
    }.get(where.name, {"fpsim.plotting.style"})


@pytest.mark.parametrize(
    "where", [file for file in FILES if file.name != "data.py"], ids=lambda f: f"{f.parent.name}.{f.stem}"
)
def test_physics_is_asked_for_in_data_only(where: Path) -> None:
    asked = asked_of(ast.parse(where.read_text(encoding="utf-8")), where)
    assert not asked - allowed_in(where)


def test_the_walker_sees_physics() -> None:
    source = "def f(p):\n    from fpsim.density.fokker_planck import FokkerPlanck\n    return p.by_grid(), p.minima()\n"
    assert asked_of(ast.parse(source), Path("x.py")) == {"fpsim.density.fokker_planck", "by_grid()", "minima()"}
    data = [file for file in FILES if file.name == "data.py"]
    assert len(data) == len(FILMS) + 1  # one for each film, and what several share
    asked = set().union(*(asked_of(ast.parse(file.read_text(encoding="utf-8")), file) for file in data))
    assert {"by_quadrature()", "by_grid()", "fpsim.density.fokker_planck", "fpsim.paths.simulate"} <= asked
