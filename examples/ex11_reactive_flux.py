"""How often does it cross from A to B, and back?

The committor is the chance to reach B before A; with the stationary density it gives the flux of reactive paths and the
mean times both ways.  On the Mueller-Brown surface at T = 10, between discs of radius 0.1 about the two deep minima,
the flux is 0.0049143 per unit time: 198.31 from A to B, 5.177 back.
"""

import fpsim
import landscapes

a, b = fpsim.Ball((-0.5582236, 1.4417258), 0.1), fpsim.Ball((0.6234994, 0.0280378), 0.1)
sde = fpsim.SDE(landscapes.MuellerBrown(), fpsim.ConstantDiffusion(10.0))
grid = fpsim.automatic_grid(sde, a.center, b, 200)
found = fpsim.FokkerPlanck(sde, grid).transitions(a, b)
print(found)

assert abs(found.flux / 0.0049143 - 1) < 2e-3 and abs(found.time / 198.31 - 1) < 2e-3
assert abs(1 / found.rate + 1 / found.return_rate - 1 / found.flux) < 1e-6 / found.flux
