"""Jumps: compiled steps against NumPy's on the same normals, the laws of the variants, and what is refused."""

import numpy as np
import pytest
from scipy.stats import poisson

import fpsim
import landscapes
from fpsim.kernels.random_numbers import normals
from fpsim.noise.described import describe_noise, noise_from
from fpsim.paths.exits import exit_times

LINE = landscapes.Landscape.from_expression("x**2/2", bounds=(-3, 3))
PLANE = landscapes.Landscape.from_expression("x**2/2 + y**2", variables="x y", bounds=[(-3, 3), (-3, 3)])
M = [[0.04, 0.018], [0.018, 0.01]]
NOISES = {
    "line": (LINE, fpsim.LevyNoise(1.5, 0.1)),
    "line, alpha 0.6": (LINE, fpsim.LevyNoise(0.6, 0.01)),
    "line, alpha 1": (LINE, fpsim.LevyNoise(1.0, 0.05)),
    "isotropic": (PLANE, fpsim.LevyNoise(1.5, 0.1)),
    "isotropic, alpha 0.7": (PLANE, fpsim.LevyNoise(0.7, 0.01)),
    "per axis, together": (PLANE, fpsim.LevyNoise(1.5, [0.1, 0.02])),
    "correlated": (PLANE, fpsim.LevyNoise(1.3, M)),
    "apart": (PLANE, fpsim.LevyNoise(1.3, [0.1, 0.05], axes="apart")),
    "jumps": (LINE, fpsim.JumpNoise(0.02, 2.0, 0.5)),
    "jumps in the plane": (PLANE, fpsim.JumpNoise(0.0, 2.0, 0.5)),
}


def plain(place):
    """The same loss as Python functions, which NumPy runs."""
    return landscapes.Landscape(place.loss, place.gradient, None, dimension=place.dimension, bounds=place.bounds)


@pytest.mark.parametrize("name", NOISES)
def test_compiled_steps_are_those_of_numpy(name) -> None:
    place, noise = NOISES[name]
    start = [0.3] * place.dimension
    sdes = [fpsim.SDE(one, noise) for one in (place, plain(place))]
    one, two = (fpsim.simulate(sde, start, 2.0, 0.1, 300, seed=4, keep="final") for sde in sdes)
    assert (one.settings["engine"], two.settings["engine"]) == ("compiled", "numpy")
    assert one.x.shape == two.x.shape == (1, 300, place.dimension)
    assert np.allclose(one.x, two.x, rtol=1e-8, atol=1e-10)
    goal = fpsim.Outside([0.0] * place.dimension, 0.8)
    first, second = (exit_times(sde, start, goal, 300, 0.05, seed=1, horizon=4.0) for sde in sdes)
    assert (first.times == second.times).mean() > 0.995 and (~first.censored).sum() > 5


def characteristic(noise, k, duration=0.5):
    """E exp(i k . X) of a free process after that time, and its standard error."""
    free = landscapes.DriftField.from_expression(["0"] * len(k), variables="x y"[: 2 * len(k) - 1])
    x = fpsim.simulate(fpsim.SDE(free, noise), [0.0] * len(k), duration, duration / 2, 20_000, seed=9, keep="final").x[
        0
    ]
    waves = np.cos(x @ np.asarray(k))
    return waves.mean(), waves.std() / np.sqrt(waves.size)


@pytest.mark.parametrize("k", [(1.0, 0.0), (0.0, 1.5), (1.0, -2.0), (1.5, 1.0)])
def test_characteristic_functions_of_the_variants(k) -> None:
    """Five standard errors of 20 000 paths."""
    matrix, vector, alpha = np.array([[0.9, 0.5], [0.5, 0.4]]), np.array([0.8, 0.4]), 1.3
    k = np.array(k)
    for noise, exponent in (
        (fpsim.LevyNoise(alpha, matrix), (k @ matrix @ k) ** (alpha / 2)),
        (fpsim.LevyNoise(alpha, vector), ((vector * k) ** 2).sum() ** (alpha / 2)),
        (fpsim.LevyNoise(alpha, vector, axes="apart"), (np.abs(vector * k) ** alpha).sum()),
        (fpsim.JumpNoise(0.2, 1.5, 0.7), 0.2 * k @ k + 1.5 * (1 - np.exp(-0.49 * k @ k / 2))),
    ):
        found, error = characteristic(noise, k)
        assert abs(found - np.exp(-0.5 * exponent)) < 5 * error


def test_a_matrix_that_is_a_multiple_of_one_is_the_isotropic_noise() -> None:
    place, isotropic = NOISES["isotropic"]
    one, two = (
        fpsim.simulate(fpsim.SDE(place, noise), [0.0, 0.0], 1.0, 0.1, 50, keep="final").x
        for noise in (isotropic, fpsim.LevyNoise(1.5, np.eye(2) * 0.01))
    )
    assert np.allclose(one, two, rtol=1e-10)


def test_jumps_by_hand() -> None:
    """sqrt(2 T h + N size^2) z, N the Poisson quantile of one more normal."""
    noise, free = fpsim.JumpNoise(0.02, 2.0, 0.5), landscapes.DriftField.from_expression(["0"], variables="x")
    x = fpsim.simulate(fpsim.SDE(free, noise), 0.0, 0.25, 0.25, 4000, seed=3, keep="final").x[0, :, 0]
    z = normals(3, 4000, 1, 2)[0]
    from scipy.special import ndtr

    number = poisson.ppf(ndtr(z[1]), 0.5)
    assert np.allclose(x, np.sqrt(2 * 0.02 * 0.25 + number * 0.25) * z[0], rtol=1e-12) and number.max() >= 3


def test_of_batches_has_the_covariance_of_the_mean_of_examples() -> None:
    noise = fpsim.JumpNoise.of_batches(0.1, 8, spread=1.0, chance=0.01, jump=20.0)
    assert noise.white.value == pytest.approx(0.1 * (1.0 + 0.01 * 400) / 16)
    assert noise.rate * 0.1 == pytest.approx(0.08) and noise.size == pytest.approx(0.25)


def exact_chain(noise, curvature, radius, step, cells=801):
    """Mean time out of (-r, r) of x' = (1 - k h) x + sqrt(2 T h + N s^2) z by its transfer matrix, in time."""
    h = 2 * radius / cells
    x = -radius + h * (np.arange(cells) + 0.5)
    gaps = x[None] - (1 - curvature * step) * x[:, None]
    kernel = np.zeros_like(gaps)
    for n, weight in enumerate(poisson.pmf(np.arange(12), noise.rate * step)):
        variance = 2 * noise.temperature * step + n * noise.size**2
        kernel += weight * h * np.exp(-(gaps**2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
    return step * np.linalg.solve(np.eye(cells) - kernel, np.ones(cells))[cells // 2]


@pytest.mark.parametrize("batch_size", [4, 16])
def test_exits_by_jumps_against_the_transfer_matrix_of_the_steps(batch_size) -> None:
    noise = fpsim.JumpNoise.of_batches(0.1, batch_size, spread=1.5, chance=0.02, jump=20.0)
    step = 0.1  # one iteration
    sample = exit_times(fpsim.SDE(LINE, noise), 0.0, fpsim.Outside([0.0], 0.75), 2000, step, seed=5)
    error = sample.times.std() / np.sqrt(2000)
    assert abs(sample.times.mean() - exact_chain(noise, 1.0, 0.75, step)) < 5 * error


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: fpsim.LevyNoise(1.5, [[1.0, 0.2], [0.1, 1.0]]), "square and symmetric"),
        (lambda: fpsim.LevyNoise(1.5, [0.1, -0.2]), "such per axis"),
        (lambda: fpsim.LevyNoise(1.5, M, axes="apart"), "scale must be"),
        (lambda: fpsim.LevyNoise(1.5, 0.1, axes="each"), "'together' or 'apart'"),
        (lambda: fpsim.SDE(LINE, fpsim.LevyNoise(1.5, [0.1, 0.2])), "1 dimensions, but the noise's scale has 2"),
        (lambda: fpsim.JumpNoise(-0.1, 1.0, 1.0), "temperature must be"),
        (lambda: fpsim.JumpNoise(0.1, 0.0, 1.0), "rate must be a positive"),
        (lambda: fpsim.JumpNoise.of_batches(0.1, 4, 1.0, 1.5, 2.0), "between 0 and 1"),
        (lambda: fpsim.simulate(fpsim.SDE(LINE, fpsim.JumpNoise(0.1, 5.0, 1.0)), 0.0, 1.0, 0.5), "use step <= 0.2"),
        (
            lambda: fpsim.EscapeProblem(fpsim.SDE(LINE, fpsim.JumpNoise(0.1, 1.0, 1.0)), 0.0, 1.0).by_quadrature(),
            "white",
        ),
        (
            lambda: fpsim.EscapeProblem(
                fpsim.SDE(PLANE, fpsim.LevyNoise(1.5, M)), [0.0, 0.0], fpsim.Outside([0, 0], 1)
            ).by("getoor"),
            "alike in all directions",
        ),
    ],
)
def test_refusals(ask, words) -> None:
    with pytest.raises(ValueError) as caught:
        ask()
    assert words in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NOISES)
def test_described_and_back(name) -> None:
    noise = NOISES[name][1]
    assert noise_from(describe_noise(noise)) == noise and len(str(noise)) > 20


def test_heavy_tails_in_words() -> None:
    from fpsim.sweeps.escape import escape_time
    from fpsim.words import target

    given = {"noise": "heavy-tails", "alpha": 1.5, "scale": 0.02, "start": -1.0, "target": ("outside", [-1.0], 1.0)}
    found = escape_time("double-well", "fractional", **given)
    sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.LevyNoise(1.5, 0.02))
    assert found.mean == fpsim.EscapeProblem(sde, -1.0, fpsim.Outside([-1.0], 1.0)).by("fractional").mean
    assert target("outside:-1:1", None, 1) == fpsim.Outside([-1.0], 1.0)
    with pytest.raises(ValueError, match="needs alpha"):
        escape_time("double-well", "fractional", noise="heavy-tails", scale=0.1)


@pytest.mark.parametrize("name", ["line", "correlated", "apart", "jumps"])
def test_heavy_ball_by_jumps_is_the_loop(name) -> None:
    place, noise = NOISES[name]
    d = place.dimension
    chain = fpsim.Chain(place, noise, learning_rate=0.1)
    found = chain.simulate([0.2] * d, 20, paths=50, seed=2, keep="final", momentum=0.5)
    z, x, v = normals(2, 50, 20, chain.sde.normals), np.full((d, 50), 0.2), np.zeros((d, 50))
    for row in z:
        v = 0.5 * v + 0.1 * place.drift(x) + noise.leap(place).moved(row, 0.1)
        x = x + v
    assert np.allclose(found.x[0].T, x, rtol=1e-12, atol=1e-13)
