"""The study of SGD on slices of residual networks, with a panel on SGD in all of their parameters."""

from __future__ import annotations

from dataclasses import replace

from validation.full_space.run import STUDY as FULL_SPACE
from validation.resnet.findings import Slices
from validation.resnet.measures import Size, measure
from validation.resnet.pictures import pictures
from validation.resnet.tables import tables
from validation.resnet.verdicts import verdicts
from validation.study.study import Study

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


STUDY = Study(
    name="resnet",
    title="SGD on residual networks: slopes of escape times against every theory",
    size=Size.of,
    found=Slices,
    measure=measure,
    verdicts=verdicts,
    summary=lambda found: SUMMARY,
    tables=tables,
    pictures=pictures,
    panels=(replace(FULL_SPACE, share=0.3),),
    share=0.7,
)
