"""First-passage times by quadrature on random problems, against nested sums that are told where everything lies.

A problem is drawn as the potential psi = int L'/D and the noise D; its drift is -D psi'.  The reference

    T = int_{x0}^c e^{psi} D^-l int_e^y e^{-psi} D^(l-1) dz dy

takes psi itself (quadrature integrates L'/D), on panels graded to all features, with plain nested Gauss-Legendre rules.
"""

import math

import numpy as np
import pytest
import sympy

from fpsim.exact.first_passage import first_passage
from fpsim.noise import ConstantDiffusion, DiffusionField
from fpsim.sde.sde import SDE
from fpsim.walls import Walls
from landscapes import DriftField
from landscapes.formula.symbolic import derivative, parse, symbol

X = symbol("x")
WEIGHTS = {"ito": 0.0, "stratonovich": 0.5, "anti-ito": 1.0}
NODES, RULE = np.polynomial.legendre.leggauss(24)


def reference(psi, noise, weight, start, target, far, features):
    """Mean time from ``start`` to ``target`` > start; ``far`` is an edge (met geometrically), a wall or -inf."""
    octaves = 2.0 ** np.arange(-60, 140)
    edges = [np.linspace(max(start - 8, far), target, 161), [start]]
    if math.isinf(far):
        edges.append(start - octaves[octaves > 2])
    elif far == 0:
        edges.append(start * 0.5 ** np.arange(140))
    else:
        edges.append([far])
    for place, width in (*features, (start, 1e-3)):
        graded = width * np.concatenate([np.linspace(0, 12, 49), 12 * 2.0 ** np.arange(40)])
        edges.append(np.concatenate([place - graded, place + graded]))
    edges = np.unique(np.concatenate(edges))
    edges = edges[(edges >= far) & (edges <= target)]
    if far == 0:
        edges = edges[edges > 0]
    half = np.diff(edges)[:, None] / 2
    y = edges[:-1, None] + half * (1 + NODES)
    level = psi(y).min()

    def speed(z):
        return np.exp(np.maximum(level - psi(z), -745.0)) * noise(z) ** (weight - 1)

    masses = half[:, 0] * (speed(y) @ RULE)
    part = (y - edges[:-1, None])[..., None] / 2
    inner = (np.cumsum(masses) - masses)[:, None] + part[..., 0] * (
        speed(edges[:-1, None, None] + part * (1 + NODES)) @ RULE
    )
    ahead = edges[:-1] >= start
    scale = np.exp(psi(y[ahead]) - level) * noise(y[ahead]) ** -weight
    return float(((half[ahead] * scale * inner[ahead]) @ RULE).sum())


def drawn(rng):
    """A random problem: texts of psi and D, convention, start, target, far end and the narrow features."""
    kind = rng.choice(["wells", "wells", "heavy", "edge", "wall", "narrow", "growing"])
    number = {"a": rng.uniform(1, 8), "t": rng.uniform(-0.8, 0.8), "q": rng.uniform(1, 9), "r": rng.uniform(0, 0.8)}
    noise = str(
        rng.choice(["1", "1", "1+b*sin(k*x)", "exp(-b*x**2)+.2", "1+b*tanh(3*x)", "1+b*sign(x-g)", "1+b*abs(x-g)"])
    )
    number |= {"b": rng.uniform(0.1, 0.9), "k": rng.uniform(0.5, 5), "g": rng.uniform(-0.6, 0.6)}
    start, target, far, features = rng.uniform(-1.3, -0.2), rng.uniform(0.3, 1.6), -math.inf, [(number["g"], 1e-3)]
    psi = "a*(x**2-1)**2/2 + t*x + r*sin(q*x)"
    if kind == "heavy":
        number["a"] = rng.uniform(0.7, 4)
        psi = "a*log(1+x**2) + t*exp(-x**2)"
        noise = str(rng.choice(["1", "1+b/(1+x**2)", "1+b*tanh(3*x)"]))
    elif kind == "growing":
        psi, noise = "a*x/sqrt(1+x**2)+r*sin(q*x)*exp(-x**2)", str(rng.choice(["1+x**2", "(1+x**2)**2", "1+b*x**4"]))
    elif kind == "edge":
        number["a"] = rng.uniform(1.05, 4)
        psi = str(rng.choice(["x-a*log(x)", "x+a/x", "2*x+1/x**6", "x**2-a*log(x)+t*x"]))
        start, target, far = rng.uniform(0.6, 1.5), rng.uniform(2, 3.5), 0.0
    elif kind == "wall":
        far = start - rng.uniform(0.1, 1.5)
    elif kind == "narrow":
        width, place = 10 ** rng.uniform(-6, -1.5), rng.uniform(-1.8, 1.0)
        number |= {"w": width, "p": place, "h": rng.uniform(-6, 4)}
        psi += str(
            rng.choice(["+h*exp(-((x-p)/w)**2)", "+h/(1+((x-p)/w)**2)", "+h*tanh((x-p)/w)", "+h/cosh((x-p)/w)**2"])
        )
        features.append((place, width))
    return kind, psi, noise, number, str(rng.choice(list(WEIGHTS))), start, target, far, features


def problem(psi, noise, number, convention, mirrored):
    """The SDE with drift -D psi', and psi and D as functions of x; everything mirrored at 0 if asked for."""
    names = [name for name in number if name in psi + noise]
    formulas = [parse(text, ["x"], names) for text in (psi, noise)]
    if mirrored:
        formulas = [f.xreplace({X: -X}) for f in formulas]
    numbers = {symbol(name): number[name] for name in names}
    functions = [sympy.lambdify([X, *numbers], f, modules=["scipy", "numpy"]) for f in formulas]
    drift = -formulas[1] * derivative(formulas[0], X)
    values = {name: number[name] for name in names}
    field = DriftField.from_expression([drift], "x", **values)
    if formulas[1].has(X):
        used = {name: values[name] for name in names if formulas[1].has(symbol(name))}
        model = DiffusionField.from_expression(str(formulas[1]).replace("Abs", "abs"), "x", **used)
    else:
        model = ConstantDiffusion(1.0)
    side = -1 if mirrored else 1

    def psi_at(x):
        with np.errstate(all="ignore"):
            return np.broadcast_to(functions[0](side * x, *numbers.values()), x.shape)

    def noise_at(x):
        return np.broadcast_to(functions[1](side * x, *numbers.values()), x.shape) * np.ones(x.shape)

    return SDE(field, model, convention), psi_at, noise_at


@pytest.mark.parametrize("seed", range(4))
def test_hundred_random_problems(seed):
    rng, covered, worst, infinite = np.random.default_rng(1000 + seed), 0, 0.0, 0
    for _ in range(30):
        kind, psi, noise, number, convention, start, target, far, features = drawn(rng)
        mirrored = bool(rng.random() < 0.5)
        sde, psi_at, noise_at = problem(psi, noise, number, convention, mirrored)
        side, walls = -1 if mirrored else 1, None
        if kind == "wall":
            walls = Walls("reflecting", [tuple(sorted((side * far, side * 3.0)))])
        if kind == "growing" and convention != "ito":
            # psi is flat far out and D ~ |x|^p: scale |x|^(-p l), speed |x|^(-p (1 - l)), so the mean is infinite
            with pytest.raises(ValueError, match="infinite"):
                first_passage(sde, side * start, side * target)
            infinite += 1
            continue
        right = reference(psi_at, noise_at, WEIGHTS[convention], start, target, far, features)
        found = first_passage(sde, side * start, side * target, walls=walls, accepted=1e-6)
        off = abs(math.exp(found.log_mean) / right - 1)
        allowed = found.relative_error + 2e-12 + 1e-15 / min(width for _, width in features)
        assert off <= allowed, (kind, psi, noise, number, convention, start, target, far, off, found)
        covered, worst = covered + 1, max(worst, off)
    print(f"seed {seed}: {covered} of 30 covered, worst {worst:.1e}; {infinite} rightly called infinite")
    assert covered + infinite == 30


def test_exits_on_both_sides():
    # T(x) = P(x) A(b) - A(x), A(y) = int_a^y s' int_a m, P = s[a, x] / s[a, b]: the terms cancel, quadrature's do not
    rng = np.random.default_rng(77)
    for _ in range(20):
        _, psi, noise, number, convention, start, _, _, features = drawn(rng)
        if "log" in psi or "/x" in psi:
            continue
        number["a"] = min(number["a"], 3.0)
        low, high = start - rng.uniform(0.2, 0.9), start + rng.uniform(0.3, 2.0)
        sde, psi_at, noise_at = problem(psi, noise, number, convention, False)
        weight = WEIGHTS[convention]
        whole = reference(psi_at, noise_at, weight, low, high, low, features)
        part = reference(psi_at, noise_at, weight, low, start, low, features)
        edges = np.unique(
            np.concatenate(
                [
                    np.linspace(low, high, 4001),
                    [start],
                    features[-1][0] + np.linspace(-1, 1, 4001) * 40 * features[-1][1],
                ]
            )
        )
        edges = edges[(edges >= low) & (edges <= high)]
        half = np.diff(edges)[:, None] / 2
        y = edges[:-1, None] + half * (1 + NODES)
        scale = (half * np.exp(psi_at(y)) * noise_at(y) ** -weight) @ RULE
        right = scale[edges[:-1] < start].sum() / scale.sum() * whole - part
        found = first_passage(sde, start, lambda x: np.maximum(low - x[0], x[0] - high), accepted=1e-6)  # noqa: B023
        assert found.mean == pytest.approx(right, rel=found.relative_error + 1e-9)
