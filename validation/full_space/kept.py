"""A report on those pieces of the full study that a run has made, whether or not it was stopped:

python -m validation.full_space.kept PIECES.sweep [MORE.sweep ...] FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fpsim.storage import read
from fpsim.sweeps.answers import value_of
from fpsim.sweeps.store import Store
from validation.full_space.measures import EscapeLaw, gathered, measure, plan
from validation.full_space.size import Size
from validation.study.pieces import Pieces
from validation.study.run import Run

FILE = Path(__file__).parents[1] / "data" / "full_space.nc"


def kept(*stores: str | Path, seed: int = 0, quick: bool = False) -> tuple[EscapeLaw, int, int]:
    """What stores hold of a study, how many pieces it has made, and how many there are."""
    pieces = Pieces(None, measure)
    wanted = plan(Run(Size.of(quick, seed), seed), card=True)
    keys = [pieces._task(piece).key for _, piece in wanted]
    answers: list[Any] = [None] * len(keys)
    for store in stores:
        for k, row in enumerate(Store(Path(store)).rows(keys)):
            if row is not None and row.answer is not None:
                answers[k] = value_of(row.answer)
    made = sum(answer is not None for answer in answers)
    return gathered(wanted, answers), made, len(wanted)


def stored() -> EscapeLaw:
    """What is kept in the package: times by splitting, times simulated on an H100 (`benchmarks/gpu_networks.py`), and
    theories at six places.
    """
    return EscapeLaw.from_xarray(read(FILE))


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m validation.full_space.kept PIECES.sweep [MORE.sweep ...] FOLDER")
    from validation.full_space.run import STUDY

    found, made, of = kept(*sys.argv[1:-1])
    print(f"{made} of {of} pieces")
    for written in STUDY.report(found, {"pieces": f"{made} of {of}"}).save(sys.argv[-1]):
        print(written)
