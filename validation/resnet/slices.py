"""Slices through freshly trained residual networks, on which SGD can be followed over a barrier.

    theta(x) = theta_a + x (theta_b - theta_a)/|theta_b - theta_a|,     L, C1 from the tabulated losses of all examples

Which slice is taken is decided by a `Rule` that knows the theories and not the measured times: small steps, a table
that is fine enough, and two exponents, Cramer's and that of Gaussian noise, that lie far enough apart to be told apart.
A branch that does not pass makes way for a shorter or a longer one, and every try is reported.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fpsim.sgd.cramer import cramer_exponent
from landscapes.examples.sampled import SampledLandscape
from landscapes.networks.recipe import Recipe
from validation.resnet.training import branched, network_ends, trained
from validation.study.findings import Row

if TYPE_CHECKING:
    import xarray

    from validation.study.pieces import Pieces
    from validation.study.run import Progress

SHORTER, LONGER = 0.6, 1.5
"""Factors of the branch's length after a barrier that was too high, or too low."""


@dataclass(frozen=True)
class Climb:
    """The way out of one minimum of a slice.

    Attributes:
        start, top, target: the minimum, the barrier and the minimum beyond.
        barrier: L(top) - L(start).
        curvature, curvature_top: L'' at both.
        covariance, covariance_top: C1 at both.
        stiffest: largest |L''| on the climb.
        exponent, gaussian: |int q dx| of Cramer and |int 2 L'/C1 dx| of Gaussian noise; ln(iterations) ~ (S/eta) times
            them.
        signal: largest L'^2/C1 on the climb.
    """

    start: float
    top: float
    target: float
    barrier: float
    curvature: float
    curvature_top: float
    covariance: float
    covariance_top: float
    stiffest: float
    exponent: float
    gaussian: float
    signal: float

    @property
    def gap(self) -> float:
        """How far the Gaussian exponent is from Cramer's, as a share of the latter."""
        return abs(1 - self.gaussian / self.exponent) if math.isfinite(self.exponent) else math.inf


class Outcome(StrEnum):
    """What became of a branch."""

    TAKEN = "taken"
    BLOCKED = "blocked: all examples pull the same way somewhere"
    COARSE = "the table is too coarse"
    STEEP = "the steps would be too large"
    CLOSE = "the exponents are too close"
    SHAPELESS = "not two minima with one barrier between them"


@dataclass(frozen=True)
class Rule:
    """Which slice and which direction are taken.

    Attributes:
        slope: Cramer's exponent per example in the batch: the learning rate is exponent / slope.
        stiffness: largest learning rate * |L''| on the climb.
        gap: smallest |1 - Gaussian exponent / Cramer exponent|.
        table_error: largest error of the splines, in units of the barrier.
        tries: branches that are tried before another network is trained.
        networks: how many of those before giving up.
    """

    slope: float = 2.0
    stiffness: float = 0.25
    gap: float = 0.12
    table_error: float = 0.01
    tries: int = 3
    networks: int = 4

    def outcome(self, line: SampledLandscape, climb: Climb) -> Outcome:
        """Whether a direction is taken, or what speaks against it."""
        if not math.isfinite(climb.exponent):
            return Outcome.BLOCKED
        if line.spline_error > self.table_error * climb.barrier:
            return Outcome.COARSE
        if climb.exponent / self.slope * climb.stiffest > self.stiffness:
            return Outcome.STEEP
        return Outcome.CLOSE if climb.gap < self.gap else Outcome.TAKEN


@dataclass(frozen=True)
class Case:
    """A slice with the direction in which SGD is to escape.

    Attributes:
        name: shown in tables.
        line: the slice.
        climb: the direction that the rule chose.
        back: the other one.
        tries: every branch that was tried, with its verdict.
        network: what is known of the trained network at both ends of the slice.
    """

    name: str
    line: SampledLandscape
    climb: Climb
    back: Climb
    tries: tuple[Row, ...] = ()
    network: tuple[Row, ...] = ()


def climbs(line: SampledLandscape) -> tuple[Climb, Climb]:
    """Both ways over the barrier of a slice, from the left and from the right minimum.

    Raises:
        ValueError: unless the slice has exactly two minima with one barrier between them.
    """
    minima, saddles = line.minima, line.saddles
    if len(minima) != 2 or len(saddles) != 1:
        raise ValueError(f"{len(minima)} minima and {len(saddles)} barriers in place of two and one")
    places = [float(point.x[0]) for point in (minima[0], saddles[0], minima[1])]
    return _climb(line, *places), _climb(line, *places[::-1])


def _climb(line: SampledLandscape, start: float, top: float, target: float) -> Climb:
    ends = np.array([[start, top]])
    loss, bend = np.asarray(line.loss(ends)), line.hessian(ends)[0, 0]
    spread = line.gradient_covariance(ends)[0, 0]
    way = np.linspace(start, top, 1001)[None]
    found = cramer_exponent(line, start, top, 1e-8)
    return Climb(
        start, top, target, float(loss[1] - loss[0]), float(bend[0]), float(bend[1]), float(spread[0]),
        float(spread[1]), float(np.abs(line.hessian(way)).max()), found.exponent, found.gaussian, found.signal,
    )  # fmt: skip


def shipped_case() -> Case:
    """The slice that ships with the package, in the direction of the lower Cramer exponent."""
    from landscapes.catalogue.shipped import resnet_slice

    line = resnet_slice()
    climb, back = sorted(climbs(line), key=lambda c: c.exponent)
    return Case("shipped", line, climb, back)


def fresh_case(name: str, recipe: Recipe, rule: Rule, pieces: Pieces, tell: Progress, ends: bool = True) -> Case:
    """Train a network, branch off until a slice passes the rule, and cut it.

    Args:
        name: of the slice, and of its pieces on disk.
        recipe: of the network and of the first branch that is tried.
        rule: what a slice has to fulfil.
        pieces: where finished parts are kept: the first minimum, every branch, the spectrum's ends.
        tell: called with a share and a name.
        ends: whether to compute the lowest and highest eigenvalue of the full Hessian at both ends.

    Raises:
        ValueError: if no branch passes.
    """
    tries: list[Row] = []
    for number in range(rule.networks):
        seeds = {"network_seed": recipe.network_seed + 100 * number, "data_seed": recipe.data_seed + 100 * number}
        root = replace(recipe, **seeds)  # type: ignore[arg-type]
        tell(number / rule.networks, f"training {name}")
        first = pieces.data(f"{name}-network", partial(trained, root), recipe=asdict(root))
        case = _first_slice(name, root, first, rule, pieces, ends, tries)
        if case is not None:
            return case
    raise ValueError(f"none of {len(tries)} branches of {name} passed the rule; use another seed, or allow more tries")


def _first_slice(
    name: str, root: Recipe, first: xarray.Dataset, rule: Rule, pieces: Pieces, ends: bool, tries: list[Row]
) -> Case | None:
    """The first branch of a network that passes, or None; every try is added to ``tries``."""
    recipe = root
    for number in range(rule.tries):
        cut = pieces.data(
            f"{name}-branch-{number}",
            partial(branched, recipe, first["parameters"].values),
            root=asdict(root),
            recipe=asdict(recipe),
        )
        outcome, row, case = _judged(name, recipe, cut, rule)
        tries.append({"slice": name, "network seed": root.network_seed, "try": number + 1, **row})
        if case is not None:
            about = network_ends(name, recipe, first, cut, pieces, ends)
            return replace(case, tries=tuple(tries), network=tuple(about))
        recipe = replace(
            recipe, branch_steps=_next_length(recipe.branch_steps, outcome), branch_seed=recipe.branch_seed + 1
        )
    return None


def _next_length(steps: int, outcome: Outcome) -> int:
    """A shorter branch after steps that would be too large, else a longer one."""
    return max(5, round(steps * (SHORTER if outcome in (Outcome.STEEP, Outcome.COARSE) else LONGER)))


def _judged(name: str, recipe: Recipe, cut: xarray.Dataset, rule: Rule) -> tuple[Outcome, Row, Case | None]:
    """What speaks for and against a branch."""
    row: Row = {
        "branch steps": recipe.branch_steps,
        "seed": recipe.branch_seed,
        "distance": float(cut.attrs["distance"]),
    }
    empty = {"barrier": math.nan, "exponent": math.nan, "gaussian": math.nan, "eta |H|": math.nan}
    try:
        line = SampledLandscape(cut["x"].values, cut["loss"].values, name=f"slice {name}")
        both = climbs(line)
    except ValueError as error:
        return Outcome.SHAPELESS, {**row, **empty, "verdict": str(error)}, None
    outcomes = [rule.outcome(line, climb) for climb in both]
    passed = [climb for climb, outcome in zip(both, outcomes, strict=True) if outcome is Outcome.TAKEN]
    if passed:
        chosen = max(passed, key=lambda climb: climb.gap)
    else:  # the way that is nearer to small steps speaks for both
        chosen = min(both, key=lambda climb: climb.exponent * climb.stiffest)
    outcome = outcomes[both.index(chosen)]
    shown = {
        "barrier": chosen.barrier, "exponent": chosen.exponent, "gaussian": chosen.gaussian,
        "eta |H|": chosen.exponent / rule.slope * chosen.stiffest, "verdict": str(outcome),
    }  # fmt: skip
    back = both[1 - both.index(chosen)]
    return outcome, {**row, **shown}, Case(name, line, chosen, back) if passed else None
