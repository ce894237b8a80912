"""The picture of an escape in the plane shows what it says: way, saddles with their index, lines of the committor."""

import numpy as np
import pytest
from matplotlib.contour import QuadContourSet

import fpsim
from fpsim.routes.view import escape_view
from landscapes import DoubleWell, DriftField, Landscape, MuellerBrown

MB = MuellerBrown()
DEEP, _, LOW = (m.x for m in MB.minima)


def problem(landscape, temperature, start, end, radius):
    sde = fpsim.SDE(landscape, fpsim.ConstantDiffusion(temperature))
    return fpsim.EscapeProblem(sde, start, fpsim.Ball(end, radius))


def lines_of(axes, label):
    (line,) = (one for one in axes.lines if one.get_label() == label)
    return np.array(line.get_data())


def test_mueller_brown():
    view = escape_view(problem(MB, 10.0, DEEP, LOW, 0.1))
    assert view.remarks == ()
    axes = view.plot().axes[0]
    way = lines_of(axes, "path of least loss")
    np.testing.assert_allclose(way[:, 0], DEEP, atol=1e-6)
    np.testing.assert_allclose(way[:, -1], LOW, atol=1e-6)
    assert MB.loss(way).max() == pytest.approx(max(s.loss for s in MB.saddles), abs=1e-8)
    words = {text.get_text() for text in axes.texts}
    assert words == {r"index 1, $\Delta L$ = 106", r"index 1, $\Delta L$ = 74.45"}
    (chance,) = (c for c in axes.collections if isinstance(c, QuadContourSet) and tuple(c.levels) == (0.1, 0.5, 0.9))
    halfway = np.concatenate([path.vertices for path in chance.get_paths()[1:2]])
    high_pass = max(MB.saddles, key=lambda s: s.loss).x
    assert np.linalg.norm(halfway - high_pass, axis=1).min() < 0.1  # half of what is on the pass goes on


def test_drift_field_has_its_way_of_least_action():
    flow = DriftField.from_expression(
        ["x - x**3 - 10*x*y**2", "-(1 + x**2)*y"], variables="x y", bounds=[(-1.5, 1.5), (-1, 1)]
    )
    view = escape_view(problem(flow, 0.05, (-1.0, 0.0), (1.0, 0.0), 0.2))
    axes = view.plot().axes[0]
    assert np.abs(lines_of(axes, "way of least action")[1]).max() > 0.2  # off the axis (Maier and Stein)
    assert any(text.get_text().startswith("index 1, exponent 3.4") for text in axes.texts)


def test_what_cannot_be_had_is_said():
    ring = Landscape.from_expression("(x**2 - 1)**2/4 + y**2", "x y", bounds=[(-2, 2), (-1, 1)])
    sde = fpsim.SDE(ring, fpsim.ConstantDiffusion(0.1))
    walled = fpsim.EscapeProblem(sde, (-1.0, 0.0), fpsim.Ball((1.0, 0.0), 0.2), boundary="reflecting")
    view = walled.plot().axes[0]
    assert sum("knows no walls" in text.get_text() for text in view.texts) == 2
    line = fpsim.EscapeProblem(fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.1)), -1.0, 1.0)
    with pytest.raises(ValueError, match="drawn in the plane"):
        line.plot()
