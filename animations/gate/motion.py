"""What happens in the two acts of the film ``gate``: particles and densities with a floor, and SGD's chain without.

    dX = -L' dt + sqrt(2 kappa (|L''| + eps)) dB,       x' = x - eta L' + eta sqrt(|L''|/S) zeta

The continuous equation needs a floor eps, the chain none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animations.gate.data import ChainData, LaneData
from animations.kramers.film import MOST_STEPS
from animations.kramers.motion import FINER, follow

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

Array = NDArray[Any]

CELLS = 16000
"""Cells of the grid: wide ones would leak through the gate like a floor of their own."""
FLOOR_STEP = 0.05
"""Step of the paths times |L' L'''| at the gate, as a share of the floor: larger steps would jump the gate too."""
ITERATIONS = 3.2
"""Length of the second act, in mean numbers of iterations of the chain."""
RUN = 0.85
"""Share of the second act in which the chain runs; then its end stands."""
CHAIN_PATHS = 4000
MOST_ITERATIONS = 40
"""Longest chain, in mean numbers of iterations."""


def film_lane(
    problem: EscapeProblem, floor: float, leak: float, horizon: float, frames: int, particles: int, edges: Array,
    seed: int,
) -> tuple[Array, LaneData]:  # fmt: skip
    """Times (frames,) and what is drawn of one floor."""
    from fpsim.density.automatic import automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck

    step = min(FINER * problem.default_step, FLOOR_STEP * floor / leak)
    if particles * horizon / step > MOST_STEPS:
        raise ValueError(
            f"a floor of {floor:g} needs a step of {step:.2g} for a time of {horizon:.3g}, more than can be filmed; "
            "use larger floors, stronger noise or fewer particles"
        )
    time, positions, exits = follow(problem, particles, frames, horizon, step, seed)
    free = automatic_grid(problem.sde, problem.point, None, CELLS)
    fitted = automatic_grid(problem.sde, problem.point, problem.target, CELLS)
    to_target = FokkerPlanck(problem.sde, fitted)
    density = FokkerPlanck(problem.sde, free).evolve(problem.point, time).density.values
    mean = fitted.at(to_target.mean_first_passage_time(problem.target)["mean"].values, problem.point)
    return time, LaneData(
        floor=float(floor), tau=problem.by_quadrature().mean, grid=mean, positions=positions, exit_times=exits,
        survivors=(exits[None, :] > time[:, None]).sum(axis=1),
        survival=to_target.survival(problem.point, problem.target, time).survival.values,
        density=averaged(free, density, edges),
    )  # fmt: skip


def averaged(grid: Any, density: Array, edges: Array) -> Array:
    """Densities (frames, cells) on ``grid`` as means over the drawn cells, (frames, edges - 1); mass is kept."""
    low, high, cells = grid.axes[0]
    faces = np.linspace(low, high, cells + 1)
    below = np.concatenate([np.zeros((len(density), 1)), np.cumsum(density, axis=1)], axis=1) * (high - low) / cells
    at = np.array([np.interp(edges, faces, row) for row in below])
    return np.diff(at, axis=1) / np.diff(edges)


def film_chain(problem: EscapeProblem, delta: float, particles: int, frames: int, seed: int) -> ChainData:
    """SGD's chain; the particles that are drawn are the first of those whose exits are counted."""
    from fpsim.sgd.chain import Chain

    chain, exact = Chain.from_sde(problem.sde), problem.by_chain()
    mean = float(exact.settings["iterations"])
    last = max(4, round(ITERATIONS * mean))
    paths = max(particles, CHAIN_PATHS)
    positions, exits = walk(chain, problem, paths, round(MOST_ITERATIONS * mean), seed)
    return ChainData(
        tau=exact.mean, iterations=mean, sampled=float(exits.mean()), error=float(exits.std(ddof=1) / np.sqrt(paths)),
        paths=paths, best_jump=float(np.sqrt(delta)),
        iteration=np.minimum(np.arange(frames) * (last + 1) // max(1, round(RUN * frames)), last),
        positions=positions[: last + 1, :particles],
        exits=np.where(exits <= last, exits, np.inf)[:particles],
    )  # fmt: skip


def walk(chain: Any, problem: EscapeProblem, paths: int, most: int, seed: int) -> tuple[Array, Array]:
    """Positions (iterations + 1, paths) and iterations until the target, (paths,).

    A path stays where it lands in the target: SGD at a finite learning rate may leave every valley for ever.
    """
    draws = np.random.default_rng(seed)
    x, exits, rows = np.full(paths, problem.start[0]), np.full(paths, np.inf), []
    for iteration in range(most + 1):
        rows.append(x)
        out = problem.target.level(x[None]) >= 0
        exits = np.where(out & np.isinf(exits), iteration, exits)
        if out.all():
            break
        mean, spread = chain.line(np.where(out, problem.start[0], x))
        x = np.where(out, x, mean + spread * draws.standard_normal(paths))
    if np.isinf(exits).any():
        raise ValueError(f"{np.isinf(exits).sum()} of {paths} chains are still in the valley after {most} iterations")
    return np.concatenate([rows, np.repeat(rows[-1][None], max(0, most + 1 - len(rows)), axis=0)]), exits
