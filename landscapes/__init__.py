"""Loss landscapes L(x) and drift fields b(x): formulas, exact derivatives, critical points, named examples, networks.

`NeuralLandscape`, a torch network of one's own with its data, loads on first use and needs the extra ``network``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from landscapes.catalogue.example_losses import (
    LinearRegression,
    LogisticRegression,
    PerExampleDoubleWell,
    PerExampleTent,
)
from landscapes.catalogue.named import named
from landscapes.catalogue.shipped import resnet_slice
from landscapes.catalogue.surfaces import (
    CoupledDoubleWells,
    MaierStein,
    MuellerBrown,
    Quadratic,
    StyblinskiTang,
    ThreeHole,
)
from landscapes.catalogue.wells import DoubleWell, SharpFlatWell, TiltedCosine
from landscapes.critical.points import CriticalPoint, CriticalPoints
from landscapes.examples.dataset import DatasetLandscape
from landscapes.examples.plane import PlaneLandscape
from landscapes.examples.sampled import SampledLandscape
from landscapes.formula.grammar import ExpressionError
from landscapes.landscape import DriftField, Landscape
from landscapes.mirror.shipped import mirror_places, mirror_resnet
from landscapes.networks.own import from_torch, slice_between

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape

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
    "NeuralLandscape",
    "PerExampleDoubleWell",
    "PerExampleTent",
    "PlaneLandscape",
    "Quadratic",
    "SampledLandscape",
    "SharpFlatWell",
    "StyblinskiTang",
    "ThreeHole",
    "TiltedCosine",
    "from_torch",
    "mirror_places",
    "mirror_resnet",
    "named",
    "resnet_slice",
    "slice_between",
]


def __getattr__(name: str) -> Any:
    if name != "NeuralLandscape":
        raise AttributeError(f"module 'landscapes' has no attribute '{name}'; it offers {__all__}")
    value = import_module(".networks.landscape", __name__).NeuralLandscape
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
