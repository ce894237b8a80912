"""Which scenes there are, and the way from a name to a film on disk."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animations.film.encoding import Picture, check_path, write_film
from landscapes.extras import MissingExtraError, missing

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem


@dataclass(frozen=True)
class Scene:
    """One scene: what it shows, where its parts live, and how long it is.

    Attributes:
        sentence: what is seen.
        seconds: length of the film.
        film: "module:class" of the description, whose ``compute`` gives the data.
        standard: name of the class method that describes the film without a landscape; with one it is ``of``.
        manim: module with ``parts(data)``.
        matplotlib: "module:function" of the pictures, for scenes that can do without Manim.
        with_manim: further arguments of the description where Manim draws.
    """

    sentence: str
    seconds: float
    film: str
    standard: str
    manim: str
    matplotlib: str = ""
    with_manim: dict[str, Any] = field(default_factory=dict)

    @property
    def renderers(self) -> tuple[str, ...]:
        """The renderers that can draw it, the preferred one first."""
        return ("manim", "matplotlib") if self.matplotlib else ("manim",)


SCENES = {
    "kramers": Scene(
        "particles leave a sharp and a flat valley; their density, current and survival against theory",
        12.0, "animations.kramers.film:KramersFilm", "sharp_and_flat", "animations.kramers.manim",
        "animations.kramers.matplotlib:kramers_pictures", {"before": 0.25, "after": 0.08},
    ),
    "arrhenius": Scene(
        "the logarithm of the escape time against S/eta, point by point",
        8.0, "animations.arrhenius.film:ArrheniusFilm", "sharp_and_flat", "animations.arrhenius.manim",
        "animations.arrhenius.matplotlib:arrhenius_pictures",
    ),
    "surface": Scene(
        "noisy paths cross the saddle of a loss surface, and the most probable path",
        10.0, "animations.surface.film:SurfaceFilm", "standard", "animations.surface.manim",
    ),
    "gate": Scene(
        "particles pile up where |H| vanishes, and a finite step jumps it",
        10.0, "animations.gate.film:GateFilm", "standard", "animations.gate.manim",
    ),
    "noise-shape": Scene(
        "gradient noise across batches and across parameters as S grows",
        8.0, "animations.noise_shape.film:NoiseShapeFilm", "standard", "animations.noise_shape.manim",
    ),
}  # fmt: skip
HEIGHTS = {"low": 480, "medium": 720, "high": 1080}
RATES = {"gif": {"low": 12.5, "medium": 20.0, "high": 25.0}, "mp4": {"low": 20.0, "medium": 30.0, "high": 30.0}}
"""Pictures per second; those of a gif are a whole number of hundredths of a second."""
Report = Callable[..., None]


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
        _known("scene", self.scene, SCENES)
        _known("quality", self.quality, HEIGHTS)
        _known("format", self.format, ("gif", "mp4", "png"))
        _known(f"renderer for '{self.scene}'", self.renderer, SCENES[self.scene].renderers)
        reason = without_manim() if self.renderer == "manim" else ""
        if reason:
            raise MissingExtraError(reason, name="manim")

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return RATES.get(self.format, RATES["mp4"])[self.quality]

    def require_own_problem(self) -> None:
        """Raise ``ValueError`` where the scene has only the problem that it comes with."""
        if not hasattr(_named(SCENES[self.scene].film), "of"):
            raise ValueError(f"the scene '{self.scene}' has its own landscape and noise; leave LANDSCAPE out")

    def film(self, problem: EscapeProblem | None, seed: int = 0, **options: Any) -> Any:
        """The description of the film: of ``problem``, or the one the scene has by itself.

        Raises:
            ValueError: for a problem where the scene has only its own.
        """
        scene = SCENES[self.scene]
        kind = _named(scene.film)
        if problem is not None:
            self.require_own_problem()
        seconds = options.pop("seconds", scene.seconds)
        more = scene.with_manim if self.renderer == "manim" else {}
        options = {"seconds": seconds, "frames": round(seconds * self.rate), "seed": seed, **more, **options}
        return getattr(kind, scene.standard)(**options) if problem is None else kind.of(problem, **options)

    def pictures(self, data: Any) -> Iterator[Picture]:
        """The pictures of the film; only the last one for a png."""
        scene, height = SCENES[self.scene], HEIGHTS[self.quality]
        only = [data.frames - 1] if self.format == "png" else None
        if self.renderer == "matplotlib":
            drawn: Iterator[Picture] = _named(scene.matplotlib)(data, height, only)
            return drawn
        from animations.stage.stage import pictures

        return pictures(_ours(scene.manim).parts(data), height, only)

    def render(self, data: Any, path: str | Path, report: Report | None = None) -> Path:
        """Draw ``data`` and write it to ``path``."""
        count = 1 if self.format == "png" else data.frames

        def counted() -> Iterator[Picture]:
            for number, picture in enumerate(self.pictures(data), 1):
                if report is not None:
                    report(number / count, "pictures")
                yield picture

        return write_film(counted(), path, self.rate)


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
    _known("scene", scene, SCENES)
    reason = without_manim()
    if not reason or "matplotlib" not in SCENES[scene].renderers:
        return "manim", ""
    return "matplotlib", f"'{scene}' is drawn with matplotlib: {reason}"


def _named(place: str) -> Any:
    """What "module:name" names."""
    module, name = place.split(":")
    return getattr(_ours(module), name)


def _ours(module: str) -> Any:
    """A module of this package, under whatever name the package was imported."""
    return import_module(module.removeprefix("animations"), __package__)


def _known(what: str, given: str, known: Any) -> None:
    if given not in known:
        near = difflib.get_close_matches(given, known, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else "."
        raise ValueError(f"there is no {what} '{given}'{hint} Known are: {', '.join(known)}.")
