"""Does it matter which way the noise points?

Zhu, Wu, Yu, Wu and Ma (ICML 2019, arXiv 1803.00195) compare noise along the Hessian, D = kappa H, with isotropic noise
of the same trace.  The first climbs faster by Tr(H^2) d / Tr(H)^2, and leaves a sharp direction sooner by a factor that
is exponential; both are exact here, where the loss is a sum and each direction is on its own.
"""

import numpy as np

import fpsim
import landscapes

sharp, flat, kappa = 2.0, 0.2, 0.03  # the valley's curvatures along x and y
plane = landscapes.Landscape.from_expression(
    "(x**2 - 1)**2/4 + w*y**2/2", variables="x y", bounds=[(-2.2, 2.2), (-4, 4)], w=flat
)
noises = {"along H": kappa * np.array([sharp, flat]), "isotropic": kappa * (sharp + flat) / 2 * np.ones(2)}
climbs, leaves = {}, {}
for name, noise in noises.items():
    sde = fpsim.SDE(plane, fpsim.ConstantDiffusion(noise))
    paths = fpsim.simulate(sde, start=(-1.0, 0.0), duration=0.02, step=0.001, paths=20_000, keep="final", seed=1)
    climbs[name] = float(plane.loss(paths.x[-1].T).mean()) / 0.02
    leaves[name] = fpsim.EscapeProblem(sde, (-1.0, 0.0), fpsim.HalfSpace((1.0, 0.0), 1.0)).by_grid(cells=64)
    print(f"{name}: the loss climbs by {climbs[name]:.4f} a unit of time; left after {leaves[name].mean:.1f}")
ratio = climbs["along H"] / climbs["isotropic"]
print(f"climbs: {ratio:.3f} to 1, escapes: {leaves['isotropic'].mean / leaves['along H'].mean:.1f} to 1")

assert abs(ratio - 2 * (sharp**2 + flat**2) / (sharp + flat) ** 2) < 0.05
line = {n: fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(d[0])) for n, d in noises.items()}
for name, found in leaves.items():
    exact = fpsim.EscapeProblem(line[name], -1.0, 1.0).by_quadrature().mean
    assert abs(found.mean / exact - 1) < 0.01
