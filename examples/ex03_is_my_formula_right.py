"""Is my formula right?

Write it down and divide by the exact time.  Here it is Kramers' formula for the double well, 4 % off at T = 0.025.  It
is the time to the other valley; half of those who come to the top fall back, so that the time to the top is half as
long.  This factor of 2 is often lost in print.
"""

import math

import fpsim
import landscapes

well, noise = landscapes.DoubleWell(), 0.025
sde = fpsim.SDE(well, fpsim.ConstantDiffusion(noise))

mine = 2 * math.pi / math.sqrt(2 * 1) * math.exp(0.25 / noise)  # L'' = 2 in the valley, -1 on the top, 1/4 high
across = fpsim.EscapeProblem(sde, start=-1.0, target=1.0)
to_top = fpsim.EscapeProblem(sde, start=-1.0, target=0.0)
print(f"mine over exact: {mine / across.by_quadrature().mean:.4f} to the other valley, "
      f"{mine / to_top.by_quadrature().mean:.4f} to the top")  # fmt: skip
print(across.by_formula("kramers-next"))  # the next order in the noise, with the assumptions that were checked

assert abs(mine / across.by_formula("kramers").mean - 1) < 1e-12
assert abs(across.by_quadrature().mean / 102108.365457 - 1) < 1e-10
assert abs(to_top.by_quadrature().mean / 51050.7025086 - 1) < 1e-10
