"""Searches for saddles end: in their time, or with what they found until then; and tell how far they are."""

import time as clock

import pytest

import fpsim
from landscapes import CoupledDoubleWells, MuellerBrown

WELLS = CoupledDoubleWells(30)

CALLS = {
    "saddle": (lambda **k: fpsim.saddle(WELLS, [-1.0] * 30, **k), "direction"),
    "string": (lambda **k: fpsim.string(WELLS, [-1.0] * 30, [1.0] * 30, **k), "saddles seen"),
    "passes": (lambda **k: fpsim.passes(WELLS, [-1.0] * 30, [1.0] * 30, **k), "pass(es) were known"),
    "rates": (
        lambda **k: fpsim.rates(fpsim.SDE(MuellerBrown(), fpsim.ConstantDiffusion(10.0)), **k),
        "certified passes",
    ),
}


@pytest.fixture(scope="module")
def compiled():
    """The formula is made into code once, outside the clock."""
    WELLS.hessian([0.0] * 30)
    WELLS.gradient([0.0] * 30)


@pytest.mark.parametrize("name", CALLS)
def test_a_deadline_is_kept_and_says_what_was_found(name, compiled):
    call, words = CALLS[name]
    for deadline in (1e-4, 0.3) if name in ("string", "passes") else (1e-4,):
        began = clock.monotonic()
        with pytest.raises(ValueError, match=r"deadline of .* until then; give more time") as caught:
            call(deadline=deadline)
        assert clock.monotonic() - began < deadline + 3
        assert words in str(caught.value) or deadline < 0.1
        assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="positive number of seconds"):
        call(deadline=0)


def test_a_deadline_ends_with_its_search(compiled):
    with pytest.raises(ValueError, match="deadline"):
        fpsim.saddle(WELLS, [-1.0] * 30, deadline=1e-4)
    clock.sleep(1e-3)
    assert fpsim.saddle(MuellerBrown(), (-0.56, 1.44)).index == 1


def test_progress_rises_to_one():
    deep, middle, low = (m.x for m in MuellerBrown().minima)
    for call in (
        lambda tell: fpsim.saddle(MuellerBrown(), deep, progress=tell),
        lambda tell: fpsim.passes(MuellerBrown(), deep, middle, progress=tell),
        lambda tell: fpsim.rates(fpsim.SDE(MuellerBrown(), fpsim.ConstantDiffusion(10.0)), progress=tell),
        lambda tell: fpsim.string(MuellerBrown(), deep, low, progress=tell),
    ):
        shares: list[float] = []
        call(shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1
