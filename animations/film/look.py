"""How a film looks, whatever it shows: title, colours, language and size.

Scenes are written in English and in the light colours; a language translates the one, a scheme the other.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from animations.film.encoding import Picture
from animations.film.languages import LANGUAGES
from fpsim.plotting.style import BLACK, BLUE, GREEN, INK, ORANGE, PURPLE, SHADE, VERMILLION

AMBER, PLUM, REMARK, PAPER, LINE = "#8F6200", "#9C4673", "#595959", "#FFFFFF", "#C4C4C4"
"""Orange and purple for words, remarks, the ground, and faint lines."""
COLOURS = {
    "paper": PAPER, "ink": INK, "remark": REMARK, "black": BLACK, "shade": SHADE, "line": LINE, "blue": BLUE,
    "orange": ORANGE, "amber": AMBER, "green": GREEN, "red": VERMILLION, "purple": PURPLE, "plum": PLUM,
}  # fmt: skip
"""The colours that scenes are written in, by the names under which they can be changed."""
SCHEMES: dict[str, dict[str, str]] = {
    "light": {},
    "dark": {
        "paper": "#14181D", "ink": "#E8E8E8", "remark": "#AEB6BE", "black": "#FFFFFF", "shade": "#8A9199",
        "line": "#525A62", "blue": "#5CB8F0", "orange": "#F2B134", "amber": "#F2C35E", "green": "#33CC9E",
        "red": "#FF8A50", "purple": "#E6A1C8", "plum": "#E08DBB",
    },
}  # fmt: skip
READABLE = 3.0
"""Least contrast of words with the paper (WCAG 2.2, large letters)."""
LONGEST = 100
"""Letters of a title."""
SMALLEST, LARGEST = 160, 4320
"""Height and width of a picture in pixels, at least; height at most, and twice that for the width."""
WIDE = 16 / 9
NUMBER = r"\d+(?:\.\d+)?(?:e[+-]?\d+)?"


@dataclass(frozen=True)
class Look:
    """Title, colours, language and size of a film.

    Args:
        title: instead of the film's own; before the name of each act where acts have names.
        colours: ``"light"`` or ``"dark"``, or with changes, ``"dark, blue=#66CCFF"``; a mapping of changes works too.
        language: of the words, ``"en"`` or ``"de"``.
        size: (width, height) in pixels, or ``"1920x1080"``; films are 16:9, other sizes get margins.

    Raises:
        ValueError: for what is not known, cannot be read on its paper or cannot be drawn.
    """

    title: str = ""
    colours: str | Mapping[str, str] = "light"
    language: str = "en"
    size: tuple[int, int] | str = (854, 480)
    palette: Mapping[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known("language", self.language, LANGUAGES)
        object.__setattr__(self, "title", _title(self.title))
        object.__setattr__(self, "palette", _palette(self.colours))
        object.__setattr__(self, "size", _size(self.size))

    # --- words --------------------------------------------------------------------------------------------------------

    def say(self, words: str, **values: Any) -> str:
        """English ``words`` in the film's language, with ``values`` in their places."""
        return LANGUAGES[self.language].get(words, words).format(**values)

    def told(self, words: str) -> str:
        """Words of the data: between colons and commas what the language knows, the rest as it is."""
        return "".join(self._piece(piece) for piece in re.split(r"([:,;] +| \(|\))", words))

    def _piece(self, words: str) -> str:
        """A piece of the data's words; numbers in it stand as # in the table."""
        table, numbers = LANGUAGES[self.language], iter(re.findall(NUMBER, words))
        known = table.get(words) or table.get(re.sub(NUMBER, "#", words))
        return re.sub("#", lambda _: next(numbers), known) if known else words

    def heading(self, words: str) -> str:
        """The title of a film that calls itself ``words`` in English."""
        return self.title or self.say(words)

    # --- colours ------------------------------------------------------------------------------------------------------

    @cached_property
    def _translated(self) -> dict[str, str]:
        return {light: self.palette[name] for name, light in COLOURS.items()}

    def colour(self, light: str) -> str:
        """The scheme's colour for one of the light ones; any other as it is."""
        return self._translated.get(light.upper(), light)

    def toned(self, brightness: Any) -> Any:
        """Shades between paper and ink for the ``brightness`` (0 to 1) of something lit, shape (..., 3)."""
        paper, ink = (np.array(channels(self.palette[name])) for name in ("paper", "ink"))
        lit = np.asarray(brightness)[..., None]
        dark = paper.mean() < ink.mean()
        return paper + (ink - paper) * ((0.1 + 0.7 * (lit - 0.4)) if dark else 1.175 * (1 - lit))

    # --- size ---------------------------------------------------------------------------------------------------------

    @property
    def height(self) -> int:
        """Of the 16:9 picture within the size."""
        width, height = (int(pixels) for pixels in self.size)
        return min(height, math.ceil(width / WIDE))

    def framed(self, picture: Picture) -> Picture:
        """The picture in the middle of one of the whole size."""
        columns, rows = (int(pixels) for pixels in self.size)
        height, width, _ = picture.shape
        if (height, width) == (rows, columns):
            return picture
        cut = picture[max(0, height - rows) // 2 :, max(0, width - columns) // 2 :][:rows, :columns]
        whole = np.empty((rows, columns, 3), dtype=np.uint8)
        whole[:] = np.rint(255 * np.array(channels(self.palette["paper"])))
        top, left = (rows - cut.shape[0]) // 2, (columns - cut.shape[1]) // 2
        whole[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
        return whole


def channels(colour: str) -> tuple[float, float, float]:
    """Red, green and blue of ``#RRGGBB``, each from 0 to 1."""
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light = []
    for colour in (one, other):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
        light.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05)
    return max(light) / min(light)


def known(what: str, given: str, names: Iterable[str]) -> None:
    """Raise ``ValueError`` unless ``given`` is one of ``names``; the nearest one is named."""
    names = list(names)
    if given not in names:
        near = difflib.get_close_matches(str(given), names, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"there is no {what} '{given}'{hint} Known are: {', '.join(names)}.")


def _palette(given: str | Mapping[str, str]) -> dict[str, str]:
    """Every colour by its name."""
    scheme: str = "light"
    changes: Mapping[str, str] = {}
    if not isinstance(given, str):
        changes = given
    else:
        words = [word.strip() for word in given.split(",")]
        names = [word for word in words if "=" not in word]
        if len(names) > 1:
            raise ValueError(f"one scheme and changes like blue=#66CCFF are wanted; got the schemes {', '.join(names)}")
        scheme = names[0] if names else "light"
        changes = {a.strip(): b.strip() for a, _, b in (word.partition("=") for word in words if "=" in word)}
    known("colour scheme", scheme, SCHEMES)
    for name, colour in changes.items():
        known("colour", name, COLOURS)
        if not re.fullmatch(r"#[0-9A-Fa-f]{6}", str(colour)):
            raise ValueError(f"the colour {name} is wanted as #RRGGBB, such as #66CCFF; got '{colour}'")
    found = {**COLOURS, **SCHEMES[scheme], **changes}
    for name in ("ink", "remark", "black", "amber", "plum"):
        if contrast(found[name], found["paper"]) < READABLE:
            raise ValueError(
                f"words of the colour {name} ({found[name]}) cannot be read on the paper {found['paper']}: their "
                f"contrast is {contrast(found[name], found['paper']):.1f}, and {READABLE:g} is the least; change one"
            )
    return found


def _title(given: str) -> str:
    """One line that the films' font can write."""
    text = " ".join(str(given).split())
    if len(text) > LONGEST:
        raise ValueError(f"a title has at most {LONGEST} letters, so that it can be read; this one has {len(text)}")
    if text:
        from matplotlib.font_manager import FontProperties, findfont
        from matplotlib.ft2font import FT2Font

        letters = FT2Font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()
        absent = "".join(dict.fromkeys(one for one in text if ord(one) not in letters))
        if absent:
            raise ValueError(f"the films' font, DejaVu Sans, cannot write these letters of the title: {absent}")
    return text


def _size(given: Any) -> tuple[int, int]:
    """Width and height in pixels."""
    words = given.lower().split("x") if isinstance(given, str) else given
    try:
        width, height = (int(str(one)) for one in words)
    except (TypeError, ValueError):
        raise ValueError(f"a size is WIDTHxHEIGHT in pixels, such as 1920x1080; got '{given}'") from None
    if not (SMALLEST <= width <= 2 * LARGEST and SMALLEST <= height <= LARGEST):
        raise ValueError(
            f"a picture is {SMALLEST} to {2 * LARGEST} pixels wide and {SMALLEST} to {LARGEST} high; got "
            f"{width}x{height}"
        )
    return width, height


PLAIN = Look()
