"""Why does SGD drift to flat minima although the loss is the same everywhere?

Along a valley of minima the noise of wrong labels, D = kappa H, only shakes across (Blanc et al., COLT 2020; HaoChen et
al., COLT 2021).  Where the valley widens the shaking pushes: for L = (1 + x^2) y^2 / 2 the slow motion is the descent
of kappa Tr(H) / 2,  dx/dt = -x <y^2> = -kappa x, and so E ln x(t) = ln x(0) - kappa t, up to a share of order kappa.
Noise along x of size T turns the descent into an SDE with the stationary variance T / kappa.
"""

import numpy as np

import fpsim
import landscapes

kappa, temperature = 0.04, 0.004
valley = landscapes.Landscape.from_expression("(1 + x**2)*y**2/2", variables="x y", bounds=[(-2, 2), (-2, 2)])
labels = fpsim.DiffusionField.from_expression(["0", "k*(1 + x**2)"], variables="x y", k=kappa)
both = fpsim.DiffusionField.from_expression(["t", "k*(1 + x**2)"], variables="x y", k=kappa, t=temperature)

spread = np.sqrt(kappa) * np.random.default_rng(0).standard_normal(1000)  # at rest across the valley
start = np.stack([np.full(1000, 1.5), spread])
drift = fpsim.simulate(fpsim.SDE(valley, labels), start, duration=25.0, step=0.05, paths=1000, keep="final", seed=1)
logs = np.log(drift.x[-1, :, 0])
print(f"ln x falls by {np.log(1.5) - logs.mean():.3f} in 25, kappa t = {kappa * 25:g}")

rest = fpsim.simulate(fpsim.SDE(valley, both), start * 0, duration=80.0, step=0.05, paths=1000, keep="final", seed=2)
variance = rest.x[-1, :, 0].var()
print(f"with noise along the valley its variance comes to {variance:.4f}, T/kappa = {temperature / kappa:g}")

assert abs(np.log(1.5) - logs.mean() - kappa * 25) < 5 * logs.std() / np.sqrt(1000) + 2 * kappa
assert abs(variance / (temperature / kappa) - 1) < 5 * np.sqrt(2 / 1000) + 2 * kappa
