"""The escape-time formula under four noises, at sizes that take seconds; chain and quadrature are exact."""

import itertools
import math

import numpy as np
import pytest

from fpsim.sgd.chain import Chain
from validation.escape_formula import four_noises as noises
from validation.escape_formula import measures as study
from validation.escape_formula.four_noises import VARIABLES, Setting
from validation.escape_formula.sweeps import Kind, Plan, points, sweeps_of, swept
from validation.study.lines import asymptote, straight_line


def test_asymptote_finds_what_was_put_in():
    x = np.array([1.0, 1.4, 2.0, 2.8, 4.0, 6.0])
    y = 3 * x + 2 + 0.4 / x - 0.1 / x**2
    line = asymptote(x, y)
    assert (line.slope, line.intercept) == (pytest.approx(3, abs=1e-9), pytest.approx(2, abs=1e-8))
    assert line.slope_error > abs(line.slope - 3)
    curved = asymptote(x, y + 0.5 * np.log(x), logarithm=True)
    assert curved.slope == pytest.approx(3, abs=1e-8)
    assert abs(asymptote(x, y + 0.5 * np.log(x)).slope - 3) > 0.01
    with pytest.raises(ValueError, match="as many points"):
        asymptote(x[:3], y[:3])


def test_straight_line_errors_are_one_sigma():
    """1000 noisy lines: the pulls of the slope have variance 1, with known errors and from the scatter."""
    rng, x = np.random.default_rng(1), np.linspace(0, 1, 12)
    pulls = []
    for _ in range(1000):
        y = 2 * x - 1 + 0.1 * rng.standard_normal(12)
        for line in (straight_line(x, y, np.full(12, 0.1)), straight_line(x, y)):
            pulls.append((line.slope - 2) / line.slope_error)
    known, scatter = np.reshape(pulls, (-1, 2)).T
    assert abs(known.var() - 1) < 5 * math.sqrt(2 / 1000)
    assert abs(scatter.var() - 10 / 8) < 5 * math.sqrt(4.5 / 1000)  # Student's t with 10 degrees of freedom


@pytest.mark.parametrize("variable", VARIABLES)
def test_settings_change_one_thing(variable):
    base = Setting()
    moved = base.varied(variable, 2.0)
    assert moved.value(variable) == pytest.approx(2 * base.value(variable), rel=1e-14)
    assert all(moved.value(v) == base.value(v) for v in VARIABLES if v != variable)
    well = moved.well
    ends = np.array([[-moved.width, 0.0]])
    np.testing.assert_allclose(well.hessian(ends)[0, 0], [moved.curvature, -moved.curvature / 2], rtol=1e-12)
    assert float(np.diff(well.loss(ends))[0]) == pytest.approx(moved.barrier, rel=1e-12)


def test_continuous_models_have_their_slopes_and_prefactors():
    rows = [row for i, plan in enumerate(study.continuous()) for row in study._points(i, plan, 0, 0, None)]
    sweeps = sweeps_of(rows)
    assert points(sweeps) == rows
    assert [(s.model, s.variable) for s in sweeps] == [(m, v) for m in ("two-level", "floored") for v in VARIABLES]
    for sweep in sweeps:
        row = sweep.row()
        assert row["slope / theory"] == pytest.approx(1, abs=1e-4)
        assert row["prefactor / theory"] == pytest.approx(1, abs=5e-3)
        assert row["Pearson r"] > 0.9999
        assert row["s needed"] == pytest.approx({"two-level": 0.5, "floored": -2.422}[sweep.model], abs=1e-3)


def test_prefactors_belong_to_their_conventions():
    rows = study.prefactors()
    at = next(row for row in rows if row["kappa"] == 0.005)
    assert all(abs(at[c] - 1) < 0.02 for c in ("ito", "stratonovich", "anti-ito"))
    assert at["ito / published"] == pytest.approx(0.5 * at["ito"], rel=1e-9)
    gaps = [row["ito"] - 1 for row in rows]
    assert all(0 < later < 0.6 * earlier for earlier, later in itertools.pairwise(gaps))


def test_time_grows_with_the_floor_to_the_minus_delta():
    rows = study.floors()
    for kappa in study.FLOOR_KAPPAS:
        mine = [row for row in rows if row["kappa"] == kappa]
        assert mine[0]["delta"] == pytest.approx(2 / (9 * kappa), rel=1e-6)
        power = straight_line(-np.log([r["floor"] for r in mine[-3:]]), [r["ln time"] for r in mine[-3:]]).slope
        assert power == pytest.approx(mine[0]["delta"], rel=0.01)


def test_grid_agrees_or_says_that_it_does_not_converge():
    rows = study.check_values()
    for row in rows[:3]:
        assert row["quadrature"] == pytest.approx(row["known (6 digits)"], rel=5e-6)
        assert row["grid / quadrature"] == pytest.approx(1, abs=1e-4) and row["grid says it converges"]
    assert rows[3]["grid / quadrature"] < 0.5 and not rows[3]["grid says it converges"]


def test_a_straight_line_with_a_wrong_slope_on_the_chain():
    """Pearson r > 0.99 and the theorem's slope is wrong for every s in (0, 1): its exponent is S V."""
    settings = tuple(Setting(0.1, s) for s in (0.5, 1.0, 2.0, 3.0, 4.0))
    exact, theory = study.EXACT["chain"]
    row = swept(Plan("chain", "S", settings, Kind.WITH_LOGARITHM), lambda s: (exact(s), 0.0), theory).row()
    assert row["Pearson r"] > 0.9999
    assert row["slope / theory"] == pytest.approx(1, abs=0.003)
    assert row["s needed"] < -2
    direct = noises.literal_chain(Setting(0.1, 1.0, 0.5)).quasipotential(-math.sqrt(2), math.sqrt(2))
    assert direct.value == pytest.approx(noises.chain_exponent(Setting(0.1, 1.0, 0.5)), rel=1e-3)


def test_chain_symmetries_hold_to_rounding():
    first = noises.chain_log_iterations(Setting(0.2, 2.0))
    assert noises.chain_log_iterations(Setting(0.4, 2.0, 0.25, 1.0)) == pytest.approx(first, abs=1e-9)
    assert noises.chain_log_iterations(Setting(0.2, 1.0, 0.5, 2.0)) == pytest.approx(first, abs=1e-9)


def test_mini_batches_follow_cramer_and_not_the_gaussian():
    settings = tuple(Setting(eta, 1.0) for eta in (0.1, 0.075, 0.06))
    plan = Plan("mini-batches", "1/eta", settings)
    sweep = swept(plan, lambda s: noises.sampled_log_time(s, 600, 4, 1), noises.cramer_theory)
    row = sweep.row()
    assert abs(row["slope / theory"] - 1) < 0.05 + 5 * row["error"]
    gaussian = noises.surrogate_theory(settings[0])[0] * settings[0].learning_rate
    assert row["slope"] > 1.15 * gaussian
    assert noises.cramer_theory(settings[0])[0] > 1.39 * noises.surrogate_theory(settings[0])[0]


def test_examples_make_the_well_and_its_covariance():
    setting = Setting(0.1, 1.0, 0.35, 1.5)
    x = np.linspace(-2, 2, 9)[None]
    examples = setting.examples
    np.testing.assert_allclose(examples.loss(x), setting.well.loss(x), atol=1e-12)
    np.testing.assert_allclose(examples.gradient_covariance(x)[0, 0], setting.curvature, rtol=1e-12)


def test_surrogate_tends_to_kramers():
    gaps = []
    for eta in (0.05, 0.025, 0.0125):
        setting = Setting(eta, 1.0)
        gaps.append(noises.surrogate_log_time(setting) - sum(noises.surrogate_theory(setting)))
    assert all(0.4 < later / earlier < 0.6 for earlier, later in itertools.pairwise(gaps))
    assert isinstance(Chain.from_sde(noises.mini_batches(setting).surrogate()), Chain)
