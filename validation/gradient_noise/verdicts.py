"""Verdicts on gradient noise: five standard errors, and shares of the index that were fixed on a network of width 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from validation.study.report import Verdict

if TYPE_CHECKING:
    import xarray

    from validation.gradient_noise.measures import GradientNoise

SIGMAS = 5.0
FORMULA = 0.02
"""Largest relative difference of the anisotropy formula from drawn Gaussian noise of the same variances."""
ANISOTROPY = 0.03
"""Largest relative difference of the measured index across parameters, at the largest S, from that Gaussian noise."""


def verdicts(found: GradientNoise) -> list[Verdict]:
    """One verdict per claim, over both states and all batch sizes."""
    data = found.data
    return [*_scaling(data), *_across_parameters(data), *_across_batches(data)]


def _scaling(data: xarray.Dataset) -> list[Verdict]:
    """Norm, kurtosis and rank against single examples."""
    scaled, trace = data.norm_rms * np.sqrt(data.batch_size), np.sqrt(data.trace)
    norm = _z(scaled, trace, data.norm_rms_error * np.sqrt(data.batch_size))
    ratio = (scaled / trace).values
    kurtosis = _z(data.kurtosis_batches, data.kurtosis_exact, data.kurtosis_batches_error)
    rank = _z(data.effective_rank, data.examples_effective_rank, data.effective_rank_error)
    sizes = data.batch_size.values
    return [
        Verdict(
            "norm",
            "the noise is 1/sqrt(S) of that of one example: norm times sqrt(S) is the same for all batch sizes",
            _within(norm),
            f"rms norm * sqrt(S) / sqrt(tr C1) from {ratio.min():.3f} to {ratio.max():.3f} for S = {sizes[0]} to "
            f"{sizes[-1]}; {_largest(norm)}",
        ),
        Verdict(
            "kurtosis",
            "the excess kurtosis across batches is 1/S of that of one example: a sum of S terms of finite variance",
            _within(kurtosis),
            f"{_listed(data, 'kurtosis_batches')}; one example has {_per_state(data, 'examples_kurtosis')}; "
            f"{_largest(kurtosis)}",
        ),
        Verdict(
            "rank",
            "the effective rank (tr C)^2 / tr C^2, estimated from the batches, is that of all single examples",
            _within(rank),
            f"{_listed(data, 'effective_rank')}; examples: {_per_state(data, 'examples_effective_rank')}; "
            f"{_largest(rank)}",
        ),
    ]


def _across_parameters(data: xarray.Dataset) -> list[Verdict]:
    surrogate, error = data.index_surrogate, data.index_surrogate_error
    formula = np.abs(data.index_formula / surrogate - 1)
    last = data.isel(batch_size=-1)
    gap = np.abs(last.index_parameters / surrogate - 1)
    from_two = np.abs(_z(surrogate, 2.0 + 0 * surrogate, error))
    return [
        Verdict(
            "gaussian-index",
            "Gaussian noise has the index 2 across the parameters of one gradient",
            bool((from_two <= SIGMAS).all()),
            f"Gaussian noise with the measured variances has {_per_state(data, 'index_surrogate', 4)} "
            f"(+- {float(error.max()):.1g})",
            expected=False,
        ),
        Verdict(
            "anisotropy-formula",
            "its index across parameters is 2 / (1 + ln(AM/GM) / ln K1): it measures unequal variances",
            bool((formula <= FORMULA).all()),
            f"formula {_per_state(data, 'index_formula', 4)}, drawn {_per_state(data, 'index_surrogate', 4)}; largest "
            f"difference {100 * float(formula.max()):.2g} % (limit {100 * FORMULA:g} %)",
        ),
        Verdict(
            "anisotropy",
            "the measured index across parameters is that of Gaussian noise with the same variances",
            bool((gap <= ANISOTROPY).all()),
            f"at S = {int(last.batch_size)}: {_per_state(last, 'index_parameters', 4)}, difference at most "
            f"{100 * float(gap.max()):.2g} % (limit {100 * ANISOTROPY:g} %); at S = {int(data.batch_size[0])}: "
            f"{_per_state(data.isel(batch_size=0), 'index_parameters', 4)}",
        ),
    ]


def _across_batches(data: xarray.Dataset) -> list[Verdict]:
    """Index per parameter: what single examples say, and whether it is 2."""
    error = np.hypot(data.index_batches_error, data.index_redrawn_error)
    again = _z(data.index_batches, data.index_redrawn, error)
    two = _z(data.index_batches, 2.0 + 0 * data.index_batches, data.index_batches_error)
    first, last = (int(data.batch_size[k]) for k in (0, -1))
    end = data.isel(batch_size=-1)
    return [
        Verdict(
            "redrawn",
            "the index across batches is that of sums of S single examples, redrawn without the network",
            _within(again),
            f"{_listed(data, 'index_batches')}; {_largest(again)}",
        ),
        Verdict(
            "small-batch",
            f"across batches the noise is Gaussian at S = {first} already: index 2 per parameter",
            _within(two.isel(batch_size=0)),
            f"{_per_state(data.isel(batch_size=0), 'index_batches')}, "
            f"{_largest(two.isel(batch_size=0))}: finite variance, but far from its Gaussian limit",
            expected=False,
        ),
        Verdict(
            "large-batch",
            f"across batches the index is 2 at S = {last}, within the errors of {data.attrs['batches']} batches: what "
            "looked like a heavy tail was a small batch",
            _within(two.isel(batch_size=-1)),
            f"{_per_state(end, 'index_batches')}, {_largest(two.isel(batch_size=-1))}; redrawn, with errors up to "
            f"{float(end.index_redrawn_error.max()):.1g}, {_per_state(end, 'index_redrawn', 4)}; of those parameters "
            f"Shapiro-Wilk calls the share {_per_state(end, 'rejected_redrawn', 2)} not normal, 0.05 if all were",
        ),
    ]


def _z(found: Any, expected: Any, error: Any) -> Any:
    return (found - expected) / error


def _within(z: Any) -> bool:
    return bool((np.abs(z) <= SIGMAS).all())


def _largest(z: Any) -> str:
    return f"largest |z| = {float(np.abs(z).max()):.2f} (limit {SIGMAS:g})"


def _per_state(data: xarray.Dataset, name: str, digits: int = 3) -> str:
    """``1.28 (initial), 1.14 (trained)``."""
    return ", ".join(f"{float(v):.{digits}g} ({s})" for s, v in zip(data.state.values, data[name].values, strict=True))


def _listed(data: xarray.Dataset, name: str) -> str:
    """The values at the smallest and the largest S, with errors, per state."""
    values: NDArray[np.float64] = data[name].values
    errors: NDArray[np.float64] = data[f"{name}_error"].values
    ends = [
        f"{v[0]:.3g} +- {e[0]:.1g} to {v[-1]:.3g} +- {e[-1]:.1g} ({s})"
        for s, v, e in zip(data.state.values, values, errors, strict=True)
    ]
    return f"S = {int(data.batch_size[0])} to {int(data.batch_size[-1])}: " + ", ".join(ends)
