"""The command line: ``fpsim escape | simulate | density | landscape | validate | animate | demo``.

A table for people, ``--json`` for machines, a progress bar for long work.  Wrong input ends with one sentence and exit
code 2.  Everything heavy is imported inside the commands, so that ``fpsim --help`` is quick.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from fpsim import __version__

app = typer.Typer(
    help="Simulate how SGD moves through loss landscapes: random paths, densities, escape times.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip

PICTURES = (".png", ".svg", ".pdf")
LENIENT = {"ignore_unknown_options": True}  # a formula may begin with a minus
LandscapeText = Annotated[
    str, typer.Argument(metavar="LANDSCAPE", help="A name such as double-well, or the formula of a loss.")
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Parameter of the landscape, name=value; may be repeated.")
]
Variables = Annotated[str | None, typer.Option(help="Coordinates of a formula in order, e.g. 'x y'.")]
Bounds = Annotated[str | None, typer.Option(help="Box of a formula: low:high per coordinate, joined by commas.")]
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
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.")]
Threads = Annotated[int | None, typer.Option(help="Worker threads; all cores by default.")]
Single = Annotated[bool, typer.Option("--float32", help="Single precision: about twice as fast.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
Output = Annotated[Path | None, typer.Option(help="Also write the result: .nc, .json or a picture (.png, .svg, .pdf).")]


@app.command(context_settings=LENIENT)
def escape(
    landscape: LandscapeText, noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    paths: Annotated[int, typer.Option(help="Number of paths.")] = 20_000,
    step: Annotated[float | None, typer.Option(help="Time step of the paths; by default from the curvature.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for all routes together.")] = 60.0,
    seed: Seed = 0, threads: Threads = None, float32: Single = False, as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Mean escape time by every applicable route, side by side."""
    import numpy as np

    from fpsim.escape import EscapeProblem

    _check_file(output, ".nc", ".json")
    sde, place = _sde(locals())
    begin, end = _ends(place, start, target)
    problem = EscapeProblem(sde, begin, end)
    with _progress(as_json) as bar:
        found = problem.compare(
            budget,
            paths,
            step,
            seed,
            threads,
            np.float32 if float32 else np.float64,
            lambda name, share: bar(share, name),
        )
    print(found.to_json() if as_json else found)
    _write(found, output)
    if not found.routes:
        raise ValueError(f"no route gave a time: {found.skipped[0].reason if found.skipped else 'none applies'}")


@app.command(context_settings=LENIENT)
def simulate(
    landscape: LandscapeText, noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    duration: Annotated[float, typer.Option(help="Total time (learning rate * iterations).")] = 50.0,
    step: Annotated[float, typer.Option(help="Time step.")] = 0.01,
    paths: Annotated[int, typer.Option(help="Number of paths.")] = 1000,
    save_every: Annotated[int | None, typer.Option(help="Keep every k-th step; about 100 times by default.")] = None,
    keep: Annotated[str, typer.Option(help="paths, final or moments.")] = "paths",
    boundary: Annotated[str | None, typer.Option(help="Walls on the landscape's box: reflecting or periodic.")] = None,
    seed: Seed = 0, threads: Threads = None, float32: Single = False, as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Simulate random paths; write them with --output paths.nc or draw them with --output paths.png."""
    import numpy as np

    from fpsim.simulation import simulate as run

    _check_file(output, ".nc")
    sde, place = _sde(locals())
    begin = _ends(place, start, target, needs_target=False)[0]
    if hasattr(sde.noise, "minimum"):
        sde = sde.with_noise(sde.noise.resolved(sde.landscape, np.array(begin), _ends(place, start, target)[1]))
    with _progress(as_json) as bar:
        found = run(
            sde, begin, duration, step, paths, save_every, seed, threads, boundary, keep,  # type: ignore[arg-type]
            np.float32 if float32 else np.float64, lambda share: bar(share, "paths"),
        )  # fmt: skip
    if as_json:
        summary: dict[str, Any] = {"time": found.time[-1], "paths": paths, **found.settings}
        last = found.mean[-1] if keep == "moments" else found.x[-1].astype(float).mean(axis=0)  # type: ignore[union-attr]
        spread = found.variance[-1] if keep == "moments" else found.x[-1].astype(float).var(axis=0)  # type: ignore[union-attr]
        print(json.dumps({**summary, "mean": last.tolist(), "variance": spread.tolist()}, indent=2))
    else:
        print(found)
    _write(found, output)


@app.command(context_settings=LENIENT)
def density(
    landscape: LandscapeText, noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    times: Annotated[str, typer.Option(help="Times, increasing, joined by commas.")] = "0.5,1,2,5,10,20,50",
    cells: Annotated[int | None, typer.Option(help="Cells per axis; chosen from the dimension by default.")] = None,
    boundary: Annotated[str, typer.Option(help="reflecting, absorbing or periodic.")] = "reflecting",
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Probability density on a grid: its evolution, its stationary law, and the time of first passage to the target."""
    import numpy as np

    from fpsim import flags
    from fpsim.density.report import density_report

    _check_file(output, ".nc", ".json")
    sde, place = _sde(locals())
    begin, end = _ends(place, start, target)
    sde = sde.with_noise(sde.noise.resolved(place, np.array(begin), end))
    with _progress(as_json) as bar:
        bar(0.0, "density")
        found = density_report(sde, begin, flags.numbers(times, "--times"), end, cells, boundary)
    print(found.to_json() if as_json else found)
    _write(found, output)


@app.command("landscape", context_settings=LENIENT)
def landscape_command(
    landscape: LandscapeText, set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Critical points of a landscape (minima, saddles, maxima), and its picture with --output."""
    _check_file(output)
    from fpsim import flags

    place = flags.landscape(landscape, flags.settings(set_ or []), variables, bounds)
    if not hasattr(place, "critical_points"):
        raise ValueError(f"{place} is a drift field: it has no loss and so no critical points of one")
    points = place.critical_points()
    if as_json:
        rows = [
            {"kind": p.kind, "x": p.x.tolist(), "loss": p.loss, "eigenvalues": p.eigenvalues.tolist()} for p in points
        ]
        print(json.dumps({"landscape": str(place), "complete": points.complete, "critical_points": rows}, indent=2))
    else:
        print(f"{place}\n{points}")
    if output is not None:
        from fpsim.plotting import landscape_picture

        landscape_picture(place).savefig(output)
        print(f"wrote {output}", file=sys.stderr)


@app.command(context_settings=LENIENT)
def animate(
    scene: Annotated[str, typer.Argument(metavar="SCENE", help="kramers, arrhenius, surface, gate or noise-shape.")],
    landscape: Annotated[
        str | None,
        typer.Argument(
            metavar="[LANDSCAPE]",
            help="Dimension one, for surface two; noise-shape takes none. Each scene has its own by default.",
        ),
    ] = None,
    noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    quality: Annotated[str, typer.Option(help="low (480p), medium (720p) or high (1080p).")] = "low",
    format_: Annotated[str, typer.Option("--format", help="gif, mp4 or png (the last picture).")] = "gif",
    renderer: Annotated[
        str | None, typer.Option(help="manim, or matplotlib (kramers, arrhenius); manim where it is installed.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the film.")] = None,
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option(help="The film (SCENE.FORMAT); its data go beside it as .nc.")] = None,
) -> None:  # fmt: skip
    """A film of particles, densities and escape times, drawn from computed data."""
    from animations.catalogue import Order, choose_renderer
    from animations.catalogue import animate as film
    from fpsim.escape import EscapeProblem

    if renderer is None:
        renderer, remark = choose_renderer(scene)
        if remark:
            print(f"fpsim: note: {remark}", file=sys.stderr)
    order, problem = Order(scene, quality, format_, renderer), None
    if landscape is not None:
        sde, place = _sde(locals())
        problem = EscapeProblem(sde, *_ends(place, start, target))
    options = {} if seconds is None else {"seconds": seconds}
    with _progress(False) as bar:
        files = film(order, problem, output or Path(f"{scene}.{format_}"), seed, bar, **options)
    for file in files:
        print(f"wrote {file}")


@app.command(context_settings=LENIENT)
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the figure, the table and the data.")] = Path("demo"),
    temperature: Annotated[float, typer.Option(help="Noise of the double well.")] = 0.1,
    paths: Annotated[int, typer.Option(help="Number of paths.")] = 20_000,
    seed: Seed = 0, threads: Threads = None,
) -> None:  # fmt: skip
    """The main job: the double well's escape time by every route, and a figure."""
    from validation.double_well.run import double_well

    output.mkdir(parents=True, exist_ok=True)
    with _progress(False) as bar:
        found = double_well(temperature, paths, seed, threads, bar)
    print(found)
    for file in found.save(output):
        print(f"wrote {file}")


STUDIES = "escape-formula, sharp-flat, resnet, gradient-noise, noise-covariance, sharpness or central-limit."


@app.command(context_settings=LENIENT)
def validate(
    name: Annotated[str, typer.Argument(metavar="NAME", help=STUDIES)],
    quick: Annotated[bool, typer.Option("--quick/--full", help="Smaller sizes: some minutes on two cores.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder for report, figures, data, finished pieces.")] = None,
    seed: Seed = 0, threads: Threads = None, as_json: Json = False,
) -> None:  # fmt: skip
    """An experiment by name: claims with verdicts; exit code 1 if one is not what theory expects."""
    from validation import experiment, is_resumable
    from validation.study.pieces import Pieces, folder_of

    run, kept = experiment(name), {}
    pieces = Pieces(folder_of(name) if output is None else output / "pieces")
    if is_resumable(run):
        kept["pieces"] = pieces
    with _progress(as_json) as bar:
        found = run(quick=quick, seed=seed, threads=threads, progress=bar, **kept)
    if pieces.found:
        print(f"note: {len(pieces.found)} finished pieces were read from {pieces.folder}", file=sys.stderr)
    print(found.to_json() if as_json else found)
    if output is not None:
        for file in found.save(output):
            print(f"wrote {file}", file=sys.stderr)
    if not found.as_expected:
        raise typer.Exit(1)


def _sde(given: dict[str, Any]) -> tuple[Any, Any]:
    """SDE and landscape from the flags of a command."""
    from fpsim import flags
    from fpsim.sde import SDE

    place = flags.landscape(
        given["landscape"], flags.settings(given["set_"] or []), given["variables"], given["bounds"]
    )
    names = (
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
    model = flags.noise(given["noise"], place, *(given[name] for name in names))
    return SDE(place, model, given["convention"]), place


def _ends(place: Any, start: str | None, target: str | None, needs_target: bool = True) -> tuple[Any, Any]:
    """Start and target from the flags or the landscape's defaults."""
    from fpsim import flags

    if start is None and place.default_start is None:
        raise ValueError(_where_to_start(place))
    begin = flags.point(start, place.default_start, "start", place.dimension)
    return begin, flags.target(target, place.default_target, place.dimension) if needs_target else None


def _where_to_start(place: Any) -> str:
    """What to say when a formula comes without a start: its valleys, or that it has nothing to escape from."""
    box = place.bounds or ((-3.0, 3.0),) * place.dimension
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


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[..., None]]:
    """A progress bar on standard error; silent for --json and where nobody watches."""
    if quiet or not sys.stderr.isatty():
        yield lambda share, name="": None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, Any] = {}

        def report(share: float, name: str = "working") -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=1.0)
            bar.update(tasks[name], completed=share)

        yield report


def _check_file(output: Path | None, *more: str) -> None:
    """Refuse, before any work, a file that could not be written."""
    if output is None:
        return
    if output.is_dir():
        raise ValueError(f"cannot write '{output}': it is a folder; name a file in it")
    if output.suffix not in (*PICTURES, *more):
        raise ValueError(f"cannot write '{output}': its ending must be one of {', '.join((*PICTURES, *more))}")
    if not output.parent.is_dir():
        raise ValueError(f"cannot write '{output}': the folder '{output.parent}' does not exist; create it first")


def _write(found: Any, output: Path | None) -> None:
    """A result as a picture, JSON or netCDF, by the file's ending."""
    if output is None:
        return
    if output.suffix in PICTURES:
        found.plot().savefig(output)
    else:
        found.save(output)
    print(f"wrote {output}", file=sys.stderr)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Simulate how SGD moves through loss landscapes."""
    if version:
        print(f"fpsim {__version__}")
        raise typer.Exit


def _one_line(message: Any, *_: Any, **__: Any) -> None:
    """Warnings as people can read them."""
    print(f"fpsim: note: {' '.join(str(message).split())}", file=sys.stderr)


def main() -> None:
    """Entry point: one sentence and exit code 2 for wrong input, never a traceback."""
    warnings.showwarning = _one_line
    try:
        app()
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError, ModuleNotFoundError) as error:
        print(f"fpsim: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    from fpsim.cli import main as command  # under its own name: its imports mean ours, whatever lies in this folder

    command()
