"""What a named landscape is: one formula, its box, and where an escape starts and ends by default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from landscapes.functions import formula_functions
from landscapes.landscape import Landscape


class NamedLandscape(Landscape):
    """A landscape whose formula, box and default escape follow from a few arguments."""

    def _from_formula(
        self,
        formula: str,
        variables: tuple[str, ...],
        parameters: Mapping[str, float],
        bounds: Sequence[tuple[float, float]],
        start: Sequence[float],
        target: Sequence[float],
    ) -> None:
        functions = formula_functions([formula], variables, parameters, True, longest=None)
        self._describe(functions, variables, bounds, type(self).__name__, start, target)


class ParametricLandscape(NamedLandscape):
    """A named landscape whose arguments are the parameters of its formula."""

    def _rebuilt(self, parameters: dict[str, float]) -> Self:
        constructor: Any = type(self)
        return constructor(**parameters)  # box and start depend on them
