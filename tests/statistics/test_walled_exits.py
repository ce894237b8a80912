"""Exits between walls: targets at seams, at and before walls, their images, and balls; right values in closed form.

Brownian motion with D = 1 from 0 leaves (-a, b) after a b / 2 on average; with a mirror at -a it reaches b after
(b^2 + 2 a b) / 2.
"""

import numpy as np
import pytest

import fpsim
from fpsim.paths.exits import exit_times
from fpsim.targets import LevelSet
from fpsim.walls import Walls
from landscapes import Landscape

PI = np.pi
FREE = fpsim.SDE(Landscape.from_expression("0*x"), fpsim.ConstantDiffusion(1.0))
PLANE = fpsim.SDE(Landscape.from_expression("0*x + 0*y", "x y"), fpsim.ConstantDiffusion(1.0))
SLANTED = fpsim.SDE(PLANE.landscape, fpsim.ConstantDiffusion([[1.0, 0.5], [0.5, 0.5]]))
FUNCTIONS = fpsim.SDE(Landscape(lambda x: 0 * x[0], lambda x: 0 * x, dimension=1), fpsim.ConstantDiffusion(1.0))
RING = Walls("periodic", [(-PI, PI)])
MIRRORS = Walls("reflecting", [(-1.0, 1.0)])


def agrees(sample, right):
    mean, error = sample.mean_and_error()
    assert abs(mean - right) < 5 * error, (mean, error, right)
    return sample


@pytest.mark.parametrize("step", [0.01, 0.1])
@pytest.mark.parametrize(
    ("target", "right"),
    [
        (3.1, 3.1 * PI / 2),  # an arc from 3.1 to the seam, entered at both ends, shorter than a kick
        (3.0, 3.0 * PI / 2),
        (-3.0, 3.0 * PI / 2),
        (PI, PI**2 / 2),  # the seam itself
        (1.5, 1.5 * PI / 2),
        (fpsim.HalfSpace([-1.0], 2.5), 2.5 * PI / 2),
        (fpsim.Ball([3.3], 0.4), 2.9 * (2 * PI - 3.7) / 2),  # across the seam
        (fpsim.Ball([-3.3], 0.4), 2.9 * (2 * PI - 3.7) / 2),
        (fpsim.Ball([2.0], 0.5), 1.5 * (2 * PI - 2.5) / 2),
        (fpsim.Ball([PI + 0.2], 0.5), (PI - 0.3) * (PI - 0.7) / 2),
    ],
    ids=str,
)
def test_rings(target, right, step):
    if target in (fpsim.Ball([3.3], 0.4), fpsim.Ball([-3.3], 0.4)) and step == 0.1:
        with pytest.raises(ValueError, match=r"kicks paths by about 0\.447, past the target's radius of 0\.4"):
            exit_times(FREE, 0.0, target, 10, step, walls=RING)
        return
    sample = agrees(exit_times(FREE, 0.0, target, 10_000, step, 3, walls=RING), right)
    assert RING.contains(sample.places.T).all()


@pytest.mark.parametrize("target", [1.0, -1.0, 0.95, fpsim.Ball([0.6], 0.01), fpsim.Ball([1.2], 0.5)], ids=str)
@pytest.mark.parametrize("sde", [FREE, FUNCTIONS], ids=["formula", "functions"])
def test_mirrors(target, sde):
    near = target.center[0] - target.radius if isinstance(target, fpsim.Ball) else abs(target)
    sample = exit_times(sde, 0.0, target, 5000, 0.02, 4, walls=MIRRORS)
    agrees(sample, (near**2 + 2 * near) / 2)
    np.testing.assert_allclose(np.abs(sample.places), near, atol=0.7)
    assert MIRRORS.contains(sample.places.T).all()


def test_level_functions_end_at_the_seam():
    level = LevelSet(lambda x: 5 * (x[0] - 2.8))
    agrees(exit_times(FREE, 0.0, level, 1500, 0.02, 5, walls=RING), 2.8 * PI / 2)


@pytest.mark.parametrize("sde", [PLANE, SLANTED], ids=["isotropic", "full"])
def test_a_plane_on_a_torus_is_the_ring(sde):
    walls = Walls("periodic", [(-PI, PI), (-1.0, 1.0)])
    plane = fpsim.HalfSpace([1.0, 0.0], 3.0)
    sample = agrees(exit_times(sde, [0.0, 0.3], plane, 10_000, 0.01, 6, walls=walls), 1.5 * PI)
    assert walls.contains(sample.places.T).all()


def test_a_slanted_plane_on_a_torus_is_entered_through_the_seams():
    # the same set as a level function, which knows nothing of its geometry
    walls = Walls("periodic", [(-1.0, 1.0), (-1.0, 1.0)])
    plane = fpsim.HalfSpace([1.0, 0.5], 0.5)
    level = LevelSet(lambda x: x[0] + 0.5 * x[1] - 0.5)
    fine, general = (
        exit_times(SLANTED, [-0.4, 0.0], t, n, 0.002, 7, walls=walls).mean_and_error()
        for t, n in ((plane, 20_000), (level, 2000))
    )
    watched = exit_times(SLANTED, [-0.4, 0.0], plane, 2000, 2e-5, 8, walls=walls, bridge=False).mean_and_error()
    for mean, error in (fine, general):
        assert abs(mean - watched[0]) < 5 * np.hypot(error, watched[1]) + 0.02 * watched[0]


def test_between_a_ring_and_a_mirror():
    # a ball on a torus across the seam equals the same ball in its middle, by symmetry
    walls = Walls("periodic", [(-1.0, 1.0), (-1.0, 1.0)])
    seam, middle = (
        exit_times(PLANE, start, fpsim.Ball(center, 0.4), 10_000, 0.002, seed, walls=walls).mean_and_error()
        for start, center, seed in (([0.0, 0.0], [1.0, 1.0], 1), ([0.9, -1.0], [-0.1, 0.0], 2))
    )
    assert abs(seam[0] - middle[0]) < 5 * np.hypot(seam[1], middle[1])


@pytest.mark.parametrize(
    ("sde", "start", "target", "walls", "sentence"),
    [
        (FREE, 0.0, 1.5, MIRRORS, r"no path can reach the target x >= 1\.5: it lies beyond the walls reflecting on"),
        (FREE, 0.0, -1.001, MIRRORS, "no path can reach the target"),
        (FREE, 0.0, fpsim.Ball([2.0], 0.9), MIRRORS, "no path can reach the target"),
        (FREE, 0.0, 4.0, RING, "no path can reach the target"),
        (PLANE, [0.0, 0.0], fpsim.HalfSpace([1.0, 1.0], 4.1), Walls("reflecting", [(-1, 2), (-1, 2)]), "no path can"),
        (PLANE, [0.0, 0.0], fpsim.Ball([1.5, 1.5], 0.7), Walls("reflecting", [(-1, 1), (-1, 1)]), "no path can"),
        (FREE, 2.0, 0.5, MIRRORS, r"the start \[2\] lies outside the walls"),
        (FREE, np.array([[0.0, -3.0]]), 0.5, MIRRORS, r"the start \[-3\] lies outside the walls"),
        (FREE, 7.0, 0.5, RING, "lies outside the walls periodic"),
        (FREE, 3.0, fpsim.Ball([-3.2], 0.5), RING, "already lie in the target"),  # in an image of it
        (PLANE, [2.0, 0.0], fpsim.Ball([0.0, 0.0], 0.1), None, r"past the target's radius of 0\.1.*use step <= "),
        (PLANE, [0.9, 0.0], fpsim.HalfSpace([1.0, 0.0], 1.0), Walls("periodic", [(-1, 1), (0, 0.2)]), "past the box"),
    ],
)
def test_refusals(sde, start, target, walls, sentence):
    with pytest.raises(ValueError, match=sentence):
        exit_times(sde, start, target, 2, 0.05, walls=walls)


def test_what_can_be_reached_is_not_refused():
    mixed = Walls(("reflecting", None), [(-1.0, 1.0), (-1.0, 1.0)])
    for target in (fpsim.HalfSpace([0.0, 1.0], 1.5), fpsim.HalfSpace([1.0, 1.0], 3.0), fpsim.Ball([0.0, 4.0], 0.5)):
        exit_times(PLANE, [0.0, 0.0], target, 2, 0.02, horizon=0.1, walls=mixed)
    exit_times(PLANE, [0.0, 0.0], fpsim.Ball([1.2, 0.0], 0.3), 2, 0.02, horizon=0.1, walls=mixed)  # partly outside


@pytest.mark.parametrize("target", [3.0, fpsim.Ball([3.3], 0.4)], ids=str)
def test_kernel_and_twin_on_a_ring(target):
    waves = Landscape.from_expression("cos(x)/2 + sin(2*x)/5")
    plain = Landscape(waves.loss, waves.gradient, dimension=1)
    runs = [
        exit_times(fpsim.SDE(which, fpsim.ConstantDiffusion(0.5)), 0.1, target, 300, 0.02, 9, horizon=40.0, walls=RING)
        for which in (waves, plain)
    ]
    assert [run.settings["engine"] for run in runs] == ["compiled", "numpy"]
    np.testing.assert_array_equal(runs[0].censored, runs[1].censored)
    np.testing.assert_allclose(runs[0].times, runs[1].times, rtol=0, atol=1e-8)
    np.testing.assert_allclose(runs[0].places, runs[1].places, rtol=0, atol=1e-8)
