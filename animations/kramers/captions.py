"""What the film ``kramers`` says on screen, read from its data; both renderers show these."""

from __future__ import annotations

from animations.film.captions import number, with_error
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
