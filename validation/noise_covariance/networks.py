"""The networks whose gradient noise is held against the Hessian, before, during and after training.

    teacher     a perceptron at the very parameters that drew its labels: the model is right there
    MLP         a perceptron on 4 x 4 digits, all of its Hessian
    ResNet      the norm-free ResNet-8 of `landscapes.networks.recipe` on 8 x 8 digits, 30 % of the labels wrong

This module needs torch (extra ``network``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscapes.networks.architectures import perceptron
from landscapes.networks.eigenpairs import top_eigenpairs
from landscapes.networks.fisher import model_fisher
from landscapes.networks.images import digits
from landscapes.networks.landscape import NeuralLandscape
from landscapes.networks.recipe import Recipe
from landscapes.networks.training import adam, polish
from validation.noise_covariance.directions import Directions, along

Array = NDArray[np.float64]
STAGES = ("initialisation", "during", "minimum")
PENALTY = 1e-3
"""Weight decay of the MLP: without one its loss falls for ever."""


@dataclass(frozen=True)
class Training:
    """How far a network is trained.

    Attributes:
        examples, width: size of the training set and of the network.
        early, steps: Adam steps to the stages "during" and, before the descent, "minimum".
        polish, newton: L-BFGS and Newton steps down to the minimum.
        directions: top eigenvectors of the Hessian that are measured; None takes all.
    """

    examples: int
    width: int
    early: int
    steps: int
    polish: int
    newton: int
    directions: int | None = None


def teacher(examples: int, seed: int) -> tuple[NeuralLandscape, Array]:
    """A perceptron 6-5-3 on normal inputs with labels from its own softmax, and the parameters that drew them."""
    network = perceptron([6, 5, 3], "tanh", seed=seed)
    draws = np.random.default_rng([seed, 3])
    inputs = draws.standard_normal((examples, 6))
    blank = NeuralLandscape(network, inputs, np.zeros(examples, dtype=np.int64))
    x = 2 * blank.initial + 0.3 * draws.standard_normal(blank.dimension)
    losses = [
        NeuralLandscape(network, inputs, np.full(examples, label)).example_losses(x) for label in range(3)
    ]  # -ln p(label)
    edges = np.cumsum(np.exp(-np.stack(losses)), axis=0)
    labels = np.minimum(np.sum(draws.random(examples) > edges, axis=0), 2)
    return NeuralLandscape(network, inputs, labels, name="teacher"), x


def teacher_directions(examples: int, seed: int, shift: float = 0.0) -> Directions:
    """The teacher's noise along the eigenvectors of its expected Hessian, which is its Fisher information.

    Directions that change nothing (adding one number to all outputs) are left out. With ``shift`` the parameters are
    moved by that length in a random direction, where the labels no longer follow the model.
    """
    landscape, truth = teacher(examples, seed)
    away = np.random.default_rng([seed, 4]).standard_normal(landscape.dimension)
    x = truth + shift * away / np.linalg.norm(away)
    values, vectors = np.linalg.eigh(model_fisher(landscape, x))
    return along(landscape, x, vectors[:, values > 1e-10 * values[-1]][:, ::-1])


def mlp(training: Training, seed: int) -> NeuralLandscape:
    """A perceptron with 16 inputs, one layer of tanh and 10 classes, on digits of 4 x 4 pixels."""
    data = digits().pooled(2).subset(training.examples, seed).standardized()
    network = perceptron([16, training.width, 10], "tanh", seed=seed)
    return NeuralLandscape(network, data.images, data.labels, weight_decay=PENALTY, chunk=2000, name="MLP on digits")


def resnet(training: Training, seed: int) -> NeuralLandscape:
    """The ResNet-8 of `landscapes.networks.recipe`, norm-free and smooth, with 30 % wrong labels."""
    return _recipe(training, seed).landscape()


def trained_mlp(training: Training, seed: int) -> dict[str, Array]:
    """Parameters (d,) at each stage."""
    landscape = mlp(training, seed)
    early, late = (adam(landscape, landscape.initial, n, 0.01, 64, seed) for n in (training.early, training.steps))
    bottom = polish(landscape, late, training.polish, training.newton)
    return dict(zip(STAGES, (landscape.initial, early, bottom), strict=True))


def trained_resnet(training: Training, seed: int) -> dict[str, Array]:
    """Parameters (d,) at each stage; Adam and the first descent run in single precision."""
    recipe = _recipe(training, seed)
    fast, exact = recipe.landscape("float32"), recipe.landscape()
    early, late = (adam(fast, fast.initial, n, 0.01, 64, seed) for n in (training.early, training.steps))
    bottom = polish(fast, late, training.polish, newton=0)
    bottom = polish(exact, bottom, training.polish // 2, training.newton)
    return dict(zip(STAGES, (exact.initial, early, bottom), strict=True))


def network_directions(landscape: NeuralLandscape, x: Array, training: Training, seed: int) -> Directions:
    """Noise along the Hessian's eigenvectors at x (d,): all of them, or the top ones."""
    if training.directions is None:
        vectors = np.linalg.eigh(np.asarray(landscape.hessian(x)))[1][:, ::-1]
    else:
        vectors = top_eigenpairs(landscape.hessian_operator(x), training.directions, seed=seed)[1]
    return along(landscape, x, vectors)


def _recipe(training: Training, seed: int) -> Recipe:
    return Recipe(examples=training.examples, width=training.width, data_seed=1 + seed, network_seed=seed)
