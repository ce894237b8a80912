"""Can more noise make a weak signal clearer?

A double well tilted to and fro answers best when two escapes fit into a period of the signal: too little noise and the
state stays, too much and it does not care (Gammaitoni et al., Rev. Mod. Phys. 70 (1998) 223).  For a small tilt A the
answer is A |chi|,  chi = -(1/D) x . G (i Omega - G)^-1 (x p0),  with the generator G; and it is there in the density.
"""

import numpy as np

import fpsim
import landscapes

tilt, period = 0.03, 60.0
well, grid, omega = landscapes.DoubleWell(), fpsim.Grid((-2.2, 2.2, 120)), 2 * np.pi / period


def answer(temperature):
    """Amplitude of the mean place over the tilt, by linear response."""
    equation = fpsim.FokkerPlanck(fpsim.SDE(well, fpsim.ConstantDiffusion(temperature)), grid)
    x, generator = grid.points[0], equation.generator.toarray()
    masses = equation.stationary().density.values * grid.volume
    response = np.linalg.solve(1j * omega * np.eye(x.size) - generator, x * masses)
    return abs(x @ generator @ response) / temperature


temperatures = np.array([0.04, 0.06, 0.08, 0.1, 0.12, 0.16, 0.3, 0.6])
answers = np.array([answer(t) for t in temperatures])
for t, a in zip(temperatures, answers, strict=True):
    print(f"T = {t:g}: a tilt of {tilt:g} moves the mean by {tilt * a:.4f}")
best = temperatures[np.argmax(answers)]

sde = fpsim.SDE(well, fpsim.ConstantDiffusion(0.1))
moving = fpsim.Scheduled(sde, parameters={"tilt": fpsim.schedules.wave(0.0, tilt, period)})
times = period * (3 + np.arange(1, 9) / 8)
density = fpsim.FokkerPlanck(moving, grid).evolve([0.0], times, tolerance=1e-3).density.values
mean = density @ grid.points[0] * grid.volume
swing = 2 * abs(np.mean(mean * np.exp(-1j * omega * times)))
print(f"in the density at T = 0.1: {swing:.4f}")

assert best in (0.12, 0.16) and max(answers[0], answers[-1]) < answers.max() / 2
assert abs(swing / (tilt * answer(0.1)) - 1) < 0.02
