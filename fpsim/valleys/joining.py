"""The chain of certified saddles that joins two minima, by one string after the other.

Where the saddles known leave gaps, the next string is laid between two minima of the shortest way over links and gaps,
a gap as long as the square of its distance (J. Carr, S. Trygubenko, D. Wales, J. Chem. Phys. 122 (2005) 234903), so
that many short gaps come before a wide one; a gap that was tried in vain counts more, and is tried beside the straight
line. The widest gap comes first. Where the straight string from end to end does not do, minima are first put between
the ends, by moving one coordinate after the other (`stairs`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fpsim.valleys.climbing import climb, require_size
from fpsim.valleys.descent import minimum_at, slide_down
from fpsim.valleys.relaxing import relaxed, tops
from fpsim.valleys.saddle import Saddle, certified
from landscapes.critical.points import CriticalPoint
from landscapes.field import as_point, in_words

Array = NDArray[np.float64]
STRINGS, IDLE, TOPS = 400, 24, 8
"""Strings laid, at most, until their saddles join the ends; how many in turn may find nothing new; tops looked at."""
BEND = 0.2
"""How far beside the straight line a bent string begins, in parts of the distance of its ends."""
SAME = 1e-6
"""Points closer than this part of a length are one."""
MOVED = 0.05
"""How far, in lengths, the minimum may lie from the point that was called one."""
IN_VAIN = 4.0
"""How much longer a gap counts with every string that was laid across it (and how much later its turn comes)."""


def end_minimum(landscape: Any, point: ArrayLike, length: float) -> CriticalPoint:
    """The minimum at a point that is said to be one.

    Raises:
        ValueError: if there is none within `MOVED` lengths.
    """
    x = as_point(point, landscape.dimension)
    require_size(landscape, x)
    try:
        found = minimum_at(landscape, x, length)
    except ValueError as error:
        raise ValueError(f"{in_words(x)} was expected to be a minimum, and is none: {error}") from None
    if np.linalg.norm(found.x - x) > MOVED * length:
        raise ValueError(f"{in_words(x)} was expected to be a minimum, and is none; one is at {in_words(found.x)}")
    return found


class Joining:
    """A search for saddles that join two minima.

    Args:
        landscape: the loss.
        ends: the two minima.
        length: the unit of lengths.
        images: points of each string.
        told: called with the share of the way that is joined.
    """

    def __init__(
        self, landscape: Any, ends: tuple[CriticalPoint, CriticalPoint], length: float, images: int,
        told: Callable[[float], None],
    ) -> None:  # fmt: skip
        self.landscape, self.ends, self.length, self.images, self.told = landscape, ends, length, images, told
        self.saddles: list[Saddle] = []
        self.stairs: list[CriticalPoint] = []
        self.refusals: list[str] = []
        self.minima: list[CriticalPoint] = list(ends)
        self.links: list[tuple[int, int]] = []
        self.tries: dict[tuple[int, int], int] = {}

    def search(self) -> tuple[Saddle, ...]:
        """The saddles on the lowest way found, in order.

        Raises:
            ValueError: if none is found.
        """
        rng, idle = np.random.default_rng(0), 0
        for lap in range(STRINGS):
            before = len(self.saddles)
            if lap == 1:
                self._step_up()
            else:
                self._lay(rng)
            way = ordered(self.saddles, *self.ends, self.length)
            if way is not None:
                return way
            idle = 0 if len(self.saddles) > before else idle + 1
            if idle == IDLE:
                break
        why = f": {self.refusals[0]}" if self.refusals else ""
        raise ValueError(
            f"no chain of saddles was found that joins the minima {in_words(self.ends[0].x)} and "
            f"{in_words(self.ends[1].x)} ({self.found()}){why}"
        )

    def found(self) -> str:
        """What is known, in words."""
        shown = ", ".join(in_words(s.x) for s in self.saddles[:3]) or "none"
        return f"saddles seen: {shown}" + (f" and {len(self.saddles) - 3} more" if len(self.saddles) > 3 else "")

    def _lay(self, rng: np.random.Generator) -> None:
        """Climb from the tops of a string across the widest gap, bent where that was tried before."""
        i, j = self._gap()
        tried = self.tries.get((i, j), 0)
        self.tries[i, j] = tried + 1
        a, b = self.minima[i], self.minima[j]
        bend = beside(a.x, b.x, rng) if tried else None  # off a ridge of symmetry
        try:
            laid, _ = relaxed(self.landscape, a.x, b.x, self.images, bend)
        except ValueError as error:
            self.refusals.append(str(error))
        else:
            self._climb(tops(self.landscape, laid)[:TOPS], a)

    def _step_up(self) -> None:
        """Climb between neighbours on the stairs from end to end."""
        a, b = self.ends
        self.stairs = stairs(self.landscape, a.x, b.x, self.length)
        pairs = [(here.x, there.x - here.x) for here, there in pairwise([a, *self.stairs, b])]
        self._climb([(x + step / 2, step / np.linalg.norm(step)) for x, step in pairs], a)

    def _climb(self, begins: Sequence[tuple[Array, Array]], a: CriticalPoint) -> None:
        """Certify the saddles that are reached from some points (d,), each with a direction (d,)."""
        for begin, direction in begins:
            try:
                place = climb(self.landscape, begin, direction, self.length)
                if not any(np.linalg.norm(s.x - place) <= 1e-5 * self.length for s in self.saddles):
                    add(self.saddles, certified(self.landscape, place, self.length, a.x), self.length)
            except ValueError as error:
                self.refusals.append(str(error))
        self.minima, self.links = nodes(self.saddles, [*self.ends, *self.stairs], self.length)

    def _gap(self) -> tuple[int, int]:
        """The widest gap, of those least tried, on the shortest way from the first end to the second."""
        from scipy.sparse import csr_array
        from scipy.sparse.csgraph import dijkstra

        x = np.array([m.x for m in self.minima])
        apart = np.linalg.norm(x[:, None] - x, axis=2) ** 2
        weight, linked = apart.copy(), 1e-12 * apart[0, 1]  # a zero would be no link
        for (i, j), count in self.tries.items():
            weight[i, j] = weight[j, i] = weight[i, j] * IN_VAIN**count
        for i, j in self.links:
            weight[i, j] = weight[j, i] = linked
        links = csr_array(weight)  # of a full matrix, what is below 1e-8 is no link
        _, (before,) = dijkstra(links, directed=False, indices=[0], return_predecessors=True)
        way = [1]
        while way[-1] != 0:
            way.append(int(before[way[-1]]))
        gaps = [(min(p), max(p)) for p in pairwise(way) if weight[p] > linked]
        self.told(1 - sum(apart[p] for p in gaps) / apart[0, 1])
        return max(gaps, key=lambda p: apart[p] * IN_VAIN ** -self.tries.get(p, 0))


def stairs(landscape: Any, a: Array, b: Array, length: float) -> list[CriticalPoint]:
    """Minima on a way from a to b that moves one coordinate after the other, each time the one that costs least.

    Where many weakly coupled wells are crossed one by one, such a way is close to one of least loss, and no straight
    line is. As soon as the descent from it leads nearer to b, it goes on from that minimum.
    """
    found: list[CriticalPoint] = []
    x, last, away = a.copy(), a, np.abs(b - a)
    while True:
        left = np.flatnonzero(np.abs(b - x) > away / 2)
        if not left.size:
            return found
        steps = np.repeat(x[:, None], left.size, axis=1)
        steps[left, range(left.size)] = b[left]
        x = steps[:, int(np.argmin(landscape.loss(steps)))]
        try:
            bottom = slide_down(landscape, x, length).minimum
        except ValueError:
            continue
        nearer = float(np.linalg.norm(b - bottom.x))
        if nearer <= SAME * length:
            return found
        if nearer < np.linalg.norm(b - last) - SAME * length:
            found.append(bottom)
            x, last = bottom.x.copy(), bottom.x


def beside(a: Array, b: Array, rng: np.random.Generator) -> Array:
    """A random vector across b - a, of `BEND` times its length; zero on a line."""
    chord = b - a
    size = float(np.linalg.norm(chord))
    v = rng.standard_normal(len(a))
    v -= (v @ chord) * chord / size**2
    return np.asarray(BEND * size * v / max(float(np.linalg.norm(v)), 1e-12))


def add(saddles: list[Saddle], new: Saddle, length: float) -> bool:
    """Add a saddle unless it is there already; whether it was new."""
    if any(np.linalg.norm(s.x - new.x) <= SAME * length for s in saddles):
        return False
    saddles.append(new)
    return True


def nodes(saddles: Sequence[Saddle], known: Sequence[CriticalPoint], length: float) -> tuple[list[Any], list[Any]]:
    """The distinct minima, the known ones first, and the two that each saddle joins, as numbers."""
    minima: list[CriticalPoint] = []

    def number(m: CriticalPoint) -> int:
        apart = np.linalg.norm(np.reshape([k.x for k in minima], (-1, len(m.x))) - m.x, axis=1)
        same = np.flatnonzero(apart <= SAME * length)
        if not same.size:
            minima.append(m)
        return int(same[0]) if same.size else len(minima) - 1

    for m in known:
        number(m)
    return minima, [(number(s.minima[0]), number(s.minima[1])) for s in saddles]


def ordered(saddles: Sequence[Saddle], a: CriticalPoint, b: CriticalPoint, length: float) -> tuple[Saddle, ...] | None:
    """The saddles on the lowest way from a to b, each turned so that its first minimum comes first; None if none."""
    from scipy.cluster.hierarchy import DisjointSet

    minima, links = nodes(saddles, [a, b], length)
    groups, tree = DisjointSet(range(len(minima))), []
    for k in sorted(range(len(saddles)), key=lambda k: saddles[k].loss):
        if groups.merge(*links[k]):
            tree.append(k)
    ways: dict[int, list[tuple[int, bool]]] = {0: []}
    queue = [0]
    for here in queue:
        for k in tree:
            for turned, (i, j) in ((False, links[k]), (True, links[k][::-1])):
                if i == here and j not in ways:
                    ways[j] = [*ways[here], (k, turned)]
                    queue.append(j)
    return tuple(saddles[k].turned() if turned else saddles[k] for k, turned in ways[1]) if 1 in ways else None
