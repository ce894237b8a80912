"""Further laws of batches, and momentum, in all parameters of a place that ships: splitting against plain paths."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import landscapes  # noqa: E402
from fpsim import HalfSpace, MiniBatchSGD, exit_iterations, split_iterations  # noqa: E402

PLACE = landscapes.mirror_resnet()


def up_the_way(distance):
    """Beyond a part of the way to the twin, which is 0.65 off along e."""
    return HalfSpace(PLACE.direction, float(PLACE.direction @ PLACE.minimum) + distance)


@pytest.mark.parametrize(
    ("sampling", "momentum", "distance"), [("without-replacement", 0.0, 0.12), ("with-replacement", 0.5, 0.24)]
)
def test_splitting_agrees_with_plain_paths(sampling, momentum, distance):
    """Five standard errors; loops are made, so that nothing is counted from the start alone."""
    sgd, goal = MiniBatchSGD(PLACE.landscape, 0.04, 2, sampling, momentum), up_the_way(distance)
    mean, error = exit_iterations(sgd, PLACE.minimum, goal, paths=400, seed=1, horizon=10**5).mean_and_error()
    found = split_iterations(sgd, PLACE.minimum, goal, seed=2, repetitions=4, particles=64)
    assert "chance" in found.settings["loops"] and {a.key for a in found.violated} <= {"lone example"}  # so near
    assert abs(found.mean - mean) < 5 * np.hypot(error, found.standard_error) < 0.6 * mean


def test_reshuffled_epochs_leave_later_and_are_not_split():
    """Within an epoch the noise cancels; five standard errors."""
    goal, found = up_the_way(0.06), {}
    for sampling in ("reshuffled", "with-replacement"):
        sgd = MiniBatchSGD(PLACE.landscape, 0.04, 2, sampling)
        sample = exit_iterations(sgd, PLACE.minimum, goal, paths=600, seed=3, horizon=10**5)
        found[sampling] = sample.mean_and_error()
    (late, one), (mean, two) = found.values()
    assert late - mean > 5 * np.hypot(one, two)
    with pytest.raises(ValueError, match="reshuffled epochs remember which examples are left"):
        split_iterations(MiniBatchSGD(PLACE.landscape, 0.04, 2, "reshuffled"), PLACE.minimum, goal)
