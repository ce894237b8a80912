"""Saddles and paths of least loss whose places are known from papers or by hand, certified or refused in a sentence."""

import numpy as np
import pytest

import fpsim
from landscapes import CoupledDoubleWells, DoubleWell, DriftField, Landscape, MuellerBrown, StyblinskiTang, ThreeHole

MB = MuellerBrown()
DEEP, MIDDLE, LOW = (-0.5582236, 1.4417258), (-0.0500108, 0.4666941), (0.6234994, 0.0280378)
HIGH_PASS, LOW_PASS = (-0.8220016, 0.6243128), (0.2124866, 0.2929883)
LEFT, TOP, RIGHT = np.sort(np.roots([2, 0, -16, 2.5]))  # one coordinate of Styblinski-Tang: 2 x^3 - 16 x + 5/2 = 0


def chain_loss(x):
    return np.sum((x**2 - 1) ** 2, axis=0) / 4 + np.sum((x - np.roll(x, 1, axis=0)) ** 2, axis=0) / 4


def chain_gradient(x):
    return x**3 - x + (2 * x - np.roll(x, 1, axis=0) - np.roll(x, -1, axis=0)) / 2


@pytest.mark.parametrize(
    ("near", "direction", "place", "sides"),
    [
        (DEEP, None, HIGH_PASS, (DEEP, MIDDLE)),  # from the minimum itself
        (LOW, None, LOW_PASS, (LOW, MIDDLE)),
        (MIDDLE, (1, -1), LOW_PASS, (MIDDLE, LOW)),
        (MIDDLE, (-1, 0.2), HIGH_PASS, (MIDDLE, DEEP)),
        ((-0.8, 0.6), None, HIGH_PASS, None),
    ],
)
def test_mueller_brown(near, direction, place, sides):
    found = fpsim.saddle(MB, near, direction)
    np.testing.assert_allclose(found.x, place, atol=1e-7)
    if sides is not None:
        np.testing.assert_allclose([m.x for m in found.minima], sides, atol=1e-6)
    values, vectors = np.linalg.eigh(MB.hessian(found.x))
    assert abs(found.curvature - values[0]) <= found.eigenvalue_error < 1e-6
    assert abs(found.direction @ vectors[:, 0]) == pytest.approx(1)
    assert found.barriers[0] == pytest.approx(float(MB.loss(found.x) - MB.loss(found.minima[0].x)))
    along = [found.direction @ MB.hessian(m.x) @ found.direction for m in found.minima]
    assert found.curvatures == pytest.approx(along)
    assert found.position_error < 1e-13


@pytest.mark.parametrize("d", [2, 3, 6])
def test_styblinski_tang_has_all_its_minima_and_saddles(d):
    """2^d minima and d 2^(d-1) saddles; the certificate of each one names the two minima that differ in one place."""
    points = StyblinskiTang(d).critical_points()
    assert len(points.minima) == 2**d
    assert len(points.saddles) == d * 2 ** (d - 1)
    for p in points.saddles[:: max(1, len(points.saddles) // 8)]:
        found = fpsim.saddle(StyblinskiTang(d), p.x + 0.02)
        np.testing.assert_allclose(found.x, p.x, atol=1e-9)
        (place,) = np.flatnonzero(np.abs(found.x - TOP) < 1e-9)
        ends = sorted(m.x[place] for m in found.minima)
        np.testing.assert_allclose(ends, (LEFT, RIGHT), atol=1e-9)
        np.testing.assert_allclose(np.delete(found.minima[0].x, place), np.delete(found.x, place), atol=1e-9)


@pytest.mark.parametrize("d", [10, 50])
def test_coupled_wells_cross_at_the_origin(d):
    """Strong springs leave one saddle, the origin, with curvatures -1 + c (2 - 2 cos(2 pi k / d))."""
    coupling = 0.25 * d**2
    wells = CoupledDoubleWells(d, coupling)
    found = fpsim.string(wells, -np.ones(d), np.ones(d))
    (only,) = found.saddles
    exact = np.sort(-1 + coupling * (2 - 2 * np.cos(2 * np.pi * np.arange(d) / d)))
    np.testing.assert_allclose(only.eigenvalues, exact, atol=1e-10 * coupling)
    np.testing.assert_allclose(only.x, 0, atol=1e-12)
    assert found.barrier == pytest.approx(d / 4, abs=1e-8)
    assert found.residual <= 1e-3


@pytest.mark.slow
def test_products_alone_find_what_matrices_find():
    """Beyond 500 dimensions no Hessian is formed: one spring-coupled chain in 600 and 100, a kink in the middle.

    Far from the kink nothing changes, so that loss and curvature at the saddle agree.
    """
    found = []
    for d in (100, 600):
        chain = Landscape(chain_loss, chain_gradient, dimension=d, bounds=[(-2, 2)] * d)
        e = np.zeros(d)
        e[d // 2 : d // 2 + 2] = 1, 0.5  # not symmetric, so that no rounding decides where the climb ends
        found.append(fpsim.saddle(chain, -np.ones(d), e))
    few, many = found
    assert len(few.eigenvalues) == 100 and len(many.eigenvalues) < 10
    assert abs(few.loss - many.loss) < 1e-12
    assert abs(few.curvature - many.curvature) <= few.eigenvalue_error + many.eigenvalue_error < 1e-9
    np.testing.assert_allclose(many.minima[0].x, -1, atol=1e-9)
    assert any("Lanczos" in note for note in many.notes)


def test_string_passes_through_the_minimum_between():
    found = fpsim.string(MB, DEEP, LOW)
    np.testing.assert_allclose([s.x for s in found.saddles], (HIGH_PASS, LOW_PASS), atol=1e-7)
    np.testing.assert_allclose([m.x for m in found.minima], (DEEP, MIDDLE, LOW), atol=1e-6)
    assert found.highest is found.saddles[0]
    assert found.loss.max() == pytest.approx(found.highest.loss, abs=1e-8)
    assert found.barrier == pytest.approx(-40.6648435087 + 146.6995172099, abs=1e-8)


def test_string_follows_the_gradient():
    """On y = x^2 / 2 in coordinates (x, y - x^2 / 2) the valley floor is no path of least loss; the string finds it.

    The force across the path is worked out here from its points alone.
    """
    bent = Landscape.from_expression("(x**2-1)**2 + 4*(y - x**2/2)**2 + x*y/4", "x y", bounds=[(-2, 2), (-1, 2)])
    a, b = (m.x for m in bent.minima)
    found = fpsim.string(bent, a, b, tolerance=1e-4)
    gradient = bent.gradient(found.x)
    tangent = np.gradient(found.x, found.arc, axis=1, edge_order=2)
    tangent /= np.linalg.norm(tangent, axis=0)
    across = np.linalg.norm(gradient - np.sum(gradient * tangent, axis=0) * tangent, axis=0)
    inner = np.min([np.linalg.norm(found.x - s.x[:, None], axis=0) for s in (*found.saddles, *found.minima)], 0) > 0.1
    assert across[inner].max() < 5e-3 * np.linalg.norm(gradient, axis=0).max()
    steps = np.linalg.norm(np.diff(found.x, axis=1), axis=0)
    assert steps.max() < 1.3 * steps.min()


@pytest.mark.parametrize(
    ("formula", "near", "place"),
    [
        ("(x**2-1)**2/4 + (y**2-1)**2/4", (0.0, 0.0), 1.0),  # exactly on a maximum
        ("(x**2-1)**2/4 + (y**2-1)**2/4", (0.0, 1.0), 1.0),  # exactly on a saddle
        ("(x**2-1)**2/4 + y**2/2", (-1.0, 0.0), 1.0),  # a stiff valley beside the way
        ("(x**2-1)**2/4 + y**2/2", (0.0, 0.4), 1.0),  # on the ridge
        ("(x**2-1)**2*1e-12/4 + y**2*1e-12/2", (-1.0, 0.0), 1e-12),  # other units of loss
    ],
)
def test_symmetric_starts(formula, near, place):
    found = fpsim.saddle(Landscape.from_expression(formula, variables="x y"), near)
    assert found.barriers == pytest.approx((place / 4, place / 4), rel=1e-9)
    assert found.curvature == pytest.approx(-place, rel=1e-9)


def test_units_of_length_change_nothing():
    for size in (1e-9, 1e6):
        well = Landscape.from_expression("((x/s)**2-1)**2/4 + (y/s)**2/2 + (x/s)**2*(y/s)/5", "x y", s=size)
        found = fpsim.saddle(well, (-size, 0.0), (1, 0))
        assert found.curvature * size**2 == pytest.approx(-1, rel=1e-9)


def test_one_dimension_and_plain_functions():
    for well in (DoubleWell(), Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, bounds=(-2, 2))):
        found = fpsim.saddle(well, -1.0)
        assert found.barriers == pytest.approx((0.25, 0.25), abs=1e-8)
        assert fpsim.string(well, -1.0, 1.0).barrier == pytest.approx(0.25, abs=1e-8)


def test_ring_is_crossed_beside_its_symmetric_line():
    """The straight line between the minima runs over the hill in the middle, an index-2 point; the pass is beside."""
    ring = Landscape.from_expression("(x**2 + y**2 - 1)**2 + y**2/5", "x y", bounds=[(-2, 2), (-2, 2)])
    found = fpsim.string(ring, (-1, 0), (1, 0))
    assert found.barrier == pytest.approx(0.19, abs=1e-8)
    assert abs(found.highest.x[1]) == pytest.approx(0.9**0.5)


def test_lowest_way_of_the_three_holes():
    """The direct pass (0, -0.316) is higher than the two over the shallow hole."""
    shallow = ThreeHole().minima[1].x
    left = fpsim.string(ThreeHole(), (-1.0480549, -0.0420936), shallow)
    np.testing.assert_allclose(left.highest.x, (-0.6172723, 1.1027345), atol=1e-6)
    assert left.barrier == pytest.approx(2.348173148379, abs=1e-8)


REFUSED = [
    (lambda: fpsim.saddle(Landscape.from_expression("x**2 + y**2", "x y"), (0, 0)), "infinity"),
    (lambda: fpsim.saddle(Landscape.from_expression("(x**2-1)**2/4", "x y"), (-1, 0)), "zero within its error"),
    (lambda: fpsim.saddle(Landscape.from_expression("x**3 - 3*x"), 1.0), "no minimum on one side.*infinity"),
    (lambda: fpsim.saddle(Landscape.from_expression("x**4 - y**4", "x y"), (0.1, 0.1)), "no saddle was found"),
    (lambda: fpsim.saddle(Landscape(lambda x: np.abs(np.abs(x[0]) - 1)), 0.5), "no saddle was found"),
    (lambda: fpsim.saddle(DriftField(lambda x: -x), 0.5), "has none; a drift field"),
    (lambda: fpsim.saddle(MB, (0, 0), (0, 0)), "other than zero"),
    (lambda: fpsim.saddle(MB, (0, 0, 0)), "coordinate"),
    (lambda: fpsim.string(MB, DEEP, DEEP), "both ends lead to the same"),
    (lambda: fpsim.string(MB, DEEP, HIGH_PASS), "is none: .* no minimum"),
    (lambda: fpsim.string(MB, DEEP, (0.3, 1.0)), "expected to be a minimum"),
    (lambda: fpsim.string(DriftField(lambda x: -x), 0, 1), "drift field"),
    (lambda: fpsim.string(Landscape.from_expression("(x**2-1)**2", "x y"), (-1, 0), (1, 0)), "flat direction"),
    (lambda: fpsim.string(MB, DEEP, LOW, images=2), "whole number >= 5; got 2"),
]


@pytest.mark.parametrize("call", [call for call, _ in REFUSED], ids=[words for _, words in REFUSED])
def test_refused_in_a_sentence(call):
    words = next(words for one, words in REFUSED if one is call)
    with pytest.raises(ValueError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_results_print_save_and_draw(tmp_path):
    found = fpsim.saddle(MB, DEEP)
    assert "index 1" in str(found) and "-e descends" in str(found)
    again = fpsim.load(found.save(tmp_path / "saddle.nc"))
    np.testing.assert_array_equal(again.x, found.x)
    assert again.barriers == found.barriers and again.minima[1].loss == found.minima[1].loss
    assert str(again) == str(found)
    with pytest.raises(ValueError, match="from a file"):
        again.plot()
    path = fpsim.string(MB, DEEP, LOW)
    assert str(path).count("saddle ") == 2
    assert path.to_xarray().sizes["pass"] == 2
    for figure in (found.plot(), path.plot(), fpsim.string(DoubleWell(), -1, 1).plot()):
        assert figure.axes


@pytest.mark.parametrize("d", [4, 700])
def test_products_with_the_hessian(d):
    x, v = np.random.default_rng(3).standard_normal((2, d))
    plain = Landscape(chain_loss, chain_gradient, dimension=d)
    matrix = np.diag(3 * x**2) - (np.roll(np.eye(d), 1, 0) + np.roll(np.eye(d), -1, 0)) / 2
    np.testing.assert_allclose(plain.hessian_operator(x) @ v, matrix @ v, atol=1e-9 * d)
