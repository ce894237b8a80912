"""Films: pictures decode, differ over time and show the data's numbers; wrong orders end in one sentence."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

import fpsim
import landscapes
from animations.arrhenius import matplotlib as drawn_arrhenius
from animations.arrhenius.data import ArrheniusData
from animations.catalogue import Order, animate
from animations.film import captions
from animations.film.canvas import pictures as pictures_of
from animations.film.encoding import write_film
from animations.kramers import matplotlib as drawn_kramers
from animations.kramers.film import KramersFilm
from animations.kramers.matplotlib import KramersPicture

PROBLEM = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)


@pytest.fixture(scope="module")
def data():
    return KramersFilm.of(PROBLEM, particles=60, frames=8, seconds=0.8, paths=200, seed=5).compute()


@pytest.fixture(scope="module")
def pictures(data):
    return list(pictures_of(drawn_kramers.parts(data)))


def test_pictures_have_the_stated_size_and_differ_over_time(pictures) -> None:
    assert [p.shape for p in pictures] == [(480, 854, 3)] * 8
    assert all((a != b).any(axis=2).mean() > 1e-3 for a, b in pairwise(pictures))


def test_particles_lie_on_the_curve_pixel_by_pixel(data) -> None:
    """Each particle inside the window covers its place on the loss with its own colour."""
    shot, picture = data.acts[0][0], KramersPicture(data, 0)
    frame = 1
    image, axes = picture.picture(frame), picture.panels[0].loss
    x = shot.positions[frame]
    places = axes.transData.transform(np.column_stack([x, PROBLEM.sde.landscape.loss(x[None])]))
    assert len(places) == 60
    blue, orange = np.array([0x00, 0x72, 0xB2]), np.array([0xE6, 0x9F, 0x00])
    for column, row in places:
        pixel = image[image.shape[0] - 1 - int(row), int(column)].astype(int)
        assert min(np.abs(pixel - blue).max(), np.abs(pixel - orange).max()) <= 12


def test_numbers_on_screen_are_those_of_the_data(data) -> None:
    shot, panel = data.acts[0][0], KramersPicture(data, 0).panels[0]
    panel.moved(5)
    assert panel.count.get_text() == f"escaped {60 - shot.survivors[5]} / 60"
    assert panel.clock.get_text().startswith(f"t = {shot.time[5]:.1f}   ")
    words = " ".join(text.get_text() for text in panel.survival.texts)
    assert f"τ grid {shot.tau('grid')[0]:.4g}" in words and "66.27" in words
    mean, error = map(float, words.split("τ paths ")[1].split(" τ")[0].split(" ± "))
    assert (abs(mean - shot.tau("paths")[0]) <= 0.05 * error) and error == pytest.approx(shot.tau("paths")[1], rel=0.05)


def test_no_words_are_cut_or_overlap(data) -> None:
    """Words of the two-panel acts stay inside the picture and clear of each other."""
    film = KramersFilm.standard()
    acts = tuple(tuple(replace(data.acts[0][0], label=s.label, noise=s.noise) for s in act) for act in film.acts)
    picture = KramersPicture(replace(data, acts=acts, standing=data.standing * 2), 1)
    picture.picture(7)
    renderer, figure = picture.canvas.get_renderer(), picture.figure
    texts = [t for holder in (figure, *figure.axes) for t in holder.texts if t.get_text()]
    boxes = [t.get_window_extent(renderer) for t in texts]
    assert all(b.x0 >= 0 and b.y0 >= 0 and b.x1 <= 854 and b.y1 <= 480 for b in boxes)
    overlaps = [
        (texts[i].get_text(), texts[j].get_text())
        for i in range(len(boxes)) for j in range(i) if boxes[i].shrunk(0.98, 0.9).overlaps(boxes[j].shrunk(0.98, 0.9))
    ]  # fmt: skip
    assert not overlaps


def test_gif_decodes_with_its_length(pictures, tmp_path) -> None:
    from PIL import Image

    path = write_film(pictures, tmp_path / "film.gif", 12.5, ("#FFFFFF", "#262626", "#0072B2", "#E69F00"))
    with Image.open(path) as film:
        lengths, first = [], np.asarray(film.convert("RGB"))
        for colour in ([255, 255, 255], [0x26, 0x26, 0x26], [0x00, 0x72, 0xB2]):  # exact where it was exact
            was = (pictures[0] == colour).all(axis=2)
            assert was.sum() > 20 and (first[was] == colour).all()
        for i in range(film.n_frames):
            film.seek(i)
            lengths.append(film.info["duration"])
        assert (film.n_frames, sum(lengths), film.size) == (8, 640, (854, 480))


def test_mp4_decodes_with_its_length(pictures, tmp_path) -> None:
    av = pytest.importorskip("av")
    path = write_film(pictures, tmp_path / "film.mp4", 20)
    with av.open(str(path)) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 8 and frames[0].shape == (480, 854, 3)
    error = np.abs(frames[-1].astype(int) - pictures[-1].astype(int)).mean()
    assert error < 4


def test_mp4_without_its_package_names_the_way_out(monkeypatch, tmp_path) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ModuleNotFoundError, match="--format gif"):
        write_film([np.zeros((4, 4, 3), dtype=np.uint8)], tmp_path / "film.mp4", 20)
    assert not list(tmp_path.iterdir())


def test_arrhenius_fills_in(tmp_path) -> None:
    order, options = Order("arrhenius", format="png", renderer="matplotlib"), {"levels": 3, "high": 1.2, "paths": 250}
    path, stored = animate(order, PROBLEM, tmp_path / "a.png", seconds=0.5, **options)
    data = ArrheniusData.load(stored)
    assert path.stat().st_size > 5000 and len(data.series[0].tau) == 3
    early, late = pictures_of(drawn_arrhenius.parts(data), only=[0, data.frames - 1])
    assert (early != late).any(axis=2).mean() > 1e-3


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"scene": "kramer"}, "did you mean 'kramers'.*kramers, arrhenius"),
        ({"scene": "gate", "renderer": "matplotlib"}, "no renderer of 'gate' named 'matplotlib'.*Known are: manim"),
        ({"scene": "kramers", "quality": "best"}, "low, medium, high"),
        ({"scene": "kramers", "format": "avi"}, "gif, mp4, png, svg, pdf"),
        ({"scene": "kramers", "renderer": "x"}, "manim, matplotlib"),
    ],
)
def test_wrong_orders(wrong, words) -> None:
    with pytest.raises(ValueError, match=words):
        Order(**wrong)


def test_films_of_two_dimensions_are_refused() -> None:
    plane = landscapes.Landscape.from_expression("(x**2-1)**2/4 + y**2", variables="x y")
    problem = fpsim.EscapeProblem(fpsim.SDE(plane, fpsim.ConstantDiffusion(0.1)), (-1, 0), fpsim.Ball((1, 0), 0.1))
    with pytest.raises(ValueError, match=r"one dimension.*2-dimensional"):
        KramersFilm.of(problem)


def run(*words: str, folder) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fpsim.cli", "animate", *words], capture_output=True, text=True, cwd=folder, check=False
    )


def test_command_films_a_formula(tmp_path, command) -> None:
    words = ("kramers", "x**4/4 - x**2/2 + x/20", "--temperature", "0.1", "--start=-1", "--target", "0.95")
    done = command("animate", *words, "--seconds", "0.4", "--renderer", "matplotlib", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "kramers.gif").exists() and (tmp_path / "kramers.nc").exists()


@pytest.fixture
def no_manim(tmp_path):
    """A folder in which Manim fails to load as it does without pango."""
    (tmp_path / "manim.py").write_text("raise ImportError('libpango-1.0.so.0: cannot open shared object file')")
    return tmp_path


def test_without_manim_the_command_says_so_and_goes_on(no_manim) -> None:
    words = ("kramers", "double-well", "--temperature", "0.1", "--seconds", "0.2", "--format", "png")
    done = run(*words, folder=no_manim)
    assert done.returncode == 0 and (no_manim / "kramers.png").exists()
    (line,) = done.stderr.strip().splitlines()
    assert line.startswith("fpsim: note: 'kramers' is drawn with matplotlib") and "libcairo2-dev" in line


@pytest.mark.parametrize("words", [("kramers", "--renderer", "manim"), ("gate",)])
def test_without_manim_its_scenes_end_in_one_sentence(no_manim, words) -> None:
    done = run(*words, folder=no_manim)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1
    for word in ("libcairo2-dev", "libpango1.0-dev", "fpsim-sgd[animation]", "libpango-1.0.so.0"):
        assert word in done.stderr
    assert not list(no_manim.glob("*.nc"))


def test_scenes_with_their_own_landscape_refuse_another() -> None:
    class Own:
        """A film without ``of``."""

    order = Order("kramers", renderer="matplotlib")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("animations.catalogue.film_of", lambda name: Own)
        with pytest.raises(ValueError, match="own landscape and noise; leave LANDSCAPE out"):
            order.film(PROBLEM)


def test_an_act_that_stands_still_keeps_its_length() -> None:
    film = KramersFilm.of(PROBLEM, particles=20, frames=20, paths=100, before=0.2, after=0.1)
    data = film.compute()
    assert (data.frames, data.standing, data.acts[0][0].time.size) == (20, ((4, 2),), 14)
    assert [data.moment(0, n) for n in (0, 4, 5, 17, 19)] == [0, 0, 1, 13, 13]
    first, fourth, fifth = pictures_of(drawn_kramers.parts(data), only=[0, 4, 5])
    assert np.array_equal(first, fourth) and (fourth != fifth).any()
    with pytest.raises(ValueError, match="at most half its time"):
        KramersFilm.of(PROBLEM, before=0.4, after=0.2)


def test_numbers_and_formulas_are_written_as_people_write_them() -> None:
    assert captions.with_error(48.2571, 1.7213) == "48.3 ± 1.7"
    assert captions.with_error(516.2, 11.4) == "516 ± 11" and captions.with_error(20412.0, 1234.0) == "20400 ± 1200"
    assert captions.number(-1.5e-5, 2) == "−1.5×10⁻⁵" and captions.number(1000.0) == "1000"
    assert captions.typeset("x**4/4 - x**2/2 + 3*x") == "x⁴/4 − x²/2 + 3·x"
    assert captions.typeset("a**b - 1") == "a**b - 1"  # a power that cannot be raised: left as it is
    assert captions.power_of_ten(1000.0) == "10³" and captions.power_of_ten(0.1) == "10⁻¹"
