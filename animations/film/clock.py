"""The clock of a film: what share of its time has passed at a share u of its length, from (0, 0) to (1, 1).

even: u        r times as fast at the end as at the start: (r^u - 1)/(r - 1)        a table: straight lines
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from animations.film.fields import Array

NAMED = {"even": 1.0, "slow-fast": math.exp(4.0), "fast-slow": math.exp(-4.0)}
"""How many times faster the clock runs at the end than at the start."""
FASTEST = 1e6


@dataclass(frozen=True)
class Clock:
    """Slow here and fast there; made by :meth:`of`.

    Args:
        words: how it was asked for.
        ratio: of its speed at the end to that at the start.
        knots: (share of the film, share of the time) of a table; empty: the ratio counts.
    """

    words: str
    ratio: float = 1.0
    knots: tuple[tuple[float, float], ...] = ()

    @classmethod
    def of(cls, given: Clock | str | float) -> Clock:
        """``"even"``, ``"slow-fast"``, ``"fast-slow"``, a number, or a table such as ``"0.5:0.1, 0.8:0.5"``.

        Raises:
            ValueError: for anything else, in one sentence.
        """
        if isinstance(given, Clock):
            return given
        words = str(given).strip()
        if ":" in words:
            return cls(words, knots=_table(words))
        try:
            ratio = NAMED[words] if words in NAMED else float(words)
        except ValueError:
            ratio = math.nan
        if not 1 / FASTEST <= ratio <= FASTEST:
            raise ValueError(
                f"a clock is {', '.join(NAMED)}, how many times faster it ends than it starts (up to {FASTEST:g}), or "
                f"a table like 0.5:0.1 (half of the film for a tenth of the time); got '{given}'"
            )
        return cls(words, ratio)

    def share(self, film: ArrayLike) -> Any:
        """Share of the time at a share of the film (...), shape (...)."""
        u = np.asarray(film, dtype=float)
        if self.knots:
            return np.interp(u, *np.array([(0.0, 0.0), *self.knots, (1.0, 1.0)]).T)
        rate = math.log(self.ratio)
        return u if abs(rate) < 1e-9 else np.expm1(rate * u) / math.expm1(rate)

    def __str__(self) -> str:
        return self.words


def _table(words: str) -> tuple[tuple[float, float], ...]:
    try:
        pairs = [tuple(float(one) for one in pair.split(":")) for pair in re.split(r"[,;\s]+", words) if pair]
        (film, time) = np.array([(0.0, 0.0), *pairs, (1.0, 1.0)]).T
    except ValueError:
        film, time = np.zeros(2), np.zeros(2)
    inner: Array = np.column_stack([film, time])[1:-1]
    if not (np.all(np.diff(film) > 0) and np.all(np.diff(time) > 0) and np.isfinite(inner).all()):
        raise ValueError(
            "a clock's table has shares FILM:TIME between 0 and 1 that grow, such as 0.5:0.1, 0.8:0.5 (its ends, 0:0 "
            f"and 1:1, are understood); got '{words}'"
        )
    return tuple((float(a), float(b)) for a, b in inner)
