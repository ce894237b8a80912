"""What compiled parts (:mod:`fpsim.kernels.given`) are as text, from which another target makes them for one point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PartText:
    """A function ``part(x, data, out)`` that fills ``rows`` numbers from a generated function and numbers.

    Attributes:
        kind: ``"curvature"``: D and the root of 2 D from the upper triangle of a Hessian, whose text is ``source``;
            ``"examples"``: mean and covariance of the gradients of examples, whose text is ``source``.
        source: the generated text for one point.
        dimension: d.
        sizes: the form of the level; or columns of the table, and examples.
        rows: how many numbers it fills.
    """

    kind: Literal["curvature", "examples"]
    source: str
    dimension: int
    sizes: tuple[int, ...]
    rows: int


@dataclass(frozen=True)
class ComposedText:
    """A formula ``inner(x, [z,] g, data, out)``, fed with the numbers of parts.

    Attributes:
        inner: its generated text for one point.
        parts: with each the first of its numbers and the end of them.
        split: how many numbers are those of the formula.
        takes_normals: whether there is ``z``.
    """

    inner: str
    parts: tuple[tuple[PartText, int, int], ...]
    split: int
    takes_normals: bool

    @property
    def rows(self) -> int:
        """Numbers of all parts."""
        return sum(part.rows for part, _, _ in self.parts)
