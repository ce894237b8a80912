"""A study: what is measured, what is claimed about it, and how it is told and drawn.

    size, seed  ->  measure(run)  ->  findings  ->  told(findings)  ->  report

Only `measure` computes. What is told is a function of the findings, so that what was stored is judged and drawn anew
without measuring, and a change of words or colours makes no piece anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fpsim.storage import attribute, facts_of, plain, read
from landscapes.progress import Progress, shows_progress
from validation.study.findings import Findings, Rows
from validation.study.pieces import Pieces
from validation.study.report import Report, Table, Verdict
from validation.study.run import Run, S, silent

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

F = TypeVar("F", bound=Findings)


@dataclass(frozen=True)
class Told:
    """What is told about findings.

    Attributes:
        summary: what was asked and how, in a few plain sentences.
        verdicts: claims, each with what theory expects and a tolerance that was fixed before the run.
        tables: rows by title; a table without rows is left out.
        pictures: per name a function that draws a figure.
    """

    summary: str
    verdicts: Sequence[Verdict]
    tables: Mapping[str, Rows]
    pictures: Mapping[str, Callable[[], Figure]]


@dataclass(frozen=True)
class Study(Generic[S, F]):
    """A study, called with (quick, seed, threads, progress, pieces) or run at any size.

    Attributes:
        name, title: on the command line; one line.
        size: of (quick, seed), a frozen dataclass.
        found: the class of what is measured.
        measure: measures it, the long parts as pieces of the run.
        told: what the findings say.
        constants: what else is needed to repeat it.
        panels: further studies, whose reports are parts of this one; what they find is tables.
        share: of the whole time, where it is or has a panel.
    """

    name: str
    title: str
    size: Callable[[bool, int], S]
    found: type[F]
    measure: Callable[[Run[S]], F]
    told: Callable[[F], Told]
    constants: Mapping[str, Any] = field(default_factory=dict)
    panels: tuple[Study[Any, Any], ...] = ()
    share: float = 1.0

    @shows_progress("study")
    def __call__(
        self,
        quick: bool = False,
        seed: int = 0,
        threads: int | None = None,
        progress: Progress = None,
        pieces: Pieces | None = None,
    ) -> Report:
        """Run it at one of its two sizes; arguments as of `run`.

        Raises:
            ImportError: without a package that it needs.
        """
        tell, begin, reports = progress or silent, 0.0, []
        for one in (self, *self.panels):
            run = Run(one.size(quick, seed), seed, threads, tell, pieces or Pieces())
            reports.append(one._measured(run.within(begin, begin + one.share), {"quick": quick}))
            begin += one.share
        return joined(reports)

    @shows_progress("running")
    def run(
        self,
        size: S,
        seed: int = 0,
        threads: int | None = None,
        progress: Progress = None,
        pieces: Pieces | None = None,
    ) -> Report:
        """Run it at any size, without its panels.

        Args:
            size: how much is computed.
            seed: of all random numbers; the same one gives the same numbers.
            threads: of random paths, which do not depend on it; torch takes one thread unless the study says otherwise.
            progress: ``True`` for a bar, or called with a share and a name.
            pieces: where finished parts are kept; an interrupted study goes on from there.
        """
        return self._measured(Run(size, seed, threads, progress or silent, pieces or Pieces()), {})

    def _measured(self, run: Run[S], facts: Mapping[str, Any]) -> Report:
        settings = {**facts, **self.constants, **asdict(run.size)}  # type: ignore[call-overload]
        found = self.measure(replace(run, pieces=replace(run.pieces, measure=self.measure)))
        return self.report(found, settings, run.seed)

    def of_data(self, data: xarray.Dataset) -> Report:
        """The report on findings that were stored, judged and drawn anew."""
        facts = facts_of(data)
        settings = facts.get("settings", {k: v for k, v in facts.items() if k not in ("experiment", "seed")})
        seed, dims = int(facts.get("seed", 0)), set(data.dims)
        panels = {one.name: one for one in self.panels if dims & set(one.found.dimensions())}
        own = {key: value for key, value in settings.items() if key not in panels}
        theirs = dims & {row for one in panels.values() for row in one.found.dimensions()}
        first = self.report(self.found.from_xarray(data.drop_dims(theirs)), own, seed)
        others = [one.report(one.found.from_xarray(data), settings.get(key), seed) for key, one in panels.items()]
        return joined([first, *others])

    def load(self, folder: str | Path) -> Report:
        """The report that was saved in a folder, judged and drawn anew from its data.

        Raises:
            FileNotFoundError: if the folder holds no data.
        """
        return self.of_data(read(Path(folder) / "data.nc"))

    def report(self, found: F, settings: Mapping[str, Any] | None = None, seed: int = 0) -> Report:
        """The report on what was measured."""
        facts, told = plain(settings or {}), self.told(found)
        tables = tuple(Table.of(title, rows) for title, rows in told.tables.items() if rows)
        data = found.to_xarray(experiment=self.name, seed=seed, settings=facts)
        words = (self.name, self.title, told.summary, tuple(told.verdicts))
        return Report(*words, tables, told.pictures, data, facts, seed)


def joined(reports: Sequence[Report]) -> Report:
    """The first report with the others as parts of it."""
    first, *others = reports
    settings = {**first.settings, **{r.name: r.settings for r in others}}
    variables = {name: value for r in others for name, value in r.data.variables.items()}
    return replace(
        first,
        summary="\n\n".join(r.summary for r in reports),
        verdicts=tuple(v for r in reports for v in r.verdicts),
        tables=tuple(t for r in reports for t in r.tables),
        pictures={name: draw for r in reports for name, draw in r.pictures.items()},
        data=first.data.assign(variables).assign_attrs(settings=attribute(settings)),
        settings=settings,
    )
