"""The commands, one function each: options in, a result printed, written and drawn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from fpsim import __version__
from fpsim.cli.ending import if_interrupted
from fpsim.cli.output import check_file, check_folder, progress_bar, write
from fpsim.cli.problem_options import (
    At,
    BatchSize,
    Boundary,
    Bounds,
    Cells,
    ClimbFraction,
    ConventionText,
    Covariance,
    Floor,
    FloorShape,
    Injected,
    Json,
    LandscapeText,
    LearningRate,
    Noise,
    Output,
    PathCount,
    SaveEvery,
    Seed,
    Set,
    Single,
    Start,
    TargetText,
    Temperature,
    Threads,
    Variables,
    ends_of,
    sde_of,
    walls_of,
)
from fpsim.cli.sweep import sweep

app = typer.Typer(
    help="Simulate how SGD moves through loss landscapes: random paths, densities, escape times.",
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None,
)  # fmt: skip


@app.command()
def escape(
    landscape: LandscapeText, noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    boundary: Boundary = None, paths: PathCount = 20_000,
    step: Annotated[float | None, typer.Option(help="Time step of the paths; by default from the curvature.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for all routes together.")] = 60.0,
    seed: Seed = 0, threads: Threads = None, float32: Single = False, as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Mean escape time by every applicable route, side by side."""
    import numpy as np

    from fpsim.escape import EscapeProblem
    from fpsim.routes.comparing import ComparisonInterrupted

    check_file(output, ".nc", ".json")
    sde, place = sde_of(locals())
    begin, end = ends_of(place, start, target)
    problem = EscapeProblem(sde, begin, end, boundary=walls_of(place, boundary, bounds))
    dtype = np.float32 if float32 else np.float64
    with progress_bar(as_json) as bar:
        try:
            found = problem.compare(budget, paths, step, seed, threads, dtype, lambda name, share: bar(share, name))
        except ComparisonInterrupted as stopped:
            found = stopped.found
            interrupted: Any = stopped
        else:
            interrupted = None
    print(found.to_json() if as_json else found)
    kept = "the routes above had ended; the same command begins again, and a smaller --budget ends sooner"
    if interrupted is not None:
        with if_interrupted(kept + ("" if output is None or not found.routes else f" ({output} holds them)")):
            if found.routes:
                write(found, output)
            raise interrupted
    write(found, output)
    if not found.routes:
        raise ValueError(f"no route gave a time: {found.skipped[0].reason if found.skipped else 'none applies'}")


@app.command()
def simulate(
    landscape: LandscapeText, noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    duration: Annotated[float, typer.Option(help="Total time (learning rate * iterations).")] = 50.0,
    step: Annotated[float, typer.Option(help="Time step.")] = 0.01,
    paths: PathCount = 1000, save_every: SaveEvery = None,
    keep: Annotated[str, typer.Option(help="paths, final or moments.")] = "paths",
    boundary: Boundary = None,
    seed: Seed = 0, threads: Threads = None, float32: Single = False, as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Simulate random paths; write them with --output paths.nc or draw them with --output paths.png."""
    import numpy as np

    from fpsim.cli.words import choice
    from fpsim.paths.simulate import simulate as run
    from fpsim.results import as_json as json_text

    check_file(output, ".nc")
    kind: Any = choice(keep, ("paths", "final", "moments"), "--keep")
    sde, place = sde_of(locals())
    begin = ends_of(place, start, target, needs_target=False)[0]
    if sde.noise.awaits_escape:
        sde = sde.with_noise(sde.noise.resolved(sde.landscape, np.array(begin), ends_of(place, start, target)[1]))
    kept = (
        "no paths are kept, since they are written when all have ended; a smaller --paths or --duration ends sooner, "
        "and the same --seed draws the same numbers again"
    )
    with progress_bar(as_json) as bar, if_interrupted(kept):
        found = run(
            sde, begin, duration, step, paths, save_every, seed, threads, walls_of(place, boundary, bounds), kind,
            np.float32 if float32 else np.float64, lambda share: bar(share, "paths"),
        )  # fmt: skip
    print(json_text(found.summary()) if as_json else found)
    write(found, output)


@app.command()
def density(
    landscape: LandscapeText, noise: Noise = "constant", temperature: Temperature = None,
    learning_rate: LearningRate = None, batch_size: BatchSize = None, at: At = None, floor: Floor = None,
    floor_shape: FloorShape = "additive", climb_fraction: ClimbFraction = None, injected: Injected = 0.0,
    covariance: Covariance = None, convention: ConventionText = "ito", start: Start = None, target: TargetText = None,
    set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    times: Annotated[str, typer.Option(help="Times, increasing, joined by commas.")] = "0.5,1,2,5,10,20,50",
    cells: Cells = None,
    boundary: Annotated[
        str | None,
        typer.Option(help="Walls on the landscape's box, or on --bounds: reflecting, absorbing or periodic."),
    ] = None,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Probability density on a grid: its evolution, its stationary law, and the time of first passage to the target."""
    import numpy as np

    from fpsim.cli import words
    from fpsim.density.report import density_report

    check_file(output, ".nc", ".json")
    moments = words.numbers(times, "--times")
    sde, place = sde_of(locals())
    begin, end = ends_of(place, start, target, needs_target=sde.noise.awaits_escape)
    if end is not None:
        sde = sde.with_noise(sde.noise.resolved(place, np.array(begin), end))
    kind = None if boundary is None else words.choice(boundary, ("reflecting", "absorbing", "periodic"), "--boundary")
    box = place.bounds if bounds is None else words.box(bounds, place.dimension)
    if kind is not None and box is None:
        raise ValueError(f"--boundary {kind} needs a box for its walls: give --bounds low:high for each coordinate")
    kept = "nothing is kept; fewer --cells or --times end sooner"
    with progress_bar(as_json) as bar, if_interrupted(kept):
        bar(0.0, "density")
        found = density_report(sde, begin, moments, end, cells, kind or "reflecting", box=box if kind else None)
    print(found.to_json() if as_json else found)
    write(found, output)


@app.command("landscape")
def landscape_command(
    landscape: LandscapeText, set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    fixed_points: Annotated[bool, typer.Option("--fixed-points", help="Of a drift field: where it vanishes.")] = False,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Critical points of a landscape (minima, saddles, maxima), and its picture with --output."""
    check_file(output)
    from fpsim.cli import words
    from fpsim.results import as_json as json_text

    place = words.landscape(landscape, words.settings(set_ or []), variables, bounds)
    if not fixed_points and not hasattr(place, "critical_points"):
        raise ValueError(
            f"{place.name} is a drift field: it has no loss and so no critical points of one; --fixed-points lists "
            "where its drift vanishes"
        )
    if fixed_points and not hasattr(place, "fixed_points"):
        raise ValueError(f"--fixed-points belongs to drift fields; those of {place.name} are its critical points")
    if place.bounds is None:
        raise ValueError(f"{place.name} has no box of its own; say where to look with --bounds low:high per coordinate")
    points = place.fixed_points() if fixed_points else place.critical_points()
    if as_json:
        kind = "fixed_points" if fixed_points else "critical_points"
        rows = [point.to_dict() for point in points]
        print(json_text({"landscape": str(place), "complete": points.complete, kind: rows}))
    else:
        print(f"{place}\n{points}")
    if output is not None:
        place.plot().savefig(output)
        print(f"wrote {output}", file=sys.stderr)


@app.command()
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
    file = output or Path(f"{scene}.{format_}")
    check_file(file, only=(f".{format_}",))
    if landscape is not None:
        order.require_own_problem()
        sde, place = sde_of(locals())
        problem = EscapeProblem(sde, *ends_of(place, start, target))
    options = {} if seconds is None else {"seconds": seconds}
    with progress_bar(False) as bar, if_interrupted("no film was written; a shorter one, --seconds 4, ends sooner"):
        files = film(order, problem, file, seed, bar, **options)
    for written in files:
        print(f"wrote {written}")


@app.command()
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the figure, the table and the data.")] = Path("demo"),
    temperature: Annotated[float, typer.Option(help="Noise of the double well.")] = 0.1,
    paths: PathCount = 20_000, seed: Seed = 0, threads: Threads = None,
) -> None:  # fmt: skip
    """The main job: the double well's escape time by every route, and a figure."""
    from validation.double_well.run import double_well

    check_folder(output)
    with progress_bar(False) as bar, if_interrupted("nothing was written; fewer --paths end sooner"):
        found = double_well(temperature, paths, seed, threads, bar)
    print(found)
    for file in found.save(output):
        print(f"wrote {file}")


@app.command()
def validate(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A study; without one all are listed.")] = None,
    quick: Annotated[bool, typer.Option("--quick/--full", help="Smaller sizes: some minutes on two cores.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder for report, figures, data, finished pieces.")] = None,
    seed: Seed = 0, threads: Threads = None, as_json: Json = False,
) -> None:  # fmt: skip
    """An experiment by name: claims with verdicts; exit code 1 if one is not what theory expects."""
    from validation import EXPERIMENTS, experiment
    from validation.study.pieces import Pieces, folder_of

    if name is None:
        print("\n".join(f"{study:<18}{line}" for study, (_, line) in EXPERIMENTS.items()))
        return
    if output is not None:
        check_folder(output)
    run = experiment(name)
    pieces = Pieces(folder_of(name) if output is None else output / "pieces")
    kept = f"finished pieces are kept in {pieces.folder}, and the same command goes on from there"
    with progress_bar(as_json) as bar, if_interrupted(kept):
        found = run(quick=quick, seed=seed, threads=threads, progress=bar, pieces=pieces)
    if pieces.found:
        print(f"note: {len(pieces.found)} finished pieces were read from {pieces.folder}", file=sys.stderr)
    print(found.to_json() if as_json else found)
    if output is not None:
        for file in found.save(output):
            print(f"wrote {file}", file=sys.stderr)
    if not found.as_expected:
        raise typer.Exit(1)


app.command()(sweep)


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False) -> None:
    """Simulate how SGD moves through loss landscapes."""
    if version:
        print(f"fpsim {__version__}")
        raise typer.Exit
