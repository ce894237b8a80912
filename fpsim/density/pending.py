"""Attributes of a dataset that are worked out when somebody first looks at them: in print, in a file, or by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import xarray


class Pending(dict[Any, Any]):
    """A dictionary to which ``make()`` adds entries before the first look at them.

    Args:
        known: the entries that are there already; looking at one of them by name makes nothing.
        make: returns the others.
    """

    def __init__(self, known: dict[Any, Any], make: Callable[[], dict[str, Any]]) -> None:
        super().__init__(known)
        self.make: Callable[[], dict[str, Any]] | None = make

    def _made(self) -> Pending:
        if self.make is not None:
            make, self.make = self.make, None
            for name, value in make().items():
                self.setdefault(name, value)
        return self

    def __missing__(self, key: Any) -> Any:
        if self.make is None:
            raise KeyError(key)
        return self._made()[key]

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or dict.__contains__(self._made(), key)

    def get(self, key: Any, default: Any = None) -> Any:
        """The entry, or ``default``."""
        return self[key] if key in self else default  # noqa: SIM401

    def __iter__(self) -> Iterator[Any]:
        return dict.__iter__(self._made())

    def __len__(self) -> int:
        return dict.__len__(self._made())

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self._made(), other)

    __hash__ = None

    def __repr__(self) -> str:
        return dict.__repr__(self._made())

    def keys(self) -> Any:
        """All names."""
        return dict.keys(self._made())

    def values(self) -> Any:
        """All values."""
        return dict.values(self._made())

    def items(self) -> Any:
        """All entries."""
        return dict.items(self._made())

    def copy(self) -> dict[Any, Any]:
        """The entries; still pending if they are."""
        return self.__copy__()

    def __copy__(self) -> dict[Any, Any]:
        return dict(self) if self.make is None else Pending(dict.copy(self), self._shared)

    def __deepcopy__(self, memo: Any) -> dict[Any, Any]:
        return self.__copy__()

    def _shared(self) -> dict[str, Any]:
        """What a copy asks for: made once for all of them."""
        return {str(name): value for name, value in dict.items(self._made())}

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self._made()),)


def with_pending(data: xarray.Dataset, make: Callable[[], dict[str, Any]]) -> xarray.Dataset:
    """The dataset, with attributes that are made at the first look."""
    # the setter of ``attrs`` would copy, and so look
    data._attrs = Pending(dict(data.attrs), make)
    return data
