"""What every drift b(x) has: coordinates, parameters, a box, and a formula or plain functions behind it.

Coordinates come first: x has shape (d, ...), so the same call serves one point, a path or a grid.
"""

from __future__ import annotations

import difflib
import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscapes.domain import Domain, domain_of
from landscapes.evaluation import Array, FormulaFunctions, PlainFunctions
from landscapes.formula.grammar import ExpressionError, check_names, finite_values
from landscapes.notebook import Shown

if TYPE_CHECKING:
    from landscapes.formula.symbolic import Symbolic

Bounds = tuple[tuple[float, float], ...]


class NotDefinedError(ValueError):
    """A finite point at which a landscape has no value."""


def as_point(x: ArrayLike, dimension: int) -> NDArray[np.float64]:
    """Return one point of shape (dimension,); in one dimension a number will do.

    Raises:
        ValueError: for another number of coordinates, or coordinates that are not finite.
        TypeError: for what is no number.
    """
    try:
        point = np.atleast_1d(np.asarray(x, dtype=np.float64))
    except (TypeError, ValueError):
        raise TypeError(f"A point is {dimension} real number(s), not {x!r}.") from None
    if point.shape != (dimension,):
        raise ValueError(f"A point of this landscape has {dimension} coordinate(s), not shape {point.shape}.")
    if not np.all(np.isfinite(point)):
        raise ValueError(f"The coordinates of a point are finite, not {point}.")
    return point


SHOWN = 6
"""Coordinates of a point, and parameters, that are printed."""


def in_words(point: ArrayLike) -> str:
    """A point as results and errors print it: ``[2, 0]``; of many coordinates the first ones and their number."""
    numbers = [f"{value:g}" for value in np.atleast_1d(np.asarray(point, dtype=np.float64)) + 0.0]
    return f"[{', '.join(_few(numbers, 'coordinates'))}]"


def _few(texts: Sequence[str], what: str) -> list[str]:
    """All of them, or the first ones and how many there are."""
    return [*texts] if len(texts) <= SHOWN else [*texts[: SHOWN - 2], f"... ({len(texts)} {what})"]


def as_bounds(bounds: Any, dimension: int) -> Bounds:
    """Return one (low, high) pair per coordinate; in one dimension a single pair will do.

    Raises:
        ValueError: for anything but `dimension` finite pairs with low < high.
    """
    wanted = f"bounds are {dimension} pair(s) (low, high) of finite numbers with low < high"
    try:
        pairs = np.asarray(bounds, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"The {wanted}, not {bounds!r}.") from None
    if dimension == 1 and pairs.shape == (2,):
        pairs = pairs[np.newaxis]
    if pairs.shape != (dimension, 2) or not np.all(np.isfinite(pairs)) or np.any(pairs[:, 0] >= pairs[:, 1]):
        raise ValueError(f"The {wanted}, not {bounds!r}.")
    return tuple((float(low), float(high)) for low, high in pairs)


def unknown_parameter(owner: str, name: str, known: Iterable[str]) -> str:
    """What to say about a parameter that there is not: the nearest one, and all."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? It has" if near else "it has"
    return f"{owner} has no parameter {name!r}; {hint} {', '.join(names) or 'none'}."


class Field(Shown, ABC):
    """What landscapes and drift fields share; a frozen description, equal to another one of the same content."""

    dimension: int
    name: str
    variables: tuple[str, ...]
    bounds: Bounds | None
    default_start: tuple[float, ...] | None
    default_target: tuple[float, ...] | None
    _functions: FormulaFunctions | PlainFunctions

    def _describe(
        self,
        functions: FormulaFunctions | PlainFunctions,
        variables: tuple[str, ...],
        bounds: Any,
        name: str,
        start: Sequence[float] | None = None,
        target: Sequence[float] | None = None,
    ) -> None:
        """Fill in the description, once."""
        self.__dict__.update(
            _functions=functions,
            dimension=len(variables),
            variables=variables,
            bounds=None if bounds is None else as_bounds(bounds, len(variables)),
            name=name,
            default_start=None if start is None else tuple(float(value) for value in start),
            default_target=None if target is None else tuple(float(value) for value in target),
        )

    def __new__(cls, *arguments: Any, **named: Any) -> Self:
        """Answer a mistyped parameter with the nearest one."""
        known = inspect.signature(cls.__init__).parameters
        if not any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values()):
            for name in named:
                if name not in known:
                    raise TypeError(unknown_parameter(cls.__name__, name, [n for n in known if n != "self"]))
        return super().__new__(cls)

    def __setattr__(self, key: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen; make a new one, as with_parameters does.")

    def __delattr__(self, key: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen.")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Field) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return type(self), self._functions, self.dimension, self.bounds, self.name

    @abstractmethod
    def drift(self, x: ArrayLike) -> Array:
        """Return b(x), shape (d, ...)."""

    @abstractmethod
    def jacobian(self, x: ArrayLike) -> Array:
        """Return db_i/dx_j, shape (d, d, ...)."""

    @property
    def parameters(self) -> dict[str, float]:
        """The parameters of the formula with their values; empty for plain functions."""
        return dict(self._functions.values) if isinstance(self._functions, FormulaFunctions) else {}

    @property
    def symbolic(self) -> Symbolic | None:
        """The sympy expressions, None for plain functions."""
        return self._functions.symbolic()

    @property
    def domain(self) -> Domain:
        """Where the formula is defined (everywhere for plain functions): `landscapes.domain.Domain`."""
        found: Domain | None = self.__dict__.get("_domain")
        if found is None:
            found = self.__dict__["_domain"] = domain_of(self.symbolic, self.dimension)
        return found

    @property
    def is_differenced(self) -> bool:
        """Whether the drift comes from differences of the loss, which see nothing far outside the box."""
        return isinstance(self._functions, PlainFunctions) and self._functions.slope_function is None

    def with_parameters(self, **parameters: float) -> Self:
        """Return the same landscape with other values of some parameters; nothing is compiled again.

        Raises:
            ValueError: for a name that is no parameter, or a value that is not finite.
        """
        known = self.parameters
        unknown = [name for name in parameters if name not in known]
        if unknown:
            raise ValueError(f"{self.name} has no parameter {unknown[0]!r}; it has {', '.join(known) or 'none'}.")
        return self._rebuilt(finite_values(known | parameters))

    def _rebuilt(self, parameters: dict[str, float]) -> Self:
        assert isinstance(self._functions, FormulaFunctions)
        functions = FormulaFunctions(
            self._functions.formulas, self.variables, tuple(parameters.items()), self._functions.is_loss
        )
        new = object.__new__(type(self))
        new._describe(functions, self.variables, self.bounds, self.name, self.default_start, self.default_target)
        return new

    def plot(self, axes: Any = None, points: Any = None) -> Any:
        """Draw it in one or two dimensions with its critical (of a drift: fixed) points; returns the figure.

        Args:
            axes: matplotlib's axes to draw into; a new figure if None.
            points: the points to mark; those in the own box if None.

        Raises:
            ValueError: beyond two dimensions, or without a box.
        """
        from landscapes.picture import picture

        return picture(self, axes, points)

    def __repr__(self) -> str:
        kind = type(self).__name__
        if not isinstance(self._functions, FormulaFunctions):
            return f"{kind}({self.name}, dimension={self.dimension})"
        shown = _few([f"{name}={value:.6g}" for name, value in self.parameters.items()], "parameters")
        if kind not in ("Landscape", "DriftField"):  # a named one
            if "dimension" in inspect.signature(type(self)).parameters:
                shown = [f"dimension={self.dimension}", *shown]
            return f"{kind}({', '.join(shown)}): {self._formula(100)}"
        variables = f"variables={' '.join(_few(self.variables, 'coordinates'))!r}"
        return f"{kind}({', '.join([self._formula(), variables, *shown])})"

    def __str__(self) -> str:
        """Name and arguments; the formula too where it is short."""
        text = repr(self)
        return text if len(text) <= 72 else text.partition("): ")[0] + ")" if "): " in text else text

    def _formula(self, longest: int | None = None) -> str:
        assert isinstance(self._functions, FormulaFunctions)
        texts = [str(formula) for formula in self._functions.formulas]
        text = repr(texts[0]) if self._functions.is_loss else repr(texts)
        return text if longest is None or len(text) <= longest else text[: longest - 3] + "..."

    def _box(self, bounds: Any) -> Bounds:
        """The box to look in: the one that is given, or the own one."""
        if bounds is not None:
            return as_bounds(bounds, self.dimension)
        if self.bounds is None:
            raise ValueError(f"{self.name} has no box of its own; say where to look with bounds=[(low, high), ...].")
        return self.bounds

    def _points(self, x: ArrayLike) -> Array:
        points = np.asarray(x)
        if points.dtype.kind not in "fiu":
            raise TypeError(f"x holds real numbers, not values of type {points.dtype}.")
        if points.ndim == 0 or points.shape[0] != self.dimension:
            raise ValueError(f"x has shape ({self.dimension}, ...) here, coordinates first; got shape {points.shape}.")
        return points.astype(np.float64, copy=False)

    def _numbers(self, what: str, value: Array, x: Array) -> Array:
        """Refuse values that are not numbers at finite points."""
        wrong = np.isnan(value)
        if np.any(wrong):
            per_point = np.any(wrong.reshape((-1, *x.shape[1:])), axis=0) & np.all(np.isfinite(x), axis=0)
            if np.any(per_point):
                point = x.reshape(len(x), -1)[:, np.flatnonzero(per_point)[0]]
                shown = np.array2string(point, precision=6)
                raise NotDefinedError(f"The {what} of {self.name} is not a number at x = {shown}.")
        return value[()]  # a plain number for a single point


def require_positive(**values: float) -> None:
    """Raise a ValueError for a value that is not a positive number."""
    for name, value in values.items():
        if not value > 0:
            raise ValueError(f"{name} is positive, not {value!r}.")


def numbered(dimension: int) -> tuple[str, ...]:
    """Return the names x, or x0, x1, ..., of the coordinates of plain functions."""
    if isinstance(dimension, bool) or not isinstance(dimension, int | np.integer) or dimension < 1:
        raise ValueError(f"The dimension is a positive integer, not {dimension!r}.")
    return ("x",) if dimension == 1 else tuple(f"x{i}" for i in range(dimension))


def split_names(variables: str | Sequence[str]) -> tuple[str, ...]:
    """Return the variables' names from "x y", "x, y" or a sequence."""
    names = variables.replace(",", " ").split() if isinstance(variables, str) else list(variables)
    if not names:
        raise ExpressionError("A formula needs at least one variable, such as variables='x y'.")
    return check_names(names, "variable")
