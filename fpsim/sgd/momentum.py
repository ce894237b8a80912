"""SGD's single step as an SDE whose Euler-Maruyama step it is, plain or with heavy-ball momentum,

    v' = beta v - eta g,   x' = x + v'          (g the noisy gradient; Polyak 1964, Sutskever et al. 2013, eqs 1-2)

The state with momentum is (x, v), 2 d coordinates, both moved by the same d normals; with beta = 0 it is plain SGD.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fpsim.sde.sde import SDE, SymbolicSDE

Array = NDArray[np.float64]


class HeavyBall(SDE):
    """The doubled state (x, v) of heavy-ball SGD, in the form that the path kernels take.

    Its Euler-Maruyama step of length eta is x' = x + beta v + eta b + kick, v' = beta v + eta b + kick.
    """

    plain: SDE
    momentum: float
    rate: float

    def __init__(self, plain: SDE, momentum: float, rate: float) -> None:
        for name, value in (
            ("landscape", plain.landscape), ("noise", plain.noise), ("convention", plain.convention),
            ("plain", plain), ("momentum", momentum), ("rate", rate),
        ):  # fmt: skip
            object.__setattr__(self, name, value)

    @property
    def dimension(self) -> int:
        """2 d: positions, then velocities."""
        return 2 * self.plain.dimension

    @property
    def structure(self) -> str:
        """Positions and velocities share their noise."""
        return "full"

    def drift(self, x: Array) -> Array:
        """((beta v)/eta + b, (beta v - v)/eta + b) at (x, v), shape (2 d, ...)."""
        place, speed = np.split(x, 2)
        kept = self.momentum * speed
        slope = self.plain.drift(place)
        return np.concatenate([kept / self.rate + slope, (kept - speed) / self.rate + slope])

    def diffusion(self, x: Array) -> Array:
        """D in all four blocks, (2 d, 2 d, ...)."""
        tensor = self.plain.diffusion(np.split(x, 2)[0])
        rows = np.concatenate([tensor, tensor], axis=0)
        return np.concatenate([rows, rows], axis=1)

    def kick(self, x: Array, z: Array) -> Array:
        """The same kick, of the plain noise's normals, to positions and velocities."""
        kick = self.plain.kick(np.split(x, 2)[0], z[: self.plain.normals])
        return np.concatenate([kick, kick])

    def leap(self, x: Array, z: Array, step: float) -> Array:
        """The same for the noise of a step, jumps included."""
        leap = self.plain.leap(np.split(x, 2)[0], z[: self.plain.normals], step)
        return np.concatenate([leap, leap])

    @property
    def normals(self) -> int:
        """2 d where the plain noise takes d, of which the first d are used, as in compiled steps; else as plain."""
        return self.dimension if self.plain.normals == self.plain.dimension else self.plain.normals

    def along(self, x: Array, n: Array) -> Array:
        """n . D n with D in all four blocks, shape (...)."""
        return self.plain.along(np.split(x, 2)[0], np.add(*np.split(n, 2)))

    @property
    def symbolic(self) -> SymbolicSDE | None:
        """The doubled formulas."""
        base = self.plain.symbolic
        if base is None:
            return None
        import sympy

        d = self.plain.dimension
        speeds = sympy.symbols(f"velocity_0:{d}", real=True)
        beta, inverse = sympy.symbols("momentum_beta inverse_rate", real=True)
        places = [beta * v * inverse + b for v, b in zip(speeds, base.drift, strict=True)]
        kicks = [(beta * v - v) * inverse + b for v, b in zip(speeds, base.drift, strict=True)]
        ones, half = sympy.ones(2, 2), sympy.Matrix([[1, 0], [1, 0]])
        return SymbolicSDE(
            (*base.variables, *speeds),
            {**base.parameters, beta: self.momentum, inverse: 1 / self.rate},
            (*places, *kicks),
            sympy.kronecker_product(ones, sympy.Matrix(base.tensor)),
            sympy.kronecker_product(half, sympy.Matrix(base.root)),
            base.statements,
        )

    def __str__(self) -> str:
        return f"{self.plain}; heavy ball, momentum {self.momentum:g}"
