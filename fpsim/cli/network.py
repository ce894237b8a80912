"""``fpsim network``: a line through a network of one's own, left by SGD and by every theory, over batch sizes."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from fpsim.cli.interrupting import if_interrupted
from fpsim.cli.options import DeviceText, Json, Output, PathCount, Seed, Threads
from fpsim.cli.output import check_file, progress_bar, write


def network(
    program: Annotated[
        str,
        typer.Argument(
            metavar="FILE.py:NAME",
            help="A function that returns a line (SampledLandscape), or a NeuralLandscape and two checkpoints.",
        ),
    ],
    learning_rate: Annotated[float, typer.Option(help="eta of SGD.")],
    batch_sizes: Annotated[str, typer.Option(help="Values of S, joined by commas.")] = "1,2,3,4",
    start: Annotated[float | None, typer.Option(help="Where it begins; the line's own start or first minimum.")] = None,
    target: Annotated[float | None, typer.Option(help="What it has to reach; its own target or last minimum.")] = None,
    nodes: Annotated[int, typer.Option(help="Nodes of the line between two checkpoints.")] = 129,
    horizon: Annotated[float, typer.Option(help="Most iterations of a path of SGD.")] = 1e7,
    paths: PathCount = 300, seed: Seed = 0, threads: Threads = None, device: DeviceText = "cpu",
    as_json: Json = False, output: Output = None,
) -> None:  # fmt: skip
    """SGD on a line through your network, beside the theories.

    How long it stays in a valley, over batch sizes.
    """
    from fpsim.batch_sizes import over_batch_sizes
    from fpsim.cli.own import made
    from fpsim.cuda.device import DEVICES
    from fpsim.results import as_json as json_text
    from fpsim.words import choice, numbers, whole_number

    check_file(output)
    where: Any = choice(device, DEVICES, "--device")
    sizes = [whole_number(f"{size:g}") for size in numbers(batch_sizes, "--batch-sizes")]
    line = _line(made(program), program, nodes)
    with progress_bar(as_json) as bar, if_interrupted("nothing was written; fewer --paths or --batch-sizes end sooner"):
        found = over_batch_sizes(
            line, learning_rate, sizes, start, target, paths, horizon, seed, threads, lambda share: bar(share, "S"),
            device=where,
        )  # fmt: skip
    print(json_text(found.to_dict()) if as_json else found)
    write(found, output)


def _line(found: Any, program: str, nodes: int) -> Any:
    """A line as it is, or that between the two checkpoints of a network."""
    from landscapes import SampledLandscape

    if isinstance(found, tuple) and len(found) == 3:
        return SampledLandscape.between(*found, count=nodes)
    if getattr(found, "dimension", None) != 1 or not hasattr(found, "example_gradients"):
        raise ValueError(
            f"{program} must return a line through a network (SampledLandscape), or (NeuralLandscape, checkpoint, "
            f"checkpoint); it gives {type(found).__name__}"
        )
    return found
