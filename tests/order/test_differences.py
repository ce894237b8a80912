"""Central differences: order six asserted, the answer checked against closed forms, bad functions refused."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from landscapes import Landscape
from landscapes.differences import along, derivatives, second_derivatives

Array = NDArray[np.float64]


def wave(x: Array) -> Array:
    return np.asarray(np.sin(2 * x[0]) * np.exp(x[1]) + x[0] * x[1] ** 3)


def wave_gradient(x: Array) -> Array:
    e = np.exp(x[1])
    return np.stack([2 * np.cos(2 * x[0]) * e + x[1] ** 3, np.sin(2 * x[0]) * e + 3 * x[0] * x[1] ** 2])


def wave_hessian(x: Array) -> Array:
    e = np.exp(x[1])
    mixed = 2 * np.cos(2 * x[0]) * e + 3 * x[1] ** 2
    return np.array([[-4 * np.sin(2 * x[0]) * e, mixed], [mixed, np.sin(2 * x[0]) * e + 6 * x[0] * x[1]]])


@pytest.mark.parametrize(("order", "exact"), [(1, 2 * np.cos(0.6)), (2, -4 * np.sin(0.6))])
def test_the_formula_is_of_order_six(order: int, exact: float) -> None:
    x = np.array([0.3])
    steps = np.array([0.4, 0.2, 0.1, 0.05])
    errors = [abs(float(along(lambda x: np.sin(2 * x[0]), x, np.ones(1), order, step)) - exact) for step in steps]
    orders = np.diff(np.log(errors)) / np.diff(np.log(steps))
    assert np.all(np.abs(orders - 6) < 0.3), orders
    assert np.all(np.abs(orders[1:] - 6) < 0.08), orders


@pytest.mark.parametrize("shape", [(), (4,), (3, 5)])
def test_gradient_and_hessian(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(2, *shape))
    np.testing.assert_allclose(derivatives(wave, x), wave_gradient(x), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(second_derivatives(wave, x), wave_hessian(x), rtol=1e-7, atol=1e-7)
    columns = derivatives(wave_gradient, x)  # (j, i, ...)
    np.testing.assert_allclose(columns, wave_hessian(x), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_a_landscape_of_any_length_scale(scale: float) -> None:
    narrow = Landscape(lambda x: np.cos(x[0] / scale), bounds=(-3 * scale, 3 * scale))
    x = np.array([[0.3, 1.0, -2.0]]) * scale
    np.testing.assert_allclose(narrow.gradient(x), -np.sin(x / scale) / scale, rtol=1e-9)
    np.testing.assert_allclose(narrow.hessian(x)[0], -np.cos(x / scale) / scale**2, rtol=1e-7)


def test_sharp_features_are_resolved() -> None:
    spike = Landscape(lambda x: np.exp(-((50 * x[0]) ** 2)))
    x = np.array([[0.01, 0.03]])
    np.testing.assert_allclose(spike.gradient(x)[0], -5000 * x[0] * np.exp(-((50 * x[0]) ** 2)), rtol=1e-6)


def test_flat_functions_and_even_points_are_fine() -> None:
    assert derivatives(lambda x: 0 * x[0] + 5.0, np.array([0.1])).tolist() == [0.0]
    even = derivatives(lambda x: (x[0] ** 2 - 1) ** 2 + 1e3, np.array([[0.0, 1.0, -1.0]]))
    np.testing.assert_allclose(even, 0, atol=1e-9)


def test_near_the_edge_of_the_domain_smaller_steps_are_used() -> None:
    x = np.array([[0.01, 0.1]])
    np.testing.assert_allclose(derivatives(lambda x: np.log(x[0]), x), 1 / x, rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: np.abs(x[0]), 1e-5),
        (lambda x: np.sign(x[0]), 1e-5),
        (lambda x: np.log(x[0]), -1.0),
        (lambda x: np.sqrt(x[0]), 0.0),
        (lambda x: x[0] * np.nan, 1.0),
        (lambda x: np.sin(x[0] * 1.234567e9), 0.7),
        (lambda x: np.round(x[0] * 31415.9) ** 2, 0.7),
    ],
    ids=["kink", "jump", "outside", "edge", "nan", "too fast", "rounded"],
)
def test_what_has_no_accurate_derivative_is_an_error(function: Callable[[Array], Array], x: float) -> None:
    with pytest.raises(ValueError, match=r"cannot be had from differences|not a number"):
        derivatives(function, np.array([[x]]), scale=(1.0,))


def test_without_a_scale_the_function_says_what_is_near() -> None:
    """A kink is as far from 1e-5 as it is from 1 in other units."""
    point = np.array([[1e-5]])
    assert derivatives(lambda x: np.abs(x[0]), point).tolist() == [[1.0]]
    assert derivatives(lambda x: np.sign(x[0]), point).tolist() == [[0.0]]
    for function in (lambda x: x[0] * np.nan, lambda x: np.sin(x[0] * 1.234567e9 + 0.7)):
        with pytest.raises(ValueError, match="cannot be had from differences"):
            derivatives(function, np.array([[0.7]]))


@pytest.mark.parametrize("unit", [1e-9, 1e-8, 1.0, 1e9, 2.0**-40])
@pytest.mark.parametrize("energy", [4.1e-21, 1.0, 1e9])
def test_differences_do_not_know_the_units(unit: float, energy: float) -> None:
    def loss(x: Array) -> Array:
        return np.asarray(energy * (((x[0] / unit) ** 2 - 1) ** 2 / 4 + 0.1 * np.cos(x[0] / unit) + (x[1] / unit) ** 2))

    z = np.array([[0.0, 0.3, 1e-4, -1.7], [0.0, 0.0, 0.4, 1e-9]])
    first = np.array([z[0] ** 3 - z[0] - 0.1 * np.sin(z[0]), 2 * z[1]])
    second = 3 * z[0] ** 2 - 1 - 0.1 * np.cos(z[0])
    for columns in (slice(0, 1), slice(1, 2), slice(2, 3), slice(None)):  # alone and together
        x = z[:, columns] * unit
        np.testing.assert_allclose(derivatives(loss, x) * unit / energy, first[:, columns], rtol=0, atol=1e-11)
        found = second_derivatives(loss, x) * unit**2 / energy
        np.testing.assert_allclose(found[0, 0], second[columns], rtol=0, atol=2e-9)
        np.testing.assert_allclose(found[1, 1], 2.0, rtol=0, atol=2e-9)


def test_the_error_names_the_point() -> None:
    with pytest.raises(ValueError, match=r"x = \[2\.  ?0\.\]"):
        derivatives(lambda x: x[0] + np.abs(x[1] + 1e-5), np.array([[1.0, 2.0], [3.0, 0.0]]), scale=(1.0, 1.0))
