"""The numbers on screen as strings, read from the data; both renderers show these."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

Say = Callable[..., str]
"""Says English words in the film's language."""


def with_error(mean: float, error: float) -> str:
    """``mean ± error``, the error with two digits and the mean as far as the error lets it be known."""
    if not error > 0:
        return f"{mean:.4g}"
    digits = 1 - math.floor(math.log10(error))
    return f"{_rounded(mean, digits)} ± {_rounded(error, digits)}"


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits):.{max(digits, 0)}f}"


def expected(say: Say, chance: float, particles: int) -> str:
    """How many particles the grid expects to be out, with the binomial standard deviation."""
    out = 1 - min(float(chance), 1.0)
    spread = math.sqrt(particles * out * (1 - out))
    return say("grid: {number}", number=f"{particles * out:.1f} ± {spread:.1f}")


def clock(time: float) -> str:
    """The time since the start."""
    return f"t = {time:.1f}" if 0.01 <= time < 1e5 or time == 0 else f"t = {number(time, 3)}"


def pace(say: Say, time: Any, moment: int, rate: float) -> str:
    """How much time passes in a second of the film, which shows ``rate`` of the times (frames,) a second."""
    near = time[max(moment - 1, 0) : moment + 2]
    speed = float(near[-1] - near[0]) / max(len(near) - 1, 1) * rate
    plain = 0.001 <= speed < 1e5
    return say("{time} per second", time=f"{float(f'{speed:.2g}'):g}" if plain else number(speed, 2))


def shorter(words: str, most: int) -> str:
    """At most ``most`` characters of ``words``."""
    return words if len(words) <= most else words[: most - 1] + "…"


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """A number with ``digits`` digits, a real minus, and a power of ten instead of an e."""
    text = f"{value:.0f}" if float(value).is_integer() and abs(value) < 1e6 else f"{value:.{digits}g}"
    if "e" in text:
        mantissa, power = text.split("e")
        power = str(int(power)).translate(RAISED)
        text = f"10{power}" if mantissa == "1" else f"{mantissa}×10{power}"
    return text.replace("-", "−")


def power_of_ten(value: float) -> str:
    """A power of ten as axes show it; other numbers as :func:`number` does."""
    power = math.log10(value)
    return f"10{str(round(power)).translate(RAISED)}" if abs(power - round(power)) < 1e-9 else number(value)


def typeset(formula: str) -> str:
    """The text of a formula with raised powers and real signs: x**2 - 3*x as x² − 3·x."""
    raised = re.sub(r"\*\*(\d+)", lambda power: power[1].translate(RAISED), formula)
    return raised.replace("*", "·").replace("-", "−") if "**" not in raised else formula
