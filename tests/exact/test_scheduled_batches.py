"""Mini-batches under schedules: the twin on the same draws, legs of constant numbers, and what is refused."""

import numpy as np
import pytest

from fpsim import MiniBatchSGD, exit_iterations, schedules, simulate_batches
from fpsim.kernels.random_numbers import Stream, words
from landscapes.catalogue.example_losses import LinearRegression, PerExampleDoubleWell

REGRESSION = LinearRegression.random(dimension=2, examples=7, seed=1)
RATE, SIZE = schedules.inverse_time(0.3, 8.0), schedules.steps([1, 3], [6])


def twin(x, seed, iterations):
    """Positions (iterations + 1, d, paths), with replacement."""
    paths, states = np.arange(x.shape[1]), [x]
    for k in range(iterations):
        draws = [words(seed, Stream.MINIBATCHES, paths, k // 4, draw)[k % 4] for draw in range(int(SIZE(k)))]
        picked = (np.array(draws).astype(np.uint64) * np.uint64(7)) >> np.uint64(32)
        slopes = REGRESSION.example_gradients(states[-1])[picked.astype(int), :, paths].mean(axis=0)
        states.append(states[-1] - RATE(k) * slopes.T)
    return np.array(states)


@pytest.mark.parametrize("keep", ["paths", "final", "moments"])
def test_iterations_are_those_of_the_loop(keep) -> None:
    sgd = MiniBatchSGD(REGRESSION, learning_rate=0.3, batch_size=1)
    start = np.random.default_rng(0).normal(size=(2, 300))
    found = simulate_batches(sgd, start, 12, 300, 3, seed=4, keep=keep, learning_rate=RATE, batch_size=SIZE)
    exact = twin(start, 4, 12)[::3]
    passed = np.concatenate([[0], np.cumsum([RATE(k) for k in range(12)])])[::3]
    if keep == "moments":
        assert np.allclose(found.mean, exact.mean(axis=2), atol=1e-12)
        assert np.allclose(found.variance, exact.var(axis=2, ddof=1), atol=1e-12)
    else:
        wanted = exact if keep == "paths" else exact[-1:]
        assert np.allclose(np.moveaxis(found.x, 2, 1), wanted, rtol=0, atol=1e-12)
    assert np.allclose(found.time, passed[-1:] if keep == "final" else passed, rtol=1e-12)


@pytest.mark.parametrize("sampling", ["with-replacement", "without-replacement", "reshuffled"])
def test_a_constant_schedule_is_none(sampling) -> None:
    sgd = MiniBatchSGD(REGRESSION, learning_rate=0.2, batch_size=2, sampling=sampling)
    one = simulate_batches(sgd, [1.0, -1.0], 13, 70, seed=3, keep="final")
    two = simulate_batches(sgd, [1.0, -1.0], 13, 70, seed=3, keep="final", learning_rate=0.2)
    assert (one.x == two.x).all()


def test_exits_are_those_of_the_same_walk() -> None:
    well = PerExampleDoubleWell()
    sgd = MiniBatchSGD(well, learning_rate=0.3, batch_size=1)
    plain = exit_iterations(sgd, -1.0, 0.3, 500, seed=2, horizon=40)
    same = exit_iterations(sgd, -1.0, 0.3, 500, seed=2, horizon=40, learning_rate=0.3)
    assert (plain.times == same.times).all() and np.allclose(plain.places, same.places, atol=1e-12)
    assert 0 < plain.censored.sum() < 500
    frozen = exit_iterations(sgd, -1.0, 0.3, 500, seed=2, horizon=40, learning_rate=schedules.steps([0.3, 0.01], [10]))
    early = plain.times <= 10
    assert (frozen.times[early] == plain.times[early]).all() and frozen.censored[~early].mean() > 0.9


@pytest.mark.parametrize(
    ("options", "words_"),
    [
        ({"batch_size": schedules.steps([1, 2.5], [6])}, "at iteration 6 the schedule says 2.5"),
        ({"batch_size": 9, "sampling": "without-replacement"}, "9 different examples cannot be drawn from 7"),
        ({"batch_size": SIZE, "sampling": "reshuffled"}, "cut into batches of one size"),
        ({"learning_rate": schedules.wave(0.1, 0.2, 10)}, "must be positive; at iteration 4"),
    ],
)
def test_refusals(options, words_) -> None:
    sgd = MiniBatchSGD(REGRESSION, 0.3, 1, options.pop("sampling", "with-replacement"))
    with pytest.raises(ValueError, match=words_):
        simulate_batches(sgd, [0.0, 0.0], 12, 10, **options)


def test_exits_need_an_end() -> None:
    sgd = MiniBatchSGD(PerExampleDoubleWell(), learning_rate=0.3, batch_size=1)
    with pytest.raises(ValueError, match="need a horizon"):
        exit_iterations(sgd, -1.0, 0.3, 10, learning_rate=RATE)
    with pytest.raises(ValueError, match=r"a schedule over 1e\+12 iterations would take .*; follow fewer"):
        exit_iterations(sgd, -1.0, 0.3, 10, horizon=1e12, learning_rate=RATE)


def test_a_path_that_diverges_tells_the_learning_rate_of_its_moment() -> None:
    sgd = MiniBatchSGD(PerExampleDoubleWell(), learning_rate=0.1, batch_size=1)
    with pytest.raises(ValueError, match=r"at iteration 6: the learning rate (200|250|300)\.\d* is too large"):
        simulate_batches(sgd, -1.0, 50, 8, seed=1, learning_rate=schedules.warm_up(0.1, 500.0, 10))
