"""Slow modes of the generator.

    A^T psi_k = lambda_k psi_k,      0 = lambda_0 > Re lambda_1 >= ...,      gap = -Re lambda_1

With detailed balance the eigenvalues are refined as Rayleigh quotients of the difference form
sum_ij p_i rate_ij (f_i - f_j)^2 / 2, whose terms are positive.  Without it they lie off the real axis, and those of
largest real part need not be near zero: they are looked for around several shifts along the imaginary axis.  Rates of
rare events are those of the chain between the valleys' bottoms, which knows each of them to all digits (``slow``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.density.discretisation import Discretisation, Judged
from fpsim.density.slow import SLOW, slow_rates
from fpsim.density.solver import DIRECT_LIMIT, aligned
from fpsim.density.walk import Walk
from fpsim.storage import Stored, attribute, facts_of
from landscapes.progress import tell

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]
DENSE = 400  # cells up to which all eigenvalues are worked out
MOST_SHIFTS = 12


@dataclass(frozen=True, repr=False)
class Spectrum(Judged, Stored):
    """Eigenvalues of largest real part and their modes.

    Attributes:
        eigenvalues: (k,), real where the walk has detailed balance, in order of falling real part.
        modes: dataset ``mode`` (index, x[, y[, z]]): right eigenvectors of the generator (densities, L1 norm one).
        checks: whether no eigenvalue was missed.
    """

    eigenvalues: NDArray[Any]
    modes: xarray.Dataset
    checks: tuple[Assumption, ...] = ()

    @property
    def gap(self) -> float:
        """Slowest relaxation rate: minus the real part of the second eigenvalue (the first with absorbing walls)."""
        return spectral_gap(self.eigenvalues)

    def to_xarray(self) -> xarray.Dataset:
        """The modes with their eigenvalues, real and imaginary part, and what the grid costs."""
        parts = {"eigenvalue_real": self.eigenvalues.real, "eigenvalue_imaginary": self.eigenvalues.imag}
        data = self.modes.assign({name: ("index", values, {"units": "1/time"}) for name, values in parts.items()})
        cost = None if self.estimate is None else self.discretisation
        facts = {
            "is_real": not np.iscomplexobj(self.eigenvalues),
            "modes_facts": dict(self.modes.attrs),
            "checks": [vars(check) for check in self.checks],
            "errors": None if cost is None else cost.errors,
            "errors_of": None if cost is None else cost.of,
            "grid_checks": None if cost is None else [vars(check) for check in cost.assumptions],
        }
        return data.assign_attrs({name: attribute(value) for name, value in facts.items() if value is not None})

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of :meth:`to_xarray`."""
        facts = facts_of(data)
        values = data.eigenvalue_real.values
        if not facts["is_real"]:
            values = values + 1j * data.eigenvalue_imaginary.values
        modes = data.drop_vars(["eigenvalue_real", "eigenvalue_imaginary"])
        modes.attrs = facts["modes_facts"]
        checks, estimate = tuple(Assumption(**check) for check in facts["checks"]), None
        if "errors" in facts:
            judged = tuple(Assumption(**check) for check in facts["grid_checks"])
            cost = Discretisation(facts["errors"], facts["errors_of"], judged)
            estimate = partial(_known, cost)
        return cls(values, modes, checks, estimate=estimate)

    def plot(self, axes: Any = None) -> Any:
        """Rates of relaxation on a log axis; where eigenvalues are complex, the plane.  Returns the figure."""
        from fpsim.plotting import spectrum_chart

        return spectrum_chart(self, axes)

    def __repr__(self) -> str:
        """The gap and how many eigenvalues; ``print`` shows them and their errors."""
        return f"<Spectrum: gap {self.gap:.8g}; {self.eigenvalues.size} eigenvalues>"

    def __str__(self) -> str:
        values = ", ".join(f"{v:.8g}" for v in self.eigenvalues)
        return f"eigenvalues {values}; gap {self.gap:.8g}{self._told()}"


def _known(cost: Discretisation) -> Discretisation:
    return cost


def spectral_gap(eigenvalues: NDArray[Any]) -> float:
    """Minus the largest real part but for a zero, which is exact where mass is conserved."""
    rates = -eigenvalues.real
    return float(rates[1] if eigenvalues[0] == 0 else rates[0])


def spectrum(walk: Walk, balance: Array | None, k: int, seeds: Callable[[], NDArray[Any]]) -> Spectrum:
    """The ``k`` slowest modes.

    Args:
        walk: the walk.
        balance: log of the stationary masses if there is detailed balance.
        k: how many.
        seeds: eigenvalues of a coarser grid, where to look for complex ones.

    Raises:
        ValueError: for k < 2 or as large as the grid, or a system too large to factorise.
    """
    n = walk.grid.size
    if not 2 <= k <= n - 2:
        raise ValueError(f"spectrum(k) gives 2 to {n - 2} eigenvalues on this grid; got k = {k}")
    if not walk.is_line and n > DIRECT_LIMIT[walk.grid.dimension]:
        raise ValueError(
            f"the spectrum needs a factorisation of {n} x {n} cells, which is too large; use a coarser grid"
        )
    checks: tuple[Assumption, ...] = ()
    if balance is not None:
        values, vectors = _balanced(walk, balance, k)
    elif n <= DENSE:
        values, vectors = np.linalg.eig(walk.generator.toarray())
    else:
        values, vectors, checks = _around_shifts(walk, k, seeds())
    order = np.argsort(-values.real, kind="stable")[:k]
    values, vectors = values[order], vectors[:, order]
    if walk.conserves_mass:  # the sum of every column of the generator is zero
        values[np.argmin(np.abs(values))] = 0.0
    rare = (np.abs(values) < SLOW * walk.leaving.max()) & (values != 0)
    if rare.any():
        values[rare] = slow_rates(walk, int(rare.sum()))
        order = np.argsort(-values.real, kind="stable")
        values, vectors = values[order], vectors[:, order]
    vectors = vectors / (np.abs(vectors).sum(axis=0) * walk.grid.volume)
    return Spectrum(values, _modes(walk, vectors, values), checks)


def _balanced(walk: Walk, balance: Array, k: int) -> tuple[Array, Array]:
    """Eigenpairs of the symmetrised generator, eigenvalues refined by the difference form."""
    root = np.exp(np.maximum(balance, -1200.0) / 2)
    if walk.is_line:
        from scipy.linalg import eigh_tridiagonal

        up, down = walk.line
        n = walk.grid.size
        _, vectors = eigh_tridiagonal(-walk.leaving, np.sqrt(up * down), select="i", select_range=(n - k, n - 1))
    else:
        vectors = _lanczos(walk, k)
    # functions f = vector / root: where the stationary mass underflows the vector does too
    functions = np.where(root[:, None] > 1e-150, vectors / np.maximum(root, 1e-150)[:, None], 0.0)
    refined, turn = _refined(walk, root**2, functions)
    return refined, (functions @ turn) * (root**2)[:, None]


def _lanczos(walk: Walk, k: int) -> Array:
    """The k slowest eigenvectors of the symmetrised generator, (n, k)."""
    from scipy.sparse import diags
    from scipy.sparse.linalg import LinearOperator, eigsh

    from fpsim.density.solver import factorise

    forth, back = aligned(walk.rates)
    forth.data = np.sqrt(forth.data * back.data)
    matrix = (forth - diags(walk.leaving)).tocsc()
    shift = 1e-3 * float(np.median(walk.leaving)) / walk.grid.size ** (2 / walk.grid.dimension) + 1e-12
    factor = factorise((diags(np.full(walk.grid.size, shift)) - matrix).tocsc())
    tell(0.5)
    inverse = LinearOperator(matrix.shape, matvec=lambda v: -factor.solve(v.ravel()), dtype=float)
    start = np.ones(walk.grid.size)
    _, vectors = eigsh(matrix, k=k, sigma=shift, which="LM", OPinv=inverse, v0=start, tol=1e-12)
    return np.asarray(vectors)


def _refined(walk: Walk, mass: Array, functions: Array) -> tuple[Array, Array]:
    """Rayleigh-Ritz in the span of ``functions`` (n, k): eigenvalues (k,) and the combinations (k, k)."""
    from scipy.linalg import eigh

    from fpsim.density.passage import difference_form

    if walk.conserves_mass:
        # the constant is the first mode exactly; the others are made orthogonal to it
        others = functions - (mass @ functions) / mass.sum()
        sizes = np.sqrt(mass @ others**2)
        keep = np.argsort(-sizes)[: functions.shape[1] - 1]
        basis = others[:, np.sort(keep)]
    else:
        basis = functions
    overlap = (basis * mass[:, None]).T @ basis
    form = difference_form(walk.rates, mass, basis) + (basis * (mass * walk.killing)[:, None]).T @ basis
    rates, turn = eigh(form, overlap)
    combination = np.linalg.lstsq(functions, basis @ turn, rcond=None)[0]
    if walk.conserves_mass:
        constant = np.linalg.lstsq(functions * np.sqrt(mass)[:, None], np.sqrt(mass), rcond=None)[0]
        return np.concatenate([[0.0], -rates]), np.column_stack([constant, combination])
    return -rates, combination


def _around_shifts(
    walk: Walk, k: int, seeds: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any], tuple[Assumption, ...]]:
    """Eigenpairs without detailed balance, from discs around shifts that cover the strip Re >= Re lambda_k."""
    reach = max(np.abs(seeds[: 2 * k].imag).max(initial=0.0), 0.0)
    discs: list[tuple[float, float]] = []
    values, vectors = np.empty(0, complex), np.empty((walk.grid.size, 0), complex)
    wanted = sorted({0.0, *np.round(np.abs(seeds[:k].imag), 6)})
    while len(discs) < MOST_SHIFTS:
        depth = -np.sort(-values.real)[:k][-1] if values.size >= k else np.inf
        gap = _uncovered(discs, -depth if np.isfinite(depth) else 0.0, reach)
        ahead = [y for y in wanted if all(abs(y - place) > 0.1 * radius for place, radius in discs)]
        if not discs:
            place = 0.0
        elif gap is not None:
            place = min(ahead, key=lambda y: abs(y - gap)) if ahead else gap
            wanted = [y for y in wanted if y != place]
        else:
            break
        found, modes, radius = _disc(walk, place, k)
        discs.append((place, radius))
        tell(1 - 2.0 ** -len(discs))  # how many it takes is known at the end
        values, vectors = _merged(values, vectors, found, modes)
        if place > 0:
            values, vectors = _merged(values, vectors, found.conj(), modes.conj())
    missing = _uncovered(discs, float(np.sort(-values.real)[:k][-1]), reach)
    detail = f"discs around {len(discs)} shifts" + (f"; none around {missing:.3g} i" if missing is not None else "")
    check = Assumption(
        "all eigenvalues of so large a real part were found", missing is None, detail, key="all eigenvalues"
    )
    return values, vectors, (check,)


def _uncovered(discs: list[tuple[float, float]], depth: float, reach: float) -> float | None:
    """The lowest imaginary part up to ``reach`` at which the strip of ``depth`` is in no disc; ``None`` if all is."""
    height = 0.0
    for place, radius in sorted(discs):
        half = np.sqrt(max(radius**2 - depth**2, 0.0))
        if place - half <= height:
            height = max(height, place + half)
    return None if discs and height > reach * (1 + 1e-9) else float(height) if discs else 0.0


def _disc(walk: Walk, place: float, k: int) -> tuple[NDArray[Any], NDArray[Any], float]:
    """The k eigenpairs nearest a shift on the imaginary axis, and how far the last of them is."""
    from scipy.sparse import identity
    from scipy.sparse.linalg import LinearOperator, eigs

    from fpsim.density.solver import factorise

    generator = walk.generator.tocsc()
    shift: Any = 1e-3 * float(np.median(walk.leaving)) / walk.grid.size ** (2 / walk.grid.dimension) + 1e-12
    kind: type = float
    if place:
        shift, kind, generator = shift + 1j * place, complex, generator.astype(complex)
    factor = factorise((shift * identity(walk.grid.size, format="csc") - generator).tocsc())
    inverse: Any = LinearOperator(generator.shape, matvec=lambda v: -factor.solve(v.ravel()), dtype=kind)
    start = np.ones(walk.grid.size, dtype=kind) + np.linspace(0, 1, walk.grid.size)
    values, vectors = eigs(generator, k=k, sigma=shift, OPinv=inverse, v0=start, tol=1e-11)
    return np.asarray(values), np.asarray(vectors), float(np.abs(values - shift).max())


def _merged(
    values: NDArray[Any], vectors: NDArray[Any], found: NDArray[Any], modes: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both sets of eigenpairs, those that are in both only once."""
    free = np.ones(values.size, dtype=bool)
    fresh = []
    for k, value in enumerate(found):
        near = np.abs(values - value)
        same = free & (near <= 1e-6 * max(abs(value), np.abs(found).max() * 1e-3)) if values.size else free
        if same.any():
            free[np.flatnonzero(same)[np.argmin(near[same])]] = False
        else:
            fresh.append(k)
    return np.concatenate([values, found[fresh]]), np.column_stack([vectors, modes[:, fresh]])


def _modes(walk: Walk, vectors: NDArray[Any], values: NDArray[Any]) -> xarray.Dataset:
    from fpsim.storage import dataset

    grid = walk.grid
    shaped = vectors.real.T.reshape((vectors.shape[1], *grid.shape))
    coordinates = {
        "index": ("index", np.arange(values.size), "", "mode"),
        "eigenvalue": ("index", values.real, "1/time", "real part of the eigenvalue"),
        **grid.coordinates,
    }
    return dataset(
        {"mode": (("index", *grid.dims), shaped, "1/volume", "real part of the mode")}, coordinates, grid=str(grid)
    )
