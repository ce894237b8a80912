"""Optimisers whose step is not linear in the noisy gradient g = L' + sqrt(C) zeta, coordinate by coordinate:

    Adam       m' = b1 m + (1 - b1) g,   s' = b2 s + (1 - b2) g^2,   x' = x - eta m' / (sqrt(s') + epsilon)
    SignSGD    m' = b m + (1 - b) g,                                 x' = x - eta sign(m')

(Kingma and Ba, ICLR 2015, algorithm 1; Bernstein et al., ICML 2018, signSGD and Signum).  A chain runs Adam as it is
long after its beginning: without the correction for s = 0 at the start, from m = 0 and s = E g^2 at the start point.
Real mini-batches (:mod:`fpsim.sgd.rules`) begin from m = s = 0 with that correction, as training does.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.roots import rounding
from fpsim.numbers import not_negative, share
from fpsim.sde.sde import SDE, SymbolicSDE

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Adam:
    """Adam; ``beta1``, ``beta2`` in [0, 1), ``epsilon`` >= 0.

    Raises:
        ValueError: for numbers out of range.
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        share(self.beta1, "beta1")
        share(self.beta2, "beta2")
        not_negative(self.epsilon, "epsilon")

    memories = 2

    def begin(self, second_moment: Array) -> list[Array]:
        """Memories at the start, from E g^2."""
        return [np.zeros_like(second_moment), second_moment]

    def step(self, g: Any, memory: Sequence[Any], numbers: Sequence[Any], maths: Any) -> tuple[Any, list[Any]]:
        """What is taken off x, in learning rates, and the new memories; of arrays or of formulas."""
        beta1, beta2, epsilon = numbers
        mean = beta1 * memory[0] + (1 - beta1) * g
        square = beta2 * memory[1] + (1 - beta2) * g * g
        return mean / (maths.sqrt(square) + epsilon), [mean, square]

    def rows(self, d: int) -> int:
        """Coordinates of a state of mini-batches: places, both means, and how much each mean has seen of its whole."""
        return 3 * d + 2

    @property
    def numbers(self) -> dict[str, float]:
        """Those of a step."""
        return {"beta1": self.beta1, "beta2": self.beta2, "epsilon": self.epsilon}

    def stiffness(self, rate: float, curvature: float, second_moment: float) -> float:
        """What must stay below 2 for a noiseless step that has learnt E g^2 to come to rest (Cohen et al. 2022)."""
        scale = math.sqrt(second_moment) + self.epsilon
        return rate * curvature * (1 - self.beta1) / ((1 + self.beta1) * scale)

    def __str__(self) -> str:
        return f"Adam({float(self.beta1)}, {float(self.beta2)}, epsilon {float(self.epsilon)})"


@dataclass(frozen=True)
class SignSGD:
    """Steps of one length along each coordinate, by the sign of the gradient or of its running mean (Signum).

    Raises:
        ValueError: for a momentum outside [0, 1).
    """

    momentum: float = 0.0

    def __post_init__(self) -> None:
        share(self.momentum, "momentum")

    memories = 1

    def begin(self, second_moment: Array) -> list[Array]:
        """Memories at the start."""
        return [np.zeros_like(second_moment)]

    def step(self, g: Any, memory: Sequence[Any], numbers: Sequence[Any], maths: Any) -> tuple[Any, list[Any]]:
        """What is taken off x, in learning rates, and the new memory; of arrays or of formulas."""
        mean = numbers[0] * memory[0] + (1 - numbers[0]) * g
        return maths.sign(mean), [mean]

    def rows(self, d: int) -> int:
        """Coordinates of a state of mini-batches: places, and the mean."""
        return 2 * d

    @property
    def numbers(self) -> dict[str, float]:
        """Those of a step."""
        return {"momentum": self.momentum}

    def stiffness(self, rate: float, curvature: float, second_moment: float) -> float:
        """0: its steps have one length, which grows nowhere."""
        return 0.0

    def __str__(self) -> str:
        return f"SignSGD(momentum {float(self.momentum)})"


Optimiser = Adam | SignSGD


def as_optimiser(value: Any) -> Optimiser | None:
    """An optimiser, one in words (``"adam"``, ``"Adam(0.9, epsilon=1e-6)"``, what ``str`` says), or ``None``.

    Raises:
        ValueError: for words or numbers that are none of an optimiser.
        TypeError: for anything else.
    """
    if isinstance(value, str):
        return _in_words(value)
    if value is not None and not isinstance(value, Optimiser):
        raise TypeError(f"an optimiser is fpsim.Adam() or fpsim.SignSGD(), with their numbers; got {value!r}")
    return value


def _in_words(text: str) -> Optimiser:
    found = re.fullmatch(r"\s*(\w+)\s*(?:\((.*)\))?\s*", text)
    kind = None if found is None else {"adam": Adam, "signsgd": SignSGD}.get(found[1].lower())
    try:
        if found is None or kind is None:
            raise ValueError
        pairs = [re.split(r"[ =]+", part.strip()) for part in (found[2] or "").split(",") if part.strip()]
        bare = [float(pair[0]) for pair in pairs if len(pair) == 1]
        return kind(*bare, **{name: float(number) for name, number in (pair for pair in pairs if len(pair) > 1)})
    except (ValueError, TypeError) as error:
        why = f" ({error})" if str(error).startswith(("beta", "epsilon", "momentum")) else ""
        raise ValueError(
            f"an optimiser in words is 'adam' or 'signsgd', or with its numbers 'Adam(0.9, 0.999, epsilon=1e-8)' or "
            f"'SignSGD(0.5)'; got {text!r}{why}"
        ) from None


class Optimised(SDE):
    """The state (x, memories) of an optimiser, in the form that the path kernels take; its step is its own."""

    plain: SDE
    optimiser: Optimiser
    rate: float

    def __init__(self, plain: SDE, optimiser: Optimiser, rate: float) -> None:
        as_optimiser(optimiser)
        if plain.noise.leaps:
            raise ValueError(f"{optimiser} is for Gaussian noise with a D; got {plain.noise}")
        for name, value in (
            ("landscape", plain.landscape), ("noise", plain.noise), ("convention", plain.convention),
            ("plain", plain), ("optimiser", optimiser), ("rate", rate),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dimension(self) -> int:
        """The d places and as many of each memory."""
        return (1 + self.optimiser.memories) * self.plain.dimension

    @property
    def normals(self) -> int:
        """As many as coordinates where the plain noise takes d, of which the first d are used; else as plain."""
        return self.dimension if self.plain.normals == self.plain.dimension else self.plain.normals

    @property
    def structure(self) -> str:
        """Of no use: the step is the optimiser's."""
        return "full"

    @property
    def own_step(self) -> Optimised:
        """Itself: see :attr:`fpsim.sde.sde.SDE.own_step`."""
        return self

    def begin(self, points: Array) -> Array:
        """States of places (d, n)."""
        variance = 2 * np.stack([self.plain.diffusion(points)[i, i] for i in range(len(points))]) / self.rate
        return np.concatenate([points, *self.optimiser.begin(variance + self.plain.drift(points) ** 2)])

    def on_arrays(self, state: Array, z: Array) -> Array:
        """The next state of (x, memories) from normals z, on arrays."""
        x, *memory = np.split(state, 1 + self.optimiser.memories)
        kick = self.plain.kick(x, z[: self.plain.normals])
        g = -self.plain.drift(x) - kick / np.sqrt(self.rate)
        move, after = self.optimiser.step(g, memory, list(self.optimiser.numbers.values()), np)
        return np.concatenate([x - self.rate * move, *after])

    def formulas(self) -> tuple[list[Any], dict[str, Any], dict[Any, float], list[tuple[Any, Any]]] | None:
        """Outputs, inputs, parameters and statements of the step; ``None`` where there are plain functions."""
        base = self.plain.symbolic
        if base is None:
            return None
        import sympy

        d, copies = self.plain.dimension, 1 + self.optimiser.memories
        z = [sympy.Symbol(f"normal {i}", real=True) for i in range(self.dimension)]
        names = {sympy.Symbol(f"optimiser {name}", real=True): v for name, v in self.optimiser.numbers.items()}
        rate, per_root = (sympy.Symbol(f"optimiser {name}", real=True) for name in ("rate", "per root rate"))
        kicks = [per_root * sum(base.root[i, j] * z[j] for j in range(d)) for i in range(d)]
        slopes = [sympy.Symbol(f"noisy slope {i}", real=True) for i in range(d)]
        statements = [*base.statements, *((g, -b - k) for g, b, k in zip(slopes, base.drift, kicks, strict=True))]
        state = self._variables(base)
        ends, after = [], list[Any]()
        for i, g in enumerate(slopes):
            move, memory = self.optimiser.step(g, state[d + i :: d], list(names), sympy)
            ends.append(state[i] - rate * move)
            after.append(memory)
        outputs = [*ends, *(after[i][k] for k in range(copies - 1) for i in range(d))]
        parameters = {**base.parameters, **names, rate: self.rate, per_root: 1 / np.sqrt(self.rate)}
        if base.statements:
            parameters[rounding()] = float(np.finfo(float).eps)
        return outputs, {"x": state, "z": z}, parameters, statements

    def _variables(self, base: SymbolicSDE) -> list[Any]:
        import sympy

        d, more = self.plain.dimension, self.optimiser.memories
        return [*base.variables, *(sympy.Symbol(f"memory {k}", real=True) for k in range(d * more))]

    @property
    def symbolic(self) -> SymbolicSDE | None:
        """The variables; drift and noise are those of the optimiser's own step, and none stand here."""
        base = self.plain.symbolic
        if base is None:
            return None
        import sympy

        n, variables = self.dimension, tuple(self._variables(base))
        nothing = sympy.zeros(n, n)
        return SymbolicSDE(variables, dict(base.parameters), (sympy.Integer(0),) * n, nothing, nothing)

    def along(self, x: Array, n: Array) -> Array:
        """Nothing: exits are seen at the steps."""
        return np.zeros(x.shape[1:])

    def __str__(self) -> str:
        return f"{self.plain}; {self.optimiser}"
