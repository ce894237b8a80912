"""One dimension: closed values and quadratures for everything that the generator gives."""

import numpy as np
import pytest

import fpsim
from fpsim.exact.first_passage import first_passage
from fpsim.routes.grid import escape_time_by_grid
from landscapes import DoubleWell, DriftField, Landscape

WELL = DoubleWell()
PARABOLA = Landscape.from_expression("x**2/2", variables="x")


def sde(landscape, temperature, convention="ito"):
    return fpsim.SDE(landscape, fpsim.ConstantDiffusion(temperature), convention)


def hessian(floor, **more):
    return fpsim.HessianDiffusion(learning_rate=0.2, batch_size=1, floor=floor, **more)


def richardson(values):
    return (4 * values[1] - values[0]) / 3


@pytest.mark.parametrize(
    ("temperature", "target", "exact"),
    [
        (0.25, 0.0, 5.7434370680),
        (0.1, 0.0, 30.8213024727),
        (0.05, 0.0, 361.903759501),
        (0.025, 0.0, 51050.7025086),
        (0.25, 1.0, 14.2777366365),
        (0.1, 1.0, 66.2686263649),
        (0.05, 1.0, 729.670691942),
        (0.025, 1.0, 102108.365457),
        (0.0125, 1.0, 2198644401.41),
    ],
)
def test_escape_times_of_the_quartic_well(temperature, target, exact):
    found = escape_time_by_grid(sde(WELL, temperature), -1.0, target)
    assert found.converged.holds
    assert found.mean == pytest.approx(exact, rel=1e-8)
    assert abs(found.mean - exact) <= max(found.error, 1e-9 * exact)


@pytest.mark.parametrize(("target", "exact"), [(1.0, 2.093406649678), (2.0, 10.42840939800)])
def test_escape_times_of_ornstein_uhlenbeck(target, exact):
    assert escape_time_by_grid(sde(PARABOLA, 1.0), 0.0, target).mean == pytest.approx(exact, rel=1e-9)


@pytest.mark.parametrize(("floor", "exact"), [(1e-1, 733.125), (1e-2, 100862.0), (1e-3, 1.64926e7)])
def test_hessian_noise_with_a_floor(floor, exact):
    found = escape_time_by_grid(fpsim.SDE(WELL, hessian(floor, at="everywhere")), -1.0, 0.3)
    assert found.mean == pytest.approx(exact, rel=3e-6)  # the published digits are six


def test_literal_hessian_noise_is_reported_as_not_converging():
    found = escape_time_by_grid(fpsim.SDE(WELL, hessian(0.0, at="everywhere")), -1.0, 0.3)
    assert not found.converged.holds
    times = found.settings["times_on_grids"]
    assert times[-1] > 3 * times[0]


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti-ito"])
@pytest.mark.parametrize(
    "noise",
    [
        fpsim.DiffusionField(lambda x: 0.1 * (1 + 0.4 * np.sin(3 * x[0])), 1),
        hessian(None, at="path", minimum=-1.0, saddle=0.0, climb_fraction=0.4),
        hessian(0.1, at="everywhere", floor_shape="smooth"),
    ],
    ids=["field", "path", "smooth floor"],
)
def test_state_dependent_noise_under_every_convention(noise, convention):
    problem = fpsim.SDE(WELL, noise, convention)
    exact = first_passage(problem, -1.0, 0.35)
    found = escape_time_by_grid(problem, -1.0, 0.35)
    assert found.mean == pytest.approx(exact.mean, rel=3e-8)
    assert found.variance == pytest.approx(exact.variance, rel=1e-6)


def test_rare_escape_at_forty_times_the_noise():
    temperature = 0.00625
    x = np.linspace(-2.2, 1.0, 400_001)
    h = x[1] - x[0]
    energy = WELL.loss(x[None]) / temperature
    inner = np.cumsum(np.exp(-energy)) * h - np.exp(-energy) * h / 2
    keep = x >= -1.0
    weights = np.full(keep.sum(), h)
    weights[[0, -1]] /= 2
    exact = float((np.exp(energy[keep] - 40) * inner[keep] * weights).sum() / temperature) * np.exp(40)
    grid = fpsim.Grid((-2.2, 1.2, 170))
    field = fpsim.FokkerPlanck(sde(WELL, temperature), grid).mean_first_passage_time(1.0, start=-1.0)
    assert grid.at(field["mean"], -1.0) == pytest.approx(exact, rel=1e-3)
    assert escape_time_by_grid(sde(WELL, temperature), -1.0, 1.0).mean == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize(
    ("temperature", "exact"), [(0.1, 0.033545287308), (0.05, 0.0027761406366), (0.025, 1.9589273000e-5)]
)
def test_slowest_rate_of_the_quartic_well(temperature, exact):
    found = [
        fpsim.FokkerPlanck(sde(WELL, temperature), fpsim.Grid((-2.8, 2.8, n))).spectrum(3).gap for n in (500, 1000)
    ]
    assert richardson(found) == pytest.approx(exact, rel=1e-7)


def test_spectrum_of_ornstein_uhlenbeck():
    found = [
        fpsim.FokkerPlanck(sde(PARABOLA, 1.0), fpsim.Grid((-8, 8, n))).spectrum(6).eigenvalues for n in (500, 1000)
    ]
    np.testing.assert_allclose(richardson(found), [0, -1, -2, -3, -4, -5], rtol=1e-6, atol=1e-10)


def test_very_small_eigenvalues_keep_their_digits():
    deep = fpsim.FokkerPlanck(sde(WELL, 0.00625), fpsim.Grid((-1.8, 1.8, 800)))
    time = deep.transitions(-1.0, 1.0).time
    assert deep.spectrum(2).gap == pytest.approx(2 / time, rel=1e-3)


def test_spectrum_of_constant_drift_on_a_ring():
    drift = DriftField(lambda x: np.full_like(x, 0.7), lambda x: np.zeros((1, *x.shape)), dimension=1)
    ring = fpsim.FokkerPlanck(sde(drift, 0.2), fpsim.Grid((0, 2 * np.pi, 400)), "periodic")
    values = np.sort_complex(ring.spectrum(5).eigenvalues)
    exact = np.sort_complex(np.array([-0.2 * k**2 - 0.7j * k for k in range(-2, 3)]))
    np.testing.assert_allclose(values, exact, atol=4e-4)
    stationary = ring.stationary()["density"]
    np.testing.assert_allclose(stationary, 1 / (2 * np.pi), rtol=1e-10)
    np.testing.assert_allclose(ring.current(stationary)["current"], 0.7 / (2 * np.pi), rtol=1e-10)


def test_stationary_density_is_boltzmann():
    for convention in ("ito", "anti-ito"):
        grid = fpsim.Grid((-2.5, 2.5, 500))
        found = fpsim.FokkerPlanck(sde(WELL, 0.1, convention), grid).stationary()["density"].values
        exact = np.exp(-WELL.loss(grid.points) / 0.1)
        np.testing.assert_allclose(found, exact / (exact.sum() * grid.volume), rtol=1e-11)


def sinc_spectral_density(x, time, temperature=0.1, points=400):
    """The quartic well from normal(-1, 0.1) by sinc collocation of the symmetrised operator: a spectral method."""
    h = 6 / points
    nodes = -3 + h * (np.arange(points) + 0.5)
    gaps = np.subtract.outer(np.arange(points), np.arange(points))
    safe = np.where(gaps == 0, 1, gaps)
    kinetic = np.where(gaps == 0, np.pi**2 / 3, 2 * (-1.0) ** gaps / safe**2) / h**2
    slope, bend = nodes**3 - nodes, 3 * nodes**2 - 1
    values, vectors = np.linalg.eigh(temperature * kinetic + np.diag(slope**2 / (4 * temperature) - bend / 2))
    root = np.exp(-WELL.loss(nodes[None]) / (2 * temperature))
    start = np.exp(-((nodes + 1) ** 2) / 0.02) / (0.1 * np.sqrt(2 * np.pi))
    mixed = vectors @ (np.exp(-np.maximum(values, 0) * time) * (vectors.T @ (start / root)))
    return np.exp(-WELL.loss(x[None]) / (2 * temperature)) * (np.sinc(np.subtract.outer(x, nodes) / h) @ mixed)


def test_density_of_the_quartic_well_at_ten():
    grid = fpsim.Grid((-2.5, 2.5, 1000))
    found = fpsim.FokkerPlanck(sde(WELL, 0.1), grid).evolve(lambda x: np.exp(-((x[0] + 1) ** 2) / 0.02), [1.0, 10.0])
    assert found.attrs["method"] == "contour"
    for k, time in enumerate((1.0, 10.0)):
        gap = np.abs(found["density"].values[k] - sinc_spectral_density(grid.centers(), time)).sum() * grid.volume
        assert gap < 4e-6
    assert np.abs(found["mass"] - 1).max() < 1e-12
    assert found["density"].min() >= 0


@pytest.mark.parametrize("time", [1e-4, 1e-2, 1.0, 1e2, 1e5, 1e9])
def test_mass_and_positivity_at_all_times(time):
    found = fpsim.FokkerPlanck(sde(WELL, 0.05), fpsim.Grid((-3, 3, 600))).evolve(-1.0, [time])
    assert abs(float(found["mass"][0]) - 1) < 1e-12
    assert found["density"].min() >= 0
    assert found.attrs["mass_rescaled_by"] < 1e-11


def test_gaussian_of_ornstein_uhlenbeck():
    grid = fpsim.Grid((-7, 7, 1400))
    found = fpsim.FokkerPlanck(sde(PARABOLA, 1.0), grid).evolve(lambda x: np.exp(-((x[0] - 2) ** 2) / 0.08), [0.5])
    mean, variance = 2 * np.exp(-0.5), 0.04 * np.exp(-1.0) + 1 - np.exp(-1.0)
    exact = np.exp(-((grid.centers() - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    assert np.abs(found["density"].values[0] - exact).sum() * grid.volume < 2e-5


def test_committor_is_the_scale_function():
    grid = fpsim.Grid((-2, 2, 400))
    found = fpsim.FokkerPlanck(sde(WELL, 0.1), grid).committor(-1.0, 1.0)["committor"].values
    x = np.linspace(-1, 1, 20_001)
    scale = np.concatenate([[0], np.cumsum(np.exp(WELL.loss((x[1:] + x[:-1])[None] / 2) / 0.1))])
    exact = np.interp(grid.centers(), x, scale / scale[-1])
    np.testing.assert_allclose(found, exact, atol=1e-6)


def test_reactive_flux_is_the_inverse_of_the_round_trip():
    found = fpsim.FokkerPlanck(sde(WELL, 0.1), fpsim.Grid((-2.4, 2.4, 960))).transitions(-1.0, 1.0)
    # at points of a line the mean time from a to b is 1 / k_ab exactly
    assert found.time == pytest.approx(66.2686263649, rel=1e-6)
    assert 1 / found.flux == pytest.approx(2 * 66.2686263649, rel=1e-6)
    assert found.flux_mismatch < 1e-10


def test_survival_integrates_to_the_mean_time():
    found = fpsim.FokkerPlanck(sde(WELL, 0.1), fpsim.Grid((-2.4, 0.6, 600))).survival(
        -1.0, 0.0, np.linspace(0, 800, 4001)
    )
    curve, density = found["survival"].values, found["first_passage_density"].values
    assert curve[0] == 1
    assert np.all(np.diff(curve) <= 0)
    assert np.trapezoid(curve, found["time"]) == pytest.approx(30.8213024727, rel=1e-5)
    assert np.trapezoid(density, found["time"]) == pytest.approx(1.0, rel=1e-4)


def test_quasi_stationary_rate_of_a_free_particle_in_a_box():
    flat = Landscape.from_expression("0*x", variables="x")
    rates = [
        fpsim.FokkerPlanck(sde(flat, 0.3), fpsim.Grid((0, 2, n)), "absorbing").quasi_stationary(None).rate
        for n in (200, 400)
    ]
    assert richardson(rates) == pytest.approx(0.3 * (np.pi / 2) ** 2, rel=1e-8)


def test_quasi_stationary_exit_is_exponential():
    kramers = fpsim.FokkerPlanck(sde(WELL, 0.05), fpsim.Grid((-2.0, 0.5, 500)))
    slow = kramers.quasi_stationary(0.0, start=-1.0)
    assert slow.density["density"].sum() * kramers.grid.volume == pytest.approx(1)
    found = kramers.survival(slow.density["density"].values, fpsim.HalfSpace([1.0], 0.0), [100.0, 1000.0])
    np.testing.assert_allclose(found["survival"], np.exp(-slow.rate * np.array([100.0, 1000.0])), rtol=1e-9)


def test_a_landscape_of_plain_functions():
    plain = Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, lambda x: x**3 - x, dimension=1)
    assert escape_time_by_grid(sde(plain, 0.1), -1.0, 0.0).mean == pytest.approx(30.8213024727, rel=1e-8)
