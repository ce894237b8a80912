"""Slow modes of the generator.

    A^T psi_k = lambda_k psi_k,      0 = lambda_0 > Re lambda_1 >= ...,      gap = -Re lambda_1

With detailed balance the eigenvalues are refined as Rayleigh quotients of the difference form
sum_ij p_i rate_ij (f_i - f_j)^2 / 2, whose terms are positive: small eigenvalues keep their digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.solver import DIRECT_LIMIT, aligned
from fpsim.density.walk import Walk

if TYPE_CHECKING:
    import xarray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """Eigenvalues nearest zero and their modes.

    Attributes:
        eigenvalues: (k,), real where the walk has detailed balance, in order of falling real part.
        modes: dataset ``mode`` (index, x[, y[, z]]): right eigenvectors of the generator (densities, L1 norm one).
    """

    eigenvalues: NDArray[Any]
    modes: xarray.Dataset

    @property
    def gap(self) -> float:
        """Slowest relaxation rate: minus the real part of the second eigenvalue (the first with absorbing walls)."""
        first = self.eigenvalues[0].real
        rates = -self.eigenvalues.real
        return float(rates[0] if abs(first) > 1e-9 * abs(self.eigenvalues).max() else rates[1])

    def __str__(self) -> str:
        return "eigenvalues " + ", ".join(f"{v:.8g}" for v in self.eigenvalues) + f"; gap {self.gap:.8g}"


def spectrum(walk: Walk, balance: Array | None, k: int) -> Spectrum:
    """The ``k`` slowest modes.

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
    values, vectors = _balanced(walk, balance, k) if balance is not None else _general(walk, k)
    order = np.argsort(-values.real, kind="stable")
    values, vectors = values[order], vectors[:, order]
    vectors = vectors / (np.abs(vectors).sum(axis=0) * walk.grid.volume)
    return Spectrum(values, _modes(walk, vectors, values))


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


def _general(walk: Walk, k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenpairs without detailed balance: complex in general."""
    from scipy.sparse import identity
    from scipy.sparse.linalg import LinearOperator, eigs

    from fpsim.density.solver import factorise

    generator = walk.generator.tocsc()
    shift = 1e-3 * float(np.median(walk.leaving)) / walk.grid.size ** (2 / walk.grid.dimension) + 1e-12
    factor = factorise((shift * identity(walk.grid.size, format="csc") - generator).tocsc())
    inverse = LinearOperator(generator.shape, matvec=lambda v: -factor.solve(v.ravel()), dtype=float)
    values, vectors = eigs(generator, k=k, sigma=shift, OPinv=inverse, v0=np.ones(walk.grid.size), tol=1e-12)
    return np.asarray(values), np.asarray(vectors)


def _modes(walk: Walk, vectors: NDArray[Any], values: NDArray[Any]) -> xarray.Dataset:
    from fpsim.storage import dataset

    grid = walk.grid
    shaped = vectors.real.T.reshape((vectors.shape[1], *grid.shape))
    coordinates = {
        "index": ("index", np.arange(values.size), "", "mode"),
        "eigenvalue": ("index", values.real, "1/time", "real part of the eigenvalue"),
        **grid.coordinates(),
    }
    return dataset(
        {"mode": (("index", *grid.dims), shaped, "1/volume", "real part of the mode")}, coordinates, grid=str(grid)
    )
