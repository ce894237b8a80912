"""A perceptron on images closed under two mirrors, up-down and left-right: four equal minima, and passes between them.

    P, Q the involutions of the parameters,   L(Px) = L(Qx) = L(x),   minima a, Pa, Qa, PQa

Half of the images have an edge, across or upright; a hidden unit that looks for a bright top is as good as one for a
bright bottom.  From a one pass leads to Pa, over a saddle on x = Px, and one to Qa, over a saddle on x = Qx; they are
not equally high.

    python -m landscapes.mirror.crossroads FILE.npz         how they were found (extra ``network``)
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.mirror.branch import valley, with_decay
from landscapes.mirror.involution import Mirror, MirrorName, closed, mirror_of
from landscapes.mirror.place import Place
from landscapes.networks.architectures import perceptron
from landscapes.networks.images import Dataset
from landscapes.networks.landscape import NeuralLandscape

FILE = "crossroads.npz"
MIRRORS: tuple[MirrorName, MirrorName] = ("up-down", "left-right")
SIDE, HIDDEN, PER_CLASS = 4, 2, 8
EDGES, NOISE, SEED = (1.54, 1.35), 0.39, 38
"""Norms of the two edges, deviation of each pixel, and the seed of the noise."""
DECAY, FIRST, STEP = 0.035, 0.015, 0.0025


def edges() -> Dataset:
    """16 images of 4 x 4 pixels, noise alone or with an edge across or upright."""
    images = np.random.default_rng(SEED).normal(0, NOISE, (2 * PER_CLASS, SIDE, SIDE))
    half = np.where(np.arange(SIDE) < SIDE // 2, 1.0, -1.0) / SIDE
    images[PER_CLASS : PER_CLASS + PER_CLASS // 2] += EDGES[0] * half[:, None]
    images[PER_CLASS + PER_CLASS // 2 :] += EDGES[1] * half[None, :]
    return Dataset(images, np.repeat([0, 1], PER_CLASS), "edges", 2)


def landscape_of(images: Dataset) -> NeuralLandscape:
    """The perceptron on the images and all their mirror images."""
    data = closed(closed(images, MIRRORS[0]), MIRRORS[1])
    network = perceptron([SIDE * SIDE, HIDDEN, 1])
    name = f"perceptron with {HIDDEN} hidden units on edges and their mirror images"
    return NeuralLandscape(network, data.images, data.labels, weight_decay=DECAY, name=name, buffers="frozen")


@lru_cache(maxsize=1)
def crossroads() -> tuple[Place, Place]:
    """Two passes out of one minimum of a perceptron in all of its 37 parameters, one over each mirror's saddle.

    ``.certified()`` computes anew what each claims.
    """
    with as_file(files("landscapes") / "data" / FILE) as path, np.load(path, allow_pickle=False) as content:
        kept = dict(content)
    landscape = landscape_of(Dataset(kept["images"], np.repeat([0, 1], PER_CLASS), "edges", 2))
    mirrors = [mirror_of(landscape, name) for name in MIRRORS]
    first, second = (
        Place(landscape, kept["minimum"], saddle, mirror(kept["minimum"]), direction, mirror, {"network": "perceptron"})
        for mirror, saddle, direction in zip(mirrors, kept["saddles"], kept["directions"], strict=True)
    )
    return first, second


def archive() -> dict[str, Any]:
    """What is kept, array by array."""
    from landscapes.mirror.recipe import start

    images = edges()
    landscape = landscape_of(images)
    minimum = 2 * start(landscape, 0)
    for decay in np.arange(FIRST, DECAY + STEP / 2, STEP):
        minimum = valley(with_decay(landscape, float(decay)), minimum)
    ways = [_way(landscape, mirror_of(landscape, name), minimum) for name in MIRRORS]
    saddles, directions = (np.stack(parts) for parts in zip(*ways, strict=True))
    return {"images": images.images, "minimum": minimum, "saddles": saddles, "directions": directions}


def _way(landscape: NeuralLandscape, mirror: Mirror, minimum: Array) -> tuple[Array, Array]:
    """The saddle (d,) on the mirror's own parameters between a minimum and its image, and the way out over it."""
    twin, across = mirror(minimum), mirror.antisymmetric()
    saddle = valley(landscape, (minimum + twin) / 2, mirror.symmetric())
    e = across @ np.linalg.eigh(across.T @ landscape.hessian(saddle) @ across)[1][:, 0]
    return saddle, e * np.sign(e @ (twin - minimum))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m landscapes.mirror.crossroads FILE.npz")
    np.savez_compressed(sys.argv[1], **archive())
