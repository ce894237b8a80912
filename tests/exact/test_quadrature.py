"""First-passage times by quadrature against closed forms and tabulated values."""

import math

import numpy as np
import pytest

from fpsim.exact.first_passage import first_passage, potential_difference
from fpsim.noise import ConstantDiffusion, DiffusionField, HessianDiffusion
from fpsim.sde.gates import gates
from fpsim.sde.sde import SDE
from fpsim.targets import Ball, HalfSpace
from landscapes import DoubleWell, DriftField, Landscape, MuellerBrown, Quadratic, TiltedCosine

WELL = DoubleWell()
FLAT_DRIFT = Landscape.from_expression("-v*x", v=1.0)
CONVENTIONS = ("ito", "stratonovich", "anti-ito")


def constant(level, landscape=WELL):
    return SDE(landscape, ConstantDiffusion(level))


def hessian(floor, *, at="everywhere", kappa=0.1, convention="ito", **more):
    noise = HessianDiffusion(learning_rate=2 * kappa, batch_size=1, at=at, floor=floor, **more)
    return SDE(WELL, noise, convention)


@pytest.mark.parametrize(
    ("level", "target", "expected"),
    [
        (0.25, 0, 5.7434370680),
        (0.1, 0, 30.8213024727),
        (0.05, 0, 361.903759501),
        (0.025, 0, 51050.7025086),
        (0.25, 1, 14.2777366365),
        (0.1, 1, 66.2686263649),
        (0.05, 1, 729.670691942),
        (0.025, 1, 102108.365457),
        (0.0125, 1, 2198644401.41),
    ],
)
def test_quartic_double_well(level, target, expected):
    passage = first_passage(constant(level), -1, target)
    assert passage.mean == pytest.approx(expected, rel=1e-9 if level > 0.0125 else 3e-12)
    assert passage.relative_error < 1e-10


def test_ornstein_uhlenbeck():
    bowl = constant(1.0, Quadratic(1.0))
    assert first_passage(bowl, 0, 1).mean == pytest.approx(2.093406649678, rel=1e-12)
    assert first_passage(bowl, 0, 2).mean == pytest.approx(10.42840939800, rel=1e-12)


@pytest.mark.parametrize("level", [1.0, 0.1, 1e-4])
@pytest.mark.parametrize("distance", [1e-3, 1.0, 5.0])
def test_brownian_motion_with_drift_is_inverse_gaussian(level, distance):
    passage = first_passage(constant(level, FLAT_DRIFT), 0, distance)
    assert passage.mean == pytest.approx(distance, rel=1e-9)
    assert passage.variance == pytest.approx(2 * level * distance, rel=1e-9)


def test_geometric_brownian_motion_in_every_convention():
    # dX = X dt + sqrt(2 s) X dB (Ito): ln X drifts at 1 - s; l s X more drift in the other conventions
    growth, s = Landscape.from_expression("-x**2/2"), 0.25
    noise = DiffusionField.from_expression("s*x**2", s=s)
    for convention, weight in zip(CONVENTIONS, (0, 0.5, 1), strict=True):
        passage = first_passage(SDE(growth, noise, convention), 1.0, 4.0)
        speed = 1 + 2 * weight * s - s
        assert passage.mean == pytest.approx(math.log(4) / speed, rel=1e-9)
        assert passage.variance == pytest.approx(2 * s * math.log(4) / speed**3, rel=1e-9)


def test_laplace_drift_has_closed_form():
    # L = |x|, D = 1, from 0 to c: T = 2 (e^c - 1) - c, by hand
    cusp = Landscape(lambda x: np.abs(x[0]), lambda x: np.sign(x), lambda x: np.zeros((1, *x.shape)))
    assert first_passage(constant(1.0, cusp), 0, 3).mean == pytest.approx(2 * (math.exp(3) - 1) - 3, rel=1e-10)


def test_jumping_diffusion_has_closed_form():
    # drift 1, D = p left of 0 and q right of it, from 0 to 1, by hand from the two integrals (Ito)
    p, q = 0.5, 0.125
    noise = DiffusionField(lambda x: np.where(x[0] < 0, p, q), 1)
    outer = q * (1 - math.exp(-1 / q))
    assert first_passage(SDE(FLAT_DRIFT, noise), 0, 1).mean == pytest.approx(1 - outer + outer, rel=1e-10)
    # anti-Ito: inner weights e^{-W}, outer e^{W}/D: int_{-inf}^0 e^{z/p} = p, then 1 + (p - q)/q * outer
    anti = first_passage(SDE(FLAT_DRIFT, noise, "anti-ito"), 0, 1).mean
    assert anti == pytest.approx(1 + (p - q) / q * outer, rel=1e-10)
    half = first_passage(SDE(FLAT_DRIFT, noise, "stratonovich"), 0, 1).mean
    assert half == pytest.approx(1 + (math.sqrt(p / q) - 1) * outer, rel=1e-10)


@pytest.mark.parametrize(("floor", "expected"), [(1e-1, 733.125), (1e-2, 100862), (1e-3, 1.64926e7)])
def test_floored_literal_noise(floor, expected):
    assert first_passage(hessian(floor), -1, 0.3).mean == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("kappa", [0.1, 0.07, 0.05])
def test_escape_time_grows_like_floor_to_minus_delta(kappa):
    delta = 2 / (9 * kappa)
    floors = 1e-6, 1e-5
    logs = [first_passage(hessian(f, kappa=kappa), -1, 0.3, tolerance=1e-8).log_mean for f in floors]
    assert (logs[0] - logs[1]) / math.log(10) == pytest.approx(delta, rel=0.01)


@pytest.mark.parametrize(
    ("convention", "prefactor"), [("ito", math.pi), ("stratonovich", math.sqrt(2) * math.pi), ("anti-ito", 2 * math.pi)]
)
@pytest.mark.parametrize("fraction", [0.3, 0.6])
def test_two_level_noise_reaches_its_formula(convention, prefactor, fraction):
    kappa = 0.005
    sde = hessian(None, at="path", kappa=kappa, convention=convention, minimum=-1, saddle=0, climb_fraction=fraction)
    exponent = 0.25 / kappa * (fraction / 2 + (1 - fraction))
    ratio = math.exp(first_passage(sde, -1, 1).log_mean - math.log(prefactor) - exponent)
    assert ratio == pytest.approx(1, abs=0.02)


def test_smooth_floor_equals_explicit_drift_correction():
    # conventions through weights here, through l * div D in an Ito equation with that drift
    sde = hessian(0.3, floor_shape="smooth", convention="anti-ito")
    as_ito = SDE(DriftField(lambda x: sde.drift(x)), DiffusionField(lambda x: sde.diffusion(x)[0, 0], 1))
    expected = first_passage(as_ito, -1, 0.3, tolerance=1e-6).mean
    assert first_passage(sde, -1, 0.3).mean == pytest.approx(expected, rel=1e-7)


def test_constant_noise_is_the_same_in_every_convention():
    means = {first_passage(SDE(WELL, ConstantDiffusion(0.1), c), -1, 1).log_mean for c in CONVENTIONS}
    assert max(means) - min(means) < 1e-12


def test_either_direction_and_every_target():
    tilted = DoubleWell(tilt=0.05)
    mirrored = DoubleWell(tilt=-0.05)
    left = first_passage(constant(0.1, tilted), 0.9, -0.8).mean
    assert first_passage(constant(0.1, mirrored), -0.9, 0.8).mean == pytest.approx(left, rel=1e-12)
    plain = first_passage(constant(0.1), -1, 0.8).mean
    assert first_passage(constant(0.1), [-1], Ball(1, 0.2)).mean == pytest.approx(plain, rel=1e-12)
    assert first_passage(constant(0.1), -1, HalfSpace(2, 1.6)).mean == pytest.approx(plain, rel=1e-12)
    assert first_passage(constant(0.1), 1, HalfSpace(-1, 0.8)).mean == pytest.approx(plain, rel=1e-12)


def test_drift_field_is_the_landscape_of_its_potential():
    field = DriftField.from_expression("x - x**3")
    sde = SDE(field, ConstantDiffusion(0.1))
    assert first_passage(sde, -1, 1).mean == pytest.approx(66.2686263649, rel=1e-9)


def test_second_valley_behind_a_wall_is_counted():
    # from 0.9 to 2 paths first fall into the far left valley; T(0.9 -> 2) = T(-1 -> 2) - T(-1 -> 0.9)
    sde = constant(0.01)
    split = first_passage(sde, -1, 2).mean - first_passage(sde, -1, 0.9).mean
    assert first_passage(sde, 0.9, 2).mean == pytest.approx(split, rel=1e-9)


def test_second_valley_behind_a_high_wall_is_counted():
    # the wall is 250 noise units high; both starts see the same two valleys, so their times agree
    sde = constant(0.001)
    assert first_passage(sde, 0.9, 2).log_mean == pytest.approx(first_passage(sde, -1, 2).log_mean, abs=1e-10)


def test_variance_against_second_moment_by_finite_differences():
    # A T2 = -2 T on a fine grid, reflecting far left, zero at the target; Richardson of two grids
    def second_moment(cells):
        edges = np.linspace(-3, 0, cells + 1)
        x, h, level = (edges[1:] + edges[:-1]) / 2, 3 / cells, 0.1
        loss = lambda z: (z * z - 1) ** 2 / 4  # noqa: E731
        up = level / h**2 * np.exp(-(loss(edges[1:]) - loss(x)) / level)
        down = level / h**2 * np.exp(-(loss(edges[:-1]) - loss(x)) / level)
        up[-1] *= 2
        down[0] = 0
        matrix = np.diag(-(up + down)) + np.diag(up[:-1], 1) + np.diag(down[1:], -1)
        first = np.linalg.solve(matrix, -np.ones(cells))
        return np.interp(-1, x, np.linalg.solve(matrix, -2 * first))

    coarse, fine = second_moment(375), second_moment(750)
    passage = first_passage(constant(0.1), -1, 0)
    expected = fine + (fine - coarse) / 3 - passage.mean**2
    assert passage.variance == pytest.approx(expected, rel=1e-3)


def test_exponentials_beyond_the_floating_point_range():
    passage = first_passage(constant(0.25 / 300), -1, 1)
    assert passage.mean == pytest.approx(math.sqrt(2) * math.pi * math.exp(300) * 1.00125, rel=1e-4)
    beyond = first_passage(constant(0.25 / 3000), -1, 1)
    assert beyond.log_mean == pytest.approx(3000 + math.log(math.sqrt(2) * math.pi), rel=1e-7)
    with pytest.raises(ValueError, match="use log_mean"):
        _ = beyond.mean


@pytest.mark.parametrize("landscape", [Landscape.from_expression("x**2/2 - x**3/3"), TiltedCosine()])
def test_far_side_that_does_not_confine(landscape):
    with pytest.raises(ValueError, match="does not confine"):
        first_passage(constant(0.1, landscape), 0, -1)


def test_cubic_well_confines_towards_its_barrier():
    cubic = Landscape.from_expression("x**2/2 - x**3/3")  # well at 0, top at 1, dL = 1/6
    expected = math.pi * math.exp(1 / 6 / 0.01)
    assert first_passage(constant(0.01, cubic), 0, 1).mean == pytest.approx(expected, rel=0.1)


def test_landscape_with_a_wall():
    # L = x - ln x on x > 0, D = 1: stationary weight x e^-x (Gamma law), so I(y) = 1 - (1 + y) e^-y
    log_well = Landscape.from_expression("x - log(x)", bounds=(0.1, 5))
    y, w = np.polynomial.legendre.leggauss(60)
    y = 2 + y
    expected = np.sum(w * np.exp(y) / y * (1 - (1 + y) * np.exp(-y)))
    assert first_passage(constant(1.0, log_well), 1.0, 3.0).mean == pytest.approx(expected, rel=1e-10)


def test_literal_noise_blocks_the_path():
    sde = hessian(0.0)
    with pytest.raises(ValueError, match=r"inflection point x = -0.57735.*delta = 2\.222"):
        first_passage(sde, -1, 0.3)
    (gate,) = gates(sde, -1, 1)
    point, delta = gate.x, gate.delta
    assert point == pytest.approx(-1 / math.sqrt(3), rel=1e-12)
    assert delta == pytest.approx(2 / (9 * 0.1), rel=1e-6)
    assert gates(hessian(0.01), -1, 1) == [gate]  # a floor opens the gate, but delta still rules the time


def test_vanishing_and_negative_noise_are_refused():
    touching = SDE(WELL, DiffusionField(lambda x: 0.1 * np.abs(3 * x[0] ** 2 - 1), 1))
    with pytest.raises(ValueError, match=r"D vanishes at x = -0\.57735"):
        first_passage(touching, -1, 0.3)
    negative = SDE(WELL, DiffusionField(lambda x: 0.1 * x[0] ** 2 - 0.02, 1))
    with pytest.raises(ValueError, match="D > 0"):
        first_passage(negative, -1, 0.3)


def test_refusals():
    with pytest.raises(ValueError, match="1-D"):
        first_passage(constant(1.0, MuellerBrown()), [0, 0], Ball([1, 1], 0.1))
    with pytest.raises(ValueError, match="found nowhere"):
        first_passage(constant(0.1), -1, lambda x: -1 - x[0] ** 2)
    with pytest.raises(ValueError, match="one finite number"):
        first_passage(constant(0.1), [-1, 0], 1)
    with pytest.raises(ValueError, match="tolerance"):
        first_passage(hessian(1e-10), -1, 0.3)  # rounding in |L''| + floor is visible here


def test_potential_difference_across_a_jump():
    assert potential_difference(constant(0.1), -1, 0) == pytest.approx(2.5, rel=1e-13)
    assert potential_difference(constant(0.1), 0, -1) == pytest.approx(-2.5, rel=1e-13)
    sde = hessian(None, at="path", minimum=-1, saddle=0, climb_fraction=0.4)
    assert potential_difference(sde, -1, 0) == pytest.approx(2.5 * (0.4 / 2 + 0.6), rel=1e-12)
