"""The data of the film ``arrhenius``: the logarithm of the mean escape time against the inverse of the noise.

    ln tau = exponent / noise + ln(prefactor) + O(noise),      1/noise = S/eta for SGD noise, 1/T for white noise

Exact times by quadrature, a closed formula, and Monte Carlo wherever paths are affordable.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from animations.film.captions import typeset
from animations.film.space import require_open_space
from animations.kramers.film import Progress, name_of
from animations.kramers.motion import FINER, formula_for

if TYPE_CHECKING:
    import xarray

    from fpsim.escape import EscapeProblem

Array = NDArray[Any]
TRUSTED = 0.2
"""The formula counts as failing where it is further than this share from the exact time."""
POINT_STEPS = 4e7
"""Path-steps spent on one Monte Carlo point at most."""
FEWEST = 60
"""A point from fewer paths is left out; 60 exits give the time to 13 %."""
WORDS = ("label", "heading", "axis", "formula_name", "law")
VARIABLES = {"tau": "exact mean escape time", "formula": "mean escape time by the formula",
             "paths": "mean escape time of paths", "error": "error of the mean escape time of paths"}  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One escape at many noise levels: label, heading and axis label of its panel, problem, and its 1/noise."""

    label: str
    heading: str
    axis: str
    problem: EscapeProblem
    inverse: float

    def at(self, inverse: float) -> EscapeProblem:
        """The same escape at another 1/noise."""
        sde = self.problem.sde
        return replace(self.problem, sde=sde.with_noise(_scaled(sde.noise, self.inverse / inverse)))


@dataclass(frozen=True)
class SeriesData:
    """What is drawn of one series; all arrays (levels,), ``paths`` and ``error`` NaN where paths are not affordable.

    ``law`` is the closed formula in Typst's mathematics; empty where it is not a short one.
    """

    label: str
    heading: str
    axis: str
    formula_name: str
    law: str
    inverse: Array
    tau: Array
    formula: Array
    paths: Array
    error: Array

    @property
    def fails(self) -> Array:
        """Where the formula is further than ``TRUSTED`` from the exact time, (levels,) of bool."""
        return np.asarray(~(np.abs(self.formula / self.tau - 1) <= TRUSTED))


@dataclass(frozen=True)
class ArrheniusData:
    """All series, with the film's length and seed."""

    series: tuple[SeriesData, ...]
    seconds: float
    frames: int
    seed: int

    def to_xarray(self) -> xarray.Dataset:
        """One dataset; variables of series i end in ``_i``."""
        from fpsim.storage import dataset

        entries: dict[str, Any] = {}
        for i, one in enumerate(self.series):
            entries[f"inverse_{i}"] = (f"level_{i}", one.inverse, "", f"{one.axis}; {one.label}")
            entries |= {
                f"{name}_{i}": (f"level_{i}", getattr(one, name), "time", f"{meaning}; {one.label}, {one.heading}")
                for name, meaning in VARIABLES.items()
            }
        words = [{key: getattr(one, key) for key in WORDS} for one in self.series]
        facts: dict[str, Any] = {"seconds": self.seconds, "frames": self.frames, "seed": self.seed}
        return dataset(entries, film="arrhenius", series=json.dumps(words), **facts)

    def save(self, path: str | Path) -> Path:
        """Write netCDF and return the path."""
        from fpsim.storage import write

        return write(self.to_xarray(), path)

    @classmethod
    def load(cls, path: str | Path) -> ArrheniusData:
        """Read what :meth:`save` wrote."""
        import xarray

        with xarray.open_dataset(path, engine="h5netcdf") as data:
            if data.attrs.get("film") != "arrhenius":
                raise ValueError(f"'{path}' does not hold the data of the film 'arrhenius'")
            series = tuple(
                SeriesData(**{**words, **{name: data[f"{name}_{i}"].values for name in ("inverse", *VARIABLES)}})
                for i, words in enumerate(json.loads(data.attrs["series"]))
            )
            return cls(series, float(data.attrs["seconds"]), int(data.attrs["frames"]), int(data.attrs["seed"]))


@dataclass(frozen=True)
class ArrheniusFilm:
    """Escape times at ``levels`` noise levels between ``low`` and ``high`` times each series' own 1/noise.

    Raises:
        ValueError: without series, levels or frames, or for a noise that has no single strength.
    """

    series: tuple[Series, ...]
    low: float = 0.4
    high: float = 2.4
    levels: int = 15
    paths: int = 1000
    seconds: float = 8.0
    frames: int = 160
    seed: int = 0

    def __post_init__(self) -> None:
        enough = self.series and self.levels >= 2 and self.frames >= 2
        if not enough or not 0 < self.low < self.high or not self.seconds > 0:
            raise ValueError("the film 'arrhenius' needs a series, two levels with low < high, two frames and a length")
        for one in self.series:
            _scaled(one.problem.sde.noise, 1.0)

    @classmethod
    def sharp_and_flat(cls, **options: Any) -> ArrheniusFilm:
        """The four escapes of the film ``kramers``, against S/eta."""
        from animations.kramers.film import KramersFilm

        acts = KramersFilm.sharp_and_flat().acts
        series = tuple(
            Series(shot.label, shot.noise.split(":")[0], "S/η", shot.problem, 10.0) for act in acts for shot in act
        )
        return cls(series, **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> ArrheniusFilm:
        """One escape; the axis is S/eta, or 1/T for constant noise."""
        require_open_space(problem)
        noise = problem.sde.noise
        axis, inverse = ("1/T", 1 / noise.value) if noise.is_constant and np.ndim(noise.value) == 0 else ("S/η", None)  # type: ignore[attr-defined]
        if inverse is None:
            _scaled(noise, 1.0)
            inverse = noise.batch_size / noise.learning_rate  # type: ignore[attr-defined]
        name = f"L(x) = {typeset(problem.sde.landscape.name)}"
        return cls((Series(name, name_of(noise) or str(noise), axis, problem, float(inverse)),), **options)

    def compute(self, progress: Progress | None = None) -> ArrheniusData:
        """All times, by each route."""
        total = len(self.series) * self.levels
        found: list[SeriesData] = []
        for i, one in enumerate(self.series):
            rows = []
            levels = one.inverse * np.linspace(self.low, self.high, self.levels)
            for k, inverse in enumerate(levels):
                rows.append(_times(one.at(float(inverse)), self.paths, self.seed + i * self.levels + k))
                if progress is not None:
                    progress((len(found) * self.levels + k + 1) / total)
            tau, formula, paths, error = np.array(rows).T
            name, law = formula_for(one.problem), law_of_time(one.problem)
            found.append(SeriesData(one.label, one.heading, one.axis, name, law, levels, tau, formula, paths, error))
        return ArrheniusData(tuple(found), float(self.seconds), self.frames, self.seed)


def law_of_time(problem: EscapeProblem) -> str:
    """The closed formula of a problem in Typst's mathematics; see :mod:`fpsim.routes.formulas.kramers` for each."""
    factor = "tau approx (2 pi) / sqrt(L''_a abs(L''_b))"
    name = formula_for(problem)
    if name == "white-noise":
        return f"{factor} thin e^(Delta L \\/ D)"
    if name != "state-dependent":
        return ""
    power = 0.5 - problem.sde.convention_weight  # the formula's (D_b / D_a)^(1/2 - l)
    ratio = {0.5: "sqrt(D_b / D_a)", 0.0: "", -0.5: "sqrt(D_a / D_b)"}[power]
    return f"{factor} thin {ratio} thin exp integral_a^b L' / D dif x"


def _scaled(noise: Any, factor: float) -> Any:
    """The noise times ``factor``."""
    from fpsim.noise import ConstantDiffusion

    if isinstance(noise, ConstantDiffusion):
        return ConstantDiffusion(np.asarray(noise.value) * factor)
    if hasattr(noise, "batch_size") and not getattr(noise, "injected", 0.0):
        return replace(noise, batch_size=noise.batch_size / factor)
    raise ValueError(
        f"the film 'arrhenius' varies one noise strength, T or S/eta; the noise '{noise}' has no single one"
    )


def _times(problem: EscapeProblem, paths: int, seed: int) -> tuple[float, float, float, float]:
    """(exact, formula, paths, error of the paths)."""
    exact = problem.by_quadrature().mean
    try:
        formula = problem.by_formula(formula_for(problem)).mean
    except ValueError:  # it does not apply at this noise
        formula = math.nan
    step = problem.default_step * (1.0 if problem.sde.noise.is_constant else FINER)
    affordable = min(paths, int(POINT_STEPS * step / (1.5 * exact)))
    if affordable < FEWEST:
        return exact, formula, math.nan, math.nan
    sampled = problem.by_paths(affordable, step, seed)
    return exact, formula, sampled.mean, sampled.error
