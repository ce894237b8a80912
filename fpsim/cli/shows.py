"""The commands that run what others have put together: films, the demonstration, studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from fpsim.cli import asked, completion
from fpsim.cli.interrupting import if_interrupted
from fpsim.cli.options import Json, PathCount, ProblemOptions, Seed, Threads, takes_problem
from fpsim.cli.output import check_file, check_folder, progress_bar


@takes_problem
def animate(
    scene: Annotated[
        str,
        typer.Argument(
            metavar="SCENE", help="kramers, arrhenius, surface, gate, noise-shape or network.",
            autocompletion=completion.scenes,
        ),
    ],
    landscape: Annotated[
        str | None,
        typer.Argument(
            metavar="LANDSCAPE",
            help="Dimension one, for surface two; noise-shape takes none, network takes none. Each has its own."
        ),
    ] = None,
    given: ProblemOptions = ProblemOptions(),  # noqa: B008 (frozen)
    schedule: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=CURVE", help="'learning_rate=cosine(0.2, 0.02, 8000)'; also batch_size, temperature, clock."
        ),
    ] = None,
    quality: Annotated[str, typer.Option(help="low (480p), medium (720p) or high (1080p).")] = "low",
    format_: Annotated[
        str | None, typer.Option("--format", help="gif or mp4; a still: png, svg or pdf. By default OUTPUT's ending.")
    ] = None,
    renderer: Annotated[
        str | None, typer.Option(help="manim, or matplotlib (kramers, arrhenius, network); manim where there is one.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of the film.")] = None,
    horizon: Annotated[float | None, typer.Option(help="Of kramers: time that it shows.")] = None,
    rate: Annotated[float | None, typer.Option(help="Pictures per second (by default that of the quality).")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Pixels, such as 1920x1080.")] = None,
    clock: Annotated[
        str | None,
        typer.Option(help="even, slow-fast, fast-slow, how much faster it ends, or 0.5:0.1 (half the film, a tenth)."),
    ] = None,
    moment: Annotated[float | None, typer.Option(help="Moment of a still, in seconds of the film (its end).")] = None,
    title: Annotated[str, typer.Option(help="In place of the film's own.")] = "",
    colours: Annotated[
        str, typer.Option("--colours", "--colors", help="light or dark; with changes: 'dark, blue=#66CCFF'.")
    ] = "light",
    language: Annotated[str, typer.Option(help="Of the words: en or de.")] = "en",
    seed: Seed = 0,
    output: Annotated[Path | None, typer.Option(help="The film (SCENE.FORMAT); its data go beside it as .nc.")] = None,
) -> None:  # fmt: skip
    """A film of particles, densities and times, from computed data."""
    from animations.catalogue import Order, choose_renderer
    from animations.catalogue import animate as film

    if renderer is None:
        renderer, remark = choose_renderer(scene)
        if remark:
            asked.note(remark)
    format_ = format_ or (output.suffix.lstrip(".") if output else "") or "gif"
    look: dict[str, Any] = {"title": title, "colours": colours, "language": language, "size": size}
    order = Order(scene, quality, format_, renderer, **look, rate=rate, moment=moment)
    file = output or Path(f"{scene}.{format_}")
    check_file(file, only=(f".{format_}",))
    problem = _problem_of_one_s_own(order, landscape, given, schedule)
    asked_for = {"seconds": seconds, "clock": clock, "horizon": horizon}
    options = {name: value for name, value in asked_for.items() if value is not None}
    with progress_bar(False) as bar, if_interrupted("no film was written; a shorter one, --seconds 4, ends sooner"):
        files = film(order, problem, file, seed, bar, **options)
    for written in files:
        print(f"wrote {written}")


def _problem_of_one_s_own(order: Any, landscape: str | None, given: ProblemOptions, schedule: list[str] | None) -> Any:
    """The escape that a film is to show, under a schedule or without; ``None`` for the film's own."""
    from fpsim.cli.curves import scheduled
    from fpsim.escape import EscapeProblem
    from fpsim.survival.problem import SurvivalProblem

    if landscape is None:
        if schedule:
            raise ValueError("a --schedule moves the noise of a landscape of yours; name LANDSCAPE and its noise")
        return None
    order.require_own_problem()
    sde = given.sde(landscape)
    ends = given.ends(sde.landscape)
    problem = EscapeProblem(sde, *ends)
    if not schedule:
        return problem
    return SurvivalProblem(scheduled(problem.sde, schedule), *ends)  # the escape knows the minimum of its noise


def demo(
    output: Annotated[Path, typer.Option(help="Folder for the figure, the table and the data.")] = Path("demo"),
    temperature: Annotated[float, typer.Option(help="Noise of the double well.")] = 0.1,
    paths: PathCount = 20_000, seed: Seed = 0, threads: Threads = None,
) -> None:  # fmt: skip
    """The main job: a double well by every route, and a figure."""
    from validation.double_well.run import double_well

    check_folder(output)
    with progress_bar(False) as bar, if_interrupted("nothing was written; fewer --paths end sooner"):
        found = double_well(temperature, paths, seed, threads, bar)
    print(found)
    for file in found.save(output):
        print(f"wrote {file}")


def validate(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A study; without one all are listed.", autocompletion=completion.studies),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick/--full", help="Smaller sizes: some minutes on two cores.")] = False,
    output: Annotated[Path | None, typer.Option(help="Folder for report, figures, data, finished pieces.")] = None,
    seed: Seed = 0, threads: Threads = None,
    executor: Annotated[str | None, typer.Option(help="Who makes pieces: serial (this process) or processes.")] = None,
    workers: Annotated[int | None, typer.Option(help="Pieces at once, each in a process of its own.")] = None,
    cluster: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, or local, in their place.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """A study by name: claims, each with its verdict.

    The exit code is 1 if one is not what theory expects.
    """
    from validation import EXPERIMENTS, experiment
    from validation.study.pieces import Pieces, file_of

    if name is None:
        print("\n".join(f"{study:<18}{line}" for study, (_, line) in EXPERIMENTS.items()))
        return
    if output is not None:
        check_folder(output)
    run = experiment(name)
    crew = None
    if workers is not None or cluster is not None or executor not in (None, "serial"):
        here = "processes" if cluster is None else None
        crew, threads = {"executor": executor or here, "cluster": cluster, "count": workers}, threads or 1
    pieces = Pieces(file_of(name) if output is None else output / "pieces.sweep", crew=crew)
    kept = f"finished pieces are kept in {pieces.file}, and the same command goes on from there"
    with progress_bar(as_json) as bar, if_interrupted(kept):
        found = run(quick=quick, seed=seed, threads=threads, progress=bar, pieces=pieces)
    if pieces.found:
        asked.note(f"{len(pieces.found)} finished pieces were read from {pieces.file}")
    print(found.to_json() if as_json else found)
    if output is not None:
        for file in found.save(output):
            asked.wrote(file)
    if not found.as_expected:
        raise typer.Exit(1)
