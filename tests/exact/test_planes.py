"""Planes through larger landscapes: the splines' order, their derivatives within and beyond the grid, refusals."""

from __future__ import annotations

import numpy as np
import pytest

import fpsim
from landscapes import DatasetLandscape, PlaneLandscape

DRAWS = np.random.default_rng(5)
U, V = (row - row.mean() for row in DRAWS.normal(size=(2, 30)))
TEXT = "(x**2 - 1)**2/4 + y**2/2 + u*(x + sin(x)/3) + v*(y + cos(x - y/3)/3) + sin(2*x - y)/9"
FLAT = DatasetLandscape.from_expression(TEXT, variables="x y", bounds=[(-2, 2)] * 2, data={"u": U, "v": V})
DEEP = DatasetLandscape.from_expression(
    f"{TEXT} + (z - x*y/4)**2*(1 + 0.1*u)", variables="x y z", bounds=[(-2, 2)] * 3, data={"u": U, "v": V}
)
INSIDE = DRAWS.uniform(-1.4, 1.4, (2, 40))
BEYOND = np.array([[2.5, -2.3, 0.3, 2.6, -2.4], [0.1, 2.4, -2.7, -2.2, 2.8]])


def plane(count: int = 65) -> PlaneLandscape:
    return PlaneLandscape.around(DEEP, np.zeros(3), np.eye(3)[:2], (2.0, 2.0), count=count)


def test_splines_are_of_sixth_order_and_say_their_error() -> None:
    errors = []
    for count in (17, 33):
        found = plane(count)
        errors.append(np.abs(found.loss(INSIDE) - DEEP.loss(found.point(INSIDE))).max())
        assert errors[-1] <= found.spline_error
    assert errors[0] / errors[1] > 2**5.3
    assert errors[1] < 1e-6


def test_all_derivatives_are_those_of_the_larger_landscape() -> None:
    found = plane()
    at = found.point(INSIDE)
    assert np.allclose(found.example_losses(INSIDE), DEEP.example_losses(at), atol=1e-7)
    assert np.allclose(found.example_gradients(INSIDE), DEEP.example_gradients(at)[:, :2], atol=1e-6)
    assert np.allclose(found.gradient(INSIDE), DEEP.gradient(at)[:2], atol=1e-7)
    assert np.allclose(found.hessian(INSIDE), DEEP.hessian(at)[:2, :2], atol=1e-5)
    assert np.allclose(found.gradient_covariance(INSIDE), DEEP.gradient_covariance(at)[:2, :2], atol=1e-6)


@pytest.mark.parametrize("x", [INSIDE[:, :5], BEYOND], ids=["inside", "beyond"])
def test_gradient_and_hessian_are_derivatives_everywhere(x: np.ndarray) -> None:
    found, h = plane(33), 1e-5
    kicks = h * np.eye(2)[:, :, None]
    slope = np.stack([(found.loss(x + k) - found.loss(x - k)) / (2 * h) for k in kicks])
    bend = np.stack([(found.gradient(x + k) - found.gradient(x - k)) / (2 * h) for k in kicks], axis=1)
    assert np.allclose(slope, found.gradient(x), atol=1e-7)
    assert np.allclose(bend, found.hessian(x), atol=1e-6)


def test_the_bowl_beyond_the_edge_is_joined_smoothly_and_confines() -> None:
    found = plane(33)
    for edge in (np.array([[2.0], [0.4]]), np.array([[2.0], [2.0]]), np.array([[-0.7], [-2.0]])):
        step = 1e-9 * np.sign(edge)
        assert np.allclose(found.gradient(edge - step), found.gradient(edge + step), atol=1e-6)
    far = 50 * np.array([np.cos(t := np.linspace(0, 2 * np.pi, 33)), np.sin(t)])
    assert np.all(np.sum(far * found.gradient(far), axis=0) > 0)


def test_mini_batches_average_the_examples_drawn() -> None:
    found, picks = plane(33), DRAWS.integers(0, 30, (3, 40))
    every = found.example_gradients(INSIDE)
    expected = np.stack([every[picks[:, n], :, n].mean(axis=0) for n in range(40)], axis=1)
    assert np.allclose(found.batch_gradients(INSIDE, picks), expected, atol=1e-13)
    sgd = fpsim.MiniBatchSGD(found, learning_rate=0.1, batch_size=3)
    assert fpsim.simulate_batches(sgd, (-1.0, 0.0), 20, paths=5, seed=1, keep="final").x.shape[-1] == 2


def test_an_escape_under_the_examples_noise_is_that_of_the_formula() -> None:
    table = PlaneLandscape.around(FLAT, np.zeros(2), np.eye(2), (2.0, 2.0), count=65)
    times = []
    for place in (FLAT, table):
        noise = fpsim.GradientNoise(learning_rate=0.3, batch_size=1, covariance=place)
        problem = fpsim.EscapeProblem(fpsim.SDE(place, noise), (-1.0, 0.0), fpsim.HalfSpace((1.0, 0.0), 0.5))
        times.append(problem.by_grid(cells=60))
    assert abs(times[0].mean / times[1].mean - 1) < 1e-5


def test_three_points_span_the_plane() -> None:
    points = np.array([[-1.0, 0.0, 0.1], [1.0, 0.1, -0.1], [0.2, 1.3, 0.0]])
    found = PlaneLandscape.through(DEEP, *points, margin=0.8, count=33)
    e = np.linalg.norm(points[1] - points[0])
    third = found.axes @ (points[2] - points[0])
    places = np.array([[0.0, e, third[0]], [0.0, 0.0, third[1]]])
    assert np.allclose(found.point(places), points.T, atol=1e-12)
    assert np.allclose(found.loss(places), DEEP.loss(points.T), atol=1e-5)
    assert np.allclose(found.axes @ found.axes.T, np.eye(2), atol=1e-14)


X = np.linspace(-2, 2, 9)
BOWL = X[:, None] ** 2 + X**2


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: PlaneLandscape(X, X, -BOWL), "does not rise outward along the edge of lower x"),
        (lambda: PlaneLandscape(X, X, BOWL[:5]), r"losses have shape \(m, 9, 9\); got \(1, 5, 9\)"),
        (lambda: PlaneLandscape(X, X[:4], BOWL[:, :4]), "y holds at least 8 finite nodes"),
        (lambda: PlaneLandscape(X, X**3, BOWL), "the nodes of y rise by equal steps"),
        (lambda: PlaneLandscape(X, X, np.where(BOWL > 7, np.nan, BOWL)), "not finite"),
        (lambda: PlaneLandscape(X, X, BOWL, wall=0.5), "the wall is a curvature above"),
        (lambda: PlaneLandscape(X, X, BOWL).point([0, 0]), "does not say where it lies"),
        (lambda: PlaneLandscape.through(DEEP, *np.outer([0, 1, 2], [1, 1, 0])), "lie on one line"),
        (lambda: PlaneLandscape.around(DEEP, np.zeros(3), np.ones((2, 3)), (1, 1)), "span no plane"),
        (lambda: PlaneLandscape.around(DEEP, np.zeros(2), np.eye(3)[:2], (1, 1)), r"points have shape \(3,\)"),
    ],
)
def test_what_is_refused(make, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.network
def test_a_plane_through_three_checkpoints_of_a_network() -> None:
    torch = pytest.importorskip("torch", reason="needs torch (extra `network`)")
    from landscapes import NeuralLandscape

    inputs = DRAWS.normal(size=(24, 2))
    labels = (inputs[:, 0] > 0).astype(int)

    def network(seed: int):
        torch.manual_seed(seed)
        return torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)).double().eval()

    a, b, c = map(network, (1, 2, 3))
    place = NeuralLandscape(a, inputs, labels, weight_decay=0.5)
    told: list[float] = []
    found = PlaneLandscape.through(place, a, b, c, margin=2.0, count=17, progress=told.append)
    assert np.allclose(found.point((0.0, 0.0)), place.initial) and told[-1] == 1.0
    assert abs(found.loss((0.0, 0.0)) - place.loss(place.initial)) < max(found.spline_error, 1e-6)
    assert found.number_of_examples == 24 and found.minima
