"""Noise and curvature of every model at every stage: each one a dataset over its directions, and all of them as one.

stages_of(together(found)) == found,      found[model, stage] over ``direction``
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fpsim.storage import dataset, facts_of
from validation.noise_covariance.directions import Array, Directions
from validation.study.findings import Row

if TYPE_CHECKING:
    import xarray

Key = tuple[str, str]
Stages = dict[Key, "xarray.Dataset"]
NETWORKS = ("MLP", "ResNet")
JOINED = ("hessian", "covariance", "outer_products", "fisher", "difference_error", "ratio_error", "theory")
SHOWN = 40
"""Directions whose correlations are kept for the figure."""


def described(found: Directions, errors: Array | None = None, theory: Array | None = None) -> xarray.Dataset:
    """One model at one stage as a dataset; ``errors`` (2, k) of C_ii - H_ii and C_ii/H_ii, ``theory`` of the ratio."""
    k = len(found.hessian)
    difference, ratio = found.errors() if errors is None else errors
    c, n = found.covariance, min(k, SHOWN)
    known = np.full(k, np.nan) if theory is None else theory
    spread = np.sqrt(np.diag(c))
    spread = np.where(spread > 0, spread, 1)
    entries = {
        "hessian": ("direction", found.hessian, "", "curvature H_ii"),
        "covariance": ("direction", np.diag(c), "", "variance C_ii of one example's gradient"),
        "outer_products": ("direction", np.diag(found.outer_products), "", "mean square of one example's gradient"),
        "fisher": ("direction", np.diag(found.fisher), "", "Fisher information F_ii of the model"),
        "difference_error": ("direction", difference, "", "error of C_ii - H_ii"),
        "ratio_error": ("direction", ratio, "", "error of C_ii / H_ii, nan where H_ii is not resolved"),
        "correlation": (("row", "column"), (c / np.outer(spread, spread))[:n, :n], "", "C_ij / (C_ii C_jj)^(1/2)"),
        "theory": ("direction", known, "", "C_ii / H_ii that the law of the data gives, nan where none does"),
    }
    facts = {"examples": len(found.gradients), **found.measures()}
    return dataset(entries, measures=facts)


def z_scores(data: xarray.Dataset, ratio: Array | None = None) -> Array:
    """(C_ii - H_ii)/error, or (C_ii/H_ii - ratio)/error in the resolved directions."""
    c, h = data["covariance"].values, data["hessian"].values
    if ratio is None:
        return np.asarray((c - h) / data["difference_error"].values)
    z = (c / h - ratio) / data["ratio_error"].values
    return np.asarray(z[np.isfinite(z)])


def row_of(key: Key, data: xarray.Dataset) -> Row:
    """The numbers that sum up one model at one stage."""
    facts = facts_of(data)["measures"]
    return {"model": key[0], "stage": key[1], **facts, "max |z|": float(np.abs(z_scores(data)).max())}


def together(found: Stages, line: xarray.Dataset) -> xarray.Dataset:
    """Every direction of every model and stage, one after the other; correlations of networks; and the slice."""
    first = next(iter(found.values()))
    entries: dict[str, Any] = {}
    for name in JOINED:
        values = np.concatenate([d[name].values for d in found.values()])
        entries[name] = ("direction", values, "", first[name].attrs["long_name"])
    for i, word in enumerate(("model", "stage")):
        labels = np.concatenate([[key[i]] * d.sizes["direction"] for key, d in found.items()])
        entries[word] = ("direction", labels.astype(object), "", f"{word} of this direction")
    for (model, stage), d in found.items():
        if model in NETWORKS:
            dims, values = (f"{model}_row", f"{model}_column"), d["correlation"].values
            entries[f"correlation_{model}_{stage}"] = (dims, values, "", d["correlation"].attrs["long_name"])
    entries |= {f"slice_{name}": ("place", line[name].values, "", line[name].attrs["long_name"]) for name in line}
    entries["slice_x"] = ("place", line.x.values, "", "length along the slice")
    return dataset(entries)


def stages_of(data: xarray.Dataset) -> Stages:
    """Each model at each stage."""
    words = list(zip(data["model"].values.tolist(), data["stage"].values.tolist(), strict=True))
    found = {}
    for model, stage in dict.fromkeys(words):
        part = data[list(JOINED)].isel(direction=[word == (model, stage) for word in words])
        name = f"correlation_{model}_{stage}"
        found[model, stage] = part.assign(correlation=data[name]) if name in data else part
    return found
