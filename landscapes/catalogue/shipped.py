"""What ships with the package: a slice L(x) of a trained ResNet's loss, ready for every route, without torch."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import as_file, files

from landscapes.examples.sampled import SampledLandscape


@lru_cache(maxsize=1)
def resnet_slice() -> SampledLandscape:
    """Load the slice that ships with the package: two minima of a trained ResNet-8 and the barrier between them.

    Its default start and target are the minima; ``facts`` say how it was made (`landscapes.networks.recipe`).
    """
    with as_file(files(__package__.removesuffix(".catalogue")) / "data" / "resnet_slice.nc") as path:
        return SampledLandscape.load(path)
