"""The options that describe a problem, once for all commands, and what they make: landscape, SDE, ends, walls."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fpsim.cli.words import whole_number


def _whole(text: str) -> int:
    try:
        return whole_number(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


LandscapeText = Annotated[
    str, typer.Argument(metavar="LANDSCAPE", help="A name such as double-well, or the formula of a loss.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Parameter of the landscape, name=value; may be repeated.")
]
Variables = Annotated[str | None, typer.Option(help="Coordinates of a formula in order, e.g. 'x y'.")]
Bounds = Annotated[
    str | None, typer.Option(help="Box of a formula, or of the walls: low:high per coordinate, joined by commas.")
]
Noise = Annotated[str, typer.Option(help="constant, hessian, gradient, or examples (landscapes over a data set).")]
Temperature = Annotated[str | None, typer.Option(help="D of constant noise; one number, or one per coordinate.")]
LearningRate = Annotated[float | None, typer.Option(help="eta, for SGD noise.")]
BatchSize = Annotated[float | None, typer.Option(help="S, for SGD noise.")]
At = Annotated[str | None, typer.Option(help="Where the Hessian is taken: everywhere, minimum or path.")]
Floor = Annotated[float | None, typer.Option(help="Floor added to |H|, in units of curvature.")]
FloorShape = Annotated[str, typer.Option(help="additive or smooth.")]
ClimbFraction = Annotated[float | None, typer.Option(help="s of --at path, between 0 and 1.")]
Injected = Annotated[float, typer.Option(help="Constant temperature added to SGD noise.")]
Covariance = Annotated[
    str | None, typer.Option(help="Formula of one example's gradient covariance (--noise gradient).")
]
ConventionText = Annotated[str, typer.Option(help="ito, stratonovich or anti-ito.")]
Start = Annotated[str | None, typer.Option(help="Start point; coordinates joined by commas.")]
TargetText = Annotated[str | None, typer.Option(help="A number (1-D), ball:CENTER:RADIUS or half-space:NORMAL:OFFSET.")]
Boundary = Annotated[
    str | None, typer.Option(help="Walls on the landscape's box, or on --bounds: reflecting or periodic.")
]
Seed = Annotated[int, typer.Option(parser=_whole, metavar="NUMBER", help="Seed of the random numbers.")]
Threads = Annotated[
    int | None, typer.Option(parser=_whole, metavar="NUMBER", help="Worker threads; all cores by default.")
]
PathCount = Annotated[int, typer.Option(parser=_whole, metavar="NUMBER", help="Number of paths.")]
SaveEvery = Annotated[
    int | None,
    typer.Option(parser=_whole, metavar="NUMBER", help="Keep every k-th step; about 100 times by default."),
]
Cells = Annotated[
    int | None,
    typer.Option(parser=_whole, metavar="NUMBER", help="Cells per axis; chosen from the dimension by default."),
]
Single = Annotated[bool, typer.Option("--float32", help="Single precision: about twice as fast.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Output = Annotated[Path | None, typer.Option(help="Also write the result: .nc, .json or a picture (.png, .svg, .pdf).")]

NOISE_OPTIONS = (
    "temperature",
    "learning_rate",
    "batch_size",
    "at",
    "floor",
    "floor_shape",
    "climb_fraction",
    "injected",
    "covariance",
)


def sde_of(given: dict[str, Any]) -> tuple[Any, Any]:
    """SDE and landscape from the options of a command."""
    from fpsim.cli import words
    from fpsim.sde.sde import SDE

    walled = given.get("boundary") is not None
    place = words.landscape(
        given["landscape"], words.settings(given["set_"] or []), given["variables"], given["bounds"], walled
    )
    model = words.noise(given["noise"], place, *(given[name] for name in NOISE_OPTIONS))
    convention: Any = words.choice(given["convention"], words.CONVENTIONS, "--convention")
    return SDE(place, model, convention), place


def ends_of(place: Any, start: str | None, target: str | None, needs_target: bool = True) -> tuple[Any, Any]:
    """Start and target from the options or the landscape's defaults; a target that is not needed may be ``None``."""
    from fpsim.cli import words

    if start is None and place.default_start is None:
        raise ValueError(_where_to_start(place))
    begin = words.point(start, place.default_start, "start", place.dimension)
    if not needs_target and target is None and place.default_target is None:
        return begin, None
    return begin, words.target(target, place.default_target, place.dimension)


def walls_of(place: Any, boundary: str | None, bounds: str | None) -> Any:
    """The walls that ``--boundary`` asks for: on ``--bounds`` if given, else on the landscape's own box."""
    from fpsim.cli import words
    from fpsim.walls import Walls

    if boundary is None:
        return None
    kind: Any = words.choice(boundary, ("reflecting", "periodic"), "--boundary")
    box = place.bounds if bounds is None else words.box(bounds, place.dimension)
    if box is None:
        raise ValueError(f"--boundary {kind} needs a box for its walls: give --bounds low:high for each coordinate")
    return Walls(kind, box)


def _where_to_start(place: Any) -> str:
    """What to say when a formula comes without a start: its valleys, or that it has nothing to escape from."""
    box = place.bounds or ((-3.0, 3.0),) * place.dimension
    if not hasattr(place, "critical_points"):
        return f"{place} has no default start and target: give --start and --target"
    points = place.critical_points(box)
    if not points.saddles:
        return (
            f"'{place.name}' has no saddle in the box {box}, so there is no valley to escape from; another box can be "
            "given with --bounds, and --start with --target ask for a plain first-passage time"
        )
    valleys = " and ".join(",".join(f"{v:.4g}" for v in p.x) for p in points.minima[:3])
    return (
        f"a formula has no default start and target: give --start and --target; '{place.name}' has minima at {valleys}"
    )
