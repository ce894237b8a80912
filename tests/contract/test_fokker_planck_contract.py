"""What the Fokker-Planck face promises: shapes, signs, words, and one clear sentence for wrong input."""

import numpy as np
import pytest

import fpsim
from fpsim.routes.grid import escape_time_by_grid
from landscapes import DoubleWell, Landscape

WELL = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1))
PLANE = fpsim.SDE(Landscape.from_expression("(x**2-1)**2/4 + y**2/2", variables="x y"), fpsim.ConstantDiffusion(0.1))


def line(cells=60, **more):
    return fpsim.FokkerPlanck(WELL, fpsim.Grid((-2, 2, cells)), **more)


def test_shapes_and_names_of_results():
    grid = fpsim.Grid((-2, 2, 12), (-1.5, 1.5, 10))
    plane = fpsim.FokkerPlanck(PLANE, grid)
    assert plane.generator.shape == (120, 120)
    density = plane.evolve((-1.0, 0.0), [0.0, 0.5, 1.0])
    assert density["density"].dims == ("time", "x", "y")
    assert density["density"].shape == (3, 12, 10)
    np.testing.assert_allclose(density["density"].sum(("x", "y")) * grid.volume, 1, atol=1e-12)
    assert plane.current(density["density"].values[-1])["current"].shape == (2, 12, 10)
    assert plane.mean_first_passage_time(fpsim.HalfSpace([1, 0], 0.0))["variance"].shape == (12, 10)
    assert plane.spectrum(3).modes["mode"].dims == ("index", "x", "y")
    assert density["density"].attrs["long_name"]


@pytest.mark.parametrize("boundary", ["reflecting", "absorbing", "periodic", ("reflecting", "absorbing")])
def test_signs_and_sums_of_the_generator(boundary):
    generator = line(boundary=boundary).generator
    off = generator - np.diag(generator.diagonal())
    assert off.min() >= 0
    columns = np.asarray(generator.sum(axis=0)).ravel()
    assert (columns <= 1e-11).all()
    assert (np.abs(columns).max() < 1e-11) == (boundary in ("reflecting", "periodic"))


def test_times_before_and_after_are_consistent():
    found = line().evolve(lambda x: np.exp(-((x[0] + 1) ** 2) / 0.02), [0.0, 1.0, 2.0])
    again = line().evolve(found["density"].values[1], [1.0])
    np.testing.assert_allclose(again["density"].values[0], found["density"].values[2], atol=1e-10)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: fpsim.Grid((1, -1, 10)), "low < high"),
        (lambda: fpsim.Grid((0, 1, 2.5)), "whole number"),
        (lambda: fpsim.Grid(), "one to three"),
        (lambda: fpsim.Grid(3), r"\(low, high, cells\)"),
        (lambda: fpsim.FokkerPlanck(PLANE, fpsim.Grid((-2, 2, 10))), "2 dimensions"),
        (lambda: line(boundary="open"), "boundary is one of"),
        (lambda: line(boundary=("periodic", "reflecting")), "periodic on both sides"),
        (lambda: line().evolve(-1.0, [1.0, 0.5]), "increasing"),
        (lambda: line().evolve(-1.0, [-1.0]), ">= 0"),
        (lambda: line().evolve(-9.0, [1.0]), "outside the grid"),
        (lambda: line().evolve(np.full(60, -1.0), [1.0]), "non-negative"),
        (lambda: line().evolve(np.ones((3, 4)), [1.0]), "array of shape"),
        (lambda: line().evolve(-1.0, [1.0], method="magic"), "method is one of"),
        (lambda: line(boundary="periodic").evolve(-1.0, [1.0], method="contour"), "tridiagonal"),
        (lambda: line().mean_first_passage_time(7.0), "outside the grid"),
        (lambda: line().mean_first_passage_time(-1.5, start=-1.5), "target"),
        (lambda: line().mean_first_passage_time("there"), "a target is"),
        (lambda: line().mean_first_passage_time(lambda x: np.ones(3)), "one finite number per point"),
        (lambda: line().mean_first_passage_time(lambda x: -np.ones_like(x[0])), "no cell of the grid next to it"),
        (lambda: line().mean_first_passage_time(lambda x: np.ones_like(x[0])), "covers the whole grid"),
        (lambda: line().committor(fpsim.Ball(0.0, 1.0), fpsim.Ball(0.5, 1.0)), "overlap"),
        (lambda: line(boundary="absorbing").stationary(), "nothing is stationary"),
        (lambda: line().quasi_stationary(None), "never|nothing ends"),
        (lambda: line().spectrum(1), "eigenvalues"),
        (lambda: line().current(np.ones(3)), "shape"),
        (lambda: escape_time_by_grid(WELL, -1.0, -1.0), "both"),
    ],
)
def test_wrong_input_gets_one_sentence(make, words):
    with pytest.raises((ValueError, TypeError), match=words):
        make()


def test_a_landscape_that_does_not_confine_is_refused():
    cubic = fpsim.SDE(Landscape.from_expression("x**2/2 - x**3/3", variables="x"), fpsim.ConstantDiffusion(0.1))
    with pytest.raises(ValueError, match="does not confine"):
        escape_time_by_grid(cubic, 0.0, -1.0)
    assert escape_time_by_grid(cubic, 0.0, 2.0).converged.holds


def test_noise_that_vanishes_is_refused():
    still = fpsim.SDE(DoubleWell(), fpsim.DiffusionField(lambda x: np.maximum(x[0], 0.0), 1))
    with pytest.raises(ValueError, match="must be positive"):
        fpsim.FokkerPlanck(still, fpsim.Grid((-2, 2, 40))).stationary()


def test_unresolved_hessian_noise_is_refused():
    noise = fpsim.HessianDiffusion(learning_rate=0.1, batch_size=1, at="path", climb_fraction=0.5)
    with pytest.raises(ValueError, match="minimum="):
        fpsim.FokkerPlanck(fpsim.SDE(DoubleWell(), noise), fpsim.Grid((-2, 2, 40))).stationary()


def test_automatic_grid_holds_all_wells_with_tails_below_1e_12():
    grid = fpsim.automatic_grid(WELL, -1.0)
    density = fpsim.FokkerPlanck(WELL, grid).stationary()["density"].values
    assert density[[0, -1]].max() * (grid.axes[0][1] - grid.axes[0][0]) < 1e-12
    towards = fpsim.automatic_grid(WELL, -1.0, 0.3, cells=200)
    (low, high, cells), h = towards.axes[0], towards.spacing[0]
    assert (0.3 - low) / h == pytest.approx(round((0.3 - low) / h), abs=1e-9)  # the target lies on a face
    assert np.abs(towards.centers() + 1.0).min() < 1e-12  # and the start on a centre
    assert high > 0.3
    assert 150 < cells < 260


@pytest.mark.parametrize("cells", [3, 2.5, 16, -4, True])
def test_grids_too_coarse_to_compare_are_refused(cells):
    """Three grids that collapse to one would agree with each other, and be wrong."""
    problem = fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
    with pytest.raises(ValueError, match="whole number of at least 48"):
        problem.by_grid(cells=cells)


def test_a_few_dozen_cells_state_an_honest_error():
    problem = fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
    found = problem.by_grid(cells=48)
    assert abs(found.mean - 66.2686263649) <= found.error < 0.5


def test_noise_that_is_negative_at_the_start_is_refused():
    sde = fpsim.SDE(DoubleWell(), fpsim.DiffusionField.from_expression("x", variables="x"))
    with pytest.raises(ValueError, match="not positive"):
        fpsim.EscapeProblem(sde, -1.0, 1.0).by_quadrature()


def test_cells_that_floats_cannot_tell_apart_are_refused():
    well = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(1e-300))
    for call in (lambda: fpsim.Grid((1.0, 1.0 + 1e-14, 100)), lambda: fpsim.automatic_grid(well, -1.0)):
        with pytest.raises(ValueError, match="wide, which floats cannot tell apart there"):
            call()
    fpsim.Grid((0.0, 1e-300, 100))  # around zero there are enough of them


def test_powers_beyond_floats_are_infinite_as_all_else_is():
    place = Landscape.from_expression("x**2*w**4", variables="x", w=1e300)
    assert place.loss(np.array([0.5])) == np.inf
    assert DoubleWell(width=1e300).loss(np.array([0.5])) == 0.25
