"""The step that paths begin with:  h |lambda|^2 / |Re lambda| small for the eigenvalues lambda of the drift at rest.

Without rotation that is h |lambda|.  A kick is short against the way to the target and the radius of a ball, too; what
else it may not jump over is found where paths go (:mod:`fpsim.routes.places`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.lengths import distance
from fpsim.sde.sde import SDE, Inertia
from fpsim.targets import Target

Array = NDArray[np.float64]
STEP_TIMES_STIFFNESS = 0.02
"""Default step: this over the stiffness of the drift at rest (0.01 for the quartic double well)."""
INERTIAL = 0.1
"""The same for motion with inertia."""
KICKS_PER_RADIUS, KICKS_TO_TARGET = 3.0, 2.0
JUMP_PARTS = 200
"""Steps in the time in which a stable process goes as far as the target."""
SLOWEST = 50.0
"""A pair without damping counts as one damped this many times slower than it turns."""


def stiffness(jacobian: Array) -> float:
    """Largest |lambda|^2 / |Re lambda| over the eigenvalues of the drift's Jacobian (d, d)."""
    values = np.linalg.eigvals(jacobian)
    size = np.abs(values)
    damping = np.maximum(np.abs(values.real), size / SLOWEST)
    return float(np.max(size * (size / np.where(size > 0, damping, 1.0))))


def first_step(sde: SDE, stiff: float, start: Array, target: Target) -> float:
    """0.02 / stiffness; a kick may be a twentieth of the way on flat ground, and a third of a ball's radius."""
    if not math.isfinite(stiff):
        raise ValueError(f"the drift's derivative at rest is {stiff}, so no step can be chosen for you; give step=")
    law, white = sde.noise.stable, sde.noise.white
    if white is not None:  # jumps of a finite size, which are to come alone
        return min(first_step(sde.with_noise(white), stiff, start, target), sde.noise.longest_step)
    if law is not None:  # no time of its own beyond that of a jump over the way
        jump = (distance(target, start) / law.scale) ** law.alpha / JUMP_PARTS
        return float(f"{min(STEP_TIMES_STIFFNESS / stiff, jump) if stiff > 0 else jump:.2g}")
    across = _across(sde, start, target)
    flat = distance(target, start) ** 2 / (2 * across) if across > 0 else math.inf
    steps = [STEP_TIMES_STIFFNESS / stiff, flat / KICKS_TO_TARGET**2] if stiff > 0 else [flat / 400]
    ball = target.ball()
    if ball is not None and start.size > 1:
        steps.append((ball[1] / KICKS_PER_RADIUS) ** 2 / (2 * _noise(sde, ball[0])))
    return float(f"{min(steps):.2g}")


def _across(sde: SDE, start: Array, target: Target) -> float:
    """n . D n at ``start`` (d,) along the way to the target, or the largest one where no way is the shortest."""
    slope = np.broadcast_to(target.gradient(start[:, None]), (start.size, 1))
    size = float(np.linalg.norm(slope))
    return float(sde.along(start[:, None], slope / size)[0]) if size > 0 else _noise(sde, start)


def inertial_stiffness(inertia: Inertia, x: Array) -> float:
    """sqrt(|curvature| / mass + (friction / mass)^2) at the place ``x`` (d,)."""
    values = np.abs(np.linalg.eigvals(inertia.overdamped.landscape.jacobian(x[:, None])[..., 0]))
    return math.sqrt(float(values.max()) / inertia.mass + (inertia.friction / inertia.mass) ** 2)


def inertial_step(stiff: float) -> float:
    """0.1 / stiffness: the bias of a step of second order is some thousandths then."""
    if not math.isfinite(stiff):
        raise ValueError(f"the drift's derivative at rest is {stiff}, so no step can be chosen for you; give step=")
    return float(f"{INERTIAL / stiff:.2g}")


def directions(d: int) -> Array:
    """The axes and some more directions, (d, d + 8)."""
    ways = np.concatenate([np.eye(d), np.random.default_rng(2).standard_normal((d, 8))], axis=1)
    return np.asarray(ways / np.linalg.norm(ways, axis=0))


def _noise(sde: SDE, x: Array) -> float:
    """Largest n . D n at ``x`` (d,) over directions n."""
    ways = directions(x.size)
    return float(np.max(sde.along(np.repeat(x[:, None], ways.shape[1], axis=1), ways)))


def rest(landscape: Any, start: Array) -> Array:
    """Where the drift takes ``start`` (d,), roughly; ``start`` itself where it leads nowhere."""
    from scipy.integrate import solve_ivp

    def drift(_: float, x: Array) -> Array:
        return np.asarray(landscape.drift(x[:, None]))[:, 0]

    x, speed = start, float(np.linalg.norm(drift(0.0, start)))
    if not speed > 0:
        return start
    pace = float(np.abs(np.linalg.eigvals(landscape.jacobian(start[:, None])[..., 0])).max())
    if not pace > 0:
        return start
    with np.errstate(all="ignore"):
        for k in range(6):
            flow = solve_ivp(drift, (0.0, 4.0**k / pace), x, method="LSODA", rtol=1e-4, atol=1e-6 * speed / pace)
            if not flow.success or not np.isfinite(flow.y[:, -1]).all():
                return start
            x = flow.y[:, -1]
            if np.linalg.norm(drift(0.0, x)) <= 1e-4 * speed:
                return np.asarray(x)
    return np.asarray(x)
