"""What is the temperature of SGD, and in which units?

D is a temperature: loss per degree of freedom.  In equilibrium the mean of x L'(x) is T whatever the loss (the virial
theorem), so T can be read off a trajectory.  Stretch the coordinate by w and the loss by h: with T stretched by h too,
all times are stretched by w^2/h and nothing else changes.
"""

import numpy as np

import fpsim
import landscapes

temperature = 0.2
well = landscapes.DoubleWell(tilt=0.1)
equation = fpsim.FokkerPlanck(fpsim.SDE(well, fpsim.ConstantDiffusion(temperature)), fpsim.Grid((-3, 3, 2000)))
found = equation.stationary()
x, mass = found.x.values, found.density.values * (6 / 2000)
virial = float((x * well.gradient(x[None])[0]) @ mass)
print(f"mean of x L'(x) = {virial:.6f}, temperature {temperature}")
assert abs(virial / temperature - 1) < 1e-4


def time(width, height):
    """The exact mean time across a double well of this width and height, at the same barrier over temperature."""
    place = landscapes.DoubleWell(barrier=0.25 * height, width=width)
    sde = fpsim.SDE(place, fpsim.ConstantDiffusion(0.1 * height))
    return fpsim.EscapeProblem(sde, start=-width, target=width).by_quadrature().mean


print(f"{time(1.0, 1.0):.6f} becomes {time(3.0, 0.5):.6f}")
assert np.isclose(time(3.0, 0.5), 66.2686263649 * 3.0**2 / 0.5, rtol=1e-9)
