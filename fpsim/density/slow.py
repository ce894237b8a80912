"""Rates of rare events: the chain between the bottoms of the valleys.

    L c = lambda M c,    L_kj = rate from bottom k to bottom j first,    M_kj = sum_x (time at x before the next bottom)
                                                                                      (chance to meet j first from x)

Its entries are sums of positive terms, right to nearly all digits however rare the passages are, where eigenvalues of
the generator itself are known to rounding times its largest rate.  What the chain leaves out is lambda / (relaxation
rate within a valley), which is nothing for rates that need it (Bovier, Gayrard, Klein 2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.solver import DirectSolver
from fpsim.density.walk import Walk

SLOW = 1e-15  # eigenvalues this small against the largest rate are lost in rounding
DIGITS = 400  # entries of the chain span hundreds of orders of magnitude


def slow_rates(walk: Walk, count: int) -> NDArray[Any]:
    """The ``count`` eigenvalues of the chain nearest zero, but for the zero of a walk that conserves mass, (count,).

    Raises:
        ValueError: if the chain has fewer.
    """
    import mpmath

    solver = DirectSolver(walk.rates, walk.killing, walk.grid.points, walk.bottoms)
    m = solver.bottoms.size
    if m - walk.conserves_mass < count:
        raise ValueError(
            f"{count} eigenvalues are too small for double precision, and the grid shows {m} valleys only; ask for the "
            "rates between sets (transitions) instead"
        )
    visits = solver.visits()
    chances = np.vstack([np.eye(m), solver.first_hit])
    overlap = np.column_stack([np.eye(m), visits]) @ chances
    with mpmath.workdps(DIGITS):
        matrix = mpmath.matrix(m, m)
        for i in range(m):
            leaving = mpmath.mpf(float(solver.ending[i]))
            for j in range(m):
                if i != j:
                    matrix[i, j] = mpmath.mpf(float(solver.censored[i, j]))
                    leaving += matrix[i, j]
            matrix[i, i] = -leaving
        values = mpmath.eig(mpmath.inverse(mpmath.matrix(overlap.tolist())) * matrix, left=False, right=False)
        found = np.array(sorted((complex(v) for v in values), key=abs))
    return np.asarray(-np.abs(found[int(walk.conserves_mass) :][:count].real))
