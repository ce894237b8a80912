"""Rates, times and eigenvalues of an equation on a grid, with their discretisation errors to be had when asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from fpsim.assumption import Assumption
from fpsim.density.answers import left_valley
from fpsim.density.cuts import on_grid, restrict
from fpsim.density.discretisation import Discretisation, across, judged, numbers_apart, resolution
from fpsim.density.passage import QuasiStationary
from fpsim.density.pending import with_pending
from fpsim.density.spectrum import Spectrum, spectral_gap, spectrum
from fpsim.density.transitions import Transitions, transitions

if TYPE_CHECKING:
    from fpsim.density.equation import Equation

SEED_CELLS = 400  # cells of a grid whose every eigenvalue is worked out, to know where to look on a finer one
GROWING = 1e-10  # largest real part, against the largest rate, that is rounding


def exchanged(equation: Equation, a: Any, b: Any) -> Transitions:
    """Reactive flux, rate constants, committors and reactive current between two sets in the stationary state."""
    found = transitions_of(equation, a, b)
    fine = {name: getattr(found, name) for name in ("rate", "return_rate", "flux")}

    def again(other: Equation) -> dict[str, Any]:
        rough = transitions_of(other, a, b)
        return {name: getattr(rough, name) for name in fine}

    def estimate() -> Discretisation:
        """The error, worked out when it is asked for."""
        sets = [on_grid(s, equation.grid) for s in (a, b)]
        inside = restrict(equation.walk, sets).inside
        checks = [across(s, inside[k], equation.grid) for k, s in enumerate(sets)]
        known = [check for check in checks if check is not None]
        return judged(equation, again, fine, "rate", found.rate, numbers_apart, lambda: known)

    return replace(found, estimate=estimate)


def left(equation: Equation, valley: Any, start: ArrayLike | None = None) -> QuasiStationary:
    """Quasi-stationary law and exit rate of a valley."""
    found = left_valley(equation, valley, start)
    rate, masses = found.values["rate"], np.maximum(found.values["masses"], 0.0)
    entries = {"density": (masses / equation.grid.volume, "1/volume", "quasi-stationary density")}
    facts = equation.facts(linear_solver_accuracy=found.accuracy, exit_rate=rate, exit_through=found.words)

    def estimate() -> Discretisation:
        """The error, worked out when it is asked for."""
        return judged(
            equation, lambda other: {"rate": left_valley(other, valley, start).values["rate"]}, {"rate": rate},
            "rate", rate, numbers_apart, lambda: [resolution(masses, equation.grid)], found.walk,
        )  # fmt: skip

    found_law = QuasiStationary(rate, equation.grid.dataset(entries, **facts), estimate=estimate)
    with_pending(found_law.density, lambda: found_law.discretisation.attributes())
    return found_law


def modes(equation: Equation, k: int = 6) -> Spectrum:
    """The ``k`` eigenvalues of the generator of largest real part, with their modes and the spectral gap."""
    found = spectrum_of(equation, k)

    def again(other: Equation) -> dict[str, Any]:
        return {"eigenvalues": spectrum_of(other, min(k, other.grid.size - 2)).eigenvalues}

    def compare(other: Equation, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
        apart = np.abs(near["eigenvalues"][:, None] - rough["eigenvalues"][None, :])
        return {
            "gap_error": abs(spectral_gap(rough["eigenvalues"]) - found.gap),
            "eigenvalue_errors": apart.min(axis=1),
        }

    def estimate() -> Discretisation:
        """The error, worked out when it is asked for."""
        fine = {"eigenvalues": found.eigenvalues}
        return judged(equation, again, fine, "gap", found.gap, compare, lambda: found.checks)

    return replace(found, estimate=estimate)


def transitions_of(equation: Equation, a: Any, b: Any) -> Transitions:
    """Transitions without an estimate of their error."""
    part = restrict(equation.walk, [on_grid(a, equation.grid), on_grid(b, equation.grid)])
    return transitions(equation.walk, part, equation.stationary_law[0], equation.facts(a=str(a), b=str(b)))


def spectrum_of(equation: Equation, k: int) -> Spectrum:
    """The spectrum without an estimate of its error; of the fitted rates, should a guided mode grow."""
    seeds = partial(seed_values, equation, k)
    found = spectrum(equation.walk, equation.balance, k, seeds)
    if equation.walk.is_fitted or found.eigenvalues[0].real <= GROWING * equation.walk.leaving.max():
        return found
    found = spectrum(equation.fitted, None, k, seeds)
    check = Assumption(
        "no mode of the guided rates grows", False, "upwind rates are used instead; give more cells", key="growing mode"
    )
    return replace(found, checks=(*found.checks, check))


def seed_values(equation: Equation, k: int) -> Any:
    """All eigenvalues on a grid so coarse that they can be had, largest real parts first."""
    factor = (SEED_CELLS / equation.grid.size) ** (1 / equation.grid.dimension)
    values = np.linalg.eigvals(equation.refined(factor).generator.toarray())
    return values[np.argsort(-values.real)][: 4 * k]
