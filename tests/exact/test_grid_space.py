"""By grid: walls, rings and the edges of a landscape's domain belong to the problem."""

import numpy as np
import pytest

import fpsim
from landscapes import Landscape

DOUBLE = "(x**2-1)**2/4"
RING = "-cos(2*x)"


def problem(formula, noise, start, target, variables="x", bounds=None, **options):
    landscape = Landscape.from_expression(formula, variables=variables, bounds=bounds)
    return fpsim.EscapeProblem(fpsim.SDE(landscape, fpsim.ConstantDiffusion(noise)), start, target, **options)


def agrees(found, exact, most=1e-5):
    assert abs(found.mean - exact) <= max(found.systematic_error, 1e-9 * exact)
    assert found.systematic_error <= most * exact
    assert not found.violated


# --- edges of the domain ---


@pytest.mark.parametrize(
    ("formula", "noise", "start", "target", "exact"),
    [
        ("x-0.6*log(x)", 0.5, 1.0, 4.0, 160.197893858),
        ("4*(1/x**12-1/x**6)", 0.3, 1.12, 2.5, 18.935549676),
        ("-log(x)-log(1-x)", 0.5, 0.5, 0.9, 0.7799250549912),
        ("1/x+x", 0.5, 2.0, 4.0, 128.134939694),
        ("1/x+x", 0.5, 2.0, 1.0, 1.41044929427),
        ("1/x**2+x", 0.4, 1.0, 3.0, 24.520946366),
        ("x-0.5*log(x)", 0.5, 1.0, 3.0, 37.9684577489),
    ],
)
def test_grids_stay_where_the_formula_is_defined(formula, noise, start, target, exact):
    agrees(problem(formula, noise, start, target).by_grid(), exact, 1e-7)


def test_a_box_given_up_to_the_edge():
    agrees(problem("x-0.6*log(x)", 0.5, 1.0, 4.0, bounds=[(0.001, 8)]).by_grid(), 160.197893858, 1e-7)


@pytest.mark.parametrize("formula", ["x-0.4*log(x)", "sqrt(x)", "x**1.5"])
def test_an_edge_that_paths_reach_is_refused_as_by_quadrature(formula):
    case = problem(formula, 0.5, 1.0, 2.0)
    for route in (case.by_quadrature, case.by_grid):
        with pytest.raises(ValueError, match="paths reach the landscape's edge x = 0 in finite time"):
            route()


def test_a_wall_before_such_an_edge_answers():
    case = problem("sqrt(x)", 0.5, 1.0, 2.0, boundary=fpsim.Walls("reflecting", [(0.1, 5.0)]))
    agrees(case.by_grid(), case.by_quadrature().mean, 1e-7)


def test_an_edge_along_one_axis_of_the_plane():
    case = problem("x-0.6*log(x)+y**2/2", 0.5, (1.0, 0.3), fpsim.HalfSpace([1, 0], 4.0), "x y")
    agrees(case.by_grid(), 160.197893858, 1e-4)


def test_a_domain_that_is_a_disc(radial_time):
    def phi(r):
        return -2 * np.log(1 - r * r)

    out = problem("-2*log(1-x**2-y**2)", 1.0, (0.2, 0.0), lambda x: np.hypot(x[0], x[1]) - 0.8, "x y")
    agrees(out.by_grid(), radial_time(phi, 1.0, 2, 0.2, 0.8, 1.0))
    back = problem("-2*log(1-x**2-y**2)", 1.0, (0.6, 0.0), fpsim.Ball((0, 0), 0.2), "x y")
    agrees(back.by_grid(), radial_time(phi, 1.0, 2, 0.6, 0.2, 1 - 1e-12), 1e-4)


# --- walls ---

REFLECTED = fpsim.Walls("reflecting", [(-1.2, 1.3)])


def reflected_time():
    return problem(DOUBLE, 0.2, -1.0, 0.5, boundary=REFLECTED).by_quadrature().mean


def test_reflecting_walls_on_the_line():
    agrees(problem(DOUBLE, 0.2, -1.0, 0.5, boundary=REFLECTED).by_grid(), reflected_time(), 1e-7)


@pytest.mark.parametrize(
    ("rest", "kinds"),
    [("+y**2/2", "reflecting"), ("+y**2/2", ("reflecting", None)), ("+cos(pi*y)/5", ("reflecting", "periodic"))],
)
def test_walls_of_mixed_kinds_in_the_plane(rest, kinds):
    walls = fpsim.Walls(kinds, [(-1.2, 1.3), (-1, 1)])
    case = problem(DOUBLE + rest, 0.2, (-1.0, 0.3), fpsim.HalfSpace([1, 0], 0.5), "x y", boundary=walls)
    agrees(case.by_grid(), reflected_time())


def test_walls_in_three_dimensions():
    walls = fpsim.Walls(("reflecting", "periodic", "reflecting"), [(-1.2, 1.3), (-1, 1), (-1, 1)])
    target = fpsim.HalfSpace([1, 0, 0], 0.5)
    case = problem(DOUBLE + "+cos(pi*y)/5+z**2/2", 0.2, (-1.0, 0.3, 0.1), target, "x y z", boundary=walls)
    found = case.by_grid(48)
    assert abs(found.mean - reflected_time()) <= found.systematic_error < 1e-3 * found.mean


@pytest.mark.parametrize("end", [0.5, 0.5001])
def test_a_target_on_a_wall_and_a_hair_before_it(end):
    walls = fpsim.Walls("reflecting", [(-5, end)])
    exact = problem(DOUBLE, 0.2, -1.0, 0.5).by_quadrature().mean
    agrees(problem(DOUBLE, 0.2, -1.0, 0.5, boundary=walls).by_grid(), exact, 1e-7)
    plane = fpsim.Walls(("reflecting", None), [(-5, end), (-1, 1)])
    half = fpsim.HalfSpace([1, 0], 0.5)
    agrees(problem(DOUBLE + "+y**2", 0.2, (-1.0, 0.1), half, "x y", boundary=plane).by_grid(100), exact, 1e-4)


def test_free_diffusion_to_the_end_of_its_box():
    case = problem("0*x", 1.0, 0.5, 1.0, bounds=[(0, 1)], boundary="reflecting")
    assert case.by_grid().mean == pytest.approx(0.375, rel=1e-8)


# --- rings ---


@pytest.mark.parametrize("box", [(-np.pi / 2, 3 * np.pi / 2), (-np.pi, np.pi), (-2.0, 2 * np.pi - 2)])
def test_a_ball_wraps_on_a_ring(box):
    case = problem(RING, 0.5, 0.0, fpsim.Ball(np.pi, 0.2), bounds=[box], boundary="periodic")
    agrees(case.by_grid(), 50.920486139682, 1e-7)


def test_reflecting_walls_on_the_same_box_give_another_time():
    box = [(-np.pi / 2, 3 * np.pi / 2)]
    case = problem(RING, 0.5, 0.0, fpsim.Ball(np.pi, 0.2), bounds=box, boundary="reflecting")
    agrees(case.by_grid(), 102.003372632615, 1e-7)


def test_a_number_on_a_ring_is_met_from_both_sides():
    case = problem("0*x", 1.0, 0.0, 3.1, bounds=[(-np.pi, np.pi)], boundary="periodic")
    assert case.by_grid().mean == pytest.approx(3.1 * np.pi / 2, rel=1e-9)


def test_a_ring_across_a_valley():
    def level(x):  # within .2 of the far side of the ring
        return 0.2 - np.abs(np.mod(x[0], 2 * np.pi) - np.pi)

    walls = fpsim.Walls(("periodic", None), [(-np.pi, np.pi), (-3, 3)])
    case = problem("-cos(2*x) + y**2", 0.5, (0.0, 0.2), level, "x y", boundary=walls)
    agrees(case.by_grid(100), 50.920486139682, 1e-4)


def test_a_target_behind_a_wall_is_refused():
    case = problem("x**2/2", 1.0, 0.0, 2.0, bounds=[(-1, 1)], boundary="reflecting")
    with pytest.raises(ValueError, match="no path can reach it"):
        case.by_grid()
