"""What the film ``network`` says on screen, read from its data; both renderers show these."""

from __future__ import annotations

from animations.film.captions import Say, number, with_error
from animations.network.data import NetworkData

TITLE = "A network leaves a valley, in all of its parameters"
ACROSS, UP, INSIDE, TIME = "u, along the way out", "v, across", "still inside", "thousands of iterations"
KEYS = ("never out", "has been out", "least-action path", "the barrier's height")
NAMES = ("a", "b", "a′")
"""Minimum, saddle and twin."""


def subtitle(say: Say, data: NetworkData) -> str:
    """What moves, and how."""
    return say(
        "{network}, all {parameters} parameters projected; SGD, {size} of {examples} images a step, η = {rate}",
        network=data.network, parameters=data.parameters, size=data.batch_size, examples=data.examples,
        rate=f"{data.learning_rate:g}",
    )  # fmt: skip


def moment(say: Say, data: NetworkData, frame: int) -> str:
    """The time since the start."""
    return say("{count} iterations", count=f"{round(data.time[frame]):,}".replace(",", " "))


def left(say: Say, data: NetworkData, frame: int) -> str:
    """How many replicas have been out."""
    return say("{out} of {all} out", out=data.replicas - int(data.survivors[frame]), all=data.replicas)


def taus(say: Say, data: NetworkData) -> list[tuple[str, str]]:
    """(whose, words) for each mean time, from top to bottom."""
    shown, found = with_error(data.counted[0] / 1000, data.counted[1] / 1000), data.measured / 1000
    others = with_error(found, data.measured_error / 1000)
    return [
        ("heading", say("mean, in thousands of iterations")),
        ("replicas", say("these replicas: {number}", number=shown)),
        ("others", say("{count} other exits: {number}", count=data.measured_exits, number=others)),
        ("theory", say("theory, nothing fitted: {number}", number=number(data.predicted / 1000, 3))),
    ]
