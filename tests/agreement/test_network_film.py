"""The stored replicas of the film `network`: where they are, when they were out, and that their program makes them."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from animations.network.film import NetworkFilm
from fpsim import MiniBatchSGD
from fpsim.sgd.minibatch import simulate_batches
from fpsim.storage import read
from validation.full_space import replicas
from validation.full_space.places import place_of


@pytest.fixture(scope="module")
def place():
    return place_of(*replicas.MAIN)


@pytest.fixture(scope="module")
def data():
    return NetworkFilm.standard(frames=40).compute()


def test_the_stored_replicas_are_those_of_their_program(place) -> None:
    """The first two paths, as far as the second stored moment."""
    kept = read(replicas.FILE)
    iterations = int(kept["time"][1])
    sgd = MiniBatchSGD(place.landscape, replicas.RATE, replicas.SIZE)
    moved = simulate_batches(sgd, place.minimum, iterations, 2, iterations, replicas.FIRST)
    uv = (moved.x[-1] - place.saddle) @ replicas.axes(place).T
    assert np.abs(kept["position"].values[1, :2] * replicas.UNIT - uv).max() <= 0.51 * replicas.UNIT


def test_minimum_saddle_and_twin_lie_where_the_loss_says(place, data) -> None:
    assert data.corners[1] == pytest.approx(0) and data.corners[2] == pytest.approx(data.corners[0] * [-1, 1])
    assert data.corners[0, 0] == pytest.approx(place.along(place.minimum)) and data.way[[0, -1]] == pytest.approx(
        data.corners[:2], abs=1e-9
    )
    (i, j), (u, v) = np.unravel_index(data.loss.argmin(), data.loss.shape), data.corners[2]
    near = abs(abs(data.u[j]) - u) < 0.06 and abs(data.v[i] - v) < 0.06
    assert near and 0 <= data.loss.min() < 0.2 * data.barrier and data.barrier == pytest.approx(place.barrier)
    assert data.loss == pytest.approx(data.loss[:, ::-1], abs=1e-6)  # the mirror


def test_survivors_are_counted_and_within_what_theory_expects(data) -> None:
    """Nothing is fitted: the predicted time alone, five binomial standard deviations at any of 40 moments."""
    assert data.survivors.tolist() == [(data.exit_times > t).sum() for t in data.time]
    assert data.out.sum(axis=1).tolist() == (data.replicas - data.survivors).tolist()
    share = data.survivors / data.replicas
    assert np.all(np.abs(share - data.expected) <= 5 * np.maximum(data.band, 1 / data.replicas))
    mean, error = data.counted
    assert abs(mean - data.measured) < 3 * np.hypot(error, data.measured_error)


def test_a_clock_takes_the_nearest_stored_moments_and_too_many_replicas_are_refused(data) -> None:
    even = NetworkFilm.standard(frames=40, clock="even").compute()
    ideal = np.linspace(0, data.time[-1], 40)
    assert np.abs(even.time - ideal).max() < 0.01 * data.time[-1] and even.time[20] > data.time[20]
    with pytest.raises(ValueError, match=r"^64 replicas of the network are stored; got replicas = 65$"):
        NetworkFilm.standard(replicas=65).compute()
