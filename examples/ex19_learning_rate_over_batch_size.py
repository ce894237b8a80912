"""Does only the ratio of learning rate and batch size matter?

Jastrzebski et al. (arXiv 1711.04623): runs of equal eta/S wander alike, if time counts as eta times iterations.  That
is the SDE's answer; SGD itself keeps it up to terms of order eta, and a twofold eta/S changes everything.
"""

import fpsim
import landscapes

well = landscapes.DoubleWell()


def noise(rate, ratio):
    """Noise of SGD with that learning rate and eta/S."""
    return fpsim.HessianDiffusion(learning_rate=rate, batch_size=rate / ratio, at="everywhere", floor=0.2)


def by_chain(rate, ratio):
    """Exact mean time of SGD's own steps, in units of time."""
    return fpsim.EscapeProblem(fpsim.SDE(well, noise(rate, ratio)), -1.0, 0.3).by_chain().mean


exact = {r: fpsim.EscapeProblem(fpsim.SDE(well, noise(0.1, r)), -1.0, 0.3).by_quadrature().mean for r in (0.2, 0.4)}
times = {rate: by_chain(rate, 0.4) for rate in (0.08, 0.04, 0.02)}
for rate, time in times.items():
    print(f"eta = {rate:g}, S = {rate / 0.4:g}: {time:.2f}, against {exact[0.4]:.2f} of the SDE")
twice = by_chain(0.02, 0.2) / times[0.02]
print(f"half of eta/S: {twice:.1f} times as long, by the SDE {exact[0.2] / exact[0.4]:.1f} times")

gaps = [1 - time / exact[0.4] for time in times.values()]
assert gaps[0] > gaps[1] > gaps[2] > 0 and gaps[2] < 0.15
assert abs(twice / (exact[0.2] / exact[0.4]) - 1) < 0.25
