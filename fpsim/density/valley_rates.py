"""The valleys of a landscape as a Markov chain, with rates by Eyring and Kramers or from a grid:

    k_ij = (flux of paths that leave core i last and meet core j next) / (chance to have been in core i last)
    t_ij = mean time from the stationary law inside core i to core j

Cores are balls around the minima.  The rates are those of milestoning between core sets (C. Schuette, F. Noe, J. Lu,
M. Sarich, E. Vanden-Eijnden, J. Chem. Phys. 134 (2011) 204105); the times need no chain, and say how well it does.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from fpsim.assumption import Assumption
from fpsim.density.automatic import automatic_grid
from fpsim.density.cuts import restrict
from fpsim.density.discretisation import across, judged
from fpsim.density.fokker_planck import FokkerPlanck
from fpsim.density.passage import entering, passage_solver
from fpsim.sde.sde import require_sde
from fpsim.targets import Ball
from fpsim.valleys.chain import ValleyRates, log_mean_times
from fpsim.valleys.rates import JoinedValleys, eyring_kramers_rates, joined_valleys
from fpsim.valleys.saddle import require_loss
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    from fpsim.density.equation import Equation

Array = NDArray[np.float64]
Quantities = dict[str, Any]
MOST = 32
"""Cores on a grid, at most: each is a system of its own to solve."""
APART = 1 / 3
"""Largest radius of a core, in distances from its minimum to the next saddle or minimum."""
CELLS = 2.0
"""Smallest radius of a core, in cells."""
MEMORY = 0.05
"""Largest relative difference between times of the chain and of the grid that is called small."""


@shows_progress("rates")
def rates(
    sde: Any,
    bounds: Any = None,
    method: Literal["eyring-kramers", "grid"] = "eyring-kramers",
    cells: int | None = None,
    core: float | None = None,
    progress: Progress = None,
    deadline: float = math.inf,
) -> ValleyRates:
    """The valleys of a landscape as a Markov chain.

    Args:
        sde: a landscape with a loss; under noise D = T I for Eyring-Kramers rates, which are those of low temperature.
        bounds: the box whose minima are the states; the landscape's own if None.
        method: ``"eyring-kramers"``, in any dimension up to 500; or ``"grid"``, from the Fokker-Planck equation in one
            to three, at any temperature and noise.
        cells: per axis of the grid.
        core: radius of the balls around the minima between which times on the grid count; by default a thermal width,
            or a third of the way to the next critical point.
        progress: ``True`` for a bar, or called with the finished share, in [0, 1].
        deadline: seconds for certifying passes (after the search of the box for critical points), then an error that
            says what was found.

    Raises:
        ValueError: without a loss or a box, if there is no minimum, for a noise or dimension that the method does not
            serve, or when the deadline passes.
    """
    if method not in ("eyring-kramers", "grid"):
        raise ValueError(f"rates between valleys are by 'eyring-kramers' or 'grid'; got {method!r}")
    require_sde(sde, "rates")
    if sde.inertia is not None:
        raise ValueError(f"rates are for an SDE without inertia; got {sde}")
    if method == "eyring-kramers":
        if cells is not None or core is not None:
            raise ValueError("cells and core belong to method='grid'; Eyring-Kramers rates need neither")
        return eyring_kramers_rates(sde, bounds, progress, deadline)
    require_loss(sde.landscape)
    if sde.dimension > 3:
        raise ValueError(f"grids reach 3 dimensions; this landscape has {sde.dimension} (use 'eyring-kramers')")
    told = progress or (lambda _: None)
    valleys = joined_valleys(sde.landscape, bounds, lambda share: told(0.2 * share), deadline)
    if not 1 < len(valleys.minima) <= MOST:
        raise ValueError(f"rates on a grid are between 2 to {MOST} valleys; this box has {len(valleys.minima)}")
    found = _on_grid(sde, valleys, cells, core)
    told(1.0)
    return found


def _on_grid(sde: Any, valleys: JoinedValleys, cells: int | None, core: float | None) -> ValleyRates:
    """The chain on a grid, with errors from two coarser ones."""
    equation = FokkerPlanck(sde, automatic_grid(sde, valleys.minima[0].x, None, cells))
    cores = _cores(sde, valleys, core, CELLS * float(max(equation.grid.spacing)))
    fine = _between(equation, cores)

    def compare(_: Equation, rough: Quantities, near: Quantities) -> Quantities:
        return {name: np.abs(_finite(rough[name]) - _finite(near[name])) for name in near}

    inside = restrict(equation.walk, cores).inside
    wide = [across(ball, inside[k], equation.grid) for k, ball in enumerate(cores)]
    judgement = judged(
        equation, lambda other: _between(other, cores), fine, "ln of the mean times", 1.0, compare,
        lambda: [check for check in wide if check is not None],
    )  # fmt: skip
    unknown = {name: np.full_like(_finite(fine[name]), np.inf) for name in ("time", "rate")}  # no coarser grid answered
    errors = {name: np.asarray(judgement.errors.get(name, value)) for name, value in unknown.items()}
    worst = np.full_like(errors["time"], errors["time"].max())  # that of one time alone may be small by chance
    np.fill_diagonal(worst, 0.0)
    radii = ", ".join(f"{ball.radius:.6g}" for ball in cores)
    checks = [Assumption(a.statement, a.holds, a.detail, key=a.key) for a in judgement.assumptions]
    notes = (*valleys.notes, f"times between balls of radius {radii} around the minima, on {equation.grid}")
    return ValleyRates(
        sde.landscape.name, _temperature(sde), valleys.minima, valleys.saddles, valleys.links, fine["rate"],
        fine["stationary"], np.maximum(errors["rate"], worst), (*checks, _memory(fine)), notes, "grid", fine["time"],
        worst, landscape=sde.landscape,
    )  # fmt: skip


def _cores(sde: Any, valleys: JoinedValleys, radius: float | None, least: float) -> list[Ball]:
    """A ball around each minimum, of at least this radius, so that a grid with cells twice as wide still sees it."""
    points = [*(m.x for m in valleys.minima), *(s.x for s in valleys.saddles)]
    found = []
    for m in valleys.minima:
        nearest = min(float(np.linalg.norm(m.x - x)) for x in points if np.linalg.norm(m.x - x) > 0)
        level = float(np.trace(sde.diffusion(m.x[:, None])[..., 0])) / sde.dimension
        width = math.sqrt(level / math.exp(float(np.mean(np.log(m.eigenvalues)))))
        own = min(max(width, least), APART * nearest) if radius is None else radius
        if not least <= own < nearest:
            raise ValueError(
                f"a core is a ball with a radius between {least:.3g}, two cells of this grid, and {nearest:.3g}, where "
                f"the next critical point is; it would be {own!r}: give more cells, or another core"
            )
        found.append(Ball(m.x, own))
    return found


def _between(equation: Equation, cores: list[Ball]) -> Quantities:
    """ln of the mean times (n, n), of the rates (n, n) and of the chances to have been in a core last (n,)."""
    n, mass, walk = len(cores), equation.stationary_law[0], equation.walk
    part = restrict(walk, cores)
    solver = passage_solver(walk, part)
    rate, last, time = np.zeros((n, n)), np.zeros(n), np.zeros((n, n))
    for i in range(n):
        left = solver.forward(entering(walk, part, mass, i)[part.keep])
        last[i] = left.sum() + mass[part.inside[i]].sum()
        rate[i] = part.losses @ left / last[i]
    for j, ball in enumerate(cores):
        ended = restrict(walk, [ball], whole_cells=False)
        mean = ended.spread(passage_solver(walk, ended).backward(np.ones(ended.killing.size)))
        time[:, j] = [mass[inside] @ mean[inside] / mass[inside].sum() for inside in part.inside]
    np.fill_diagonal(rate, 0.0)
    np.fill_diagonal(time, 0.0)
    if not (last > 0).all() or not (time + np.eye(n) > 0).all():
        raise ValueError("a core holds no probability on this grid; use 'eyring-kramers', which answers in logarithms")
    with np.errstate(divide="ignore"):
        return {"time": np.log(time), "rate": np.log(np.maximum(rate, 0.0)), "stationary": np.log(last / last.sum())}


def _finite(values: Array) -> Array:
    """Zero for what is minus infinity: the time to where one is, the rate between cores that do not see each other."""
    return np.where(np.isfinite(values), values, 0.0)


def _temperature(sde: Any) -> float | None:
    """T where D = T I."""
    if not sde.noise.is_constant:
        return None
    tensor = sde.diffusion(np.zeros((sde.dimension, 1)))[..., 0]
    return float(tensor[0, 0]) if np.allclose(tensor, tensor[0, 0] * np.eye(len(tensor)), rtol=1e-12, atol=0) else None


def _memory(fine: Quantities) -> Assumption:
    """Whether the chain's own times are those of the grid."""
    n = len(fine["time"])
    chain = np.stack([log_mean_times(fine["rate"], k) for k in range(n)], axis=1)
    apart = float(np.expm1(np.abs(_finite(chain) - _finite(fine["time"]))).max())
    return Assumption(
        f"the valleys are a Markov chain: its times are those of the grid within {MEMORY:.0%}", apart <= MEMORY,
        f"off by {100 * apart:.2g} % at most; mean times given are those of the grid", key="memory",
    )  # fmt: skip
