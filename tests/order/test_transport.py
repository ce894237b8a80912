"""What is carried along a way of least action: against a quasi-potential that is known, with asserted orders."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import fpsim
from fpsim.action.arc import SHARE, arc
from fpsim.action.prefactor import prefactor, prefactor_along, resolved, rest
from fpsim.action.systems import quadratic
from fpsim.action.transport import transported
from landscapes import DriftField, Landscape

LENGTHS = (1.0, 0.75)
A, B = np.array([-1.0, 0.5]), np.zeros(2)


@cache
def known():
    """b = -D grad V + turn(grad V), a full D(x): V is the quasi-potential.  Rates -4.1, -.8 at a, 1.3, -.9 at b."""
    v = "((x**2 - 1)**2/4 + (y - x**2/2)**2/2)"
    vx, vy = "(x*(x**2 - 1) - x*(y - x**2/2))", "(y - x**2/2)"
    a, b, c = "(1 + x**2/2)", "(0.3*x*y/(1 + y**2))", "(0.6 + y**2/4)"
    drift = [f"-({a}*{vx} + {b}*{vy}) + 0.8*{vy}", f"-({b}*{vx} + {c}*{vy}) - 0.8*{vx}"]
    field = DriftField.from_expression(drift, "x y", bounds=[(-2, 2), (-1, 2)])
    noise = fpsim.DiffusionField.from_expression([[a, b], [b, c]], "x y")
    return fpsim.SDE(field, noise), Landscape.from_expression(v, "x y")


@cache
def truth():
    """The way x' = D grad V + turn, backwards from next to b, points (2, n); and int F dt, F in closed form."""
    sde, v = known()

    def slope(_, state):
        x = state[:2, None]
        d, p, q = sde.diffusion(x)[..., 0], v.gradient(x)[:, 0], v.hessian(x)[..., 0]
        f = np.trace(sde.landscape.jacobian(x)[..., 0]) + np.sum(d * q) + 2 * sde.divergence(x)[:, 0] @ p
        return -np.append(sde.landscape.drift(x)[:, 0] + 2 * d @ p, f)

    at = B[:, None]
    rates, modes = np.linalg.eig(sde.landscape.jacobian(at)[..., 0] + 2 * sde.diffusion(at)[..., 0] @ v.hessian(B))
    out = modes[:, np.argmin(rates)]
    start = np.append(-1e-6 * out * np.sign(out[0]), 0.0)
    found = solve_ivp(slope, (0, 45), start, method="LSODA", rtol=1e-11, atol=1e-14, dense_output=True)
    total = slope(0, start)[2] / rates.min() - found.y[2, -1]
    return found.y[:2, ::-1], float(total)


def exact_log():
    """ln of the prefactor with V's own Hessians."""
    sde, v = known()
    sizes = [np.log(abs(np.linalg.det(v.hessian(x)))) for x in (A, B)]
    growth = np.linalg.eigvals(sde.landscape.jacobian(B)).real.max()
    return np.log(2 * np.pi / growth) + (sizes[1] - sizes[0]) / 2 + truth()[1]


@cache
def way():
    """The same by least action."""
    return fpsim.minimum_action(known()[0], A, B, starts=1).x


def test_the_step_is_of_second_order():
    """Of Q along the way, from V's own Hessian at its first node, and of both logarithms."""
    sde, v = known()
    line = arc(quadratic(sde, LENGTHS), way(), 1920, LENGTHS)
    found = []
    for every in (32, 16, 8, 4):
        states = list(transported(line[::every], v.hessian(line.x[0])))
        middle = states[960 // every - 1]
        found.append((middle.divergence, states[-1].determinants, *middle.hessian.ravel()))
    gaps = np.abs(np.diff(found, axis=0))
    assert (gaps[1] / gaps[2])[1:] == pytest.approx(4, rel=0.2)
    assert gaps[1, 0] / gaps[2, 0] > 3.5 and gaps[2, 0] < 1e-4  # int F dt: two parts of opposite sign
    assert middle.hessian == pytest.approx(v.hessian(line.x[960]), abs=1e-4)


def test_what_the_ends_add_is_of_second_order_in_the_part_left_out(monkeypatch):
    """Without them the logarithm is off in proportion to the share; with them by its square."""
    sde, _ = known()
    h, x = quadratic(sde, LENGTHS), way()
    a, b = rest(h, x[:, 0], LENGTHS), rest(h, x[:, -1], LENGTHS)
    spread, plain, mended = a.spread(), [], []
    for share in (0.16, 0.08, 0.04):
        monkeypatch.setattr("fpsim.action.arc.SHARE", share)
        line = arc(h, x, 400, LENGTHS)
        last = list(transported(line, np.linalg.inv(spread)))[-1]
        log = np.log(2 * np.pi / b.growth) + last.determinants + last.divergence
        before, behind = a.missing(spread, line.p[0]), b.missing(np.linalg.inv(last.hessian), line.p[-1])
        plain.append(abs(log - exact_log()))
        mended.append(abs(log + before + behind - exact_log()))
    assert [one / two for one, two in pairwise(plain)] == pytest.approx([2, 2], rel=0.4)
    assert min(one / two for one, two in pairwise(mended)) > 3
    assert mended[-1] < 0.1 * plain[-1]


@pytest.mark.parametrize("nodes", [48, 96, 192])
def test_the_error_covers_the_truth(nodes):
    sde, _ = known()
    found = prefactor(sde, way(), LENGTHS, nodes)
    assert abs(found.log - exact_log()) < found.error < 0.004 * (192 / nodes)
    assert found.mismatch < 0.02
    assert SHARE == 0.02


def test_what_a_convention_adds():
    """- int p . div D dt for anti-Ito, along V's own way."""
    sde, v = known()
    other = fpsim.SDE(sde.landscape, sde.noise, "anti-ito")
    x = truth()[0]
    p = v.gradient((x[:, 1:] + x[:, :-1]) / 2)
    drift = sde.landscape.drift(x) + 2 * np.einsum("ijn,jn->in", sde.diffusion(x), v.gradient(x))
    middle = (drift[:, 1:] + drift[:, :-1]) / 2
    time = (np.diff(x) * middle).sum(axis=0) / (middle**2).sum(axis=0)
    exact = -float((p * sde.divergence((x[:, 1:] + x[:, :-1]) / 2)).sum(axis=0) @ time)
    assert prefactor(other, way(), LENGTHS).convention == pytest.approx(exact, abs=2e-3) and abs(exact) > 0.1


def test_units_of_the_noise_do_not_matter():
    sde, _ = known()
    x, one = way(), prefactor(known()[0], way(), LENGTHS)
    h = quadratic(sde, LENGTHS, 7.0)
    other = prefactor_along(h, x, arc(h, x, 192, LENGTHS), LENGTHS)
    assert other.log == pytest.approx(one.log, abs=1e-9) and other.width == pytest.approx(7**0.5 * one.width)


def test_an_error_covers_the_ways_own():
    """What falls with the square of the pieces is found from half as many, on top of the error of the transport."""
    x, h = way(), quadratic(known()[0], LENGTHS)
    known_part = replace(prefactor(known()[0], x, LENGTHS), error=0.01)

    def front(y):
        return replace(known_part, determinants=known_part.determinants + 50 / (y.shape[1] - 1) ** 2)

    found = resolved(h, x, front)
    assert found.log == front(x).log
    assert found.error == pytest.approx(0.01 + 50 / (x.shape[1] - 1) ** 2, rel=1e-9)
