"""What a thread draws for mini-batches: the examples of four steps, or normals, as :mod:`fpsim.kernels.draws` does.

Numbers of examples stand in the card's memory, ``picks`` (4 S, lanes) for the next four steps and, for reshuffled
epochs, ``order`` (m + 1, lanes), whose last row says of which epoch.  Normals are taken again wherever they are needed,
so that no memory holds them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fpsim.cuda.functions import inlined, pair_function, words_function
from fpsim.kernels.draws import DISTINCT, GAUSSIAN, RESHUFFLED

u8 = np.uint64


class Batches(NamedTuple):
    """What kernels are told of mini-batches: data set, numbers of the step, random stream, room for the draws.

    ``batch`` examples are drawn at most; under a schedule ``rates``, ``spreads`` and ``sizes`` (n,) are those of every
    iteration.
    """

    table: Any
    data: Any
    numbers: Any
    rate: Any
    spread: Any
    batch: int
    stream: int
    key0: Any
    key1: Any
    rates: Any
    spreads: Any
    sizes: Any
    picks: Any
    order: Any


class Terms(NamedTuple):
    """Of one iteration: the learning rate (over S, where examples are drawn), (m S)^(-1/2), and S (1 for normals)."""

    rate: Any
    spread: Any
    size: Any


def terms_function(scheduled: bool) -> Any:
    """``terms(n, batches)``: the :class:`Terms` of iteration n."""

    def same(n, batches):
        """As in every other."""
        return Terms(batches.rate, batches.spread, batches.batch)

    def own(n, batches):
        """Its own."""
        return Terms(batches.rates[n], batches.spreads[n], batches.sizes[n])

    return inlined(own if scheduled else same)


def draw_function(law: int, terms: Any) -> Any:
    """``draw(quad, path, lane, batches)``: the picks of four steps."""
    if law >= GAUSSIAN:
        return inlined(_nothing)
    words, scale = words_function(), inlined(_scaled)
    if law == DISTINCT:
        return inlined(_distinct(words, scale, terms))
    return inlined((_reshuffled if law == RESHUFFLED else _independent)(words, scale))


def _scaled(word, top):
    """A whole number below ``top``."""
    return (u8(word) * u8(top)) >> u8(32)


def _nothing(quad, path, lane, batches):
    """Normal noise draws no examples."""


def _independent(words: Any, scale: Any) -> Any:
    def draw(quad, path, lane, batches):
        """With replacement."""
        batch, examples, picks = batches.batch, batches.table.shape[1], batches.picks
        for draw in range(batch):
            a, b, c, e = words(quad, (batches.stream << 24) | draw, path, batches.key0, batches.key1)
            picks[draw, lane] = scale(a, examples)
            picks[batch + draw, lane] = scale(b, examples)
            picks[2 * batch + draw, lane] = scale(c, examples)
            picks[3 * batch + draw, lane] = scale(e, examples)

    return draw


def _distinct(words: Any, scale: Any, terms: Any) -> Any:
    def draw(quad, path, lane, batches):
        """Different ones within a batch (Floyd), whose size may be another in each step."""
        batch, examples, picks = batches.batch, batches.table.shape[1], batches.picks
        for draw in range(batch):
            a, b, c, e = words(quad, (batches.stream << 24) | draw, path, batches.key0, batches.key1)
            for k in range(4):
                top = examples - terms(4 * quad + k, batches).size + draw + 1
                if top <= examples:
                    new = np.int64(scale(a if k == 0 else (b if k == 1 else (c if k == 2 else e)), top))
                    clash = False
                    for earlier in range(draw):
                        if picks[k * batch + earlier, lane] == new:
                            clash = True
                    picks[k * batch + draw, lane] = top - 1 if clash else new

    return draw


def _reshuffled(words: Any, scale: Any) -> Any:
    def shuffle(epoch, path, lane, batches):
        """A new order (Fisher, Yates)."""
        order, examples = batches.order, batches.table.shape[1]
        order[examples, lane] = epoch
        for i in range(examples):
            order[i, lane] = i
        for group in range((examples + 3) // 4):
            a, b, c, e = words(epoch, (batches.stream << 24) | group, path, batches.key0, batches.key1)
            for w in range(4):
                i = 4 * group + w
                if i < examples:
                    word = a if w == 0 else (b if w == 1 else (c if w == 2 else e))
                    other = i + np.int64(scale(word, examples - i))
                    kept = order[i, lane]
                    order[i, lane] = order[other, lane]
                    order[other, lane] = kept

    shuffled = inlined(shuffle)

    def draw(quad, path, lane, batches):
        """The next of an epoch's order."""
        batch, examples, order = batches.batch, batches.table.shape[1], batches.order
        for k in range(4):
            epoch = (4 * quad + k) // (examples // batch)
            first = (4 * quad + k) % (examples // batch) * batch
            if epoch != order[examples, lane]:
                shuffled(epoch, path, lane, batches)
            for draw in range(batch):
                batches.picks[k * batch + draw, lane] = order[first + draw, lane]

    return draw


def forget_function(law: int) -> Any:
    """``forget(lane, batches)``: no order of examples is known."""

    def forget(lane, batches):
        """The last row is of no epoch."""
        if law == RESHUFFLED:
            batches.order[batches.table.shape[1], lane] = -1

    return inlined(forget)


def normal_function(real: str) -> Any:
    """``normal(k, quad, tag, path, batches)``: the normal of step 4 quad + k, by its stream and coordinate."""
    words, pair = words_function(), pair_function(real)

    def normal(k, quad, tag, path, batches):
        """One of a counter's four."""
        a, b, c, e = words(quad, tag, path, batches.key0, batches.key1)
        first, second = pair(a, b) if k < 2 else pair(c, e)
        return first if k == 0 or k == 2 else second

    return inlined(normal)
