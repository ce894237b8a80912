"""What a study has measured, as one value that netCDF keeps: tables of rows, and at most one dataset.

    field `name`, a table:   one variable `name_column` per column along `name_row`; the long name is the column's title
    field `data`:            a dataset, its variables under their own names

Verdicts, tables and pictures are functions of this value, so that a stored study is judged and drawn without measuring.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

from fpsim.storage import dataset

if TYPE_CHECKING:
    import xarray

Row = dict[str, Any]
Rows = list[Row]
DATA = "data"


@dataclass(frozen=True)
class Findings:
    """Subclasses are frozen dataclasses whose fields are tables (`Rows`) and, if there is one, ``data``."""

    prefix: ClassVar[str] = ""
    """Put before the names of tables, for findings that share a file with others."""

    def to_xarray(self, **facts: Any) -> xarray.Dataset:
        """All tables and the dataset as one; ``facts`` become attributes.

        Raises:
            ValueError: if two columns would have one name.
        """
        entries: dict[str, Any] = {}
        for name in self._tables():
            rows = getattr(self, name)
            for column in rows[0] if rows else ():
                variable = f"{self.prefix}{name}_" + re.sub(r"\W+", "_", column).strip("_")
                if variable in entries:
                    raise ValueError(f"two columns would be stored as '{variable}'; rename one of the table '{name}'")
                values = [row[column] for row in rows]
                entries[variable] = (self._row(name), values, "", column)
        tables, data = dataset(entries, **facts), getattr(self, DATA, None)
        return tables if data is None else data.assign(tables.variables).assign_attrs(tables.attrs)

    @classmethod
    def from_xarray(cls, data: xarray.Dataset) -> Self:
        """The inverse of `to_xarray`; variables of others are left alone where there is no field ``data``."""
        parts: dict[str, Any] = {}
        for table in cls._tables():
            parts[table] = _rows([v for v in data.variables.values() if v.dims == (cls._row(table),)])
        if len(parts) < len(fields(cls)):
            parts[DATA] = data.drop_dims([row for row in cls.dimensions() if row in data.dims])
        return cls(**parts)

    @classmethod
    def dimensions(cls) -> list[str]:
        """Along which its tables are stored."""
        return [cls._row(table) for table in cls._tables()]

    @classmethod
    def _tables(cls) -> list[str]:
        return [f.name for f in fields(cls) if f.name != DATA]

    @classmethod
    def _row(cls, table: str) -> str:
        return f"{cls.prefix}{table}_row"


def _rows(variables: list[xarray.Variable]) -> Rows:
    """Rows of plain numbers and words from columns."""
    columns = {str(v.attrs["long_name"]): v.values.tolist() for v in variables}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
