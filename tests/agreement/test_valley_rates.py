"""The chain of valleys against linear algebra, separable landscapes and the Fokker-Planck equation on a grid."""

import numpy as np
import pytest

import fpsim
from fpsim.valleys.rates import log_mean_times
from landscapes import DriftField, Landscape, MuellerBrown, StyblinskiTang, ThreeHole


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


def test_pictures():
    chain = chain_of(ThreeHole(), 0.5)
    assert chain.plot().axes and chain.plot(tree=True).axes
    assert chain.to_xarray().sizes["state"] == 3
