"""Where is it after a given time?

The Fokker-Planck equation carries the whole density.  In a parabola x^2/2 it stays a Gaussian of mean x0 exp(-t) and
variance T (1 - exp(-2t)), if it starts as one; its relaxation rates are 0, 1, 2, ...
"""

import numpy as np

import fpsim
import landscapes

temperature, times = 0.5, np.array([0.3, 1.0, 3.0])
bowl = landscapes.Landscape.from_expression("x**2/2", bounds=(-6, 6))
equation = fpsim.FokkerPlanck(fpsim.SDE(bowl, fpsim.ConstantDiffusion(temperature)), fpsim.Grid((-6, 6, 1200)))
found = equation.evolve([2.0], times)
x, width = found.x.values, 12 / 1200
mean = found.density.values @ x * width
variance = found.density.values @ x**2 * width - mean**2
for t, m, v in zip(times, mean, variance, strict=True):
    print(f"t = {t:g}: mean {m:.5f}, variance {v:.5f}")
rates = -np.real(equation.spectrum(4).eigenvalues)
print("rates", np.round(rates, 6))

assert np.allclose(mean, 2 * np.exp(-times), atol=1e-4)
assert np.allclose(variance, temperature * (1 - np.exp(-2 * times)), atol=1e-4)
assert np.allclose(rates, [0, 1, 2, 3], atol=1e-3)
