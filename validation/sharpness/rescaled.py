"""A ReLU perceptron after one layer was multiplied and the next divided by a: the same function, other curvatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from validation.sharpness.spectra import landscape
from validation.study.findings import Row

if TYPE_CHECKING:
    from validation.sharpness.size import Size

Array = NDArray[np.float64]
LAYERS = ("1", "3")
"""The two linear layers of a perceptron with one hidden layer, by the names that torch gives them."""
WALK_RATE, WALK_BATCH = 0.05, 32


def rescaled(size: Size, x: Array, factor: float, seed: int) -> Row:
    """All measures of the network after rescaling, the exact laws of change, and a walk with matching rates."""
    from fpsim.networks.one_thread import one_thread
    from landscapes.networks.reparametrization import rescaling, sharpness

    with one_thread():
        land = landscape(size, "relu", seed)
        d = rescaling(land, x, *LAYERS, factor)
        hessian = np.asarray(land.hessian(x)) - land.weight_decay * np.eye(land.dimension)
        moved = hessian / np.outer(d, d)
        after = sharpness(land, d * x)
        plain = _walk(land, x, np.ones(land.dimension), size.walk, seed)
        matched = _walk(land, d * x, d**2, size.walk, seed)
        same_rate = _walk(land, d * x, np.ones(land.dimension), size.walk, seed)
        losses, other = land.example_losses(x), land.example_losses(d * x)
    loss = land.weight_decay / 2 * float((d * x) @ (d * x) - x @ x)
    return {
        "a": float(factor), "change of losses": float(np.abs(other - loss - losses).max() / losses.max()),
        "trace": after.trace, "trace by law": float(np.trace(moved)),
        "top": after.top, "top by law": float(np.linalg.eigvalsh(moved)[-1]), **after.invariant,
        "matching rates: distance after the walk": _gap(matched / d, plain, x),
        "one rate: distance after the walk": _gap(same_rate / d, plain, x),
    }  # fmt: skip


def _walk(land: Any, x: Array, rates: Array, steps: int, seed: int) -> Array:
    """SGD on the loss without penalty, which the rescaling would change, with one learning rate per coordinate.

    A walk that leaves the finite numbers is stopped where it was last finite.
    """
    draws, m = np.random.default_rng([seed, 6]), land.number_of_examples
    x = x.copy()
    for _ in range(steps):
        weights = np.bincount(draws.integers(0, m, WALK_BATCH), minlength=m) / WALK_BATCH
        following = x - WALK_RATE * rates * (land.weighted_gradient(x, weights) - land.weight_decay * x)
        if not np.isfinite(following).all():
            break
        x = following
    return x


def _gap(first: Array, second: Array, start: Array) -> float:
    """Distance of two ends in units of the way that the second has come."""
    return float(np.linalg.norm(first - second) / np.linalg.norm(second - start))
