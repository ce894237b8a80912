"""The picture of the escape law in docs/networks.md, from the stored study:  python docs/escape_law_picture.py."""

import sys

from validation.full_space.kept import stored
from validation.full_space.pictures import times_figure
from validation.full_space.size import MAIN


def main(file: str) -> None:
    """Draw the main network at both learning rates."""
    found = stored()
    times = [row for row in found.times if (row["network"], row["decay"]) == MAIN]
    times_figure(times, found.theories).savefig(file, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "escape-law.png")
