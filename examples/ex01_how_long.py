"""How long does SGD stay in a valley?

Describe the motion and the escape, and ask by several routes: an exact integral, a grid for the density, random paths.
Each answer carries its own error, and the table says which closed formulas can be trusted here.  For the double well
(x^2 - 1)^2/4 at temperature 0.1 the exact mean time from -1 to 1 is 66.2686263649.
"""

import fpsim
import landscapes

sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
problem = fpsim.EscapeProblem(sde, start=-1.0, target=1.0)

exact, sampled = problem.by_quadrature(), problem.by_paths(paths=2000, seed=1)
print(exact)
print(sampled)
print(problem.by_formula("kramers"))

assert abs(exact.mean / 66.2686263649 - 1) < 1e-11
assert abs(sampled.mean - exact.mean) < 5 * sampled.error
