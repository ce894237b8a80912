"""Cramer roots and exponents against closed forms."""

import math

import numpy as np
import pytest

import fpsim
from fpsim.escape import EscapeProblem
from fpsim.routes.formulas.cramer import cramer
from fpsim.sgd.cramer import cramer_exponent, cramer_root, root_at
from fpsim.sgd.minibatch import MiniBatchSGD
from landscapes import DoubleWell
from landscapes.catalogue.example_losses import LinearRegression, PerExampleDoubleWell, PerExampleTent
from landscapes.examples.dataset import DatasetLandscape

GOLDEN = (1 + math.sqrt(5)) / 2
TRIBONACCI = (1 + np.cbrt(19 + 3 * math.sqrt(33)) + np.cbrt(19 - 3 * math.sqrt(33))) / 3


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize(("up", "down"), [(6, 4), (9, 1), (501, 499), (1, 9)])
def test_gradients_of_one_size(size, up, down):
    """p e^(-qA) + (1 - p) e^(qA) = 1 gives q = ln(p/(1 - p))/A."""
    g = np.array([size] * up + [-size] * down)
    assert cramer_root(g) == pytest.approx(math.log(up / down) / size, rel=1e-12)


def test_golden_and_tribonacci_roots():
    """mean -+ sigma with mean = sigma/3 (t^6 - 2t^4 + 1 = 0) and sigma/2 (t^3 = t^2 + t + 1), t = e^(q mean)."""
    for mean, root in ((1 / 3, 1.5 * math.log(GOLDEN)), (1 / 2, 2 * math.log(TRIBONACCI))):
        g = np.array([[mean + 1, -mean - 1], [mean - 1, 1 - mean]])
        np.testing.assert_allclose(cramer_root(g), [root, -root], rtol=1e-13)


def test_two_sizes():
    """p e^(-q) + (1 - p) e^(2q) = 1: with y = e^q, (1 - p)(y^2 + y) = p."""
    p = 0.8
    g = np.array([1.0] * 8 + [-2.0] * 2)
    y = (-1 + math.sqrt(1 + 4 * p / (1 - p))) / 2
    assert cramer_root(g) == pytest.approx(math.log(y), rel=1e-13)


def test_root_solves_its_equation_for_any_gradients():
    g = np.random.default_rng(0).standard_cauchy((40, 300)) + np.linspace(-2, 2, 300)
    q = cramer_root(g)
    np.testing.assert_allclose(np.exp(-q * g).mean(axis=0), 1, rtol=1e-11)
    assert np.all(q * g.mean(axis=0) > 0)


def test_no_root_and_no_mean():
    g = np.array([[1.0, -1.0, 1.0, 0.0], [2.0, -3.0, -1.0, 0.0]])
    np.testing.assert_array_equal(cramer_root(g), [np.inf, -np.inf, 0.0, 0.0])
    with pytest.raises(ValueError, match="finite"):
        cramer_root(np.array([1.0, np.nan]))


@pytest.mark.parametrize("positive", [20, 50, 80])
def test_inverse_of_the_double_wells_root(positive):
    """L' = ln(p e^(-q s1) + (1 - p) e^(-q s2))/q in closed form; x from Viete's formula for x^3 - x = L'."""
    well = PerExampleDoubleWell(noise=1.1, positive=positive)
    p = positive / 100
    s1, s2 = 1.1 * math.sqrt((1 - p) / p), -1.1 * math.sqrt(p / (1 - p))
    q = np.linspace(0.01, 0.4, 12)
    slope = np.log(p * np.exp(-q * s1) + (1 - p) * np.exp(-q * s2)) / q
    assert slope.max() < 2 / math.sqrt(27)
    turn = np.arccos(slope * math.sqrt(27) / 2) / 3
    for k in (1, 2):  # the two points of the climb from -1 to 0 with this slope
        x = 2 / math.sqrt(3) * np.cos(turn - 2 * math.pi * k / 3)
        x = np.where((x > -1) & (x < 0), x, 2 / math.sqrt(3) * np.cos(turn + 2 * math.pi * k / 3))
        np.testing.assert_allclose(x**3 - x, slope, atol=1e-13)
        np.testing.assert_allclose(root_at(well, x[None]), q, rtol=1e-10)


def test_expansion_in_the_slope():
    """q = 2L'/C + (4/3) k3 L'^2/C^3 + O(L'^3): halving L' divides the rest by 8."""
    noise = np.random.default_rng(1).gamma(2.0, size=200)
    noise -= noise.mean()
    c, k3 = np.mean(noise**2), np.mean(noise**3)
    rest = []
    for slope in (0.02, 0.01, 0.005):
        rest.append(abs(cramer_root(noise + slope) - (2 * slope / c + 4 / 3 * k3 * slope**2 / c**3)))
    assert np.log2(rest[0] / rest[1]) == pytest.approx(3, abs=0.1)
    assert np.log2(rest[1] / rest[2]) == pytest.approx(3, abs=0.05)


@pytest.mark.parametrize(("root", "noise"), [(1.7, 0.8), (0.3, 2.0), (1.5 * math.log(GOLDEN), 1.0)])
def test_tent_has_the_exponent_it_is_built_for(root, noise):
    tent = PerExampleTent(root, noise, examples=4)
    found = cramer_exponent(tent, -1.0, 0.0)
    assert found.exponent == pytest.approx(root, rel=1e-12)
    assert found.gaussian == pytest.approx(2 * tent.parameters["slope"] / noise**2, rel=1e-12)
    assert found.error < 1e-12


def test_signed_distances():
    """Losses s |x - c|: gradients -+1, so q = ln(p/(1 - p)) with p(x) the share of +1, constant between the c."""
    c = np.array([-0.7, -0.35, -0.2, 0.15, 0.4, 0.75])
    s = np.array([1.0, 1.0, 1.0, -1.0, -1.0, -1.0])
    c, s = np.concatenate([c, [2.0, -2.0]]), np.concatenate([s, [1.0, 1.0]])
    land = DatasetLandscape.from_expression("s*abs(x - c)", data={"s": s, "c": c})
    edges = np.concatenate([[-0.3], np.sort(c[(c > -0.3) & (c < 0.8)]), [0.8]])
    middle = (edges[1:] + edges[:-1]) / 2
    share = (np.sign(middle - c[:, None]) * s[:, None] > 0).mean(axis=0)
    exact = np.sum(np.log(share / (1 - share)) * np.diff(edges))
    found = cramer_exponent(land, -0.3, 0.8, tolerance=1e-9)
    assert abs(found.exponent - abs(exact)) <= max(found.error, 1e-12)
    assert found.error < 1e-6


def test_gaussian_exponent_beside_it():
    well = PerExampleDoubleWell(noise=0.8, positive=50)
    found = cramer_exponent(well, -1.0, 0.0)
    assert found.gaussian == pytest.approx(2 * 0.25 / 0.64, rel=1e-12)
    assert found.signal == pytest.approx(4 / 27 / 0.64, rel=1e-3)
    # the climb by an independent rule, the root by bisection
    from scipy.integrate import quad
    from scipy.optimize import brentq

    def root(x):
        slope = x**3 - x
        return brentq(lambda q: math.log(math.cosh(0.8 * q)) - q * slope, slope / 0.64, 20 * slope + 1e-9, xtol=1e-15)

    assert found.exponent == pytest.approx(quad(root, -1 + 1e-9, -1e-9, epsabs=1e-11)[0], rel=1e-7)


def test_a_point_that_no_batch_climbs():
    well = PerExampleDoubleWell(noise=0.3, positive=50)  # noise below the largest slope 0.385
    found = cramer_exponent(well, -1.0, 0.0)
    assert found.exponent == math.inf
    assert well.gradient(np.array([[found.blocked]]))[0, 0] >= 0.3
    assert math.isfinite(found.gaussian)
    assert "pull the same way" in str(found)
    with pytest.raises(ValueError, match="infinite"):
        cramer(EscapeProblem(MiniBatchSGD(well, 0.1, 2).surrogate(), -1.0, 1.0))


def test_formula_and_its_assumptions():
    well = PerExampleDoubleWell(noise=1.0, positive=20)
    exponent = cramer_exponent(well, -1.0, 0.0).exponent
    one = cramer(EscapeProblem(MiniBatchSGD(well, 0.05, 1).surrogate(), -1.0, 1.0))
    half = cramer(EscapeProblem(MiniBatchSGD(well, 0.05, 1).surrogate(), -1.0, 0.0))
    smaller = cramer(EscapeProblem(MiniBatchSGD(well, 0.025, 1).surrogate(), -1.0, 1.0))
    assert smaller.log_mean - one.log_mean == pytest.approx(20 * exponent, rel=1e-9)
    assert one.log_mean - half.log_mean == pytest.approx(math.log(2), rel=1e-9)
    assert not one.violated
    assert "-47.3 % in the exponent" in str(one)  # 0.5/0.948685
    stiff = cramer(EscapeProblem(MiniBatchSGD(well, 0.15, 1).surrogate(), -1.0, 1.0)).violated[-1]
    assert "eta |L''|" in stiff.statement


def test_batches_are_examples_of_a_larger_data_set():
    """S = 2 of m = 3 with replacement is S = 1 on the 9 averages: same time, with the same prefactor."""
    loss, data = "(x**2 - 1)**2/4 + s*x*(1 + 0.3*x)", np.array([1.0, 0.4, -1.4])
    pairs = (data[:, None] + data).ravel() / 2
    first = DatasetLandscape.from_expression(loss, bounds=(-2, 2), data={"s": data})
    second = DatasetLandscape.from_expression(loss, bounds=(-2, 2), data={"s": pairs})
    chains = MiniBatchSGD(first, 0.1, 2), MiniBatchSGD(second, 0.1, 1)
    one, two = (cramer(EscapeProblem(chain.surrogate(), -1.0, 1.0)) for chain in chains)
    assert one.log_mean == pytest.approx(two.log_mean, abs=1e-6)
    exponents = [cramer_exponent(land, -1.0, 0.0).exponent for land in (first, second)]
    assert exponents[1] == pytest.approx(2 * exponents[0], rel=1e-11)


def test_route_of_a_problem():
    problem = fpsim.EscapeProblem(MiniBatchSGD(PerExampleDoubleWell(), 0.05, 1).surrogate(), -1.0, 1.0)
    assert problem.by_formula("cramer").mean == pytest.approx(cramer(problem).mean, rel=1e-12)


def test_prefactor_is_kramers_where_the_noise_is_almost_gaussian():
    """q and 2L'/C agree to O(L'^2/C^3), so large symmetric noise has the Ito prefactor 2 pi/sqrt(H_a H_b)."""
    well = PerExampleDoubleWell(noise=20.0, positive=50)
    found = cramer(EscapeProblem(MiniBatchSGD(well, 2.5e-3, 1).surrogate(), -1.0, 1.0))
    exponent = cramer_exponent(well, -1.0, 0.0).exponent / 2.5e-3
    assert found.log_mean - exponent == pytest.approx(math.log(2 * math.pi / math.sqrt(2)), abs=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match="DatasetLandscape"):
        cramer_exponent(DoubleWell(), -1.0, 0.0)
    with pytest.raises(ValueError, match="1-D"):
        cramer_exponent(LinearRegression.random(2, 10), -1.0, 0.0)
    sde = fpsim.SDE(PerExampleDoubleWell(), fpsim.ConstantDiffusion(0.1))
    with pytest.raises(ValueError, match="learning rate"):
        cramer(EscapeProblem(sde, -1.0, 1.0))
