"""Mirrors of images, and what they do to the parameters of a network.

If with each example its mirror image is in the data, with the same label, and the network obeys f(Px, Mz) = f(x, z) for
the mirror M of images z and an involution P of its parameters x, then L(Px) = L(x), but for single examples only

    l_j(Px) = l_k(x),      k the twin of j:

gradient noise does not vanish on the mirror-symmetric parameters x = Px.  (A permutation of channels is a symmetry of
every example by itself: across the parameters that it leaves alone there is no noise at all.)

P reverses convolution kernels, and the columns of a linear layer that sees the pixels; f(Px, Mz) = f(x, z) is tried.
This module needs torch (extra ``network``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from landscapes.evaluation import Array
from landscapes.networks.images import Dataset
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.torch_calls import numbers
from landscapes.networks.torch_extra import nn, torch

Numbers = NDArray[np.int64]
MirrorName = Literal["up-down", "left-right", "transpose"]
MIRRORS: dict[str, Callable[[Any], Any]] = {
    "up-down": lambda z: z[..., ::-1, :],
    "left-right": lambda z: z[..., ::-1],
    "transpose": lambda z: np.swapaxes(z, -1, -2),
}
SAME = 1e-12
"""How nearly f(Px, Mz) = f(x, z) has to hold, relative to the largest output."""


def mirrored(images: NDArray[Any], mirror: MirrorName) -> NDArray[Any]:
    """Mirror images of ``images`` (..., height, width).

    Raises:
        ValueError: for an unknown mirror, or the transpose of images that are not square.
    """
    if mirror not in MIRRORS:
        raise ValueError(f"mirror is one of {', '.join(map(repr, get_args(MirrorName)))}; got {mirror!r}")
    if mirror == "transpose" and images.shape[-1] != images.shape[-2]:
        raise ValueError(f"only square images have a transpose of their own shape; got {images.shape}")
    return np.ascontiguousarray(MIRRORS[mirror](images))


def closed(data: Dataset, mirror: MirrorName) -> Dataset:
    """The data with the mirror image of every example behind them."""
    images, labels = np.concatenate([data.images, mirrored(data.images, mirror)]), np.tile(data.labels, 2)
    return replace(data, images=images, labels=labels, name=f"{data.name}, with {mirror} mirror images")


@dataclass(frozen=True, eq=False)
class Mirror:
    """The involution P of a landscape's parameters.

    Attributes:
        name: which mirror of images.
        index: (d,) with (P x)_i = x_index[i].
        twins: (m,) number of each example's mirror image.
    """

    name: MirrorName
    index: Numbers
    twins: Numbers

    def __call__(self, x: Array) -> Array:
        """P x for x (d, ...)."""
        return np.asarray(x)[self.index]

    def symmetric(self) -> Array:
        """Orthonormal basis (d, k) of the parameters with P x = x."""
        return self._basis(1.0)

    def antisymmetric(self) -> Array:
        """Orthonormal basis (d, d - k) of the parameters with P x = -x."""
        return self._basis(-1.0)

    def _basis(self, sign: float) -> Array:
        here = np.arange(len(self.index))
        pairs, alone = here[here < self.index], here[here == self.index] if sign > 0 else here[:0]
        basis = np.zeros((len(here), len(pairs) + len(alone)))
        columns = np.arange(len(pairs))
        basis[pairs, columns], basis[self.index[pairs], columns] = np.sqrt(0.5), sign * np.sqrt(0.5)
        basis[alone, len(pairs) + np.arange(len(alone))] = 1.0
        return basis


def mirror_of(landscape: NeuralLandscape, name: MirrorName) -> Mirror:
    """The mirror of a landscape whose data are closed under it.

    Raises:
        ValueError: if an example's mirror image with its label is not among the data, or the network does not commute
            with the mirror.
    """
    images = np.asarray(landscape.inputs.detach().cpu().numpy())
    if images.ndim < 3:
        raise ValueError(f"a mirror needs images (m, ..., height, width); the inputs have shape {images.shape}")
    found = Mirror(name, _index(landscape, name, images.shape[1:]), _twins(landscape, images, name))
    _require_commuting(landscape, found, images)
    return found


def _index(landscape: NeuralLandscape, name: MirrorName, shape: tuple[int, ...]) -> Numbers:
    """(d,) places of the mirrored parameters."""
    modules, parts, begin = dict(landscape.network.named_modules()), [], 0
    pixels, flat = int(np.prod(shape)), True  # whether the next linear layer sees the pixels themselves
    for key, size in landscape.shapes.items():
        places = np.arange(begin, begin + size.numel()).reshape(tuple(size))
        module = modules[key.rpartition(".")[0]]
        if isinstance(module, nn.Conv2d) and key.endswith("weight"):
            places, flat = mirrored(places, name), False
        elif isinstance(module, nn.Linear) and key.endswith("weight"):
            if flat and size[1] == pixels:
                places = mirrored(places.reshape(-1, *shape), name)
            flat = False
        parts.append(places.reshape(-1))
        begin += size.numel()
    return np.concatenate(parts)


def _twins(landscape: NeuralLandscape, images: Array, name: MirrorName) -> Numbers:
    labels = landscape.labels.detach().cpu().numpy()

    def key(image: Array, label: Any) -> bytes:
        return bytes(np.ascontiguousarray(image + 0.0).tobytes() + np.asarray(label).tobytes())

    places: dict[bytes, list[int]] = {}
    for j, one in enumerate(map(key, images, labels)):
        places.setdefault(one, []).append(j)
    reflected = [key(image, label) for image, label in zip(mirrored(images, name), labels, strict=True)]
    alone = [j for j, one in enumerate(reflected) if one not in places]
    if alone:
        raise ValueError(
            f"{len(alone)} of {len(images)} examples have no {name} mirror image with their label among the data, the "
            f"first is number {alone[0]}; close the data by landscapes.mirror.involution.closed"
        )
    taken: dict[bytes, int] = {}
    found = np.empty(len(images), dtype=np.int64)
    for j, one in enumerate(reflected):
        found[j] = places[one][taken.get(one, 0)]
        taken[one] = taken.get(one, 0) + 1
    return found


def _require_commuting(landscape: NeuralLandscape, found: Mirror, images: Array) -> None:
    x = np.random.default_rng(0).standard_normal(landscape.dimension) / 2
    one = landscape.inputs[:8]
    other = torch.as_tensor(mirrored(images[:8], found.name), dtype=one.dtype, device=one.device)
    with torch.no_grad():
        here = numbers(landscape._call(landscape._tensor(x), one))
        there = numbers(landscape._call(landscape._tensor(found(x)), other))
    gap = float(np.abs(here - there).max())
    if gap > SAME * (1 + float(np.abs(here).max())):
        raise ValueError(
            f"the network does not commute with the {found.name} mirror: its outputs differ by {gap:.2g} (strides that "
            "do not fit the image, or a layer that is neither a convolution nor the first linear one)"
        )
