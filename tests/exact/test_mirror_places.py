"""Mirror-closed networks: the symmetry of the loss, the places that ship, and where noise is and is not."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

import landscapes  # noqa: E402
from landscapes.mirror.branch import pitchfork, valley, with_decay  # noqa: E402
from landscapes.mirror.involution import closed, mirror_of, mirrored  # noqa: E402
from landscapes.mirror.permutation import swap_of  # noqa: E402
from landscapes.mirror.place import Place, UncertifiedError, leaning, place_at  # noqa: E402
from landscapes.networks.architectures import perceptron, resnet, small_resnet  # noqa: E402
from landscapes.networks.images import Dataset  # noqa: E402
from landscapes.networks.landscape import NeuralLandscape  # noqa: E402

DRAWS = np.random.default_rng(5)
DATA = Dataset(DRAWS.normal(size=(12, 8, 8)), DRAWS.integers(0, 2, 12), "noise", 2)


def on_noise(network, mirror):
    data = closed(DATA, mirror)
    return NeuralLandscape(network, data.images, data.labels, weight_decay=0.1)


NETWORKS = {
    "ResNet, one logit": small_resnet(2),
    "ResNet, two logits and two blocks": small_resnet(2, blocks=2, classes=3),
    "perceptron": perceptron([64, 3, 4, 2]),
}


@pytest.mark.parametrize("mirror", ["up-down", "left-right", "transpose"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_mirror_commutes_with_the_loss_and_moves_examples_to_their_twins(name, mirror):
    landscape = on_noise(NETWORKS[name], mirror)
    p = mirror_of(landscape, mirror)
    x = DRAWS.normal(size=(landscape.dimension, 3)) / 2
    np.testing.assert_array_equal(p(p(x)), x)
    assert abs(p(x) - x).max() > 0.1
    np.testing.assert_allclose(landscape.loss(p(x)), landscape.loss(x), rtol=1e-14)
    losses = landscape.example_losses(x)
    np.testing.assert_allclose(landscape.example_losses(p(x)), losses[p.twins], rtol=1e-13)
    assert abs(losses[p.twins] - losses).max() > 1e-3  # no symmetry of single examples
    np.testing.assert_allclose(landscape.gradient(p(x)), p(landscape.gradient(x)), atol=1e-15)
    s, a = p.symmetric(), p.antisymmetric()
    np.testing.assert_allclose(np.c_[s, a].T @ np.c_[s, a], np.eye(landscape.dimension), atol=1e-15)
    np.testing.assert_allclose(p(s), s, atol=0)
    np.testing.assert_allclose(p(a), -a, atol=0)


def test_mirrors_that_are_none_are_refused():
    data = closed(DATA, "up-down")
    with pytest.raises(ValueError, match="1 of 23 examples have no up-down mirror image"):
        mirror_of(NeuralLandscape(small_resnet(), data.images[1:], data.labels[1:]), "up-down")
    with pytest.raises(ValueError, match="24 of 24 examples have no left-right mirror image"):
        mirror_of(NeuralLandscape(small_resnet(), data.images, data.labels), "left-right")
    with pytest.raises(ValueError, match="does not commute with the up-down mirror"):
        mirror_of(NeuralLandscape(resnet(8, 1, 2, activation="tanh"), data.images, data.labels), "up-down")
    with pytest.raises(ValueError, match="mirror is one of 'up-down'"):
        mirrored(DATA.images, "upside")
    with pytest.raises(ValueError, match="only square images"):
        mirrored(DATA.images[:, :4], "transpose")
    with pytest.raises(ValueError, match=r"no place 'resnet-39' at the weight decay 0.5; what ships is resnet-39: "):
        landscapes.mirror_resnet(0.5)


def test_one_logit_is_two_classes():
    """Cross entropy of one output z is ln(1 + exp(-z)) for the class 1, and ln(1 + exp(z)) for 0."""
    found = NeuralLandscape(small_resnet(1, seed=3), DATA.images, DATA.labels)
    z = found.network(found.inputs).detach().numpy()[:, 0]
    expected = np.log1p(np.exp(z * (1 - 2 * DATA.labels)))
    np.testing.assert_allclose(found.example_losses(found.initial), expected, rtol=1e-14)
    assert found.accuracy(found.initial) == np.mean((z > 0) == DATA.labels)


def test_the_shipped_place_is_what_it_says():
    """Gradients, spectra, index and both descents computed anew, at the decay of the study."""
    place = landscapes.mirror_resnet()
    assert place.certified() is place and place.landscape.dimension == 39
    assert place.landscape.number_of_examples == 128 and place.decay == 0.04
    assert place.barrier == pytest.approx(1.633e-3, rel=1e-3)
    b, a = place.spectrum("saddle"), place.spectrum("minimum")
    assert b.curvatures[0] == pytest.approx(-0.0713, rel=1e-3) and a.curvatures[-1] == pytest.approx(10.82, rel=1e-3)
    normal, offset = place.target
    assert normal @ place.minimum < normal @ place.saddle < offset
    assert place.along(place.twin) == pytest.approx(-place.along(place.minimum), rel=1e-12)
    np.testing.assert_allclose(place.reversed().along(place.minimum), place.along(place.twin))


ONE_EACH = (
    ("resnet-39-of-4-and-9", 0.055),
    ("resnet-39-of-2-and-9", 0.055),
    ("resnet-39-other-images", 0.055),
    ("resnet-113", 0.055),
    ("resnet-369", 0.0725),
)
SHIPPED = [("resnet-39", decay) for decay in landscapes.mirror_places()["resnet-39"] if decay != 0.04]
SHIPPED += [("resnet-39-of-4-and-9", decay) for decay in landscapes.mirror_places()["resnet-39-of-4-and-9"][:-1]]


@pytest.mark.parametrize(("network", "decay"), [*SHIPPED, *ONE_EACH])
def test_every_shipped_place_is_a_saddle_between_twins(network, decay):
    """Descents too where networks are others: 4 s at 113 parameters, and left out at 369, where they take 20 s."""
    descents = (network, decay) in ONE_EACH[:2]
    place = landscapes.mirror_resnet(decay, network).certified(descents)
    assert place.landscape.dimension == int(network.split("-")[1]) and 5e-5 < place.barrier < 4e-3


def test_what_is_no_place_is_refused():
    place = landscapes.mirror_resnet()
    parts = {"minimum": place.minimum, "saddle": place.saddle, "twin": place.twin, "direction": place.direction}

    def other(**change):
        return Place(place.landscape, **{**parts, **change}, mirror=place.mirror)

    with pytest.raises(UncertifiedError, match=r"the gradient at the twin is .*e-05, not below 1e-10"):
        other(twin=place.twin + 1e-6 * place.direction * 60).certified()
    with pytest.raises(UncertifiedError, match="the saddle has 0 negative curvatures"):
        other(saddle=place.minimum).certified()
    with pytest.raises(UncertifiedError, match="the minima are not mirror images"):
        other(twin=place.minimum).certified()
    with pytest.raises(UncertifiedError, match=r"descent from the saddle ends .* away from the minimum"):
        Place(place.landscape, place.twin, place.saddle, place.minimum, place.direction).certified()
    symmetric = valley(with_decay(place.landscape, 0.07), place.saddle, place.mirror.symmetric())
    with pytest.raises(UncertifiedError, match="has one negative one"):
        place_at(with_decay(place.landscape, 0.07), place.mirror, symmetric)


def test_the_pitchfork_lies_where_the_curvature_across_vanishes():
    """Brent's root, against where the minima meet the saddle: u_a^2 is linear in the decay near a pitchfork."""
    place = landscapes.mirror_resnet(0.055)
    found = pitchfork(place.landscape, place.mirror, place.saddle, place.decay, step=3e-3, precision=1e-6)
    across, there = place.mirror.antisymmetric(), with_decay(place.landscape, found.decay)
    assert abs(np.linalg.eigvalsh(across.T @ there.hessian(found.point) @ across)[0]) < 1e-5
    decays = (0.0602, 0.0605)  # the gap of the line falls with the product of their distances: 1.6e-4 at 0.059, 0.0598
    places = [place]
    for decay in decays:  # on the same branch
        landscape = with_decay(place.landscape, decay)
        symmetric = valley(landscape, places[-1].saddle, place.mirror.symmetric())
        places.append(place_at(landscape, place.mirror, symmetric))
    squares = [one.along(one.minimum) ** 2 for one in places[1:]]
    meeting = decays[0] + squares[0] * (decays[1] - decays[0]) / (squares[0] - squares[1])
    assert found.decay == pytest.approx(meeting, abs=2e-5) and found.error <= 1e-6
    assert squares[0] > 1.5 * squares[1] > 0


def test_there_is_noise_across_a_mirror_saddle_and_none_across_a_permutation():
    """A permutation of channels is a symmetry of every example: across what it leaves alone no gradient is noisy."""
    place = landscapes.mirror_resnet()
    slopes = place.landscape.slopes(place.saddle, place.direction)
    assert slopes.var() > 0.02 and abs(slopes.mean()) < 1e-12
    data = closed(DATA, "up-down")
    wide = NeuralLandscape(small_resnet(2), data.images, data.labels, weight_decay=0.04)
    swap = swap_of(wide)
    x = DRAWS.normal(size=wide.dimension) / 2
    np.testing.assert_allclose(wide.example_losses(swap(x)), wide.example_losses(x), rtol=1e-13)
    middle = (x + swap(x)) / 2
    across = DRAWS.normal(size=wide.dimension)
    across = across - swap(across)
    assert abs(wide.slopes(middle, across)).max() < 1e-14
    assert wide.slopes(middle, across + DRAWS.normal(size=wide.dimension)).std() > 1e-3
    with pytest.raises(ValueError, match="no other one with its two channels swapped"):
        swap_of(NeuralLandscape(perceptron([64, 2, 2]), data.images, data.labels))


def test_a_lost_mirror_image_makes_one_valley_sharper():
    place = landscapes.mirror_resnet()
    images, labels = place.landscape.inputs[:-2], place.landscape.labels[:-2]
    odd = NeuralLandscape(place.landscape.network, images, labels, weight_decay=place.decay, buffers="frozen")
    found = leaning(place, odd).certified(descents=False)
    h = [place.direction @ odd.hessian(x) @ place.direction for x in (found.minimum, found.twin)]
    assert abs(h[0] - h[1]) > 1e-4
    assert found.direction @ place.direction > 0.9
