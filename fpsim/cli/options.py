"""The options of commands, each written once; those that describe a problem make landscape, SDE, ends and walls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from fpsim.cli.completion import landscapes
from fpsim.words import whole_number


def _whole(text: str) -> int:
    try:
        return whole_number(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


LandscapeText = Annotated[
    str,
    typer.Argument(
        metavar="LANDSCAPE",
        help="A name such as double-well, the formula of a loss, or FILE.py:NAME.",
        autocompletion=landscapes,
    ),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Parameter of the landscape, name=value; may be repeated.")
]
Variables = Annotated[str | None, typer.Option(help="Coordinates of a formula in order, e.g. 'x y'.")]
Bounds = Annotated[
    str | None, typer.Option(help="Box of a formula, or of the walls: low:high per coordinate, joined by commas.")
]
Noise = Annotated[
    str, typer.Option(help="constant, hessian, loss-scaled, heavy-tails, gradient, or examples (landscapes over data).")
]
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
Curvature = Annotated[float | None, typer.Option(help="h of --noise loss-scaled, D = eta h/S L; or give --floor.")]
Alpha = Annotated[float | None, typer.Option(help="Tail index of --noise heavy-tails, 0 to 2.")]
Scale = Annotated[float | None, typer.Option(help="Scale of --noise heavy-tails.")]
ConventionText = Annotated[str, typer.Option(help="ito, stratonovich or anti-ito.")]
Start = Annotated[str | None, typer.Option(help="Start point; coordinates joined by commas.")]
TargetText = Annotated[
    str | None,
    typer.Option(help="A number (1-D), ball:CENTER:RADIUS, half-space:NORMAL:OFFSET or outside:CENTER:RADIUS."),
]
Boundary = Annotated[
    str | None, typer.Option(help="Walls on the landscape's box, or on --bounds: reflecting or periodic.")
]
Seed = Annotated[int, typer.Option(parser=_whole, metavar="NUMBER", help="Seed of the random numbers.")]
Threads = Annotated[
    int | None, typer.Option(parser=_whole, metavar="NUMBER", help="Worker threads; all cores by default.")
]
PathCount = Annotated[int, typer.Option(parser=_whole, metavar="NUMBER", help="Number of paths.")]
SaveEvery = Annotated[
    int | None, typer.Option(parser=_whole, metavar="NUMBER", help="Keep every k-th step; about 100 times by default.")
]
Cells = Annotated[
    int | None,
    typer.Option(parser=_whole, metavar="NUMBER", help="Cells per axis; chosen from the dimension by default."),
]
Single = Annotated[bool, typer.Option("--float32", help="Single precision: about twice as fast.")]
DeviceText = Annotated[
    str,
    typer.Option("--device", help="cpu, cuda (an NVIDIA GPU) or auto: a GPU where one is and the work is worth it."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Output = Annotated[Path | None, typer.Option(help="Also write the result: .nc, .json or a picture (.png, .svg, .pdf).")]


@dataclass(frozen=True)
class ProblemOptions:
    """What describes a problem, but for its landscape and walls; all commands that take one have these options."""

    noise: Noise = "constant"
    temperature: Temperature = None
    learning_rate: LearningRate = None
    batch_size: BatchSize = None
    at: At = None
    floor: Floor = None
    floor_shape: FloorShape = "additive"
    climb_fraction: ClimbFraction = None
    injected: Injected = 0.0
    covariance: Covariance = None
    curvature: Curvature = None
    alpha: Alpha = None
    scale: Scale = None
    convention: ConventionText = "ito"
    start: Start = None
    target: TargetText = None
    set_: Set = None
    variables: Variables = None
    bounds: Bounds = None

    def sde(self, landscape: str, walled: bool = False) -> Any:
        """Landscape and noise; ``walled``: the bounds may be those of walls."""
        from fpsim import words
        from fpsim.cli import own
        from fpsim.sde.sde import SDE

        place = own.landscape(landscape, words.settings(self.set_ or []), self.variables, self.bounds, walled)
        convention: Any = words.choice(self.convention, words.CONVENTIONS, "--convention")
        return SDE(place, words.noise(self, place), convention)

    def ends(self, place: Any, needs_target: bool = True) -> tuple[Any, Any]:
        """Start and target, or the landscape's defaults; a target that is not needed may be ``None``."""
        from fpsim import words

        if self.start is None and place.default_start is None:
            raise ValueError(_where_to_start(place))
        begin = words.point(self.start, place.default_start, "start", place.dimension)
        if not needs_target and self.target is None and place.default_target is None:
            return begin, None
        return begin, words.target(self.target, place.default_target, place.dimension)

    def box(self, place: Any, kind: str) -> Any:
        """The box of walls: ``--bounds`` if given, else the landscape's own."""
        from fpsim import words

        box = place.bounds if self.bounds is None else words.box(self.bounds, place.dimension)
        if box is None:
            raise ValueError(f"--boundary {kind} needs a box for its walls: give --bounds low:high for each coordinate")
        return box

    def walls(self, place: Any, boundary: str | None) -> Any:
        """The walls that ``--boundary`` asks for."""
        from fpsim import words
        from fpsim.walls import Walls

        if boundary is None:
            return None
        kind: Any = words.choice(boundary, ("reflecting", "periodic"), "--boundary")
        return Walls(kind, self.box(place, kind))


def takes_problem(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter ``given`` is a :class:`ProblemOptions`, as one that has all its options."""
    own, known = signature(command, eval_str=True), get_type_hints(ProblemOptions, include_extras=True)
    parts = [
        Parameter(f.name, Parameter.POSITIONAL_OR_KEYWORD, default=f.default, annotation=known[f.name])
        for f in fields(ProblemOptions)
    ]

    @wraps(command)
    def run(**options: Any) -> None:
        given = ProblemOptions(**{part.name: options.pop(part.name) for part in parts})
        command(given=given, **options)

    shown = [one for name, parameter in own.parameters.items() for one in (parts if name == "given" else [parameter])]
    run.__signature__ = own.replace(parameters=shown)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in shown}
    return run


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
