"""The scenes surface, gate, noise-shape and network: pictures differ over time, words stay apart and are the data's."""

from __future__ import annotations

import numpy as np
import pytest

from animations.film.captions import with_error
from animations.gate.film import GateFilm
from animations.network.film import NetworkFilm
from animations.noise_shape.film import NoiseShapeFilm
from animations.surface.film import SurfaceFilm

pytest.importorskip("manim")
pytestmark = pytest.mark.animation

BLUE, ORANGE = np.array([0x00, 0x72, 0xB2]), np.array([0xE6, 0x9F, 0x00])


@pytest.fixture(scope="module")
def films():
    with pytest.MonkeyPatch.context() as patch:  # the films' own cells are for their numbers, and those are elsewhere
        patch.setattr("animations.surface.data.CELLS", 40)
        patch.setattr("animations.gate.data.CELLS", 2000)
        return made()


def made():
    return {
        "surface": SurfaceFilm.standard(particles=30, frames=10, seed=1).compute(),
        "gate": GateFilm.standard(particles=60, frames=20, seed=1).compute(),
        "noise-shape": NoiseShapeFilm.standard(frames=13).compute(),
        "network": NetworkFilm.standard(frames=9).compute(),
    }


def drawn(name: str, data):
    """(stage, its frames) for each part of the scene."""
    from importlib import import_module

    from animations.stage.stage import built

    parts = import_module(f"animations.{name.replace('-', '_')}.manim").parts(data)
    assert sum(count for count, _ in parts) == data.frames
    return [(built(make), count) for count, make in parts]


def words_of(stage) -> list:
    from animations.stage.words import Words

    every = [one for top in stage.mobjects for one in top.get_family()]
    return [one for one in every if isinstance(one, Words) and one.text]


@pytest.fixture(scope="module", params=["surface", "gate", "noise-shape", "network"])
def scene(request, films):
    data = films[request.param]
    return request.param, data, drawn(request.param, data)


def test_pictures_have_the_stated_size_and_differ_over_time(scene) -> None:
    _, _, parts = scene
    for stage, count in parts:
        first, middle, last = (stage.picture(n) for n in (0, count // 2, count - 1))
        assert first.shape == (480, 854, 3) and first.dtype == np.uint8
        assert (first != middle).any(axis=2).mean() > 1e-3
        assert (middle != last).any(axis=2).mean() > 1e-3


def test_no_words_are_cut_or_overlap(scene) -> None:
    """Every line of text and formula lies inside the frame and clear of all others, in early and late frames."""
    _, _, parts = scene
    for stage, count in parts:
        for frame in (0, count // 2, count - 1):
            stage.picture(frame)
            boxes = []
            for one in [*words_of(stage), *(m for m in stage.mobjects if hasattr(m, "typst_source"))]:
                low, high = one.get_corner([-1, -1, 0])[:2], one.get_corner([1, 1, 0])[:2]
                boxes.append((low, high, getattr(one, "text", "") or getattr(one, "typst_source", "")))
            for low, high, text in boxes:
                assert np.all(np.abs([*low / [7.11, 4.0], *high / [7.11, 4.0]]) <= 1), text
            clashes = [
                (a[2], b[2]) for i, a in enumerate(boxes) for b in boxes[:i]
                if np.all(a[0] < b[1] - 0.01) and np.all(b[0] < a[1] - 0.01)
            ]  # fmt: skip
            assert not clashes


def test_surface_shows_its_numbers_and_its_particles(films) -> None:
    """Counters are the data's, and each visible particle covers its projected place with its colour."""
    data = films["surface"]
    ((stage, _),) = drawn("surface", data)
    frame = 7
    image = stage.picture(frame)
    texts = [one.text for one in words_of(stage)]
    assert f"{(data.exit_times <= data.time[frame]).sum()} of 30 crossed" in texts
    assert f"t = {data.time[frame]:.1f}" in texts and f"{data.tau:.4g} (grid)" in texts
    assert any(text.startswith(f"grid: {30 * (1 - data.survival[frame]):.1f} ±") for text in texts)
    assert "saddle, L = 0.25" in texts and "most probable path" in texts
    seen = 0
    for been, colour in ((False, BLUE), (True, ORANGE)):
        for across, up in stage._places(frame, been, False):
            pixel = image[round(240 - up * 60), round(427 + across * 60)].astype(int)
            seen += 1
            near = min(np.abs(pixel - c).max() for c in ((colour, ORANGE) if not been else (colour,)))
            assert near <= 12
    assert seen > 15


def test_gate_shows_its_numbers(films) -> None:
    data = films["gate"]
    (floors, first), (chain, second) = drawn("gate", data)
    floors.picture(first - 1)
    texts = [one.text for one in words_of(floors)]
    for lane in data.lanes:
        assert f"ε = {lane.floor:g}" in texts and f"τ = {lane.tau:.4g}" in texts
        assert f"{60 - lane.survivors[-1]} of 60 out" in texts
        assert any(text.startswith(f"grid: {60 * (1 - lane.survival[-1]):.1f} ± ") for text in texts)
    assert any(f"{data.delta:.4g}" in getattr(m, "typst_source", "") for m in floors.mobjects)
    assert f"last slope −{data.measured:.4g}" in texts
    chain.picture(second // 2)
    texts = [one.text for one in words_of(chain)]
    at = int(data.chain.iteration[second // 2])
    assert f"iteration {at}" in texts and f"{(data.chain.exits <= at).sum()} of 60 out" in texts
    assert f"exact {data.chain.iterations:.4g}" in texts and "SGD, ε = 0" in texts
    assert f"τ = η × {data.chain.iterations:.4g} = {data.chain.tau:.4g}" in texts
    assert data.chain.tau == pytest.approx(data.learning_rate * data.chain.iterations)


def test_particles_beyond_the_gate_s_window_stand_at_its_edge(films) -> None:
    """Each as a triangle in its colour that points to it, and in the second act as a number."""
    data = films["gate"]
    lane, (first, frames), (second, count) = data.lanes[0], *drawn("gate", data)
    low, high = data.window[:2]
    outside = ((lane.positions < low) | (lane.positions > high)).sum(axis=1)
    frame = int(outside[:frames].argmax())
    assert outside[frame] > 0
    image, edges = first.picture(frame), []
    arrows = [one for one in first.mobjects if len(one.points) and len(one.points) % 12 == 0 and one.width < 12]
    for been, colour in ((False, BLUE), (True, ORANGE)):
        x = lane.positions[frame, (lane.exit_times <= data.time[frame]) == been]
        beyond = np.sign((x > high).astype(int) - (x < low))
        triangles = [a for a in arrows if len(a.points) == 12 * np.count_nonzero(beyond)]
        for side in beyond[beyond != 0]:
            edge = {1.0: 1.35, -1.0: -6.2}[float(side)] - 0.06 * side  # the panel's sides, a triangle within them
            column = round(427 + 60 * edge)
            rows = image[:, column - 1 : column + 2].astype(int)
            edges.append(bool((np.abs(rows - colour).max(axis=2) <= 12).any()) and bool(triangles))
    assert len(edges) == outside[frame] and all(edges)
    moments = [n for n in range(count) if (data.chain.positions[data.chain.iteration[n]] > high).any()]
    second.picture(moments[0])
    beyond = int((data.chain.positions[data.chain.iteration[moments[0]]] > high).sum())
    told = [int(one.text.split()[0]) for one in words_of(second) if one.text.endswith(" ▶")]
    assert sum(told) == beyond


def test_noise_shape_shows_measured_sizes_only(films) -> None:
    """Each frame shows the numbers of one measured batch size; two opacities of a fade add up to one."""
    data = films["noise-shape"]
    ((stage, count),) = drawn("noise-shape", data)
    sizes = []
    for frame in range(count):
        stage.picture(frame)
        k = stage.shown(frame)
        texts = [one.text for one in words_of(stage)]
        assert f"batch size S = {data.batch_size[k]}" in texts
        for index in ("batches", "parameters"):
            value, error = (getattr(data, f"index_{index}{end}")[k] for end in ("", "_error"))
            assert f"tail index {with_error(value, error)}" in texts
        assert stage._share(frame, True) + stage._share(frame, False) == pytest.approx(1)
        sizes.append(int(data.batch_size[k]))
    assert sizes == sorted(sizes) and sorted(set(sizes)) == [16, 32, 64, 128, 256, 512]
    assert f"unlike variances alone: {data.index_formula[0]:.4g}" in [one.text for one in words_of(stage)]


def test_network_shows_its_numbers_and_its_replicas(films) -> None:
    """Each replica covers its place in the plane with its colour; the staircase ends where the survivors are."""
    data, frame = films["network"], 7
    ((stage, _),) = drawn("network", data)
    image, texts = stage.picture(frame).astype(int), [one.text for one in words_of(stage)]
    assert f"{data.replicas - data.survivors[frame]} of {data.replicas} out" in texts
    assert f"these replicas: {with_error(*(v / 1000 for v in data.counted))}" in texts
    assert f"theory, nothing fitted: {data.predicted / 1000:.3g}" in texts

    def near(plot, x, y, colour) -> bool:
        """Whether the colour stands there, or within two pixels of it."""
        across, up = plot.at(x, y)[0]
        row, column = round(240 - up * 60), round(427 + across * 60)
        return bool((np.abs(image[row - 2 : row + 3, column - 2 : column + 3] - colour).max(axis=2) <= 12).any())

    for out, colour in ((False, BLUE), (True, ORANGE)):
        places = data.positions[frame, data.out[frame] == out]
        shown = [near(stage.plane, u, v, colour) for u, v in places if data.v[0] < v < data.v[-1]]
        assert len(shown) > 5 and np.mean(shown) > 0.8  # some lie under others, or under a, b and a'
    assert near(stage.inside, data.time[frame] / 1000, data.survivors[frame - 1] / data.replicas, BLUE)


def test_same_data_same_pictures(films) -> None:
    from animations.gate.manim import parts
    from animations.stage.stage import pictures

    one, two = (next(pictures(parts(films["gate"]), only=[15])) for _ in range(2))
    assert np.array_equal(one, two)
