"""An escape as a line along the valley's floor: where the loss is least on the planes across a fixed direction e,

    x(u) = argmin { L(x) : (x - b) . e = u },      L'(u) = g . e,      D(u) = e . D e,

u the coordinate that is left when all others are eliminated.  The gradients k_i(u) = g_i(x(u)) . e of single examples
make it a data set on a line, for which every theory of one dimension exists: Gaussian and Cramer's exponents with their
prefactors, exact times, the chain.  What the eliminated coordinates do to it to first order, whatever the noise's
strength, is

    tau -> tau exp(int_a^b tr(C H') / 2 D du),      H C + C H = 2 D across e,

H' the change of the Hessian across e along the floor.  C. Gardiner, Handbook of Stochastic Methods (3rd ed.), section
6.4.  It needs u to be slow: next to a pitchfork.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.action.reduced import spread_of
from fpsim.sgd.cramer import cramer_exponent, log_prefactor
from landscapes.examples.sampled import SampledLandscape

Array = NDArray[np.float64]
NEWTON = 30
STILL = 1e-10  # of the last step, in units of the point's size
TABLE = 8  # nodes of the table for each point of the floor
BEYOND = 0.8  # of the distance from saddle to minimum: how far the floor is followed behind the minimum


class NoFloorError(ValueError):
    """The loss is not least on a plane across the direction."""


@dataclass(frozen=True)
class Floor:
    """The floor of two valleys that meet at a saddle.

    Attributes:
        landscape: the loss, a mean over examples.
        direction: e (d,).
        u: (n,) levels, evenly spaced, 0 at the saddle.
        x: (d, n) the floor.
        slopes: (m, n) k_i of single examples.
        start, end: u of the minimum, and that of the target.
        stiffness: the smallest curvature across e over the largest |L''(u)| from minimum to saddle.
        narrowing: int tr(C H') / 2 D du, which is added to ln(tau), for Gaussian noise and mini-batches alike.
    """

    landscape: Any
    direction: Array
    u: Array
    x: Array
    slopes: Array
    start: float
    end: float
    stiffness: float
    narrowing: float

    @cached_property
    def line(self) -> SampledLandscape:
        """The data set in u: the integrals of the k_i."""
        from scipy.interpolate import make_interp_spline

        fine = np.linspace(self.u[0], self.u[-1], TABLE * (len(self.u) - 1) + 1)
        losses = make_interp_spline(self.u, self.slopes, k=5, axis=1).antiderivative()(fine)
        return SampledLandscape(fine, losses, name="the valley's floor", start=self.start, target=self.end)

    @property
    def exponents(self) -> tuple[float, float]:
        """Gaussian and Cramer's exponent of ln(iterations) for S/eta = 1."""
        found = cramer_exponent(self.line, *self._ends)
        return found.gaussian, found.exponent

    @property
    def _ends(self) -> tuple[float, float]:
        """Minimum and saddle of the table, next to those of the floor."""
        near = min(self.line.minima, key=lambda point: abs(point.x[0] - self.start))
        top = min(self.line.saddles, key=lambda point: abs(point.x[0]))
        return float(near.x[0]), float(top.x[0])

    def log_iterations(self, learning_rate: float, batch_size: int) -> dict[str, float]:
        """ln(iterations) to the target by the theories of one dimension, without the narrowing.

        ``"exact"`` is that of Gaussian noise by quadrature, ``"gauss"`` its formula for small noise, ``"cramer"`` the
        formula for mini-batches; exact - gauss is what noise that is not small does to all of them.
        """
        from fpsim.exact.first_passage import first_passage
        from fpsim.sgd.batches import MiniBatchSGD

        sde = MiniBatchSGD(self.line, learning_rate, batch_size).surrogate()
        gaussian, cramer = self.exponents
        ends = np.array([self._ends])
        bends, levels = self.line.hessian(ends)[0, 0], self.line.gradient_covariance(ends)[0, 0]
        front = math.log(2 * math.pi / learning_rate) - math.log(abs(float(bends.prod()))) / 2
        small = front + math.log(levels[1] / levels[0]) / 2
        batches = front + log_prefactor(self.line, *self._ends, batch_size)
        speed = batch_size / learning_rate
        exact = first_passage(sde, self._ends[0], self.end).log_mean - math.log(learning_rate)
        return {"exact": exact, "gauss": small + speed * gaussian, "cramer": batches + speed * cramer}


def valley_floor(
    landscape: Any, minimum: Array, saddle: Array, direction: Array, end: float | None = None, points: int = 48
) -> Floor:
    """The floor from behind a minimum over a saddle to a level beyond it.

    Args:
        landscape: a ``NeuralLandscape`` or ``DatasetLandscape`` in two or more dimensions.
        minimum, saddle: (d,).
        direction: e (d,), pointing from the minimum to the saddle.
        end: the level u at which paths are out; by default as far beyond the saddle as the minimum is before it.
        points: of the floor, behind and before the saddle together.

    Raises:
        ValueError: where the loss is not least on the plane across e, so that there is no floor.
    """
    e = direction / np.linalg.norm(direction)
    first = float((minimum - saddle) @ e)
    if not first < 0:
        raise ValueError(f"direction points from the minimum to the saddle; the minimum lies at u = {first:.4g}")
    last = -first if end is None else float(end)
    step = (last - first) / points
    numbers = range(-math.ceil((1 + BEYOND) * abs(first) / step), math.ceil(last / step) + 3)
    u = np.array([step * k for k in numbers])
    u, x, hessians = _floor(landscape, saddle, e, u, (first, last))
    slopes = np.einsum("mdn,d->mn", np.asarray(landscape.example_gradients(x)), e)
    narrowing, stiffness = _across(landscape, e, u, x, hessians, first)
    return Floor(landscape, e, u, x, slopes, first, last, stiffness, narrowing)


def _floor(
    landscape: Any, saddle: Array, e: Array, u: Array, needed: tuple[float, float]
) -> tuple[Array, Array, Array]:
    """Levels (n,), points (d, n) and Hessians (n, d, d) from the saddle outwards to both sides.

    Beyond the levels that are needed it may end early.
    """
    found: list[tuple[float, Array, Array]] = []
    for side in (u[u >= 0], u[u < 0][::-1]):
        at, level, bend = saddle, 0.0, np.asarray(landscape.hessian(saddle))
        for k in side:
            try:
                ahead = np.linalg.solve(_bordered(bend, e), np.append(np.zeros(len(e)), k - level))[: len(e)]
                at, bend = _least(landscape, saddle, e, float(k), at + ahead)
            except NoFloorError:
                if needed[0] <= k <= needed[1]:
                    raise
                break
            found.append((float(k), at, bend))
            level = float(k)
    found.sort(key=lambda one: one[0])
    levels, x, hessians = (np.array(part) for part in zip(*found, strict=True))
    return levels, x.T, hessians


def _bordered(bend: Array, e: Array) -> Array:
    return np.block([[bend, e[:, None]], [e[None], np.zeros((1, 1))]])


def _least(landscape: Any, saddle: Array, e: Array, u: float, x: Array) -> tuple[Array, Array]:
    """The point where the loss is least at one level, and the Hessian there, by Newton's method from a point near."""
    none = NoFloorError(f"the loss is not least on the plane across the direction at u = {u:.4g}: no floor there")
    for _ in range(NEWTON):
        gradient, bend = np.asarray(landscape.gradient(x)), np.asarray(landscape.hessian(x))
        right = np.append(-gradient, u - (x - saddle) @ e)
        try:
            step = np.linalg.solve(_bordered(bend, e), right)[: len(x)]
        except np.linalg.LinAlgError:
            raise none from None
        x = x + step
        if np.linalg.norm(step) <= STILL * max(abs(u), float(np.linalg.norm(x))):
            break
    else:
        raise NoFloorError(f"the valley's floor was not found at u = {u:.4g}: Newton's method did not settle")
    if np.linalg.eigvalsh(_bordered(bend, e))[1] <= 0:  # one negative value belongs to the border
        raise none
    return x, bend


def _across(landscape: Any, e: Array, u: Array, x: Array, hessians: Array, first: float) -> tuple[float, float]:
    """int tr(C H') / 2 D du from the minimum to the saddle, and the stiffness across e over that along the floor."""
    from scipy.interpolate import make_interp_spline

    frame = np.linalg.svd(e[None])[2][1:].T
    bend = frame.T @ hessians @ frame
    g = np.moveaxis(np.asarray(landscape.example_gradients(x)), -1, 0)
    g = g - g.mean(axis=1, keepdims=True)
    noise, level = frame.T @ (np.swapaxes(g, 1, 2) @ g / g.shape[1]) @ frame, (g @ e).var(axis=1)
    change = make_interp_spline(u, bend, k=5, axis=0).derivative()(u)
    density = np.einsum("nab,nba->n", spread_of(bend, noise), change) / (2 * level)
    narrowing = float(make_interp_spline(u, density, k=5).integrate(first, 0.0))
    along = 1 / np.einsum("i,nij,j->n", e, np.linalg.inv(hessians), e)
    climb = (u >= first) & (u <= 0)
    return narrowing, float(np.linalg.eigvalsh(bend)[climb, 0].min() / np.abs(along[climb]).max())
