"""What sharpness is, measured, and what it is not: the same function has any sharpness that one likes.

    x -> D x:     L(D x) = L(x),     H -> D^-1 H D^-1,     C1 -> D^-1 C1 D^-1,     rates eta D^2: the same walk of SGD

(Dinh, Pascanu, Bengio, Bengio, ICML 2017, for layers with ReLU between them).  Three parts: spectra of Hessians from
products with vectors against dense ones; a ReLU network rescaled; and the escape over a slice that such a rescaling
stretches by a factor k, H -> H/k^2, at the same and at the matching learning rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from validation.sharpness.rescaled import rescaled
from validation.sharpness.spectra import compared, spectrum, trained
from validation.sharpness.stretched_slice import escapes_over_stretches
from validation.study.findings import Findings, Rows

if TYPE_CHECKING:
    import xarray

    from validation.sharpness.size import Size
    from validation.study.run import Run

STAGES = ("initialisation", "minimum")
NETWORK = ("examples", "width", "steps")


@dataclass(frozen=True)
class Sharpness(Findings):
    """What was measured.

    Attributes:
        compared: numbers from products with vectors, against dense ones.
        rescaled: measures of the network per factor of the rescaling.
        escape: iterations to escape per stretch of the slice.
        data: the spectra at both stages.
    """

    compared: Rows
    rescaled: Rows
    escape: Rows
    data: xarray.Dataset


def measure(run: Run[Size]) -> Sharpness:
    """Train two perceptrons; then spectra, the rescaled network, and escapes over the stretched slice."""
    size, seed, found, rows = run.size, run.seed, [], []
    run.tell(0.05, "training two perceptrons")
    points = run.data("parameters", partial(trained, size, seed), *NETWORK)
    for i, stage in enumerate(STAGES):
        run.tell(0.3 + 0.15 * i, f"spectrum, {stage}")
        make = partial(spectrum, size, stage, points[f"smooth_{stage}"].values, seed)
        found.append(run.data(f"spectrum-{stage}", make, *NETWORK, "lanczos", "probes", "products"))
        rows += compared(stage, found[-1])
    run.tell(0.6, "rescaling")
    x = points["relu_minimum"].values
    one_function = run.rows(
        "rescaled", lambda: [rescaled(size, x, f, seed) for f in size.factors], *NETWORK, "factors", "walk"
    )
    run.tell(0.8, "escapes")
    escapes = partial(escapes_over_stretches, size.stretches, size.paths, seed, run.threads)
    return Sharpness(rows, one_function, run.rows("escapes", escapes, "stretches", "paths"), found[0].merge(found[1]))
