"""Which points a sweep visits: a grid, a list, or a random, Latin-hypercube or Sobol design.

grid: every combination of the axes' values, the last axis fastest
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Value = Any
Point = dict[str, Value]
Kind = Literal["random", "latin-hypercube", "sobol"]


@dataclass(frozen=True)
class Design:
    """Points of a sweep.

    Attributes:
        axes: values of each axis of a grid; empty for a list of points.
        listed: the points of a list; empty for a grid.
        fixed: parameters that are the same everywhere.
    """

    axes: Mapping[str, tuple[Value, ...]]
    listed: tuple[Point, ...]
    fixed: Mapping[str, Value]

    def __len__(self) -> int:
        return len(self.listed) or math.prod(len(values) for values in self.axes.values())

    def __getitem__(self, number: int) -> Point:
        """The point with this number; numbers run along the last axis fastest."""
        if self.listed:
            return {**self.fixed, **self.listed[number]}
        place: Point = {}
        for name, values in reversed(list(self.axes.items())):
            number, k = divmod(number, len(values))
            place[name] = values[k]
        return {**self.fixed, **{name: place[name] for name in self.axes}}

    def column(self, name: str) -> tuple[Value, ...]:
        """Values of one axis, or of one parameter at every point of a list."""
        return self.axes[name] if self.axes else tuple(point[name] for point in self.listed)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what varies."""
        return tuple(self.axes) or tuple(self.listed[0])

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis of the grid; (points,) of a list."""
        return tuple(len(values) for values in self.axes.values()) if not self.listed else (len(self.listed),)


def as_design(parameters: Any) -> Design:
    """A design from what a user gives: ``{name: values or one value}``, a list of ``{name: value}``, or a design.

    Raises:
        TypeError, ValueError: for anything else, empty axes, values that repeat, or points with different names.
    """
    if isinstance(parameters, Design):
        return parameters
    if isinstance(parameters, Mapping):
        return _grid(parameters)
    if isinstance(parameters, Sequence) and not isinstance(parameters, str) and len(parameters):
        if not all(isinstance(point, Mapping) for point in parameters):
            raise TypeError("a list of points holds one {name: value} per point; got something else in it")
        return _listed([dict(point) for point in parameters])
    raise TypeError(
        f"parameters of a sweep are {{name: values}}, a list of {{name: value}}, or a design; got {parameters!r:.80}"
    )


def _grid(parameters: Mapping[str, Any]) -> Design:
    axes: dict[str, tuple[Value, ...]] = {}
    fixed: Point = {}
    for name, values in parameters.items():
        _require_name(name)
        if isinstance(values, str) or not hasattr(values, "__len__"):
            fixed[name] = plain_value(name, values)
            continue
        found = tuple(plain_value(name, value) for value in values)
        if not found:
            raise ValueError(f"the axis '{name}' has no values; give one at least, or leave the parameter out")
        if len({repr(value) for value in found}) < len(found):
            raise ValueError(
                f"the axis '{name}' has a value twice: {list(found)}; give each once, and seeds= to repeat"
            )
        axes[name] = found
    if not axes:
        raise ValueError("nothing varies in this sweep: give a list of values for one parameter at least")
    return Design(axes, (), fixed)


def _listed(points: list[Point]) -> Design:
    for point in points:
        if set(point) != set(points[0]):
            raise ValueError(f"all points of a list have the same names; got {sorted(points[0])} and {sorted(point)}")
    found = tuple({name: plain_value(name, value) for name, value in point.items()} for point in points)
    for name in points[0]:
        _require_name(name)
    if len({repr(sorted(point.items())) for point in found}) < len(found):
        raise ValueError("a point is in the list twice; give each once, and seeds= to repeat")
    return Design({}, found, {})


def _require_name(name: Any) -> None:
    if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"names of parameters are words such as batch_size; got {name!r}")
    if name == "seed":
        raise ValueError("the seed is no parameter: give seeds= to the sweep, which hands a seed to its function")


def plain_value(name: str, value: Any) -> Value:
    """A number, word, truth value, None, or a tuple of them, of Python's own kinds.

    Raises:
        TypeError: for anything else: a result is found again by its parameters, so they must be plain.
        ValueError: for numbers that are not finite.
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(plain_value(name, part) for part in value)
    if value is not None and not isinstance(value, bool | int | float | str):
        raise TypeError(
            f"the values of '{name}' are numbers, words or tuples of them, by which a result is found again; "
            f"got {value!r:.60}"
        )
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"the values of '{name}' must be finite; got {value}")
    return value


def sampled(
    kind: Kind, ranges: Mapping[str, tuple[float, float]], count: int, seed: int = 0, logarithmic: Sequence[str] = ()
) -> Design:
    """``count`` points that fill a box: uniformly at random, as a Latin hypercube, or as a scrambled Sobol sequence.

    Args:
        kind: ``"random"``, ``"latin-hypercube"`` or ``"sobol"``.
        ranges: (low, high) of each parameter; a single value is the same at every point.
        count: number of points; a power of two suits Sobol.
        seed: of the design, not of what is computed.
        logarithmic: names of parameters that are spread evenly in their logarithm.

    Raises:
        ValueError: for an unknown kind, low >= high, or a logarithm of what is not positive.
    """
    import warnings

    from scipy.stats import qmc

    kinds = {"random": None, "latin-hypercube": qmc.LatinHypercube, "sobol": qmc.Sobol}
    if kind not in kinds:
        raise ValueError(f"a design is one of {list(kinds)}; got {kind!r}")
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ValueError(f"a design has a whole number of points >= 1; got {count!r}")
    if strange := set(logarithmic) - set(ranges):
        raise ValueError(f"logarithmic names parameters of the design; it has {list(ranges)}, not {sorted(strange)}")
    spread = {name: pair for name, pair in ranges.items() if isinstance(pair, list | tuple)}
    fixed = {name: plain_value(name, value) for name, value in ranges.items() if name not in spread}
    if not spread:
        raise ValueError("a design needs a range (low, high) for one parameter at least")
    low, high = _limits(spread, logarithmic)
    sampler = kinds[kind]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # counts that are no power of two are fine here
        unit = (
            np.random.default_rng(seed).random((count, len(spread)))
            if sampler is None
            else sampler(len(spread), rng=np.random.default_rng(seed)).random(count)
        )
    places = low + unit * (high - low)
    points = []
    for row in places.tolist():
        values = dict(zip(spread, row, strict=True))
        points.append({name: math.exp(v) if name in logarithmic else v for name, v in values.items()})
    design = _listed(points)
    return Design({}, design.listed, fixed)


def _limits(spread: Mapping[str, Any], logarithmic: Sequence[str]) -> tuple[Any, Any]:
    """Ends of the ranges, of their logarithms where asked for, (k,) each."""
    ends = []
    for name, pair in spread.items():
        _require_name(name)
        if len(pair) != 2 or not all(isinstance(v, int | float) and math.isfinite(v) for v in pair):
            raise ValueError(f"the range of '{name}' is (low, high), two finite numbers; got {pair!r}")
        if not pair[0] < pair[1]:
            raise ValueError(f"the range of '{name}' needs low < high; got {pair!r}")
        if name in logarithmic and not pair[0] > 0:
            raise ValueError(f"the range of '{name}' must be positive to be spread in its logarithm; got {pair!r}")
        ends.append([math.log(v) if name in logarithmic else float(v) for v in pair])
    low, high = np.array(ends).T
    return low, high


def as_seeds(seeds: Any) -> tuple[int, ...] | None:
    """The seeds of repetitions, from how many or which; ``ValueError`` for anything else."""
    if seeds is None:
        return None
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool) and seeds >= 1:
        return tuple(range(int(seeds)))
    if isinstance(seeds, Sequence | np.ndarray) and not isinstance(seeds, str) and len(seeds):
        whole = tuple(int(seed) for seed in seeds)
        if len(set(whole)) == len(whole) and all(s == t for s, t in zip(whole, seeds, strict=True)):
            return whole
    raise ValueError(f"seeds is how many repetitions (>= 1) or a list of different whole numbers; got {seeds!r:.60}")
