"""What a function may ask of a landscape, as types: a drift, a loss, its curvature, the examples that it averages.

Each asks for what stands above it too.  A :class:`~landscapes.DriftField` is a `HasDrift`, a
:class:`~landscapes.Landscape` a `HasHessian`, a data set or a network a `HasExamples`; anything with the same methods
will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard

from numpy.typing import ArrayLike

from landscapes.evaluation import Array

if TYPE_CHECKING:
    from landscapes.critical.points import CriticalPoint, CriticalPoints
    from landscapes.domain import Domain
    from landscapes.formula.symbolic import Symbolic

Bounds = tuple[tuple[float, float], ...]


class HasDrift(Protocol):
    """A drift b(x) of shape (d, ...) for x (d, ...), with its Jacobian (d, d, ...)."""

    def __hash__(self) -> int: ...
    @property
    def dimension(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def bounds(self) -> Bounds | None: ...
    @property
    def symbolic(self) -> Symbolic | None: ...
    @property
    def domain(self) -> Domain: ...
    @property
    def variables(self) -> tuple[str, ...]: ...
    @property
    def is_differenced(self) -> bool: ...
    def drift(self, x: ArrayLike) -> Array: ...
    def jacobian(self, x: ArrayLike) -> Array: ...


class HasLoss(HasDrift, Protocol):
    """A loss L(x) with drift -grad L."""

    def loss(self, x: ArrayLike) -> Array: ...
    def gradient(self, x: ArrayLike) -> Array: ...


class HasHessian(HasLoss, Protocol):
    """A loss whose second derivatives are known, (d, d, ...)."""

    def hessian(self, x: ArrayLike) -> Array: ...


class HasMinima(HasHessian, Protocol):
    """A loss whose minima and saddles are found in a box, its own one where none is given."""

    def critical_points(self, bounds: Bounds | None = None) -> CriticalPoints: ...
    @property
    def minima(self) -> tuple[CriticalPoint, ...]: ...
    @property
    def saddles(self) -> tuple[CriticalPoint, ...]: ...


class HasExamples(HasHessian, Protocol):
    """A loss that is the mean over m examples; C1 is the covariance of one example's gradient."""

    @property
    def number_of_examples(self) -> int: ...
    def example_gradients(self, x: ArrayLike) -> Array: ...
    def gradient_covariance(self, x: ArrayLike) -> Array: ...


class HasProducts(HasExamples, Protocol):
    """Examples whose gradients J (m, d) are known by products: J^T w at x (d,) for w (m,), and J v for v (d,)."""

    def weighted_gradient(self, x: ArrayLike, w: ArrayLike) -> Array: ...
    def slopes(self, x: ArrayLike, v: ArrayLike) -> Array: ...


def has_loss(field: HasDrift) -> TypeGuard[HasMinima]:
    """Whether it is a landscape, not only a drift field."""
    return hasattr(field, "loss")


def has_hessian(field: HasDrift) -> TypeGuard[HasHessian]:
    """Whether it is a landscape with second derivatives."""
    return hasattr(field, "hessian")


def has_examples(field: HasDrift) -> TypeGuard[HasExamples]:
    """Whether it is the mean over examples."""
    return hasattr(field, "example_gradients")


def has_products(field: HasDrift) -> TypeGuard[HasProducts]:
    """Whether it knows its examples' gradients by products."""
    return hasattr(field, "weighted_gradient")
