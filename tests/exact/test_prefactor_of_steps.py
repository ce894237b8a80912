"""What finite steps do to a prefactor: fluctuations across the way, slow along it, in closed form.

On L = s (x^2 - 1)^2/4 + k(x) y^2/2 under white noise a chain's y has the variance T / (k (1 - eta k/2)), and pushes x
by -k' T / (2 k (1 - eta k/2)).  For s -> 0, when y follows at once, integration gives

    ln(time) = 1-D + ln(k_b / k_a)/2 - ln((1 - eta k_b/2) / (1 - eta k_a/2))/2.
"""

import math

import numpy as np
import pytest

import fpsim
from fpsim.action.arc import arc
from fpsim.action.prefactor import prefactor_along
from fpsim.action.systems import quadratic
from fpsim.action.transport import OvershootError, linear_flow
from landscapes import Landscape

LENGTHS = (1.0, 1.0)
ETA = 0.5


def front(slow, eta):
    """The prefactor with the steps and without, less ln(2 pi/lambda) and what one dimension has."""
    place = Landscape.from_expression(
        "s*(x**2 - 1)**2/4 + (1 - x/2)*y**2/2", variables="x y", bounds=[(-2, 2)] * 2, s=slow
    )
    h = quadratic(fpsim.SDE(place, fpsim.ConstantDiffusion(1.0)), LENGTHS)
    x = np.stack([np.linspace(-1, 0, 65), np.zeros(65)])
    found = prefactor_along(h, x, arc(h, x, 96, LENGTHS), LENGTHS, eta)
    return found.log - math.log(2 * math.pi / found.growth) - math.log(1 / 2) / 2, found


def expected(eta):
    return (math.log(1 / 1.5) - math.log((1 - eta / 2) / (1 - 1.5 * eta / 2))) / 2


def test_stiff_fluctuations_are_widened():
    """The rest falls with s (rates along the way over those across it, and times eta), in proportion."""
    off = [front(slow, ETA)[0] - expected(ETA) for slow in (0.02, 0.01)]
    assert 0.004 < abs(off[1]) < 0.01  # the steps themselves: -0.09
    assert abs(2 * off[1] - off[0]) < 1e-3


def test_small_steps_are_continuous_time():
    """To first order in eta, the growing rate ln(1 + eta lambda)/eta included."""
    (still, without), (one, first), (two, _) = (front(0.1, eta) for eta in (0.0, 2e-3, 4e-3))
    assert still == pytest.approx(expected(0), abs=1e-3)
    assert (two - still) / (one - still) == pytest.approx(2, rel=0.01)
    assert first.growth == pytest.approx(math.log1p(2e-3 * without.growth) / 2e-3, rel=1e-12)


def test_the_flow_is_that_of_the_map():
    """Followed for one step it is the map; deviations with p = 0 move by 1 + eta J."""
    from scipy.linalg import expm

    draws = np.random.default_rng(3)
    shear, root, curved = draws.normal(size=(3, 4, 4))
    shear = shear - 3 * np.eye(4)
    bend, curved = root @ root.T, curved + curved.T
    eta = 0.1
    flow, swell = linear_flow(curved, shear, bend, eta)
    once, ahead = expm(eta * flow), np.eye(4) + eta * shear
    np.testing.assert_allclose(ahead.T @ once[4:], np.hstack([-eta * curved, np.eye(4)]), atol=1e-12)
    np.testing.assert_allclose(once[:4] - eta * bend @ once[4:], np.hstack([ahead, np.zeros((4, 4))]), atol=1e-12)
    assert math.exp(eta * swell) == pytest.approx(np.linalg.det(ahead), rel=1e-12)


def test_steps_that_overshoot_are_refused():
    with pytest.raises(OvershootError, match=r"below 1; here it is 0\.8 x 1\.49 = 1\.19"):
        front(0.1, 0.8)
