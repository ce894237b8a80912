"""Any state-dependent D(x), as a function or as formulas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.given import GivenTensor
from fpsim.noise.kicks import Kicks
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor
from fpsim.numbers import number
from landscapes.kinds import HasDrift


@dataclass(frozen=True)
class DiffusionField(Diffusion[HasDrift]):
    """Any state-dependent D(x), as a function or as formulas.

    Args:
        function: ``f(x)`` with ``x`` of shape (d, ...) returning shape (...) for D = f I, (d, ...) for a diagonal or
            (d, d, ...) for a full tensor.
        dimension: number of coordinates.
        shape: ``"isotropic"``, ``"diagonal"`` or ``"full"``: what ``function`` returns.
    """

    function: Callable[[Array], ArrayLike] | None
    dimension: int
    shape: Structure = "isotropic"
    texts: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    parameters: tuple[tuple[str, float], ...] = ()

    @classmethod
    def from_expression(cls, texts: Any, variables: str = "x", **parameters: float) -> DiffusionField:
        """Formula text for D (times I), a list of texts (the diagonal) or a list of lists (the tensor).

        ``variables`` name the landscape's coordinates in order; formulas are parsed, never evaluated.
        """
        for name, value in parameters.items():
            number(value, f"the parameter {name}")
        names = tuple(variables.replace(",", " ").split())
        table = np.array(texts, dtype=object)
        if table.ndim > 2 or any(side != len(names) for side in table.shape):
            raise ValueError(
                f"D is one formula, a list of {len(names)} or a list of {len(names)} lists of {len(names)} formulas "
                f"(one per variable of '{variables}'); got an array of shape {table.shape}"
            )
        shape: Structure = ("isotropic", "diagonal", "full")[table.ndim]
        field = cls(None, len(names), shape, tuple(table.ravel().tolist()), names, tuple(sorted(parameters.items())))
        parsed, symbols, _ = field._parsed()  # a wrong formula is refused here, not at first use
        points = np.random.default_rng(0).uniform(-1.0, 1.0, (len(names), 16))
        with np.errstate(all="ignore"):  # some may lie where a formula is not defined
            values = field._entries(points)[..., 0]
        if values.any() and not any(entry.has(*symbols) for entry in parsed):
            ConstantDiffusion(values)
        return field

    def structure(self, landscape: HasDrift) -> Structure:
        """The shape that the field was declared with."""
        return self.shape

    def requires(self, landscape: HasDrift) -> None:
        """Refuse a field written for another dimension."""
        if landscape.dimension != self.dimension:
            d, own = landscape.dimension, self.dimension
            raise ValueError(f"the landscape has {d} dimensions, but the diffusion has {own}")

    def _parsed(self) -> tuple[list[Any], list[Any], dict[Any, float]]:
        """Formulas, variables and parameters as sympy objects; parameters get names of their own."""
        import sympy

        from landscapes.formula.symbolic import parse

        values = dict(self.parameters)
        own = {sympy.Symbol(n, real=True): sympy.Symbol(f"noise {n}", real=True) for n in values}
        parsed = [parse(text, variables=self.names, parameters=tuple(values)).xreplace(own) for text in self.texts]
        symbols = [sympy.Symbol(n, real=True) for n in self.names]
        return parsed, symbols, {own[sympy.Symbol(n, real=True)]: v for n, v in values.items()}

    @cached_property
    def _numeric(self) -> Callable[[Array], Array]:
        """The formulas as one NumPy function of x."""
        import sympy

        parsed, symbols, parameters = self._parsed()
        function = sympy.lambdify([*symbols, *parameters], parsed, modules=["scipy", "numpy"], cse=True)

        def evaluate(x: Array) -> Array:
            values = function(*x, *parameters.values())
            stacked = np.stack([np.broadcast_to(v, x.shape[1:]) for v in values])
            sides = {"isotropic": (), "diagonal": (self.dimension,), "full": (self.dimension,) * 2}[self.shape]
            return stacked.reshape(sides + x.shape[1:])

        return evaluate

    def kicks(self, landscape: HasDrift) -> Kicks:
        """Of a diagonal D without its matrix."""
        if self.shape == "full":
            return super().kicks(landscape)
        return Kicks(
            self.dimension,
            lambda x, z: np.sqrt(2 * self._entries(x)) * z,
            lambda x, n: np.asarray((self._entries(x) * n**2).sum(axis=0)),
        )

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """D(x) at x (d, ...), shape (d, d, ...)."""
        values = self._entries(x)
        return values if self.shape == "full" else on_diagonal(values, self.dimension, self.shape == "isotropic")

    def _entries(self, x: Array) -> Array:
        """What the function or the formulas give: (...), (d, ...) or (d, d, ...)."""
        values = np.asarray((self.function or self._numeric)(x), dtype=float)
        d = self.dimension
        sides = {"isotropic": (), "diagonal": (d,), "full": (d, d)}[self.shape]
        if values.shape != sides + x.shape[1:]:
            raise ValueError(
                f"the diffusion function must return shape {(*sides, '...')} for '{self.shape}' D and x of shape "
                f"({d}, ...); for x of shape {x.shape} it returned {values.shape}"
            )
        if self.shape == "full":
            _require_symmetric(values, x)
        return values

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        """D as a matrix of formulas; None for plain functions, of noise or of loss."""
        if self.function is not None or landscape.symbolic is None:
            return None
        import sympy

        parsed, symbols, parameters = self._parsed()
        entries = [p.xreplace(dict(zip(symbols, landscape.symbolic.variables, strict=True))) for p in parsed]
        d = self.dimension
        if self.shape == "full":
            return sympy.Matrix(d, d, entries), parameters
        return sympy.diag(*(entries * d if self.shape == "isotropic" else entries)), parameters

    def given(self, landscape: HasDrift) -> GivenTensor | None:
        """The function."""
        return None if self.function is None else GivenTensor("function", self.shape, self.function)

    def __str__(self) -> str:
        text: Any = self.texts[0] if len(self.texts) == 1 else list(self.texts) or "a given function"
        if self.shape == "full" and len(self.texts) > 1:
            text = [text[k : k + self.dimension] for k in range(0, len(text), self.dimension)]
        return "".join([f"D(x) = {text}", *(f", {name} = {value:g}" for name, value in self.parameters)])


def _require_symmetric(values: Array, x: Array) -> None:
    """Refuse D(x) (d, d, ...) at x (d, ...) if an entry is not the one across the diagonal, but for rounding."""
    apart = np.abs(values - np.swapaxes(values, 0, 1)).reshape(*values.shape[:2], -1)
    size = np.abs(values).max(axis=(0, 1), initial=0.0).reshape(-1)
    wrong = np.argwhere(apart > 1e-9 * size)
    if len(wrong):
        i, j, k = (int(place) for place in wrong[0])
        at = values.reshape(*values.shape[:2], -1)[..., k]
        raise ValueError(
            f"D(x) must be symmetric; at x = {x.reshape(len(x), -1)[:, k].tolist()} its entry ({i}, {j}) is "
            f"{at[i, j]:.6g} and its entry ({j}, {i}) {at[j, i]:.6g}"
        )


def on_diagonal(values: Array, dimension: int, isotropic: bool) -> Array:
    """Values (...) or (d, ...) on the diagonal of a tensor (d, d, ...)."""
    points = values.shape if isotropic else values.shape[1:]
    tensor = np.zeros((dimension, dimension, *points))
    for i in range(dimension):
        tensor[i, i] = values if isotropic else values[i]
    return tensor
