"""Certified places that ship with the package: no training and no scikit-learn is needed to stand there."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from landscapes.mirror.place import Place

FILE = "mirror_places.npz"


@lru_cache(maxsize=1)
def _archive() -> dict[str, Any]:
    with as_file(files("landscapes") / "data" / FILE) as path, np.load(path, allow_pickle=False) as content:
        return dict(content)


def mirror_places() -> dict[str, tuple[float, ...]]:
    """The weight decays of the places that ship, ascending, by the name of the network."""
    found: dict[str, list[float]] = {}
    for key in _archive():
        name, _, what = key.partition("/")
        if what != "images":
            found.setdefault(name, []).append(float(what))
    return {name: tuple(sorted(decays)) for name, decays in found.items()}


@lru_cache(maxsize=32)
def mirror_resnet(decay: float = 0.04, network: str = "resnet-39") -> Place:
    """Load a residual network between two minima that mirror each other, in all of its parameters.

    Its data are 64 digits of 8 x 8 pixels and their mirror images; :mod:`landscapes.mirror.recipe` says how it was
    found, and ``.certified()`` computes anew what it claims.

    Args:
        decay: the weight decay; the barrier grows from zero where it falls below the pitchfork.
        network: its name; the number is that of its parameters.

    Raises:
        ValueError: for a place that does not ship.
        ImportError: without torch.
    """
    from landscapes.mirror.place import Place
    from landscapes.mirror.recipe import FAMILIES
    from landscapes.networks.images import Dataset

    key = f"{network}/{decay:g}"
    if key not in _archive():
        known = "; ".join(f"{name}: {', '.join(map('{:g}'.format, v))}" for name, v in mirror_places().items())
        raise ValueError(f"there is no place '{network}' at the weight decay {decay!r}; what ships is {known}")
    family, images = FAMILIES[network], _archive()[f"{network}/images"] / 16
    name = f"digits {family.classes[0]} and {family.classes[1]}"
    originals = Dataset(images, np.repeat([0, 1], family.per_class), name, 2)
    landscape, mirror = family.landscape(originals, decay)
    minimum, saddle, direction = _archive()[key]
    facts = {"network": network, "mirror": family.mirror}
    return Place(landscape, minimum, saddle, mirror(minimum), direction, mirror, facts)
