"""A landscape known on a line: the losses l_j of single examples on a grid of points, joined by quintic splines,

    L(x) = (1/m) sum_j l_j(x),      C1(x) = (1/m) sum_j (l_j' - L')^2,

the line may run through a network of any size.  All functions are derived from the same splines, so gradient, Hessian
and the gradients of single examples are exact derivatives, and C1 is their exact variance; L has four continuous
derivatives between the ends of the grid.

Beyond the ends the landscape confines: over one more cell the curvature of every example turns smoothly into a common
curvature ``wall``, which then stays. There L is quadratic, C1 constant, and L has two continuous derivatives.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscapes.evaluation import Array
from landscapes.examples.dataset import DatasetLandscape
from landscapes.examples.family import SampledExamples
from landscapes.formula.splines import require_confinement, splines, with_walls
from landscapes.progress import Progress, shows_progress

FEWEST_NODES = 8


class SampledLandscape(DatasetLandscape):
    """A 1-D landscape from the tabulated losses of single examples; see the module's docstring.

    It is a `DatasetLandscape`: it has ``example_gradients``, ``gradient_covariance`` and mini-batches, and its formulas
    compile.

    Args:
        nodes: (n,) rising points at equal distances, n >= 8.
        losses: (m, n) the loss of every example at every node, or (n,) for a loss without examples.
        wall: curvature of the loss beyond the ends; the largest curvature of the mean loss within them if None.
        name: shown in results.
        start, target: default start and target of the command line.
        facts: where the numbers come from; kept with the file.

    Raises:
        ValueError: for wrong shapes, unequal distances, values that are not finite, or a table whose mean loss falls
            outward at an end: beyond it the losses are unknown, so the table has to reach up a wall on both sides.
    """

    examples: SampledExamples  # type: ignore[assignment]  # a table in place of a formula
    nodes: Array
    values: Array
    wall: float
    facts: Mapping[str, Any]

    def __init__(
        self,
        nodes: ArrayLike,
        losses: ArrayLike,
        wall: float | None = None,
        name: str = "slice",
        start: float | None = None,
        target: float | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        x, values = _checked(nodes, losses)
        inner = splines(x, values)
        bend = inner.mean().derivative().derivative()
        steepest = float(np.abs(bend(np.linspace(x[0], x[-1], 4 * len(x)))).max())
        curvature = steepest if wall is None else float(wall)
        if not 0 < curvature < math.inf:
            raise ValueError(f"the wall is a positive curvature; got {wall!r} (the table's own is up to {steepest:g})")
        family = with_walls(inner, curvature)
        require_confinement(family, x)
        values.flags.writeable = x.flags.writeable = False
        self.__dict__.update(nodes=x, values=values, wall=curvature, facts=dict(facts or {}))
        points = [None if p is None else [float(p)] for p in (start, target)]
        box = [(float(x[0]), float(x[-1]))]
        self._adopt(SampledExamples(family), box, name, *points)  # type: ignore[arg-type]

    @classmethod
    @shows_progress("line")
    def along(
        cls, landscape: Any, origin: ArrayLike, direction: ArrayLike, nodes: ArrayLike, progress: Progress = None,
        **settings: Any,
    ) -> SampledLandscape:  # fmt: skip
        """Cut a line out of a landscape with examples: the points origin + x * direction/|direction|.

        Args:
            landscape: a `DatasetLandscape` or a `landscapes.networks.landscape.NeuralLandscape`.
            origin, direction: (d,).
            nodes: the values of x, in units of length in parameter space.
            progress: ``True`` for a bar, or called with the share of the nodes that is done.
            settings: as for the class.
        """
        foot, arrow = np.asarray(origin, dtype=np.float64), np.asarray(direction, dtype=np.float64)
        length = float(np.linalg.norm(arrow))
        if foot.shape != (landscape.dimension,) or arrow.shape != foot.shape or not length > 0:
            raise ValueError(
                f"origin and direction have shape ({landscape.dimension},) and the direction a length; got "
                f"{foot.shape} and {arrow.shape} of length {length:g}"
            )
        x = np.asarray(nodes, dtype=np.float64)
        losses = _columns(lambda t: landscape.example_losses(foot + t * arrow / length), x, progress)
        return cls(x, losses, **{"name": f"line through {landscape.name}", **settings})

    @classmethod
    @shows_progress("line")
    def between(
        cls,
        landscape: Any,
        first: ArrayLike,
        second: ArrayLike,
        margin: float = 0.25,
        count: int = 257,
        progress: Progress = None,
        **settings: Any,
    ) -> SampledLandscape:
        """Cut the line from one minimum (x = 0) to another (x = their distance) out of a landscape.

        Args:
            landscape: as for `along`.
            first, second: (d,); of a network also torch modules or state dictionaries, whose buffers (running
                statistics) are then interpolated, which the name and the facts of the slice say.
            margin: how far to go beyond both, in units of their distance.
            count: number of nodes.
            progress: ``True`` for a bar, or called with the share of the nodes that is done.
            settings: as for the class.

        Raises:
            ValueError: for plain vectors, if the network's loss depends on buffers that they come without.
        """
        if not (isinstance(count, int | np.integer) and count >= FEWEST_NODES and 0 <= margin < math.inf):
            raise ValueError(
                f"a line between two points has a count of at least {FEWEST_NODES} nodes and a margin >= 0 in units of "
                f"their distance; got count = {count!r}, margin = {margin!r}"
            )
        fractions = np.linspace(-margin, 1 + margin, count)
        if not hasattr(landscape, "way"):
            a = np.asarray(first, dtype=np.float64)
            step = np.asarray(second, dtype=np.float64) - a
            return cls.along(landscape, a, step, fractions * float(np.linalg.norm(step)), progress, **settings)
        line = landscape.way(first, second)
        length = float(np.linalg.norm(line.second - line.first))
        if not length > 0:
            raise ValueError("the two checkpoints have the same parameters: no line joins them")
        facts = dict(settings.pop("facts", None) or {}) | ({"buffers": line.note} if line.note else {})
        losses = _columns(line.losses, fractions, progress)
        return cls(fractions * length, losses, **{"name": line.name, "facts": facts, **settings})

    @property
    def spline_error(self) -> float:
        """How far splines on every other node are from the mean loss in between: a bound on what the nodes miss."""
        if len(self.nodes) < 2 * FEWEST_NODES - 1:
            raise ValueError(f"every other one of {len(self.nodes)} nodes is too few for a spline")
        odd = len(self.nodes) - (len(self.nodes) + 1) % 2
        mean = self.values.mean(axis=0, keepdims=True)
        coarse = splines(self.nodes[:odd:2], mean[:, :odd:2]).mean()
        return float(np.abs(coarse(self.nodes[1:odd:2]) - mean[0, 1:odd:2]).max())

    def save(self, path: str | Path) -> Path:
        """Write nodes, losses and facts as netCDF-4 and return the path.

        Raises:
            ValueError: for a name that does not end in .nc, or a folder that does not exist.
        """
        import xarray

        path = Path(path)
        if path.suffix != ".nc" or not path.parent.is_dir():
            raise ValueError(f"a slice is saved as a file name.nc in an existing folder; got '{path}'")
        units = {"x": {"units": "", "long_name": "length along the line"}}
        units["loss"] = {"units": "", "long_name": "loss of one example"}
        facts = {"name": self.name, "wall": self.wall, "facts": json.dumps(self.facts, sort_keys=True)}
        for key, point in (("start", self.default_start), ("target", self.default_target)):
            if point is not None:
                facts[key] = point[0]
        content = xarray.Dataset(
            {"loss": (("example", "node"), self.values, units["loss"])}, {"x": ("node", self.nodes, units["x"])}, facts
        )
        part = path.with_name(path.name + ".part")
        packed = {"loss": {"zlib": True, "complevel": 9, "shuffle": True}}
        content.to_netcdf(part, engine="h5netcdf", encoding=packed)
        part.replace(path)
        return path

    @classmethod
    def load(cls, path: str | Path) -> SampledLandscape:
        """Read what `save` wrote.

        Raises:
            ValueError: if the file does not exist or holds something else.
        """
        import xarray

        if not Path(path).is_file():
            raise ValueError(f"there is no file '{path}'")
        try:
            with xarray.open_dataset(path, engine="h5netcdf") as content:
                nodes, losses = content["x"].values, content["loss"].values
                facts = dict(content.attrs)
            start, target = (None if key not in facts else float(facts[key]) for key in ("start", "target"))
            known = json.loads(facts["facts"])
            return cls(nodes, losses, float(facts["wall"]), facts["name"], start, target, known)
        except (KeyError, OSError) as error:
            raise ValueError(f"'{path}' is not a saved slice: {error}") from error

    def _content(self) -> tuple[object, ...]:
        return type(self), self.examples, self.bounds, self.name

    def __repr__(self) -> str:
        low, high = self.nodes[[0, -1]]
        return f"{type(self).__name__}({self.name}: {len(self.values)} examples, {low:.6g} <= x <= {high:.6g})"


def _columns(losses: Callable[[float], Array], places: Array, progress: Progress) -> Array:
    """The losses of all examples at every place, (m, n)."""
    columns = []
    for done, place in enumerate(places.tolist(), 1):
        columns.append(losses(place))
        if progress is not None:
            progress(done / len(places))
    return np.stack(columns, axis=-1)


def _checked(nodes: ArrayLike, losses: ArrayLike) -> tuple[Array, Array]:
    x, values = np.array(nodes, dtype=np.float64), np.atleast_2d(np.array(losses, dtype=np.float64))
    if x.ndim != 1 or len(x) < FEWEST_NODES or values.ndim != 2 or values.shape[1:] != x.shape:
        raise ValueError(
            f"nodes have shape (n,) with n >= {FEWEST_NODES} and losses (m, n); got {x.shape} and {values.shape}"
        )
    if not (np.isfinite(x).all() and np.isfinite(values).all()):
        raise ValueError("the nodes or losses hold values that are not finite numbers")
    gaps = np.diff(x)
    spacing = (x[-1] - x[0]) / (len(x) - 1)
    if not spacing > 0 or np.abs(gaps - spacing).max() > 1e-6 * spacing:
        raise ValueError(f"the nodes rise by equal steps; these steps are between {gaps.min():g} and {gaps.max():g}")
    return x, values
