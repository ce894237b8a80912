"""Which films there are, and the way from a name to a film on disk."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animations.film.encoding import Picture, check_path, write_film
from animations.film.film import Film
from landscapes.extras import MissingExtraError, missing

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

FILMS = {
    "kramers": "kramers.film:KramersFilm",
    "arrhenius": "arrhenius.film:ArrheniusFilm",
    "surface": "surface.film:SurfaceFilm",
    "gate": "gate.film:GateFilm",
    "noise-shape": "noise_shape.film:NoiseShapeFilm",
}
"""Where each film is described, in this package."""
STAGES = {"manim": "stage.stage", "matplotlib": "film.canvas"}
"""Where each renderer makes pictures of a film's parts."""
HEIGHTS = {"low": 480, "medium": 720, "high": 1080}
RATES = {"gif": {"low": 12.5, "medium": 20.0, "high": 25.0}, "mp4": {"low": 20.0, "medium": 30.0, "high": 30.0}}
"""Pictures per second; those of a gif are a whole number of hundredths of a second."""
Report = Callable[..., None]


def film_of(name: str) -> type[Film]:
    """The class of the film ``name``."""
    _known("scene", name, FILMS)
    place, kind = FILMS[name].split(":")
    found: type[Film] = getattr(_ours(place), kind)
    return found


@dataclass(frozen=True)
class Order:
    """What to film and how.

    Raises:
        ValueError: for an unknown scene, quality or format, or a renderer that cannot draw the scene.
        ModuleNotFoundError: for the renderer manim without Manim or its system libraries.
    """

    scene: str
    quality: str = "low"
    format: str = "gif"
    renderer: str = "manim"

    def __post_init__(self) -> None:
        kind = film_of(self.scene)
        _known("quality", self.quality, HEIGHTS)
        _known("format", self.format, ("gif", "mp4", "png"))
        _known(f"renderer for '{self.scene}'", self.renderer, kind.renderers())
        reason = without_manim() if self.renderer == "manim" else ""
        if reason:
            raise MissingExtraError(reason, name="manim")

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return RATES.get(self.format, RATES["mp4"])[self.quality]

    def require_own_problem(self) -> None:
        """Raise ``ValueError`` where the scene has only the problem that it comes with."""
        if not hasattr(film_of(self.scene), "of"):
            raise ValueError(f"the scene '{self.scene}' has its own landscape and noise; leave LANDSCAPE out")

    def film(self, problem: EscapeProblem | None, seed: int = 0, **options: Any) -> Film:
        """The description of the film: of ``problem``, or the one the scene has by itself.

        Raises:
            ValueError: for a problem where the scene has only its own.
        """
        if problem is not None:
            self.require_own_problem()
        kind: Any = film_of(self.scene)
        seconds = options.pop("seconds", kind.length)
        more = kind.with_manim if self.renderer == "manim" else {}
        options = {"seconds": seconds, "frames": round(seconds * self.rate), "seed": seed, **more, **options}
        return kind.standard(**options) if problem is None else kind.of(problem, **options)

    def pictures(self, data: Any) -> Iterator[Picture]:
        """The pictures of the film; only the last one for a png."""
        parts = film_of(self.scene).parts(data, self.renderer)
        only = [data.frames - 1] if self.format == "png" else None
        drawn: Iterator[Picture] = _ours(STAGES[self.renderer]).pictures(parts, HEIGHTS[self.quality], only)
        return drawn

    def render(self, data: Any, path: str | Path, report: Report | None = None) -> Path:
        """Draw ``data`` and write it to ``path``."""
        return write_film(self._counted(data, report), path, self.rate)

    def _counted(self, data: Any, report: Report | None) -> Iterator[Picture]:
        """The pictures, each of them reported."""
        count = 1 if self.format == "png" else data.frames
        for number, picture in enumerate(self.pictures(data), 1):
            if report is not None:
                report(number / count, "pictures")
            yield picture


def animate(
    order: Order, problem: EscapeProblem | None, path: Path, seed: int = 0, report: Report | None = None, **options: Any
) -> tuple[Path, Path]:
    """Compute, save the data beside the film (``.nc``), and render; returns both paths."""
    if path.suffix != f".{order.format}":
        raise ValueError(f"the format is {order.format}, but '{path.name}' ends in '{path.suffix}'; make them agree")
    check_path(path)
    film = order.film(problem, seed, **options)
    data = film.compute(None if report is None else lambda share: report(share, "data"))
    stored = data.save(path.with_suffix(".nc"))
    return order.render(data, path, report), stored


def without_manim() -> str:
    """Why Manim cannot draw here and what to do about it, in one sentence; empty where it can."""
    try:
        for name in ("manim", "typst"):  # Typst sets its formulas
            import_module(name)
    except (ImportError, OSError) as error:  # a missing system library shows as either
        libraries = "the renderer manim (with the system libraries of the apt packages libcairo2-dev, libpango1.0-dev)"
        absent = isinstance(error, ModuleNotFoundError) and error.name in ("manim", "typst")
        return f"{missing('manim', libraries)}{'' if absent else f' ({_line(error)})'}"
    return ""


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def choose_renderer(scene: str) -> tuple[str, str]:
    """The best renderer for ``scene`` here, and a sentence where it is not the preferred one."""
    first, *others = film_of(scene).renderers()
    reason = without_manim() if first == "manim" else ""
    if not reason or not others:
        return first, ""
    return others[0], f"'{scene}' is drawn with {others[0]}: {reason}"


def _ours(module: str) -> Any:
    """A module of this package, under whatever name the package was imported."""
    return import_module(f".{module}", __package__)


def _known(what: str, given: str, known: Any) -> None:
    if given not in known:
        near = difflib.get_close_matches(given, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"there is no {what} '{given}'{hint} Known are: {', '.join(known)}.")
