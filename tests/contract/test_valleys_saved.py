"""Paths, passes and chains of valleys come back from a file as they were."""

from dataclasses import fields

import numpy as np
import pytest

import fpsim
from landscapes import Landscape, MuellerBrown, StyblinskiTang

MB = MuellerBrown()
DEEP, MIDDLE, LOW = (m.x for m in MB.minima)
RESULTS = {
    "path": lambda: fpsim.string(MB, DEEP, LOW),
    "passes": lambda: fpsim.passes(MB, DEEP, MIDDLE),
    "passes with rates": lambda: fpsim.passes(MB, DEEP, MIDDLE, temperature=10.0),
    "chain": lambda: fpsim.rates(fpsim.SDE(MB, fpsim.ConstantDiffusion(10.0))),
    "chain on a grid": lambda: fpsim.rates(
        fpsim.SDE(MB, fpsim.ConstantDiffusion([10.0, 5.0])), method="grid", cells=80, core=0.2
    ),
    "chain in 3-D": lambda: fpsim.rates(fpsim.SDE(StyblinskiTang(3), fpsim.ConstantDiffusion(4.0))),
    "one valley": lambda: fpsim.rates(
        fpsim.SDE(Landscape.from_expression("x**2 + y**2", "x y", bounds=[(-1, 1)] * 2), fpsim.ConstantDiffusion(0.1))
    ),
}


def compared(one):
    """The fields that belong to a value; landscape and descents are only known where it was made."""
    return [f.name for f in fields(one) if f.compare]


def same(one, other):
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other, equal_nan=True)
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if hasattr(one, "__dataclass_fields__"):
        names = compared(one)
        return type(one) is type(other) and all(same(getattr(one, n), getattr(other, n)) for n in names)
    return type(one) is type(other) and one == other


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_comes_back(name, tmp_path):
    found = RESULTS[name]()
    again = fpsim.load(found.save(tmp_path / "found.nc"))
    for field in compared(found):
        assert same(getattr(found, field), getattr(again, field)), field
    assert str(again) == str(found)
    if name == "chain":
        np.testing.assert_array_equal(again.modes()[0], found.modes()[0])
        assert again.plot().axes
