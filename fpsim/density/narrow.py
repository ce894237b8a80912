"""What a grid has to resolve: small targets, a start close to its target, and narrow places that the formulas know.

exp(-((x - c) / w)^2), tanh((x - c) / w), 1 / ((x - c)^2 + w^2), ...        c: where the inner polynomial is stationary
                                                                           or zero,  w: over which it changes by one
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.density.grid import Grid
from fpsim.density.space import Box, Space
from fpsim.density.stretch import Feature
from fpsim.targets import Target

Array = NDArray[np.float64]
TARGET_CELLS = 8.0  # cells per radius of a ball, and between start and target, that a uniform grid should have
FORMULA_CELLS = 4.0  # cells per length of a narrow place in a formula
HIGHEST_DEGREE = 8
SAMPLES = {1: 2000, 2: 120, 3: 40}
NARROW = "a narrow part of a formula"


def small_features(sde: Any, start: Array, target: Target, space: Space, box: Box, widths: Array) -> list[Feature]:
    """Features that uniform cells of ``widths`` (d,) are too coarse for.

    Args:
        sde: the SDE.
        start, target, space: the problem.
        box: where the grid will be.
        widths: uniform cell widths on the finest grid.
    """
    found, ball = [], target.ball()
    if ball is not None:
        small = [k for k, h in enumerate(widths) if ball[1] < TARGET_CELLS * h]
        found += [Feature(k, float(ball[0][k]), ball[1], "the target") for k in small]
    elif target.plane() is None:
        found += _small_set(target, start, space, box, widths)
    fewest = 2.0 if start.size == 1 else TARGET_CELLS  # in 1-D a face lies on the target
    gap = cells_to(target, start, space, widths, fewest)
    if gap < fewest:
        found += [Feature(k, float(start[k]), gap * h, "the way to the target") for k, h in enumerate(widths.tolist())]
    for feature in formula_features(sde):
        low, high = box[feature.axis]
        if (np.isnan(feature.place) or low < feature.place < high) and feature.length < FORMULA_CELLS * widths[
            feature.axis
        ]:
            found.append(feature)
    return _merged(found)


def _merged(features: list[Feature]) -> list[Feature]:
    """One feature for several at the same place of an axis: the smallest."""
    kept: list[Feature] = []
    for feature in sorted(features, key=lambda f: f.length):  # a wave has no place (nan) and is kept
        if not any(f.axis == feature.axis and abs(f.place - feature.place) <= f.length for f in kept):
            kept.append(feature)
    return kept


def _small_set(target: Target, start: Array, space: Space, box: Box, widths: Array) -> list[Feature]:
    """Place and size of a level set that spans few cells along every axis; nothing if it is larger."""
    grid = Grid(*((low, high, SAMPLES[start.size]) for low, high in box))
    level = space.level(target, grid.points)
    inside = level >= 0
    if inside.any():
        if np.any(np.ptp(grid.points[:, inside], axis=1) > TARGET_CELLS * widths + grid.spacing):
            return []
        place = grid.points[:, np.argmax(level)]
    else:
        within = space.found(target, grid, start)
        if within is None:
            return []
        place = within
    found = []
    for k, h in enumerate(widths):
        reach = TARGET_CELLS * h * 2.0 ** -np.arange(60.0)
        steps = place[:, None] + np.outer(np.eye(start.size)[k], np.concatenate([reach, -reach]))
        held = np.all(np.reshape(space.level(target, steps) >= 0, (2, -1)), axis=0)
        if held.any() and not held[0]:
            found.append(Feature(k, float(place[k]), 1.5 * float(reach[np.argmax(held)]), "the target"))
    return found


def cells_to(target: Target, start: Array, space: Space, widths: Array, reach: float) -> float:
    """How many cells of ``widths`` (d,) lie between ``start`` and target, in 26 (or fewer) directions, up to ``reach``.

    A cell counts the same along every axis, so that boxes of any shape are alike.
    """
    d = start.size
    rays = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * d, indexing="ij")).reshape(d, -1)
    rays = rays[:, np.any(rays != 0, axis=0)]
    rays /= np.linalg.norm(rays, axis=0)
    slope = np.asarray(target.gradient(start[:, None])[:, 0], dtype=float) * widths
    if np.isfinite(slope).all() and slope.any():
        rays = np.column_stack([rays, slope / np.linalg.norm(slope)])
    ladder = reach * 2.0 ** -np.arange(60.0)
    with np.errstate(all="ignore"):
        steps = (start[:, None] + r * widths[:, None] * rays for r in ladder)
        met = np.flatnonzero([bool((space.level(target, points) >= 0).any()) for points in steps])
    return float(0.75 * ladder[met[-1]]) if met.size else np.inf


def formula_features(sde: Any) -> list[Feature]:
    """Places and lengths, per axis, at which a part of the formulas of loss, drift and noise changes."""
    base = sde.landscape.symbolic
    if base is None:
        return []
    noise = sde.noise.symbolic(sde.landscape)
    values = dict(base.parameters) | (dict(noise[1]) if noise is not None else {})
    formulas = list(base.drift if base.loss is None else (base.loss,))
    if noise is not None:
        formulas += list(noise[0])
    return _features(tuple(formulas), tuple(base.variables), tuple(values.items()))


def _features(formulas: tuple[Any, ...], variables: tuple[Any, ...], values: tuple[Any, ...]) -> list[Feature]:
    import sympy

    found: list[Feature] = []
    seen = set()
    for formula in formulas:
        for node in sympy.preorder_traversal(sympy.sympify(formula)):
            inner, relative = _inner(node, variables)
            if inner is None or (inner, relative) in seen:
                continue
            seen.add((inner, relative))
            with_values = inner.xreplace({name: sympy.Float(value) for name, value in values})
            if with_values.is_polynomial(*variables):
                found += _of_polynomial(
                    sympy.Poly(with_values, *variables), relative, isinstance(node, sympy.sin | sympy.cos)
                )
    return found


def _inner(node: Any, variables: tuple[Any, ...]) -> tuple[Any, bool]:
    """The inside of a function, and whether relative (powers, logarithms) or absolute changes of it count."""
    import sympy

    if not getattr(node, "free_symbols", set()) & set(variables):
        return None, False
    if isinstance(node, sympy.Abs | sympy.sign | sympy.Piecewise):
        return None, False
    if isinstance(node, sympy.Function) and isinstance(node.args[0], sympy.Expr):
        return node.args[0], isinstance(node, sympy.log)
    if node.is_Pow and not (node.exp.is_integer and node.exp.is_positive):
        return (node.exp, False) if node.base.is_number else (node.base, True)
    return None, False


def _of_polynomial(inner: Any, relative: bool, is_wave: bool) -> list[Feature]:
    """Features of f(inner): where inner is stationary (or zero, if linear), and over which length it changes there."""
    if inner.total_degree() == 1:
        return [] if relative else _of_line(inner, is_wave)
    if inner.total_degree() == 2:
        return _of_quadratic(inner, relative)
    if len(inner.gens) > 1 or inner.total_degree() > HIGHEST_DEGREE:
        return []
    derivative, found = inner.diff(), []
    roots = np.roots([float(c) for c in derivative.all_coeffs()])
    for root in np.real(roots[np.abs(roots.imag) <= 1e-6 * np.abs(roots)]):
        bend = abs(float(derivative.diff().eval(float(root))))
        size = abs(float(inner.eval(float(root)))) if relative else 1.0
        if bend > 0 and size > 0:
            found.append(Feature(0, float(root), float(np.sqrt(2 * size / bend)), NARROW))
    return found


def _of_line(inner: Any, is_wave: bool) -> list[Feature]:
    """A step where a linear form is zero, if it goes along an axis; a wave is everywhere (no place)."""
    slopes = np.array([float(inner.coeff_monomial(v)) for v in inner.gens])
    if is_wave:
        return [Feature(int(k), np.nan, 1 / abs(slopes[k]), "a wave in a formula") for k in np.flatnonzero(slopes)]
    along = np.flatnonzero(slopes)
    if along.size != 1:  # a step across the axes is no place along one of them
        return []
    k = int(along[0])
    return [Feature(k, -float(inner.coeff_monomial(1)) / slopes[k], 1 / abs(slopes[k]), NARROW)]


def _of_quadratic(inner: Any, relative: bool) -> list[Feature]:
    """The centre of a quadratic form, and its widths along the axes."""
    gens, origin = inner.gens, dict.fromkeys(inner.gens, 0)
    hessian = np.array([[float(inner.diff(a).diff(b).eval(origin)) for a in gens] for b in gens])
    slope = np.array([float(inner.diff(a).eval(origin)) for a in gens])
    used = np.flatnonzero(hessian.any(axis=0))
    part = hessian[np.ix_(used, used)]
    if np.linalg.cond(part) > 1e12:
        return []
    center = np.linalg.solve(part, -slope[used])
    place = dict.fromkeys(gens, 0.0) | {gens[k]: float(c) for k, c in zip(used, center, strict=True)}
    size = abs(float(inner.eval(place))) if relative else 1.0
    bends = np.maximum(np.abs(np.diag(part)), np.abs(np.linalg.eigvalsh(part)).min())
    widths = np.sqrt(2 * size / bends)
    return [Feature(int(k), float(c), float(w), NARROW) for k, c, w in zip(used, center, widths, strict=True) if w > 0]
