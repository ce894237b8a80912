"""Title, colours, language, size, rate, clock and stills, the same for every film; one sentence for what is wrong."""

from __future__ import annotations

import importlib
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import fpsim
import landscapes
from animations.catalogue import STAGES, Order
from animations.film.clock import Clock
from animations.film.languages import LANGUAGES, speaking, written
from animations.film.look import COLOURS, SCHEMES, Look, channels, contrast
from animations.kramers.data import KramersData
from animations.kramers.film import KramersFilm
from animations.surface.view import Surface, View

PROBLEM = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.2)), -1.0, 1.0)


@pytest.fixture(scope="module")
def data() -> KramersData:
    return KramersFilm.of(PROBLEM, particles=60, frames=8, seconds=0.8, paths=200, seed=5).compute()


def still(data: KramersData, path: Path, **options) -> np.ndarray:
    from PIL import Image

    order = Order("kramers", format="png", renderer="matplotlib", rate=10.0, **options)
    with Image.open(order.render(data, path / "still.png")) as picture:
        return np.asarray(picture)


# --- colours and words ------------------------------------------------------------------------------------------------


def test_words_can_be_read_in_every_scheme() -> None:
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21) and contrast("#777777", "#FFFFFF") == pytest.approx(
        4.48, abs=0.01
    )  # W3C's own examples
    for scheme in SCHEMES:
        palette = Look(colours=scheme).palette
        assert set(palette) == set(COLOURS)
        words = ("ink", "remark", "black", "blue", "amber", "green", "red", "plum")
        assert min(contrast(palette[name], palette["paper"]) for name in words) > 3


def test_a_scheme_paints_all_that_is_drawn(data, tmp_path) -> None:
    """In the dark no pixel has a colour of the light scheme that the dark one lacks; a change is obeyed."""
    dark = still(data, tmp_path, colours="dark, blue=#66CCFF")
    palette = Look(colours="dark").palette
    assert dark[0, 0].tolist() == [round(255 * c) for c in channels(palette["paper"])]

    def count(picture: np.ndarray, colour: str) -> int:
        return int((picture == [round(255 * c) for c in channels(colour)]).all(axis=2).sum())

    for name in ("ink", "blue", "orange", "green"):  # white is what black becomes
        assert count(still(data, tmp_path), COLOURS[name]) > 20 and count(dark, COLOURS[name]) < 5
    assert count(dark, "#66CCFF") > 20


def test_languages_have_the_same_places_for_numbers() -> None:
    for table in LANGUAGES.values():
        for english, other in table.items():
            assert re.findall(r"\{\w+\}|#", english) == re.findall(r"\{\w+\}|#", other) and other.strip()


def test_words_of_the_data_are_told() -> None:
    look = Look(language="de")
    assert look.told("sharp valley, L'' = 8") == "steiles Tal, L'' = 8"
    words = "Hessian noise, learning rate: cosine from 0.2 to 2e-05 over 8000"
    assert look.told(words) == "Hesse-Rauschen, Lernrate: Kosinus von 0.2 auf 2e-05 in 8000"
    assert Look().told(words) == words and look.told("L(x) = x⁴/4") == "L(x) = x⁴/4"
    assert look.say("escaped {out} / {all}", out=3, all=8) == "entkommen 3 / 8"


def test_a_title_is_taken_and_its_letters_are_known(data) -> None:
    from animations.kramers.matplotlib import KramersPicture

    texts = [t.get_text() for t in KramersPicture(data, 0, Look(title=" Lecture  7 ")).figure.texts]
    assert "Lecture 7 · White noise: D = 0.2 (constant)" in texts


# --- size, rate, moment -----------------------------------------------------------------------------------------------


SIZES = (("400x400", (225, 400)), ("854x480", (480, 854)), ((900, 300), (300, 534)))
CLOCKS = (("even", 1), ("slow-fast", np.exp(4)), ("fast-slow", np.exp(-4)), ("3", 3))


@pytest.mark.parametrize(("size", "within"), SIZES)
def test_other_sizes_get_margins(data, tmp_path, size, within) -> None:
    """The 16:9 picture lies in the middle, and around it is paper."""
    picture = still(data, tmp_path, size=size)
    width, height = Look(size=size).size
    assert picture.shape == (height, width, 3)
    drawn = np.argwhere((picture < 250).any(axis=2))
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    margin = (np.array([height, width]) - within) / 2
    assert np.all(low >= margin - 1) and np.all(high <= [height, width] - margin + 1)
    assert np.all(high - low > 0.85 * np.array(within))


def test_a_still_is_taken_at_its_moment(data, tmp_path) -> None:
    """At 10 pictures a second, .3 s is the fourth picture, and by default the last one is taken."""
    from animations.film.canvas import pictures

    every = list(pictures(KramersFilm.parts(data, "matplotlib")))
    assert np.array_equal(still(data, tmp_path, moment=0.3), every[3])
    assert np.array_equal(still(data, tmp_path), every[-1]) and not np.array_equal(every[3], every[-1])


def test_rate_and_seconds_make_the_frames() -> None:
    film = Order("kramers", format="mp4", renderer="matplotlib", rate=7.0).film(PROBLEM, seconds=3.0)
    assert (film.frames, film.seconds) == (21, 3.0)


# --- vectors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("renderer", ["matplotlib", pytest.param("manim", marks=pytest.mark.animation)])
def test_stills_are_vectors(data, tmp_path, renderer: str) -> None:
    """No bitmap, the page 16:9, the particles' colour and the words there; in matplotlib's PDF letters stay letters."""
    if renderer == "manim":
        pytest.importorskip("manim")
    for kind in ("svg", "pdf"):
        path = Order("kramers", format=kind, renderer=renderer).render(data, tmp_path / f"still.{kind}")
        raw = path.read_bytes()
        if kind == "pdf":
            assert raw.startswith(b"%PDF") and b"/Subtype /Image" not in raw
            assert renderer == "manim" or (b"/FontFile2" in raw and b"DejaVuSans" in raw)
            continue
        tree = ElementTree.fromstring(raw)
        width, height = (float(tree.get(side).rstrip("pt")) for side in ("width", "height"))
        assert width / height == pytest.approx(16 / 9, rel=2e-3)
        names = [one.tag.rpartition("}")[2] for one in tree.iter()]
        assert names.count("path") > 30 and "image" not in names
        plain = raw.lower().replace(b" ", b"")
        assert b"#0072b2" in plain or b"rgb(0%,44.705882%,69.803922%)" in plain


@pytest.mark.parametrize("renderer", ["matplotlib", pytest.param("manim", marks=pytest.mark.animation)])
def test_numbers_have_the_comma_of_their_language(data, tmp_path, renderer: str) -> None:
    """Ticks, what stands still, what moves and formulas; English keeps its point; lists get semicolons."""
    if renderer == "manim":
        pytest.importorskip("manim")
    lines = {language: sorted(drawn(data, renderer, language)) for language in ("en", "de")}
    points, commas = (r"\d\.\d", r"\d,\d")
    found = {
        (k, mark): sum(bool(re.search(mark, line)) for line in lines[k]) for k in lines for mark in (points, commas)
    }
    assert min(found["en", points], found["de", commas]) >= 5 and found["en", commas] == found["de", points] == 0
    with speaking("de"):
        assert written("0.1, -2.5, 3 at t = 1e-3") == "0,1; -2,5; 3 at t = 1e-3"
    assert Look(language="de").told("White noise: D = 0.1 (constant)") == "Weißes Rauschen: D = 0.1 (konstant)"


def drawn(data: KramersData, renderer: str, language: str) -> list[str]:
    """All lines of text in the fourth picture."""
    make, stages = KramersFilm.parts(data, renderer)[0][1], importlib.import_module(f"animations.{STAGES[renderer]}")
    stage = stages.built(make, Look(language=language))
    stage.picture(3)
    if renderer == "manim":
        every = [one for top in stage.mobjects for one in top.get_family()]
        return [getattr(one, "text", None) or getattr(one, "typst_source", "") for one in every]
    return [text.get_text() for text in stage.figure.findobj(match=lambda one: hasattr(one, "set_text"))]


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("words", "ratio"), CLOCKS)
def test_a_clock_ends_so_many_times_faster(words: str, ratio: float) -> None:
    clock, e = Clock.of(words), 1e-6
    assert clock.share([0, 1]) == pytest.approx([0, 1])
    first, last = clock.share(e) / e, (1 - clock.share(1 - e)) / e
    assert last / first == pytest.approx(ratio, rel=1e-3)


def test_a_clock_s_table_is_what_the_film_shows() -> None:
    """Half of the film for a tenth of its time, and the clock in the picture says so."""
    from animations.film.captions import pace

    assert Clock.of("0.5:0.1, 0.8:0.4").share([0.25, 0.5, 0.8, 0.9]) == pytest.approx([0.05, 0.1, 0.4, 0.7])
    film = KramersFilm.of(PROBLEM, particles=4, frames=21, seconds=2.0, paths=100, clock="0.5:0.1", horizon=50.0)
    (shot,) = film.compute().acts[0]
    assert shot.time[[0, 10, 20]] == pytest.approx([0, 5, 50], abs=0.05)
    told = [pace(Look().say, shot.time, k, 10.5) for k in (5, 15)]
    assert told == ["5.2 per second", "47 per second"]  # 5 in ten pictures, then 45


# --- the camera -------------------------------------------------------------------------------------------------------


def test_the_camera_turns_about_the_middle() -> None:
    """Turning the camera is turning the plane the other way; the middle stays."""
    view = View((-1.0, 1.0), (-2.0, 2.0), (0.0, 1.0), azimuth=10.0)
    xy, z = np.array([[0.3, -0.4], [0.0, 0.0]]), np.array([0.2, 0.5])
    a = np.deg2rad(35.0)
    turned = xy @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    assert replace(view, azimuth=45.0).at(xy, z) == pytest.approx(view.at(turned, z))
    assert view.at(xy, z)[1] == pytest.approx([0, 0])


def test_a_ridge_hides_what_lies_behind_it() -> None:
    """Seen at 45 degrees along y over the ridge z = exp(-8 y^2): hidden where its slope of sight cuts the ridge."""
    x = y = np.linspace(-2, 2, 401)
    surface = Surface(x, y, np.repeat(np.exp(-8 * y**2)[:, None], 401, axis=1), 2.0)
    view = View((-2, 2), (-2, 2), (0, 1), width=4.0, height=0.25, azimuth=0.0, elevation=45.0)  # one unit is one unit
    points = np.column_stack([np.zeros(9), np.linspace(0.25, 1.45, 9)])
    s = np.linspace(0.1, 3, 3000)
    expected = [bool((np.exp(-8 * (p - s) ** 2) > np.exp(-8 * p**2) + s).any()) for p in points[:, 1]]
    assert surface.hides(view, points, np.exp(-8 * points[:, 1] ** 2)).tolist() == expected
    assert 2 < sum(expected) < 8
    lower = replace(view, elevation=80.0)
    assert not surface.hides(lower, points, np.exp(-8 * points[:, 1] ** 2)).any()


# --- what is wrong ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colours": "drak"}, "did you mean 'dark'"),
        ({"colours": "dark, light"}, "one scheme and changes"),
        ({"colours": "dark, bleu=#000000"}, "did you mean 'blue'"),
        ({"colours": {"blue": "sky"}}, "as #RRGGBB"),
        ({"colours": "ink=#FFFFFF"}, "cannot be read on the paper"),
        ({"language": "fr"}, "Known are: en, de"),
        ({"size": "big"}, "WIDTHxHEIGHT"),
        ({"size": "10x10"}, "160 to 8640 pixels wide"),
        ({"title": "漢字"}, "cannot write these letters of the title: 漢字"),
        ({"title": "x" * 101}, "at most 100 letters"),
        ({"rate": 60.0}, "1 to 50 pictures a second"),
        ({"rate": float("nan")}, "pictures a second"),
        ({"moment": 1.0}, "a moment is for stills"),
    ],
)
def test_wrong_looks_end_in_one_sentence(options, words) -> None:
    with pytest.raises(ValueError, match=re.escape(words)) as error:
        Order("kramers", renderer="matplotlib", **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("wrong", ["fast", "0", "-2", "nan", "0:1", "0.5:0.5, 0.4:0.6", "0.5:x", "1e9"])
def test_wrong_clocks_end_in_one_sentence(wrong: str) -> None:
    with pytest.raises(ValueError, match="clock"):
        KramersFilm.of(PROBLEM, clock=wrong)


def test_wrong_lengths_end_in_one_sentence() -> None:
    order = Order("kramers", format="png", renderer="matplotlib", moment=3.0)
    for options, words in (
        ({"seconds": 1e9}, "at most 20000 pictures"), ({"seconds": float("nan")}, "a positive number of seconds"),
        ({"seconds": 2.0}, "between 0 and 2 seconds"), ({"horizon": -1.0}, "a time > 0"),
        ({"floors": (1.0,)}, "has no floors; leave it out"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            order.film(PROBLEM, **options)
