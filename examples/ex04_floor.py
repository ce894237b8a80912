"""Does the floor under the noise matter?

D = kappa |H| vanishes at the inflection between valley and top, while the drift there still points home: no continuous
path gets through.  A floor lets it pass, and then the time grows like floor^(-delta), delta = 2/(9 kappa) here.
A time quoted for |H| noise means nothing without its floor.
"""

import math

import fpsim
import landscapes


def problem(floor):
    """The double well with eta/(2S) = 0.1, from its minimum to 0.3."""
    noise = fpsim.HessianDiffusion(learning_rate=0.2, batch_size=1, at="everywhere", floor=floor)
    return fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), noise), start=-1.0, target=0.3)


times = {floor: problem(floor).by_quadrature().mean for floor in (1e-1, 1e-2, 1e-3, 1e-4)}
for floor, time in times.items():
    print(f"floor {floor:g}: {time:.6g}")
slope = math.log10(times[1e-4] / times[1e-3])
(gate,) = problem(0.0).diagnose().gates
print(f"slope {slope:.4f}, delta {gate.delta:.4f}")

assert abs(times[1e-2] / 100862 - 1) < 1e-5
assert abs(gate.delta - 2 / (9 * 0.1)) < 1e-6 and abs(slope - gate.delta) < 0.01
