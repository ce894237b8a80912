"""A surface z = L(x, y) seen from a fixed direction, painted pixel by pixel.

    across = x',   up = y' sin(e) + z cos(e),   with (x', y') the plane turned by the azimuth, e the elevation

A surface over a plane is painted right if its points are drawn from far to near: later ones cover earlier ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from animations.film.fields import Array

FINER = 2
"""Painted at this many times the size of the picture, then averaged."""
LEVELS = 22
"""Shades of grey, few enough for a gif."""
DENSE, RIM = 2.2, 0.5
"""Points of the mesh per fine pixel, and brightness of the surface's edge."""
LIGHT = np.array([-0.45, -0.35, 0.82])


@dataclass(frozen=True)
class View:
    """Where the camera stands, and how points of space fall into the frame.

    Args:
        x, y, z: (low, high) of what is seen; the plane keeps its proportions.
        middle: (x, y) of the frame where the middle of the box falls.
        width: of the plane, in units of the frame.
        height: of the box in space, as a share of the width.
        azimuth, elevation: in degrees.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    z: tuple[float, float]
    middle: tuple[float, float] = (0.0, 0.0)
    width: float = 9.0
    height: float = 0.22
    azimuth: float = -14.0
    elevation: float = 52.0

    def _space(self, xy: Array, z: Any) -> tuple[Array, Array, Array]:
        """Coordinates in units of the frame: right, away from the viewer, and upright."""
        scale = self.width / (self.x[1] - self.x[0])
        a = np.deg2rad(self.azimuth)
        u, v = scale * (xy[:, 0] - sum(self.x) / 2), scale * (xy[:, 1] - sum(self.y) / 2)
        upright = self.height * self.width * ((np.broadcast_to(z, u.shape) - self.z[0]) / (self.z[1] - self.z[0]) - 0.5)
        return np.cos(a) * u - np.sin(a) * v, np.sin(a) * u + np.cos(a) * v, upright

    def at(self, xy: Array, z: Any) -> Array:
        """Places in the frame, (n, 2), of points over ``xy`` (n, 2) at height ``z``, a number or (n,)."""
        right, away, upright = self._space(xy, z)
        e = np.deg2rad(self.elevation)
        up = away * np.sin(e) + upright * np.cos(e)
        return np.column_stack([self.middle[0] + right, self.middle[1] + up])

    def depth(self, xy: Array, z: Any) -> Array:
        """Distance of such points along the line of sight, (n,); larger is farther."""
        _, away, upright = self._space(xy, z)
        e = np.deg2rad(self.elevation)
        return np.asarray(away * np.cos(e) - upright * np.sin(e))


def painted(
    view: View, x: Array, y: Array, loss: Array, ceiling: float, spacing: float, pixels: tuple[int, int], unit: float
) -> tuple[Array, Array]:
    """The picture (height, width, 4) of bytes, clear where nothing is, and the depth of every pixel (NaN there).

    Args:
        view: the camera.
        x, y, loss: the surface, (nx,), (ny,), (ny, nx); only where it is below ``ceiling``.
        ceiling: largest loss painted.
        spacing: of the contour lines painted on it, in units of loss.
        pixels: (height, width) of the picture.
        unit: pixels per unit of the frame.
    """
    rows, columns = FINER * pixels[0], FINER * pixels[1]
    shade, depth = np.full(rows * columns, np.nan), np.full(rows * columns, np.nan)
    for xy, z, grey in _strips(view, x, y, loss, ceiling, spacing, FINER * unit):
        places = view.at(xy, z)
        column = np.rint(places[:, 0] * FINER * unit + columns / 2).astype(int)
        row = np.rint(rows / 2 - places[:, 1] * FINER * unit).astype(int)
        seen = (z <= ceiling) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        index = (row * columns + column)[seen]
        shade[index], depth[index] = grey[seen], view.depth(xy, z)[seen]
    shade, depth = _closed(shade.reshape(rows, columns)), _closed(depth.reshape(rows, columns))
    return _averaged(shade, pixels), depth[::FINER, ::FINER]


def _strips(
    view: View, x: Array, y: Array, loss: Array, ceiling: float, spacing: float, unit: float
) -> Iterator[tuple[Array, Array, Array]]:
    """Points (n, 2) of a fine mesh with height and brightness, strip by strip, from far to near."""
    from scipy.interpolate import RectBivariateSpline

    smooth = RectBivariateSpline(y, x, np.minimum(loss, 2 * ceiling - loss.min()))
    scale = view.width / (x[-1] - x[0])  # units of the frame per unit of the plane
    rise = view.height * view.width / (view.z[1] - view.z[0])  # and per unit of loss
    azimuth = np.deg2rad(view.azimuth)
    across, along = (np.linspace(v[0], v[-1], int(DENSE * scale * (v[-1] - v[0]) * unit)) for v in (x, y))
    turn_x, turn_y = (-1 if np.sin(azimuth) >= 0 else 1), (-1 if np.cos(azimuth) >= 0 else 1)  # from far to near
    for strip in np.array_split(along, max(1, len(along) // 64))[::turn_y]:
        z, dx, dy = smooth(strip, across), smooth(strip, across, dy=1), smooth(strip, across, dx=1)
        steps = np.hypot(dx, dy) * float(across[1] - across[0])  # change of z between neighbours
        grey = _lit(rise / scale * dx, rise / scale * dy) - 0.22 * _lines(z, steps, spacing)
        grey = np.where(z > ceiling - 1.2 * steps, RIM, grey)
        xy = np.stack(np.meshgrid(across, strip), axis=-1)
        yield tuple(v[::turn_y, ::turn_x].reshape(-1, *v.shape[2:]) for v in (xy, z, grey))  # type: ignore[misc]


def _lit(dx: Array, dy: Array) -> Array:
    """Brightness of a matt surface with slopes ``dx`` and ``dy``, 0.62 to 0.97."""
    light = LIGHT / np.linalg.norm(LIGHT)
    normal = np.sqrt(1 + dx**2 + dy**2)
    return np.asarray(0.62 + 0.35 * np.clip((-dx * light[0] - dy * light[1] + light[2]) / normal, 0, 1))


def _lines(z: Array, rise: Array, spacing: float) -> Array:
    """1 on contour lines about two fine pixels wide, 0 elsewhere; ``rise`` is the change of z between points."""
    from_line = np.abs((z / spacing + 0.5) % 1 - 0.5) * spacing
    return np.asarray((from_line < 1.6 * rise) & (rise > 0), dtype=float)


def _closed(values: Array) -> Array:
    """Pixels missed between two painted ones, filled from above or from the left."""
    for axis in (0, 1):
        before, after = np.roll(values, 1, axis), np.roll(values, -1, axis)
        values = np.where(np.isnan(values) & ~np.isnan(before) & ~np.isnan(after), before, values)
    return values


def _averaged(shade: Array, pixels: tuple[int, int]) -> Array:
    """Fine pixels averaged into (height, width, 4) bytes, with as many greys as ``LEVELS``."""
    blocks = shade.reshape(pixels[0], FINER, pixels[1], FINER).swapaxes(1, 2).reshape(*pixels, -1)
    cover = (~np.isnan(blocks)).mean(axis=-1)
    grey = np.nansum(blocks, axis=-1) / np.maximum(cover * FINER**2, 1)
    grey = np.rint(grey * LEVELS * 2) / (LEVELS * 2)
    out = np.repeat((255 * np.clip(grey, 0, 1)).astype(np.uint8)[..., None], 4, axis=2)
    out[..., 3] = (255 * cover).astype(np.uint8)
    return out
