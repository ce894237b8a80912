"""Every theory of an escape in all parameters, at one place: exponents per S/eta, and prefactors.

    ln(iterations) = (S/eta) V + ln A - ln eta

    least action         in all parameters, of mini-batches (Cramer) and of Gaussian noise of their covariance C(x)
    valley floor         theta(u) = argmin L at fixed u = (x - b) . e:  V = int q du,  q = 2 L'/var(k) (Gauss), or
                         mean exp(-q k) = 1 (Cramer), k_i = e . grad l_i(theta(u))
    Kramers              V = 2 dL / C with C = e . C(x) e at the saddle or at the minimum
    isotropic            V = 2 dL d / tr C(a): white noise of the same trace
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscapes.mirror.place import Place
from validation.full_space.places import place_of
from validation.study.findings import Row, Rows

Array = NDArray[np.float64]
LEAST_CRAMER, LEAST_GAUSS = "least action, Cramer", "least action, Gauss"
FLOOR_CRAMER, FLOOR_GAUSS = "valley floor, Cramer", "valley floor, Gauss"
AT_SADDLE, AT_MINIMUM, ISOTROPIC = "Kramers, C(b)", "Kramers, C(a)", "isotropic noise"


def least_actions(network: str, decay: float, pieces: int, floor: float, side: str = "twins") -> Rows:
    """Least actions of mini-batches and of Gaussian noise, from the minimum to the saddle."""
    from fpsim import MiniBatchSGD, minimum_action
    from fpsim.networks.one_thread import one_thread

    place = place_of(network, decay, side)
    with one_thread():
        guess = np.array([x for x, _ in floor_nodes(place, 17)]).T
        sgd = MiniBatchSGD(place.landscape, 1.0, 1)
        found = minimum_action(
            sgd, place.minimum, place.saddle, floor=floor, pieces=pieces, starts=1, guesses=[guess]
        )
    words = "; ".join(f"{a}" for a in found.violated)
    values = ((LEAST_CRAMER, found.action), (LEAST_GAUSS, found.gaussian))
    return [_row(network, decay, side, name, value, found.error, words) for name, value in values]


def simple_theories(network: str, decay: float, nodes: int, side: str = "twins") -> Rows:
    """Those that need no action in all parameters."""
    from fpsim.networks.one_thread import one_thread

    with one_thread():
        place = place_of(network, decay, side)
        barrier, e, g = place.barrier, place.direction, place.landscape.example_gradients
        at_b, at_a = g(place.saddle), g(place.minimum)
        mean = float(at_a.var(axis=0).sum()) / place.landscape.dimension
        along = [_roots(k) for _, k in floor_nodes(place, nodes)]
        u = np.linspace(float(place.along(place.minimum)), 0.0, nodes)
        fine, coarse = ([_simpson(u[::step], np.array(along)[::step, i]) for i in (0, 1)] for step in (1, 2))
    floors = [(FLOOR_GAUSS, fine[0], abs(fine[0] - coarse[0])), (FLOOR_CRAMER, fine[1], abs(fine[1] - coarse[1]))]
    kramers = [
        (AT_SADDLE, 2 * barrier / float((at_b @ e).var()), 0.0),
        (AT_MINIMUM, 2 * barrier / float((at_a @ e).var()), 0.0),
        (ISOTROPIC, 2 * barrier / mean, 0.0),
    ]
    return [_row(network, decay, side, *one, "") for one in (*floors, *kramers)]


def prefactors(network: str, decay: float, pieces: int, floor: float) -> Rows:
    """ln A of each theory that has one, in units of time; nan with the reason where there is none."""
    place = place_of(network, decay)
    ha, hb = place.spectrum("minimum").curvatures, place.spectrum("saddle").curvatures
    kramers = math.log(2 * math.pi / -hb[0]) + (np.log(np.abs(hb)).sum() - np.log(ha).sum()) / 2
    return [{"network": network, "decay": decay, "theory": "Eyring-Kramers", "ln A": float(kramers), "note": ""}]


def floor_nodes(place: Place, nodes: int) -> list[tuple[Array, Array]]:
    """Points (d,) of the valley's floor from the minimum to the saddle, and slopes (m,) of all examples along u."""
    from scipy.linalg import null_space

    e, x, landscape = place.direction, place.minimum, place.landscape
    across, found = null_space(e[None]), []
    for u in np.linspace(float(place.along(place.minimum)), 0.0, nodes):
        x = x + (u - float(place.along(x))) * e
        for _ in range(50):
            slope = across.T @ landscape.gradient(x)
            if np.linalg.norm(slope) < 1e-10:
                break
            x = x - across @ np.linalg.solve(across.T @ landscape.hessian(x) @ across, slope)
        else:
            raise ValueError(f"the floor of the valley was not found at u = {u:.3g}: the loss is not confined there")
        found.append((x, landscape.slopes(x, e)))
    return found


def _roots(k: Array) -> tuple[float, float]:
    """Exponents per length of Gaussian noise and of mini-batches where the slopes of the examples are k (m,)."""
    from scipy.optimize import brentq

    mean, variance = float(k.mean()), float(k.var())
    gauss = 2 * mean / variance
    if abs(mean) < 1e-9 * math.sqrt(variance):
        return gauss, gauss

    def cumulant(q: float) -> float:
        return float(np.log(np.mean(np.exp(-q * k)))) / q

    high = gauss
    while cumulant(high) < 0:
        high *= 1.5
    return gauss, float(brentq(cumulant, gauss / 100, high, xtol=1e-14, rtol=1e-12))


def _simpson(x: Array, y: Array) -> float:
    from scipy.integrate import simpson

    return float(simpson(y, x=x))


def _row(network: str, decay: float, side: str, theory: str, slope: Any, error: Any, note: str) -> Row:
    return {
        "network": network, "decay": decay, "side": side, "theory": theory, "slope": float(slope),
        "error": float(error), "note": note,
    }  # fmt: skip
