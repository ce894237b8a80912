"""Two passes out of one minimum of a perceptron: the loss has both mirrors, and what is claimed holds anew."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from landscapes.mirror.crossroads import crossroads, edges
from landscapes.networks.images import Dataset


@pytest.fixture(scope="module")
def passes():
    return crossroads()


def test_both_passes_are_certified(passes) -> None:
    """Gradients, indices and mirror images; both descents of the second (the study follows all four)."""
    first, second = passes[0].certified(descents=False), passes[1].certified()
    assert first.landscape is second.landscape and np.array_equal(first.minimum, second.minimum)
    assert first.barrier == pytest.approx(0.0280047, abs=1e-6) and second.barrier == pytest.approx(0.0178399, abs=1e-6)


def test_the_loss_has_both_mirrors_and_its_examples_do_not(passes) -> None:
    landscape, (up, left) = passes[0].landscape, (place.mirror for place in passes)
    x = np.random.default_rng(1).standard_normal(landscape.dimension)
    images = [x, up(x), left(x), up(left(x))]
    assert np.array_equal(images[3], left(up(x)))
    assert np.ptp([float(landscape.loss(one)) for one in images]) < 1e-14
    ones = np.array([landscape.example_losses(one) for one in images])
    assert np.abs(ones - ones[0]).max() > 0.1
    assert np.abs(ones[1] - ones[0][up.twins]).max() < 1e-13


def test_neither_way_is_the_other_and_noise_acts_along_both(passes) -> None:
    first, second = passes
    assert abs(first.direction @ second.direction) < 0.5
    assert min(place.landscape.slopes(place.saddle, place.direction).std() for place in passes) > 0.05


def test_the_images_that_ship_are_those_of_the_recipe(passes) -> None:
    made = edges()
    assert isinstance(made, Dataset)
    kept = passes[0].landscape.inputs.numpy().reshape(-1, 4, 4)
    assert np.array_equal(kept[: len(made.images)], made.images)
