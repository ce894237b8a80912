"""Tables as functions in formulas: sympy knows their derivatives, NumPy and kernels their values.

A formula such as ``sqrt(c * table_1f3a(x))`` goes wherever other formulas go.  This module imports sympy and is loaded
when a table enters a formula.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from weakref import WeakValueDictionary

import sympy
from sympy.core.function import ArgumentIndexError

from landscapes.formula.tables import Table


class TableFunction(sympy.Function):
    """A function of x, or of x and the row number for a family; every table has a subclass of its own."""

    table: ClassVar[Table]

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative with respect to x, which is a table again."""
        if argindex != 1:
            raise ArgumentIndexError(self, argindex)
        return table_function(self.table.derivative())(*self.args)

    def _eval_is_extended_real(self) -> bool:
        return True

    def _eval_is_finite(self) -> bool:
        return True

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Any], tuple[Table, tuple[Any, ...]]]:
        return _applied, (self.table, self.args)


_CLASSES: WeakValueDictionary[str, type[TableFunction]] = WeakValueDictionary()


def table_function(table: Table) -> type[TableFunction]:
    """Return the sympy function of a table: ``table_function(t)(x)``, or ``(x, row)`` for a family."""
    found = _CLASSES.get(table.digest)
    if found is None:
        arguments = 1 if table.rows is None else 2
        # _imp_ is where sympy.lambdify looks for the values
        content = {"table": table, "_imp_": staticmethod(table), "nargs": arguments, "__module__": __name__}
        found = type(f"table_{table.digest[:16]}", (TableFunction,), content)
        _CLASSES[table.digest] = found
    return found


def _applied(table: Table, arguments: tuple[Any, ...]) -> Any:
    return table_function(table)(*arguments)
