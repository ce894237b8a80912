"""What quadrature may not miss: wells narrower than panels, wells behind walls, and a user's own errors."""

import math

import numpy as np
import pytest

from fpsim.escape import EscapeProblem
from fpsim.exact.balls import Balls
from fpsim.exact.first_passage import first_passage
from fpsim.exact.intervals import Intervals
from fpsim.noise import ConstantDiffusion, DiffusionField
from fpsim.sde.sde import SDE
from landscapes import Landscape
from landscapes.formula.symbolic import parse, symbol

LINE = Landscape.from_expression
SHAPES = {
    "s*exp(-((x-p)/w)**2)": lambda u: np.exp(-(u**2)),
    "s/(1+((x-p)/w)**2)": lambda u: 1 / (1 + u**2),
    "s/cosh((x-p)/w)**2": lambda u: 1 / np.cosh(np.clip(u, -300, 300)) ** 2,
    "s*tanh((x-p)/w)": np.tanh,
    "s/(1+exp((x-p)/w))": lambda u: 1 / (1 + np.exp(np.clip(u, -700, 700))),
    "s*atan((x-p)/w)": np.arctan,
}


def nested(loss, noise, place, width):
    """T(-1 -> 1) by nested Gauss rules on panels graded to a feature at ``place``."""
    nodes, rule = np.polynomial.legendre.leggauss(24)
    graded = width * np.concatenate([np.linspace(0, 16, 49), 16 * 2.0 ** np.arange(40)])
    edges = np.unique(np.concatenate([np.linspace(-3.2, 1, 200), place + graded, place - graded, [-1.0]]))
    edges = edges[(edges >= -3.2) & (edges <= 1)]
    half = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + half * (1 + nodes)
    level = loss(y).min()
    masses = half[:, 0] * (np.exp((level - loss(y)) / noise) @ rule)
    part = (y - edges[:-1, None])[..., None] / 2
    inside = np.exp((level - loss(edges[:-1, None, None] + part * (1 + nodes))) / noise) @ rule
    inner = (np.cumsum(masses) - masses)[:, None] + part[..., 0] * inside
    return float((half * (np.exp((loss(y) - level) / noise) * inner) @ rule)[edges[:-1] >= -1].sum() / noise)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [1e-1, 1e-3, 1e-5, 1e-7])
def test_narrow_features_are_seen(shape, width):
    rng = np.random.default_rng(int(-math.log10(width)) + 10 * list(SHAPES).index(shape))
    for size in (-1.0, 0.6):
        place = float(rng.uniform(-1.9, 0.95))
        well = LINE(f"(x**2-1)**2/4 + {shape}", p=place, w=width, s=size)
        found = first_passage(SDE(well, ConstantDiffusion(0.1)), -1, 1, accepted=1e-6)
        right = nested(lambda x: (x * x - 1) ** 2 / 4 + size * SHAPES[shape]((x - place) / width), 0.1, place, width)  # noqa: B023
        assert found.mean == pytest.approx(right, rel=3e-12 + 3e-16 / width + found.relative_error)


def test_narrow_well_in_twenty_five_places():
    # the mean is that without the well, plus what the well holds: (e^{1/D} - 1 averaged) * w, weighed by the way out
    well = LINE("(x**2-1)**2/4 - exp(-((x-p)/w)**2)", p=0.0, w=1e-4)
    for place in np.linspace(-1.9, 0.5, 25):
        problem = SDE(well.with_parameters(p=float(place)), ConstantDiffusion(0.1))
        right = nested(lambda x: (x * x - 1) ** 2 / 4 - np.exp(-(((x - place) / 1e-4) ** 2)), 0.1, place, 1e-4)  # noqa: B023
        assert first_passage(problem, -1, 1).mean == pytest.approx(right, rel=1e-11)


def test_narrow_noise_is_seen():
    # D = 1 + b sech^2: flat line between 0 and 1 behind a wall far left is not needed for Ito: T = int int dz / D
    noise = DiffusionField.from_expression("1 - b/(1+((x-p)/w)**2)", b=0.999, p=0.3337, w=1e-6)
    ahead = first_passage(SDE(LINE("x**2/2"), noise), 0, 1, accepted=1e-6).mean
    plain = first_passage(SDE(LINE("x**2/2"), ConstantDiffusion(1.0)), 0, 1).mean
    # 1/D - 1 = b / (1 - b + u^2), whose integral is b pi w / sqrt(1 - b); L' changes W by as little
    extra = 0.999 * math.pi * 1e-6 / math.sqrt(0.001)
    p = 0.3337
    rest = np.polynomial.legendre.leggauss(40)
    y = p + (1 - p) * (rest[0] + 1) / 2
    arm = (1 - p) / 2 * float(rest[1] @ np.exp(y**2 / 2 - p**2 / 2))  # time gained by waiting dt more at p
    inside = math.sqrt(math.pi / 2) * (1 + math.erf(p / math.sqrt(2))) * math.exp(p**2 / 2)
    jump = p * extra * inside * arm  # W jumps by p * extra there
    assert ahead - plain == pytest.approx(extra * arm + jump, rel=2e-3)


def test_deep_well_behind_a_wall():
    text = "(x**2-1)**2/4/(1+x**4/40) - 14*exp(-((x+9)/1.5)**2) + x**2/200"
    problem = EscapeProblem(SDE(LINE(text, bounds=(-3, 3)), ConstantDiffusion(0.25)), -1, 1)
    found = problem.by_quadrature()
    assert found.mean == pytest.approx(3.107e7, rel=1e-3)
    (seen,) = found.violated
    assert "practically all of it" in seen.detail and "one path in 9.2e+06 visits" in seen.detail
    assert "without that it is 14.36" in seen.detail and "with it 3.1075e+07" in seen.detail


@pytest.mark.parametrize(("place", "depth", "level"), [(30, 40, 0.5), (200, 1000, 5), (3000, 7e4, 300)])
@pytest.mark.parametrize("plain", [False, True])
def test_wells_further_out_are_found(place, depth, level, plain):
    if plain and place > 200:
        return  # plain functions are sampled over a thousand lengths only
    # the well's weight alone, seen from the barrier at 0: T = (weight / D) int_{-1}^{1} e^{L/D}, to e^-50
    text = "(x**2-1)**2/4/(1+x**4/40) - h*exp(-((x+p)/3)**2) + x**2/200"
    well = LINE(text, bounds=(-3, 3), h=float(depth), p=float(place))
    if plain:
        well = Landscape(well.loss, well.gradient, well.hessian, bounds=(-3, 3))
    found = first_passage(SDE(well, ConstantDiffusion(level)), -1, 1)
    nodes, rule = np.polynomial.legendre.leggauss(200)
    reach = 10 * math.sqrt(4.5 * level / depth)  # ten thermal widths of the well
    out = reach * nodes - place
    losses = np.asarray(well.loss(out[None]))
    mass = math.log(reach * float(rule @ np.exp((losses.min() - losses) / level))) - losses.min() / level
    arms = math.log(float(rule @ np.exp(np.asarray(well.loss(nodes[None])) / level)))
    assert found.log_mean == pytest.approx(mass + arms - math.log(level), rel=1e-9)
    assert found.rare.share == pytest.approx(1, abs=1e-9)


def test_ordinary_means_are_seen():
    found = EscapeProblem(SDE(LINE("(x**2-1)**2/4"), ConstantDiffusion(0.1)), -1, 1).by_quadrature()
    assert not found.violated


def test_a_users_own_error_is_shown():
    def branch(x):
        return x[0] if x[0] > 0 else -x[0]

    for loss, words in (
        (lambda x: (x**2 - 1) ** 2 / 4, "loss returned shape"),
        (branch, "truth value of an array"),
        (lambda x: np.abs(x[0]), "give the derivative as a function"),
    ):
        with pytest.raises(ValueError, match=words):
            first_passage(SDE(Landscape(loss), ConstantDiffusion(0.1)), -1, 1)


def test_overflow_in_a_formula_is_no_edge():
    # e^u / (1 + e^u)^2 is inf / inf in floats
    steep = LINE("exp(x/w)/(1+exp(x/w))", w=1e-4)
    np.testing.assert_allclose(steep.loss(np.array([[-1.0, 0.0, 1.0]])), [0, 0.5, 1])
    np.testing.assert_allclose(steep.gradient(np.array([[-1.0, 0.0, 1.0]])), [[0, 2500, 0]], atol=1e-11)


@pytest.mark.parametrize(
    "text",
    [
        *("x**4-x", "exp(-((x-.3)/.1)**2)", "tanh(x/.1)", "1/cosh((x-.2)/.05)**2", "sqrt(x+2)", "log(x+2)", "x**x"),
        *("sin(3*x)+cos(x)", "tan(x)", "erf(x/.1)", "atan(5*x)", "1/(1+exp(x/.1))", "cosh(x)**.5", "x**1.5+1/x"),
    ],
)
def test_enclosures_hold(text):
    import sympy

    x, rng = symbol("x"), np.random.default_rng(7)
    formula = parse(text, ["x"])
    function = sympy.lambdify(x, formula, modules=["scipy", "numpy"])
    middle, half = rng.uniform(0.05, 1.5, 200), 10 ** rng.uniform(-5, 0, 200)
    low, high = Intervals({x: (middle - half, middle + half)})(formula)
    around = Balls(x, middle, half, 2.0, {})(formula)
    for t in np.linspace(-1, 1, 11):
        with np.errstate(all="ignore"):
            real, bent = function(middle + t * half), function(middle + 2 * half * t * np.exp(1j * np.pi * t * 1.7))
        fine = np.isfinite(real)
        assert np.all((real >= low - 1e-9 * np.abs(real))[fine] & (real <= high + 1e-9 * np.abs(real))[fine])
        known = np.isfinite(around.rad)
        assert np.all(np.abs(bent - around.mid)[known] <= (around.rad * (1 + 1e-9) + 1e-9 * np.abs(bent))[known])
    assert np.isfinite(around.rad).sum() > 40


def test_bounds_without_use_give_way_to_samples(monkeypatch):
    from fpsim.exact.features import Features

    monkeypatch.setattr(Features, "hidden", lambda self, middle, half: np.full(middle.size, np.inf))
    found = first_passage(SDE(LINE("(x**2-1)**2/4"), ConstantDiffusion(0.1)), -1, 1)
    assert found.mean == pytest.approx(66.2686263649, rel=1e-11)
    assert "seen only where samples are" in found.searches["narrow features"]
