"""How far a grid's answer is from that of the equation: coarser grids, and what cells have to resolve.

    error = max over coarser grids of |q(h) - q(h')|,      h' = 2 h and 3 h / 2

Where q(h) = q + C h^2 this is three times the error of q(h), at first order it is the error itself, and it is of the
size of q where the cells resolve nothing.  It is worked out when somebody first looks at it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.density.grid import Grid
from fpsim.targets import as_set
from landscapes.notebook import Shown

if TYPE_CHECKING:
    from fpsim.density.equation import Equation
    from fpsim.density.walk import Walk

Array = NDArray[np.float64]
FACTORS = (0.5, 2 / 3)
SMALL = 0.05  # largest relative error that is called small
STEEP = 0.05  # largest share of the probability in cells from which the density changes more than e-fold to the next
NARROWEST = 4.0  # fewest cells across a target


@dataclass(frozen=True)
class Discretisation:
    """What the cells of a grid cost.

    Attributes:
        errors: estimated absolute error of each quantity, by name.
        of: what the first of them is the error of, in words.
        assumptions: whether the cells are small enough, each checked.
    """

    errors: dict[str, Any]
    of: str
    assumptions: tuple[Assumption, ...]

    @property
    def error(self) -> float:
        """The first of ``errors``."""
        return float(np.max(next(iter(self.errors.values()))))

    @property
    def failed(self) -> tuple[Assumption, ...]:
        """Assumptions that do not hold."""
        return tuple(a for a in self.assumptions if not a.holds)

    def attributes(self) -> dict[str, Any]:
        """As attributes of a dataset."""
        from fpsim.storage import attribute

        found: dict[str, Any] = {
            "discretisation_error": self.error,
            "discretisation_error_of": self.of,
            **{name: value for k, (name, value) in enumerate(self.errors.items()) if k},
            "assumptions": [{f.name: getattr(a, f.name) for f in fields(Assumption)} for a in self.assumptions],
        }
        if self.failed:
            found["failed_assumptions"] = "; ".join(f"{a.statement} ({a.detail})" for a in self.failed)
        return {name: attribute(value) for name, value in found.items()}

    def __str__(self) -> str:
        lines = [f"discretisation error {self.error:.2g} ({self.of})"]
        return "\n".join(lines + [f"  FAILED assumption: {a.statement} ({a.detail})" for a in self.failed])


@dataclass(frozen=True, kw_only=True, repr=False)
class Judged(Shown):
    """A result that knows what its grid costs.

    Attributes:
        estimate: works that out; asked when it is first looked at.
    """

    estimate: Callable[[], Discretisation] | None = field(default=None, repr=False, compare=False)

    @cached_property
    def discretisation(self) -> Discretisation:
        """Errors of the grid, and whether its cells are small enough."""
        if self.estimate is None:
            raise ValueError("this result was made without an estimate of its discretisation error")
        return self.estimate()

    @property
    def discretisation_error(self) -> float:
        """Estimated absolute error of the result's main number."""
        return self.discretisation.error

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Whether the cells are small enough, each checked."""
        return self.discretisation.assumptions

    def _told(self) -> str:
        return "" if self.estimate is None else f"\n{self.discretisation}"


Quantities = dict[str, Any]


def judged(
    equation: Equation, solve: Callable[[Equation], Quantities], fine: Quantities, of: str, scale: float,
    compare: Callable[[Equation, Quantities, Quantities], Quantities],
    checks: Callable[[], Sequence[Assumption]] = tuple, walk: Walk | None = None,
) -> Discretisation:  # fmt: skip
    """Errors of ``fine`` (from ``equation``) against the same on coarser grids.

    Args:
        equation: the equation on its grid.
        solve: the quantities for another grid.
        fine: the quantities on this one.
        of: what the first error is of, in words.
        scale: what the first error is small or large against.
        compare: absolute differences between the quantities of a coarser equation and of this one, by name.
        checks: more assumptions.
        walk: what the quantities were worked out with.
    """
    worst: Quantities = {}
    trouble = ""
    for factor in FACTORS:
        try:
            coarse = equation.refined(factor)
            for name, value in compare(coarse, solve(coarse), fine).items():
                worst[name] = np.fmax(worst.get(name, 0.0), value)
        except (ValueError, RuntimeError) as error:
            trouble = str(error)
    if not worst:
        worst = {"discretisation_error": np.inf}
    found = list(checks())
    first = next(iter(worst))
    worst[first] = np.fmax(worst[first], scale * max((c.lost for c in found if isinstance(c, Across)), default=0.0))
    errors = {name: np.asarray(value).tolist() for name, value in worst.items()}
    largest = float(np.max(next(iter(errors.values()))))
    detail = f"estimated {largest:.2g}, against {scale:.4g}" + (f"; on a coarser grid: {trouble}" if trouble else "")
    small = Assumption(
        f"the discretisation error is small: at most {SMALL:.0%}",
        largest <= SMALL * scale and not trouble,
        detail,
        key="discretisation",
    )
    return Discretisation(errors, of, (small, *scheme(equation, walk or equation.walk), *found))


def scheme(equation: Equation, walk: Walk) -> list[Assumption]:
    """Whether the rates are second order where they could be."""
    found, counts, size = [], walk.counts, equation.grid.size
    upwind = counts.get("upwind", 0) if walk is equation.walk else size
    if walk is equation.fitted and upwind:
        detail = (
            f"{upwind} of {size} cells have upwind rates, whose numerical diffusion is drift times half a cell; give "
            "more cells, or a smaller box"
        )
        found.append(
            Assumption("cells are small against what the drift carries past them", False, detail, key="cells and drift")
        )
    if counts.get("thickened", 0):
        detail = f"in {counts['thickened']} of {size} cells it is so flat and so oblique that it was made thicker"
        found.append(Assumption("the noise can be split along directions of the grid", False, detail, key="split"))
    return found


def resolution(masses: Array, grid: Grid) -> Assumption:
    """Whether cells are small against the widths of a density with these masses (n,)."""
    shaped = masses.reshape(grid.shape)
    steep = np.zeros(grid.shape, dtype=bool)
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(shaped, 1e-300))
    for k in range(grid.dimension):
        jump = np.abs(np.diff(logs, axis=k)) > 1
        for side in (0, 1):
            # the denser cell of the two carries the mass that is not resolved
            denser = np.diff(logs, axis=k) < 0 if side == 0 else np.diff(logs, axis=k) >= 0
            pad = [(0, 0)] * grid.dimension
            pad[k] = (0, 1) if side == 0 else (1, 0)
            steep |= np.pad(jump & denser, pad)
    share = float(shaped[steep].sum() / shaped.sum())
    return Assumption(
        "cells are small against the width of the density", share <= STEEP,
        f"{share:.2g} of the probability lies in cells from which the density falls more than e-fold to the next",
        key="cells and density",
    )  # fmt: skip


@dataclass(frozen=True)
class Across(Assumption):
    """Whether a set is some cells wide.

    Attributes:
        lost: relative error of what depends on a set narrower than a cell: an answer that varies like log r or 1 / r
            with its radius is that of a set as wide as a cell, on every grid.
    """

    lost: float = 0.0


def across(target: Any, inside: NDArray[np.bool_], grid: Grid) -> Across | None:
    """Whether a set is some cells wide; ``None`` for those that reach beyond the grid."""
    known = as_set(target)
    if known is None or known.plane() is not None:
        return None
    ball = known.ball()
    if ball is not None:
        wide = 2 * ball[1] / float(grid.spacing.max())
    else:
        places = np.stack(np.unravel_index(np.flatnonzero(inside), grid.shape))
        wide = float(np.ptp(places, axis=1).min() + 1) if places.size else 0.0
    lost = 0.0
    if 0 < wide < 1 and grid.dimension > 1:
        lost = -math.log(wide) if grid.dimension == 2 else 1 / wide
    name = "the set" if ball is None else str(target)
    return Across(
        "the set is some cells wide", wide >= NARROWEST, f"{name}: {wide:.2g} cells across", lost=lost, key="set wide"
    )


# --- differences between a coarser grid and this one ---


def at_centers(field: Array, grid: Grid, coarse: Grid) -> Array:
    """A field (..., *shape) of ``grid`` at the centres of a coarser grid on the same box, by cubic splines."""
    from scipy.ndimage import map_coordinates

    axes = [(np.arange(m) + 0.5) * (n / m) - 0.5 for n, m in zip(grid.shape, coarse.shape, strict=True)]
    places = np.stack(np.meshgrid(*axes, indexing="ij"))
    stack = field.reshape((-1, *grid.shape))
    values = [map_coordinates(one, places, order=3, mode="nearest") for one in stack]
    return np.stack(values).reshape(field.shape[: field.ndim - grid.dimension] + coarse.shape)


def densities_apart(fine: Array, grid: Grid, rough: Array, coarse: Grid) -> Quantities:
    """L1 distance of densities (..., *shape), and differences of their means and variances per axis."""
    near = at_centers(fine, grid, coarse)
    space = tuple(range(fine.ndim - grid.dimension, fine.ndim))
    apart = np.abs(near - rough).sum(axis=space) * coarse.volume
    moments = [_moments(values, g) for values, g in ((fine, grid), (rough, coarse))]
    mean, variance = (np.abs(a - b) for a, b in zip(*moments, strict=True))
    return {"density_error": apart, "mean_error": mean, "variance_error": variance}


def _moments(density: Array, grid: Grid) -> tuple[Array, Array]:
    """Mean and variance of every coordinate, the largest over all times is compared: each (..., d)."""
    flat = density.reshape((*density.shape[: density.ndim - grid.dimension], grid.size))
    weights = flat / flat.sum(axis=-1, keepdims=True)
    mean = weights @ grid.points.T
    return mean, weights @ (grid.points**2).T - mean**2


def fields_apart(fine: Array, inside: NDArray[np.bool_], grid: Grid, rough: Array, coarse: Grid) -> float:
    """Largest difference of two fields (*shape) at coarse cells that are not next to the sets cut out."""
    from scipy.ndimage import binary_dilation

    near = at_centers(fine.reshape(grid.shape), grid, coarse)
    cut = at_centers(inside.reshape(grid.shape).astype(float), grid, coarse) > 0.01
    clear = ~binary_dilation(cut, iterations=2) if cut.any() else ~cut
    if not clear.any():
        clear = ~cut
    apart = np.abs(near - rough.reshape(coarse.shape))
    return float(apart[clear].max()) if clear.any() else np.inf


def numbers_apart(coarse: Equation, rough: Quantities, fine: Quantities) -> Quantities:
    """Absolute differences of numbers, by name."""
    return {f"{name}_error": abs(rough[name] - fine[name]) for name in fine}
