"""The Fisher information of a network as a model of labels, exactly: the mean over every label it might have drawn,

    F(x) = (1/m) sum_j sum_y p_j(y) grad l_j(y) grad l_j(y)^T,      p_j(y) = exp(-l_j(y)),

l_j(y) the cross entropy of example j with the label y.  It is not the mean (1/m) sum_j g_j g_j^T over the labels of the
data ("empirical Fisher"; Kunstner, Balles, Hennig, NeurIPS 2019): the two agree where the model is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape


def model_fisher(landscape: NeuralLandscape, x: ArrayLike) -> Array:
    """F at x (d,) as a matrix (d, d), of the cross entropy without its penalty.

    Raises:
        ValueError: if the loss is not cross entropy, or the gradients of single examples would be too large.
    """
    total = np.zeros((landscape.dimension, landscape.dimension))
    for labelled in every_label(landscape):
        g = labelled.example_gradients(x) * np.exp(-0.5 * labelled.example_losses(x))[:, None]
        total += g.T @ g
    return total / landscape.number_of_examples


def model_fisher_form(landscape: NeuralLandscape, x: ArrayLike, v: ArrayLike) -> float:
    """v . F v at x (d,) for v (d,), for networks of any size.

    Raises:
        ValueError: if the loss is not cross entropy.
    """
    parts = (np.exp(-one.example_losses(x)) @ one.slopes(x, v) ** 2 for one in every_label(landscape))
    return float(sum(parts) / landscape.number_of_examples)


def every_label(landscape: NeuralLandscape) -> Iterator[NeuralLandscape]:
    """The landscapes without penalty in which all examples have the label 0, then 1, and so on.

    Raises:
        ValueError: if the loss is not cross entropy.
    """
    from landscapes.networks.landscape import NeuralLandscape
    from landscapes.networks.losses import logits

    if landscape.kind != "cross-entropy":
        raise ValueError("the labels of a squared loss are not drawn from classes; its Fisher information is J^T J / m")
    precision: Literal["float64", "float32"] = "float32" if "32" in str(landscape.inputs.dtype) else "float64"
    inputs = landscape.inputs.detach().cpu().numpy()
    classes = logits(landscape.network(landscape.inputs[:1])).shape[1]
    for label in range(classes):
        labels = np.full(landscape.number_of_examples, label)
        yield NeuralLandscape(
            landscape.network, inputs, labels, dtype=precision, device=str(landscape.inputs.device),
            chunk=landscape.chunk, buffers="frozen",
        )  # fmt: skip
