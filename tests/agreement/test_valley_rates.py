"""The chain of valleys against linear algebra, separable landscapes and the Fokker-Planck equation on a grid."""

import mpmath
import numpy as np
import pytest

import fpsim
from fpsim.valleys.chain import log_mean_times
from landscapes import DriftField, Landscape, MuellerBrown, StyblinskiTang, ThreeHole

VARYING = fpsim.DiffusionField(lambda x: 0.05 + 0.02 * x[0] ** 2, dimension=1)


def chain_of(landscape, temperature):
    return fpsim.rates(fpsim.SDE(landscape, fpsim.ConstantDiffusion(temperature)))


@pytest.mark.parametrize("n", [2, 3, 7])
def test_mean_times_solve_the_equations(n):
    rng = np.random.default_rng(n)
    logs = rng.normal(0, 2, (n, n))
    logs[rng.random((n, n)) < 0.3] = -np.inf
    logs[np.arange(n), (np.arange(n) + 1) % n] = 0.0  # a ring joins all
    np.fill_diagonal(logs, -np.inf)
    rate = np.exp(logs)
    generator = rate - np.diag(rate.sum(axis=1))
    for target in range(n):
        rest = [k for k in range(n) if k != target]
        exact = np.linalg.solve(generator[np.ix_(rest, rest)], -np.ones(n - 1))
        found = log_mean_times(logs, target)
        np.testing.assert_allclose(np.exp(found[rest]), exact, rtol=1e-10)
        assert found[target] == -np.inf
        far = log_mean_times(logs - 5000, target)  # rates that no float holds
        np.testing.assert_allclose(far[rest], np.log(exact) + 5000, rtol=1e-12)


def test_no_way_takes_for_ever():
    logs = np.full((3, 3), -np.inf)
    logs[0, 1] = logs[1, 0] = 0.0
    assert np.isinf(log_mean_times(logs, 2)[:2]).all()
    logs[0, 2] = 0.0
    np.testing.assert_allclose(np.exp(log_mean_times(logs, 2)[:2]), (2, 3))


@pytest.mark.parametrize("d", [2, 3])
def test_independent_coordinates_relax_as_one(d):
    """The slow rates of a separable landscape are sums of those of its coordinates; the chain's are too."""
    one, many = chain_of(StyblinskiTang(1), 4.0), chain_of(StyblinskiTang(d), 4.0)
    gap = one.rates[0, 1] + one.rates[1, 0]
    assert len(many.saddles) == d * 2 ** (d - 1)
    np.testing.assert_allclose(many.modes()[0][: d + 1], [0, *[gap] * d], rtol=1e-8, atol=1e-14)
    shares = np.array([one.stationary[int(m.x[0] > 0)] for m in many.minima])
    for axis in range(1, d):
        shares *= [one.stationary[int(m.x[axis] > 0)] for m in many.minima]
    np.testing.assert_allclose(many.stationary, shares, rtol=1e-8)


def test_detailed_balance_and_modes():
    chain = chain_of(MuellerBrown(), 10.0)
    flux = chain.stationary[:, None] * chain.rates
    np.testing.assert_allclose(flux, flux.T, rtol=1e-9)
    generator = chain.rates - np.diag(chain.rates.sum(axis=1))
    values, modes = chain.modes()
    np.testing.assert_allclose(generator @ modes, -modes * values, atol=1e-9 * values.max() * np.abs(modes).max())
    assert "0.8519" in str(chain) and "FAIL" in str(chain)  # the inner barrier is below the temperature


def ratios(landscape, temperatures, box, cells, radius):
    """Mean time from the first minimum to the last on a grid against the chain's."""
    a, b = landscape.minima[0].x, landscape.minima[-1].x
    found = []
    for temperature in temperatures:
        sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(temperature))
        equation = fpsim.FokkerPlanck(sde, fpsim.Grid(*[(low, high, cells) for low, high in box]))
        times = equation.mean_first_passage_time(fpsim.Ball(b, radius))["mean"]
        grid = float(times.sel(x=a[0], y=a[1], method="nearest"))
        found.append(grid / fpsim.rates(sde).time(a, b))
    return np.array(found)


def test_ratio_to_the_grid_tends_to_one_linearly():
    """Mueller-Brown: t_grid / t_chain - 1 = c T with one c at four temperatures, up to the next order."""
    temperatures = np.array([10.0, 8.5, 7.0, 6.0])
    found = ratios(MuellerBrown(), temperatures, [(-1.8, 1.3), (-0.5, 2.2)], 160, 0.1)
    quotients = (found - 1) / temperatures
    assert np.ptp(quotients) < 0.3 * np.mean(quotients)
    assert found[0] * chain_of(MuellerBrown(), 10.0).time(0, 2) == pytest.approx(198.31, rel=3e-3)
    assert (np.diff(found) < 0).all()


def test_times_on_the_grid_are_the_known_ones():
    """Mueller-Brown at T = 10 between discs of radius .1: T_AB = 198.31, T_BA = 5.177 (transition path theory)."""
    chain = fpsim.rates(fpsim.SDE(MuellerBrown(), fpsim.ConstantDiffusion(10.0)), method="grid", core=0.1)
    for start, target, known in ((0, 2, 198.31), (2, 0, 5.177)):
        assert chain.time(start, target) == pytest.approx(known, rel=2e-3)
        assert abs(chain.time(start, target) - known) <= chain.time_error(start, target) < 8e-3 * known
    (memory,) = (a for a in chain.assumptions if a.key == "memory")
    assert not memory.holds  # the inner well is left before it has forgotten where it was entered
    flux = chain.stationary[:, None] * chain.rates
    np.testing.assert_allclose(flux, flux.T, rtol=1e-6)  # detailed balance


@pytest.mark.parametrize("noise", [fpsim.ConstantDiffusion(0.05), VARYING])
def test_times_on_a_line_are_quadratures(noise):
    """From the stationary law inside one core to the edge of the other, by quadrature from every start."""
    well = Landscape.from_expression("(x**2-1)**2/4 + x/10", bounds=(-2, 2))
    sde, core = fpsim.SDE(well, noise), 0.15
    chain = fpsim.rates(sde, method="grid", core=core)
    a, b = (float(m.x[0]) for m in well.minima)
    nodes, weights = np.polynomial.legendre.leggauss(5)
    law = fpsim.FokkerPlanck(sde, fpsim.Grid((-2.2, 2.2, 4400))).stationary().density
    for start, (i, j), edge in ((a, (0, 1), b - core), (b, (1, 0), a + core)):
        places = start + core * nodes
        density = weights * np.interp(places, law.x.values, law.values)
        exact = [fpsim.EscapeProblem(sde, float(x), edge).by_quadrature().mean for x in places]
        mean = float(density @ exact / density.sum())
        assert abs(chain.time(i, j) - mean) <= chain.time_error(i, j) + 1e-6 * mean
        assert chain.time_error(i, j) < 1e-3 * mean
    assert next(a for a in chain.assumptions if a.key == "memory").holds


def test_numerical_errors_of_eyring_kramers_times_cover_the_truth():
    """One coordinate of a separable loss: the rates in closed form, in 50 digits, against the chain's."""
    chain = chain_of(StyblinskiTang(1), 4.0)
    mpmath.mp.dps = 50
    places = sorted(mpmath.polyroots([2, 0, -16, 2.5], maxsteps=200, extraprec=200))
    loss = [(x**4 - 16 * x**2 + 5 * x) / 2 for x in places]
    bend = [6 * x**2 - 16 for x in places]
    for (i, j), (k, side) in {(0, 1): (0, 1), (1, 0): (2, 1)}.items():
        rate = mpmath.sqrt(bend[k] * -bend[side]) / (2 * mpmath.pi) * mpmath.exp((loss[k] - loss[side]) / 4)
        off = abs(float(mpmath.log(1 / rate)) - float(chain.log_times(j)[i]))
        assert off <= chain.log_time_errors(j)[i] < 1e-9


def test_three_holes_on_the_grid():
    """Two ways of different heights, so that c of 1 + c T itself depends on T; the chain stays within 0.35 T."""
    temperatures = np.array([0.5, 0.4, 0.32, 0.25])
    found = ratios(ThreeHole(), temperatures, [(-2.2, 2.2), (-1.6, 2.6)], 100, 0.2)
    assert ((found > 1) & (found < 1 + 0.35 * temperatures)).all()


REFUSED = [
    (DriftField(lambda x: -x), fpsim.ConstantDiffusion(1.0), "drift field"),
    (MuellerBrown(), fpsim.ConstantDiffusion([1.0, 2.0]), "equal in all directions"),
    (
        ThreeHole(),
        fpsim.HessianDiffusion(learning_rate=0.1, batch_size=4, at="everywhere", floor=0.1),
        "equal in all directions",
    ),
    (Landscape.from_expression("x**2"), fpsim.ConstantDiffusion(1.0), "no box"),
    (Landscape.from_expression("x", bounds=(-1, 1)), fpsim.ConstantDiffusion(1.0), "0 minima"),
]


@pytest.mark.parametrize(("landscape", "noise", "words"), REFUSED, ids=[row[2] for row in REFUSED])
def test_refused_in_a_sentence(landscape, noise, words):
    with pytest.raises(ValueError, match=words):
        fpsim.rates(fpsim.SDE(landscape, noise))
    with pytest.raises(TypeError, match="expected an SDE"):
        fpsim.rates(landscape)


def test_grids_refuse_in_a_sentence():
    sde = fpsim.SDE(MuellerBrown(), fpsim.ConstantDiffusion(10.0))
    for words, options in {
        "by 'eyring-kramers' or 'grid'": {"method": "paths"},
        "belong to method='grid'": {"core": 0.1},
        "radius between": {"method": "grid", "core": 5.0},
        "give more cells": {"method": "grid", "core": 0.01},
    }.items():
        with pytest.raises(ValueError, match=words):
            fpsim.rates(sde, **options)
    with pytest.raises(ValueError, match="grids reach 3 dimensions"):
        fpsim.rates(fpsim.SDE(StyblinskiTang(4), fpsim.ConstantDiffusion(1.0)), method="grid")


def test_pictures():
    chain = chain_of(ThreeHole(), 0.5)
    assert chain.plot().axes and chain.plot(tree=True).axes
    assert chain.to_xarray().sizes["state"] == 3
