"""BibTeX of the papers that numbers rest on; ``papers.bib`` beside this file holds the entries."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path


@cache
def entries() -> dict[str, str]:
    """All entries by their key."""
    text = Path(__file__).with_suffix(".bib").read_text(encoding="utf-8")
    found = (entry.strip() for entry in re.split(r"\n(?=@)", text))
    return {entry[entry.index("{") + 1 : entry.index(",")]: entry for entry in found}


def bibtex(keys: Iterable[str]) -> str:
    """The entries of some keys, each once.

    Raises:
        KeyError: if there is no such entry.
    """
    return "\n\n".join(entries()[key] for key in dict.fromkeys(keys))
