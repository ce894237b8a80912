"""Loss landscapes L(x) and drift fields b(x): formulas, exact derivatives, critical points, named examples."""

from landscapes.critical import CriticalPoint, CriticalPoints
from landscapes.dataset import DatasetLandscape
from landscapes.example_losses import LinearRegression, LogisticRegression, PerExampleDoubleWell, PerExampleTent
from landscapes.grammar import ExpressionError
from landscapes.landscape import DriftField, Landscape
from landscapes.named import named
from landscapes.sampled import SampledLandscape
from landscapes.shipped import resnet_slice
from landscapes.surfaces import (
    CoupledDoubleWells,
    MaierStein,
    MuellerBrown,
    Quadratic,
    StyblinskiTang,
    ThreeHole,
)
from landscapes.wells import DoubleWell, SharpFlatWell, TiltedCosine

__all__ = [
    "CoupledDoubleWells",
    "CriticalPoint",
    "CriticalPoints",
    "DatasetLandscape",
    "DoubleWell",
    "DriftField",
    "ExpressionError",
    "Landscape",
    "LinearRegression",
    "LogisticRegression",
    "MaierStein",
    "MuellerBrown",
    "PerExampleDoubleWell",
    "PerExampleTent",
    "Quadratic",
    "SampledLandscape",
    "SharpFlatWell",
    "StyblinskiTang",
    "ThreeHole",
    "TiltedCosine",
    "named",
    "resnet_slice",
]
