"""Differences of log-determinants from products alone: dense ones, a chain in closed form, a formula with them."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.optimize import brentq

import fpsim
from fpsim.routes.formulas import climb, kramers
from fpsim.valleys import eyring
from fpsim.valleys.determinants import log_determinants
from landscapes import Landscape

STIFF, SPRING, DEPTH = 0.5, 1.0, 6.0


def turned(values, rng):
    q = np.linalg.qr(rng.standard_normal((values.size, values.size)))[0]
    return q @ np.diag(values) @ q.T


def off(a, b, seed):
    """Value, true value and error."""
    found = log_determinants(lambda v: a @ v, lambda v: b @ v, len(a), seed)
    return found.value, np.linalg.slogdet(a)[1] - np.linalg.slogdet(b)[1], found.error


@pytest.mark.parametrize("d", [5, 400])
def test_low_rank_is_found_exactly(d):
    rng = np.random.default_rng(d)
    a, u = turned(np.linspace(1, 40, d), rng), rng.standard_normal((d, 3))
    value, exact, error = off(a, a + u @ u.T, d)
    assert abs(value - exact) <= error < 1e-5


def test_errors_cover_what_is_sampled():
    """A spectrum that falls off slowly: five differences, none beyond three of its errors, which are no larger
    than some thrice what they are off by."""
    pulls = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        a = turned(np.linspace(1, 4, 100), rng)
        value, exact, error = off(a, a + turned(np.exp(-np.arange(100) / 10), rng), seed)
        assert error < 0.05  # of some 4
        pulls.append(abs(value - exact) / error)
    assert max(pulls) < 3
    assert np.sqrt(np.mean(np.square(pulls))) > 1 / 3


def test_curvature_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="positive curvatures across the way"):
        log_determinants(lambda v: -v, lambda v: v, 10)


def chain(d):
    """One well in a ring of springs: both Hessians are the ring's, apart from one entry."""

    def loss(x):
        springs = np.sum((x - np.roll(x, 1, axis=0)) ** 2, axis=0)
        return DEPTH * (x[0] ** 2 - 1) ** 2 / 4 + STIFF * np.sum(x[1:] ** 2, axis=0) / 2 + SPRING * springs / 2

    def gradient(x):
        slope = STIFF * x + SPRING * (2 * x - np.roll(x, 1, axis=0) - np.roll(x, -1, axis=0))
        slope[0] += DEPTH * (x[0] ** 3 - x[0]) - STIFF * x[0]
        return slope

    return Landscape(loss, gradient, dimension=d, bounds=[(-2, 2)] * d, name=f"a well in {d} springs")


def by_hand(d, temperature):
    """ln k, the minimum and the saddle: det (K + s e e^T) = det K (1 + s G), G = e K^-1 e, by Fourier modes."""
    modes = STIFF + SPRING * (2 - 2 * np.cos(2 * np.pi * np.arange(d) / d))
    g = np.mean(1 / modes)
    square = 1 - (1 / g - STIFF) / DEPTH  # of the well's place in the minimum
    barrier = DEPTH / 4 - DEPTH * (square - 1) ** 2 / 4 - (1 / g - STIFF) * square / 2
    shift = DEPTH * (3 * square - 1) - STIFF, -DEPTH - STIFF
    lowest = brentq(lambda m: 1 + shift[1] * np.mean(1 / (modes - m)), -DEPTH - 5, -1e-9, xtol=1e-15)
    ratio = (1 + shift[0] * g) / -(1 + shift[1] * g)
    rate = np.log(-lowest / (2 * np.pi)) + np.log(ratio) / 2 - barrier / temperature
    x = square**0.5 * np.fft.ifft(1 / modes).real / g
    e = np.fft.ifft(1 / (modes - lowest)).real
    minimum = SimpleNamespace(x=x, loss=DEPTH / 4 - barrier)
    saddle = SimpleNamespace(
        x=np.zeros(d), loss=DEPTH / 4, direction=e / np.linalg.norm(e), curvature=lowest,
        eigenvalues=np.array([lowest]), loss_error=0.0, eigenvalue_error=0.0,
    )  # fmt: skip
    return rate, minimum, saddle


def test_rate_of_a_chain_of_2000():
    exact, minimum, saddle = by_hand(2000, 0.1)
    place = chain(2000)
    np.testing.assert_allclose(place.gradient(minimum.x), 0, atol=1e-12)
    found, error = eyring.log_rate(place, minimum, saddle, 0.1)
    assert abs(found - exact) <= error < 1e-5


def test_formula_with_sampled_determinants(monkeypatch):
    """In 10 dimensions, told that only products are known, it says the same."""
    exact, minimum, _ = by_hand(10, 0.1)
    x = [f"x{k}" for k in range(10)]
    springs = " + ".join(f"({a} - {b})**2" for a, b in pairwise([*x, x[0]]))
    stiff = " + ".join(f"{a}**2" for a in x[1:])
    place = Landscape.from_expression(
        f"{DEPTH}*(x0**2 - 1)**2/4 + {STIFF}*({stiff})/2 + {SPRING}*({springs})/2", x, bounds=[(-2, 2)] * 10
    )
    problem = fpsim.EscapeProblem(
        fpsim.SDE(place, fpsim.ConstantDiffusion(0.1)), minimum.x, fpsim.Ball(-minimum.x, 0.3)
    )
    for module in (eyring, kramers, climb):
        monkeypatch.setattr(module, "DENSE", 8)
    found = problem.by_formula("eyring-kramers")
    assert abs(found.log_mean + exact) <= found.log_error < 1e-4
    assert "100 % of the rate" in found.settings["notes"]
