"""Named landscapes and drifts in two and more dimensions: L(x, y), L(x_0 ... x_{d-1}), b(x, y)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from landscapes.catalogue.parametric import NamedLandscape, ParametricLandscape
from landscapes.field import numbered, require_positive
from landscapes.functions import formula_functions
from landscapes.landscape import DriftField

MOST_COORDINATES = 10_000
"""A formula in more coordinates than this would take computer algebra for ever."""


def _coordinates(dimension: int) -> tuple[str, ...]:
    """Names of the coordinates of a formula; ``ValueError`` for more than can be handled."""
    if isinstance(dimension, int) and dimension > MOST_COORDINATES:
        raise ValueError(f"A formula takes at most {MOST_COORDINATES} coordinates; use functions for {dimension}.")
    return numbered(dimension)


class Quadratic(NamedLandscape):
    """The quadratic bowl L = x^T H x / 2, of the Ornstein-Uhlenbeck process; it has no escape.

    Args:
        curvature: a number (the same in every direction), d eigenvalues, or a symmetric d x d matrix H.
        dimension: d; may be left out with eigenvalues or a matrix.

    The parameters are the entries of H, ``h_i_j`` with i <= j; those of a diagonal H are ``h_i_i``.

    Raises:
        ValueError: for a matrix that is not symmetric, not finite, or of another size than `dimension`.
    """

    def __init__(self, curvature: ArrayLike = 1.0, dimension: int | None = None) -> None:
        h = np.asarray(curvature, dtype=np.float64)
        if h.ndim == 0:
            _coordinates(1 if dimension is None else dimension)
            h = np.full(1 if dimension is None else dimension, float(h))
        diagonal = h.ndim == 1
        matrix = np.diag(h) if diagonal else h
        d = matrix.shape[0]
        if matrix.shape != (d, d) or d == 0 or not np.all(np.isfinite(matrix)):
            raise ValueError(f"The curvature is a number, a vector or a square matrix, not of shape {h.shape}.")
        if dimension is not None and dimension != d:
            raise ValueError(f"The curvature has {d} dimension(s), but dimension={dimension}.")
        if not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0):
            raise ValueError("The matrix of a quadratic loss is symmetric; give (H + H.T)/2.")
        names = numbered(d)
        entries = [(i, j) for i in range(d) for j in range(i, d) if i == j or not diagonal]
        terms = [f"h_{i}_{j}*{names[i]}*{names[j]}{'/2' if i == j else ''}" for i, j in entries]
        self._from_formula(
            " + ".join(terms),
            names,
            {f"h_{i}_{j}": float(matrix[i, j]) for i, j in entries},
            [(-3.0, 3.0)] * d,
            start=np.zeros(d).tolist(),
            target=np.eye(d)[0].tolist(),
        )


class StyblinskiTang(NamedLandscape):
    """The Styblinski-Tang function L = sum_i (x_i^4 - 16 x_i^2 + 5 x_i)/2: 2^d minima, 3^d critical points.

    In each coordinate the minima lie at -2.903534 and 2.746803, the top at 0.156731.
    M. Styblinski and T.-S. Tang, Neural Networks 3 (1990) 467.

    Args:
        dimension: d.
    """

    def __init__(self, dimension: int = 2) -> None:
        names = _coordinates(dimension)
        upper, lower = 2.746802776, -2.903534027
        self._from_formula(
            " + ".join(f"({x}**4 - 16*{x}**2 + 5*{x})/2" for x in names),
            names,
            {},
            [(-4.5, 4.5)] * dimension,
            start=[upper] + [lower] * (dimension - 1),
            target=[lower] * dimension,
        )


class CoupledDoubleWells(NamedLandscape):
    """Quartic double wells coupled to their neighbours,

        L = barrier sum_i (x_i^2 - 1)^2 + (coupling/2) sum_i (x_i - x_{i+1})^2.

    The indices run round a ring, x_d = x_0; an open chain leaves the last term out. With the default barrier
    the drift is x_i - x_i^3 - coupling (2 x_i - x_{i-1} - x_{i+1}), the discretised Allen-Cahn chain of
    N. Berglund, B. Fernandez and B. Gentz, Nonlinearity 20 (2007) 2551.

    Args:
        dimension: number of wells, at least 2.
        coupling: strength of the springs; 0 leaves independent wells.
        barrier: height of each well's top.
        ring: False for an open chain.

    Raises:
        ValueError: for a dimension below 2 or a barrier that is not positive.
    """

    def __init__(self, dimension: int = 10, coupling: float = 0.5, barrier: float = 0.25, ring: bool = True) -> None:
        names = _coordinates(dimension)
        if dimension < 2:
            raise ValueError(f"Coupled wells are at least 2, not {dimension}; for one use DoubleWell.")
        require_positive(barrier=barrier)
        pairs = list(zip(names, [*names[1:], names[0]], strict=True))[: dimension if ring else -1]
        wells = " + ".join(f"({x}**2 - 1)**2" for x in names)
        springs = " + ".join(f"({x} - {y})**2" for x, y in pairs)
        self._from_formula(
            f"barrier*({wells}) + coupling/2*({springs})",
            names,
            {"coupling": coupling, "barrier": barrier},
            [(-2.0, 2.0)] * dimension,
            start=[-1.0] * dimension,
            target=[1.0] * dimension,
        )


class MuellerBrown(ParametricLandscape):
    """The Mueller-Brown surface L = sum_k A_k exp(a_k (x-x_k)^2 + b_k (x-x_k)(y-y_k) + c_k (y-y_k)^2).

    Minima at (-0.558224, 1.441726), (0.623499, 0.028038) and (-0.050011, 0.466694), saddles at
    (-0.822002, 0.624313) and (0.212487, 0.292988).
    K. Mueller and L. Brown, Theoretica Chimica Acta 53 (1979) 75, equation 4.
    """

    def __init__(self) -> None:
        table = zip(
            (-200, -100, -170, 15),
            ("-1", "-1", "-6.5", "0.7"),
            ("0", "0", "11", "0.6"),
            ("-10", "-10", "-6.5", "0.7"),
            ("1", "0", "-0.5", "-1"),
            ("0", "0.5", "1.5", "1"),
            strict=True,
        )
        terms = [
            f"({A})*exp(({a})*(x - ({x}))**2 + ({b})*(x - ({x}))*(y - ({y})) + ({c})*(y - ({y}))**2)"
            for A, a, b, c, x, y in table
        ]
        self._from_formula(
            " + ".join(terms),
            ("x", "y"),
            {},
            [(-1.5, 1.2), (-0.2, 2.0)],
            start=(-0.5582236346, 1.4417258418),
            target=(0.6234994049, 0.0280377585),
        )


class ThreeHole(ParametricLandscape):
    """The three-hole potential: two deep wells at (-1, 0) and (1, 0), and a shallow one near (0, 5/3) between.

        L = 3 exp(-x^2-(y-1/3)^2) - 3 exp(-x^2-(y-5/3)^2) - 5 exp(-(x-1)^2-y^2) - 5 exp(-(x+1)^2-y^2)
            + x^4/5 + (y-1/3)^4/5

    Paths from one deep well to the other go through the shallow one, or straight.
    P. Metzner, C. Schuette and E. Vanden-Eijnden, J. Chem. Phys. 125 (2006) 084110.
    """

    def __init__(self) -> None:
        self._from_formula(
            "3*exp(-x**2 - (y - 1/3)**2) - 3*exp(-x**2 - (y - 5/3)**2) - 5*exp(-(x - 1)**2 - y**2)"
            " - 5*exp(-(x + 1)**2 - y**2) + x**4/5 + (y - 1/3)**4/5",
            ("x", "y"),
            {},
            [(-2.0, 2.0), (-1.5, 2.5)],
            start=(-1.0480549, -0.0420936),
            target=(1.0480549, -0.0420936),
        )


class MaierStein(DriftField):
    """The Maier-Stein drift b = (x - x^3 - beta x y^2, -(1 + x^2) y), a gradient for beta = 1 only.

    Stable points (-1, 0) and (1, 0), saddle (0, 0). Up to beta = 4 the most probable escape path is straight.
    R. Maier and D. Stein, J. Stat. Phys. 83 (1996) 291, equation 3 with alpha = mu = 1.

    Args:
        beta: strength of the part that is no gradient.
    """

    def __init__(self, beta: float = 10.0) -> None:
        functions = formula_functions(["x - x**3 - beta*x*y**2", "-(1 + x**2)*y"], ("x", "y"), {"beta": beta}, False)
        bounds = [(-1.5, 1.5), (-1.0, 1.0)]
        self._describe(functions, ("x", "y"), bounds, "MaierStein", start=(-1.0, 0.0), target=(1.0, 0.0))
