"""Packages that come with an extra of fpsim-sgd, and the one sentence for those that are missing."""

from __future__ import annotations

import importlib.util

EXTRAS = {
    "torch": "network",
    "sklearn": "network",
    "mlxtend": "network",
    "threadpoolctl": "network",
    "manim": "animation",
    "typst": "animation",
    "av": "animation",
    "contourpy": "animation",
    "dask": "cluster",
    "distributed": "cluster",
    "starlette": "explore",
    "uvicorn": "explore",
    "plotly": "explore",
}
"""Name of import -> extra that brings it."""
DISTRIBUTIONS = {"sklearn": "scikit-learn"}


class MissingExtraError(ModuleNotFoundError, ValueError):
    """A package of an extra is not installed; the message says how to get it."""


def missing(package: str, purpose: str = "this") -> MissingExtraError:
    """The error for a package (by its name of import) that is not installed, and what needs it."""
    extra = EXTRAS[package.partition(".")[0]]
    known = DISTRIBUTIONS.get(package, package)
    return MissingExtraError(
        f"{purpose} needs the package {known}, which is not installed; it comes with the extra `{extra}`: "
        f"pip install -e '.[{extra}]' in a checkout of fpsim, or pip install 'fpsim-sgd[{extra}]'",
        name=package,
    )


def require(*packages: str, purpose: str = "this") -> None:
    """Raise `MissingExtraError` for the first of some packages that is not installed; imports none of them."""
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise missing(package, purpose)
