"""What about many dimensions?

Paths do not mind them.  A double well along x with nine parabolas across it leaves the time along x alone: it is
66.2686263649 again, as in ex01.
"""

import numpy as np

import fpsim
from landscapes import Landscape

others = [f"y{k}" for k in range(1, 10)]
text = "(x**2 - 1)**2/4 + " + " + ".join(f"{k}*{y}**2/2" for k, y in enumerate(others, 1))
place = Landscape.from_expression(text, variables=" ".join(["x", *others]), bounds=[(-2, 2)] * 10)
start = np.zeros(10)
start[0] = -1.0
sde = fpsim.SDE(place, fpsim.ConstantDiffusion(0.1))
problem = fpsim.EscapeProblem(sde, start, fpsim.HalfSpace(np.eye(10)[0], 1.0))
sampled = problem.by_paths(paths=1000, seed=3)
print(sampled)

assert abs(sampled.mean - 66.2686263649) < 5 * sampled.error
