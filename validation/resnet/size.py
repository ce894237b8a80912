"""How much of the networks is trained and sampled."""

from __future__ import annotations

from dataclasses import dataclass, replace

from landscapes.networks.recipe import Recipe
from validation.resnet.slices import Rule

SMALL = Recipe(
    examples=512, width=1, data_seed=3, network_seed=1, branch_steps=60, branch_batch=64, polish_steps=300,
    newton_steps=0, nodes=97,
)  # fmt: skip
"""A ResNet-8 of width 1: it cannot learn the wrong labels by heart, so that gradients keep their noise at minima."""


@dataclass(frozen=True)
class Size:
    """How much is trained and sampled.

    Attributes:
        networks: name and recipe of every network that is trained.
        rule: which slices are taken.
        points: batch sizes per sweep.
        budget, most_paths: examples drawn per batch size (about), and replicas at most.
        route_paths: random paths of the toolkit's check.
        law_points: batch sizes at which all laws of noise run, on the first fresh slice.
        rates: learning rates of the first fresh slice, in units of its own.
        large_steps: stiffness eta |H| and batch sizes of the sweeps on the slice that ships.
        spectrum: whether the ends of the full Hessian's spectrum are computed.
    """

    networks: tuple[tuple[str, Recipe], ...]
    rule: Rule
    points: int
    budget: float
    most_paths: int
    route_paths: int
    law_points: int
    rates: tuple[float, ...]
    large_steps: tuple[tuple[float, tuple[int, ...]], ...]
    spectrum: bool = True

    @classmethod
    def of(cls, quick: bool, seed: int = 0) -> Size:
        """Two minutes, or half an hour with the panel on all parameters (two cores)."""
        small = replace(SMALL, data_seed=3 + 10 * seed, network_seed=1 + seed, branch_seed=101 + 100 * seed)
        rule = Rule(slope=1.6)
        if quick:
            large = ((0.5, (2, 3, 4)),)
            return cls((("one", small),), rule, 4, 2e7, 400, 1000, 2, (2.0, 1.0), large)
        more = replace(small, data_seed=5 + 10 * seed, network_seed=7 + seed, branch_seed=201 + 100 * seed)
        third = replace(small, data_seed=7 + 10 * seed, network_seed=13 + seed, branch_seed=301 + 100 * seed)
        networks = (("one", small), ("two", more), ("three", third))
        return cls(networks, rule, 4, 1.5e8, 3000, 4000, 3, (2.0, 1.0, 0.5), ((0.5, (2, 3, 4, 5)), (0.25, (1, 2))))
