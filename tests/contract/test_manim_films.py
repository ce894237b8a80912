"""Manim's films: words, discs and lines stand where the data say, nothing overlaps, nothing is compiled per frame."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("manim")

import fpsim
import landscapes
from animations.arrhenius import manim as manim_arrhenius
from animations.arrhenius.film import ArrheniusFilm
from animations.catalogue import Order, animate
from animations.film import captions
from animations.film.look import Look
from animations.kramers import captions as kramers_captions
from animations.kramers import manim as manim_kramers
from animations.kramers.data import KramersData
from animations.kramers.film import KramersFilm
from animations.stage import words as manim_words
from animations.stage.outline import Outline, dashed
from animations.stage.plot import Plot
from animations.stage.stage import Stage, built, pictures
from animations.stage.words import Words

pytestmark = pytest.mark.animation
PROBLEM = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
BLUE, ORANGE = np.array([0x00, 0x72, 0xB2]), np.array([0xE6, 0x9F, 0x00])


@pytest.fixture(scope="module")
def data() -> KramersData:
    """Twenty frames: the first four are the card, the last two stand still."""
    options = {"particles": 60, "frames": 20, "seconds": 1.0, "paths": 200, "seed": 5, "before": 0.2, "after": 0.1}
    return KramersFilm.of(PROBLEM, **options).compute()


@pytest.fixture(scope="module")
def stage(data):
    return built(lambda: manim_kramers.KramersStage(data, 0))


@pytest.fixture(scope="module")
def two_acts(data) -> KramersData:
    """The words of the film that stands in the README, on the small data."""
    acts = KramersFilm.standard().acts
    shots = tuple(tuple(replace(data.acts[0][0], label=s.label, noise=s.noise, law=s.law) for s in act) for act in acts)
    return replace(data, acts=shots, standing=data.standing * 2)


@pytest.fixture(scope="module")
def arrhenius():
    film = ArrheniusFilm.standard(levels=2, low=0.4, high=0.7, paths=60, frames=11, seconds=1.0)
    return film.compute()


def pixel(image, place):
    """The pixel (3,) under a place of the frame; 60 pixels make a unit."""
    height, width, _ = image.shape
    x, y = place
    return image[int(height / 2 - 60 * y), int(width / 2 + 60 * x)].astype(int)


def shown(stage) -> list[Words]:
    """All words that can be read on a stage now."""
    family = [one for top in stage.mobjects for one in top.get_family()]
    return [one for one in family if isinstance(one, Words) and one.text and one.get_fill_opacity() > 0.02]


def test_pictures_have_the_stated_number_and_size_and_move(data) -> None:
    images = list(pictures(manim_kramers.parts(data)))
    assert len(images) == data.frames == 20 and {image.shape for image in images} == {(480, 854, 3)}
    changes = [(a != b).any(axis=2).mean() for a, b in pairwise(images)]
    assert min(changes[4:17]) > 1e-3  # particles move
    assert changes[17:] == [0.0, 0.0]  # the end stands still
    assert max(changes[2:4]) > 0.01  # the card gives way to the panels


@pytest.mark.parametrize(("height", "width"), [(480, 854), (720, 1280), (1080, 1920)])
def test_sizes_are_those_of_films(height, width) -> None:
    class Empty(Stage):
        pass

    (image,) = pictures([(1, lambda: Empty(None))], Look(size=(width, height)))
    assert image.shape == (height, width, 3) and np.all(image == 255)


def test_particles_lie_on_the_curve_pixel_by_pixel(data, stage) -> None:
    shot, frame = data.acts[0][0], 6
    image, x = stage.picture(frame), shot.positions[2]
    places = stage.panels[0].loss.at(x, PROBLEM.sde.landscape.loss(x[None]))
    assert len(places) == 60 and np.ptp(x) > 0.2
    for place in places:
        assert min(np.abs(pixel(image, place) - colour).max() for colour in (BLUE, ORANGE)) <= 12


def test_the_curve_lies_on_the_loss(data, stage) -> None:
    shot, image = data.acts[0][0], stage.picture(4)
    x = np.linspace(0.2, 0.9, 30)  # no particles yet, no target line
    for place in stage.panels[0].loss.at(x, PROBLEM.sde.landscape.loss(x[None])):
        assert pixel(image, place).max() < 200
    assert shot.window[0] < 0.2 and shot.window[1] > 0.9


def test_numbers_on_screen_are_those_of_the_data(data, stage) -> None:
    shot = data.acts[0][0]
    stage.picture(12)
    words = {one.text for one in shown(stage)}
    assert f"escaped {60 - shot.survivors[8]} / 60" in words and f"t = {shot.time[8]:.1f}" in words
    assert f"τ grid {shot.tau('grid')[0]:.4g}" in words and "τ grid 66.27" in words
    assert f"τ paths {captions.with_error(*shot.tau('paths'))}" in words
    assert f"τ formula {shot.tau('white-noise')[0]:.4g} (doubtful)" in words
    assert kramers_captions.current(Look().say, shot, 8) in words


def test_survival_is_drawn_where_the_data_say(data, stage) -> None:
    """The band's colour at the measured share, and the grid's line over it."""
    shot, plot, image = data.acts[0][0], stage.panels[0].survival, stage.picture(17)
    for k in range(4, 12):
        middle = (shot.time[k] + shot.time[k + 1]) / 2, np.sqrt(np.prod(shot.survival[k : k + 2]))
        colour = pixel(image, plot.at(*middle)[0])
        assert colour[1] > colour[0] + 25  # green or blue, not white and not the formula's red


@pytest.mark.parametrize("frame", [0, 2, 3, 4, 11, 19, 20, 23, 31, 39])
def test_no_words_are_cut_or_overlap(two_acts, frame) -> None:
    act = frame // 20
    stage = built(lambda: manim_kramers.KramersStage(two_acts, act))
    stage.picture(frame % 20)
    curtain, *card = stage.mobjects[-4:]
    hidden = curtain.get_fill_opacity() == 1  # what is behind the curtain cannot be seen
    assert hidden == (frame % 20 < 4)
    words = [one for one in shown(stage) if not hidden or one in card]
    check_boxes([*words, card[-1]])


def check_boxes(mobjects) -> None:
    """Every box within the frame, none upon another."""
    boxes = [(*one.get_corner([-1, -1, 0])[:2], *one.get_corner([1, 1, 0])[:2]) for one in mobjects]
    for left, foot, right, head in boxes:
        assert -7.1 < left < right < 7.1 and -4 < foot < head < 4
    names = [getattr(one, "text", "formula") for one in mobjects]
    overlaps = [
        (names[i], names[j])
        for i, a in enumerate(boxes) for j, b in enumerate(boxes[:i])
        if min(a[2], b[2]) - max(a[0], b[0]) > 0.01 and min(a[3], b[3]) - max(a[1], b[1]) > 0.01
    ]  # fmt: skip
    assert not overlaps


def test_words_never_overlap_in_arrhenius(arrhenius) -> None:
    (number, make), *rest = manim_arrhenius.parts(arrhenius)
    assert number == 11 and not rest
    stage = built(make)
    for frame in (0, 5, 10):
        stage.picture(frame)
        formulas = [one for one in stage.mobjects if hasattr(one, "typst_source")]
        assert len(formulas) == 2
        check_boxes([*shown(stage), *formulas])


def test_arrhenius_points_stand_where_the_times_are(arrhenius) -> None:
    stage = built(manim_arrhenius.parts(arrhenius)[0][1])
    early, late = stage.picture(0), stage.picture(10)
    for panel in stage.panels:
        for hollow, one in enumerate(panel.members):
            assert np.isfinite(one.paths).all()
            ring = [0.75 * manim_arrhenius.RADIUS * hollow, 0.0]
            for k, place in enumerate(panel.plot.at(one.inverse, one.paths) + ring):
                assert np.abs(pixel(late, place) - BLUE).max() <= 40
                assert k == 0 or np.abs(pixel(early, place) - BLUE).max() > 40
    words = {one.text for one in shown(stage)}
    first, second = arrhenius.series[2:]
    assert f"S/η = 7:  τ flat / τ sharp = {second.tau[-1] / first.tau[-1]:.3g}" in words


def test_nothing_is_compiled_for_a_frame(stage, data, monkeypatch) -> None:
    """Counters and clocks change with letters that are already there."""

    def refuse(*args, **options):
        raise AssertionError("Typst was called for a frame")

    before = stage.picture(5)
    monkeypatch.setattr(manim_words, "Typst", refuse)
    assert not np.array_equal(before, stage.picture(9))
    assert np.array_equal(before, stage.picture(5))  # a picture depends on its number alone


def test_letters_have_their_font_s_measures() -> None:
    """DejaVu Sans: capitals 1493/2048 high, digits 1303/2048 wide."""
    capital, digits = Words("H", size=1.0), Words("0123456789", (2.0, 1.0), size=1.0, align="right")
    assert capital.height == pytest.approx(1493 / 2048, abs=2e-3)
    assert manim_words.text_width("01234", 2.0) == pytest.approx(10 * 1303 / 2048, abs=2e-3)
    assert digits.get_right()[0] == pytest.approx(2.0, abs=0.1)
    assert digits.get_left()[0] == pytest.approx(2.0 - 10 * 1303 / 2048, abs=0.1)
    assert digits.get_bottom()[1] == pytest.approx(1.0, abs=0.03)
    assert Words("H", size=1.0, turned=True).width == pytest.approx(capital.height)


def test_plots_map_and_cut() -> None:
    plot = Plot((0, 10), (0.01, 1), (-1, -2, 3, 2), log=True)
    assert plot.at([0, 5, 10], [0.01, 0.1, 1]) == pytest.approx(np.array([[-1, -2], [1, 0], [3, 2]]))
    numbers = [one.text for one in plot.axes(y_ticks=[0.001, 0.1], sides="y") if isinstance(one, Words)]
    assert numbers == ["0.1"]  # a tick that the box does not reach is left out
    assert np.isnan(plot.inside([5, 11, 5], [2.0, 0.1, 0.1])).all(axis=1).tolist() == [True, True, False]
    pieces = dashed(np.array([[0.0, 0.0], [1.0, 0.0]]), on=0.3, off=0.2)
    assert np.nansum(np.diff(pieces[:, 0])) == pytest.approx(0.6) and np.isnan(pieces).any(axis=1).sum() == 2
    lifted = Outline("#000000").line([[0, 0], [1, 0], [np.nan, 0], [2, 0], [3, 0]])
    assert len(lifted.points) == 8


@pytest.mark.parametrize(("format_", "count"), [("gif", 12), ("mp4", 20)])
def test_a_formula_becomes_a_film_of_its_length(tmp_path, format_, count) -> None:
    """0.96 s at 12.5 and 1 s at 20 pictures a second; the pictures are those of the file beside it."""
    av = pytest.importorskip("av")
    well = landscapes.Landscape.from_expression("x**4/4 - x**2/2 + x/20", variables="x")
    problem = fpsim.EscapeProblem(fpsim.SDE(well, fpsim.ConstantDiffusion(0.1)), -1.0, 0.95)
    order, path = Order("kramers", format=format_), tmp_path / f"film.{format_}"
    path, stored = animate(order, problem, path, seconds=count / order.rate, particles=30, paths=100)
    data = KramersData.load(stored)
    assert data.seconds == pytest.approx(count / order.rate) and data.frames == count
    with av.open(str(path)) as film:
        images = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        length = float(film.duration) / av.time_base
    assert length == pytest.approx(data.seconds, abs=0.011) and images[0].shape == (480, 854, 3)
    assert len(images) == count or format_ == "gif"  # a gif holds equal pictures once, for longer
    assert float(np.abs(images[-1].astype(int) - images[len(images) // 2]).mean()) > 0.1
    last = next(iter(pictures(manim_kramers.parts(data), only=[count - 1])))
    assert np.abs(last.astype(int) - images[-1]).mean() < 4


def test_a_problem_s_card_names_its_noise_and_its_loss() -> None:
    """Short words and the formula where the noise has one, its description where not."""
    well = landscapes.Landscape.from_expression("x**4/4 - x**2/2", variables="x")

    def card(noise) -> tuple[list[str], str]:
        film = KramersFilm.of(fpsim.EscapeProblem(fpsim.SDE(well, noise), -1.0, 1.0))
        shot = film.acts[0][0]
        return [shot.label, shot.noise], shot.law

    hessian = {"learning_rate": 0.1, "batch_size": 2, "floor": 0.5}
    words, law = card(fpsim.HessianDiffusion(at="everywhere", **hessian))
    assert words[0] == "L(x) = x⁴/4 − x²/2" and words[1].startswith("Hessian noise: D = eta/(2S)")
    assert law == "D(x) = eta / (2 S) (abs(L''(x)) + 0.5), quad eta / (2 S) = 0.025"
    assert "sqrt(L''(x)^2 + 0.5^2)" in card(fpsim.HessianDiffusion(at="everywhere", floor_shape="smooth", **hessian))[1]
    assert card(fpsim.ConstantDiffusion(0.1)) == (["L(x) = x⁴/4 − x²/2", "White noise: D = 0.1 (constant)"], "D = 0.1")
    words, law = card(fpsim.HessianDiffusion(at="minimum", minimum=-1.0, **hessian))
    assert not law and words[1].startswith("D = eta/(2S)")
