"""What does momentum change?

Heavy-ball SGD is a body with mass and friction, 1 - beta.  It leaves a valley as plain SGD of learning rate
eta/(1 - beta) does, as long as the friction is strong; with weak friction it has to gather its energy first, and is
slower again.  In between lies Kramers' turnover.
"""

import fpsim
import landscapes

well, warm = landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1)


def problem(friction):
    """A body of mass 1 at temperature 0.1."""
    return fpsim.EscapeProblem(fpsim.Underdamped(well, warm, friction), -1.0, 1.0)


times = {friction: problem(friction).by_grid(cells=100).mean for friction in (0.03, 0.5, 10.0)}
for friction, time in times.items():
    formula = problem(friction).by_formula("melnikov-meshkov").mean
    print(f"friction {friction:4g}: {time:.1f} by the grid in (x, v), {formula:.1f} by Mel'nikov and Meshkov")

beta, eta = 0.9, 4e-4
noise = fpsim.ConstantDiffusion(0.1 * (1 - beta))  # D / (1 - beta) = 0.1
sample = fpsim.Chain(well, noise, eta).exit_times(-1.0, 1.0, paths=1000, seed=1, momentum=beta)
mean, error = sample.mean_and_error()
body = fpsim.EscapeProblem(fpsim.Underdamped.of_heavy_ball(well, noise, eta, beta), -1.0, 1.0).by_grid(cells=100).mean
plain = fpsim.EscapeProblem(fpsim.SDE(well, warm), -1.0, 1.0).by_quadrature().mean * (1 - beta)
print(f"SGD with beta = {beta}: {mean:.0f} +- {error:.0f} iterations")
print(f"its body: {body / eta:.0f}, without mass: {plain / eta:.0f}")

assert times[0.5] < times[0.03] and times[0.5] < times[10.0]
assert abs(times[10.0] / 10 / 66.2686 - 1) < 0.02
assert abs(mean * eta / body - 1) < 0.03 + 4 * error / mean
