"""Training for slices: a minimum a, a branch to another minimum b, and the losses of all examples between them.

    theta(x) = theta_a + x (theta_b - theta_a)/|theta_b - theta_a|

All of it runs on one thread, so that the same seed gives the same numbers; other libraries and processors may round
differently, which training amplifies.  This module needs torch (extra ``network``) when its functions are called.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.networks.one_thread import one_thread
from landscapes.networks.recipe import Recipe
from validation.study.findings import Row, Rows

if TYPE_CHECKING:
    import xarray

    from landscapes.networks.landscape import NeuralLandscape
    from validation.study.pieces import Pieces

Array = NDArray[np.float64]


def trained(recipe: Recipe) -> xarray.Dataset:
    """The first minimum of a recipe."""
    from fpsim.storage import dataset

    with one_thread():
        return dataset({"parameters": ("parameter", recipe.first_minimum(), "", "the minimum a")})


def branched(recipe: Recipe, a: Array) -> xarray.Dataset:
    """The second minimum and the table of losses on the line through both."""
    from fpsim.storage import dataset

    with one_thread():
        b = recipe.second_minimum(a)
        landscape = recipe.landscape()
        length = float(np.linalg.norm(b - a))
        x = np.linspace(-recipe.margin * length, (1 + recipe.margin) * length, recipe.nodes)
        losses = np.stack([landscape.example_losses(a + t / length * (b - a)) for t in x], axis=-1)
    entries: dict[str, Any] = {
        "parameters": ("parameter", b, "", "the minimum b"),
        "loss": (("example", "node"), losses, "", "loss of one example"),
    }
    return dataset(entries, {"x": ("node", x, "", "length along the line")}, distance=length)


def network_ends(
    name: str, recipe: Recipe, first: xarray.Dataset, cut: xarray.Dataset, pieces: Pieces, spectrum: bool
) -> Rows:
    """Loss, accuracy, gradient and the ends of the Hessian's spectrum at a and b, over all parameters."""
    return pieces.rows(
        f"{name}-ends",
        lambda: [
            {"slice": name, **_about(recipe, place, data["parameters"].values, spectrum)}
            for place, data in (("a", first), ("b", cut))
        ],
        recipe=asdict(recipe),
        spectrum=spectrum,
        distance=cut.attrs["distance"],
    )


def _about(recipe: Recipe, place: str, x: Array, spectrum: bool) -> Row:
    with one_thread():
        exact, fast = recipe.landscape(), recipe.landscape("float32")
        low, high = spectrum_ends(fast, x) if spectrum else (math.nan, math.nan)
        return {
            "place": place, "parameters": exact.dimension, "examples": exact.number_of_examples,
            "loss": float(exact.loss(x)), "accuracy": exact.accuracy(x),
            "|gradient|": float(np.linalg.norm(exact.gradient(x))),
            "lowest eigenvalue": low, "highest eigenvalue": high,
        }  # fmt: skip


WHOLE = 1000
"""Up to so many parameters the Hessian is made whole: Lanczos needs more products for its lowest eigenvalue."""


def spectrum_ends(landscape: NeuralLandscape, x: Array, seed: int = 0) -> tuple[float, float]:
    """The lowest and the highest eigenvalue of the Hessian, beyond `WHOLE` parameters to about 1 %.

    There one Lanczos run for both ends, with a long basis: the lowest one is a thousandth of the highest, and a short
    basis needs many restarts to see it (ARPACK; Lehoucq, Sorensen, Yang 1998).
    """
    if len(x) <= WHOLE:
        values = np.linalg.eigvalsh(landscape.hessian(x))
    else:
        from scipy.sparse.linalg import eigsh

        first = np.random.default_rng(seed).standard_normal(len(x))
        values = eigsh(
            landscape.hessian_operator(x), k=2, which="BE", ncv=120, tol=1e-2, v0=first, return_eigenvectors=False
        )
    return float(min(values)), float(max(values))
