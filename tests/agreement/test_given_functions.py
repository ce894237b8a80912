"""Plain Python functions, |H| beyond two dimensions and examples: compiled, and the same paths as in NumPy."""

import math

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.paths import composed
from fpsim.paths.exits import exit_times


def well(x):
    return (x[0] ** 2 - 1) ** 2 / 4 + x[1] ** 2 + 1.5 * x[2] ** 2


def slope(x):
    return np.stack((x[0] ** 3 - x[0], 2 * x[1], 3 * x[2]))


def slope_of_a_point(x):
    return np.array([x[0] ** 3 - x[0], 2 * x[1], 3 * x[2]])


def curvature(x):
    found = np.zeros((3, 3) + x.shape[1:])  # noqa: RUF005  (numba knows no star here)
    found[0, 0], found[1, 1], found[2, 2] = 3 * x[0] ** 2 - 1, 2 + 0 * x[1], 3 + 0 * x[2]
    return found


def isotropic(x):
    return 0.05 * (1 + x[0] ** 2)


def dense(x):
    found = np.zeros((3, 3) + x.shape[1:])  # noqa: RUF005  (numba knows no star here)
    for i in range(3):
        found[i, i] = 0.1 + 0.1 * x[i] ** 2
    found[0, 1] = found[1, 0] = 0.05 * np.sin(x[2])
    return found


def hessian_noise(floor_shape):
    return fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="everywhere", floor=0.3, floor_shape=floor_shape)


PLAIN = landscapes.Landscape(well, slope, curvature, dimension=3)
POINT = landscapes.Landscape(well, slope_of_a_point, dimension=3)
FORMULA = landscapes.Landscape.from_expression("(x**2-1)**2/4 + y**2 + z**2 + x*y*z/2 + x*y/3", variables="x y z")
draws = np.random.default_rng(0)
DATA = landscapes.DatasetLandscape.from_expression(
    "(v - a*tanh(b*u))**2/2", "a b", data={"u": draws.normal(size=30), "v": draws.normal(size=30)}
)
CASES = {
    "a gradient and a D by blocks": fpsim.SDE(PLAIN, fpsim.DiffusionField(isotropic, 3)),
    "a gradient by points and a dense D": fpsim.SDE(POINT, fpsim.DiffusionField(dense, 3, "full")),
    "|H| of a formula": fpsim.SDE(FORMULA, hessian_noise("additive")),
    "|H| of a function": fpsim.SDE(PLAIN, hessian_noise("smooth")),
    "examples": fpsim.SDE(DATA, fpsim.GradientNoise(learning_rate=0.2, batch_size=4, covariance=DATA)),
}


def both(monkeypatch, run):
    found = []
    for worth in (math.inf, 0.0):
        monkeypatch.setattr(composed, "WORTH", worth)
        found.append(run())
    return found


@pytest.mark.parametrize("name", CASES)
def test_paths_are_the_same_compiled_and_in_numpy(monkeypatch, name):
    """Over 25 steps, in which rounding is not yet amplified."""
    sde = CASES[name]
    start = [-1.0, 0.2, 0.1][: sde.dimension]

    def run():
        return fpsim.simulate(sde, start, 0.25, 0.01, paths=300, seed=3, threads=1)

    plain, made = both(monkeypatch, run)
    assert (plain.settings["engine"], made.settings["engine"]) == ("numpy", "compiled")
    np.testing.assert_allclose(made.x, plain.x, rtol=0, atol=1e-13)
    assert np.ptp(plain.x[-1, :, 0]) > 0.05


def test_exits_are_the_same_compiled_and_in_numpy(monkeypatch):
    sde = CASES["|H| of a formula"]
    problem = fpsim.EscapeProblem(sde, (-1.0, 0.0, 0.0), fpsim.HalfSpace((1.0, 0.0, 0.0), -0.7))

    def run():
        return exit_times(sde, problem.point, problem.target, 300, 0.01, 2, horizon=0.2)

    plain, made = both(monkeypatch, run)
    assert (plain.settings["engine"], made.settings["engine"]) == ("numpy", "compiled")
    assert 20 < (~plain.censored).sum() < 280
    np.testing.assert_allclose(made.times, plain.times, atol=1e-9)


def test_what_does_not_compile_says_why(monkeypatch):
    monkeypatch.setattr(composed, "WORTH", 0.0)
    known = {"slope": lambda x: x**3 - x}  # a dictionary of functions is nothing that numba knows

    def engine(place, noise=fpsim.ConstantDiffusion(0.1)):  # noqa: B008
        return fpsim.simulate(fpsim.SDE(place, noise), 0.5, 0.1, 0.01, paths=10, seed=0).settings

    found = engine(landscapes.Landscape(lambda x: x[0] ** 4, lambda x: known["slope"](x)))
    assert found["engine"] == "numpy" and "numba cannot compile the gradient" in found["numpy"]
    found = engine(landscapes.Landscape(lambda x: x[0] ** 4))
    assert found["engine"] == "numpy" and "by differences; give gradient=" in found["numpy"]
    monkeypatch.setattr(composed, "WORTH", 1e8)
    found = engine(landscapes.Landscape(lambda x: x[0] ** 4, lambda x: 4 * x**3))
    assert "too few steps" in found["numpy"]


STRENGTH = 1.0


def test_a_function_that_changes_is_compiled_again(monkeypatch):
    monkeypatch.setattr(composed, "WORTH", 0.0)
    place = landscapes.Landscape(lambda x: STRENGTH * x[0] ** 2 / 2, lambda x: STRENGTH * x)
    sde = fpsim.SDE(place, fpsim.ConstantDiffusion(1e-6))

    def end():
        found = fpsim.simulate(sde, 1.0, 1.0, 0.01, paths=4, seed=0)
        assert found.settings["engine"] == "compiled"
        return found.x[-1].mean()

    assert end() == pytest.approx(0.99**100, rel=0.01)
    monkeypatch.setitem(globals(), "STRENGTH", 2.0)
    assert end() == pytest.approx(0.98**100, rel=0.01)
