"""What a least action rests on, checked; and why there is none, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.cumulant import Cumulant
from fpsim.action.flow import FixedPoint
from fpsim.action.hamiltonian import Hamiltonian, NoWayError
from fpsim.action.result import Stop
from fpsim.assumption import Assumption
from landscapes.field import in_words

Array = NDArray[np.float64]
ENERGY = 1e-6
OUTSIDE = 1e-9
SHOWN = 6
SEVERAL, LARGEST = 10, 0.5


def assumptions_of(
    h: Hamiltonian, x: Array, p: Array, rest: FixedPoint | None, stops: Sequence[Stop], settled: bool, energy: float,
    force: float,
) -> tuple[Assumption, ...]:  # fmt: skip
    """Each assumption of a least action along ``x`` with momenta ``p`` (d, n), which begins at ``rest``; its stops."""
    begins = "no fixed point" if rest is None else f"{rest.index} growing directions"
    last, climbs = stops[-1].index, [stop.action for stop in stops if stop.action > 0]
    ends = "no fixed point" if last < 0 else f"{last} growing directions"
    values = np.linalg.eigvalsh(np.moveaxis(h.bend(x, np.zeros_like(x)), -1, 0))
    ratio = float(values.min() / max(float(values.max()), 1e-300))
    return (
        Assumption(
            "the start is a stable fixed point: ln(time) ~ exponent",
            rest is not None and rest.stable,
            begins,
            "start at rest",
        ),
        Assumption("the end is a saddle with one growing direction, or beyond one", last in (0, 1), ends, "end"),
        Assumption(
            "one climb: from valley to valley ln(time) is not their sum", len(climbs) <= 1, _shown(climbs), "one climb"
        ),
        Assumption("the descent has settled", settled, f"force across {force:.1e} momenta per length", "settled"),
        Assumption(f"H = 0 to {ENERGY:g}", energy <= ENERGY, f"{energy:.1e} of |b . p|", "energy"),
        Assumption(
            "the noise reaches every direction",
            ratio > 1e-10,
            f"eigenvalues of D within {ratio:.2g} of each other",
            "noise reaches",
        ),
        *_lone_example(h, x, p),
    )


def _lone_example(h: Hamiltonian, x: Array, p: Array) -> tuple[Assumption, ...]:
    """Whether many examples climb together: an exponent that hangs on one of them hangs on that datum."""
    if not isinstance(h, Cumulant) or h.landscape.number_of_examples < SEVERAL:
        return ()
    largest = float(h.shares(x, p).max())
    what = f"no single example is drawn more than {LARGEST:g} of the time on the way up"
    return (Assumption(what, largest <= LARGEST, f"one is drawn {largest:.2g} of it", "lone example"),)


def _shown(climbs: Sequence[float]) -> str:
    numbers = ", ".join(f"{climb:.6g}" for climb in climbs[:SHOWN])
    numbers += f" and {len(climbs) - SHOWN} more" if len(climbs) > SHOWN else ""
    return f"climbs {numbers}: ln(time) lies between the first and their sum" if len(climbs) > 1 else f"climb {numbers}"


def blocked(moves: Any, error: NoWayError) -> str:
    """Which point the way cannot pass, and what to do."""
    h = moves.hamiltonian
    if not isinstance(h, Cumulant):
        return f"{error}: the Hamiltonian has no finite momentum there, next to x = {in_words(error.places[:, 0])}"
    place = _outside(h, error.places, error.steps)
    if place is None:
        return (
            f"the momentum of mini-batches was not found along the way, next to x = {in_words(error.places[:, 0])}; "
            "give floor= or guesses= nearer to the way"
        )
    gaussian = "" if moves.gaussian is None else " (Gaussian noise of the same covariance would)"
    if h.dimension == 1:
        return (
            f"at x = {place[0]:g} the gradients of all examples pull the same way, so mini-batch SGD never climbs it: "
            f"the escape time is infinite{gaussian}"
        )
    return (
        f"at x = {in_words(place)} no mixture of the examples' gradients leads on along the way, so mini-batch SGD "
        f"never takes it{gaussian}; give guesses= of ways around, or floor= for some noise in every direction"
    )


def _outside(h: Cumulant, x: Array, v: Array) -> Array | None:
    """The first point whose step is no positive combination of minus the examples' gradients."""
    from scipy.optimize import nnls

    g = np.asarray(h.landscape.example_gradients(x))
    for k in range(x.shape[1]):
        size = float(np.abs(g[..., k]).max()) or 1.0
        step = v[:, k] / np.linalg.norm(v[:, k])
        if nnls(-g[..., k].T / size, step)[1] > OUTSIDE:
            return np.asarray(x[:, k])
    return None
