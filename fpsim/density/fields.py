"""Fields of an equation on a grid as datasets, with their discretisation errors to be worked out at the first look."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.density.answers import Answer, committor, ended_by, passage, sets_on
from fpsim.density.cuts import restrict
from fpsim.density.discretisation import across, at_centers, densities_apart, fields_apart, judged, resolution
from fpsim.density.pending import with_pending
from fpsim.density.walk import Walk
from fpsim.numbers import reals

if TYPE_CHECKING:
    import xarray

    from fpsim.density.decay import Decay
    from fpsim.density.equation import Equation
    from fpsim.density.evolution import Evolution
    from fpsim.density.motion import Motion

Array = NDArray[np.float64]
Found = TypeVar("Found")


def as_times(times: ArrayLike) -> Array:
    """One or more increasing times >= 0 as an array.

    Raises:
        ValueError: otherwise.
    """
    given = reals(times)
    if given is not None and given.ndim < 2 and given.size and np.isfinite(given).all():
        moments = np.atleast_1d(given)
        if (moments >= 0).all() and (np.diff(moments) > 0).all():
            return moments
    raise ValueError(f"times are one or more increasing numbers >= 0; got {times!r}")


def evolved(
    equation: Equation, density: Any, times: ArrayLike, method: Any = None, tolerance: float = 1e-5
) -> xarray.Dataset:
    """The density at each of ``times``, from ``density`` at time zero."""
    from fpsim.storage import dataset

    moments, begin = as_times(times), equation.grid.density(density)
    result, walk = propagated(equation, None, begin, moments, method, tolerance)
    values = result.masses.reshape((-1, *equation.grid.shape)) / equation.grid.volume
    data = dataset(
        {
            "density": (("time", *equation.grid.dims), values, "1/volume", "probability density"),
            "mass": ("time", result.masses.sum(axis=1), "", "probability left"),
        },
        {"time": ("time", moments, "time", "time"), **equation.grid.coordinates},
        **equation.facts(
            grid=str(equation.grid), method=result.method, most_negative_before_clipping=result.negative,
            mass_rescaled_by=result.mass_error, time_error=result.time_error,
        ),
    )  # fmt: skip

    def again(other: Equation) -> dict[str, Any]:
        source = at_centers(begin, equation.grid, other.grid) if isinstance(density, np.ndarray) else density
        if isinstance(density, np.ndarray) and density.size == equation.grid.dimension != equation.grid.size:
            source = density
        source = np.maximum(source, 0.0) if np.shape(source) == other.grid.shape else source
        found, _ = propagated(other, None, other.grid.density(source), moments, method, tolerance)
        return {"density": found.masses.reshape((-1, *other.grid.shape)) / other.grid.volume}

    last = np.maximum(result.masses[-1], 0.0)
    return with_error(equation, 
        data, again, {"density": values}, "L1 distance of the density, largest over the times", 1.0, walk,
        lambda: [resolution(last, equation.grid)] if last.sum() > 0 else [],
    )  # fmt: skip


def standing(equation: Equation) -> xarray.Dataset:
    """The stationary ``density`` per volume, mass one; ``discretisation_error`` is its estimated L1 error."""
    masses, accuracy = equation.stationary_law
    entries = {"density": (masses / equation.grid.volume, "1/volume", "stationary density")}
    data = equation.grid.dataset(entries, **equation.facts(linear_solver_accuracy=accuracy))

    def again(other: Equation) -> dict[str, Any]:
        return {"density": other.stationary_law[0].reshape(other.grid.shape) / other.grid.volume}

    fine = {"density": masses.reshape(equation.grid.shape) / equation.grid.volume}
    return with_error(
        equation,
        data,
        again,
        fine,
        "L1 distance of the density",
        1.0,
        equation.walk,
        lambda: [resolution(masses, equation.grid)],
    )


def passed(equation: Equation, target: Any = None, start: ArrayLike | None = None) -> xarray.Dataset:
    """Mean and variance of the time to the target from every cell."""
    found = passage(equation, target, start)
    entries = {
        "mean": (found.values["mean"], "time", f"mean time to {found.words}"),
        "variance": (found.values["variance"], "time^2", f"variance of the time to {found.words}"),
    }
    if "target_chance" in found.values:
        entries["target_chance"] = (found.values["target_chance"], "", "chance to meet the target before a wall")
    more = {} if target is None else {"target": str(target)}
    return judged_fields(
        equation, entries, found, lambda other: passage(other, target, start), [] if target is None else [target], more
    )


def survived(equation: Equation, start: Any, target: Any, times: ArrayLike) -> xarray.Dataset:
    """Chance not to have met the target yet and the density of the time at which it is met."""
    from fpsim.storage import dataset

    moments = as_times(times)
    point = start if not callable(start) and np.size(start) == equation.grid.dimension else None
    sets = sets_on(equation, target, point)
    begin = equation.grid.density(start)
    result, walk = decayed(equation, sets, begin, moments)
    words = ended_by(restrict(walk, sets))
    left = result.left
    entries = {
        "survival": ("time", left, "", f"probability not to have met {words}"),
        "first_passage_density": ("time", result.lost, "1/time", f"density of the time to {words}"),
    }
    facts = equation.facts(target=str(target), time_to=words, grid=str(equation.grid), method=result.method)
    data = dataset(entries, {"time": ("time", moments, "time", "time")}, **facts)

    def again(other: Equation) -> dict[str, Any]:
        source = start
        if np.shape(start) in (equation.grid.shape, (equation.grid.size,)) and point is None:
            source = np.maximum(at_centers(begin, equation.grid, other.grid), 0.0)
        rough, _ = decayed(other, sets_on(other, target, point), other.grid.density(source), moments)
        return {"survival": rough.left}

    def compare(other: Equation, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
        return {"survival_error": np.abs(rough["survival"] - near["survival"]).max()}

    def made() -> dict[str, Any]:
        """The error, worked out when it is asked for."""
        of = "largest absolute error of survival"
        return judged(equation, again, {"survival": left}, of, 1.0, compare, tuple, walk).attributes()

    return with_pending(data, made)


def met_first(equation: Equation, a: Any, b: Any) -> xarray.Dataset:
    """``committor``: the chance to meet ``b`` before ``a``, from every cell; ``.plot()`` draws it."""
    from fpsim.density.drawn import committor_of

    found = committor(equation, a, b)
    entries = {"committor": (found.values["committor"], "", "chance to meet b before a")}

    def again(other: Equation) -> Answer:
        return committor(other, a, b)

    facts = {"a": str(a), "b": str(b), "variables": list(equation.sde.landscape.variables)}
    return committor_of(judged_fields(equation, entries, found, again, [a, b], facts))


def with_error(
    equation: Equation,
    data: xarray.Dataset,
    again: Any,
    fine: dict[str, Any],
    of: str,
    scale: float,
    walk: Walk,
    checks: Any,
) -> xarray.Dataset:
    """The dataset of a density, with its discretisation error to be worked out at the first look."""

    def compare(other: Equation, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
        found = densities_apart(near["density"], equation.grid, rough["density"], other.grid)
        return {name: np.max(values, axis=0) if values.ndim > 1 else values for name, values in found.items()}

    return with_pending(data, lambda: judged(equation, again, fine, of, scale, compare, checks, walk).attributes())


def propagated(
    equation: Equation, sets: list[Any] | None, begin: Array, times: Array, method: Any, tolerance: float
) -> tuple[Evolution, Walk]:
    """Masses in time from a density, and the walk that took them there; ``sets`` end it."""
    from fpsim.density.evolution import propagate

    return _by_a_sound_walk(equation, sets, begin, lambda motion, m: propagate(motion, m, times, method, tolerance))


def decayed(equation: Equation, sets: list[Any], begin: Array, times: Array) -> tuple[Decay, Walk]:
    """What is left in time of a density that ``sets`` or walls end, and the walk that took it there."""
    from fpsim.density.decay import outlived

    return _by_a_sound_walk(equation, sets, begin, lambda motion, masses: outlived(motion, masses, times))


def _by_a_sound_walk(
    equation: Equation, sets: list[Any] | None, begin: Array, moved: Callable[[Motion, Array], Found]
) -> tuple[Found, Walk]:
    """What becomes of a density by the equation's walk, or by the fitted one where that does not stay positive."""
    from fpsim.density.evolution import NotPositive
    from fpsim.density.motion import Motion

    masses, whole = begin.ravel() * equation.grid.volume, equation.motion
    for walk in (equation.walk, equation.fitted):
        balance, own, motion = whole.log_stationary, masses, whole
        part: Any = walk if sets is None else restrict(walk, sets)
        if sets is not None:
            balance, own = None if balance is None else balance[part.keep], masses[part.keep]
        if part is not equation.walk:
            motion = Motion(part.rates, part.killing, balance, walk.is_line, walk.grid.dimension)
        try:
            return moved(motion, own), walk
        except NotPositive:
            continue
    raise AssertionError("fitted rates keep densities positive")


def judged_fields(
    equation: Equation, entries: dict[str, Any], found: Answer, again: Any, sets: list[Any], more: dict[str, Any]
) -> xarray.Dataset:
    """Fields on the grid, with their discretisation error to be worked out at the first look."""
    words = {"time_to": found.words} if found.words else {}
    data = equation.grid.dataset(entries, **equation.facts(linear_solver_accuracy=found.accuracy, **words, **more))
    inside = ~found.part.keep

    def compare(other: Equation, rough: dict[str, Any], near: dict[str, Any]) -> dict[str, Any]:
        return {
            f"{name}_error": fields_apart(near[name], inside, equation.grid, rough[name], other.grid) for name in near
        }

    def made() -> dict[str, Any]:
        """The error, worked out when it is asked for."""
        first = next(iter(found.values))
        of = f"largest absolute error of {first} away from the sets cut out"
        wide = [across(s, found.part.inside[k], equation.grid) for k, s in enumerate(sets)]
        checks = [check for check in wide if check is not None]
        scale = float(found.values[first].max())
        return judged(
            equation, lambda other: again(other).values, found.values, of, scale, compare, lambda: checks, found.walk
        ).attributes()

    return with_pending(data, made)
