"""Questions to a grid, each answered as it was asked: closed forms."""

import math

import numpy as np
import pytest

import fpsim
from fpsim import Ball, ConstantDiffusion, DiffusionField, FokkerPlanck, Grid, HalfSpace
from fpsim.exact.first_passage import first_passage
from landscapes import DoubleWell, DriftField, Landscape

FLAT = fpsim.SDE(Landscape.from_expression("0*x", variables="x"), ConstantDiffusion(1.0))


def at(equation, data, x, name="mean"):
    return equation.grid.at(data[name], x)


# --- targets on walls and seams ---


@pytest.mark.parametrize("cells", [40, 401])
@pytest.mark.parametrize(("target", "start"), [(1.0, 0.5), (1.0, None), (HalfSpace([1.0], 1.0), None)])
def test_a_target_on_the_last_face(cells, target, start):
    """(1 - x^2) / 2D from a reflecting wall at 0."""
    equation = FokkerPlanck(FLAT, Grid((0, 1, cells)))
    found = equation.mean_first_passage_time(target, start=start)
    assert at(equation, found, 0.5) == pytest.approx(0.375, abs=0.5 / cells**2)


def test_a_target_between_the_last_centre_and_the_wall():
    equation = FokkerPlanck(FLAT, Grid((0, 1, 10)))
    found = equation.mean_first_passage_time(0.98, start=0.5)
    assert at(equation, found, 0.5) == pytest.approx((0.98**2 - 0.25) / 2, abs=3e-3)


def test_a_target_on_the_wall_of_a_plane():
    plane = fpsim.SDE(Landscape.from_expression("0*x + 0*y", variables="x y"), ConstantDiffusion(0.5))
    equation = FokkerPlanck(plane, Grid((0, 1, 40), (-1, 1, 30)))
    found = equation.mean_first_passage_time(HalfSpace([1, 0], 1.0))
    assert at(equation, found, (0.5, 0.0)) == pytest.approx(0.75, abs=1e-3)


@pytest.mark.parametrize("cells", [80, 81, 400])
@pytest.mark.parametrize(("target", "exact"), [(3.0, 1.5 * math.pi), (-2.0, math.pi)])
def test_a_target_that_reaches_up_to_the_seam_of_a_ring(cells, target, exact):
    """Beyond the seam lies the target's other end: exit from an interval, (b - x)(x - a) / 2D."""
    ring = FokkerPlanck(FLAT, Grid((-math.pi, math.pi, cells)), "periodic")
    found = ring.mean_first_passage_time(target, start=0.0)
    assert at(ring, found, 0.0) == pytest.approx(exact, abs=8 / cells**2)


def test_a_number_on_a_ring_is_met_from_both_sides():
    ring = FokkerPlanck(FLAT, Grid((0, 2 * math.pi, 100)), "periodic")
    found = ring.mean_first_passage_time(0.0)
    assert at(ring, found, math.pi) == pytest.approx(math.pi**2 / 2, rel=1e-3)


# --- absorbing walls ---


def test_exit_through_absorbing_walls_alone():
    equation = FokkerPlanck(FLAT, Grid((0, 1, 200)), "absorbing")
    found = equation.mean_first_passage_time()
    assert at(equation, found, 0.5) == pytest.approx(0.125, abs=1e-5)
    assert at(equation, found, 0.5, "variance") == pytest.approx(1 / 96, rel=1e-3)  # b^4/96 for (0, b)
    assert found.attrs["time_to"] == "an absorbing wall"
    assert "absorbing wall" in found["mean"].attrs["long_name"]
    plane = fpsim.SDE(Landscape.from_expression("0*x + 0*y", variables="x y"), ConstantDiffusion(1.0))
    square = FokkerPlanck(plane, Grid((0, 1, 60), (0, 1, 60)), "absorbing")
    assert at(square, square.mean_first_passage_time(), (0.5, 0.5)) == pytest.approx(0.0736713533, rel=1e-3)


def test_a_target_and_absorbing_walls_are_told_apart():
    equation = FokkerPlanck(FLAT, Grid((0, 1, 200)), "absorbing")
    found = equation.mean_first_passage_time(0.8, start=0.5)
    assert found.attrs["time_to"] == "the target or an absorbing wall, whichever comes first"
    assert at(equation, found, 0.5) == pytest.approx(0.5 * 0.3 / 2, rel=1e-3)
    assert at(equation, found, 0.5, "target_chance") == pytest.approx(0.5 / 0.8, rel=1e-3)
    alone = FokkerPlanck(FLAT, Grid((0, 1, 200)), ("reflecting", "absorbing")).mean_first_passage_time(1.0, start=0.5)
    assert alone.attrs["time_to"] == "the target"  # it covers the wall
    survival = equation.survival(0.5, 0.8, [0.01, 0.1])
    assert "whichever comes first" in survival.attrs["time_to"]
    assert equation.survival(0.5, None, [0.1]).attrs["time_to"] == "an absorbing wall"


def test_nothing_that_ends_a_walk_is_an_infinite_time():
    with pytest.raises(ValueError, match="the time is infinite"):
        FokkerPlanck(FLAT, Grid((0, 1, 40))).mean_first_passage_time()


# --- spectra ---


@pytest.mark.parametrize("turn", [1.0, 10.0, 30.0])
def test_eigenvalues_of_a_rotating_process_are_those_of_largest_real_part(turn):
    """-(m + n) + i turn (m - n): the gap is one, however fast the rotation."""
    field = DriftField.from_expression(["-x + w*y", "-w*x - y"], variables="x y", w=turn)
    equation = FokkerPlanck(fpsim.SDE(field, ConstantDiffusion(0.1)), Grid(*[(-2, 2, 80)] * 2))
    found = equation.spectrum(6)
    assert found.gap == pytest.approx(1, rel=6e-3)
    exact = [0, -1 + 1j * turn, -1 - 1j * turn, -2, -2 + 2j * turn, -2 - 2j * turn]
    apart = np.abs(np.array(exact)[:, None] - found.eigenvalues[None, :]).min(axis=1)
    assert (apart <= 0.02 * np.maximum(np.abs(exact), 1)).all()
    assert all(check.holds for check in found.checks)
    assert (np.diff(found.eigenvalues.real) <= 1e-9).all()


def quartic_rate(times_noise):
    """Twice the mean time from one minimum to the other is the inverse of the rate, for rare passages."""
    sde = fpsim.SDE(DoubleWell(), ConstantDiffusion(0.25 / times_noise))
    return sde, 2 * math.exp(-first_passage(sde, -1.0, 1.0).log_mean)


@pytest.mark.parametrize("barrier", [20, 40, 60, 200])
def test_rates_of_rare_events_keep_their_digits(barrier):
    sde, rate = quartic_rate(barrier)
    line = FokkerPlanck(sde, Grid((-1.8, 1.8, 800))).spectrum(2)
    assert line.gap == pytest.approx(rate, rel=6e-3)
    assert line.eigenvalues[0] == 0


def test_rates_of_rare_events_in_the_plane_and_of_three_wells():
    plane = Landscape.from_expression("(x**2-1)**2/4 + y**2/2", variables="x y")
    found = FokkerPlanck(fpsim.SDE(plane, ConstantDiffusion(0.25 / 60)), Grid((-1.5, 1.5, 120), (-0.6, 0.6, 40)))
    assert found.spectrum(2).gap == pytest.approx(quartic_rate(60)[1], rel=2e-2)
    wells = Landscape.from_expression("x**2*(x**2-1)**2*(1 + x/5)", variables="x")
    three = FokkerPlanck(fpsim.SDE(wells, ConstantDiffusion(0.0024)), Grid((-1.5, 1.5, 600)))
    values = three.spectrum(5).eigenvalues
    assert values[0] == 0
    assert (np.diff(values) < 0).all()
    out = three.quasi_stationary(HalfSpace([1.0], 1 / math.sqrt(3)))  # out of the right-hand well goes nothing back in
    assert 0 < -values[1] < 1e-18
    assert out.rate > 0


# --- D that jumps ---


@pytest.mark.parametrize("convention", ["ito", "stratonovich", "anti-ito"])
def test_a_jump_of_d_given_by_hand_is_found(convention):
    noise = DiffusionField(lambda x: np.where(x[0] < -0.4123, 0.1, 0.25), 1)
    sde = fpsim.SDE(DoubleWell(), noise, convention)
    exact = fpsim.EscapeProblem(sde, -1.0, 1.0).by_quadrature().mean
    for cells, within in ((100, 3e-4), (400, 2e-5)):
        equation = FokkerPlanck(sde, Grid((-2.5, 2.5, cells)))
        assert at(equation, equation.mean_first_passage_time(1.0, start=-1.0), -1.0) == pytest.approx(exact, rel=within)


def test_a_drift_that_jumps():
    """A tent: drift -sign(x - c), stationary density exp(-|x - c| / D) / 2D."""
    field = DriftField(lambda x: -np.sign(x - 0.237), lambda x: np.zeros((1, *x.shape)), dimension=1)
    equation = FokkerPlanck(fpsim.SDE(field, ConstantDiffusion(0.2)), Grid((-5, 5, 200)))
    density = equation.stationary()["density"].values
    ratio = np.log(density[150] / density[50])
    centers = equation.grid.centers()
    exact = (abs(centers[50] - 0.237) - abs(centers[150] - 0.237)) / 0.2
    assert ratio == pytest.approx(exact, abs=1e-9)


# --- domains with an edge ---


def test_the_gamma_law_up_to_the_edge_of_its_domain():
    gamma = fpsim.SDE(Landscape.from_expression("x - 0.6*log(x)", variables="x"), ConstantDiffusion(0.5))
    equation = FokkerPlanck(gamma, Grid((0, 14, 2000)))
    density = equation.stationary()["density"]
    assert float((density * density.x).sum()) * equation.grid.volume == pytest.approx(1.1, abs=1e-4)
    exact = fpsim.EscapeProblem(gamma, 1.0, 4.0).by_quadrature().mean
    assert at(equation, equation.mean_first_passage_time(4.0, start=1.0), 1.0) == pytest.approx(exact, rel=1e-5)
    plane = Landscape.from_expression("x - 0.6*log(x) + y**2/2", variables="x y")
    both = FokkerPlanck(fpsim.SDE(plane, ConstantDiffusion(0.5)), Grid((0, 10, 100), (-4, 4, 40)))
    density = both.stationary()["density"]
    assert float((density * density.x).sum()) * both.grid.volume == pytest.approx(1.1, abs=5e-3)


@pytest.mark.parametrize(
    ("text", "box"),
    [("x-0.6*log(x)", (-1, 8)), ("x-0.6*log(x)", (-0.01, 8)), ("1/x + x", (-1, 2)), ("-log(x)-log(1-x)", (0, 1.01))],
)
def test_a_grid_that_reaches_out_of_the_domain_is_refused(text, box):
    sde = fpsim.SDE(Landscape.from_expression(text, variables="x"), ConstantDiffusion(0.5))
    with pytest.raises(ValueError, match="reaches out of the landscape's domain"):
        FokkerPlanck(sde, Grid((*box, 100)))


def test_balls_narrower_than_a_cell_say_so_and_state_what_they_miss():
    """Ornstein-Uhlenbeck, D = 1: ln(2 / r) from a distance of 2 to a ball of radius r."""
    sde = fpsim.SDE(Landscape.from_expression("(x**2+y**2)/2", variables="x y"), ConstantDiffusion(1.0))
    equation = FokkerPlanck(sde, Grid((-5, 5, 101), (-5, 5, 101)))
    for radius in (0.3, 0.1, 0.02, 0.001):
        found = equation.mean_first_passage_time(Ball((0, 0), radius))
        missed = abs(at(equation, found, (2.0, 0.0)) - math.log(2 / radius))
        assert missed <= found.attrs["discretisation_error"]
        assert ("failed_assumptions" in found.attrs) == (radius < 0.2)


@pytest.mark.parametrize("ratio", [1e-2, 1e-3])
def test_oblique_noise_keeps_the_slowest_rate(ratio):
    """-x for every linear function, whatever the tensor: the gap is one."""
    turn = np.array([[math.cos(math.pi / 6), -0.5], [0.5, math.cos(math.pi / 6)]])
    tensor = turn @ np.diag([1.0, ratio]) @ turn.T
    sde = fpsim.SDE(Landscape.from_expression("(x**2+y**2)/2", variables="x y"), ConstantDiffusion(tensor))
    found = FokkerPlanck(sde, Grid((-4, 4, 90), (-4, 4, 90))).spectrum(3)
    assert found.gap == pytest.approx(1, rel=4e-2)
    assert abs(found.gap - 1) <= found.discretisation_error
