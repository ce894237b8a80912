"""A landscape known on a plane through a larger one: the losses l_j of single examples on a grid, joined by splines,

    L(x, y) = (1/m) sum_j l_j(x, y),      C1 = (1/m) sum_j (g_j - g)(g_j - g)^T,      g_j = grad l_j.

Gradients, Hessian and C1 are exact derivatives of the same splines (`landscapes.formula.surfaces`), which go on beyond
the edges of the grid as bowls, so that a path cannot be lost.  What SGD would do out of the plane is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array, PlainFunctions
from landscapes.formula.surfaces import Surfaces
from landscapes.landscape import Landscape
from landscapes.progress import Progress, shows_progress

FEWEST_NODES = 8


class PlaneLandscape(Landscape):
    """A 2-D landscape from the tabulated losses of single examples; made by `through` or `around` as a rule.

    It knows its examples, as a `DatasetLandscape` does: their gradients, the covariance of one, mini-batches.  Paths
    and grids take it; it is no formula, so paths run in NumPy.

    Args:
        x, y: (nx,), (ny,) rising nodes at equal distances, 8 or more each.
        losses: (m, nx, ny) the loss of every example at every node, or (nx, ny) for a loss without examples.
        wall: curvature of the bowl beyond the edges; the largest of the mean loss on the grid if None.
        name: shown in results.
        origin, axes: (d,) and (2, d), where the plane lies in the larger landscape, if there is one.

    Raises:
        ValueError: for wrong shapes, values that are not finite, or a mean loss that falls outward at an edge, beyond
            which nothing is known.
    """

    surfaces: Surfaces
    nodes: tuple[Array, Array]
    values: Array
    origin: Array | None
    axes: Array | None

    def __init__(
        self,
        x: ArrayLike,
        y: ArrayLike,
        losses: ArrayLike,
        wall: float | None = None,
        name: str = "plane",
        origin: ArrayLike | None = None,
        axes: ArrayLike | None = None,
    ) -> None:
        nodes = _nodes(x, "x"), _nodes(y, "y")
        values = np.array(losses, dtype=np.float64)
        values = values[None] if values.ndim == 2 else values
        if values.ndim != 3 or values.shape[1:] != (len(nodes[0]), len(nodes[1])):
            raise ValueError(f"losses have shape (m, {len(nodes[0])}, {len(nodes[1])}); got {values.shape}")
        if not np.isfinite(values).all():
            raise ValueError("the losses hold values that are not finite numbers")
        surfaces = _confined(nodes, np.moveaxis(values, 0, -1), wall)
        values.flags.writeable = False
        foot, arrows = (None if given is None else np.array(given, dtype=np.float64) for given in (origin, axes))
        self.__dict__.update(surfaces=surfaces, nodes=nodes, values=values, origin=foot, axes=arrows)
        mean = surfaces.mean
        parts = (mean.values, mean.gradients, mean.hessians)
        loss, slope, curvature = (partial(_first, part) for part in parts)
        functions = PlainFunctions(2, loss, slope, curvature)
        self._describe(functions, ("x", "y"), surfaces.box, name)

    @classmethod
    @shows_progress("plane")
    def through(
        cls, landscape: Any, first: ArrayLike, second: ArrayLike, third: ArrayLike, margin: float = 0.25,
        count: int = 33, progress: Progress = None, **settings: Any,
    ) -> PlaneLandscape:  # fmt: skip
        """The plane through three points: first = (0, 0), second = (their distance, 0), third above the x-axis.

        Args:
            landscape: a `DatasetLandscape`, or a `landscapes.NeuralLandscape`.
            first, second, third: (d,), not on one line; of a network also torch modules or state dictionaries.
            margin: how far to go beyond the three, in units of the extent.
            count: nodes per axis.
            progress: ``True`` for a bar, or called with the share of the nodes that is done.
            settings: as for the class.
        """
        own = getattr(landscape, "parameters_of", np.asarray)
        a, b, c = (np.asarray(own(point), dtype=np.float64) for point in (first, second, third))
        e, step = b - a, c - a
        length = float(np.linalg.norm(e))
        f = step - (step @ e) / (e @ e) * e if length > 0 else step
        height = float(np.linalg.norm(f))
        if not (length > 0 and height > 1e-9 * np.linalg.norm(step)):
            raise ValueError("the three points lie on one line, and span no plane; give a third one beside it")
        foot = float(step @ e) / length
        low, high = min(0.0, foot), max(length, foot)
        spread = margin * (high - low), margin * height
        box = (low - spread[0], high + spread[0]), (-spread[1], height + spread[1])
        return cls._cut(landscape, a, np.stack([e / length, f / height]), box, count, progress, settings)

    @classmethod
    @shows_progress("plane")
    def around(
        cls, landscape: Any, origin: ArrayLike, directions: ArrayLike, reach: tuple[float, float], count: int = 33,
        progress: Progress = None, **settings: Any,
    ) -> PlaneLandscape:  # fmt: skip
        """The plane of two directions (2, d), such as eigenvectors, around a point (d,), ``reach`` far either way."""
        axes = np.asarray(directions, dtype=np.float64)
        if axes.ndim != 2 or len(axes) != 2:
            raise ValueError(f"directions have shape (2, {landscape.dimension}); got {axes.shape}")
        square, _ = np.linalg.qr(axes.T)
        square = square.T * np.sign(np.einsum("ij,ij->i", square.T, axes))[:, None]
        if abs(np.linalg.det(axes @ square.T)) < 1e-9 * np.prod(np.linalg.norm(axes, axis=1)):
            raise ValueError("the two directions are one, and span no plane")
        box = (-reach[0], reach[0]), (-reach[1], reach[1])
        return cls._cut(landscape, np.asarray(origin, dtype=np.float64), square, box, count, progress, settings)

    @classmethod
    def _cut(
        cls, landscape: Any, origin: Array, axes: Array, box: Any, count: int, progress: Progress | None, settings: Any
    ) -> PlaneLandscape:
        if axes.shape != (2, landscape.dimension) or origin.shape != (landscape.dimension,):
            raise ValueError(f"points have shape ({landscape.dimension},); got {origin.shape} and axes {axes.shape}")
        x, y = (np.linspace(low, high, count) for low, high in box)
        columns = []
        for done, u in enumerate(x, 1):
            line = origin[:, None] + axes[0][:, None] * u + axes[1][:, None] * y
            columns.append(landscape.example_losses(line))
            if progress is not None:
                progress(done / count)
        known = {"name": f"plane through {landscape.name}", "origin": origin, "axes": axes, **settings}
        return cls(x, y, np.stack(columns, axis=1), **known)

    @property
    def number_of_examples(self) -> int:
        """The number m of examples."""
        return len(self.values)

    @property
    def keeps_buffers(self) -> bool:
        """No: what a network keeps beside its parameters is in the table."""
        return False

    @property
    def spline_error(self) -> float:
        """How far splines on every other node are from the mean loss in between: a bound on what the nodes miss."""
        (x, y), mean = self.nodes, self.values.mean(axis=0)
        odd = [len(n) - (len(n) + 1) % 2 for n in (x, y)]
        if min(odd) < 2 * FEWEST_NODES - 1:
            raise ValueError(f"every other one of {len(x)} and {len(y)} nodes is too few for a spline")
        x, y, mean = x[: odd[0]], y[: odd[1]], mean[: odd[0], : odd[1]]
        coarse = Surfaces.through(x[::2], y[::2], mean[::2, ::2, None], 0.0)
        grid = np.stack(np.meshgrid(x, y, indexing="ij")).reshape(2, -1)
        return float(np.abs(coarse.values(grid)[0] - mean.ravel()).max())

    def point(self, x: ArrayLike) -> Array:
        """Where x (2, ...) lies in the larger landscape, shape (d, ...)."""
        if self.origin is None or self.axes is None:
            raise ValueError("this plane was made from a table, which does not say where it lies")
        points = self._points(x)
        foot = self.origin.reshape(-1, *(1 for _ in points.shape[1:]))
        return np.asarray(foot + np.tensordot(self.axes.T, points, 1))

    def example_losses(self, x: ArrayLike) -> Array:
        """The losses of all examples at x (2, ...), shape (m, ...)."""
        return _flat(self.surfaces.values, self._points(x))

    def example_gradients(self, x: ArrayLike) -> Array:
        """Their gradients, shape (m, 2, ...)."""
        return _flat(self.surfaces.gradients, self._points(x))

    def gradient_covariance(self, x: ArrayLike) -> Array:
        """The covariance C1 of one example's gradient, shape (2, 2, ...)."""

        def covariance(points: Array) -> Array:
            gaps = self.surfaces.gradients(points)
            gaps -= gaps.mean(axis=0)
            return np.einsum("min,mjn->ijn", gaps, gaps)[None] / len(gaps)

        return _flat(covariance, self._points(x))[0]

    def batch_gradients(self, x: ArrayLike, picks: ArrayLike) -> Array:
        """Gradients (2, R) of mini-batches, each at a point of its own: x (2, R), numbers of examples (S, R)."""
        rows = np.asarray(picks, dtype=np.int64)
        return np.asarray(self.surfaces.gradients(self._points(x), rows).mean(axis=0))

    def _content(self) -> tuple[object, ...]:
        return type(self), self.name, self.bounds, self.values.tobytes()

    def __str__(self) -> str:
        across, up = (len(nodes) for nodes in self.nodes)
        return f"{self.name} ({self.number_of_examples} examples on {across} x {up} nodes)"


def _flat(function: Callable[[Array], Array], x: Array) -> Array:
    """A function of points (2, n), of points (2, ...)."""
    found = function(np.ascontiguousarray(x.reshape(2, -1)))
    return found.reshape(*found.shape[:-1], *x.shape[1:])


def _first(function: Callable[[Array], Array], x: Array) -> Array:
    """That of the only member of a family."""
    return np.asarray(_flat(function, x)[0])


def _nodes(given: ArrayLike, name: str) -> Array:
    """Rising nodes at equal distances."""
    nodes = np.array(given, dtype=np.float64)
    if nodes.ndim != 1 or len(nodes) < FEWEST_NODES or not np.isfinite(nodes).all():
        raise ValueError(f"{name} holds at least {FEWEST_NODES} finite nodes, shape (n,); got shape {nodes.shape}")
    gaps, spacing = np.diff(nodes), (nodes[-1] - nodes[0]) / (len(nodes) - 1)
    if not spacing > 0 or np.abs(gaps - spacing).max() > 1e-6 * spacing:
        raise ValueError(
            f"the nodes of {name} rise by equal steps; these are between {gaps.min():g} and {gaps.max():g}"
        )
    return nodes


def _confined(nodes: tuple[Array, Array], values: Array, wall: float | None) -> Surfaces:
    """The splines with a wall, if the mean loss rises outward along all four edges."""
    inner = Surfaces.through(*nodes, values, 0.0)
    grid = np.stack(np.meshgrid(*nodes, indexing="ij")).reshape(2, -1)
    steepest = float(np.abs(inner.mean.hessians(grid)).max())
    curvature = 2 * steepest if wall is None else float(wall)  # more than the mixed derivative, which stays beyond
    if not steepest < curvature < math.inf:
        raise ValueError(
            f"the wall is a curvature above the largest second derivative on the grid, {steepest:g}; got {wall!r}"
        )
    slope = inner.mean.gradients(grid)[0].reshape(2, *(len(n) for n in nodes))
    edges = {"lower x": -slope[0, 0], "upper x": slope[0, -1], "lower y": -slope[1, :, 0], "upper y": slope[1, :, -1]}
    for edge, rise in edges.items():
        if not rise.min() > 0:
            raise ValueError(
                f"the mean loss does not rise outward along the edge of {edge} (least outward slope {rise.min():.3g}), "
                "and beyond it nothing is known; let the grid reach up a wall on all sides"
            )
    return Surfaces(inner.knots, inner.coefficients, inner.box, curvature)
