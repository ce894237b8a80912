"""Next orders of Laplace's method at minimum a and pass b of a 1-D loss, D = T:

    tau (1 + T even + ...),     even = -a4/(8 a2^2) + 5 a3^2/(24 a2^3) + b4/(8 b2^2) + 5 b3^2/(24 |b2|^3)

a2, a3, a4 and b2, b3, b4 are the second to fourth derivative of the loss at a and b (Bender and Orszag, section 6.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from fpsim.routes.formulas.climb import Escape


def expansion(at: Escape) -> tuple[float, float]:
    """Next orders of the 1-D time: 1 + T even for a target beyond the pass, + sqrt(T) odd for one at the pass.

    Raises:
        ValueError: if higher derivatives by differences do not settle.
    """
    gap = abs(float((at.top - at.minimum)[0]))
    a2, a3, a4 = derivatives(at.sde.landscape, float(at.minimum[0]), gap)
    b2, b3, b4 = derivatives(at.sde.landscape, float(at.top[0]), gap)
    even = -a4 / (8 * a2**2) + 5 * a3**2 / (24 * a2**3) + b4 / (8 * b2**2) + 5 * b3**2 / (24 * abs(b2) ** 3)
    side = 1.0 if at.top[0] > at.minimum[0] else -1.0
    odd = -side * b3 / (3 * abs(b2) ** 1.5) * math.sqrt(2 / math.pi)
    return even, odd


def derivatives(landscape: Any, x: float, scale: float) -> tuple[float, float, float]:
    """Second to fourth derivative of a 1-D loss: exact from a formula, else checked differences of the Hessian."""
    if landscape.symbolic is not None:
        function, parameters = _exact_derivatives(landscape)
        values = [float(value) for value in function(x, *parameters)]
        if np.isfinite(values).all():
            return values[0], values[1], values[2]
    coarse, fine = (_differences(landscape, x, 0.02 * scale / k) for k in (1, 2))
    sizes = (abs(fine[0]) / scale, abs(fine[0]) / scale**2)
    for order, one, two, size in zip((3, 4), coarse[1:], fine[1:], sizes, strict=True):
        if not abs(one - two) <= 1e-3 * max(abs(two), size):
            raise ValueError(
                f"derivative {order} of the loss at x = {x:g} does not settle by differences ({one:g}, {two:g}); give "
                "the landscape as a formula"
            )
    return fine


@lru_cache(maxsize=64)
def _exact_derivatives(landscape: Any) -> tuple[Callable[..., list[float]], tuple[float, ...]]:
    """Second to fourth derivative of a 1-D formula as one function of x and the parameters, with their values."""
    import sympy

    symbolic = landscape.symbolic
    (variable,), orders = symbolic.variables, [symbolic.loss]
    for _ in range(4):
        orders.append(sympy.diff(orders[-1], variable))
    function = sympy.lambdify([variable, *symbolic.parameters], orders[2:], modules=["scipy", "numpy"], cse=True)
    return function, tuple(symbolic.parameters.values())


def _differences(landscape: Any, x: float, step: float) -> tuple[float, float, float]:
    """L'' and its first two derivatives by fourth-order central differences."""
    h = landscape.hessian((x + step * np.arange(-2.0, 3.0))[None])[0, 0]
    third = (h[0] - 8 * h[1] + 8 * h[3] - h[4]) / (12 * step)
    fourth = (-h[0] + 16 * h[1] - 30 * h[2] + 16 * h[3] - h[4]) / (12 * step**2)
    return float(h[2]), float(third), float(fourth)
