"""Are mini-batches as good as Gaussian noise of the same covariance?

Not for escapes: ln(iterations) grows like S I/eta, and the exponent I belongs to the law of one example's gradient
(Cramer), not to its covariance alone.  In this double well the slopes of single examples are L' + 1 or L' - 1, so that
I is the integral of the root q of ln(cosh q) = q |L'| on the way up.  No batch size makes it 1/2, the Gaussian value.
"""

import numpy as np

import fpsim
import landscapes

well = landscapes.PerExampleDoubleWell(noise=1.0, positive=1, examples=2)
found = fpsim.minimum_action(fpsim.MiniBatchSGD(well, learning_rate=0.05, batch_size=2), -1.0, 0.0)
print(found)

q, x = np.linspace(1e-6, 2, 20_001), np.linspace(-1, 0, 20_001)
roots = np.interp(x**3 - x, np.log(np.cosh(q)) / q, q)
mine = np.trapezoid(roots, x)
print(f"my own integral: {mine:.6f}")
assert abs(found.action / mine - 1) < 1e-6 and found.action > 1.05 * 0.5
