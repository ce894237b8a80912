"""The second-order modified equation of SGD,

    dX = -grad(L + (eta/4) |grad L|^2) dt + sqrt(2 D) dB,       D = eta C / 2     (Ito)

(Li, Tai and E, "Stochastic modified equations and adaptive stochastic gradient algorithms", ICML 2017, Theorem 1 (ii)).
Its expectations differ from those of the discrete chain by O(eta^2) at fixed time; without the correction by O(eta).
For a drift b that is no gradient the corrected drift is b - (eta/2) (Jacobian of b) b.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise import Diffusion
from fpsim.numbers import positive

Array = NDArray[np.float64]


def check_correction(noise: Diffusion[Any], convention: str, correction: float) -> None:
    """Raise ``ValueError`` where the modified equation is not defined."""
    positive(correction, "correction, a learning rate,")
    if convention != "ito":
        raise ValueError(f"the modified equation of SGD is an Ito equation; got convention='{convention}'")
    rate = correction if noise.minibatch is None else noise.minibatch.learning_rate
    if rate != correction:
        raise ValueError(f"correction must be the learning rate of the noise, {rate:g}; got {correction:g}")
    if noise.leaps:
        raise ValueError(f"the modified equation of SGD is for noise with a covariance, which {noise} has not")
    if noise.jumps:
        raise ValueError("the modified equation needs a continuous D, and that of at='path' jumps; use at='everywhere'")


def modified(landscape: Any, learning_rate: float) -> Any:
    """L + (eta/4) |grad L|^2 as a landscape (or b - (eta/2) J b as a drift field), with the same box.

    Formulas stay formulas; plain functions give plain functions.
    """
    if landscape.symbolic is not None:
        return _formulas(landscape, learning_rate)
    from landscapes.landscape import DriftField, Landscape

    quarter, name = learning_rate / 4, f"{landscape.name}, modified for learning rate {learning_rate:g}"

    def drift(x: Array) -> Array:
        b = landscape.drift(x)
        return np.asarray(b - 2 * quarter * np.einsum("ij...,j...->i...", landscape.jacobian(x), b))

    def loss(x: Array) -> Array:
        return np.asarray(landscape.loss(x) + quarter * np.sum(landscape.gradient(x) ** 2, axis=0))

    def gradient(x: Array) -> Array:
        return -drift(x)

    if not hasattr(landscape, "loss"):
        return DriftField(drift, None, landscape.dimension, landscape.bounds, name)
    return Landscape(loss, gradient, None, landscape.dimension, landscape.bounds, name)


def _formulas(landscape: Any, learning_rate: float) -> Any:
    """The modified landscape or drift field as formulas."""
    import sympy

    from landscapes.formula.symbolic import derivative
    from landscapes.landscape import DriftField, Landscape

    base, box = landscape.symbolic, landscape.bounds
    taken = {str(symbol) for symbol in (*base.variables, *base.parameters)}
    name = next(n for n in ("correction", *(f"correction_{i}" for i in range(len(taken) + 1))) if n not in taken)
    rate = sympy.Symbol(name, real=True)
    values = {str(symbol): float(value) for symbol, value in base.parameters.items()} | {name: learning_rate}
    if base.loss is not None:
        formula = base.loss + rate / 4 * sympy.Add(*[b**2 for b in base.drift])
        return Landscape.from_expression(formula, landscape.variables, box, **values)
    pairs = list(zip(base.variables, base.drift, strict=True))
    corrected = [b - rate / 2 * sympy.Add(*[derivative(b, v) * other for v, other in pairs]) for _, b in pairs]
    return DriftField.from_expression(corrected, landscape.variables, box, **values)
