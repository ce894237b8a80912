"""A surface z = L(x, y) seen from any direction, as facets drawn from far to near: later ones cover earlier ones.

across = x',   up = y' sin(e) + z cos(e),   with (x', y') the plane turned by the azimuth, e the elevation
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from animations.film.fields import Array

FACETS = 110
"""Facets along each axis."""
LEVELS = 110
"""Shades of grey between black and white; a gif has fewer of its own."""
LIGHT = np.array([-0.45, -0.35, 0.82])
RAY, NEAREST = 90, 0.12
"""Points looked at on the way to the viewer, and how far the first one is, in units of the frame."""


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

    @property
    def scale(self) -> float:
        """Units of the frame per unit of the plane."""
        return self.width / (self.x[1] - self.x[0])

    @property
    def rise(self) -> float:
        """Units of the frame per unit of loss."""
        return self.height * self.width / (self.z[1] - self.z[0])

    @property
    def away(self) -> Array:
        """The direction in the plane that leads away from the viewer, (2,)."""
        a = np.deg2rad(self.azimuth)
        return np.array([np.sin(a), np.cos(a)])

    def at(self, xy: Array, z: Any) -> Array:
        """Places in the frame, (n, 2), of points over ``xy`` (n, 2) at height ``z``, a number or (n,)."""
        e, away = np.deg2rad(self.elevation), self.away
        flat = self.scale * (xy - [sum(self.x) / 2, sum(self.y) / 2])
        upright = self.rise * (np.broadcast_to(z, xy.shape[:-1]) - sum(self.z) / 2)
        up = flat @ away * np.sin(e) + upright * np.cos(e)
        return np.column_stack([self.middle[0] + flat @ [away[1], -away[0]], self.middle[1] + up])


@dataclass(frozen=True)
class Surface:
    """The piece of a surface that is drawn.

    Args:
        x, y, loss: (nx,), (ny,), (ny, nx).
        ceiling: largest loss drawn.
    """

    x: Array
    y: Array
    loss: Array
    ceiling: float

    def holds(self, xy: Array, loss: Array) -> Array:
        """Whether points (..., 2) at ``loss`` (...) lie on the piece that is drawn."""
        low, high = (np.array([self.x[k], self.y[k]]) for k in (0, -1))
        return np.asarray((loss <= self.ceiling) & ((xy >= low) & (xy <= high)).all(axis=-1))

    @cached_property
    def facets(self) -> tuple[list[Array], Array, Array]:
        """Corners (k, 3) of each facet, cut off at the ceiling; their middles (n, 2); their brightness (n,)."""
        rows, columns = (np.unique(np.linspace(0, n - 1, FACETS + 1).astype(int)) for n in self.loss.shape)
        x, y, z = self.x[columns], self.y[rows], self.loss[np.ix_(rows, columns)]
        points = np.stack([*np.meshgrid(x, y), z], axis=-1)
        corners = np.stack([points[:-1, :-1], points[:-1, 1:], points[1:, 1:], points[1:, :-1]], axis=2)
        corners = corners.reshape(-1, 4, 3)
        corners = corners[corners[..., 2].min(axis=1) < self.ceiling]
        cut = corners[..., 2].max(axis=1) > self.ceiling
        found = [_below(one, self.ceiling) if above else one for one, above in zip(corners, cut, strict=True)]
        return found, corners[..., :2].mean(axis=1), self._brightness(corners)

    def _brightness(self, corners: Array) -> Array:
        """Brightness of a matt surface, 0.62 to 0.97; heights are shown as large as the plane's width times 0.22."""
        light = LIGHT / np.linalg.norm(LIGHT)
        rise = View((self.x[0], self.x[-1]), (self.y[0], self.y[-1]), (self.loss.min(), self.ceiling))
        first, second = corners[:, 2] - corners[:, 0], corners[:, 3] - corners[:, 1]
        normal = np.cross(first * [1, 1, rise.rise / rise.scale], second * [1, 1, rise.rise / rise.scale])
        lit = np.clip(normal @ light / np.linalg.norm(normal, axis=1), 0, 1)
        return np.rint((0.62 + 0.35 * lit) * LEVELS) / LEVELS

    def draw(self, context: Any, view: View, shades: Array) -> None:
        """Draw all facets in their ``shades`` (n, 3), from far to near."""
        corners, middles, _ = self.facets
        places = view.at(np.concatenate(corners)[:, :2], np.concatenate(corners)[:, 2])
        pieces = np.split(places, np.cumsum([len(one) for one in corners])[:-1])
        context.set_line_width(0.012)  # closes the gaps that smoothed edges leave
        for k in np.argsort(-middles @ view.away):
            first, *others = pieces[k].tolist()
            context.set_source_rgba(*shades[k], 1.0)
            context.move_to(*first)
            for place in others:
                context.line_to(*place)
            context.close_path()
            context.fill_preserve()
            context.stroke()

    def hides(self, view: View, xy: Array, z: Array) -> Array:
        """Whether the surface lies between the viewer and points (n, 2) at heights (n,)."""
        e = np.deg2rad(view.elevation)
        far = (view.rise * (self.ceiling - min(float(np.min(z, initial=0.0)), float(self.loss.min())))) / np.sin(e)
        steps = np.linspace(NEAREST, max(far, 2 * NEAREST), RAY)
        places = xy[:, None] - steps[:, None] * np.cos(e) / view.scale * view.away
        loss = self._at(places)
        above = np.asarray(z)[:, None] + steps * np.sin(e) / view.rise - loss
        drawn = self.holds(places, loss)
        through = (above[:, :-1] < 0) & (above[:, 1:] >= 0) & (drawn[:, :-1] | drawn[:, 1:])
        return np.asarray(through.any(axis=1))

    def _at(self, xy: Array) -> Array:
        """The loss between the points where it is known."""
        from scipy.ndimage import map_coordinates

        row = (xy[..., 1] - self.y[0]) / (self.y[1] - self.y[0])
        column = (xy[..., 0] - self.x[0]) / (self.x[1] - self.x[0])
        return np.asarray(map_coordinates(self.loss, [row, column], order=1, mode="nearest"))

    def contours(self, levels: Array) -> tuple[Array, Array]:
        """Lines (n, 2) where the loss is one of ``levels``, and its height (n,); rows of NaN between two."""
        from contourpy import contour_generator

        lines, places, heights = contour_generator(self.x, self.y, self.loss), [np.empty((0, 2))], [np.empty(0)]
        for level in levels:
            for line in lines.lines(float(level)):
                places += [np.asarray(line), np.full((1, 2), np.nan)]
                heights.append(np.full(len(line) + 1, float(level)))
        return np.concatenate(places), np.concatenate(heights)


def _below(corners: Array, ceiling: float) -> Array:
    """The part of a facet (4, 3) below the ceiling, (k, 3)."""
    kept = []
    for one, other in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if one[2] <= ceiling:
            kept.append(one)
        if (one[2] <= ceiling) != (other[2] <= ceiling):
            kept.append(one + (ceiling - one[2]) / (other[2] - one[2]) * (other - one))
    return np.array(kept)
