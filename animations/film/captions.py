"""The numbers on screen as strings, read from the data; both renderers show these."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from animations.kramers.data import KramersData, ShotData


def taus(shot: ShotData) -> list[tuple[str, str]]:
    """(route, words) for each mean escape time on screen, from top to bottom.

    Quadrature is not among them: the grid stands for both exact routes, which agree to more digits than are shown.
    """
    words = {name: f"{mean:.4g}" for name, mean in zip(shot.routes, shot.route_mean, strict=True)}
    rows = [("grid", f"τ grid {words['grid']}")]
    if "paths" in words:
        rows.append(("paths", f"τ paths {with_error(*shot.tau('paths'))}"))
    for name in words:
        if name not in ("quadrature", "grid", "paths"):
            rows.append(("formula", f"τ formula {words[name]}{' (doubtful)' if shot.failed else ''}"))
    return rows


def with_error(mean: float, error: float) -> str:
    """``mean ± error``, the error with two digits and the mean as far as the error lets it be known."""
    if not error > 0:
        return f"{mean:.4g}"
    digits = 1 - math.floor(math.log10(error))
    return f"{_rounded(mean, digits)} ± {_rounded(error, digits)}"


def _rounded(value: float, digits: int) -> str:
    return f"{round(value, digits):.{max(digits, 0)}f}"


def clock(shot: ShotData, moment: int) -> str:
    """The time since the start."""
    return f"t = {shot.time[moment]:.1f}"


def escaped(shot: ShotData, moment: int) -> str:
    """How many particles have been in the target."""
    return f"escaped {shot.particles - shot.survivors[moment]} / {shot.particles}"


def current(shot: ShotData, moment: int) -> str:
    """The probability current at the barrier, where it is more than a thousandth of its largest value."""
    here = float(shot.current[moment])
    return f"current J = {number(here, 2)}" if here > 1e-3 * float(abs(shot.current).max()) else "current J ≈ 0"


def ratios(data: KramersData, act: int) -> str:
    """Ratio of the two mean times of each act so far; empty for acts of one shot."""
    found = [
        f"{shots[0].noise.split(':')[0]} {data.ratio(i):.3g}"
        for i, shots in enumerate(data.acts[: act + 1])
        if len(shots) == 2
    ]
    if not found:
        return ""
    above, below = (shot.label.split()[0] for shot in data.acts[act])
    return f"τ {below} / τ {above}:  " + ",  ".join(found)


def shorter(words: str, most: int) -> str:
    """At most ``most`` characters of ``words``."""
    return words if len(words) <= most else words[: most - 1] + "…"


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float, digits: int = 4) -> str:
    """A number with ``digits`` digits, a real minus, and a power of ten instead of an e."""
    text = f"{value:.{digits}g}"
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
