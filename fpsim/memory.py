"""Whether a result fits into memory: asked before anything is allocated."""

from __future__ import annotations

import os

LARGEST_RESULT = 16_000_000_000
"""Bytes that a result may take, if the machine has them."""


def require_memory(size: float, what: str, advice: str) -> None:
    """Raise ``ValueError`` if ``what`` takes more bytes than may be asked for."""
    limit = min(LARGEST_RESULT, installed())
    if size > limit:
        raise ValueError(f"{what} would take {size / 1e9:.4g} GB, more than {limit / 1e9:.3g} GB; {advice}")


def installed() -> float:
    """Bytes of memory in this machine, as far as it says."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):
        return float(LARGEST_RESULT)
