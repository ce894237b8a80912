"""Where paths start: a point, one point per path, or a distribution given as a function of uniforms."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.kernels.random_numbers import Stream, uniforms

Array = NDArray[np.float64]


def start_points(start: Any, dimension: int, first: int, count: int, seed: int) -> Array:
    """Start points of paths ``first ... first + count - 1``, shape (d, 1) for one point, else (d, count).

    Args:
        start: a number or point (d,), an array (d, paths), or a callable taking uniforms (d, n) to points (d, n).

    Raises:
        ValueError: for other shapes or non-finite points.
    """
    if callable(start):
        paths = first + np.arange(count, dtype=np.int64)
        draws = np.stack([uniforms(seed, Stream.STARTS, paths, coordinate=i) for i in range(dimension)])
        points = np.asarray(start(draws), dtype=float)
        if points.shape != (dimension, count):
            raise ValueError(
                f"a start given as a function must turn uniforms of shape ({dimension}, n) into points of the same "
                f"shape; for {draws.shape} it returned {points.shape}"
            )
    else:
        points = np.asarray(start, dtype=float)
        if points.ndim < 2:
            if points.size != dimension:
                raise ValueError(f"a start point needs {dimension} coordinates; got {start!r}")
            points = points.reshape(dimension, 1)
        elif points.shape[0] != dimension or (points.shape[1] not in (1,) and points.shape[1] < first + count):
            raise ValueError(f"start points need shape ({dimension}, paths) with one per path; got {points.shape}")
        elif points.shape[1] > 1:
            points = points[:, first : first + count]
    if not np.isfinite(points).all():
        raise ValueError("every start point must be finite; got NaN or infinity")
    return np.ascontiguousarray(points)
