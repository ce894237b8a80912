"""What the study of slices measured, as its tables, pictures and verdicts take it."""

from __future__ import annotations

from dataclasses import dataclass

from validation.resnet.escapes import Sweep
from validation.resnet.slices import Case
from validation.study.pieces import Row


@dataclass(frozen=True)
class Findings:
    """Everything that was measured on slices.

    Attributes:
        cases: the slices, the shipped one first.
        routes: the toolkit's check.
        sweeps: real SGD, with replacement, on every fresh slice.
        laws: the other laws of noise on the first fresh slice.
        rates: real SGD there at other learning rates.
        large: real SGD on the shipped slice, in large steps.
        both_ways: time out of either minimum.
    """

    cases: tuple[Case, ...]
    routes: list[Row]
    sweeps: list[Sweep]
    laws: list[Sweep]
    rates: list[Sweep]
    large: list[Sweep]
    both_ways: list[Row]
