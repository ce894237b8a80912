"""Sums over examples for many replicas, a part of both at a time, so that no more is in memory than is to be."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import Any

from landscapes.networks.many_points import MORE, MOST_IMAGES

__all__ = ["MORE", "in_parts"]

Work = Callable[[Any, Any, Any, bool], tuple[Any, Any]]


def in_parts(work: Work, join: Callable[..., Any], x: Any, picks: Any, weights: Any, slopes: bool, more: int) -> Any:
    """What ``work(x, picks, weights, slopes)`` finds, losses (R,) and slopes (R, d), of all parts together.

    Args:
        work: takes picks (R, S) of examples, or a slice of the examples.
        join: concatenation, of arrays or tensors.
        x, picks, weights: (R, d), (R, S) or None for all examples, (R, S).
        slopes: handed on.
        more: 1 for torch on a CPU; `MORE` on a GPU and for compiled loops, which keep the activations of a few lanes.
    """
    (replicas, examples), most = weights.shape, MOST_IMAGES * more
    rows = max(1, min(replicas, most))
    columns = max(1, min(examples, most // rows))
    if rows >= replicas and columns >= examples:
        return work(x, slice(0, examples) if picks is None else picks, weights, slopes)
    found = []
    for row in (slice(r, r + rows) for r in range(0, replicas, rows)):
        parts = (slice(c, c + columns) for c in range(0, examples, columns))
        sums = [work(x[row], c if picks is None else picks[row, c], weights[row, c], slopes) for c in parts]
        found.append([reduce(add, values) for values in zip(*sums, strict=True)])
    return [join(values) for values in zip(*found, strict=True)]
