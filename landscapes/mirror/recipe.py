"""How the places that ship with the package were found.

    python -m landscapes.mirror.recipe FILE.npz         (extra ``network`` with scikit-learn; some minutes)

Half of the examples are digits of scikit-learn, the other half their mirror images.  From symmetrised random weights a
symmetric minimum is followed out from the first decay of a family; at each decay where it is a saddle of index 1, the
minima below it are found, and everything is certified.  What is kept are images and parameters: that they are minima
and saddles is computed anew whenever it is asked for.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.mirror.branch import follow, with_decay
from landscapes.mirror.involution import Mirror, MirrorName, closed, mirror_of
from landscapes.mirror.place import Place, place_at
from landscapes.networks.architectures import small_resnet
from landscapes.networks.images import Dataset, digits
from landscapes.networks.landscape import NeuralLandscape


@dataclass(frozen=True)
class Family:
    """Places of one network on one set of data.

    Attributes:
        width: channels of the residual network.
        decays: in the order in which they are followed.
        classes: two digits.
        data_seed, seed: which images, and the initial weights.
        per_class: images of each digit, as many as mirror images.
        mirror: under which the data are closed.
    """

    width: int
    decays: tuple[float, ...]
    classes: tuple[int, int] = (3, 8)
    data_seed: int = 0
    seed: int = 0
    per_class: int = 32
    mirror: MirrorName = "up-down"

    def images(self) -> Dataset:
        """The originals, grey values 0 to 1."""
        whole, draws = digits(), np.random.default_rng(self.data_seed)
        numbers = [draws.permutation(np.flatnonzero(whole.labels == c))[: self.per_class] for c in self.classes]
        labels = np.repeat([0, 1], self.per_class)
        name = f"digits {self.classes[0]} and {self.classes[1]}"
        return Dataset(whole.images[np.concatenate(numbers)], labels, name, 2)

    def places(self) -> list[Place]:
        """Everything that certifies, in the order of the decays; what does not is left out."""
        landscape, mirror = self.landscape(self.images(), self.decays[0])
        branch = follow(landscape, mirror, start(landscape, self.seed), self.decays)
        found = []
        for decay, saddle in branch.items():
            try:
                place = place_at(with_decay(landscape, decay), mirror, saddle, {"family": asdict(self)})
                found.append(place.certified())
            except ValueError as error:
                print(f"width {self.width}, weight decay {decay:g}: {error}", file=sys.stderr)
        return found

    def landscape(self, originals: Dataset, decay: float) -> tuple[NeuralLandscape, Mirror]:
        """The network on standardised originals and their mirror images, and its mirror."""
        data, network = closed(originals.standardized(), self.mirror), small_resnet(self.width)
        name = f"ResNet of width {self.width} ({{d}} parameters) on {data.name}"
        d = sum(p.numel() for p in network.parameters())
        found = NeuralLandscape(
            network, data.images, data.labels, weight_decay=decay, name=name.format(d=d), buffers="frozen"
        )
        return found, mirror_of(found, self.mirror)


def start(landscape: NeuralLandscape, seed: int) -> Array:
    """Random weights of variance 1/inputs, biases 0."""
    draws, parts = np.random.default_rng(seed), []
    for key, shape in landscape.shapes.items():
        inputs = int(np.prod(shape[1:]))
        weights = key.endswith("weight")
        parts.append(draws.standard_normal(shape.numel()) / np.sqrt(inputs) if weights else np.zeros(shape.numel()))
    return np.concatenate(parts)


FAMILIES = {
    "resnet-39": Family(1, (0.05, 0.055, 0.045, 0.04, 0.03, 0.02)),
    "resnet-39-of-4-and-9": Family(1, (0.055, 0.05, 0.045, 0.04), classes=(4, 9)),
    "resnet-39-of-2-and-9": Family(1, (0.06, 0.055, 0.05, 0.045), classes=(2, 9)),
    "resnet-39-other-images": Family(1, (0.055, 0.05), data_seed=4),
    "resnet-113": Family(2, (0.06, 0.055, 0.05), seed=2),
    "resnet-369": Family(4, (0.06, 0.0625, 0.065, 0.0675, 0.07, 0.0725)),  # index 3 up to 0.07
}


def archive(families: dict[str, Family] = FAMILIES) -> dict[str, Any]:
    """What is kept, array by array."""
    kept: dict[str, Any] = {}
    for name, family in families.items():
        originals = family.images()
        kept[f"{name}/images"] = np.rint(originals.images * 16).astype(np.uint8)
        for place in family.places():
            print(place, flush=True)
            kept[f"{name}/{place.decay:g}"] = np.stack([place.minimum, place.saddle, place.direction])
    return kept


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m landscapes.mirror.recipe FILE.npz")
    from landscapes.networks.torch_extra import torch

    torch.set_num_threads(1)
    np.savez_compressed(sys.argv[1], **archive())
