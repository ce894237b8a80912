"""Motion with inertia: starts, targets, files and refusals."""

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim.targets import PlaceTarget
from fpsim.walls import Walls

WELL = landscapes.DoubleWell()
BODY = fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.1), 0.5, 2.0)
MUD = fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.1), 1e6)


def test_places_start_at_rest_and_states_as_they_are():
    found = fpsim.EscapeProblem(BODY, -1.0, 1.0)
    assert found.start == (-1.0, 0.0) and str(found.target) == "x >= 1" and isinstance(found.target, PlaceTarget)
    assert fpsim.EscapeProblem(BODY, (-1.0, 0.3), 1.0).start == (-1.0, 0.3)
    many = fpsim.simulate(BODY, np.array([[-1.0, 0.5]]), 1.0, 0.1, paths=2, save_every=10).x[0]
    np.testing.assert_array_equal(many, [[-1, 0], [0.5, 0]])
    drawn = fpsim.simulate(BODY, lambda u: np.stack([u[0] - 1, 0 * u[1]]), 1.0, 0.1, paths=64).x[0]
    assert np.ptp(drawn[:, 0]) > 0.5 and not drawn[:, 1].any()


def test_a_saved_result_is_repeated(tmp_path):
    found = fpsim.EscapeProblem(BODY, -1.0, 1.0).by_paths(paths=64, seed=3, step_bias=False)
    found.save(tmp_path / "body.nc")
    again = fpsim.load(tmp_path / "body.nc").repeat()
    assert again.mean == found.mean and again.problem["inertia"] == {"friction": 0.5, "mass": 2.0}


def test_walls_are_remembered():
    box = Walls("reflecting", [(-1.2, 2.0)])
    asked = fpsim.EscapeProblem(BODY, -1.0, 1.0, boundary=box)
    again = fpsim.EscapeProblem.from_dict(asked.to_dict())
    found = [one.by_paths(paths=64, seed=3, step_bias=False) for one in (asked, again)]
    assert found[0].mean == found[1].mean == found[0].repeat().mean and "[-1.2, 2]" in str(found[0])
    inside = fpsim.EscapeProblem(BODY.between(box), -1.0, 1.0)
    assert inside.by_paths(paths=64, seed=3, step_bias=False).mean == found[0].mean


def test_heavy_ball_in_numbers():
    found = fpsim.Underdamped.of_heavy_ball(WELL, fpsim.ConstantDiffusion(0.1), 0.01, 0.75).inertia
    assert (found.friction, found.mass) == (0.25, 0.00875) and found.overdamped.noise == fpsim.ConstantDiffusion(0.4)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.1), 0.0), "friction must be a positive"),
        (lambda: fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.1), 1.0, -1.0), "mass must be a positive"),
        (lambda: fpsim.Underdamped(WELL, fpsim.LevyNoise(1.5, 0.1), 1.0), "jumps"),
        (lambda: fpsim.Underdamped.of_heavy_ball(WELL, fpsim.ConstantDiffusion(0.1), 0.1, 1.0), "momentum"),
        (lambda: fpsim.simulate(BODY, -1.0, 1.0, 0.1, scheme="weak-2"), "BAOAB"),
        (lambda: fpsim.EscapeProblem(BODY, -1.0, fpsim.Outside([0.0], 1.5)).by_grid(), "x >= c"),
        (lambda: fpsim.EscapeProblem(BODY, -1.0, 1.0).by_quadrature(), "without inertia.*by_grid"),
        (lambda: fpsim.EscapeProblem(MUD, -1.0, 1.0).by_grid(), "fly 3.16e-07 freely.*leave the inertia out"),
        (lambda: fpsim.EscapeProblem(BODY, -1.0, 1.0).by_chain(learning_rate=0.1), "SGD's own step.*momentum="),
        (lambda: fpsim.Underdamped.of_heavy_ball(WELL, fpsim.LevyNoise(1.5, 0.1), 0.1, 0.5), "noise with a D.*jumps"),
    ],
)
def test_refusals_are_sentences(wrong, words):
    with pytest.raises(ValueError, match=words):
        wrong()
