"""An SDE in other units of length along each axis, u_i = x_i / s_i:

    du = b(s u) / s dt + sqrt(2 D(s u) / (s s^T)) dB.

Actions, times and all else that has no direction stay the same, and what compares lengths along different axes, such as
a search for ways, does it in units of the noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.field import DiffusionField
from fpsim.sde.sde import SDE
from landscapes.field import in_words
from landscapes.landscape import DriftField

Array = NDArray[np.float64]
ALIKE = 30.0
"""Largest ratio of the units of two axes that count as one."""


def own_units(sde: SDE, x: Array) -> Array | None:
    """Units (d,) in which the diagonal of D at ``x`` (d,) is the same along all axes; ``None`` where it nearly is.

    An axis without noise there keeps its unit.
    """
    with np.errstate(all="ignore"):
        lengths = np.sqrt(np.einsum("iin->in", sde.diffusion(x[:, None]))[:, 0])
    noisy = np.isfinite(lengths) & (lengths > 0)
    if not noisy.any() or lengths[noisy].max() <= ALIKE * lengths[noisy].min():
        return None
    return np.where(noisy, lengths / np.exp(np.mean(np.log(lengths[noisy]))), 1.0)


@contextmanager
def told(units: Array) -> Iterator[None]:
    """Whoever works in these units and refuses names places in them, and says so."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{error} (in coordinates that are divided by {in_words(units)})") from error


def in_units(sde: SDE, units: Array) -> SDE:
    """The same SDE in coordinates x_i / units_i, as plain functions."""
    d, place, noise = sde.dimension, sde.landscape, sde.noise
    pairs = units[:, None] * units[None, :]

    def at(u: Array) -> Array:
        return units.reshape(d, *[1] * (u.ndim - 1)) * u

    def drift(u: Array) -> Array:
        return np.asarray(place.drift(at(u)) / at(np.ones_like(u)))

    def jacobian(u: Array) -> Array:
        return np.asarray(place.jacobian(at(u)) * (pairs / units[:, None] ** 2).reshape(d, d, *[1] * (u.ndim - 1)))

    def tensor(u: Array) -> Array:
        return np.asarray(sde.diffusion(at(u)) / pairs.reshape(d, d, *[1] * (u.ndim - 1)))

    box = None if place.bounds is None else np.array(place.bounds) / units[:, None]
    field = DriftField(drift, jacobian, d, box, place.name)
    if noise.is_constant:
        return SDE(field, ConstantDiffusion(tensor(np.zeros((d, 1)))[..., 0]), sde.convention)
    return SDE(field, DiffusionField(tensor, d, "full"), sde.convention)
