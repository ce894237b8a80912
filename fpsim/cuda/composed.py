"""Formulas that need eigenvectors of a Hessian or a table of examples: device functions of several texts.

All loops are those of :mod:`fpsim.kernels.given`, for one point; Jacobi's rotations are its very functions.
"""

from __future__ import annotations

from typing import Any

from fpsim.cuda.functions import again, generated
from fpsim.kernels import given
from fpsim.kernels.texts import ComposedText, PartText

CURVATURE = """
def block(x, data, out):
    h = local({half})
    a = local({square})
    v = local({square})
    level = local({d})
    root = local({d})
    given(x, data[3:], h)
    spectral(h, 0, 1, a, v, level, root, data, out, {d}, False, {form})
"""
EXAMPLES = """
def block(x, data, out):
    u = local({columns})
    g = local({d})
    for k in range({rows}):
        out[k] = 0.0
    for e in range({m}):
        for r in range({columns}):
            u[r] = data[r * {m} + e]
        given(x, u, data[{table}:], g)
        for p in range({d}):
            out[p] += g[p] / {m}
    for e in range({m}):
        for r in range({columns}):
            u[r] = data[r * {m} + e]
        given(x, u, data[{table}:], g)
        k = {d}
        for p in range({d}):
            for q in range(p, {d}):
                out[k] += (g[p] - out[p]) * (g[q] - out[q]) / {m}
                k += 1
"""


def written(text: str | ComposedText, real: str) -> Any:
    """``block(x, [z,] data, out)`` of a text, or of several."""
    return generated(text, real) if isinstance(text, str) else _composed(text, real)


def _composed(text: ComposedText, real: str) -> Any:
    known = {"inner": generated(text.inner, real)}
    normals = "z, " if text.takes_normals else ""
    lines, row = [f"def block(x, {normals}data, out):", f"    g = local({text.rows})"], 0
    for number, (part, begin, end) in enumerate(text.parts):
        known[f"part_{number}"] = _part(part, real)
        lines.append(f"    part_{number}(x, data[{begin}:{end}], g[{row}:{row + part.rows}])")
        row += part.rows
    lines.append(f"    inner(x, {normals}g, data[:{text.split}], out)\n")
    return generated("\n".join(lines), real, **known)


def _part(part: PartText, real: str) -> Any:
    d, known = part.dimension, {"given": generated(part.source, real)}
    if part.kind == "curvature":
        known["spectral"] = again(given.spectral, rotated=again(given.rotated))
        return generated(CURVATURE.format(d=d, square=d * d, half=d * (d + 1) // 2, form=part.sizes[0]), real, **known)
    columns, m = part.sizes
    return generated(EXAMPLES.format(d=d, columns=columns, m=m, rows=part.rows, table=columns * m), real, **known)
