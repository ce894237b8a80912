"""A path is a function of its seed and number: the same bits alone, in any block, on any threads, after a restart."""

import numpy as np
import pytest

import fpsim
from fpsim.kernels import BLOCK
from fpsim.kernels.random_numbers import Stream, seed_words
from fpsim.kernels.walk import walk
from fpsim.paths.exits import exit_times
from fpsim.paths.simulate import simulate
from fpsim.paths.step import LIMITS, compiled_step
from landscapes import DoubleWell, Landscape, Quadratic

WELL = fpsim.SDE(DoubleWell(), fpsim.ConstantDiffusion(0.2))
PLANE = fpsim.SDE(
    Landscape.from_expression("(x**2 - 1)**2/4 + y**2 + x*y/2", variables="x y"),
    fpsim.DiffusionField.from_expression(["0.1 + x**2/20", "0.2 + cos(y)/10"], variables="x y"),
)
PLAIN = fpsim.SDE(
    Landscape(lambda x: (x[0] ** 2 - 1) ** 2 / 4, lambda x: x**3 - x, dimension=1), fpsim.ConstantDiffusion(0.2)
)
DTYPES = [np.float64, np.float32]
SEED, STEP = 42, 0.02


def march(states, first_path, first_step, steps, dtype):
    """States (d, n) of PLANE after ``steps`` steps from ``first_step``, by the kernel itself; n <= BLOCK."""
    d, n = states.shape
    block = np.repeat(states[:, :1], BLOCK, axis=1)
    block[:, :n] = states
    flat = np.ascontiguousarray(block.reshape(1, d * BLOCK), dtype=dtype)
    step = compiled_step(PLANE, STEP, None, dtype)
    frames, sums = np.empty((1, 0, d * BLOCK), dtype=dtype), np.empty((0, 4, d))
    limit = LIMITS[np.dtype(dtype).name]
    found = walk[dtype](
        flat, first_path, first_step, steps, 64, *seed_words(SEED), step.data, step.function, limit, frames, sums,
        np.zeros((0, d)), n, int(Stream.INCREMENTS),
    )  # fmt: skip
    assert found == (-1, -1)
    return flat.reshape(d, BLOCK)[:, :n]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("path", [0, 5, 255, 256, 4700])
def test_alone_or_among_others(dtype, path):
    start = np.array([-1.0, 0.3])
    many = simulate(PLANE, start, 100 * STEP, STEP, paths=4800, seed=SEED, keep="final", dtype=dtype, threads=1)
    alone = march(start[:, None], path, 0, 100, dtype)
    np.testing.assert_array_equal(alone[:, 0], many.x[0, path])


@pytest.mark.parametrize("sde", [WELL, PLANE, PLAIN], ids=["well", "plane", "functions"])
def test_whatever_the_number_of_paths(sde):
    start = np.full(sde.dimension, -1.0)
    few, more = (simulate(sde, start, 1.0, STEP, paths=n, seed=SEED, save_every=7).x for n in (3, 300))
    np.testing.assert_array_equal(few, more[:, :3])


def test_in_every_lane_of_a_block():
    start = np.array([-1.0, 0.3])
    reference = march(np.tile(start[:, None], BLOCK), 1000, 0, 40, np.float64)
    for lane in (0, 1, 130, 255):
        shifted = march(np.tile(start[:, None], BLOCK), 1000 - lane, 0, 40, np.float64)
        np.testing.assert_array_equal(shifted[:, lane], reference[:, 0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cut", [1, 4, 37, 62])
def test_after_a_restart(dtype, cut):
    start = np.tile([[-1.0], [0.3]], 10).astype(dtype)
    whole = march(start, 17, 0, 100, dtype)
    saved = march(start, 17, 0, cut, dtype)
    np.testing.assert_array_equal(march(saved, 17, cut, 100 - cut, dtype), whole)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("keep", ["paths", "final", "moments"])
def test_on_one_thread_or_two(dtype, keep):
    one, two = (
        simulate(WELL, -1.0, 50 * STEP, STEP, paths=9000, seed=SEED, keep=keep, threads=n, dtype=dtype, save_every=25)
        for n in (1, 2)
    )
    for name in ("mean", "variance", "third", "fourth") if keep == "moments" else ("x",):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_kept_does_not_change_it(dtype):
    often, seldom = (simulate(WELL, -1.0, 2.0, STEP, paths=300, save_every=k, dtype=dtype) for k in (1, 9))
    last = simulate(WELL, -1.0, 2.0, STEP, paths=300, keep="final", dtype=dtype)
    np.testing.assert_array_equal(often.x[::9], seldom.x[:-1])
    np.testing.assert_array_equal(often.x[-1], last.x[0])
    moments = simulate(WELL, -1.0, 2.0, STEP, paths=300, save_every=9, keep="moments", dtype=dtype)
    x = seldom.x.astype(float)
    centred = x - x.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(moments.mean, x.mean(axis=1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(moments.variance, x.var(axis=1, ddof=1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(moments.third, (centred**3).mean(axis=1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(moments.fourth, (centred**4).mean(axis=1), rtol=0, atol=1e-12)


def test_long_runs_are_cut_without_a_trace(monkeypatch):
    from fpsim.paths import chunks as march

    whole = simulate(PLANE, [-1.0, 0.0], 2.0, STEP, paths=700, save_every=3).x
    monkeypatch.setattr(march, "FRAME_BYTES", 50_000)  # 4 frames a call of the kernel
    np.testing.assert_array_equal(simulate(PLANE, [-1.0, 0.0], 2.0, STEP, paths=700, save_every=3).x, whole)


@pytest.mark.parametrize("sde", [WELL, PLANE, PLAIN], ids=["well", "plane", "functions"])
@pytest.mark.parametrize("every", [1, 7, 64, 299, 1000])
@pytest.mark.parametrize("keep", ["paths", "moments"])
def test_calls_of_any_size_give_the_same_bits(monkeypatch, sde, every, keep):
    from fpsim.kernels import pacing
    from fpsim.paths import chunks as march

    def run():
        found = simulate(
            sde, np.full(sde.dimension, -1.0), 1000 * STEP, STEP, paths=20, seed=SEED, keep=keep, save_every=every
        )
        return found.x if keep == "paths" else np.stack([found.mean, found.variance, found.third, found.fourth])

    monkeypatch.setattr(march, "FIRST_CALL", 10**9)
    whole = run()
    monkeypatch.setattr(march, "FIRST_CALL", 1)
    monkeypatch.setattr(pacing, "GROWTH", 1)
    np.testing.assert_array_equal(run(), whole)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("sde", [WELL, PLANE], ids=["well", "plane"])
def test_exits_on_any_threads_and_among_any_number(dtype, sde):
    target = fpsim.HalfSpace([1.0] + [0.0] * (sde.dimension - 1), -0.2)
    start = np.full(sde.dimension, -1.0)
    runs = [
        exit_times(sde, start, target, paths, STEP, SEED, horizon=20.0, threads=threads, dtype=dtype)
        for paths, threads in ((3000, 1), (3000, 2), (7, 1), (600, 2))
    ]
    assert 0 < runs[0].censored.sum() < 1500
    for other in runs[1:]:
        n = other.times.size
        np.testing.assert_array_equal(other.times, runs[0].times[:n])
        np.testing.assert_array_equal(other.places, runs[0].places[:n])
        np.testing.assert_array_equal(other.censored, runs[0].censored[:n])


def test_exits_do_not_depend_on_how_work_is_cut(monkeypatch):
    from fpsim.kernels import pacing
    from fpsim.paths import exit_pool as lanes

    target = fpsim.HalfSpace([1.0], -0.2)
    whole = exit_times(WELL, -1.0, target, 2000, STEP, SEED, threads=1)
    monkeypatch.setattr(lanes, "FIRST_CALL", 7)
    monkeypatch.setattr(pacing, "GROWTH", 1)
    monkeypatch.setattr(lanes, "HANDFUL", 33)
    parts = exit_times(WELL, -1.0, target, 2000, STEP, SEED, threads=2)
    np.testing.assert_array_equal(parts.times, whole.times)
    np.testing.assert_array_equal(parts.places, whole.places)


def test_starts_belong_to_their_paths():
    def start(u):
        return u - 1.5

    few, more = (simulate(WELL, start, 0.1, STEP, paths=n, seed=SEED).x for n in (10, 6000))
    np.testing.assert_array_equal(few, more[:, :10])
    assert np.unique(more[0]).size == 6000
    listed = simulate(WELL, more[0].T, 0.1, STEP, paths=6000, seed=SEED).x
    np.testing.assert_array_equal(listed, more)


def test_seeds_and_streams_change_the_paths():
    base, other = (simulate(WELL, -1.0, 1.0, STEP, paths=5, seed=s, keep="final").x for s in (1, 2))
    assert np.all(base != other)
    target = fpsim.HalfSpace([1.0], -0.2)
    fine, coarse = (exit_times(WELL, -1.0, target, 5, STEP, 1, coarse=c).times for c in (False, True))
    assert np.all(fine != coarse)


@pytest.mark.parametrize(("plain", "dtype"), [(False, np.float64), (False, np.float32), (True, np.float64)])
def test_moments_keep_their_digits_far_from_the_start(plain, dtype):
    """From 100 to 0 with sd 1e-3: powers about the start would lose every digit of the fourth moment."""
    bowl = Quadratic(1.0)
    if plain:
        bowl = Landscape(lambda x: x[0] ** 2 / 2, lambda x: x, lambda x: np.ones((1, *x.shape)))
    sde = fpsim.SDE(bowl, fpsim.ConstantDiffusion(1e-6))
    facts = {
        "start": 100.0,
        "duration": 30.0,
        "step": 0.05,
        "paths": 3000,
        "save_every": 300,
        "seed": SEED,
        "dtype": dtype,
    }
    last = simulate(sde, keep="final", **facts).x[-1, :, 0].astype(float)
    found = simulate(sde, keep="moments", **facts)
    gap = last - last.mean()
    assert found.mean[-1, 0] == pytest.approx(last.mean(), rel=1e-9, abs=1e-12)
    assert found.variance[-1, 0] == pytest.approx(last.var(ddof=1), rel=1e-9)
    assert found.fourth[-1, 0] == pytest.approx((gap**4).mean(), rel=1e-9)
