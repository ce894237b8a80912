"""Can the particle be kept in a box, or live on a ring?

Walls belong to the problem, so that every route obeys them.  On a ring with two wells two equal ways lead from one to
the other; by symmetry each is a line from 0 to pi - 0.2 with a mirror at 0, whose mean time is a double integral.
"""

import math

import numpy as np

import fpsim
import landscapes

ring = landscapes.Landscape.from_expression("-cos(2*x)", bounds=[(-math.pi / 2, 3 * math.pi / 2)])
sde = fpsim.SDE(ring, fpsim.ConstantDiffusion(0.5))
problem = fpsim.EscapeProblem(sde, start=0.0, target=fpsim.Ball([math.pi], 0.2), boundary="periodic")
exact, grid = problem.by_quadrature(), problem.by_grid()
print(exact, grid, sep="\n")

x = np.linspace(0, math.pi - 0.2, 20_001)
inner = np.exp(np.cos(2 * x) / 0.5)
before = np.concatenate([[0.0], np.cumsum((inner[1:] + inner[:-1]) / 2 * np.diff(x))])
mine = np.trapezoid(before / inner / 0.5, x)
assert abs(exact.mean / mine - 1) < 1e-6
assert abs(grid.mean / mine - 1) < 1e-4
