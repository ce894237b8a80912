"""Make pieces of the full study, or those of one kind, in many processes; what is made is kept as it is made:

python -m validation.full_space.batch PIECES.sweep WORKERS [KIND]        KIND: splitting, once, card, ...

Stopped at any time it loses only what was being made, and `validation.full_space.kept` reports on the rest.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from validation.full_space.measures import CARD, measure, plan
from validation.full_space.size import Size
from validation.study.pieces import Pieces
from validation.study.run import Run


def make(store: str, workers: int, kind: str = "", quick: bool = False) -> None:
    """Make pieces in the order of the plan."""
    began = time.perf_counter()
    crew = {"executor": "processes", "count": workers} if workers > 1 else None
    pieces = Pieces(Path(store), measure, crew)
    whole = [piece for _, piece in plan(Run(Size.of(quick)), card=kind == CARD)]
    wanted = [piece for piece in whole if kind in ("", piece.name)]

    def tell(share: float, name: str = "") -> None:
        print(f"{time.perf_counter() - began:6.0f} s  {100 * share:5.1f} % of {len(wanted)} pieces, {name}", flush=True)

    pieces.many(wanted, tell)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: python -m validation.full_space.batch PIECES.sweep WORKERS [KIND]")
    make(sys.argv[1], int(sys.argv[2]), "".join(sys.argv[3:]))
