"""Landscapes as plain data and back, so that a file can hold one: formulas, variables, parameters, box.

    rebuilt(described(landscape)) == landscape

for everything that is made of formulas or tables.  Plain Python functions cannot be kept in a file; what stands in
their place is their name, and rebuilding says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from landscapes.evaluation import FormulaFunctions
from landscapes.examples.dataset import DatasetLandscape
from landscapes.field import Field
from landscapes.formula.grammar import ExpressionError, syntax_tree
from landscapes.functions import formula_functions
from landscapes.kinds import HasDrift
from landscapes.landscape import DriftField, Landscape

LARGEST_TABLE = 100_000
"""Numbers of a data set that a description holds; a larger one is named only."""


def described(field: HasDrift) -> dict[str, Any]:
    """A landscape or drift field as dictionaries, lists, numbers and strings, ready for JSON."""
    if not isinstance(field, Field):
        kind = type(field).__name__
        return {"class": kind, "name": field.name, "dimension": field.dimension, "made of": "a class of its own"}
    facts = {
        "class": type(field).__name__,
        "name": field.name,
        "dimension": field.dimension,
        "variables": list(field.variables),
        "parameters": field.parameters,
        "bounds": None if field.bounds is None else [list(side) for side in field.bounds],
        "default_start": None if field.default_start is None else list(field.default_start),
        "default_target": None if field.default_target is None else list(field.default_target),
    }
    return {**facts, **_content(field)}


def rebuilt(facts: Mapping[str, Any]) -> Any:
    """The landscape or drift field that :func:`described` was given.

    Raises:
        ValueError: where it was made of plain functions or of a table too large to be kept.
    """
    if facts.get("shipped"):
        from landscapes.catalogue.named import named

        return named(facts["shipped"])
    if "formulas" not in facts:
        raise ValueError(
            f"the landscape '{facts['name']}' is made of {facts.get('made of', 'plain functions')}, which this file "
            "does not hold; build it again and solve the problem with it"
        )
    constructor, variables = _classes().get(facts["class"], Landscape), tuple(facts["variables"])
    new: Any = object.__new__(constructor)
    ends = facts["default_start"], facts["default_target"]
    if "data" in facts:
        (formula,) = facts["formulas"]
        new._describe_examples(
            formula, variables, facts["data"], facts["parameters"], facts["bounds"], facts["name"], *ends
        )
        return new
    functions = formula_functions(
        facts["formulas"], variables, facts["parameters"], issubclass(constructor, Landscape), longest=None
    )
    new._describe(functions, variables, facts["bounds"], facts["name"], *ends)
    return new


def _content(field: Any) -> dict[str, Any]:
    """What the landscape is made of, as far as text and numbers tell."""
    if type(field).__name__ == "SampledLandscape":
        from landscapes.catalogue.shipped import resnet_slice

        own = field == resnet_slice()
        return {"shipped": "resnet-slice"} if own else {"made of": "a table of losses (its own save() keeps it)"}
    is_table = isinstance(field, DatasetLandscape)
    functions = field._functions
    if is_table and field.examples.table.size > LARGEST_TABLE:
        return {"made of": f"{field.number_of_examples} examples"}
    if not is_table and not isinstance(functions, FormulaFunctions):
        return {"made of": "plain functions"}
    texts = [str(f) for f in ((field.examples.formula,) if is_table else functions.formulas)]
    names = [*field.variables, *field.parameters, *(field.data if is_table else ())]
    try:
        for text in texts:
            syntax_tree(text, names, longest=None)
    except ExpressionError:
        return {"made of": "sympy functions that have no text"}
    data = {"data": {name: row.tolist() for name, row in field.data.items()}} if is_table else {}
    return {"formulas": texts, **data}


def _classes() -> dict[str, type[Field]]:
    """The classes made of formulas, by name."""
    from landscapes.catalogue import example_losses, surfaces, wells

    own = [value for module in (example_losses, surfaces, wells) for value in vars(module).values()]
    kinds: list[type[Field]] = [Landscape, DriftField, DatasetLandscape]
    kinds += [value for value in own if isinstance(value, type) and issubclass(value, Field)]
    return {kind.__name__: kind for kind in kinds}
