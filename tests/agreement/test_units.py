"""One problem in several systems of units: every route answers the same number, and paths have the same bits.

Lengths w and energies e multiply times by w^2/e; a number that does not scale so knows a length of its own.
"""

import math

import numpy as np
import pytest

from fpsim import SDE, Ball, ConstantDiffusion, DiffusionField, EscapeProblem, HessianDiffusion
from fpsim.lengths import problem_length
from fpsim.sgd.chain import Chain
from landscapes import DriftField, Landscape

UNITS = [(1e-9, 1e9), (1e9, 1e-9), (1e-9, 1e-9), (1e9, 1e9), (1e-8, 4.1e-20)]
BINARY = [(2.0**-30, 1.0), (2.0**-20, 2.0**-40), (2.0**30, 2.0**10)]
BOTH = {"variables": "x y"}


def well(w, e):
    return Landscape.from_expression("h*((x/w)**2 - 1)**2/4", bounds=[(-2 * w, 2 * w)], h=e, w=w)


def free(w, e):
    return Landscape.from_expression("h*((x/w)**2 - 1)**2/4", h=e, w=w)


def plain(w, e):
    """No box, no derivative: both come from differences."""
    return Landscape(lambda x: e * ((x[0] / w) ** 2 - 1) ** 2 / 4)


def drift(w, e):
    return DriftField(lambda x: -e / w * ((x / w) ** 3 - x / w))


def plane(w, e):
    text = "h*((x/w)**2 - 1)**2/4 + h*(y/w)**2"
    return Landscape.from_expression(text, bounds=[(-2 * w, 2 * w)] * 2, h=e, w=w, **BOTH)


def ring(w, e):
    box = [(-w * math.pi / 2, 3 * w * math.pi / 2)]
    return Landscape.from_expression("-h*cos(2*x/w)", bounds=box, h=e, w=w)


def on(make, share, start=-1.0, end=1.0, **more):
    return lambda w, e: EscapeProblem(SDE(make(w, e), ConstantDiffusion(share * e)), start * w, end * w, **more)


def hessian(w, e, at, floor=None, **more):
    given = {} if floor is None else {"floor": floor * e / w**2}
    return HessianDiffusion(learning_rate=0.2 * w**2 / e, batch_size=1 / e, at=at, **given, **more)


def with_hessian(convention, *args, **more):
    return lambda w, e: EscapeProblem(SDE(well(w, e), hessian(w, e, *args, **more), convention), -w, w)


def with_function(make, share, convention):
    def problem(w, e):
        noise = DiffusionField(lambda x: share * e * (1 + 0.5 * np.sin(x[0] / w)), 1)
        return EscapeProblem(SDE(make(w, e), noise, convention), -w, w)

    return problem


def in_plane(share):
    return lambda w, e: EscapeProblem(
        SDE(plane(w, e), ConstantDiffusion(share * e)), (-w, 0.0), Ball((w, 0.0), 0.3 * w)
    )


def on_ring(w, e):
    return EscapeProblem(SDE(ring(w, e), ConstantDiffusion(0.3 * e)), 0.0, Ball([w * math.pi], 0.2 * w), "periodic")


def quadrature(problem):
    return lambda w, e: problem(w, e).by_quadrature().mean


def formula(problem, name):
    return lambda w, e: problem(w, e).by_formula(name).mean


ROUTES = {
    "quadrature": quadrature(on(well, 0.1)),
    "quadrature, no box": quadrature(on(free, 0.1)),
    "quadrature, differences": quadrature(on(plain, 0.1)),
    "quadrature, drift": quadrature(on(drift, 0.1)),
    "quadrature, walls": quadrature(on(well, 0.1, boundary="reflecting")),
    "quadrature, |H|": quadrature(with_hessian("ito", "everywhere", floor=0.1)),
    "quadrature, smooth |H|": quadrature(with_hessian("anti-ito", "everywhere", floor=0.1, floor_shape="smooth")),
    "quadrature, div D by differences": quadrature(with_function(free, 0.1, "anti-ito")),
    **{name: formula(on(well, 0.03), name) for name in ("kramers", "kramers-next", "eyring-kramers", "white-noise")},
    "kramers, no box": formula(on(free, 0.03), "kramers"),
    "kramers-next, differences": formula(on(plain, 0.03), "kramers-next"),
    "kramers, ring": formula(on_ring, "kramers"),
    "eyring-kramers, 2-D": formula(in_plane(0.03), "eyring-kramers"),
    "state-dependent": formula(with_function(free, 0.02, "anti-ito"), "state-dependent"),
    "xie": formula(with_hessian("ito", "path", climb_fraction=0.5), "xie"),
    "chain": lambda w, e: on(well, 0.1)(w, e).by_chain(0.1 * w**2 / e).mean,
    "chain, long": lambda w, e: on(well, 0.01)(w, e).by_chain(0.1 * w**2 / e).mean,
    "quasi-potential": lambda w, e: (
        Chain(well(w, e), ConstantDiffusion(0.1 * e), 0.1 * w**2 / e).quasipotential(-w, 0.0, points=200).value
        * w**2
        / e
    ),
    "gate": lambda w, e: with_hessian("ito", "everywhere", floor=0.1)(w, e).diagnose().gates[0].delta * w**2 / e,
}


@pytest.mark.parametrize("route", ROUTES)
def test_exact_routes_and_formulas(route):
    answer = ROUTES[route]
    known = answer(1.0, 1.0)
    for w, e in UNITS:
        assert answer(w, e) * e / w**2 == pytest.approx(known, rel=1e-9), (w, e)


def test_by_grid():
    known = on(well, 0.1)(1.0, 1.0).by_grid().mean
    for w, e in UNITS[::2]:
        assert on(well, 0.1)(w, e).by_grid().mean * e / w**2 == pytest.approx(known, rel=1e-9)
    flat = in_plane(0.1)(1.0, 1.0).by_grid(48).mean
    assert in_plane(0.1)(1e-9, 1e9).by_grid(48).mean * 1e9 / 1e-18 == pytest.approx(flat, rel=1e-9)


def level_problem(w, e, level):
    return EscapeProblem(SDE(well(w, e), ConstantDiffusion(0.25 * e)), -w, level)


PATHS = {
    "point": on(well, 0.25),
    "reflecting": on(well, 0.25, boundary="reflecting"),
    "level in units of the length": lambda w, e: level_problem(w, e, lambda x: x[0] / w - 1),
    "level as a length": lambda w, e: level_problem(w, e, lambda x: x[0] - w),
    "level as an energy": lambda w, e: level_problem(w, e, lambda x: e * (x[0] / w) ** 3 - e),
}


@pytest.mark.parametrize("kind", PATHS)
def test_paths_have_the_same_bits(kind):
    def mean(w, e):
        return PATHS[kind](w, e).by_paths(paths=64, step=0.03125 * w**2 / e, seed=1, step_bias=False).mean * e / w**2

    known = mean(1.0, 1.0)
    assert 8 < known < 32
    for w, e in BINARY:
        assert mean(w, e) == known, (w, e)


def test_a_level_function_in_physical_units():
    """Water's kT and ten nanometres: 2.44e-7 +- 0 once, since the level's gradient was taken over a metre."""
    w, kt = 1e-8, 4.1e-21
    landscape = Landscape.from_expression("8*kt*((x/w)**2 - 1)**2/4", bounds=[(-2 * w, 2 * w)], kt=kt, w=w)
    problem = EscapeProblem(SDE(landscape, ConstantDiffusion(kt)), -w, lambda x: x[0] - w)
    exact = EscapeProblem(problem.sde, -w, w).by_quadrature().mean
    found = problem.by_paths(paths=1000, step=0.02 * w**2 / (8 * kt), seed=2)
    assert abs(found.mean - exact) < 5 * found.error
    assert found.standard_error < 0.1 * exact
    assert EscapeProblem(problem.sde, -w, w).by_formula("kramers").mean > 0


def test_the_length_of_a_problem():
    assert problem_length(well(1e-9, 1.0), -1e-9, 1e-9) == pytest.approx(4e-9)
    assert problem_length(free(1e-9, 1.0), -1e-9, 1e-9) == pytest.approx(2e-9)
    assert problem_length(free(1e-9, 1.0), -1e-9, lambda x: x[0] / 1e-9 - 1) == pytest.approx(2e-9, rel=1e-3)
    with pytest.raises(ValueError, match="no box"):
        problem_length(free(1.0, 1.0), 0.0)
