"""The pictures of the escape law in docs/networks.md, from the stored study:  python docs/escape_law_picture.py."""

import sys
from pathlib import Path

from validation.full_space.kept import stored
from validation.full_space.pictures import times_figure
from validation.full_space.size import MAIN


def main(folder: str) -> None:
    """The main network at both learning rates, and every place."""
    found = stored()
    times = [row for row in found.times if (row["network"], row["decay"]) == MAIN]
    times_figure(times, found.theories).savefig(Path(folder) / "escape-law.png", dpi=150)
    times_figure(found.times, found.theories).savefig(Path(folder) / "escape-law-places.png", dpi=110)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs")
