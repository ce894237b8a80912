"""Can I use a potential of my own?

Write it as text.  It is parsed, never evaluated; derivatives are exact, critical points are certified, and changing one
of its numbers compiles nothing.  The critical points of x^4/4 - x^2/2 + c x are the roots of x^3 - x + c.
"""

import numpy as np

import fpsim
from landscapes import Landscape

place = Landscape.from_expression("x**4/4 - x**2/2 + c*x", bounds=(-2.5, 2.5), c=0.05)
points = place.critical_points()
print(points)

roots = np.sort(np.roots([1.0, 0.0, -1.0, 0.05]).real)
assert np.allclose(sorted(p.x[0] for p in points), roots, atol=1e-12)

sde = fpsim.SDE(place, fpsim.ConstantDiffusion(0.02))
problem = fpsim.EscapeProblem(sde, start=roots[2], target=roots[0])
loss = place.loss(roots[None])
curvature = 3 * roots**2 - 1
kramers = 2 * np.pi / np.sqrt(-curvature[2] * curvature[1]) * np.exp((loss[1] - loss[2]) / 0.02)
print(problem.by_quadrature())
assert abs(kramers / problem.by_formula("kramers").mean - 1) < 1e-9
assert abs(kramers / problem.by_quadrature().mean - 1) < 0.05
