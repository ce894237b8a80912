"""A sweep written down in a TOML file.

    [sweep]   name, seeds, tolerance, budget, executor, workers, function, store
    [fixed]   parameters that are the same everywhere
    [axes]    name = [values], or {from, to, count, spacing = "linear" | "log"}: every combination
    [[points]]  name = value ...: a list in place of axes
    [design]  kind, count, seed, logarithmic, and [ranges] name = [low, high]: sampled points in place of axes

A name such as ``landscape.barrier`` is written in quotes.  Without ``function`` the sweep is over escape times
(:func:`fpsim.sweeps.escape.escape_time`).
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpsim.sweeps.design import Design, as_design, sampled
from fpsim.sweeps.sweep import Sweep
from fpsim.sweeps.workers import KINDS

SECTIONS = ("sweep", "fixed", "axes", "points", "design", "ranges")
KEYS = ("name", "seeds", "tolerance", "budget", "executor", "workers", "function", "store")
DESIGN = ("kind", "count", "seed", "logarithmic")
LADDER = ("from", "to", "count", "spacing")
ESCAPE = "fpsim.sweeps.escape:escape_time"
Table = dict[str, Any]


@dataclass(frozen=True)
class Study:
    """A sweep, and how its file wants it run."""

    sweep: Sweep
    options: Mapping[str, Any]


class StudyFileError(ValueError):
    """A mistake in a study file, with its line."""


def read_study(path: str | Path, fixed: Mapping[str, Any] | None = None) -> Study:
    """The sweep in a TOML file; its store lies beside the file unless it says where.

    Args:
        path: of the file.
        fixed: parameters in place of its [fixed] ones, such as ``{"device": "cuda"}``.

    Raises:
        StudyFileError: for a mistake: line, key, what was expected and what came.
        FileNotFoundError: if there is no such file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no study file '{path}'; give the path of a .toml file")
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except UnicodeDecodeError:
        raise StudyFileError(f"{path.name} is no text file; a study is written in TOML") from None
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(f"{path.name} is not TOML: {str(error)[:1].lower()}{str(error)[1:]}") from None
    if fixed:
        tables["fixed"] = {**tables.get("fixed", {}), **fixed}
    return _Reader(path, text, tables).study()


@dataclass(frozen=True)
class _Reader:
    path: Path
    text: str
    tables: Table

    def study(self) -> Study:
        """The study, every part of it checked before anything runs."""
        for name, table in self.tables.items():
            self._known("", name, SECTIONS, "a section")
            if not isinstance(table, list if name == "points" else dict):
                raise self._wrong(
                    "", name, "is a section: [[points]]" if name == "points" else f"is a section: [{name}]"
                )
        own: Table = self.tables.get("sweep", {})
        for key in own:
            self._known("sweep", key, KEYS, "a key of [sweep]")
        options = self._options(own)
        function = own.get("function", ESCAPE)
        if not isinstance(function, str) or ":" not in function:
            raise self._wrong("sweep", "function", f'is a text "module:function"; got {function!r}')
        design = self._design()
        if function == ESCAPE:
            self._check_escape(design)
        name = own.get("name", self.path.stem)
        if not isinstance(name, str) or not name:
            raise self._wrong("sweep", "name", f"is a text; got {name!r}")
        store = self.path.parent / own.get("store", f"{self.path.stem}.sweep")
        make: Callable[[], Sweep] = lambda: Sweep(function, design, own.get("seeds"), name, store)  # noqa: E731
        return Study(self._told("sweep", "function" if "function" in own else "seeds", make), options)

    def _options(self, own: Table) -> Table:
        """How to run, of the right kinds."""
        kinds: dict[str, tuple[Any, str]] = {
            "tolerance": ((int, float), "a relative standard error such as 0.05"),
            "budget": ((int, float), "seconds per point such as 60"),
            "workers": (int, "a whole number of calls at once"),
            "executor": (str, f"one of {', '.join(KINDS)}"),
        }
        found: Table = {key: own[key] for key in kinds if key in own}
        value: Any
        for key, value in found.items():
            kind, words = kinds[key]
            if isinstance(value, bool) or not isinstance(value, kind) or (kind is not str and not value > 0):
                raise self._wrong("sweep", key, f"is {words}; got {value!r}")
        if found.get("executor", "threads") not in KINDS:
            raise self._wrong("sweep", "executor", f"is one of {', '.join(KINDS)}; got {found['executor']!r}")
        if "tolerance" in found and "seeds" not in own:
            raise self._wrong("sweep", "tolerance", "needs seeds, whose streams go on until it is met: add seeds = 1")
        return found

    def _design(self) -> Design:
        kinds = [name for name in ("axes", "points", "design") if name in self.tables]
        if len(kinds) != 1:
            given = f"got {' and '.join(f'[{k}]' for k in kinds)}" if kinds else "got none of them"
            raise StudyFileError(f"{self.path.name}: a study has one of [axes], [[points]] and [design]; {given}")
        fixed = {name: self._scalar("fixed", name, value) for name, value in self._flat("fixed").items()}
        if kinds[0] == "points":
            points = [{**fixed, **_flat(point)} for point in self.tables["points"]]
            return self._told("points", "", lambda: as_design(points))
        if kinds[0] == "design":
            return self._sampled(fixed)
        axes = {name: self._axis(name, value) for name, value in self._flat("axes", LADDER).items()}
        if twice := set(axes) & set(fixed):
            raise self._wrong("axes", min(twice), "is in [fixed] too; keep one of the two")
        for name in axes:
            self._told("axes", name, lambda name=name: as_design({name: axes[name]}))  # type: ignore[misc]
        return self._told("axes", "", lambda: as_design({**fixed, **axes}))

    def _sampled(self, fixed: Table) -> Design:
        own = self.tables["design"]
        for key in own:
            self._known("design", key, DESIGN, "a key of [design]")
        ranges = self._flat("ranges")
        if not ranges:
            raise StudyFileError(f"{self.path.name}: [design] needs [ranges] with name = [low, high]")
        for name, pair in ranges.items():
            if not isinstance(pair, list):
                raise self._wrong("ranges", name, f"is [low, high]; got {pair!r}")
        kind, count = own.get("kind", "sobol"), own.get("count", 64)
        seed, logarithmic = own.get("seed", 0), own.get("logarithmic", [])
        design = self._told("design", "kind", lambda: sampled(kind, ranges, count, seed, logarithmic))
        return Design({}, design.listed, fixed)

    def _axis(self, name: str, value: Any) -> list[Any]:
        """Values of an axis, listed or by from, to, count and spacing."""
        if isinstance(value, list):
            return value
        if not isinstance(value, dict):
            raise self._wrong(
                "axes",
                name,
                f"is a list of values, or {{from, to, count}}; got {value!r} (one value belongs in [fixed])",
            )
        for key in value:
            self._known("axes", key, LADDER, f"a key of the axis '{name}'")
        low: Any = value.get("from")
        high: Any = value.get("to")
        count: Any = value.get("count")
        numbers = all(isinstance(v, int | float) and math.isfinite(v) for v in (low, high))
        if not numbers or not isinstance(count, int) or count < 2 or low == high:
            raise self._wrong("axes", name, "needs two different numbers from and to, and a whole count >= 2")
        spacing = value.get("spacing", "linear")
        if spacing not in ("linear", "log"):
            raise self._wrong("axes", name, f'has spacing "linear" or "log"; got {spacing!r}')
        if spacing == "linear":
            return [low + (high - low) * k / (count - 1) for k in range(count)]
        if not (low > 0 and high > 0):
            raise self._wrong("axes", name, f'needs from > 0 and to > 0 for spacing "log"; got {low} and {high}')
        return [low * (high / low) ** (k / (count - 1)) for k in range(count)]

    def _check_escape(self, design: Design) -> None:
        """Words that an escape has, and routes that exist, before anything runs."""
        from fpsim.sweeps.escape import require_words

        def section(name: str) -> str:
            return (
                "fixed" if name in design.fixed else next(s for s in ("axes", "points", "ranges") if s in self.tables)
            )

        routes = list(design.column("route")) if "route" in design.names else [design.fixed.get("route", "quadrature")]
        self._told(section("route"), "route", lambda: require_words(set(), routes))
        for name in (*design.fixed, *design.names):
            self._told(section(name), name, lambda name=name: require_words({name}, routes))  # type: ignore[misc]
        if "landscape" not in (*design.fixed, *design.names):
            raise StudyFileError(
                f'{self.path.name}: [fixed] needs landscape = "double-well", another name, or a formula'
            )

    def _scalar(self, section: str, name: str, value: Any) -> Any:
        if isinstance(value, dict):
            raise self._wrong(section, name, f"is one value; got {value!r}")
        return tuple(value) if isinstance(value, list) else value

    def _flat(self, section: str, leaves: Iterable[str] = ()) -> Table:
        return _flat(self.tables.get(section, {}), leaves)

    def _told(self, section: str, key: str, make: Callable[[], Any]) -> Any:
        """What ``make`` makes; its complaints get the line of the key."""
        try:
            return make()
        except (TypeError, ValueError) as error:
            raise self._wrong(section, key, f": {error}") from None

    def _known(self, section: str, key: str, known: tuple[str, ...], what: str) -> None:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
            raise self._wrong(section, key, f"is not {what}{hint}")

    def _wrong(self, section: str, key: str, words: str) -> StudyFileError:
        place = f"line {_line(self.text, section, key)}"
        named = f"'{key}' " if key else ""
        return StudyFileError(f"{self.path.name}, {place}: {named}{words}".replace(" : ", ": "))


def _flat(table: Mapping[str, Any], leaves: Iterable[str] = ()) -> Table:
    """Nested tables as dotted names (``landscape.barrier``), except those that describe one axis."""
    found: Table = {}
    for name, value in table.items():
        if isinstance(value, dict) and not set(value) & set(leaves):
            found |= {f"{name}.{key}": v for key, v in _flat(value, leaves).items()}
        else:
            found[name] = value
    return found


def _line(text: str, section: str, key: str) -> int:
    """The line of a key in its section, of the section where the key has none, else 1."""
    last, here, names = 1, "", f"{re.escape(key)}|{re.escape(key.rpartition('.')[2])}"
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([\w.\"-]+)\s*\]+", line)
        if header:
            here = header.group(1).strip('"')
            last = number if here in (section, key) else last
        elif key and here in (section, "") and re.match(rf"\s*[\"']?({names})[\"']?\s*=", line):
            return number
    return last
