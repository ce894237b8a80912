"""What moves, as a Hamiltonian: an SDE, SGD's chain, SGD with mini-batches, or a Hamiltonian of one's own.

    ln(time) ~ speed * action

speed is S/eta where the noise is that of SGD, so that the action does not depend on it, and 1 elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.cumulant import Cumulant
from fpsim.action.examples import GaussianExamples
from fpsim.action.hamiltonian import Hamiltonian, Quadratic
from fpsim.noise.examples import ExampleCovariance
from fpsim.schedules.scheduled import Scheduled
from fpsim.sde.sde import SDE
from fpsim.sde.units import in_units, own_units
from fpsim.sgd.chain import Chain
from fpsim.sgd.minibatch import MiniBatchSGD
from landscapes.field import in_words

Array = NDArray[np.float64]
SINGULAR = 1e-12
"""Smallest over largest eigenvalue of D below which the noise counts as degenerate."""
HUGE = 1e100
"""Coordinates, drifts, noises and their inverses beyond which an action is no longer told from infinity in floats."""


@dataclass(frozen=True)
class Dynamics:
    """A Hamiltonian with its speed and words.

    Attributes:
        hamiltonian: H of the action.
        speed: what the action is multiplied by.
        system: what moves, in words.
        convention: what the action is, in words.
        floor: what was added to the diagonal of the noise, in the units of the Hamiltonian.
        gaussian: the same with Gaussian noise of the same covariance, where the own noise is another.
    """

    hamiltonian: Hamiltonian
    speed: float
    system: str
    convention: str
    floor: float = 0.0
    gaussian: Dynamics | None = None


def dynamics(system: Any, start: Array, end: Array, floor: float) -> Dynamics:
    """The Hamiltonian of a system.

    Raises:
        TypeError: for what does not move.
        ValueError: for a law of batches without a Hamiltonian of its own here, or a floor that is not one.
    """
    if not (np.isfinite(floor) and floor >= 0):
        raise ValueError(f"floor is a number >= 0, a share of the mean eigenvalue of D at the start; got {floor!r}")
    if isinstance(system, MiniBatchSGD):
        return _mini_batches(system, start, end, floor)
    if isinstance(system, Chain):
        found = _quadratic(SDE(system.landscape, system.noise), start, end, floor, system.batch_size / system.eta)
        return replace(found, system=str(system), convention=f"{found.convention}; the chain's limit of small steps")
    if isinstance(system, Scheduled):
        raise ValueError(
            "a least action belongs to a noise that stays, and this one follows a schedule: ask for the SDE at one of "
            f"its rates or temperatures ({system.sde})"
        )
    if isinstance(system, SDE) and system.inertia is not None and not floor:
        raise ValueError(
            "with inertia the noise drives the velocities alone: give floor=, a share of its mean eigenvalue for the "
            "positions, too; under D = T I the exponent is the barrier over T, that of minimum_action("
            "sde.inertia.overdamped, ...)"
        )
    if isinstance(system, SDE):
        return _quadratic(system, start, end, floor, _speed(system))
    if isinstance(system, Hamiltonian):
        if floor:
            raise ValueError("a Hamiltonian of one's own holds its noise itself; leave floor out")
        words = "action = int p . dx with H(x, p) = 0, ln(time) ~ action"
        return Dynamics(system, 1.0, str(system), words)
    raise TypeError(
        f"minimum_action expected an SDE, a Chain, a MiniBatchSGD or a Hamiltonian (value, by_momentum, by_place, "
        f"bend, shear), not {system!r}"
    )


def _speed(sde: SDE) -> float:
    """S/eta of a noise that is proportional to eta/S, else 1."""
    strength = sde.noise.strength
    return 1 / strength[1] if strength is not None and strength[0] == "eta/S" else 1.0


def lengths_of(landscape: Any, start: Array, end: Array) -> tuple[float, ...]:
    """On which drift and noise vary: a quarter of the box, else the distance of the ends."""
    if landscape.bounds is not None:
        return tuple((high - low) / 4 for low, high in landscape.bounds)
    return (float(np.linalg.norm(end - start)),) * len(start)


def quadratic(sde: SDE, lengths: tuple[float, ...], scale: float = 1.0, floor: float = 0.0) -> Quadratic:
    """The Hamiltonian of an SDE, from single examples where its noise is made of them."""
    covariance = getattr(sde.noise, "covariance", None)
    of_examples = isinstance(covariance, ExampleCovariance) and covariance.landscape is sde.landscape
    return (GaussianExamples if of_examples else Quadratic)(sde, lengths, scale, floor)


def _quadratic(sde: SDE, start: Array, end: Array, share: float, speed: float) -> Dynamics:
    plain = quadratic(sde, lengths_of(sde.landscape, start, end), speed)
    floor = share * _level(plain, start)
    words = "action = int p . dx with b . p + p . D p = 0 for the noise as given, ln(time) ~ action"
    if speed != 1.0:
        words = "action = int p . dx with b . p + p . (S/eta) D p = 0, ln(time) ~ (S/eta) action"
    return Dynamics(replace(plain, floor=floor), speed, str(sde), words, floor)


def units_apart(moves: Dynamics, x: Array) -> Array | None:
    """Units in which the noise of an SDE is alike along all axes at ``x`` (d,), where without them it is not at all."""
    h = moves.hamiltonian
    return own_units(h.sde, x) if type(h) is Quadratic and not moves.floor and len(x) > 1 else None


def rescaled(moves: Dynamics, units: Array) -> Dynamics:
    """The same of an SDE in coordinates x_i / units_i."""
    h = moves.hamiltonian
    assert isinstance(h, Quadratic)
    lengths = tuple((np.array(h.lengths) / units).tolist())
    return replace(moves, hamiltonian=replace(h, sde=in_units(h.sde, units), lengths=lengths))


def _level(h: Quadratic, x: Array) -> float:
    return float(np.trace(h.noise(x[:, None])[..., 0])) / len(x)


def _mini_batches(sgd: MiniBatchSGD, start: Array, end: Array, share: float) -> Dynamics:
    if not sgd.draws_examples:
        raise ValueError(
            f"the least action of mini-batches is that of real ones, and sampling='{sgd.sampling}' draws none: use "
            "'with-replacement', or surrogate() of sampling='gaussian'"
        )
    if not sgd.replacement:
        raise ValueError(
            f"the least action of mini-batches is that of independent draws; with sampling='{sgd.sampling}' the "
            "exponent depends on S/m: use 'with-replacement', or surrogate() for Gaussian noise of that covariance"
        )
    if sgd.optimiser is not None:
        raise ValueError(
            f"the least action of mini-batches is that of SGD, with or without momentum, not of {sgd.optimiser}"
        )
    speed, kept = sgd.batch_size / sgd.learning_rate, 1 - sgd.momentum
    twin = _quadratic(sgd.surrogate(), start, end, share, speed)
    length = min(lengths_of(sgd.landscape, start, end))
    words = "action = int q . dx with ln mean_i exp(-q . g_i) = 0, ln(iterations) ~ (S/eta) action"
    if sgd.momentum:  # small steps add up to those of the learning rate eta / (1 - momentum)
        words = words.replace("(S/eta)", "(1 - momentum) (S/eta)")
    return Dynamics(Cumulant(sgd.landscape, length, twin.floor), kept * speed, str(sgd), words, twin.floor, twin)


def isotropic(h: Hamiltonian) -> bool:
    """Whether the noise is D = T I: where the drift is that of a loss, ways of least action are paths of least loss."""
    if not isinstance(h, Quadratic) or not h.sde.noise.is_constant:
        return False
    noise = h.noise(np.zeros((h.dimension, 1)))[..., 0]
    return bool(np.allclose(noise, noise[0, 0] * np.eye(h.dimension), rtol=1e-12, atol=0))


def require_size(h: Hamiltonian, x: Array) -> None:
    """Refuse noise, or drift at both ends x (d, 2), of a size that floats cannot square."""
    with np.errstate(all="ignore"):
        b, bend = (np.abs(of(x, np.zeros_like(x))).max() for of in (h.by_momentum, h.bend))
    if not b < HUGE:
        raise ValueError(f"the drift at {in_words(x[:, 0])} or {in_words(x[:, -1])} is {b:.2g}, beyond {HUGE:g}")
    if not 1 / HUGE < bend < HUGE:
        raise ValueError(
            f"the noise at {in_words(x[:, 0])} is {bend / 2:.2g}, outside of {1 / HUGE:g} to {HUGE:g}; actions are in "
            "proportion to its inverse: ask for one at another level"
        )


def degenerate(h: Hamiltonian, x: Array) -> Array | None:
    """A column of ``x`` (d, n) at which the noise does not reach every direction; ``None`` without one."""
    bend = np.moveaxis(h.bend(x, np.zeros_like(x)), -1, 0)
    values = np.linalg.eigvalsh(bend)
    low = values[:, 0] <= SINGULAR * max(float(values.max()), 0.0)
    return np.asarray(x[:, np.flatnonzero(low)[0]]) if low.any() else None
