"""By grid: wells behind walls, wells too narrow to be seen by chance, and paths too rare to be simulated."""

import pytest

import fpsim
from landscapes import Landscape

NEAR = "(x**2-1)**2/4/(1+x**4/40)+x**2/200"
RARELY = "at least one path in 10^6"


def well(formula, noise=0.25, start=-1.0, target=1.0, **options):
    landscape = Landscape.from_expression(formula, **options)
    return fpsim.EscapeProblem(fpsim.SDE(landscape, fpsim.ConstantDiffusion(noise)), start, target)


@pytest.mark.parametrize(("place", "depth", "width"), [(9, 14, 1.5), (20, 30, 1.0), (6, 9, 0.7)])
def test_wells_behind_the_first_wall_count_and_are_said_to_be_rare(place, depth, width):
    case = well(f"{NEAR}-{depth}*exp(-((x+{place})/{width})**2)", bounds=[(-3, 3)])
    found, exact = case.by_grid(), case.by_quadrature()
    assert abs(found.mean - exact.mean) <= found.systematic_error < 1e-7 * exact.mean
    rare = [a for a in found.violated if RARELY in a.statement]
    assert rare and "14.36" in rare[0].detail


def test_the_well_of_the_issue():
    assert well(f"{NEAR}-14*exp(-((x+9)/1.5)**2)", bounds=[(-3, 3)]).by_grid().mean == pytest.approx(
        31074967.36, rel=1e-8
    )


def test_a_well_beyond_the_target_does_not_count():
    case = well(f"{NEAR}-20*exp(-(x-12)**2)", bounds=[(-3, 3)])
    found = case.by_grid()
    assert found.mean == pytest.approx(14.362161018938778, rel=1e-8)
    assert not found.violated


def test_a_well_behind_a_wall_of_the_plane():
    landscape = Landscape.from_expression(
        f"{NEAR}-14*exp(-((x+9)/1.5)**2)+y**2/2", variables="x y", bounds=[(-3, 3), (-3, 3)]
    )
    sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(0.25))
    found = fpsim.EscapeProblem(sde, (-1.0, 0.0), fpsim.HalfSpace([1, 0], 1.0)).by_grid()
    assert abs(found.mean - 31074967.36) <= found.systematic_error < 1e-3 * found.mean
    assert any(RARELY in a.statement for a in found.violated)


@pytest.mark.parametrize("width", [1e-4, 3e-4, 1e-3, 1e-2, 0.1])
@pytest.mark.parametrize("place", [-1.3, -0.41, 0.2])
def test_narrow_wells_of_a_formula_are_resolved(width, place):
    case = well(f"(x**2-1)**2/4-exp(-((x-({place}))/{width})**2)", 0.1)
    exact = case.by_quadrature().mean
    found = case.by_grid()
    assert abs(found.mean - exact) <= found.systematic_error < 1e-6 * exact
    assert not found.violated


def test_a_narrow_well_in_the_plane_is_resolved_or_flagged():
    # far from every way to the target its only effect is its weight; deep in the valley it holds the path
    formula = "(x**2+y**2)/2-3*exp(-((x-0.31)**2+(y-0.2)**2)/2e-4)"
    landscape = Landscape.from_expression(formula, variables="x y")
    sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(0.3))
    case = fpsim.EscapeProblem(sde, (0.0, 0.0), lambda x: x[0] ** 2 + x[1] ** 2 - 1.5)
    plain = Landscape.from_expression("(x**2+y**2)/2", variables="x y")
    without = fpsim.EscapeProblem(fpsim.SDE(plain, fpsim.ConstantDiffusion(0.3)), (0.0, 0.0), case.target).by_grid(100)
    found, finer = case.by_grid(100), case.by_grid(160)
    assert found.mean > without.mean + 10 * without.systematic_error  # it is seen
    assert abs(found.mean - finer.mean) <= found.systematic_error + finer.systematic_error


def test_a_wave_finer_than_the_cells_is_flagged_in_the_plane_and_resolved_on_the_line():
    line = well("(x**2-1)**2/4+0.3*sin(300*x)", 0.2, target=0.5)
    found = line.by_grid()
    assert abs(found.mean - line.by_quadrature().mean) <= found.systematic_error < 1e-7 * found.mean
    landscape = Landscape.from_expression("(x**2-1)**2/4+0.3*sin(300*x)+y**2", variables="x y")
    sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(0.2))
    plane = fpsim.EscapeProblem(sde, (-1.0, 0.0), fpsim.HalfSpace([1, 0], 0.5)).by_grid(100)
    assert any("narrow place" in a.statement for a in plane.violated)


def test_times_beyond_floats_are_answered_in_logs():
    case = well("10*(x**2-1)**2", 0.01)
    found = case.by_grid()
    assert found.mean == float("inf")
    assert found.log_mean == pytest.approx(case.by_quadrature().log_mean, abs=3 * found.log_error + 1e-9)


def test_words_of_refusals_are_true():
    for formula in ("-x**2/2", "0.4*log(1+x**2)"):
        with pytest.raises(ValueError, match="does not confine"):
            well(formula, 1.0, 0.0).by_grid()
    with pytest.raises(ValueError, match="rises too slowly"):
        well("1.6*log(1+x**2)", 1.0, 0.0).by_grid()
    landscape = Landscape.from_expression("(x**2+y**2)/2", variables="x y")
    nowhere = fpsim.EscapeProblem(
        fpsim.SDE(landscape, fpsim.ConstantDiffusion(1.0)), (0.0, 0.0), lambda x: -1 - x[0] ** 2
    )
    with pytest.raises(ValueError, match="was not met"):
        nowhere.by_grid()


def test_a_grid_ends_in_time():
    landscape = Landscape.from_expression("(x**2+y**2)/2", variables="x y")
    case = fpsim.EscapeProblem(fpsim.SDE(landscape, fpsim.ConstantDiffusion(1.0)), (2.0, 0.0), fpsim.Ball((0, 0), 0.5))
    with pytest.raises(ValueError, match="three grids would take about"):
        case.by_grid(200, deadline=1e-3)
