"""Critical points: all of them where that is promised, and doubts said aloud where it is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

import landscapes.critical.points
from landscapes import CoupledDoubleWells, CriticalPoint, Landscape
from landscapes.critical.newton import newton


def in_1d(formula: str, low: float, high: float) -> Landscape:
    return Landscape.from_expression(formula, bounds=(low, high))


def test_every_point_is_certified() -> None:
    points = in_1d("sin(x) + x**2/50", -20, 20).critical_points()
    landscape = in_1d("sin(x) + x**2/50", -20, 20)
    x = np.linspace(-20, 20, 1_000_001)[np.newaxis]
    changes = np.count_nonzero(np.diff(np.sign(landscape.gradient(x)[0])))
    assert len(points) == changes
    for point in points:
        assert abs(landscape.gradient(point.x)[0]) < 1e-12
        assert point.eigenvalues == pytest.approx(landscape.hessian(point.x)[0])
        assert point.index == int(point.eigenvalues[0] < 0)
        assert point.loss == pytest.approx(landscape.loss(point.x))
    assert points.index_sum == 1 and points.confining and points.complete


@pytest.mark.parametrize("gap", [1e-2, 1e-3, 1e-4, 1e-5])
def test_close_pairs_are_told_apart(gap: float) -> None:
    points = in_1d(f"((x - 0.3)**2 - {gap!r}**2)**2", -1, 2).critical_points()
    assert [point.kind for point in points] == ["minimum", "minimum", "saddle"]
    np.testing.assert_allclose([p.x[0] - 0.3 for p in points], [-gap, gap, 0], atol=gap * 1e-3)


def test_a_shallow_pair_beside_a_slope_is_found() -> None:
    # L' = (x - 0.3)^2 - 1e-8 touches zero twice within one cell of the scan, without a sign change at nodes
    points = in_1d("(x - 0.3)**3/3 - 1e-8*x", -1, 2).critical_points()
    np.testing.assert_allclose(sorted(p.x[0] for p in points), [0.3 - 1e-4, 0.3 + 1e-4], atol=1e-9)
    assert not points.confining


@pytest.mark.parametrize("formula", ["x**4", "x**3", "x**6 + x**5", "(x - 0.25)**4", "(x - 0.2345678)**3"])
def test_degenerate_points_are_reported(formula: str) -> None:
    with pytest.warns(UserWarning, match="degenerate"):
        points = in_1d(formula, -1.5, 1.5).critical_points()
    assert any(point.kind == "degenerate" for point in points)
    assert points.warnings


@pytest.mark.parametrize("formula", ["0*x + 1", "max(x, 0)**2", "exp(-(x*10)**2)"])
def test_a_flat_region_is_an_error(formula: str) -> None:
    with pytest.raises(ValueError, match="not isolated"):
        in_1d(formula, -10, 10).critical_points()


def test_a_line_of_minima_is_an_error() -> None:
    ring = Landscape.from_expression("(x**2 + y**2 - 1)**2", "x y", bounds=[(-2, 2), (-2, 2)])
    with pytest.raises(ValueError, match="not isolated"):
        ring.critical_points()


def test_a_box_is_needed_and_may_be_given() -> None:
    landscape = Landscape.from_expression("(x**2 - 1)**2")
    with pytest.raises(ValueError, match="bounds"):
        landscape.critical_points()
    with pytest.raises(ValueError, match="bounds"):
        _ = landscape.minima
    assert len(landscape.critical_points(bounds=(0.5, 3))) == 1
    assert len(landscape.critical_points(bounds=[(-3, 3)])) == 3


def test_an_empty_box() -> None:
    points = Landscape.from_expression("x + y**2", "x y", bounds=[(-1, 1), (-1, 1)]).critical_points()
    assert len(points) == 0 and not points.confining and "0 point(s)" in str(points)


def test_a_rotated_surface_in_2d() -> None:
    # six wells: (u^2-1)^2 + sextic in v, turned by 0.4
    u, v = "(cos(0.4)*x + sin(0.4)*y)", "(cos(0.4)*y - sin(0.4)*x)"
    surface = Landscape.from_expression(
        f"({u}**2 - 1)**2 + {v}**2*({v}**2 - 1)**2", "x y", bounds=[(-2.5, 2.5), (-2.5, 2.5)]
    )
    points = surface.critical_points()
    assert [sum(p.index == k for p in points) for k in (0, 1, 2)] == [6, 7, 2]
    assert points.complete and points.confining and points.index_sum == 1
    turn = np.array([[np.cos(0.4), np.sin(0.4)], [-np.sin(0.4), np.cos(0.4)]])
    turned = np.array([turn @ p.x for p in points.minima])
    np.testing.assert_allclose(np.abs(turned[:, 0]), 1, atol=1e-9)
    np.testing.assert_allclose(np.sort(np.abs(turned[:, 1])), [0, 0, 1, 1, 1, 1], atol=1e-9)


def test_a_mismatch_of_the_index_sum_is_said_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    def one_start(landscape: Landscape, bounds: object, effort: int) -> NDArray[np.float64]:
        return np.array([[-0.9, 0.9], [0.0, 0.0]])

    monkeypatch.setattr(landscapes.critical.points, "seeds", one_start)
    two_wells = Landscape.from_expression("(x**2 - 1)**2 + y**2", "x y", bounds=[(-2, 2), (-2, 2)])
    with pytest.warns(UserWarning, match="sum"):
        points = two_wells.critical_points()
    assert points.index_sum == 2 and points.confining and not points.complete
    assert "missing" in str(points)


def test_plain_functions_have_critical_points_too() -> None:
    landscape = Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4 + 1.5 * x[1] ** 2, dimension=2, bounds=[(-2, 2)] * 2)
    points = landscape.critical_points()
    np.testing.assert_allclose([p.x for p in points], [[-1, 0], [1, 0], [0, 0]], atol=1e-8)
    np.testing.assert_allclose([p.eigenvalues for p in points], [[2, 3], [2, 3], [-1, 3]], atol=1e-6)


def test_the_downhill_search_ends_in_minima_only() -> None:
    landscape = CoupledDoubleWells(5)
    assert landscape.bounds is not None
    starts = np.random.default_rng(6).uniform(-0.3, 0.3, (5, 40))
    ends = newton(landscape, starts, landscape.bounds, downhill=True)
    assert ends.shape[1] >= 38
    np.testing.assert_allclose(landscape.gradient(ends), 0, atol=1e-9)
    assert np.linalg.eigvalsh(np.moveaxis(landscape.hessian(ends), -1, 0)).min() > 0


def test_beyond_two_dimensions_nothing_is_promised() -> None:
    points = CoupledDoubleWells(4, coupling=0.05).critical_points()
    assert not points.complete
    # weak coupling: 3^N critical points, of which 2^N are minima (Berglund, Fernandez, Gentz 2007)
    assert (len(points), len(points.minima), len(points.saddles)) == (81, 16, 32)
    assert points.index_sum == 1


def test_the_result_is_a_sequence_that_prints_as_a_table() -> None:
    points = in_1d("(x**2 - 1)**2/4", -2, 2).critical_points()
    assert isinstance(points[0], CriticalPoint) and len(points[:2]) == 2
    lines = str(points).splitlines()
    assert lines[0].split() == ["kind", "x", "loss", "eigenvalues", "index"]
    assert lines[3].split() == ["saddle", "(0)", "0.25", "(-1)", "1"]
    assert lines[-1] == "3 point(s), all in the box; confining; sum of (-1)^index = 1"
    assert "minimum" in repr(points[0])
