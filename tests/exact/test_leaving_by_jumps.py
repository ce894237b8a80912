"""Alpha-stable noise: times out of intervals against Getoor's closed form and the limit of small jumps."""

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.exact.fractional import fractional_passage, matrix
from fpsim.noise.described import describe_noise, noise_from
from fpsim.noise.facts import StableLaw
from fpsim.route import ROUTES
from fpsim.targets import target_from

FREE = landscapes.DriftField.from_expression(["0"], variables="x")
BOWL = landscapes.Landscape.from_expression("x**2/2", bounds=[(-3, 3)])
NO_D = "jumps and has no diffusion tensor D; use by_paths"


def leaving(place, alpha: float, scale: float, start: float, centre: float, radius: float) -> fpsim.EscapeProblem:
    return fpsim.EscapeProblem(
        fpsim.SDE(place, fpsim.LevyNoise(alpha, scale)), start, fpsim.Outside([centre], radius)
    )  # fmt: skip


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5, 1.9])
def test_getoor_is_met_to_six_digits(alpha: float):
    """From x = 0.3 out of (-1.1, 1.3) with scale 0.7: no start in the middle, no units of one."""
    problem = leaving(FREE, alpha, 0.7, 0.3, 0.1, 1.2)
    found, closed = problem.by("fractional", cells=800), problem.by("getoor")
    assert found.mean == pytest.approx(closed.mean, rel=1e-6) and abs(found.mean - closed.mean) < 2 * found.error
    assert all(a.holds for a in (*found.assumptions, *closed.assumptions))


@pytest.mark.parametrize("alpha", [0.3, 1.0, 1.4, 1.9])
def test_errors_hold_near_an_end_and_nearer_it_is_refused(alpha: float):
    """Down to a cell from the end, where T ~ distance^(alpha/2); nearer, T is no number of a grid."""
    for cells_away in (1.0, 1.7, 3.0, 5.0, 9.0, 20.0):
        problem = leaving(FREE, alpha, 1.0, 1 - cells_away / 200, 0.0, 1.0)
        found = problem.by("fractional", cells=400)
        assert abs(found.mean - problem.by("getoor").mean) < found.error
    with pytest.raises(ValueError, match="within a cell of an end"):
        leaving(FREE, alpha, 1.0, 1 - 0.5 / 200, 0.0, 1.0).by("fractional", cells=400)


def test_getoor_at_alpha_one_by_hand():
    """E tau(0) = 1 for the Cauchy process in (-1, 1): Gamma(1/2) / (2 Gamma(3/2) Gamma(1))."""
    assert leaving(FREE, 1.0, 1.0, 0.0, 0.0, 1.0).by("getoor").mean == pytest.approx(1.0, rel=1e-14)
    sphere = landscapes.DriftField.from_expression(["0", "0", "0"], variables="x y z")
    far = fpsim.EscapeProblem(
        fpsim.SDE(sphere, fpsim.LevyNoise(1.0, 2.0)), (0, 0, 0), fpsim.Outside([0, 0, 0], 6.0)
    )  # 3 radii of time, Gamma(3/2) / (2 Gamma(3/2) Gamma(2)) each
    assert far.by("getoor").mean == pytest.approx(1.5, rel=1e-14)


def test_near_alpha_two_it_is_the_quadrature():
    """Alpha = 1.999 against white noise of D = scale^2 under a drift: O(2 - alpha)."""
    near = leaving(BOWL, 1.999, 0.5, 0.2, 0.0, 1.0).by("fractional").mean
    white = fpsim.EscapeProblem(fpsim.SDE(BOWL, fpsim.ConstantDiffusion(0.25)), 0.2, fpsim.Outside([0.0], 1.0))
    assert near == pytest.approx(white.by_quadrature().mean, rel=2e-3)


def test_the_matrix_kills_outside_and_nowhere_else():
    """Rows add up to the rate of jumps out; from the middle of n nodes: 2 C (scale/((n + 1)/2 h))^alpha / alpha."""
    law, n, h = StableLaw(1.3, 0.6), 2001, 0.001
    rows = matrix(np.zeros(n), law, h, True).sum(axis=1)
    c = 1.3 * 0.8974706963 * np.sin(0.65 * np.pi) / np.pi  # Gamma(2.3) = 1.3 Gamma(1.3)
    assert rows.min() > 0
    assert rows[n // 2] == pytest.approx(2 * c * (0.6 / 1.001) ** 1.3 / 1.3, rel=2e-3)


@pytest.mark.parametrize("alpha", [0.7, 1.3])
def test_small_jumps_leave_as_imkeller_and_pavlyukevich_say(alpha: float):
    """The ratio tends to 1 over three scales, each halving: 1 % away at the last, and nearer each time."""
    ratios = []
    for scale in (0.05, 0.025, 0.0125):
        problem = leaving(BOWL, alpha, scale, 0.0, 0.25, 1.25)
        ratios.append(problem.by("fractional").mean / problem.by("imkeller-pavlyukevich").mean)
    gaps = np.abs(np.array(ratios) - 1)
    assert (gaps[1:] < 0.7 * gaps[:-1]).all() and gaps[-1] < 0.01, ratios


def valley_of(barrier: float, width: float) -> fpsim.EscapeProblem:
    """Out of (-2, 0) times the width, around the left minimum of a double well."""
    return leaving(landscapes.DoubleWell(barrier, width), 1.5, 0.005, -width, -width, width)


def test_the_time_depends_on_the_width_and_not_on_the_height():
    """Twice the barrier: 3 %; twice the width: 2^alpha within 3 %.  Under white noise the barrier would be all."""
    time = valley_of(0.5, 1.0).by("fractional").mean
    assert valley_of(1.0, 1.0).by("fractional").mean == pytest.approx(time, rel=0.03)
    assert valley_of(2.0, 2.0).by("fractional").mean == pytest.approx(2**1.5 * time, rel=0.03)


def test_a_formulas_assumptions_are_looked_at():
    drifting = leaving(BOWL, 1.2, 0.1, 0.0, 0.0, 1.0)
    assert [a.key for a in drifting.by("getoor").assumptions if not a.holds] == ["no drift"]
    assert all(a.holds for a in drifting.by("imkeller-pavlyukevich").assumptions)
    strong = leaving(BOWL, 1.2, 0.8, 0.0, 0.0, 1.0).by("imkeller-pavlyukevich")
    assert {a.key for a in strong.assumptions if not a.holds} == {"small noise", "relaxation"}
    wide = leaving(landscapes.DoubleWell(), 1.2, 0.05, -1.0, 0.0, 2.0).by("imkeller-pavlyukevich")
    assert {a.key for a in wide.assumptions if not a.holds} == {"one minimum"}


def test_a_valley_ends_at_the_pass_behind_which_the_drift_leads_to_the_target():
    """From the left well of (x^2 - 1)^2/4 to x >= 0.9: one jump over the top, one to the right of the minimum."""
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.LevyNoise(1.5, 0.02))
    found = fpsim.EscapeProblem(sde, -1.0, 0.9).by("imkeller-pavlyukevich")
    rate = 0.02**1.5 * np.sqrt(np.pi) / 2 * np.sin(0.75 * np.pi) / np.pi  # Gamma(3/2) = sqrt(pi)/2
    assert found.mean == pytest.approx(1 / rate, rel=1e-9) and all(a.holds for a in found.assumptions)
    far = fpsim.EscapeProblem(sde, -1.0, 1.5).by("imkeller-pavlyukevich")  # paths rest at 1 on their way
    assert [a.key for a in far.assumptions if not a.holds] == ["one minimum"]
    small = fpsim.EscapeProblem(sde, -1.0, fpsim.Ball([-0.3], 0.1)).by("imkeller-pavlyukevich")
    assert small.violated[0].detail.startswith("jumps over the target are held up at x = ")
    behind = fpsim.EscapeProblem(sde, -1.0, fpsim.Ball([1.0], 0.1)).by("imkeller-pavlyukevich")
    assert behind.mean == pytest.approx(found.mean, rel=1e-9) and not behind.violated


def test_the_pass_is_the_end_of_the_valley_in_the_equation_too():
    """Out of (-3, 0.9) from the left well: the pass at 0 counts, not the target at 0.9; nearer as jumps get smaller."""
    gaps = []
    for scale in (0.02, 0.01, 0.005):
        problem = leaving(landscapes.DoubleWell(), 1.5, scale, -1.0, -1.05, 1.95)
        gaps.append(problem.by("fractional").mean / problem.by("imkeller-pavlyukevich").mean - 1)
    assert abs(gaps[2]) < abs(gaps[1]) < abs(gaps[0]) and abs(gaps[2]) < 0.03, gaps


def test_at_alpha_two_it_is_white_noise_bit_for_bit():
    stable, white = (fpsim.SDE(BOWL, n) for n in (fpsim.LevyNoise(2.0, 0.5), fpsim.ConstantDiffusion(0.25)))
    one, other = (fpsim.simulate(sde, 0.0, 1.0, 0.01, 50, seed=3).x for sde in (stable, white))
    np.testing.assert_array_equal(one, other)
    assert fpsim.EscapeProblem(stable, 0.0, 1.0).by_quadrature().mean == pytest.approx(
        fpsim.EscapeProblem(white, 0.0, 1.0).by_quadrature().mean, rel=1e-14
    )


def test_the_outside_of_a_ball():
    target, x = fpsim.Outside([0.5, 1.0], 2.0), np.array([[0.5, 3.5, 0.5], [1.0, 5.0, -2.0]])
    np.testing.assert_allclose(target.level(x), [-2.0, 3.0, 1.0])
    np.testing.assert_allclose(target.gradient(x[:, 1:]), [[0.6, 0.0], [0.8, -1.0]])
    assert target.edge(np.array([0.5, 1.0])) is None and target.ball() is None and "2" in str(target)
    with pytest.raises(ValueError, match="radius > 0"):
        fpsim.Outside([0.0], -1.0)


def test_described_and_back():
    noise, target = fpsim.LevyNoise(1.5, 0.3), fpsim.Outside([0.5, 1.0], 2.0)
    assert noise_from(describe_noise(noise)) == noise and target_from(target.describe()) == target
    assert all(word in str(noise) for word in ("1.5", "0.3"))


@pytest.mark.parametrize(("alpha", "scale"), [(0.0, 1.0), (2.1, 1.0), (1.5, 0.0), (1.5, np.inf), (np.nan, 1.0)])
def test_impossible_values_are_refused(alpha: float, scale: float):
    with pytest.raises(ValueError, match=r"alpha of a stable law must|scale must be a positive"):
        fpsim.LevyNoise(alpha, scale)


TAKE_JUMPS = {"fractional", "getoor", "imkeller-pavlyukevich", "paths"}


@pytest.mark.parametrize("name", sorted(set(ROUTES) - TAKE_JUMPS))
def test_every_other_route_refuses_in_one_sentence(name: str):
    problem = fpsim.EscapeProblem(fpsim.SDE(landscapes.DoubleWell(), fpsim.LevyNoise(1.5, 0.3)), -1.0, 1.0)
    with pytest.raises(ValueError, match=r".{20}") as told:
        problem.by(name)
    assert ". " not in str(told.value).replace("S. ", "") and "\n" not in str(told.value)


def test_what_asks_for_d_is_refused_and_told_what_to_do():
    sde = fpsim.SDE(BOWL, fpsim.LevyNoise(1.5, 0.3))
    with pytest.raises(ValueError, match=NO_D):
        fpsim.EscapeProblem(sde, 0.0, 1.0).by_quadrature()
    with pytest.raises(ValueError, match=NO_D):
        fpsim.FokkerPlanck(sde, fpsim.Grid((-1.0, 1.0, 50))).stationary()
    with pytest.raises(ValueError, match="noise with a covariance"):
        fpsim.SDE(BOWL, fpsim.LevyNoise(1.5, 0.3), correction=0.1)
    with pytest.raises(ValueError, match="not with jumps"):
        fpsim.simulate(sde, 0.0, 1.0, 0.01, 10, scheme="weak-2")


def two_shells(x: np.ndarray) -> np.ndarray:
    """The target 1 <= |x| <= 3, which a jump may clear."""
    return 1 - np.abs(np.abs(x[0]) - 2)


@pytest.mark.parametrize(
    ("noise", "target", "boundary", "words"),
    [
        (fpsim.ConstantDiffusion(0.1), 1.0, None, "for alpha-stable noise"),
        (fpsim.LevyNoise(1.5, 0.3), 1.0, None, "all the outside of an interval"),
        (fpsim.LevyNoise(1.5, 0.3), two_shells, None, "all the outside of an interval"),
        (fpsim.LevyNoise(1.5, 0.3), 1.0, "reflecting", "knows no walls"),
    ],
)
def test_the_equation_refuses_what_it_does_not_hold_for(noise, target, boundary, words: str):
    with pytest.raises(ValueError, match=words):
        fpsim.EscapeProblem(fpsim.SDE(BOWL, noise), 0.0, target, boundary).by("fractional")


def test_a_landscape_that_ends_before_the_target_is_named():
    half = leaving(landscapes.DriftField.from_expression(["log(x)"], variables="x"), 1.5, 0.5, 0.2, 0.0, 1.0)
    with pytest.raises(ValueError, match="the landscape ends before it, at x = 0"):
        half.by("fractional")


@pytest.mark.parametrize("cells", [100, 800.0, "many", True])
def test_cells_are_a_whole_number_of_eights(cells):
    with pytest.raises(ValueError, match="a multiple of 8 from 64"):
        fractional_passage(fpsim.SDE(FREE, fpsim.LevyNoise(1.5, 1.0)), 0.0, fpsim.Outside([0.0], 1.0), cells=cells)
