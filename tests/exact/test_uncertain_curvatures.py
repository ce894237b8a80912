"""Where a curvature vanishes at a critical point no saddle is certified; where it is small but there, it is."""

import numpy as np
import pytest

import fpsim
from fpsim.valleys.eyring import off_quadratic
from fpsim.valleys.joining import Joining, end_minimum
from landscapes import DoubleWell, Landscape

BOX = [(-2.0, 2.0), (-2.0, 2.0)]
FLAT_TOP = "x**6/6 - x**4/4 - a*x**2/2 + y**2/2"  # at 0 the curvatures are -a and 1
MONKEY = "x**3 - 3*x*y**2 + (x**2 + y**2)**2"


@pytest.mark.parametrize(
    ("text", "start"),
    [(FLAT_TOP, (-1.0, 0.0)), (MONKEY, (0.01, 0.02)), (MONKEY, (-0.75, 0.0)), ("(x**2 - 1)**2/4 + 0*y", (-1.0, 0.0))],
)
def test_a_point_without_curvature_is_no_certified_saddle(text, start):
    place = Landscape.from_expression(text, variables="x y", bounds=BOX, **({"a": 0.0} if "a*" in text else {}))
    with pytest.raises(ValueError, match="zero within its error"):
        fpsim.saddle(place, start)


@pytest.mark.parametrize("soft", [1e-2, 1e-4])
def test_a_small_curvature_is_certified(soft):
    place = Landscape.from_expression(FLAT_TOP, variables="x y", bounds=BOX, a=soft)
    found = fpsim.saddle(place, (-1.0, 0.0))
    assert abs(found.curvature + soft) <= found.eigenvalue_error < 0.01 * soft


def test_eight_dimensions_refuse_a_flat_pass_and_say_why():
    rest = " + ".join(f"y{k}**2/2" for k in range(7))
    place = Landscape.from_expression(
        f"x**6/6 - x**4/4 + {rest}", variables=["x", *(f"y{k}" for k in range(7))], bounds=[(-2.0, 2.0)] * 8
    )
    ends = np.eye(8)[0]
    with pytest.raises(ValueError, match="the first climb refused"):
        fpsim.passes(place, -ends, ends, temperature=5e-3)


@pytest.mark.parametrize("temperature", [1e-3, 1e-20, 1e-300])
def test_how_far_from_quadratic_a_minimum_is_at_any_temperature(temperature):
    # (x^2 - 1)^2/4 = u^2 - u^3 + u^4/4 at u = x + 1: with u = -(T/2)^(1/2) the loss is off by (|u|^3 + u^4/4)/T
    width = (temperature / 2) ** 0.5
    off = off_quadratic(DoubleWell().loss, np.array([-1.0]), np.array([2.0]), np.eye(1), temperature)
    assert off == pytest.approx(width / 2 + width**2 / 8, rel=1e-3)


@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_a_path_of_least_loss_scales_with_its_landscape(size):
    place = Landscape.from_expression(
        "((x/k)**2 - 1)**2/4 + (y/k - (x/k)**2)**2", variables="x y", bounds=[(-2 * size, 2 * size)] * 2, k=size
    )
    found = fpsim.string(place, (-size, size), (size, size))
    assert abs(found.barrier - 0.25) <= found.barrier_error <= 1e-14
    assert found.arc[-1] / size == pytest.approx(3.0379, rel=1e-4)  # of y = x^2 within the step beside the saddle


def test_the_next_string_goes_on_from_what_is_joined():
    place = Landscape.from_expression("cos(2*pi*x)", variables="x", bounds=[(-1.0, 5.0)])
    ends = end_minimum(place, 0.5, 6.0), end_minimum(place, 3.5, 6.0)
    search = Joining(place, ends, 6.0, 5, lambda _: None)
    search.minima, search.links = [*ends, end_minimum(place, 2.5, 6.0)], [(0, 2)]
    assert search._gap() == (1, 2)
