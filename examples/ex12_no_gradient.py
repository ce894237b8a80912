"""What if the drift is no gradient?

Then no barrier has a height, and the exponent of an escape is the least action of a path against the drift.  For Maier
and Stein's drift with D = 1/2 it is 1/2 from (-1, 0) to the saddle, as long as the most probable path is straight, up
to beta = 4.  Beyond, the path swings out and the action is smaller.
"""

import numpy as np

import fpsim
import landscapes

found = {}
for beta in (1.0, 3.0, 10.0):
    sde = fpsim.SDE(landscapes.MaierStein(beta=beta), fpsim.ConstantDiffusion(0.5))
    found[beta] = fpsim.minimum_action(sde, (-1.0, 0.0), (0.0, 0.0))
    print(f"beta = {beta:g}: action {found[beta].action:.6f}, swings out {np.abs(found[beta].x[1]).max():.3f}")

assert abs(found[1.0].action - 0.5) < 1e-6 and abs(found[3.0].action - 0.5) < 1e-6
assert found[10.0].action < 0.45
