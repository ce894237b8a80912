"""Fixed points of drift fields: places and eigenvalues in closed form, and the index sum of Poincare and Hopf."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscapes import DoubleWell, DriftField, MaierStein, MuellerBrown

field = DriftField.from_expression


def test_maier_stein() -> None:
    found = MaierStein().fixed_points()
    assert [p.kind for p in found] == ["stable node", "stable node", "saddle"] and found.complete and found.confining
    np.testing.assert_allclose([p.x for p in found], [[-1, 0], [1, 0], [0, 0]], atol=1e-12)
    np.testing.assert_allclose(found[2].eigenvalues, [1, -1], atol=1e-12)
    assert found.index_sum == 1 and len(found.stable) == 2


@pytest.mark.parametrize("rotation", [0.5, 10.0, 100.0])
def test_a_spiral_turns_with_its_eigenvalues(rotation: float) -> None:
    drift = field(["-x+w*y", "-w*x-y"], "x y", bounds=[(-2, 2), (-2, 2)], w=rotation)
    (point,) = drift.fixed_points()
    assert point.kind == "stable focus" and point.stable
    np.testing.assert_allclose(point.eigenvalues, [-1 + 1j * rotation, -1 - 1j * rotation], rtol=1e-12)


def test_underdamped_double_well() -> None:
    drift = field(["v", "x-x**3-g*v"], "x v", bounds=[(-2, 2), (-2, 2)], g=0.5)
    found = drift.fixed_points()
    assert [p.kind for p in found] == ["stable focus", "stable focus", "saddle"]
    np.testing.assert_allclose(found[0].eigenvalues[0], -0.25 + 1j * math.sqrt(2 - 1 / 16), rtol=1e-12)
    np.testing.assert_allclose(found[2].eigenvalues, [-0.25 + math.sqrt(1.0625), -0.25 - math.sqrt(1.0625)], rtol=1e-12)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
def test_one_dimension_in_three_units(scale: float) -> None:
    drift = field("x/s-(x/s)**3+.1", "x", bounds=(-2 * scale, 2 * scale), s=scale)
    found = drift.fixed_points()
    roots = np.sort(np.roots([-1.0, 0.0, 1.0, 0.1]).real)
    np.testing.assert_allclose(sorted(float(p.x[0]) / scale for p in found), roots, rtol=1e-9)
    assert [p.kind for p in found] == ["stable node", "stable node", "unstable node"]
    assert found.index_sum == 1 and found.complete


def test_lorenz_in_three_dimensions() -> None:
    """Two symmetric points at (+-sqrt(72), +-sqrt(72), 27), spirals that grow (Lorenz 1963), and the origin."""
    drift = field(["10*(y-x)", "x*(28-z)-y", "x*y-8*z/3"], "x y z", bounds=[(-30, 30), (-30, 30), (-5, 50)])
    found = drift.fixed_points()
    side = math.sqrt(72)
    places = sorted(tuple(np.round(p.x, 9)) for p in found)
    np.testing.assert_allclose(places, [(-side, -side, 27), (0, 0, 0), (side, side, 27)], atol=1e-8)
    assert all(p.kind == "saddle" for p in found) and not found.complete


def test_a_centre_is_said_to_be_undecided() -> None:
    with pytest.warns(UserWarning, match="linear part decides nothing"):
        found = field(["y", "-x"], "x y", bounds=[(-2, 2), (-2, 2)]).fixed_points()
    assert [p.kind for p in found] == ["degenerate"] and not found[0].stable


def test_gradients_have_the_fixed_points_of_their_loss() -> None:
    surface = MuellerBrown()
    drift = DriftField(surface.drift, dimension=2, bounds=surface.bounds)
    critical, fixed = surface.critical_points(), drift.fixed_points()
    assert len(fixed) == len(critical) == 5
    np.testing.assert_allclose([p.x for p in fixed.stable], [p.x for p in critical.minima], atol=1e-6)
    np.testing.assert_allclose(fixed[0].eigenvalues.real, -critical[0].eigenvalues, rtol=1e-5)


def test_sentences() -> None:
    with pytest.raises(ValueError, match="no box of its own; say where to look"):
        field(["-x", "-y"], "x y").fixed_points()
    with pytest.raises(ValueError, match="not isolated"):
        field(["-x", "0*y"], "x y", bounds=[(-1, 1), (-1, 1)]).fixed_points()
    printed = str(MaierStein().fixed_points())
    assert "saddle" in printed and "(1, -1)" in printed and "3 fixed point(s), all in the box; confining" in printed


@pytest.mark.parametrize("what", [DoubleWell(), MuellerBrown(), MaierStein(), field("-u**3", "u", bounds=(-1, 1))])
@pytest.mark.filterwarnings("ignore:.*linear part decides nothing")
def test_pictures_name_the_axes_as_the_user_does(what: DriftField) -> None:
    axes = what.plot().axes[0]
    assert axes.get_xlabel() == what.variables[0] and axes.get_legend() is not None
    if what.dimension == 2:
        assert axes.get_ylabel() == what.variables[1]
