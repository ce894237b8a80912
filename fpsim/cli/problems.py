"""The commands about one problem, one function each: options in, a result printed, written and drawn."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from fpsim.cli import asked
from fpsim.cli.interrupting import if_interrupted
from fpsim.cli.options import (
    Boundary,
    Bounds,
    Cells,
    DeviceText,
    Json,
    LandscapeText,
    Output,
    PathCount,
    ProblemOptions,
    SaveEvery,
    Seed,
    Set,
    Single,
    Threads,
    Variables,
    takes_problem,
)
from fpsim.cli.output import check_file, progress_bar, write


@takes_problem
def escape(
    landscape: LandscapeText, given: ProblemOptions,
    boundary: Boundary = None, paths: PathCount = 20_000,
    step: Annotated[float | None, typer.Option(help="Time step of the paths; by default from the curvature.")] = None,
    budget: Annotated[float, typer.Option(help="Seconds for all routes together.")] = 60.0,
    friction: Annotated[float | None, typer.Option(help="Friction of a body with --mass: motion with inertia.")] = None,
    mass: Annotated[float, typer.Option(help="Mass of a body with --friction.")] = 1.0,
    seed: Seed = 0, threads: Threads = None, device: DeviceText = "cpu", float32: Single = False,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Mean escape time by every applicable route, side by side."""
    import numpy as np

    from fpsim.cuda.device import DEVICES
    from fpsim.escape import EscapeProblem
    from fpsim.routes.comparing import ComparisonInterrupted
    from fpsim.words import choice

    check_file(output, ".nc", ".json")
    sde = given.sde(landscape, boundary is not None)
    ends, walls = given.ends(sde.landscape), given.walls(sde.landscape, boundary)
    problem = EscapeProblem(_with_inertia(sde, friction, mass), *ends, boundary=walls)
    dtype = np.float32 if float32 else np.float64
    where: Any = choice(device, DEVICES, "--device")
    with progress_bar(as_json) as bar:
        try:
            found = problem.compare(
                budget, paths, step, seed, threads, dtype, lambda name, share: bar(share, name), where
            )
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
    write(found, output, partial(_in_the_plane, problem, found) if sde.dimension == 2 else None)
    if not found.routes:
        raise ValueError(f"no route gave a time: {found.skipped[0].reason if found.skipped else 'none applies'}")


def _in_the_plane(problem: Any, found: Any) -> Any:
    """An escape in two dimensions beside its times."""
    from fpsim.plotting import escape_figure
    from fpsim.routes.view import escape_view

    return escape_figure(escape_view(problem), found)


def _with_inertia(sde: Any, friction: float | None, mass: float) -> Any:
    """The SDE, or the motion of a body on its landscape under its noise."""
    if friction is None and mass == 1:
        return sde
    if friction is None:
        raise ValueError("--mass belongs to motion with inertia: give --friction, too")
    if sde.convention != "ito":
        raise ValueError("motion with inertia has one meaning whatever the convention; leave out --convention")
    from fpsim.sde.underdamped import Underdamped

    return Underdamped(sde.landscape, sde.noise, friction, mass)


@takes_problem
def simulate(
    landscape: LandscapeText, given: ProblemOptions,
    duration: Annotated[float, typer.Option(help="Total time (learning rate * iterations).")] = 50.0,
    step: Annotated[float, typer.Option(help="Time step.")] = 0.01,
    paths: PathCount = 1000, save_every: SaveEvery = None,
    keep: Annotated[str, typer.Option(help="paths, final or moments.")] = "paths",
    boundary: Boundary = None,
    seed: Seed = 0, threads: Threads = None, device: DeviceText = "cpu", float32: Single = False,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Random paths, their ends or their moments.

    Write them with --output paths.nc or draw them with --output paths.png.
    """
    import numpy as np

    from fpsim.cuda.device import DEVICES
    from fpsim.paths.simulate import simulate as run
    from fpsim.results import as_json as json_text
    from fpsim.words import choice

    check_file(output, ".nc")
    kind: Any = choice(keep, ("paths", "final", "moments"), "--keep")
    where: Any = choice(device, DEVICES, "--device")
    sde = given.sde(landscape, boundary is not None)
    if given.target is not None and not sde.noise.awaits_escape:
        raise ValueError("simulate goes on to --duration and its paths meet no --target; escape and density take one")
    begin, end = given.ends(sde.landscape, needs_target=sde.noise.awaits_escape)
    if sde.noise.awaits_escape:
        sde = sde.with_noise(sde.noise.resolved(sde.landscape, np.array(begin), end))
    kept = (
        "no paths are kept, since they are written when all have ended; a smaller --paths or --duration ends sooner, "
        "and the same --seed draws the same numbers again"
    )
    with progress_bar(as_json) as bar, if_interrupted(kept):
        found = run(
            sde, begin, duration, step, paths, save_every, seed, threads, given.walls(sde.landscape, boundary), kind,
            np.float32 if float32 else np.float64, lambda share: bar(share, "paths"), where,
        )  # fmt: skip
    print(json_text(found.summary()) if as_json else found)
    write(found, output)


@takes_problem
def density(
    landscape: LandscapeText, given: ProblemOptions,
    times: Annotated[str, typer.Option(help="Times, increasing, joined by commas.")] = "0.5,1,2,5,10,20,50",
    cells: Cells = None,
    boundary: Annotated[
        str | None,
        typer.Option(help="Walls on the landscape's box, or on --bounds: reflecting, absorbing or periodic."),
    ] = None,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """How a density evolves, settles and meets a target."""
    import numpy as np

    from fpsim import words
    from fpsim.density.report import density_report

    check_file(output, ".nc", ".json")
    moments = words.numbers(times, "--times")
    sde = given.sde(landscape, boundary is not None)
    begin, end = given.ends(sde.landscape, needs_target=sde.noise.awaits_escape)
    if end is not None:
        sde = sde.with_noise(sde.noise.resolved(sde.landscape, np.array(begin), end))
    kind = None if boundary is None else words.choice(boundary, ("reflecting", "absorbing", "periodic"), "--boundary")
    box = None if kind is None else given.box(sde.landscape, kind)
    kept = "nothing is kept; fewer --cells or --times end sooner"
    with progress_bar(as_json) as bar, if_interrupted(kept):
        bar(0.0, "density")
        found = density_report(sde, begin, moments, end, cells, kind or "reflecting", box=box)
    print(found.to_json() if as_json else found)
    write(found, output)


def landscape_command(
    landscape: LandscapeText, set_: Set = None, variables: Variables = None, bounds: Bounds = None,
    fixed_points: Annotated[bool, typer.Option("--fixed-points", help="Of a drift field: where it vanishes.")] = False,
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """Minima, saddles and maxima of a landscape; --output draws it."""
    check_file(output)
    from fpsim import words
    from fpsim.cli import own
    from fpsim.results import as_json as json_text

    place = own.landscape(landscape, words.settings(set_ or []), variables, bounds)
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
        asked.wrote(output)
