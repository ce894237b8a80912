"""Are the tails of my gradients heavy?

A tail index below 2 across the parameters of one gradient need not mean heavy tails: Gaussian noise of unlike variances
reads 2/(1 + ln(AM/GM)/ln K1).  Look across batches, one parameter at a time: that is the law of the noise.
"""

import numpy as np

from fpsim.statistics import anisotropy_index, stable, tail_index

draws = np.random.default_rng(3)
variances = np.exp(draws.normal(0, 2, 40_000))  # of 40 000 parameters
across_parameters = tail_index(np.sqrt(variances) * draws.standard_normal(variances.size), 200, shuffle=0)
across_batches = tail_index(np.sqrt(variances[:50]) * draws.standard_normal((10_000, 50)))
heavy = tail_index(stable(1.5, (10_000, 50), seed=4))
print(f"Gaussian noise across parameters {across_parameters}, across batches {across_batches}")
print(f"stable noise of index 1.5: {heavy}")

expected = anisotropy_index(variances, 200)
assert abs(across_parameters.value - expected) < 5 * across_parameters.error
assert abs(across_batches.value - 2) < 5 * across_batches.error
assert abs(heavy.value - 1.5) < 5 * heavy.error
