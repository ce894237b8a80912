"""What a least action refuses, in a sentence; that it is saved, loaded and drawn."""

import time

import numpy as np
import pytest

import fpsim
import landscapes
from fpsim import minimum_action
from fpsim.action.result import MinimumAction
from fpsim.schedules import cosine
from fpsim.sgd.optimisers import Adam
from landscapes import DatasetLandscape, DriftField, Landscape

WELL = landscapes.DoubleWell()
PLANE = landscapes.MaierStein(10.0)


def white(landscape, level=0.5):
    return fpsim.SDE(landscape, fpsim.ConstantDiffusion(level))


def one_sided():
    """Two examples that pull the same way beyond x = -0.4."""
    return DatasetLandscape.from_expression("(x**2 - 1)**2/4 + s*x", "x", bounds=[(-2, 2)], data={"s": [-0.3, 0.3]})


@pytest.mark.parametrize(
    ("system", "start", "end", "options", "words"),
    [
        (WELL, -1, 0, {}, "expected an SDE"),
        ("sgd", -1, 0, {}, "expected an SDE"),
        (white(WELL), -1, -1, {}, "two different points"),
        (white(PLANE), (-1, 0), (-1.0, 0.0), {}, "two different points"),
        (white(PLANE), (-1, 0, 0), (0, 0), {}, "2 coordinate"),
        (white(PLANE), (-1, 0), (np.nan, 0), {}, "finite"),
        (white(PLANE), (-1, 0), (0, 0), {"floor": -1.0}, "floor is a number >= 0"),
        (white(PLANE), (-1, 0), (0, 0), {"pieces": 4}, "whole number >= 16"),
        (white(PLANE), (-1, 0), (0, 0), {"guesses": [[1.0, 2.0]]}, "curve of shape"),
        (white(PLANE), (-1, 0), (0, 0), {"deadline": 0.0}, "positive number of seconds; got 0"),
        (white(PLANE, [1.0, 0.0]), (-1, 0), (0, 0), {}, "does not reach every direction"),
        (fpsim.SDE(WELL, fpsim.DiffusionField.from_expression("0.1*x**2")), -1, 0, {}, "give floor="),
        (fpsim.MiniBatchSGD(one_sided(), 0.1, 1), -1, 0, {}, "never climbs it"),
        (fpsim.MiniBatchSGD(one_sided(), 0.1, 2, "reshuffled"), -1, 0, {}, "depends on S/m"),
        (fpsim.MiniBatchSGD(one_sided(), 0.1, 1, "without-replacement"), -1, 0, {}, "depends on S/m"),
        (fpsim.MiniBatchSGD(one_sided(), 0.1, 1, "isotropic"), -1, 0, {}, "draws none"),
        (fpsim.Underdamped(WELL, fpsim.ConstantDiffusion(0.1), 1.0), (-1, 0), (0, 0), {}, "velocities alone"),
        (fpsim.Scheduled(white(WELL), temperature=cosine(0.2, 0.1, 50)), -1, 0, {}, "follows a schedule"),
        (fpsim.MiniBatchSGD(one_sided(), 0.1, 1, optimiser=Adam()), -1, 0, {}, "with or without momentum"),
        (fpsim.SDE(WELL, fpsim.LevyNoise(1.5, 0.1)), -1, 0, {}, "jumps and has no diffusion tensor"),
    ],
)
def test_one_sentence_for_what_has_no_action(system, start, end, options, words):
    with pytest.raises((ValueError, TypeError), match=words) as error:
        minimum_action(system, start, end, **options)
    assert "\n" not in str(error.value)


def test_batches_that_cannot_go_there_in_the_plane():
    place = DatasetLandscape.from_expression(
        "(x**2 - 1)**2/4 + y**2/2 + 0.3*s*x + 0.3*t*y", "x y", bounds=[(-2, 2)] * 2,
        data={"s": [1.0, 1.0, -1.0, -1.0], "t": [1.0, -1.0, 1.0, -1.0]},
    )  # fmt: skip
    with pytest.raises(ValueError, match="no mixture of the examples' gradients"):
        minimum_action(fpsim.MiniBatchSGD(place, 0.1, 1), (-1, 0), (0, 0), starts=1, pieces=32)


def test_a_floor_opens_what_noise_does_not_reach_and_is_printed():
    flat = white(PLANE, [1.0, 0.0])
    found = minimum_action(flat, (-1, 0), (0, 0), floor=0.01, pieces=64, starts=1)
    assert "floor 0.005 added to the noise" in str(found)
    assert found.floor == pytest.approx(0.005) and found.action == pytest.approx(0.25, rel=0.01)
    assert found.error >= found.floor_share > 0
    nearer = minimum_action(flat, (-1, 0), (0, 0), floor=0.001, pieces=64, starts=1)
    assert nearer.action - found.action == pytest.approx(0.9 * found.floor_share, rel=0.05)


@pytest.mark.parametrize(("d", "ends"), [(1, (-1, 0)), (2, ((-1, 0), (1, 0)))])
def test_saved_loaded_and_drawn(tmp_path, d, ends):
    found = minimum_action(white(WELL if d == 1 else PLANE), *ends, pieces=32)
    again = fpsim.load(found.save(tmp_path / "action.nc"))
    assert isinstance(again, MinimumAction) and str(again) == str(found)
    assert np.array_equal(again.x, found.x) and np.array_equal(again.momentum, found.momentum)
    assert len(again.others) == len(found.others) == (2 if d == 2 else 0)
    again.plot(landscape=WELL if d == 1 else PLANE)
    found.plot()


def test_every_refusal_of_a_way_names_its_place():
    with pytest.raises(ValueError, match=r"at x = -0\.\d+ the gradients of all examples pull the same way"):
        minimum_action(fpsim.MiniBatchSGD(one_sided(), 0.1, 1), -1, 0)


def test_the_chain_and_other_conventions_have_the_exponent_of_their_sde():
    noise = fpsim.GradientNoise(
        learning_rate=0.1, batch_size=2, covariance=fpsim.DiffusionField.from_expression("1 + x**2")
    )
    found = [
        minimum_action(system, -1, 0)
        for system in (fpsim.Chain(WELL, noise), fpsim.SDE(WELL, noise), fpsim.SDE(WELL, noise, "anti-ito"))
    ]
    assert len({f.exponent for f in found}) == 1 and found[0].speed == 20.0
    assert "small steps" in found[0].convention


def test_progress_ends_at_one():
    seen = []
    minimum_action(white(PLANE), (-1, 0), (0, 0), pieces=16, progress=seen.append)
    assert seen[-1] == 1.0 and sorted(seen) == seen


def test_high_dimensions_without_a_box():
    bowl = Landscape(lambda x: (x**2).sum(axis=0) / 2, lambda x: x, dimension=7)
    found = minimum_action(white(bowl, 1.0), np.zeros(7), np.arange(7.0) / 7, pieces=32, starts=2)
    assert found.action == pytest.approx((np.arange(7.0) ** 2).sum() / 98, abs=1e-8)


def test_a_limit_cycle_is_no_rest():
    spin = DriftField.from_expression(
        ["x - y - x*(x**2 + y**2)", "x + y - y*(x**2 + y**2)"], "x y", bounds=[(-2, 2)] * 2
    )
    found = minimum_action(white(spin), (1.0, 0.0), (0.0, 0.0), pieces=32, starts=3)
    assert found.violated[0].statement.startswith("the start is a stable fixed point")
    assert found.action == pytest.approx(0.5, abs=2e-2)  # V = (r^2 - 1)^2 / (4 D) from the cycle r = 1, D = 1/2


@pytest.mark.parametrize(("count", "holds"), [(5, None), (20, False), (1, True)])
def test_an_exponent_that_hangs_on_one_example_says_so(count, holds):
    """One of the examples pulls up, the others down: on the way up it is drawn nearly always."""
    pulls = [0.8, *[-0.8 / count] * count] if count > 1 else [1.0, -1.0] * 6
    place = DatasetLandscape.from_expression("(x**2 - 1)**2/4 + s*x", "x", bounds=[(-2, 2)], data={"s": pulls})
    found = minimum_action(fpsim.MiniBatchSGD(place, 0.1, 2), 1, 0)
    held = {a.key: a.holds for a in found.assumptions}
    assert held.get("lone example") is holds


def test_formulas_that_need_a_smooth_noise_refuse_kinks_at_once():
    """|H| has a kink wherever a curvature changes its sign; with a smooth floor only the deadline ends the search."""
    place = landscapes.ThreeHole()

    def problem(shape):
        noise = fpsim.HessianDiffusion(
            learning_rate=0.1, batch_size=4, at="everywhere", floor=0.1, floor_shape=shape
        )  # fmt: skip
        return fpsim.EscapeProblem(fpsim.SDE(place, noise), place.minima[0].x, fpsim.Ball(place.minima[1].x, 0.2))

    with pytest.raises(ValueError, match="floor_shape='smooth'"):
        problem("additive").by_formula("bouchet-reygner")
    with pytest.raises(ValueError, match="give more time"):
        problem("smooth").by_formula("bouchet-reygner", deadline=0.1)


def test_paths_of_a_bare_loss_say_why_they_are_slow(capsys):
    from fpsim.paths.slow_drift import differences_noticed

    bare = Landscape(lambda x: x[0] ** 2, dimension=1)
    with differences_noticed(bare, patience=0.01):
        time.sleep(0.2)
    with differences_noticed(WELL, patience=0.01):
        time.sleep(0.05)
    assert capsys.readouterr().err.count("has no gradient") == 1
