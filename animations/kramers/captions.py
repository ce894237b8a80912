"""What the film ``kramers`` says on screen, read from its data; both renderers show these."""

from __future__ import annotations

from animations.film.captions import Say, clock, number, with_error
from animations.film.look import Look
from animations.kramers.data import KramersData, ShotData


def taus(say: Say, shot: ShotData) -> list[tuple[str, str]]:
    """(route, words) for each mean escape time on screen, from top to bottom.

    Quadrature is not among them: the grid stands for both exact routes, which agree to more digits than are shown.
    """
    if shot.scheduled:
        return _left(say, shot)
    words = {name: f"{mean:.4g}" for name, mean in zip(shot.routes, shot.route_mean, strict=True)}
    rows = [("grid", say("τ grid {time}", time=words["grid"]))]
    if "paths" in words:
        rows.append(("paths", say("τ paths {time}", time=with_error(*shot.tau("paths")))))
    for name in words:
        if name not in ("quadrature", "grid", "paths"):
            known = "τ formula {time} (doubtful)" if shot.failed else "τ formula {time}"
            rows.append(("formula", say(known, time=words[name])))
    return rows


def _left(say: Say, shot: ShotData) -> list[tuple[str, str]]:
    """The same under a schedule, where there is no mean time: the share that is left at the end."""
    guess = "quasi-static {share} (doubtful)" if shot.failed else "quasi-static {share}"
    rows = (
        ("grid", "grid {share}", shot.survival[-1]),
        ("paths", "paths {share}", shot.survivors[-1] / shot.particles),
        ("formula", guess, shot.formula_survival[-1]),
    )
    told = [(route, say(words, share=f"{100 * float(share):.3g} %")) for route, words, share in rows]
    return [("", say("left at the end:")), *told]


def moment(say: Say, shot: ShotData, at: int) -> str:
    """The clock: time, or iterations."""
    now = float(shot.time[at])
    return f"{say('iteration')} {now:.0f}" if shot.units == "iterations" else clock(now)


def axis(say: Say, shot: ShotData) -> str:
    """What the clock counts."""
    return say("iteration" if shot.units == "iterations" else "time (learning rate × iterations)")


def strength(shot: ShotData, at: int) -> str:
    """The noise's strength now, where a schedule moves it."""
    scale = {"eta/S": "η/S"}.get(shot.scale, shot.scale)
    return f"{scale} = {number(float(shot.strength[at]), 3)}" if shot.scheduled else ""


def escaped(say: Say, shot: ShotData, moment: int) -> str:
    """How many particles have been in the target."""
    return say("escaped {out} / {all}", out=shot.particles - shot.survivors[moment], all=shot.particles)


def current(say: Say, shot: ShotData, moment: int) -> str:
    """The probability current at the barrier, where it is more than a thousandth of its largest value."""
    here = float(shot.current[moment])
    if here > 1e-3 * float(abs(shot.current).max()):
        return say("current J = {number}", number=number(here, 2))
    return say("current J ≈ 0")


def ratios(look: Look, data: KramersData, act: int) -> str:
    """Ratio of the two mean times of each act so far; empty for acts of one shot."""
    found = [
        f"{look.told(shots[0].noise.split(':')[0])} {data.ratio(i):.3g}"
        for i, shots in enumerate(data.acts[: act + 1])
        if len(shots) == 2
    ]
    if not found:
        return ""
    above, below = (look.say(shot.label.split()[0]) for shot in data.acts[act])
    return f"τ {below} / τ {above}:  " + ",  ".join(found)
