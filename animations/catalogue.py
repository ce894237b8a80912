"""Which films there are, and the way from a name to a film on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

from animations.film.encoding import FORMATS, STILLS, VECTORS, Picture, check_path, write_film, write_still
from animations.film.film import Film
from animations.film.look import Look, known
from animations.film.parts import part_of
from landscapes.extras import MissingExtraError, missing

FILMS = {
    "kramers": "kramers.film:KramersFilm",
    "arrhenius": "arrhenius.film:ArrheniusFilm",
    "surface": "surface.film:SurfaceFilm",
    "gate": "gate.film:GateFilm",
    "noise-shape": "noise_shape.film:NoiseShapeFilm",
    "network": "network.film:NetworkFilm",
}
"""Where each film is described, in this package."""
STAGES = {"manim": "stage.stage", "matplotlib": "film.canvas"}
"""Where each renderer makes pictures of a film's parts."""
SIZES = {"low": (854, 480), "medium": (1280, 720), "high": (1920, 1080)}
RATES = {"gif": {"low": 12.5, "medium": 20.0, "high": 25.0}, "mp4": {"low": 20.0, "medium": 30.0, "high": 30.0}}
"""Pictures per second; those of a gif are a whole number of hundredths of a second."""
FASTEST = {"gif": 50.0, "mp4": 120.0}
MOST_FRAMES = 20_000
Report = Callable[..., None]


def film_of(name: str) -> type[Film]:
    """The class of the film ``name``."""
    known("scene", name, FILMS)
    place, kind = FILMS[name].split(":")
    found: type[Film] = getattr(_ours(place), kind)
    return found


@dataclass(frozen=True)
class Order:
    """What to film and how.

    Args:
        scene: the film's name.
        quality: ``"low"``, ``"medium"`` or ``"high"``: size and pictures per second where nothing else is said.
        format: a film, ``"gif"`` or ``"mp4"``; or a still, ``"png"``, ``"svg"`` or ``"pdf"``.
        renderer: ``"manim"`` or ``"matplotlib"``.
        title, colours, language: as in :class:`animations.film.look.Look`.
        size: (width, height) in pixels, or ``"1920x1080"``.
        rate: pictures per second.
        moment: of a still in seconds of the film; by default its end.

    Raises:
        ValueError: for what is not known, or a renderer that cannot draw the scene.
        ModuleNotFoundError: for the renderer manim without Manim or its system libraries.
    """

    scene: str
    quality: str = "low"
    format: str = "gif"
    renderer: str = "manim"
    title: str = ""
    colours: str | Mapping[str, str] = "light"
    language: str = "en"
    size: tuple[int, int] | str | None = None
    rate: float | None = None
    moment: float | None = None
    look: Look = field(init=False, repr=False)

    def __post_init__(self) -> None:
        kind = film_of(self.scene)
        known("quality", self.quality, SIZES)
        known("format", self.format, FORMATS)
        known(f"renderer of '{self.scene}' named", self.renderer, kind.renderers())
        if self.rate is None:
            object.__setattr__(self, "rate", RATES.get(self.format, RATES["mp4"])[self.quality])
        most = FASTEST.get(self.format, FASTEST["mp4"])
        if not 1 <= self.pace <= most:
            raise ValueError(f"1 to {most:g} pictures a second can be shown as {self.format}; got {self.rate:g}")
        if self.moment is not None and self.format in FASTEST:
            raise ValueError(f"a moment is for stills ({', '.join(STILLS)}); {self.format} shows all of them")
        size = SIZES[self.quality] if self.size is None else self.size
        object.__setattr__(self, "look", Look(self.title, self.colours, self.language, size))
        reason = without_manim() if self.renderer == "manim" else ""
        if reason:
            raise MissingExtraError(reason, name="manim")

    @property
    def pace(self) -> float:
        """Pictures per second."""
        assert self.rate is not None
        return float(self.rate)

    def require_own_problem(self) -> None:
        """Raise ``ValueError`` where the scene has only the problem that it comes with."""
        if not hasattr(film_of(self.scene), "of"):
            raise ValueError(f"the scene '{self.scene}' has its own landscape and noise; leave LANDSCAPE out")

    def film(self, problem: Any = None, seed: int = 0, **options: Any) -> Film:
        """The description of the film: of ``problem``, or the one the scene has by itself.

        Raises:
            ValueError: for a problem where the scene has only its own, or a length that cannot be filmed.
        """
        if problem is not None:
            self.require_own_problem()
        kind: Any = film_of(self.scene)
        seconds = options.pop("seconds", kind.length)
        count = seconds * self.pace
        if not seconds > 0:
            raise ValueError(f"a film lasts a positive number of seconds; got {seconds:g}")
        if not count <= MOST_FRAMES:
            raise ValueError(
                f"a film has at most {MOST_FRAMES} pictures, {MOST_FRAMES / self.pace:.4g} seconds at {self.pace:g} a "
                f"second; got {seconds:g} seconds"
            )
        if self.moment is not None and not 0 <= self.moment <= seconds:
            raise ValueError(f"a still is taken between 0 and {seconds:g} seconds of the film; got {self.moment:g}")
        for name in options:
            if name not in {one.name for one in fields(kind)}:
                raise ValueError(f"the film '{self.scene}' has no {name}; leave it out")
        more = kind.with_manim if self.renderer == "manim" else {}
        options = {"seconds": seconds, "frames": round(count), "seed": seed, **more, **options}
        return kind.standard(**options) if problem is None else kind.of(problem, **options)

    def pictures(self, data: Any) -> Iterator[Picture]:
        """The pictures of the film; of a still only the one that is wanted."""
        only = [self._still(data)] if self.format == "png" else None
        return map(self.look.framed, self._renderer.pictures(self._parts(data), self.look, only))

    def render(self, data: Any, path: str | Path, report: Report | None = None) -> Path:
        """Draw ``data`` and write it to ``path``."""
        if self.format not in VECTORS:
            return write_film(self._counted(data, report), path, self.pace, tuple(self.look.palette.values()))
        make, frame = part_of(self._parts(data), self._still(data))
        return write_still(self._renderer.built(make, self.look), frame, path)

    def _still(self, data: Any) -> int:
        """The picture that is taken."""
        last = int(data.frames) - 1
        return last if self.moment is None else min(last, round(self.moment * self.pace))

    def _parts(self, data: Any) -> Any:
        return film_of(self.scene).parts(data, self.renderer)

    @property
    def _renderer(self) -> Any:
        return _ours(STAGES[self.renderer])

    def _counted(self, data: Any, report: Report | None) -> Iterator[Picture]:
        """The pictures, each of them reported."""
        count = 1 if self.format == "png" else data.frames
        for number, picture in enumerate(self.pictures(data), 1):
            if report is not None:
                report(number / count, "pictures")
            yield picture


def animate(
    order: Order, problem: Any, path: str | Path, seed: int = 0, report: Report | None = None, **options: Any
) -> tuple[Path, Path]:
    """Compute, save the data beside the film (``.nc``), and render; returns both paths."""
    path = Path(path)
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
