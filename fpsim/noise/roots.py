"""Formulas of Hessians, and of square roots of tensors: closed ones in one and two dimensions and for diagonal tensors,

sqrt(M) = (M + sqrt(det M) I) / sqrt(tr M + 2 sqrt(det M))        (2 x 2, M >= 0)

and beyond Cholesky's factor, statement by statement: inserted into each other they would grow like 3^d.
"""

from __future__ import annotations

from typing import Any

from fpsim.noise.kicks import INDEFINITE, SINGULAR

Statements = list[tuple[Any, Any]]


def hessian_formula(symbolic: Any) -> Any:
    """Minus the Jacobian of the drift, as a sympy matrix (the Hessian, for a landscape)."""
    import sympy

    return -sympy.Matrix(symbolic.drift).jacobian(sympy.Matrix(symbolic.variables))


def symbolic_root(matrix: Any) -> Any:
    """The symmetric square root of a symmetric non-negative matrix that is diagonal or 2 x 2; no number for others."""
    import sympy

    d = matrix.shape[0]
    if matrix.is_diagonal():
        return sympy.diag(*[sympy.sqrt(matrix[i, i]) for i in range(d)])
    if d != 2:
        raise ValueError(f"a closed square root needs a diagonal or 2 x 2 matrix; got {d} x {d}")
    trace, product = matrix[0, 0] + matrix[1, 1], matrix[0, 0] * matrix[1, 1] - matrix[0, 1] ** 2
    # rounding can push the determinant of a singular matrix below zero; further below the root is NaN
    determinant = sympy.sqrt(sympy.Max(product, sympy.Min(0, product + INDEFINITE * trace**2)))
    return (matrix + determinant * sympy.eye(2)) / sympy.sqrt(trace + 2 * determinant)


def rounding() -> Any:
    """The symbol that stands for the relative rounding of the numbers in which a factor is computed."""
    import sympy

    return sympy.Symbol("noise rounding", real=True)


def lower_root_formulas(matrix: Any) -> tuple[Any, Statements]:
    """Cholesky's L of M = L L^T as a matrix of symbols, and the statements (symbol, formula) that make them, in order.

    The formulas of :func:`fpsim.noise.kicks.lower_root`; entries that are zero everywhere have no statement.
    """
    import sympy

    d = matrix.shape[0]
    root, statements = sympy.zeros(d, d), []

    def named(name: str, formula: Any) -> Any:
        if formula == 0:
            return formula
        statements.append((sympy.Symbol(f"factor {name}", real=True), formula))
        return statements[-1][0]

    for j in range(d):
        whole = named(f"whole {j}", matrix[j, j])
        left = named(f"pivot {j}", whole - sum(root[j, k] ** 2 for k in range(j)))
        if left == 0:
            continue
        is_zero = sympy.And(left <= SINGULAR * d * rounding() * whole, left >= -sympy.cbrt(rounding()) * whole)
        scale = named(f"scale {j}", sympy.Piecewise((0, is_zero), (1 / sympy.sqrt(left), True)))
        root[j, j] = named(f"{j} {j}", left * scale)
        for i in range(j + 1, d):
            root[i, j] = named(f"{i} {j}", (matrix[i, j] - sum(root[i, k] * root[j, k] for k in range(j))) * scale)
    return root, statements
