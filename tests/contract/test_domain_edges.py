"""Paths do not walk out of the set on which their landscape is defined: the error names path, step and place."""

import numpy as np
import pytest

import fpsim
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.paths.step import DivergenceError, LeftDomainError
from fpsim.sgd.chain import Chain
from fpsim.targets import LevelSet, Point
from fpsim.walls import Walls
from landscapes import Landscape

HALF = fpsim.ConstantDiffusion(0.5)


def sde(text, variables="x", **parameters):
    return fpsim.SDE(Landscape.from_expression(text, variables, **parameters), HALF)


LOG = sde("x - a*log(x)", a=0.6)
CASES = {
    "x - a*log(x)": (LOG, [1.0], lambda x: x[0] > 0),
    "sqrt(x)": (sde("sqrt(x)"), [1.0], lambda x: x[0] > 0),
    "x**1.5": (sde("x**1.5"), [1.0], lambda x: x[0] > 0),
    "1/x - x**2": (sde("x**2/2 + 1/(100*x)"), [-1.0], lambda x: x[0] < 0),
    "between two": (sde("-log(x)/5 - log(1 - x)/5"), [0.5], lambda x: (x[0] > 0) & (x[0] < 1)),
    "shifted": (sde("(x + 2)**2 - log(x + 2)/9"), [-1.0], lambda x: x[0] > -2),
    "tan": (sde("tan(x)**2/50"), [0.0], lambda x: np.abs(x[0]) < np.pi / 2),
    "plane": (sde("log(x) + y**2", "x y"), [1.0, 0.0], lambda x: x[0] > 0),
    "quadrant": (sde("-log(x*y)/9", "x y"), [1.0, 1.0], lambda x: (x[0] > 0) & (x[1] > 0)),
    "disc": (sde("-log(1 - x**2 - y**2)/9", "x y"), [0.2, 0.1], lambda x: x[0] ** 2 + x[1] ** 2 < 1),
}


@pytest.mark.parametrize("keep", ["final", "paths", "moments"])
@pytest.mark.parametrize("name", CASES)
def test_a_path_that_leaves_is_named(name, keep):
    equation, start, inside = CASES[name]
    with pytest.raises(LeftDomainError) as caught:
        simulate(equation, start, 20.0, 0.004, 300, seed=3, keep=keep, save_every=None if keep == "final" else 700)
    error = caught.value
    assert str(error).startswith(f"path {error.path} left the landscape's domain, ")
    assert f"at step {error.step} (t = {0.004 * error.step:g}): it stepped from x = " in str(error)
    # the whole walk up to there, kept step by step, is inside, and ends at the place that the error names
    before = simulate(equation, start, 0.004 * (error.step - 1), 0.004, 300, seed=3, save_every=1, threads=1).x
    assert inside(before[:, error.path].T).all()
    np.testing.assert_allclose(before[-1, error.path], error.position, rtol=0, atol=1e-12)


TARGETS = {
    "x - a*log(x)": 30.0,
    "between two": fpsim.Ball([0.9999], 1e-5),
    "shifted": 9.0,
    "plane": fpsim.HalfSpace([0.0, 1.0], 30.0),
    "disc": fpsim.Ball([0.99, 0.0], 0.1),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", TARGETS)
def test_exits_name_it_too(name, dtype):
    equation, start, inside = CASES[name]
    with pytest.raises(LeftDomainError) as caught:
        exit_times(equation, start, TARGETS[name], 300, 0.004, 3, dtype=dtype, horizon=40.0)
    assert inside(caught.value.position[:, None]).all()
    assert f"path {caught.value.path} left the landscape's domain" in str(caught.value)


def test_kernel_and_twin_name_the_same_path():
    with pytest.raises(LeftDomainError) as compiled:
        exit_times(LOG, 1.0, 30.0, 1, 0.01, 5, horizon=1e4)
    with pytest.raises(LeftDomainError) as twin:
        exit_times(LOG, 1.0, LevelSet(lambda x: x[0] - 30.0), 1, 0.01, 5, horizon=1e4)
    assert (compiled.value.path, compiled.value.step) == (twin.value.path, twin.value.step)
    np.testing.assert_allclose(compiled.value.position, twin.value.position, rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "start", "verdict"),
    [
        ("x - 0.6*log(x)", 1.0, "x = 0 is entrance: cannot be reached, so reduce step= (now step = 0.01)"),
        ("x - 0.4*log(x)", 1.0, "x = 0 is regular: can be reached and left, so put walls before it"),
        ("sqrt(x)", 1.0, "x = 0 is regular: can be reached and left, so put walls before it"),
        ("x**2/2 + 1/(100*x)", 1.0, "x = 0 is entrance: cannot be reached, so reduce step="),
        ("x**2/2 + 1/(100*x)", -1.0, "x = 0 is exit: can be reached, never left, so put walls before it"),
        ("(x - 3)**2/9 - 0.55*log(4 - x)", 3.0, "x = 4 is entrance: cannot be reached, so reduce step="),
    ],
)
def test_the_error_says_whether_the_edge_is_reached(text, start, verdict):
    with pytest.raises(LeftDomainError) as caught:
        simulate(sde(text), start, 200.0, 0.01, 300, seed=3, keep="final")
    assert f"by Feller's test {verdict}" in str(caught.value)


def test_both_sides_of_a_pole():
    pole = sde("x**2/2 + 1/(100*x)")
    for start in (1.0, -1.0):
        with pytest.raises(LeftDomainError):
            simulate(pole, start, 50.0, 0.01, 50, seed=1, keep="final")
    with pytest.raises(ValueError, match=r"are parted by an edge of the domain"):
        simulate(pole, np.array([[1.0, -1.0]]), 1.0, 0.01, 2)


def test_a_target_before_the_edge_is_an_exit():
    # one step from 1.0 may go past the target at .2 and the edge at 0: it has gone through the target
    sample = exit_times(sde("sqrt(x)"), 1.0, 0.2, 2000, 0.05, 2, horizon=200.0)
    assert sample.exits.size > 1900


def test_a_pole_that_no_path_meets():
    found = simulate(sde("1/(x**2 + y**2) + x**2 + y**2", "x y"), [1.0, 0.0], 5.0, 1e-3, 200, seed=3, keep="final")
    assert np.isfinite(found.x).all()


def test_walls_before_the_edge_keep_paths_in():
    walls = Walls("reflecting", [(0.2, 8.0)])
    found = simulate(LOG, 1.0, 20.0, 0.001, 2000, seed=3, keep="final", boundary=walls)
    x = found.x[0, :, 0]
    assert x.min() >= 0.2
    # stationary density x^(.6/.5) exp(-x/.5) on (.2, 8)
    grid = np.linspace(0.2, 8.0, 20_001)
    weight = grid**1.2 * np.exp(-2 * grid)
    right = np.trapezoid(grid * weight, grid) / np.trapezoid(weight, grid)
    assert abs(x.mean() - right) < 5 * x.std() / np.sqrt(x.size)


def test_chains_too():
    with pytest.raises(LeftDomainError):
        Chain(LOG.landscape, HALF, 0.05).simulate(1.0, 2000, 50, keep="final")
    with pytest.raises(LeftDomainError):
        Chain(LOG.landscape, HALF, 0.05).exit_times(1.0, 30.0, 50, momentum=0.3)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: simulate(LOG, -1.0, 1.0, 0.01), r"not defined at x = -1: it needs x > 0"),
        (lambda: exit_times(LOG, -1.0, 2.0, 5, 0.01), r"not defined at x = -1"),
        (lambda: exit_times(LOG, np.array([[1.0, -1.0]]), 4.0, 2, 0.01), r"not defined at x = -1"),
        (lambda: exit_times(LOG, lambda u: 3 * u - 1.5, Point(4.0, 1.0), 50, 0.01), r"not defined at x = -"),
        (lambda: exit_times(LOG, 1.0, -0.5, 5, 0.01), r"reach the target x <= -0\.5: it lies beyond the edge"),
        (lambda: exit_times(CASES["between two"][0], 0.5, 1.5, 5, 0.01), "no path can reach the target x >= 1.5"),
        (lambda: exit_times(LOG, 1.0, fpsim.Ball([-2.0], 1.0), 5, 0.01), "no path can reach the target"),
        (
            lambda: exit_times(CASES["plane"][0], [1.0, 0.0], fpsim.HalfSpace([-1.0, 0.0], 1.0), 5, 0.01),
            "no path can reach the target",
        ),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_it_is_a_kind_of_divergence():
    assert issubclass(LeftDomainError, DivergenceError)


def test_edges_change_no_path():
    # the same drift, with and without an edge far away
    plain, edged = sde("x**2/2"), sde("x**2/2 + b*log(x + 9)", b=0.0)
    one, two = (simulate(s, 1.0, 3.0, 0.01, 40, seed=2).x for s in (plain, edged))
    np.testing.assert_allclose(one, two, rtol=0, atol=1e-13)
