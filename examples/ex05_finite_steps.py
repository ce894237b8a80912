"""What does the finite learning rate change?

SGD is a chain, x' = x - eta g, and the SDE its limit of small steps.  In a parabola k x^2/2 with gradient noise of
variance C the chain spreads to a variance of eta C/(k (2 - eta k)), the SDE to eta C/(2k).  At a gate where the noise
dies out (see ex04) the difference is no factor: only finite steps get through, here in a mean time of 129.4.
"""

import numpy as np

import fpsim
import landscapes

k, eta, variance = 2.0, 0.3, 1.0
bowl = landscapes.Landscape.from_expression("k*x**2/2", bounds=(-8, 8), k=k)
chain = fpsim.Chain(bowl, fpsim.ConstantDiffusion(eta * variance / 2), learning_rate=eta)
x = chain.simulate(0.0, iterations=200, paths=20_000, seed=2, keep="paths").x[-1, :, 0]
expected = eta * variance / (k * (2 - eta * k))
print(f"variance {x.var():.4f}: exactly {expected:.4f} for the chain, {eta * variance / (2 * k):.4f} for the SDE")
assert abs(x.var() / expected - 1) < 5 * np.sqrt(2 / x.size)

noise = fpsim.HessianDiffusion(learning_rate=0.3, batch_size=3, at="everywhere", floor=0.0)  # eta/(2S) = 0.05
gate = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), start=-1.0, target=0.3)
found = gate.by_chain()
print(found)
assert abs(found.mean / 129.4 - 1) < 1e-3
