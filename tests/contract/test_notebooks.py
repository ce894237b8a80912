"""What a notebook shows: well-formed HTML with what `print` says, failed assumptions in red, and a picture."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest

import fpsim
import landscapes
from landscapes.notebook import GREEN, RED

WELL = landscapes.DoubleWell()
SDE = fpsim.SDE(WELL, fpsim.ConstantDiffusion(0.1))
PROBLEM = fpsim.EscapeProblem(SDE, start=-1.0, target=1.0)
VOID = {"img", "br"}


class Reader(HTMLParser):
    """Text, images and the balance of tags."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text, self.images = "", 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.images += tag == "img" and dict(attrs)["src"].startswith("data:image/png;base64,iVBOR")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(shown: Any) -> Reader:
    reader = Reader()
    reader.feed(shown._repr_html_())
    assert not reader.open
    return reader


@pytest.mark.parametrize("shown", [SDE, PROBLEM], ids=["sde", "problem"])
def test_reprs_are_short(shown: Any) -> None:
    assert repr(shown) == f"<{type(shown).__name__}: {shown}>"


@pytest.fixture(scope="module")
def comparison() -> fpsim.Comparison:
    return PROBLEM.compare(budget=10, paths=300, seed=1)


@pytest.mark.parametrize("shown", [WELL, SDE, PROBLEM], ids=["landscape", "sde", "problem"])
def test_a_description_has_its_words_and_the_landscape(shown: Any) -> None:
    found = read(shown)
    assert str(shown).splitlines()[0] in found.text and found.images == 1


def test_every_line_of_a_result_is_shown() -> None:
    time = PROBLEM.by_formula("kramers")
    found = read(time)
    for line in str(time).splitlines():
        assert line.strip() in found.text
    assert found.images == 1  # the law of its mean


def test_failed_assumptions_are_red_and_others_green() -> None:
    code = PROBLEM.by_formula("kramers")._repr_html_()
    lines = code.split("<div style=")
    red = [line for line in lines if RED in line]
    assert red and all("FAIL" in line for line in red)
    assert sum("FAIL" in line for line in lines) == len(red)
    assert any(GREEN in line and ">  ok" in line for line in lines)


def test_a_comparison_is_a_table(comparison: fpsim.Comparison) -> None:
    found, code = read(comparison), comparison._repr_html_()
    assert code.count("<tr>") == 1 + len(comparison.routes) and found.images == 1
    for row in comparison.rows():
        assert row["method"] in found.text
        for statement in row["failed_assumptions"]:
            assert statement in found.text
    assert "66.2686" in found.text


def test_points_and_paths() -> None:
    points = WELL.critical_points()
    assert "3 points" in read(points).text
    assert read(fpsim.simulate(SDE, -1.0, duration=1.0, step=0.01, paths=20, seed=1)).images == 1


def test_a_figure_of_its_own_is_shown_without_pyplot() -> None:
    assert WELL.plot()._repr_png_().startswith(b"\x89PNG")


def test_names_are_text_and_no_markup() -> None:
    place = landscapes.Landscape(lambda x: x[0] ** 2, name="<script>alert(1)</script>", bounds=(-1, 1))
    assert "<script" not in place._repr_html_() and "<script>" in read(place).text


def test_many_dimensions_have_words_only() -> None:
    found = read(landscapes.StyblinskiTang(dimension=4))
    assert found.images == 0 and "StyblinskiTang" in found.text
