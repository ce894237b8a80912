"""Sharp against flat valleys: exact exponents, prefactors and stationary odds against theory worked out by hand."""

import math

import numpy as np
import pytest

from validation.sharp_flat.measures import LEVELS, Size, _sampled
from validation.sharp_flat.two_valleys import (
    BARRIER,
    CLIMB,
    FLOOR,
    FLOORED,
    SADDLE,
    TWO_LEVEL,
    WHITE,
    Valley,
    arrhenius,
    grid_log_odds,
    log_odds,
)
from validation.sharp_flat.verdicts import floors, laws, routes
from validation.study.lines import straight_line

VALLEYS = [Valley(64.0, "sharp"), Valley(16.0, "sharp"), Valley(1.0, "flat"), Valley(64.0, "flat")]


@pytest.mark.parametrize("ratio", [1.0, 4.0, 64.0])
def test_only_the_valleys_change(ratio):
    """Curvatures stand in the ratio; barrier and saddle stay."""
    sharp, flat = Valley(ratio, "sharp"), Valley(ratio, "flat")
    well = sharp.landscape
    places = np.array([[well.default_start[0], 0.0, well.default_target[0]]])
    np.testing.assert_allclose(well.hessian(places)[0, 0], [sharp.curvature, -SADDLE, flat.curvature], rtol=1e-9)
    np.testing.assert_allclose(well.loss(places), [0, BARRIER, 0], atol=1e-12)
    assert sharp.curvature / flat.curvature == pytest.approx(ratio, rel=1e-12)


def test_white_noise_is_a_power_law():
    found = [arrhenius(WHITE, valley).exact for valley in VALLEYS]
    for valley, line in zip(VALLEYS, found, strict=True):
        assert line.slope == pytest.approx(BARRIER, rel=1e-5)
        assert math.exp(line.intercept) == pytest.approx(2 * math.pi / math.sqrt(valley.curvature * SADDLE), rel=1e-3)
    power = straight_line(np.log([v.curvature for v in VALLEYS]), [line.intercept for line in found])
    assert power.slope == pytest.approx(-0.5, abs=1e-3)


@pytest.mark.parametrize("model", TWO_LEVEL, ids=lambda m: m.convention)
def test_two_levels_are_an_exponential_in_the_inverse_curvature(model):
    prefactor = {
        "ito": lambda h: 2 * math.pi / h,
        "stratonovich": lambda h: 2 * math.pi / math.sqrt(h * SADDLE),
        "anti-ito": lambda h: 2 * math.pi / SADDLE,
    }[model.convention]
    for valley in VALLEYS:
        line = arrhenius(model, valley).exact
        expected = BARRIER * (CLIMB / valley.curvature + (1 - CLIMB) / SADDLE)
        assert line.slope == pytest.approx(expected, rel=1e-5)
        assert math.exp(line.intercept) == pytest.approx(prefactor(valley.curvature), rel=2e-3)


def test_literal_noise_has_the_exponent_of_its_integral():
    for valley in VALLEYS[1:]:
        well, ends = valley.landscape, [float(valley.problem(FLOORED, 0.1).start[0]), 0.0]
        x = np.linspace(*sorted(ends), 200_001)[None]
        slope, bend = well.gradient(x)[0], well.hessian(x)[0, 0]
        integral = np.trapezoid(slope / (np.abs(bend) + FLOOR), x[0])
        assert arrhenius(FLOORED, valley).exact.slope == pytest.approx(abs(integral), rel=1e-4)


def test_odds_are_the_ratio_of_the_times():
    """Ito: (H_sharp / H_flat) exp[(s dL / kappa) (1/H_flat - 1/H_sharp)]; anti-Ito: the exponential alone."""
    sharp, flat = (Valley(4.0, side).curvature for side in ("sharp", "flat"))
    for kappa, tolerance in ((0.004, 0.06), (0.001, 0.015)):
        growth = CLIMB * BARRIER / kappa * (1 / flat - 1 / sharp)
        assert log_odds(TWO_LEVEL[0], 4.0, kappa) == pytest.approx(growth + math.log(sharp / flat), abs=tolerance)
        assert log_odds(TWO_LEVEL[2], 4.0, kappa) == pytest.approx(growth, abs=tolerance)
    assert log_odds(WHITE, 4.0, 0.002) == pytest.approx(math.log(2), abs=1e-3)


@pytest.mark.parametrize("model", [WHITE, TWO_LEVEL[0], FLOORED], ids=str)
def test_odds_agree_with_the_grid(model):
    assert grid_log_odds(model, 4.0, 0.04) == pytest.approx(log_odds(model, 4.0, 0.04), abs=5e-3)


@pytest.mark.parametrize(("model", "ratio", "side"), [(WHITE, 4.0, "sharp"), (TWO_LEVEL[0], 1.0, "flat")], ids=str)
def test_paths_agree_with_quadrature(model, ratio, side):
    problem = Valley(ratio, side).problem(model, LEVELS[model.name])
    exact = problem.by_quadrature()
    size = Size((), (), 500, 1e9, 5, None)
    found = _sampled(problem, 1.0, model, exact.mean, size, 3, 1)
    assert found is not None and abs(found.z_score(exact)) < 5
    assert found.error < 0.2 * exact.mean
    assert _sampled(problem, 1.0, model, exact.mean, Size((), (), 500, 1e3, 5, None), 3, 1) is None  # too dear


def test_verdicts_fail_for_wrong_numbers():
    """A verdict is worth something only if other numbers would change it."""
    rows = [
        {
            "model": "white", "convention": "ito", "curvature": h, "exponent": 0.25 * wrong, "exponent_error": 0.0,
            "log_prefactor": -0.5 * math.log(h), "log_prefactor_error": 0.0,
        }
        for h, wrong in ((1.0, 1.0), (4.0, 1.03), (16.0, 1.0))
    ]  # fmt: skip
    two = [
        {**row, "model": "two-level", "convention": c, "log_prefactor": 0.0}
        for c in ("ito", "stratonovich", "anti-ito")
        for row in rows
    ]
    literal = [{**r, "model": "floored", "theory_exponent": r["exponent"], "theory_log_prefactor": 0.0} for r in rows]
    found = {v.key: v for v in laws([*rows, *two, *literal])}
    assert not found["white-power-law"].holds and not found["two-level-exponential"].holds
    assert found["published-prefactor"].holds and not found["published-prefactor"].as_expected
    time = {"quadrature": 100.0, "paths": 150.0, "z_paths": 6.0, "grid": 101.0}
    assert not any(v.holds for v in routes([time, time]))
    flat = [{"floor": 10.0**-k, "ln(flat/sharp)": 2.0, "delta, sharp": 1.0, "delta, flat": 3.0} for k in range(1, 5)]
    assert [v.as_expected for v in floors(flat)] == [False, False]
