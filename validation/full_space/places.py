"""Where the study stands: the shipped places, the two sides of a lopsided one, and what certifies them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from landscapes.mirror.place import Place
from landscapes.mirror.shipped import mirror_resnet
from validation.study.findings import Rows

TWINS, FIRST, SECOND = "twins", "lopsided, first valley", "lopsided, second valley"
LEFT_OUT = 6
"""Mirror images that a lopsided place does without, the last ones of the data."""


@lru_cache(maxsize=8)
def place_of(network: str, decay: float, side: str = TWINS) -> Place:
    """A place that ships; or, without some mirror images, its two valleys, each as the one that is left."""
    place = mirror_resnet(decay, network)
    if side == TWINS:
        return place
    found = lopsided(place)
    return found if side == FIRST else found.reversed()


def lopsided(place: Place) -> Place:
    """The place without the last `LEFT_OUT` mirror images: one valley is sharper than the other."""
    from landscapes.mirror.place import leaning
    from landscapes.networks.landscape import NeuralLandscape

    whole = place.landscape
    fewer = NeuralLandscape(
        whole.network, whole.inputs[:-LEFT_OUT], whole.labels[:-LEFT_OUT], weight_decay=place.decay,
        name=f"{whole.name} but {LEFT_OUT}", buffers="frozen",
    )  # fmt: skip
    return leaning(place, fewer)


def place_rows(network: str, decay: float, pitchfork: bool, side: str = TWINS) -> Rows:
    """What certifies a place, computed anew."""
    from fpsim.networks.one_thread import one_thread

    with one_thread():
        place = place_of(network, decay, side).certified()
        onset = _pitchfork(place) if pitchfork else np.nan
        a, b, e = place.spectrum("minimum"), place.spectrum("saddle"), place.direction
        landscape, h = place.landscape, place.landscape.hessian(place.minimum)
        across = place.minimum - place.saddle - float(place.along(place.minimum)) * e
        gradients = {x: landscape.slopes(getattr(place, x), e) for x in ("minimum", "saddle")}
    row = {
        "network": network, "decay": decay, "side": side, "parameters": landscape.dimension,
        "examples": landscape.number_of_examples, "accuracy": landscape.accuracy(place.minimum),
        "barrier": place.barrier, "lowest curvature of b": float(b.curvatures[0]),
        "next curvature of b": float(b.curvatures[1]), "lowest curvature of a": float(a.curvatures[0]),
        "curvature along e at a": float(e @ h @ e), "largest curvature of a": float(a.curvatures[-1]),
        "u of a": float(place.along(place.minimum)), "distance of a across e": float(np.linalg.norm(across)),
        "C along e at b": float(gradients["saddle"].var()), "C along e at a": float(gradients["minimum"].var()),
        "gradient norm at a": a.gradient_norm, "gradient norm at b": b.gradient_norm, "pitchfork": float(onset),
    }  # fmt: skip
    return [row]


def _pitchfork(place: Place) -> float:
    from landscapes.mirror.branch import pitchfork

    assert place.mirror is not None
    return pitchfork(place.landscape, place.mirror, place.saddle, place.decay, step=2.5e-3, precision=1e-7).decay


def noise_across(network: str, decay: float) -> Rows:
    """Spread of the examples' slopes across a mirror saddle, and across what a swap of channels leaves alone."""
    from landscapes.mirror.permutation import swap_of
    from landscapes.networks.architectures import small_resnet
    from landscapes.networks.landscape import NeuralLandscape

    place = place_of(network, decay)
    mirror = place.landscape.slopes(place.saddle, place.direction)
    wide = NeuralLandscape(
        small_resnet(2), place.landscape.inputs, place.landscape.labels, weight_decay=decay, buffers="frozen"
    )
    swap, draws = swap_of(wide), np.random.default_rng(0)
    x, v = draws.standard_normal((2, wide.dimension))
    kept, across = (x + swap(x)) / 4, v - swap(v)
    slopes = wide.slopes(kept, across / np.linalg.norm(across))
    return [
        {"symmetry": "mirror of the data", "spread across": float(mirror.std()), "mean": float(mirror.mean())},
        {"symmetry": "swap of two channels", "spread across": float(slopes.std()), "mean": float(slopes.mean())},
    ]
