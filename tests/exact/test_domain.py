"""Where formulas are defined, against what one reads off them."""

import math

import numpy as np
import pytest

from landscapes import DriftField, Landscape, named

INF = math.inf
F = Landscape.from_expression


@pytest.mark.parametrize(
    ("formula", "point", "interval"),
    [
        ("x - 0.6*log(x)", 1.0, (0.0, INF)),
        ("sqrt(x)", 3.0, (0.0, INF)),
        ("x**1.5", 3.0, (0.0, INF)),
        ("x**x", 3.0, (0.0, INF)),
        ("1/x + x", 2.0, (0.0, INF)),
        ("1/x + x", -2.0, (-INF, 0.0)),
        ("4*(1/x**12 - 1/x**6)", 1.12, (0.0, INF)),
        ("-log(x) - log(1 - x)", 0.3, (0.0, 1.0)),
        ("1/(x - 1) + 1/(3 - x)", 2.0, (1.0, 3.0)),
        ("log(pi - e*x)", 0.0, (-INF, math.pi / math.e)),
        ("tan(x)", 0.1, (-math.pi / 2, math.pi / 2)),
        ("asin(x)", 0.2, (-1.0, 1.0)),
        ("1/sin(x)", 4.0, (math.pi, 2 * math.pi)),
        ("log(exp(x) - 1)", 1e-8, (0.0, INF)),
        ("log(abs(x))", -1.0, (-INF, 0.0)),
        ("sqrt(abs(x))", 1.0, (0.0, INF)),  # the drift has a pole at 0
        ("x**4/4 - x**2/2", 0.0, (-INF, INF)),
        ("1/(1 + x**2)", 0.0, (-INF, INF)),
        ("1/(x**2 + 2*x + 2)", 0.0, (-INF, INF)),
        ("log(cosh(x)) + sqrt(1 + x**2)", 1.0, (-INF, INF)),
        ("abs(x)**1.5", 1.0, (-INF, INF)),
        ("sin(x)/x", 1.0, (-INF, INF)),  # the value stays finite: no edge
        ("x/(exp(x) - 1)", 1.0, (-INF, INF)),
        ("(1 - cos(x))/x**2", 1.0, (-INF, INF)),
    ],
)
def test_pieces_of_the_line(formula: str, point: float, interval: tuple[float, float]) -> None:
    (found,) = F(formula).domain.interval([point])
    np.testing.assert_allclose(found, interval, rtol=1e-13)


def test_edges_move_with_parameters() -> None:
    well = F("a*log(x - b) + x", a=-1.0, b=0.3)
    assert well.domain.interval([1.0]) == ((0.3, INF),)
    assert well.with_parameters(b=-2.0).domain.interval([1.0]) == ((-2.0, INF),)


@pytest.mark.parametrize("length", [1e-9, 1e9])
def test_edges_in_any_unit(length: float) -> None:
    (found,) = F("log(x/w) + log(2 - x/w) + log(sin(x/w))", w=length).domain.interval([length])
    np.testing.assert_allclose(found, (0.0, 2 * length), rtol=1e-12)


def test_more_dimensions_along_the_axes() -> None:
    product = F("log(x*y)", variables="x y").domain
    assert product.interval([1.0, 2.0]) == ((0.0, INF), (0.0, INF))
    assert product.interval([-1.0, -2.0]) == ((-INF, 0.0), (-INF, 0.0))
    disc = F("-log(1 - x**2 - y**2)", variables="x y").domain
    np.testing.assert_allclose(disc.interval([0.6, 0.0]), [(-1.0, 1.0), (-0.8, 0.8)], rtol=1e-14)


def test_points_and_pieces() -> None:
    domain = F("1/x + log(3 - x)").domain
    x = np.array([[-1.0, 0.0, 1.0, 3.0, 4.0]])
    assert domain.contains(x).tolist() == [True, False, True, False, False]
    assert domain.same_piece(x, [2.0]).tolist() == [False, False, True, False, False]


def test_drifts_have_domains_and_plain_functions_none() -> None:
    assert DriftField.from_expression(["1/x", "-y"], variables="x y").domain.interval([1, 0])[0] == (0.0, INF)
    assert Landscape(lambda x: x[0] ** 2).domain.interval([3.0]) == ((-INF, INF),)
    assert all(named(name).domain.is_everywhere for name in ("double-well", "mueller-brown", "resnet-slice"))


def test_a_point_outside_is_named_with_the_reason() -> None:
    with pytest.raises(ValueError, match=r"not defined at x = -1: it needs x > 0"):
        F("log(x)").domain.interval([-1.0])
