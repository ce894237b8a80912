"""Named landscapes against their closed forms and the literature's critical points."""

import math

import numpy as np
import pytest

from landscapes import (
    CoupledDoubleWells,
    DoubleWell,
    MaierStein,
    MuellerBrown,
    Quadratic,
    SharpFlatWell,
    StyblinskiTang,
    ThreeHole,
    TiltedCosine,
    named,
)
from landscapes.catalogue.named import catalogue

NAMES = list(catalogue())


def test_double_well_at_its_defaults() -> None:
    well = DoubleWell()
    x = np.linspace(-2, 2, 9)[np.newaxis]
    np.testing.assert_allclose(well.loss(x), (x[0] ** 2 - 1) ** 2 / 4, atol=1e-15)
    np.testing.assert_allclose(well.drift(x), x - x**3, atol=1e-14)
    assert [point.x[0] for point in well.minima] == pytest.approx([-1, 1], abs=1e-12)
    assert [point.x[0] for point in well.saddles] == pytest.approx([0], abs=1e-12)
    assert well.critical_points().complete and well.critical_points().confining


def test_double_well_parameters_mean_what_they_say() -> None:
    well = DoubleWell(barrier=3.0, width=0.5, offset=2.0)
    left, right = well.minima
    (top,) = well.saddles
    assert (left.x[0], right.x[0], top.x[0]) == pytest.approx((-0.5, 0.5, 0.0), abs=1e-12)
    assert (left.loss, right.loss, top.loss) == pytest.approx((2, 2, 5), rel=1e-12)
    assert left.eigenvalues[0] == pytest.approx(8 * 3 / 0.25, rel=1e-10)
    assert top.eigenvalues[0] == pytest.approx(-4 * 3 / 0.25, rel=1e-10)


@pytest.mark.parametrize("tilt", [-0.38, -0.1, 0.05, 0.3, 0.3849])
def test_tilted_double_well(tilt: float) -> None:
    well = DoubleWell(tilt=tilt)
    expected = np.sort(np.roots([1, 0, -1, tilt]).real)  # L' = x^3 - x + tilt
    found = sorted(point.x[0] for point in well.critical_points())
    np.testing.assert_allclose(found, expected, atol=1e-7)
    assert well.default_start == pytest.approx([found[0]], abs=1e-7)
    assert well.default_target == pytest.approx([found[2]], abs=1e-7)


@pytest.mark.parametrize("ratio", [1, 1.0001, 2, 5, 16, 64, 200, 1 / 64])
@pytest.mark.parametrize("barrier", [0.25, 3.0])
def test_sharp_flat_well(ratio: float, barrier: float) -> None:
    well = SharpFlatWell(sharp=1.5 * ratio, flat=1.5, barrier=barrier)
    points = well.critical_points()
    assert points.complete and points.confining and points.index_sum == 1 and len(points) == 3
    sharp, flat = points.minima
    (top,) = points.saddles
    assert sharp.x[0] < top.x[0] < flat.x[0]
    assert (sharp.loss, flat.loss) == pytest.approx((0, 0), abs=1e-9 * barrier)
    assert (top.x[0], top.loss) == pytest.approx((0, barrier), rel=1e-9, abs=1e-9)
    assert sharp.eigenvalues[0] == pytest.approx(1.5 * ratio, rel=1e-9)
    assert flat.eigenvalues[0] == pytest.approx(1.5, rel=1e-9)
    p, q = math.sqrt(8 * barrier / (1.5 * ratio)), math.sqrt(8 * barrier / 1.5)
    assert top.eigenvalues[0] == pytest.approx(-16 * barrier / (p + q) ** 2, rel=1e-9)
    assert flat.x[0] - sharp.x[0] == pytest.approx(p + q, rel=1e-9)


def test_sharp_flat_well_has_no_other_critical_point_far_out_and_confines() -> None:
    well = SharpFlatWell(sharp=64.0, flat=1.0)
    wide = well.critical_points(bounds=(-40, 40))
    assert len(wide) == 3 and wide.confining
    far = well.loss(np.array([[-20.0, -40.0, 20.0, 40.0]]))
    assert far[1] / far[0] == pytest.approx(16, rel=0.2)
    assert far[3] / far[2] == pytest.approx(16, rel=0.2)


def test_sharp_flat_well_of_equal_curvatures_is_the_quartic() -> None:
    x = np.linspace(-2, 2, 11)[np.newaxis]
    np.testing.assert_allclose(SharpFlatWell(2.0, 2.0, 0.25).loss(x), DoubleWell().loss(x), atol=1e-13)


def test_tilted_cosine() -> None:
    landscape = TiltedCosine(barrier=2.0, period=3.0, tilt=-0.4)
    points = landscape.critical_points()
    bottom = 3 / (2 * math.pi) * math.asin(0.4 * 3 / (2 * math.pi))
    assert [p.x[0] for p in points.minima] == pytest.approx([bottom, bottom + 3], abs=1e-9)
    assert [p.x[0] for p in points.saddles] == pytest.approx([-1.5 - bottom, 1.5 - bottom, 4.5 - bottom], abs=1e-9)
    assert landscape.loss([4.2]) - landscape.loss([1.2]) == pytest.approx(-0.4 * 3, rel=1e-12)
    assert not points.confining
    level = TiltedCosine()
    assert level.loss([math.pi]) == pytest.approx(1.0) and level.loss([2 * math.pi]) == pytest.approx(0, abs=1e-15)


def test_quadratic() -> None:
    matrix = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.2], [0.0, -0.2, 3.0]])
    bowl = Quadratic(matrix)
    x = np.random.default_rng(4).normal(size=(3, 5))
    np.testing.assert_allclose(bowl.loss(x), 0.5 * np.einsum("ik,ij,jk->k", x, matrix, x), rtol=1e-13)
    np.testing.assert_allclose(bowl.gradient(x), matrix @ x, rtol=1e-12)
    np.testing.assert_array_equal(bowl.hessian(x), np.repeat(matrix[:, :, np.newaxis], 5, axis=2))
    (minimum,) = bowl.critical_points()
    np.testing.assert_allclose(minimum.eigenvalues, np.linalg.eigvalsh(matrix))
    np.testing.assert_array_equal(Quadratic([1.0, 4.0]).hessian([0.0, 0.0]), np.diag([1.0, 4.0]))
    assert Quadratic(2.0, dimension=4).gradient(np.ones(4)).tolist() == [2.0] * 4


def test_styblinski_tang() -> None:
    for d in (1, 2, 3):
        points = StyblinskiTang(d).critical_points()
        assert (len(points), len(points.minima), points.index_sum) == (3**d, 2**d, 1)
        best = min(points.minima, key=lambda point: point.loss)
        assert best.x == pytest.approx([-2.903534027] * d, abs=1e-8)
        assert best.loss == pytest.approx(-39.16616570377 * d, rel=1e-10)
        assert points.complete == (d <= 2)


def test_mueller_brown() -> None:
    points = MuellerBrown().critical_points()
    assert points.complete and points.confining and points.index_sum == 1
    minima = [(-0.5582236, 1.4417258), (-0.0500108, 0.4666941), (0.6234994, 0.0280378)]
    np.testing.assert_allclose([p.x for p in points.minima], minima, atol=6e-8)
    np.testing.assert_allclose(
        [p.x for p in points.saddles], [(-0.8220016, 0.6243128), (0.2124866, 0.2929883)], atol=6e-8
    )
    # K. Mueller and L. Brown 1979, table: energies of the three minima and two saddles
    assert [p.loss for p in points] == pytest.approx([-146.700, -80.768, -108.167, -40.665, -72.249], abs=6e-4)


def test_three_hole() -> None:
    points = ThreeHole().critical_points()
    assert points.complete and points.confining
    assert (len(points.minima), len(points.saddles), len(points)) == (3, 3, 7)
    assert [p.kind for p in points][-1] == "maximum"
    left, middle, right = points.minima
    assert left.x == pytest.approx([-right.x[0], right.x[1]], abs=1e-9) and middle.x[0] == pytest.approx(0, abs=1e-9)
    assert left.loss == pytest.approx(right.loss, rel=1e-12) and left.loss < middle.loss


def test_coupled_double_wells() -> None:
    ring, chain = CoupledDoubleWells(4, coupling=0.3), CoupledDoubleWells(4, coupling=0.3, ring=False)
    x = np.random.default_rng(5).normal(size=(4, 6))
    left, right = np.roll(x, 1, axis=0), np.roll(x, -1, axis=0)
    np.testing.assert_allclose(ring.drift(x), x - x**3 - 0.3 * (2 * x - left - right), atol=1e-13)
    missing = 0.3 * np.stack([x[0] - x[3], 0 * x[0], 0 * x[0], x[3] - x[0]])
    np.testing.assert_allclose(chain.drift(x), ring.drift(x) + missing, atol=1e-13)
    ends = [point for point in CoupledDoubleWells(3).critical_points().minima if point.loss < 1e-12]
    np.testing.assert_allclose([point.x for point in ends], [[-1] * 3, [1] * 3], atol=1e-9)


def test_strongly_coupled_wells_synchronise() -> None:
    # Berglund, Fernandez, Gentz 2007: for coupling > 1/(2 sin^2(pi/N)) the origin is the only saddle
    points = CoupledDoubleWells(4, coupling=1.1).critical_points()
    assert [point.kind for point in points] == ["minimum", "minimum", "saddle"]
    np.testing.assert_allclose(points[2].x, np.zeros(4), atol=1e-9)
    assert points.index_sum == 1


def test_maier_stein() -> None:
    flow = MaierStein(beta=3.0)
    x, y = 0.3, -0.7
    assert flow.drift([x, y]) == pytest.approx([x - x**3 - 3 * x * y**2, -(1 + x**2) * y], rel=1e-14)
    for point in ([-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]):
        assert not np.any(flow.drift(point))
    assert np.linalg.eigvals(flow.jacobian([0.0, 0.0])).real.tolist() == [1.0, -1.0]


@pytest.mark.parametrize(
    ("make", "word"),
    [
        (lambda: DoubleWell(barrier=0), "positive"),
        (lambda: DoubleWell(width=-1), "positive"),
        (lambda: DoubleWell(tilt=0.5), "one well"),
        (lambda: DoubleWell(barrier=math.nan), "positive"),
        (lambda: DoubleWell(offset=math.inf), "finite"),
        (lambda: SharpFlatWell(sharp=1000, flat=1), "ratio"),
        (lambda: SharpFlatWell(sharp=-1), "positive"),
        (lambda: TiltedCosine(tilt=1.0), "no wells"),
        (lambda: Quadratic([[1, 2], [0, 1]]), "symmetric"),
        (lambda: Quadratic([1, 2], dimension=3), "dimension"),
        (lambda: Quadratic([[1, 2, 3]]), "square"),
        (lambda: CoupledDoubleWells(1), "at least 2"),
        (lambda: StyblinskiTang(0), "positive integer"),
        (lambda: named("dubble-well"), "did you mean 'double-well'"),
        (lambda: named("nothing"), "mueller-brown"),
        (lambda: named("double-well", hight=1), "barrier, width, tilt, offset"),
    ],
)
def test_wrong_arguments_are_one_sentence(make: object, word: str) -> None:
    with pytest.raises(ValueError, match=word):
        make()  # type: ignore[operator]


def test_a_landscape_of_any_dimension_tells_its_own():
    assert str(StyblinskiTang(dimension=4)) == "StyblinskiTang(dimension=4)"
    assert str(CoupledDoubleWells(10, 0.1)) == "CoupledDoubleWells(dimension=10, coupling=0.1, barrier=0.25)"
