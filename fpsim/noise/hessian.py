"""SGD's Hessian-shaped noise, D = eta/(2S) (|H| + floor I) + T I (Xie, Sato, Sugiyama 2021, equation 7)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np

from fpsim.lengths import problem_length
from fpsim.noise.absolute import Absolute
from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.facts import Floor, TwoLevels
from fpsim.noise.given import GivenTensor
from fpsim.noise.inflections import inflections
from fpsim.noise.kicks import Kicks, dense_kicks
from fpsim.noise.krylov import kicks_by_products
from fpsim.noise.levels import Levels, share_climbed
from fpsim.noise.minibatch import MiniBatchNoise
from fpsim.noise.model import Array, Structure, SymbolicTensor, spread
from fpsim.noise.roots import hessian_formula
from fpsim.numbers import not_negative, number, reals
from landscapes.field import in_words
from landscapes.kinds import HasDrift, HasHessian, has_hessian

DENSE = 48
"""Coordinates up to which a network's Hessian is formed at every point; Lanczos needs about as many products there."""
ROOT = 1000
"""Coordinates up to which the root of a frozen Hessian is taken, once."""


@dataclass(frozen=True, kw_only=True)
class HessianDiffusion(MiniBatchNoise[HasHessian]):
    """SGD's Hessian-shaped noise, D = eta/(2S) (|H| + floor I) + injected I.

    Args:
        learning_rate: eta > 0.
        batch_size: S > 0 (any positive real; only eta/S enters).
        at: where H is taken: ``"everywhere"`` (H(x)), ``"minimum"`` (frozen at ``minimum``) or ``"path"`` (the
            two-level model of Xie et al. 2021, Theorem 3.2, 1-D only: kappa H_a on a's side of the point between
            minimum and saddle where the loss is L_a + climb_fraction * dL, kappa |H_b| beyond).  No default: it is
            physics.
        floor: constant added to |H|, in units of curvature.  Required where the noise can vanish
            (``"everywhere"``): with D = kappa |L''| alone no continuous path crosses an inflection point.
        floor_shape: ``"additive"`` (|H| + floor) or ``"smooth"`` (sqrt(H^2 + floor^2)).
        injected: constant temperature added to D.
        clip: take the positive part of H in place of |H| (warns: along negative curvature only the floor is left).
        minimum, saddle: for ``at="minimum"`` and ``"path"``; an ``EscapeProblem`` fills them in.
        climb_fraction: s in (0, 1) of ``at="path"``.

    Raises:
        ValueError: for missing or impossible values.
    """

    at: Literal["everywhere", "minimum", "path"] = None  # type: ignore[assignment]  # refused in a sentence
    floor: float | None = None
    floor_shape: Literal["additive", "smooth"] = "additive"
    injected: float = 0.0
    clip: bool = False
    minimum: tuple[float, ...] | None = None
    saddle: tuple[float, ...] | None = None
    climb_fraction: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.at not in ("everywhere", "minimum", "path"):
            raise ValueError(
                "HessianDiffusion needs at='everywhere', 'minimum' or 'path': where the Hessian is taken decides the "
                f"escape time, so there is no default; got {self.at!r}"
            )
        if self.floor is None and self.at == "everywhere":
            raise ValueError(
                "HessianDiffusion(at='everywhere') needs floor=... (in units of curvature): |H| vanishes at inflection "
                "points, no continuous path crosses them, and the escape time depends on the floor (with floor=0 an "
                "EscapeProblem's diagnose() names the inflection point and its delta)"
            )
        if self.floor_shape not in ("additive", "smooth"):
            raise ValueError(f"floor_shape must be 'additive' or 'smooth'; got {self.floor_shape!r}")
        not_negative(0.0 if self.floor is None else self.floor, "floor")
        not_negative(self.injected, "injected")
        for name in ("minimum", "saddle"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _point(name, value))
        if self.clip:
            self._check_clip()
        if self.at == "path":
            number(self.climb_fraction, "climb_fraction=s of at='path'", "a number in (0, 1)", lambda s: 0 < s < 1)

    def _check_clip(self) -> None:
        if self.at != "everywhere" or self.floor_shape != "additive":
            raise ValueError("clip=True goes with at='everywhere' and the additive floor only")
        warnings.warn(
            "clip=True takes the positive part of H: along negative curvature, barrier tops included, only the floor "
            f"({self.floor:g}) is left, and escape times depend on it strongly",
            UserWarning,
            stacklevel=4,
        )

    @property
    def is_constant(self) -> bool:
        """Whether H is frozen at a minimum."""
        return self.at == "minimum"

    @property
    def jumps(self) -> bool:
        """Whether it has two levels."""
        return self.at == "path"

    @property
    def folds(self) -> bool:
        """Whether it has a kink wherever a curvature changes its sign."""
        return self.at == "everywhere" and (self.clip or self.floor_shape == "additive")

    def requires(self, landscape: HasDrift) -> None:
        """Refuse a drift field, which has no Hessian, and the two-level model beyond one dimension."""
        if not has_hessian(landscape):
            raise ValueError(
                f"Hessian-shaped noise needs a landscape with a loss, and {landscape} is a drift field, which has no "
                "Hessian; use ConstantDiffusion or DiffusionField"
            )
        if self.at == "path" and landscape.dimension != 1:
            raise ValueError(
                f"at='path' is a 1-D model; this landscape has {landscape.dimension} dimensions (use 'everywhere')"
            )

    @property
    def awaits_escape(self) -> bool:
        """Whether the place of H is still to be filled in."""
        missing = self.minimum is None or (self.at == "path" and self.saddle is None)
        return self.at != "everywhere" and missing

    def resolved(self, landscape: HasHessian, start: Array, target: Any) -> HessianDiffusion:
        """The same noise with minimum and saddle filled in from the ends of an escape."""
        if not self.awaits_escape:
            return self
        from fpsim.valleys.finding import valley

        found = valley(landscape, start, target)
        if self.at == "path" and found.saddle is None:
            raise ValueError(
                f"at='path' needs a saddle between start and target, and none was found from {in_words(start)}"
            )
        saddle = None if found.saddle is None else tuple(found.saddle.x.tolist())
        return replace(self, minimum=self.minimum or tuple(found.minimum.x.tolist()), saddle=self.saddle or saddle)

    def structure(self, landscape: HasHessian) -> Structure:
        """Isotropic in one dimension; beyond, diagonal where the Hessian's formula is, else full."""
        if landscape.dimension == 1:
            return "isotropic"
        if self.at == "minimum":
            return "full"
        symbolic = landscape.symbolic
        return "diagonal" if symbolic is not None and hessian_formula(symbolic).is_diagonal() else "full"

    def kicks(self, landscape: HasHessian) -> Kicks:
        """By products with the Hessian where the landscape has them and a dense one is larger than `DENSE`.

        The root is a function of H in both cases.
        """
        if landscape.dimension <= DENSE or not hasattr(landscape, "hessian_vector"):
            return dense_kicks(self, landscape, symmetric=True)
        if self.at == "minimum" and landscape.dimension <= ROOT:
            return dense_kicks(self, landscape)  # one root serves all steps
        frozen = np.array(self._points()[0]) if self.at == "minimum" else None
        return kicks_by_products(landscape, lambda h: self.kappa * self.absolute(h) + self.injected, frozen)

    @property
    def absolute(self) -> Absolute:
        """What D makes of curvatures."""
        return Absolute(self.floor or 0.0, "clip" if self.clip else self.floor_shape)

    def switch(self, landscape: HasHessian) -> float:
        """The point between minimum and saddle where the loss is L_a + s dL (``at="path"``)."""
        (a,), (b,) = self._points()
        return share_climbed(landscape, a, b, float(self.climb_fraction or 0))

    def breaks(self, landscape: HasHessian, low: float, high: float) -> Array:
        """The switch of the two-level model, the inflection points of |H|."""
        if self.at == "everywhere":
            return inflections(landscape, low, high)
        cuts = [self.switch(landscape)] if self.at == "path" else []
        return np.array([cut for cut in cuts if low < cut < high])

    @property
    def floor_of(self) -> Floor | None:
        """Floor and injected part, where |H(x)| follows the path through its zeros."""
        return Floor(self.floor or 0.0, self.injected) if self.at == "everywhere" else None

    def zeros(self, landscape: HasHessian, low: float, high: float) -> Array:
        """The inflection points, with kappa times the third derivative there."""
        if self.floor_of is None:
            return super().zeros(landscape, low, high)
        x = inflections(landscape, low, high)
        step = 1e-4 * problem_length(landscape, low, high)
        beside = landscape.hessian(np.array([[x - step, x + step]]))[0, 0]
        return np.stack([x, self.kappa * np.abs(beside[1] - beside[0]) / (2 * step)])

    @property
    def two_levels(self) -> TwoLevels | None:
        """Its levels, where it says at which share of the climb they switch."""
        if self.climb_fraction is None:
            return None
        is_exact = self.jumps and not self.floor and not self.injected
        words = f"at='{self.at}', floor = {self.floor or 0:g}, injected = {self.injected:g}"
        return TwoLevels(self.kappa, self.climb_fraction, is_exact, words)

    @property
    def strength(self) -> tuple[str, float] | None:
        """eta/S, unless something is added to it."""
        return None if self.injected else super().strength

    @property
    def title(self) -> str:
        """Hessian noise."""
        return "Hessian noise"

    @property
    def typeset(self) -> str:
        """In terms of the curvature; empty for what is not |H(x)|."""
        if self.at != "everywhere" or self.clip or self.injected:
            return ""
        return self._typeset(self.absolute.typeset)

    def _points(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self.minimum is None or (self.at == "path" and self.saddle is None):
            wanted = "minimum=" if self.at == "minimum" else "minimum= and saddle="
            raise ValueError(f"HessianDiffusion(at='{self.at}') needs {wanted} here (an EscapeProblem fills them in)")
        return self.minimum, self.saddle or ()

    def _frozen(self, landscape: HasHessian, point: Sequence[float]) -> Array:
        """kappa (|H| + floor) + injected at one point, (d, d)."""
        x = np.asarray(point, dtype=float)[:, None]
        return self.kappa * self.absolute.of_matrix(landscape.hessian(x))[..., 0] + self.injected * np.eye(len(point))

    def tensor(self, landscape: HasHessian, x: Array) -> Array:
        """D at x (d, ...) as ``at`` says: frozen, two levels, or following H(x); shape (d, d, ...)."""
        if self.at == "minimum":
            return spread(self._frozen(landscape, self._points()[0]), x)
        if self.at == "path":
            return _levels(self, landscape).tensor(x)
        eye = np.eye(x.shape[0]).reshape((x.shape[0],) * 2 + (1,) * (x.ndim - 1))
        return self.kappa * self.absolute.of_matrix(landscape.hessian(x)) + self.injected * eye

    def require_divergence(self) -> None:
        """Refuse the additive floor, whose D has a kink."""
        if self.at == "everywhere" and self.floor_shape == "additive":
            raise ValueError(
                "conventions other than Ito differentiate D, and |H| + floor has a kink where H changes sign; "
                "use floor_shape='smooth'"
            )

    def divergence(self, landscape: HasHessian, x: Array) -> Array:
        """sum_j d_j D_ij at x (d, ...), shape (d, ...); refused for the additive floor, whose D has a kink."""
        if self.at != "everywhere":  # "path" jumps once; routes that know its two levels treat the jump
            return np.zeros_like(x)
        self.require_divergence()
        return super().divergence(landscape, x)

    def symbolic(self, landscape: HasHessian) -> SymbolicTensor | None:
        """D as a matrix of formulas; None where |H| has none that compiles."""
        symbolic = landscape.symbolic
        if symbolic is None:
            return None
        if self.at == "minimum":
            return ConstantDiffusion(self._frozen(landscape, self._points()[0])).symbolic(landscape)
        if self.at == "path":
            return _levels(self, landscape).symbolic(symbolic.variables[0])
        import sympy

        kappa, floor, injected = (sympy.Symbol(f"noise {n}", real=True) for n in ("kappa", "floor", "injected"))
        absolute = self.absolute.formula(hessian_formula(symbolic), floor)
        if absolute is None:
            return None
        parameters = {**symbolic.parameters, kappa: self.kappa, floor: self.floor or 0.0, injected: self.injected}
        return kappa * absolute + injected * sympy.eye(landscape.dimension), parameters

    def given(self, landscape: HasHessian) -> GivenTensor | None:
        """A function of the curvatures, up to `DENSE` coordinates."""
        if self.at != "everywhere" or landscape.dimension > DENSE:
            return None
        level = self.absolute.floor, self.absolute.shape, self.injected
        return GivenTensor("curvature", factor=self.kappa, level=level)

    def __str__(self) -> str:
        places = {"everywhere": "H(x)", "minimum": f"H frozen at {self.minimum}", "path": "two-level H along the path"}
        floor = f", floor {self.floor:g} ({self.floor_shape})" if self.floor is not None else ""
        extra = f" + {self.injected:g}" if self.injected else ""
        climb = f", s = {self.climb_fraction:g}" if self.at == "path" else ""
        ratio = f"eta = {self.learning_rate:g}, S = {self.batch_size:g}, eta/(2S) = {self.kappa:g}"
        curvature = "max(H, 0)" if self.clip else "|H|"
        return f"D = eta/(2S) {curvature}{extra}, {places[self.at]}, {ratio}{floor}{climb}"


@lru_cache(maxsize=64)
def _levels(noise: HessianDiffusion, landscape: HasHessian) -> Levels:
    a, b = noise._points()
    low, high = (float(noise._frozen(landscape, p)[0, 0]) for p in (a, b))
    return Levels(low, high, noise.switch(landscape), float(np.sign(b[0] - a[0])))


def _point(name: str, value: Any) -> tuple[float, ...]:
    found = reals(value)
    if found is None or found.ndim > 1 or found.size == 0 or not np.isfinite(found).all():
        raise ValueError(f"{name} must be a number or a point (d,) of finite numbers; got {value!r}")
    return tuple(np.atleast_1d(found).tolist())
