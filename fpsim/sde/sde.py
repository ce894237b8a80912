"""The stochastic differential equation of SGD,

    dX = b(X) dt + sqrt(2 D(X)) dB     (Ito),      b = -grad L + l div D,

with l = 0 (Ito), 1/2 (Stratonovich) or 1 (anti-Ito, Haenggi-Klimontovich): the convention enters through D alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from fpsim.noise.borrowed import NoiseOf
from fpsim.noise.kicks import Kicks, matrix_root
from fpsim.noise.leaps import Leap
from fpsim.noise.model import Diffusion
from fpsim.noise.roots import Statements, lower_root_formulas, rounding, symbolic_root
from fpsim.sde.modified import check_correction, modified
from fpsim.targets import Target, as_target
from landscapes.kinds import HasDrift, HasMinima, has_loss
from landscapes.notebook import Shown

if TYPE_CHECKING:
    import sympy

    from fpsim.walls import MovingWalls, Walls
    from landscapes.domain import Domain

Array = NDArray[np.float64]
Convention = Literal["ito", "stratonovich", "anti-ito"]
Place = TypeVar("Place", bound=HasDrift)
LONGEST = 130
"""Statements of a root up to which it is compiled (once, in 4 s for d = 10 and 7 s for d = 14): a dense D in d = 13."""
WEIGHTS = {"ito": 0.0, "stratonovich": 0.5, "anti-ito": 1.0}


@dataclass(frozen=True)
class SymbolicSDE:
    """An SDE as formulas: Ito drift (d entries), tensor D and a square root of 2 D (d x d), and parameter values.

    ``statements`` are symbols of the root with their formulas, in order, where the root is not a closed formula.
    ``jump`` takes the place of tensor and root where the noise jumps.
    Symbols that are not the landscape's have a blank in their names, so that the two never meet.
    """

    variables: tuple[sympy.Symbol, ...]
    parameters: dict[sympy.Symbol, float]
    drift: tuple[sympy.Expr, ...]
    tensor: Any
    root: Any
    statements: tuple[tuple[Any, Any], ...] = ()
    jump: Leap | None = None


@dataclass(frozen=True, repr=False)
class SDE(Shown):
    """A landscape (or drift field) driven by a noise model.

    Args:
        landscape: a ``landscapes.Landscape`` or ``landscapes.DriftField``.
        noise: a noise model of :mod:`fpsim.noise`.
        convention: ``"ito"`` (default), ``"stratonovich"`` or ``"anti-ito"``.  With a constant D all agree.
        correction: learning rate eta of the second-order modified equation of Li, Tai and E (2017): the SDE is then
            that of the landscape L + (eta/4) |grad L|^2 (shown as ``landscape``) under the noise of L itself, and
            follows the discrete chain to O(eta^2) instead of O(eta).

    Raises:
        ValueError: if landscape and noise do not fit, or the convention is not defined for this noise
            (``"stratonovich"`` needs D diagonal with D_ii a function of x_i: for a full D(x) it depends on the root).
    """

    landscape: HasDrift
    noise: Diffusion[Any]
    convention: Convention = "ito"
    correction: float | None = None

    if TYPE_CHECKING:  # a noise that needs more than the landscape has is seen before anything runs

        def __init__(
            self, landscape: Place, noise: Diffusion[Place], convention: Convention = "ito",
            correction: float | None = None,
        ) -> None: ...  # fmt: skip

    def __post_init__(self) -> None:
        if not isinstance(self.noise, Diffusion):
            raise TypeError(
                f"the second argument of SDE is a noise model such as ConstantDiffusion(0.1); got {self.noise!r}"
            )
        if not hasattr(self.landscape, "drift") or hasattr(self.landscape, "diffusion"):
            raise TypeError(f"the first argument of SDE is a Landscape or DriftField; got {self.landscape!r}")
        if not isinstance(self.convention, str) or self.convention not in WEIGHTS:
            raise ValueError(f"convention must be one of {list(WEIGHTS)}; got {self.convention!r}")
        self.noise.requires(self.landscape)
        if self.convention == "stratonovich" and not (self.noise.is_constant or self.dimension == 1):
            raise ValueError(
                "in more than one dimension 'stratonovich' is ambiguous for a state-dependent D (it depends on which "
                "square root of D is meant); use 'ito' or 'anti-ito'"
            )
        if self.correction is not None and self.noise.source is None:
            check_correction(self.noise, self.convention, self.correction)
            object.__setattr__(self, "noise", NoiseOf(self.noise, self.landscape))
            object.__setattr__(self, "landscape", modified(self.landscape, self.correction))

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: not what was worked out on the way, which is made of local functions."""
        cached = {n for part in type(self).__mro__ for n, v in vars(part).items() if isinstance(v, cached_property)}
        return {name: value for name, value in self.__dict__.items() if name not in cached}

    @property
    def dimension(self) -> int:
        """Number of coordinates d."""
        return int(self.landscape.dimension)

    @property
    def potential(self) -> HasMinima:
        """The landscape, for what asks for its loss; ``ValueError`` where it is a drift field, which has none."""
        if not has_loss(self.landscape):
            raise ValueError(f"this needs a loss, and {self.landscape} is a drift field, which has none")
        return self.landscape

    @property
    def convention_weight(self) -> float:
        """l in b = -grad L + l div D."""
        return WEIGHTS[self.convention]

    @cached_property
    def structure(self) -> str:
        """``"isotropic"``, ``"diagonal"`` or ``"full"``: the shape of D."""
        return self.noise.structure(self.landscape)

    @property
    def domain(self) -> Domain:
        """Where landscape and noise are defined."""
        return self.landscape.domain

    def drift(self, x: Array) -> Array:
        """Ito drift at ``x`` (d, ...), shape (d, ...)."""
        plain = self.landscape.drift(x)
        if self.convention_weight == 0 or self.noise.is_constant:
            return np.asarray(plain)
        return np.asarray(plain + self.convention_weight * self.divergence(x))

    def diffusion(self, x: Array) -> Array:
        """The tensor D at ``x`` (d, ...), shape (d, d, ...)."""
        return self.noise.tensor(self.landscape, x)

    def divergence(self, x: Array) -> Array:
        """(div D)_i = sum_j d_j D_ij at ``x`` (d, ...), shape (d, ...)."""
        return self.noise.divergence(self.landscape, x)

    def kick(self, x: Array, z: Array) -> Array:
        """sqrt(2 D(x)) z for ``x`` (d, ...) and normals ``z`` (normals, ...), shape (d, ...)."""
        return self._kicks.kick(x, z)

    def leap(self, x: Array, z: Array, step: float) -> Array:
        """The noise of one step at ``x`` (d, ...) from normals ``z`` (normals, ...), shape (d, ...)."""
        if self._leap is not None:
            return self._leap.moved(z, step)
        return np.asarray(np.sqrt(step) * self.kick(x, z))

    @cached_property
    def _leap(self) -> Leap | None:
        return self.noise.leap(self.landscape)

    @property
    def normals(self) -> int:
        """How many normals a kick takes: d, but for a noise that is made of more or fewer."""
        return self._kicks.normals

    def along(self, x: Array, n: Array) -> Array:
        """n . D(x) n for points ``x`` and directions ``n`` of shape (d, ...), shape (...)."""
        return self._kicks.along(x, n)

    @cached_property
    def _kicks(self) -> Kicks:
        return self.noise.kicks(self.landscape)

    # --- what a start and a target are, which differs where states hold velocities ------------------------------------

    @property
    def inertia(self) -> Inertia | None:
        """Mass and friction of a motion whose states are places and velocities."""
        return None

    @property
    def place(self) -> HasDrift:
        """What lies where the bodies are: the landscape, of which states may know more than the place."""
        return self.landscape if self.inertia is None else self.inertia.overdamped.landscape

    @property
    def own_step(self) -> Any:
        """What knows its step by itself, as ``on_arrays(state, z)`` and ``formulas()``, such as an optimiser's."""
        return None

    def between(self, boundary: Any) -> SDE:
        """What steps between walls: the same, but for motion with inertia, whose velocities walls turn round."""
        return self

    def started(self, start: Any) -> Any:
        """What paths start from."""
        return start

    def goal(self, target: Any, start: Array) -> Target:
        """The set that ends an escape from ``start`` (d,)."""
        return as_target(target, start)

    def with_noise(self, noise: Diffusion[Any]) -> SDE:
        """The same landscape and convention under another noise."""
        if self.noise.source is not None and noise.source is None:
            noise = NoiseOf(noise, self.noise.source)
        return replace(self, noise=noise)

    @cached_property
    def symbolic(self) -> SymbolicSDE | None:
        """The SDE as formulas, or ``None`` where landscape or noise are plain functions."""
        base, noise = self.landscape.symbolic, self.noise.symbolic(self.landscape)
        if base is None or noise is None:
            return None
        import sympy

        tensor, parameters = noise
        weight = sympy.Rational(self.convention_weight)
        drift = list(base.drift)
        if weight and not self.noise.is_constant:
            self.noise.require_divergence()
            drift = [
                b + weight * sum(sympy.diff(tensor[i, j], v) for j, v in enumerate(base.variables))
                for i, b in enumerate(drift)
            ]
        return rooted(self, base.variables, {**base.parameters, **parameters}, tuple(drift), tensor)

    @property
    def _pictured(self) -> Any:
        return self.landscape

    def __str__(self) -> str:
        modified = "" if self.correction is None else f"; modified equation at learning rate {self.correction:g}"
        return f"{self.landscape}; {self.noise}; {self.convention}{modified}"


@dataclass(frozen=True)
class Inertia:
    """What makes an SDE underdamped, mass dv = (b - friction v) dt + sqrt(2 friction D) dB for states (x, v).

    Attributes:
        overdamped: b and D in the place x: what is left for mass -> 0, on the clock t / friction.
        friction: of the velocity.
        mass: of the body.
        walls: around the place; a reflecting one turns the velocity round.
    """

    overdamped: SDE
    friction: float
    mass: float
    walls: Walls | None = None

    @property
    def fences(self) -> MovingWalls | None:
        """The walls as states (x, v) meet them."""
        from fpsim.walls import MovingWalls

        return None if self.walls is None else MovingWalls.around(self.walls)


def rooted(
    sde: SDE, variables: tuple[sympy.Symbol, ...], parameters: dict[sympy.Symbol, float], drift: tuple[Any, ...],
    tensor: Any,
) -> SymbolicSDE | None:  # fmt: skip
    """Drift and D with a root of 2 D, ``None`` where that does not compile."""
    import sympy

    d, statements = sde.dimension, Statements()
    if sde.noise.is_constant and not tensor.is_diagonal():
        matrix = matrix_root(sde.diffusion(np.zeros((d, 1)))[..., 0])
        symbols = {(i, j): sympy.Symbol(f"noise root {i} {j}", real=True) for i in range(d) for j in range(d)}
        root = sympy.Matrix(d, d, lambda i, j: symbols[i, j])
        parameters = parameters | {symbol: float(matrix[index]) for index, symbol in symbols.items()}
    elif tensor.is_diagonal() or d == 2:
        root = symbolic_root(2 * tensor)
    elif sde.normals == d:
        root, statements = lower_root_formulas(2 * tensor)
        if len(statements) > LONGEST:
            return None
        parameters = parameters | {rounding(): float(np.finfo(float).eps)}
    else:
        return None
    return SymbolicSDE(variables, parameters, drift, tensor, root, tuple(statements))


def require_sde(sde: Any, caller: str = "this") -> None:
    """Raise, in one sentence, for anything but an :class:`SDE`: a bare landscape, or an SDE under a schedule.

    Raises:
        TypeError: for what is no SDE.
        ValueError: for an SDE that changes with time (:class:`fpsim.Scheduled`).
    """
    if hasattr(type(sde), "refuse"):  # an SDE that changes with time
        sde.refuse(caller)
    if hasattr(sde, "drift") and hasattr(sde, "diffusion"):
        return
    what = f"the landscape {sde} alone" if hasattr(sde, "drift") else repr(sde)
    raise TypeError(
        f"{caller} expected an SDE, a landscape together with its noise, such as fpsim.SDE(landscape, "
        f"fpsim.ConstantDiffusion(0.1)); got {what}"
    )
