"""The named landscapes, as a table."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable
from typing import Any

from landscapes.field import unknown_parameter
from landscapes.landscape import DriftField, Landscape


def named(name: str, **parameters: Any) -> Landscape | DriftField:
    """Return a named landscape or drift field, such as ``named("double-well", barrier=0.5)``.

    Raises:
        ValueError: for an unknown name or parameter; the message lists the known ones.
    """
    known = catalogue()
    key = name.strip().lower().replace("_", "-").replace(" ", "-")
    if key not in known:
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        raise ValueError(f"There is no landscape named {name!r}{hint} Known are: {', '.join(known)}.")
    accepted = inspect.signature(known[key]).parameters
    for parameter in parameters:
        if parameter not in accepted:
            raise ValueError(unknown_parameter(key, parameter, accepted))
    return known[key](**parameters)


def catalogue() -> dict[str, Callable[..., Landscape | DriftField]]:
    """Return the named landscapes and drift fields by their names."""
    from landscapes.catalogue import example_losses, shipped, surfaces, wells

    return {
        "double-well": wells.DoubleWell,
        "sharp-flat-well": wells.SharpFlatWell,
        "tilted-cosine": wells.TiltedCosine,
        "quadratic": surfaces.Quadratic,
        "styblinski-tang": surfaces.StyblinskiTang,
        "mueller-brown": surfaces.MuellerBrown,
        "three-hole": surfaces.ThreeHole,
        "coupled-double-wells": surfaces.CoupledDoubleWells,
        "maier-stein": surfaces.MaierStein,
        "per-example-double-well": example_losses.PerExampleDoubleWell,
        "resnet-slice": shipped.resnet_slice,
    }
