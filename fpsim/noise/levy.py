"""Heavy-tailed noise: symmetric alpha-stable jumps,  dX = b dt + dL.

    together   E exp(i k . L_t) = exp(-t (k . M k)^(alpha/2)),      M = scale^2 I, diag(scale^2) or a matrix
    apart      E exp(i k . L_t) = exp(-t sum_i |scale_i k_i|^alpha),      every axis jumps on its own

SGD as such a process: Simsekli, Sagun and Gurbuzbalaban, ICML 2019 (arXiv 1901.06053).  At alpha = 2 this is white
noise, D = M.  How its jumps are drawn stands in :mod:`fpsim.noise.stable_leaps`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from fpsim.noise.constant import ConstantDiffusion, as_tuples
from fpsim.noise.facts import StableLaw
from fpsim.noise.kicks import Kicks
from fpsim.noise.leaps import Leap
from fpsim.noise.model import Array, Diffusion, Structure, SymbolicTensor
from fpsim.noise.stable_leaps import apart, together
from fpsim.numbers import number, reals
from landscapes.kinds import HasDrift

Axes = Literal["together", "apart"]


@dataclass(frozen=True)
class LevyNoise(Diffusion[HasDrift]):
    """Symmetric alpha-stable noise: isotropic, correlated, or axis by axis.

    It jumps, so that it has no tensor D: paths take it (without the bridge test between steps), and for what leaves an
    interval the fractional equation does; whatever asks for D refuses.

    Where the drift grows faster than x, a rare long jump makes explicit steps diverge, however small they are, which is
    told; let paths end there (:class:`~fpsim.targets.Outside`).

    Args:
        alpha: the tail index, 0 < alpha <= 2: P(|L| > r) ~ r^-alpha.
        scale: > 0, in units of coordinate / time^(1/alpha): a number; a vector, one per axis; or (``"together"``) a
            symmetric positive semi-definite matrix M in the squares of those units.
        axes: ``"together"``, one jump moves all axes (the sub-Gaussian law), or ``"apart"``, each jumps on its own.

    Raises:
        ValueError: for other values.
    """

    alpha: float
    scale: Any  # a number, a tuple of them, or a tuple of rows
    axes: Axes = "together"

    def __post_init__(self) -> None:
        number(self.alpha, "alpha of a stable law", "a number with 0 < alpha <= 2", lambda a: 0 < a <= 2)
        if self.axes not in ("together", "apart"):
            raise ValueError(f"axes jump 'together' or 'apart'; got {self.axes!r}")
        scale, most = reals(self.scale), 1 if self.axes == "apart" else 2
        if scale is None or scale.ndim > most or scale.size == 0 or not np.isfinite(scale).all():
            raise ValueError(f"scale must be a positive number, or such per axis, or a matrix; got {self.scale!r}")
        if scale.ndim < 2 and not (scale > 0).all():
            raise ValueError(f"scale must be a positive number, or such per axis; got {self.scale!r}")
        if scale.ndim == 2:
            ConstantDiffusion(scale)  # square, symmetric, positive semi-definite; else its sentence
        object.__setattr__(self, "scale", float(scale) if scale.ndim == 0 else as_tuples(scale))

    @property
    def _matrix(self) -> Any:
        """M, as a number, a vector (its diagonal) or a matrix."""
        scale = np.asarray(self.scale)
        return scale if scale.ndim == 2 else scale**2

    @property
    def _white(self) -> ConstantDiffusion | None:
        return ConstantDiffusion(self._matrix) if self.alpha == 2 else None

    @property
    def stable(self) -> StableLaw | None:
        """Its law, unless it is Gaussian; one in several directions unlike each other has no single scale."""
        if self._white is not None:
            return None
        flat = np.asarray(self.scale)
        one = flat.ndim == 0 or flat.size == 1
        number = float(np.sqrt(flat.ravel()[0])) if flat.ndim == 2 and one else float(flat.ravel()[0])
        isotropic = one and (self.axes == "together" or flat.ndim > 0)
        if isotropic:
            return StableLaw(self.alpha, number)
        largest = np.sqrt(np.linalg.eigvalsh(flat).max()) if flat.ndim == 2 else flat.max()
        return StableLaw(self.alpha, float(largest), isotropic=False)

    @property
    def leaps(self) -> bool:
        """Unless it is Gaussian."""
        return self._white is None

    @property
    def is_constant(self) -> bool:
        """The jumps are the same everywhere."""
        return True

    def requires(self, landscape: HasDrift) -> None:
        """Refuse a scale for another dimension."""
        own = len(self.scale) if isinstance(self.scale, tuple) else landscape.dimension
        if own != landscape.dimension:
            raise ValueError(f"the landscape has {landscape.dimension} dimensions, but the noise's scale has {own}")

    def structure(self, landscape: HasDrift) -> Structure:
        """The same in all directions, or as the scale has it."""
        return ("isotropic", "diagonal", "full")[np.ndim(self.scale)]

    def tensor(self, landscape: HasDrift, x: Array) -> Array:
        """D = M at alpha = 2; ``ValueError`` below."""
        if self._white is None:
            raise ValueError(
                f"alpha-stable noise (alpha = {self.alpha:g}) jumps and has no diffusion tensor D; use by_paths(), and "
                "for what leaves an interval or a ball by('fractional') or the formulas 'getoor' and "
                "'imkeller-pavlyukevich'"
            )
        return self._white.tensor(landscape, x)

    def symbolic(self, landscape: HasDrift) -> SymbolicTensor | None:
        """That of white noise at alpha = 2; else None, since there is no D."""
        return None if self._white is None else self._white.symbolic(landscape)

    def leap(self, landscape: HasDrift) -> Leap | None:
        """How a step jumps; None at alpha = 2."""
        if self._white is not None:
            return None
        d, scale = landscape.dimension, np.asarray(self.scale)
        if d == 1 or self.axes == "apart":
            lengths = np.sqrt(scale.ravel()) if scale.ndim == 2 else scale
            return apart(self.alpha, np.broadcast_to(lengths, (d,)))
        root = scale * np.eye(d) if scale.ndim == 0 else np.diag(scale) if scale.ndim == 1 else _root(scale)
        return together(self.alpha, root)

    def kicks(self, landscape: HasDrift) -> Kicks:
        """Of white noise at alpha = 2; else jumps of unit time."""
        if self._white is not None:
            return self._white.kicks(landscape)
        leap = self.leap(landscape)
        assert leap is not None

        def along(x: Array, n: Array) -> Array:
            return np.asarray(self.tensor(landscape, x))

        return Kicks(leap.normals, lambda x, z: leap.moved(z, 1.0), along)

    @property
    def title(self) -> str:
        """Heavy tails."""
        return "Heavy tails"

    @property
    def typeset(self) -> str:
        """Its characteristic function, of a single scale."""
        if not isinstance(self.scale, float):
            return ""
        return f"E e^(i k L_t) = e^(-t abs({self.scale:g} k)^{self.alpha:g})"

    def __str__(self) -> str:
        if isinstance(self.scale, float) and self.axes == "together":
            return f"alpha-stable noise, E exp(i k.L_t) = exp(-t |{self.scale:g} k|^{self.alpha:g})"
        how = "every axis on its own" if self.axes == "apart" else "all axes together"
        what = "M" if np.ndim(self.scale) == 2 else "scale"
        return f"alpha-stable noise, alpha = {self.alpha:g}, {what} = {np.asarray(self.scale).tolist()}, {how}"


def _root(matrix: Array) -> Array:
    """The symmetric root of M."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T)
