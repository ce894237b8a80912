"""Which valley does it prefer, the sharp or the flat one?

Both valleys of this loss are equally deep; their curvatures are 8 and 2.  Under white noise the density is
exp(-L/T)/Z, and the flat valley holds more only because it is wider: twice as much as T -> 0.  SGD's own noise,
D = eta/(2S) (|L''| + floor), is weak where the loss is flat, and keeps far more of the mass there.
"""

import numpy as np

import fpsim
import landscapes

well = landscapes.SharpFlatWell(sharp=8.0, flat=2.0)
x = np.linspace(-1.5, 2.3, 4001)


def flat_over_sharp(density, centres):
    """Mass right of the barrier over mass left of it."""
    right = centres > 0.0
    return density[right].sum() / density[~right].sum()


shares = {}
for name, noise in (
    ("white", fpsim.ConstantDiffusion(0.05)),
    ("SGD", fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.5)),
):
    equation = fpsim.FokkerPlanck(fpsim.SDE(well, noise), fpsim.Grid((x[0], x[-1], 4000)))
    found = equation.stationary()
    shares[name] = flat_over_sharp(found.density.values, found.x.values)
    print(f"{name} noise: the flat valley holds {shares[name]:.3f} times as much")

gibbs = flat_over_sharp(np.exp(-well.loss(x[None]) / 0.05), x)
assert abs(shares["white"] / gibbs - 1) < 1e-3
assert shares["SGD"] > 10 * shares["white"]
