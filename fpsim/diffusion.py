"""Noise models: the tensor D(x) in dX = drift dt + sqrt(2 D(x)) dB.

    SGLD                    D = T I                                          (ConstantDiffusion)
    SGD, Hessian-shaped     D = eta/(2S) (|H(x)| + floor I) + T I            (HessianDiffusion)
    SGD, measured noise     D = eta/(2S) C1(x)                               (GradientNoise)
    anything else           D = D(x)                                         (DiffusionField)

Each is a frozen description.  Given a landscape it yields the tensor as arrays, its divergence (what a convention
other than Ito adds to the drift) and, where the landscape is a formula, the tensor as a formula for compiled kernels.
Hessian-shaped noise: Xie, Sato, Sugiyama 2021 (arXiv 2002.03495), equation 7, with |H| away from the minimum.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
Structure = Literal["isotropic", "diagonal", "full"]
SymbolicTensor = tuple[Any, "dict[sympy.Symbol, float]"]


class Diffusion:
    """What every noise model answers; ``landscape`` is the landscape or drift field that it drives."""

    is_constant: bool = False

    def structure(self, landscape: Any) -> Structure:
        """Shape of D: ``"isotropic"`` (a number times I), ``"diagonal"`` or ``"full"``."""
        raise NotImplementedError

    def tensor(self, landscape: Any, x: Array) -> Array:
        """D at ``x`` (d, ...), shape (d, d, ...)."""
        raise NotImplementedError

    def divergence(self, landscape: Any, x: Array) -> Array:
        """(div D)_i = sum_j d_j D_ij at ``x`` (d, ...), shape (d, ...).

        Exact where D is a formula, by fourth-order central differences else.
        """
        if self.is_constant:
            return np.zeros_like(x)
        exact = _exact_divergence(self, landscape)
        if exact is not None:
            return exact(x)
        total = np.zeros_like(x)
        for j in range(x.shape[0]):
            step = 1e-3 * np.maximum(1.0, np.abs(x[j]))
            for weight, offset in ((1 / 12, -2), (-2 / 3, -1), (2 / 3, 1), (-1 / 12, 2)):
                moved = x.copy()
                moved[j] += offset * step
                total += weight * self.tensor(landscape, moved)[:, j] / step
        return total

    def symbolic(self, landscape: Any) -> SymbolicTensor | None:
        """D as a sympy matrix in the landscape's variables with its parameters, or ``None`` if there is no formula."""
        return None

    def check(self, dimension: int) -> None:
        """Raise ``ValueError`` if the model cannot drive ``dimension`` coordinates."""

    def resolved(self, landscape: Any, start: Array, target: Any) -> Diffusion:
        """The model with what depends on the escape at hand (its minimum, its saddle) filled in."""
        return self


@dataclass(frozen=True)
class ConstantDiffusion(Diffusion):
    """White noise: D independent of x (stochastic gradient Langevin dynamics at temperature D).

    Args:
        value: a number (D = value * I), a vector (diagonal of D) or a symmetric positive semi-definite matrix.

    Raises:
        ValueError: for negative, non-finite, asymmetric or indefinite values.
    """

    value: float | tuple[float, ...] | tuple[tuple[float, ...], ...]
    is_constant = True

    def __init__(self, value: ArrayLike) -> None:
        array = np.asarray(value, dtype=float)
        if array.ndim > 2 or array.size == 0 or not np.isfinite(array).all():
            raise ValueError(f"a constant diffusion is a finite number, vector (diagonal) or matrix; got {value!r}")
        if array.ndim == 2 and not (array.shape[0] == array.shape[1] and np.allclose(array, array.T, rtol=1e-12)):
            raise ValueError(f"a diffusion matrix must be square and symmetric; got shape {array.shape}")
        lowest = np.linalg.eigvalsh(array).min() if array.ndim == 2 else array.min()
        if lowest < -1e-14 * np.abs(array).max() or not array.any():
            raise ValueError(f"a diffusion must be positive; got {value!r} with lowest eigenvalue {lowest:g}")
        frozen = float(array) if array.ndim == 0 else _tuples(array)
        object.__setattr__(self, "value", frozen)

    def structure(self, landscape: Any) -> Structure:
        return ("isotropic", "diagonal", "full")[np.ndim(self.value)]

    def check(self, dimension: int) -> None:
        if np.ndim(self.value) and len(self.value) != dimension:  # type: ignore[arg-type]
            raise ValueError(f"the landscape has {dimension} dimensions, but the diffusion has {len(self.value)}")  # type: ignore[arg-type]

    def matrix(self, dimension: int) -> Array:
        """D as a (d, d) matrix."""
        value = np.asarray(self.value, dtype=float)
        return value if value.ndim == 2 else np.diag(np.broadcast_to(value, (dimension,)))

    def tensor(self, landscape: Any, x: Array) -> Array:
        return _spread(self.matrix(x.shape[0]), x)

    def symbolic(self, landscape: Any) -> SymbolicTensor:
        import sympy

        d, parameters = landscape.dimension, {}
        tensor = sympy.zeros(d, d)
        matrix = self.matrix(d)
        for i in range(d):
            for j in range(i + 1):
                if matrix[i, j] != 0:
                    name = "noise d" if np.ndim(self.value) == 0 else f"noise d {i} {j}"
                    symbol = sympy.Symbol(name, real=True)
                    parameters[symbol] = float(matrix[i, j])
                    tensor[i, j] = tensor[j, i] = symbol
        return tensor, parameters

    def __str__(self) -> str:
        return f"D = {self.value} (constant)"


@dataclass(frozen=True)
class DiffusionField(Diffusion):
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
    formulas: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    parameters: tuple[tuple[str, float], ...] = ()

    @classmethod
    def from_expression(cls, texts: Any, variables: str = "x", **parameters: float) -> DiffusionField:
        """Formula text for D (times I), a list of texts (the diagonal) or a list of lists (the tensor).

        ``variables`` name the landscape's coordinates in order; formulas are parsed, never evaluated.
        """
        names = tuple(variables.replace(",", " ").split())
        table = np.array(texts, dtype=object)
        if table.ndim > 2 or any(side != len(names) for side in table.shape):
            raise ValueError(
                f"D is one formula, a list of {len(names)} or a list of {len(names)} lists of {len(names)} formulas "
                f"(one per variable of '{variables}'); got an array of shape {table.shape}"
            )
        shape: Structure = ("isotropic", "diagonal", "full")[table.ndim]
        field = cls(None, len(names), shape, tuple(table.ravel().tolist()), names, tuple(sorted(parameters.items())))
        field._parsed()  # a wrong formula is refused here, not at first use
        return field

    def structure(self, landscape: Any) -> Structure:
        return self.shape

    def check(self, dimension: int) -> None:
        if dimension != self.dimension:
            raise ValueError(f"the landscape has {dimension} dimensions, but the diffusion has {self.dimension}")

    def _parsed(self) -> tuple[list[Any], list[Any], dict[Any, float]]:
        """Formulas, variables and parameters as sympy objects; parameters get names of their own."""
        import sympy

        from landscapes.expression import parse

        values = dict(self.parameters)
        own = {sympy.Symbol(n, real=True): sympy.Symbol(f"noise {n}", real=True) for n in values}
        parsed = [parse(text, variables=self.names, parameters=tuple(values)).xreplace(own) for text in self.formulas]
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

    def tensor(self, landscape: Any, x: Array) -> Array:
        values = np.asarray((self.function or self._numeric)(x), dtype=float)
        d = self.dimension
        sides = {"isotropic": (), "diagonal": (d,), "full": (d, d)}[self.shape]
        if values.shape != sides + x.shape[1:]:
            raise ValueError(
                f"the diffusion function must return shape {(*sides, '...')} for '{self.shape}' D and x of shape "
                f"({d}, ...); for x of shape {x.shape} it returned {values.shape}"
            )
        return values if self.shape == "full" else _on_diagonal(values, d, self.shape == "isotropic")

    def symbolic(self, landscape: Any) -> SymbolicTensor | None:
        if self.function is not None or landscape.symbolic is None:
            return None
        import sympy

        parsed, symbols, parameters = self._parsed()
        entries = [p.xreplace(dict(zip(symbols, landscape.symbolic.variables, strict=True))) for p in parsed]
        d = self.dimension
        if self.shape == "full":
            return sympy.Matrix(d, d, entries), parameters
        return sympy.diag(*(entries * d if self.shape == "isotropic" else entries)), parameters

    def __str__(self) -> str:
        return f"D(x) = {self.formulas[0] if len(self.formulas) == 1 else list(self.formulas) or 'a given function'}"


@dataclass(frozen=True, kw_only=True)
class HessianDiffusion(Diffusion):
    """SGD's Hessian-shaped noise, D = eta/(2S) (|H| + floor I) + injected I.

    Args:
        learning_rate: eta > 0.
        batch_size: S > 0 (any positive real; only eta/S enters).
        at: where H is taken: ``"everywhere"`` (H(x)), ``"minimum"`` (frozen at ``minimum``) or ``"path"`` (the
            two-level model of Xie et al. 2021, Theorem 3.2, 1-D only: kappa H_a on a's side of the point between
            minimum and saddle where the loss is L_a + climb_fraction * dL, kappa |H_b| beyond).  No default: it is
            physics.
        floor: constant added to |H|, in units of curvature.  Required where the noise can vanish
            (``"everywhere"``): with D = kappa |L''| alone no continuous path crosses an inflection point.
        floor_shape: ``"additive"`` (|H| + floor) or ``"smooth"`` (sqrt(H^2 + floor^2)).
        injected: constant temperature added to D.
        minimum, saddle: for ``at="minimum"`` and ``"path"``; an ``EscapeProblem`` fills them in.
        climb_fraction: s in (0, 1) of ``at="path"``.

    Raises:
        ValueError: for missing or impossible values.
    """

    learning_rate: float
    batch_size: float
    at: Literal["everywhere", "minimum", "path"]
    floor: float | None = None
    floor_shape: Literal["additive", "smooth"] = "additive"
    injected: float = 0.0
    minimum: tuple[float, ...] | None = None
    saddle: tuple[float, ...] | None = None
    climb_fraction: float | None = None

    def __post_init__(self) -> None:
        for name in ("learning_rate", "batch_size"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number; got {value!r}")
        if self.at not in ("everywhere", "minimum", "path"):
            raise ValueError(
                f"at must be 'everywhere', 'minimum' or 'path' (where the Hessian is taken); got {self.at!r}"
            )
        if self.floor is None and self.at == "everywhere":
            raise ValueError(
                "HessianDiffusion(at='everywhere') needs floor=... (in units of curvature): |H| vanishes at inflection "
                "points, no continuous path crosses them, and the escape time depends on the floor"
            )
        if self.floor_shape not in ("additive", "smooth"):
            raise ValueError(f"floor_shape must be 'additive' or 'smooth'; got {self.floor_shape!r}")
        for name, value in (("floor", self.floor or 0.0), ("injected", self.injected)):
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a number >= 0; got {value!r}")
        for name in ("minimum", "saddle"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, tuple(np.atleast_1d(np.asarray(value, dtype=float)).tolist()))
        if self.at == "path" and (self.climb_fraction is None or not 0 < self.climb_fraction < 1):
            raise ValueError(f"at='path' needs climb_fraction=s with 0 < s < 1; got {self.climb_fraction!r}")

    @property
    def kappa(self) -> float:
        """eta / (2 S)."""
        return self.learning_rate / (2 * self.batch_size)

    @property
    def is_constant(self) -> bool:  # type: ignore[override]
        return self.at == "minimum"

    def check(self, dimension: int) -> None:
        if self.at == "path" and dimension != 1:
            raise ValueError(f"at='path' is a 1-D model; this landscape has {dimension} dimensions (use 'everywhere')")

    def resolved(self, landscape: Any, start: Array, target: Any) -> HessianDiffusion:
        if self.at == "everywhere" or (self.minimum is not None and (self.saddle is not None or self.at == "minimum")):
            return self
        from fpsim.valleys import valley

        found = valley(landscape, start, target)
        if self.at == "path" and found.saddle is None:
            raise ValueError(
                f"at='path' needs a saddle between start and target, and none was found from {start.tolist()}"
            )
        return replace(
            self,
            minimum=self.minimum or tuple(found.minimum.x.tolist()),
            saddle=self.saddle or (tuple(found.saddle.x.tolist()) if found.saddle is not None else None),
        )

    def structure(self, landscape: Any) -> Structure:
        if landscape.dimension == 1:
            return "isotropic"
        if self.at == "minimum":
            return "full"
        symbolic = landscape.symbolic
        if symbolic is not None and _hessian_formula(symbolic).is_diagonal():
            return "diagonal"
        return "full"

    def _absolute(self, hessian: Array) -> Array:
        """|H| plus floor, eigenvalue by eigenvalue; (d, d, ...) in and out."""
        floor = self.floor or 0.0
        values, vectors = np.linalg.eigh(np.moveaxis(hessian, (0, 1), (-2, -1)))
        values = np.abs(values) + floor if self.floor_shape == "additive" else np.sqrt(values**2 + floor**2)
        return np.moveaxis((vectors * values[..., None, :]) @ np.swapaxes(vectors, -1, -2), (-2, -1), (0, 1))

    def switch(self, landscape: Any) -> float:
        """The point between minimum and saddle where the loss is L_a + s dL (``at="path"``)."""
        from scipy.optimize import brentq

        (a,), (b,) = self._points()
        ends = landscape.loss(np.array([[a, b]]))
        level = ends[0] + float(self.climb_fraction or 0) * (ends[1] - ends[0])
        return float(brentq(lambda z: float(landscape.loss(np.array([[z]]))[0]) - level, a, b, xtol=1e-15, rtol=1e-14))

    def _points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self.minimum is None or (self.at == "path" and self.saddle is None):
            wanted = "minimum=" if self.at == "minimum" else "minimum= and saddle="
            raise ValueError(f"HessianDiffusion(at='{self.at}') needs {wanted} here (an EscapeProblem fills them in)")
        return self.minimum, self.saddle or ()

    def _frozen(self, landscape: Any, point: Sequence[float]) -> Array:
        """kappa (|H| + floor) + injected at one point, (d, d)."""
        x = np.asarray(point, dtype=float)[:, None]
        return self.kappa * self._absolute(landscape.hessian(x))[..., 0] + self.injected * np.eye(len(point))

    def tensor(self, landscape: Any, x: Array) -> Array:
        if self.at == "minimum":
            return _spread(self._frozen(landscape, self._points()[0]), x)
        if self.at == "path":
            low, high, cut, side = self._levels(landscape)
            return np.where(side * (x - cut) <= 0, low, high)[None]
        eye = np.eye(x.shape[0]).reshape((x.shape[0],) * 2 + (1,) * (x.ndim - 1))
        return self.kappa * self._absolute(landscape.hessian(x)) + self.injected * eye

    def _levels(self, landscape: Any) -> tuple[float, float, float, float]:
        """D on the minimum's side, D beyond, the switching point, and the direction of the climb."""
        a, b = self._points()
        low, high = (float(self._frozen(landscape, p)[0, 0]) for p in (a, b))
        return low, high, self.switch(landscape), float(np.sign(b[0] - a[0]))

    def divergence(self, landscape: Any, x: Array) -> Array:
        if self.at in ("minimum", "path"):  # "path" jumps once; routes that know its two levels treat the jump
            return np.zeros_like(x)
        if self.floor_shape == "additive":
            raise ValueError(
                "conventions other than Ito differentiate D, and |H| + floor has a kink where H changes sign; "
                "use floor_shape='smooth'"
            )
        return super().divergence(landscape, x)

    def symbolic(self, landscape: Any) -> SymbolicTensor | None:
        symbolic = landscape.symbolic
        if symbolic is None:
            return None
        if self.at == "minimum":
            return ConstantDiffusion(self._frozen(landscape, self._points()[0])).symbolic(landscape)
        import sympy

        if self.at == "path":
            names = ("low", "high", "cut", "side")
            low, high, cut, side = symbols = [sympy.Symbol(f"noise {name}", real=True) for name in names]
            value = sympy.Piecewise((low, side * (symbolic.variables[0] - cut) <= 0), (high, True))
            return sympy.Matrix([[value]]), dict(zip(symbols, self._levels(landscape), strict=True))
        kappa, floor, injected = (sympy.Symbol(f"noise {n}", real=True) for n in ("kappa", "floor", "injected"))
        absolute = _symbolic_absolute(_hessian_formula(symbolic), floor, self.floor_shape)
        if absolute is None:
            return None
        parameters = {**symbolic.parameters, kappa: self.kappa, floor: self.floor or 0.0, injected: self.injected}
        return kappa * absolute + injected * sympy.eye(landscape.dimension), parameters

    def __str__(self) -> str:
        extent = {"everywhere": "H(x)", "minimum": f"H frozen at {self.minimum}", "path": "two-level H along the path"}[
            self.at
        ]
        floor = f", floor {self.floor:g} ({self.floor_shape})" if self.floor is not None else ""
        extra = f" + {self.injected:g}" if self.injected else ""
        climb = f", s = {self.climb_fraction:g}" if self.at == "path" else ""
        ratio = f"eta = {self.learning_rate:g}, S = {self.batch_size:g}, eta/(2S) = {self.kappa:g}"
        return f"D = eta/(2S) |H|{extra}, {extent}, {ratio}{floor}{climb}"


@dataclass(frozen=True, kw_only=True)
class GradientNoise(Diffusion):
    """SGD with a measured noise covariance: D = eta C1(x) / (2 S).

    Args:
        learning_rate: eta > 0.
        batch_size: S > 0.
        covariance: covariance of ONE example's gradient: a number, a matrix, a :class:`DiffusionField`, or a function
            of x (d, ...) returning (d, d, ...).
    """

    learning_rate: float
    batch_size: float
    covariance: Any

    def __post_init__(self) -> None:
        for name in ("learning_rate", "batch_size"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name} must be a positive number; got {value!r}")
        if not isinstance(self.covariance, Diffusion) and not callable(self.covariance):
            object.__setattr__(self, "covariance", ConstantDiffusion(self.covariance))

    @property
    def kappa(self) -> float:
        """eta / (2 S)."""
        return self.learning_rate / (2 * self.batch_size)

    @property
    def is_constant(self) -> bool:  # type: ignore[override]
        return isinstance(self.covariance, ConstantDiffusion)

    def _field(self, dimension: int) -> Diffusion:
        if isinstance(self.covariance, Diffusion):
            return self.covariance
        return DiffusionField(self.covariance, dimension, "full")

    def structure(self, landscape: Any) -> Structure:
        return self._field(landscape.dimension).structure(landscape)

    def check(self, dimension: int) -> None:
        self._field(dimension).check(dimension)

    def tensor(self, landscape: Any, x: Array) -> Array:
        return self.kappa * self._field(x.shape[0]).tensor(landscape, x)

    def symbolic(self, landscape: Any) -> SymbolicTensor | None:
        import sympy

        inner = self._field(landscape.dimension).symbolic(landscape)
        if inner is None:
            return None
        kappa = sympy.Symbol("noise factor", real=True)
        return kappa * inner[0], {**inner[1], kappa: self.kappa}

    def __str__(self) -> str:
        return f"D = eta/(2S) C1(x), eta = {self.learning_rate:g}, S = {self.batch_size:g}"


@lru_cache(maxsize=64)
def _exact_divergence(noise: Diffusion, landscape: Any) -> Callable[[Array], Array] | None:
    """Div D as a NumPy function of x (d, ...), where D is a formula."""
    found = noise.symbolic(landscape)
    if found is None:
        return None
    import sympy

    (tensor, parameters), variables = found, landscape.symbolic.variables
    rows = [sum(sympy.diff(tensor[i, j], v) for j, v in enumerate(variables)) for i in range(len(variables))]
    values = {**landscape.symbolic.parameters, **parameters}
    function = sympy.lambdify([*variables, *values], rows, modules=["scipy", "numpy"], cse=True)
    return lambda x: np.stack([np.broadcast_to(row, x.shape[1:]) for row in function(*x, *values.values())])


def _tuples(array: Array) -> Any:
    """A nested tuple, so that descriptions stay hashable."""
    return tuple(_tuples(a) if a.ndim else float(a) for a in array)


def _spread(matrix: Array, x: Array) -> Array:
    """A constant (d, d) matrix at every point of x (d, ...)."""
    return np.broadcast_to(matrix.reshape(matrix.shape + (1,) * (x.ndim - 1)), matrix.shape + x.shape[1:]).copy()


def _on_diagonal(values: Array, dimension: int, isotropic: bool) -> Array:
    """Values (...) or (d, ...) on the diagonal of a tensor (d, d, ...)."""
    points = values.shape if isotropic else values.shape[1:]
    tensor = np.zeros((dimension, dimension, *points))
    for i in range(dimension):
        tensor[i, i] = values if isotropic else values[i]
    return tensor


def _hessian_formula(symbolic: Any) -> Any:
    """Minus the Jacobian of the drift, as a sympy matrix (the Hessian, for a landscape)."""
    import sympy

    return -sympy.Matrix(symbolic.drift).jacobian(sympy.Matrix(symbolic.variables))


def _symbolic_absolute(hessian: Any, floor: Any, shape: str) -> Any:
    """|H| with its floor as a formula: entry by entry if diagonal, closed form in 2-D, ``None`` beyond.

    A symmetric 2 x 2 matrix M >= 0 has the root sqrt(M) = (M + sqrt(det M) I) / sqrt(tr M + 2 sqrt(det M)).
    """
    import sympy

    d = hessian.shape[0]
    if hessian.is_diagonal():
        entries = [hessian[i, i] for i in range(d)]
        return sympy.diag(
            *[sympy.Abs(h) + floor if shape == "additive" else sympy.sqrt(h**2 + floor**2) for h in entries]
        )
    if d != 2:
        return None
    squared = hessian * hessian
    if shape == "smooth":
        return symbolic_root(squared + floor**2 * sympy.eye(2))
    # det |H| = |det H| without rounding, and |H| = 0 (not 0/0) where H = 0
    determinant = sympy.Abs(hessian[0, 0] * hessian[1, 1] - hessian[0, 1] ** 2)
    length = sympy.sqrt(squared[0, 0] + squared[1, 1] + 2 * determinant + sympy.Float(1e-36))
    return (squared + determinant * sympy.eye(2)) / length + floor * sympy.eye(2)


def symbolic_root(matrix: Any) -> Any:
    """The symmetric square root of a symmetric non-negative matrix that is diagonal or 2 x 2."""
    import sympy

    d = matrix.shape[0]
    if matrix.is_diagonal():
        return sympy.diag(*[sympy.sqrt(matrix[i, i]) for i in range(d)])
    if d != 2:
        raise ValueError(f"a closed square root needs a diagonal or 2 x 2 matrix; got {d} x {d}")
    # rounding can push the determinant of a singular matrix below zero
    determinant = sympy.sqrt(sympy.Max(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] ** 2, 0))
    trace = matrix[0, 0] + matrix[1, 1]
    return (matrix + determinant * sympy.eye(2)) / sympy.sqrt(trace + 2 * determinant)
