"""Which scenes there are, and the way from a name to a film on disk."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from animations.encoding import Picture, check_path, write_film

if TYPE_CHECKING:
    from fpsim.escape import EscapeProblem

SCENES = {
    "kramers": "Particles leave a valley; their density, current and survival against theory.",
    "arrhenius": "The logarithm of the escape time against S/eta, point by point.",
}
SECONDS = {"kramers": 12.0, "arrhenius": 8.0}
HEIGHTS = {"low": 480, "medium": 720, "high": 1080}
RATES = {"gif": {"low": 12.5, "medium": 20.0, "high": 25.0}, "mp4": {"low": 20.0, "medium": 30.0, "high": 30.0}}
"""Pictures per second; those of a gif are a whole number of hundredths of a second."""
RENDERERS = ("matplotlib",)
Report = Callable[..., None]


@dataclass(frozen=True)
class Order:
    """What to film and how.

    Raises:
        ValueError: for an unknown scene, quality, format or renderer.
    """

    scene: str
    quality: str = "low"
    format: str = "gif"
    renderer: str = "matplotlib"

    def __post_init__(self) -> None:
        choices = (("scene", SCENES), ("quality", HEIGHTS), ("format", ("gif", "mp4", "png")), ("renderer", RENDERERS))
        for name, known in choices:
            given = getattr(self, name)
            if given not in known:
                near = difflib.get_close_matches(given, known, n=1)
                hint = f"; did you mean '{near[0]}'?" if near else "."
                raise ValueError(f"there is no {name} '{given}'{hint} Known are: {', '.join(known)}.")

    @property
    def rate(self) -> float:
        """Pictures per second."""
        return RATES.get(self.format, RATES["mp4"])[self.quality]

    def film(self, problem: EscapeProblem | None, seed: int = 0, **options: Any) -> Any:
        """The description of the film: of ``problem``, or of the sharp and the flat valley."""
        from animations.arrhenius import ArrheniusFilm
        from animations.film import KramersFilm

        kind: Any = {"kramers": KramersFilm, "arrhenius": ArrheniusFilm}[self.scene]
        seconds = options.pop("seconds", SECONDS[self.scene])
        options = {"seconds": seconds, "frames": round(seconds * self.rate), "seed": seed, **options}
        return kind.sharp_and_flat(**options) if problem is None else kind.of(problem, **options)

    def pictures(self, data: Any) -> Iterator[Picture]:
        """The pictures of the film; only the last one for a png."""
        from animations.arrhenius_pictures import arrhenius_pictures
        from animations.matplotlib_renderer import kramers_pictures

        draw: Any = {"kramers": kramers_pictures, "arrhenius": arrhenius_pictures}[self.scene]
        return draw(data, HEIGHTS[self.quality], [data.frames - 1] if self.format == "png" else None)

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
