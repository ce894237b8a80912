"""The study of SGD on slices of residual networks."""

from __future__ import annotations

from functools import partial

from validation.resnet.findings import Slices
from validation.resnet.measures import measure
from validation.resnet.pictures import laws_figure, routes_figure, slices_figure, slopes_figure
from validation.resnet.size import Size
from validation.resnet.tables import tables
from validation.resnet.verdicts import verdicts
from validation.study.study import Study, Told

SUMMARY = (
    "Small ResNets without normalisation are trained on 8 x 8 digits of which 30 % carry wrong labels; between pairs "
    "of minima the losses of all examples are tabulated on the connecting line. On such a slice SGD draws real "
    "mini-batches of single examples' gradients. A slice is taken by a rule stated beforehand that knows the theories "
    "but no measured time: two minima and one barrier, a fine table, small steps (eta |H| on the climb is limited, at "
    "the learning rate for which Cramer's exponent grows by a stated slope per example), and exponents of Cramer and "
    "of Gaussian noise that lie apart. The ends of a slice are stationary along it; how nearly they are minima of the "
    "whole network is in the table of ends. Slopes are those of ln(iterations) against the batch size at fixed "
    "learning rate."
)


def told(found: Slices) -> Told:
    """The slices, and SGD on them if a network was trained."""
    sweeps = found.sweeps("sweeps")
    laws = partial(laws_figure, [*sweeps[:1], *found.sweeps("laws")], found.sweeps("rates"))
    sgd = {"slopes": partial(slopes_figure, sweeps), "laws-and-rates": laws} if sweeps else {}
    slices = {"slices": partial(slices_figure, found.cases), "toolkit": partial(routes_figure, found.route)}
    return Told(SUMMARY, verdicts(found), tables(found), {**slices, **sgd})


TITLE = "SGD on residual networks: slopes of escape times against every theory"
STUDY = Study("resnet", TITLE, Size.of, Slices, measure, told)
