"""What an experiment hands over: claims with verdicts, tables, figures, data, and how to repeat it.

A claim may be a check of the numbers (it must hold) or a statement from the literature that theory expects to fail
under some noise (it must not).  Either way the verdict is *as expected* if ``holds == expected``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fpsim.storage import as_json
from landscapes.notebook import page, picture

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Verdict:
    """One claim and what came out.

    Attributes:
        key: a short name that stays when the sentence is worded anew; no two verdicts of a report share one.
        claim: a sentence that is true or false.
        holds: whether the numbers bear it out.
        measured: the numbers, with errors and the tolerance that was fixed beforehand.
        expected: what theory expects; False for a claim that must fail.
    """

    key: str
    claim: str
    holds: bool
    measured: str
    expected: bool = True

    @property
    def as_expected(self) -> bool:
        """Whether it came out as theory says."""
        return self.holds == self.expected

    @property
    def word(self) -> str:
        """``holds``, ``fails, as theory says``, ``FAILS`` or ``HOLDS, against theory``."""
        if self.as_expected:
            return "holds" if self.holds else "fails, as theory says"
        return "HOLDS, against theory" if self.holds else "FAILS"

    def __str__(self) -> str:
        return f"[{self.word}] {self.claim}\n      {self.measured}"


@dataclass(frozen=True)
class Table:
    """Rows of numbers and words under named columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    @classmethod
    def of(cls, title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
        """A table of dictionaries with the same keys.

        Raises:
            ValueError: without rows.
        """
        if not rows:
            raise ValueError(f"the table '{title}' has no rows")
        columns = tuple(rows[0])
        return cls(title, columns, tuple(tuple(row[c] for c in columns) for row in rows))

    def to_markdown(self) -> str:
        """The table with its title."""
        lines = [f"**{self.title}**", "", _line(self.columns), _line(["---"] * len(self.columns))]
        return "\n".join([*lines, *(_line([shown(v) for v in row]) for row in self.rows)])


@dataclass(frozen=True)
class Report:
    """An experiment's outcome.

    Attributes:
        name: its name on the command line.
        title: one line.
        summary: what was asked and how, in a few plain sentences.
        verdicts: claims with what came out.
        tables: the numbers behind them.
        pictures: per name, a function that draws a figure.
        data: every measured point.
        settings: sizes and parameters needed to repeat it.
        seed: of all random numbers.
    """

    name: str
    title: str
    summary: str
    verdicts: tuple[Verdict, ...]
    tables: tuple[Table, ...]
    pictures: Mapping[str, Callable[[], Figure]] = field(repr=False)
    data: xarray.Dataset = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        keys = [v.key for v in self.verdicts]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise ValueError(f"each verdict has its own key; the study '{self.name}' uses twice: {', '.join(twice)}")

    @property
    def as_expected(self) -> bool:
        """Whether every verdict is what theory expects."""
        return all(v.as_expected for v in self.verdicts)

    def __getitem__(self, key: str) -> Verdict:
        """The verdict with that key.

        Raises:
            KeyError: if there is none; the message lists the known ones.
        """
        for verdict in self.verdicts:
            if verdict.key == key:
                return verdict
        raise KeyError(f"no verdict '{key}'; there are {', '.join(v.key for v in self.verdicts)}")

    def _repr_html_(self) -> str:
        """The verdicts and the first picture, for notebooks."""
        first, *others = (line for line in str(self).splitlines() if line)
        return page(first, others, picture(next(iter(self.pictures.values()), None)))

    def __str__(self) -> str:
        count = sum(v.as_expected for v in self.verdicts)
        end = f"{count} of {len(self.verdicts)} verdicts are what theory expects"
        return "\n".join([self.title, "", *(f"  {i}. {v}" for i, v in enumerate(self.verdicts, 1)), "", end])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pictures and the data, as plain numbers and strings."""
        from fpsim import __version__

        return {
            "name": self.name,
            "title": self.title,
            "summary": self.summary,
            "as_expected": self.as_expected,
            "verdicts": [{**vars(v), "as_expected": v.as_expected} for v in self.verdicts],
            "tables": [
                {"title": t.title, "rows": [dict(zip(t.columns, row, strict=True)) for row in t.rows]}
                for t in self.tables
            ],
            "settings": dict(self.settings),
            "seed": self.seed,
            "fpsim_version": __version__,
        }

    def to_json(self) -> str:
        """:meth:`to_dict` as JSON text; what is not finite becomes null."""
        return as_json(self.to_dict())

    def to_markdown(self) -> str:
        """The report as text; figures are linked by name."""
        parts = [f"# {self.title}", self.summary, "## Verdicts"]
        parts.append(
            "\n".join(f"{i}. {v.claim}\n   **{v.word}**: {v.measured}" for i, v in enumerate(self.verdicts, 1))
        )
        parts += ["## Figures", *(f"![{name}]({name}.png)" for name in self.pictures)]
        parts += ["## Tables", *(table.to_markdown() for table in self.tables)]
        facts = [f"- {key}: {shown(value)}" for key, value in {**self.settings, "seed": self.seed}.items()]
        return "\n\n".join([*parts, "## How to repeat it", "\n".join(facts)]) + "\n"

    def save(self, folder: str | Path) -> list[Path]:
        """Write report.md, report.json, data.nc and one PNG per figure into ``folder`` (made if missing).

        Raises:
            OSError: if the folder cannot be made or written to.
        """
        from fpsim.storage import write

        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        written = [place / "report.md", place / "report.json"]
        written[0].write_text(self.to_markdown())
        written[1].write_text(self.to_json() + "\n")
        written.append(write(self.data, place / "data.nc"))
        for name, draw in self.pictures.items():
            written.append(place / f"{name}.png")
            draw().savefig(written[-1])
        return written

    @classmethod
    def load(cls, folder: str | Path) -> Report:
        """Read what :meth:`save` wrote; pictures are the ones that were drawn, numbers that were not finite are None.

        Raises:
            ValueError: if the folder holds no report.
        """
        from fpsim.storage import read

        place = Path(folder)
        try:
            facts = json.loads((place / "report.json").read_text())
            verdicts = tuple(Verdict(*(v[f.name] for f in fields(Verdict))) for v in facts["verdicts"])
            tables = tuple(Table.of(t["title"], t["rows"]) for t in facts["tables"])
            words = {name: facts[name] for name in ("name", "title", "summary", "settings", "seed")}
        except (OSError, KeyError, TypeError, ValueError):
            raise ValueError(f"'{place}' holds no report.json as a report's save() writes it") from None
        pictures = {file.stem: partial(_drawn, file) for file in sorted(place.glob("*.png"))}
        return cls(verdicts=verdicts, tables=tables, pictures=pictures, data=read(place / "data.nc"), **words)


def _drawn(file: Path) -> Figure:
    """A picture on disk as a figure."""
    from matplotlib.image import imread

    from fpsim.plotting.style import DPI, new_figure

    pixels = imread(file)
    figure = new_figure(pixels.shape[1] / DPI, pixels.shape[0] / DPI)
    figure.set_layout_engine("none")
    figure.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[]).imshow(pixels, aspect="auto")
    return figure


def shown(value: Any) -> str:
    """A value as a table shows it: six digits, ``-`` for nothing."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {shown(item)}" for key, item in value.items())
    return str(value).replace("|", "\\|")


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(c.replace("\n", " ") for c in cells) + " |"
