"""The walk on a line: exact potential differences for any D(x) > 0 and any convention l.

    Phi = int L'/D - l ln D,    m = exp(-Phi)/D,    rate(i -> j) = 1 / (int_cell m  int_{x_i}^{x_j} exp(Phi))

m is the stationary density of the line and exp(Phi) its scale density (Karlin, Taylor 1981, chapter 15).  Where D
jumps or has a kink the integrals are split there.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.edges import Edges
from fpsim.density.grid import Grid
from fpsim.density.walk import Rim, Walk, Wall

Array = NDArray[np.float64]
MOST_SAMPLES = 40_000  # on which jumps are looked for
GAUSS_POINTS, GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(4)


def line_walk(sde: Any, grid: Grid, walls: tuple[Wall, ...]) -> Walk:
    """The walk of a 1-D SDE on a 1-D grid.

    Raises:
        ValueError: where the diffusion is not positive or the drift not finite.
    """
    (low, high, n), h = grid.axes[0], float(grid.spacing[0])
    x = grid.centers()
    diffusion = diffusion_at(sde, x)
    breaks = sde.noise.breaks(sde.landscape, low, high)
    if breaks is None or sde.noise.is_constant:
        breaks = _jumps(sde, low, high, n)
    periodic = walls[0][0] == "periodic"
    knots = low + h / 2 * np.arange(2 * n + (2 if periodic else 1), dtype=np.float64)
    halves = potential_steps(sde, knots, breaks)  # from knot to knot: wall, centre, face, centre, ..., wall
    joined = halves[1:-1] if not periodic else halves[1:]
    mid, end = joined[0::2], joined[0::2] + joined[1::2]
    ends = (np.arange(mid.size) + 1) % n
    mass = _cell_masses(sde, grid, diffusion, breaks)
    factor = _broken_edges(sde, x, h, mid, end, breaks)
    source = np.concatenate([np.arange(mid.size), ends])
    target = np.concatenate([ends, np.arange(mid.size)])
    offset = np.concatenate([np.ones(mid.size, np.int64), -np.ones(mid.size, np.int64)])[:, None]
    scale = np.concatenate([factor, factor]) / (h * mass[source])
    both = [np.concatenate([mid, mid - end]), np.concatenate([end, -end])]
    edges = Edges(source, offset, scale, both[0], both[1])
    return Walk(grid, walls, edges, target, _rim(walls[0], mass * h, -halves[0], halves[-1]))


def _rim(walls: Wall, mass: Array, low_step: float, high_step: float) -> Rim:
    """Edges out of the first and the last cell to the walls half a cell away, potentials straight."""
    ends = np.array([0, mass.size - 1] if walls[0] != "periodic" else [], dtype=np.int64)
    step = np.array([low_step, high_step])[: ends.size]
    step = np.where(np.isnan(step), 0.0, step)  # a wall on the edge of the landscape's domain
    offset = np.array([[-1], [1]], dtype=np.int64)[: ends.size]
    absorbing = np.array([wall == "absorbing" for wall in walls])[: ends.size]
    return Rim(Edges(ends, offset, 1 / mass[ends], step, 2 * step), np.full(ends.size, 0.5), absorbing)


def diffusion_at(sde: Any, x: Array) -> Array:
    """D on points x (n,), shape (n,); refuses D <= 0."""
    values = np.asarray(sde.diffusion(x[None])[0, 0], dtype=float)
    bad = ~(np.isfinite(values) & (values > 0))
    if bad.any():
        raise ValueError(
            f"the diffusion must be positive on the grid; D({x[bad][0]:g}) = {values[bad][0]:g} (no continuous path "
            "crosses a point without noise against the drift; give the noise a floor)"
        )
    return values


def _jumps(sde: Any, low: float, high: float, cells: int) -> Array:
    """Jumps of D and of the drift; none where the potential is known as loss over D."""
    from fpsim.density.jumps import jumps

    constant = bool(sde.noise.is_constant)
    if constant and hasattr(sde.landscape, "loss"):
        return np.empty(0)
    samples = min(2 * cells, MOST_SAMPLES) + 1
    found = jumps(lambda z: np.asarray(sde.landscape.drift(z[None])[0], dtype=float), low, high, samples)
    if not constant:
        found = np.union1d(found, jumps(lambda z: diffusion_at(sde, z), low, high, samples))
    return found


def potential_steps(sde: Any, knots: Array, breaks: Array) -> Array:
    """Phi(knot_{i+1}) - Phi(knot_i), shape (m - 1,); exact loss differences where D is constant."""
    landscape = sde.landscape
    if sde.noise.is_constant and hasattr(landscape, "loss"):
        loss = np.asarray(landscape.loss(knots[None]), dtype=float)
        return np.asarray(np.diff(loss) / diffusion_at(sde, knots[:1])[0])
    joint = np.union1d(knots, breaks)
    pieces = np.concatenate([[0.0], np.cumsum(_gauss_steps(sde, joint))])
    weight = sde.convention_weight
    steps = np.diff(pieces[np.searchsorted(joint, knots)])
    if breaks.size == 0:
        steps = np.add.reduceat(_gauss_steps(sde, knots), np.arange(knots.size - 1))
    if weight:
        steps = steps - weight * np.diff(np.log(diffusion_at(sde, knots)))
    return np.asarray(steps)


def _gauss_steps(sde: Any, joint: Array) -> Array:
    """int -drift/D over each interval of ``joint``, without the convention's part, shape (m - 1,)."""
    width = np.diff(joint)
    z = joint[:-1, None] + width[:, None] * (GAUSS_POINTS + 1) / 2
    drift = np.asarray(sde.landscape.drift(z.reshape(1, -1)), dtype=float)[0].reshape(z.shape)
    if not np.isfinite(drift).all():
        raise ValueError(f"the drift is not finite at x = {z[~np.isfinite(drift)][0]:g}; choose a smaller box")
    ratio = -drift / diffusion_at(sde, z.ravel()).reshape(z.shape)
    return np.asarray((ratio * GAUSS_WEIGHTS).sum(axis=1) * width / 2)


def _cell_masses(sde: Any, grid: Grid, diffusion: Array, breaks: Array) -> Array:
    """int_cell m / m(x_i) / D_i, shape (n,): h / D_i, and by quadrature in cells with a break."""
    low, h = float(grid.low[0]), float(grid.spacing[0])
    mass = h / diffusion
    for cell in np.unique(np.floor((breaks - low) / h).astype(int)):
        center = low + (cell + 0.5) * h
        for side in (-1.0, 1.0):
            piece = _half_integral(sde, center, center + side * h / 2, breaks, speed=True)
            mass[cell] = piece if side < 0 else mass[cell] + piece
    return np.asarray(mass)


def _broken_edges(sde: Any, x: Array, h: float, mid: Array, end: Array, breaks: Array) -> Array:
    """Chord integral over true integral of exp(Phi) for edges with a break, 1 elsewhere, shape of ``mid``."""
    from fpsim.kernels.assembly import edge_integral

    factor = np.ones(mid.size)
    for edge in np.unique(np.floor((breaks - x[0]) / h).astype(int)):
        if 0 <= edge < mid.size:
            true = _half_integral(sde, x[edge], x[edge] + h, breaks, speed=False) / h
            factor[edge] = edge_integral(mid[edge], end[edge]) / true
    return factor


def _half_integral(sde: Any, start: float, stop: float, breaks: Array, speed: bool) -> float:
    """|int| from start to stop of exp(-Phi)/D (``speed``) or exp(Phi), with Phi(start) = 0, split at the breaks."""
    inner = breaks[(breaks > min(start, stop)) & (breaks < max(start, stop))]
    corners = np.unique(np.concatenate([[start, stop], inner]))
    corners = corners if stop > start else corners[::-1]
    # at a kink where D all but vanishes the integral has no limit, and few pieces show that soonest
    pieces = 8 if sde.noise.floor_of else 64
    joint = np.concatenate([np.linspace(a, b, pieces + 1)[:-1] for a, b in pairwise(corners)] + [[stop]])
    phi = np.concatenate([[0.0], np.cumsum(_gauss_steps(sde, joint))])
    centers = (joint[:-1] + joint[1:]) / 2
    diffusion = diffusion_at(sde, centers)
    phi = (phi[:-1] + phi[1:]) / 2 - sde.convention_weight * np.log(diffusion / diffusion_at(sde, np.array([start]))[0])
    values = np.exp(-phi) / diffusion if speed else np.exp(phi)
    return float((values * np.abs(np.diff(joint))).sum())
