"""The film ``arrhenius``: the logarithm of the mean escape time against the inverse of the noise.

    ln tau = exponent / noise + ln(prefactor) + O(noise),      1/noise = S/eta for SGD noise, 1/T for white noise

Exact times by quadrature, a closed formula, and Monte Carlo wherever paths are affordable.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from animations.film.captions import typeset
from animations.film.film import Film, require_open_space
from animations.film.noises import formula_for

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem


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
        return replace(self.problem, sde=sde.with_noise(sde.noise.scaled(self.inverse / inverse)))

    @property
    def law(self) -> str:
        """The closed formula in Typst's mathematics; see :mod:`fpsim.routes.formulas.kramers` for each."""
        factor = "tau approx (2 pi) / sqrt(L''_a abs(L''_b))"
        name = formula_for(self.problem.sde.noise)
        if name == "white-noise":
            return f"{factor} thin e^(Delta L \\/ D)"
        if name != "state-dependent":
            return ""
        power = 0.5 - self.problem.sde.convention_weight  # the formula's (D_b / D_a)^(1/2 - l)
        ratio = {0.5: "sqrt(D_b / D_a)", 0.0: "", -0.5: "sqrt(D_a / D_b)"}[power]
        return f"{factor} thin {ratio} thin exp integral_a^b L' / D dif x"


@dataclass(frozen=True)
class ArrheniusFilm(Film):
    """Escape times at ``levels`` noise levels between ``low`` and ``high`` times each series' own 1/noise.

    Raises:
        ValueError: without series, levels or frames, or for a noise that has no single strength.
    """

    name: ClassVar[str] = "arrhenius"
    length: ClassVar[float] = 8.0

    series: tuple[Series, ...]
    low: float = 0.4
    high: float = 2.4
    levels: int = 15
    paths: int = 1000

    def __post_init__(self) -> None:
        self.require(frames=2, levels=2)
        if not self.series or not 0 < self.low < self.high:
            raise ValueError("the film 'arrhenius' needs a series, and levels from low to high with 0 < low < high")
        for one in self.series:
            _strength(one.problem)

    @classmethod
    def standard(cls, **options: Any) -> ArrheniusFilm:
        """The four escapes of the film ``kramers``, against S/eta."""
        from animations.kramers.film import KramersFilm

        shots: list[Any] = [shot for act in KramersFilm.standard().acts for shot in act]
        return cls(tuple(Series(s.label, s.noise.split(":")[0], "S/η", s.problem, 10.0) for s in shots), **options)

    @classmethod
    def of(cls, problem: EscapeProblem, **options: Any) -> ArrheniusFilm:
        """One escape; the axis is S/eta, or 1/T for constant noise."""
        require_open_space(problem)
        what, strength = _strength(problem)
        axis = {"T": "1/T", "eta/S": "S/η"}[what]
        name = f"L(x) = {typeset(problem.sde.landscape.name)}"
        return cls(
            (Series(name, problem.sde.noise.title or str(problem.sde.noise), axis, problem, 1 / strength),), **options
        )


def _strength(problem: EscapeProblem) -> tuple[str, float]:
    """Name and value of the noise's one strength."""
    noise = problem.sde.noise
    if noise.strength is None:
        raise ValueError(
            f"the film 'arrhenius' varies one noise strength, T or S/eta; the noise '{noise}' has no single one"
        )
    return noise.strength
