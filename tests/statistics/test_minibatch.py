"""Real mini-batches: the twin, the draws, gradient covariances and stationary moments (fixed seeds, 5 sigma)."""

import math

import numpy as np
import pytest

from fpsim import Ball
from fpsim.kernels.random_numbers import Stream, words
from fpsim.sgd.minibatch import SAMPLINGS, BatchDivergenceError, MiniBatchSGD, exit_iterations, simulate_batches
from fpsim.sgd.stationary_covariance import stationary_covariance
from landscapes import DoubleWell
from landscapes.catalogue.example_losses import LinearRegression, LogisticRegression, PerExampleDoubleWell
from landscapes.examples.dataset import DatasetLandscape

REGRESSION = LinearRegression.random(dimension=2, examples=7, seed=1)
LOGISTIC = LogisticRegression.random(dimension=3, examples=20, seed=1)


def twin_order(m, seed, paths, epoch):
    """The order (m, paths) of the examples in one epoch: Fisher and Yates from the front."""
    order = np.repeat(np.arange(m)[:, None], paths.size, axis=1)
    every = np.arange(paths.size)
    for i in range(m):
        word = words(seed, Stream.SHUFFLES, paths, epoch, i // 4)[i % 4]
        other = i + ((word.astype(np.uint64) * np.uint64(m - i)) >> np.uint64(32)).astype(int)
        order[i, every], order[other, every] = order[other, every], order[i, every]
    return order


def twin_picks(sgd, seed, paths, step):
    """Example numbers (S, paths) of one step: floor(word * top / 2^32), Floyd's algorithm without replacement."""
    m, size = sgd.landscape.number_of_examples, sgd.batch_size
    if sgd.sampling == "reshuffled":
        epoch, place = divmod(step, m // size)
        return twin_order(m, seed, paths, epoch)[place * size : (place + 1) * size]
    batch = []
    for draw in range(size):
        top = m if sgd.replacement else m - size + draw + 1
        word = words(seed, Stream.MINIBATCHES, paths, step // 4, draw)[step % 4]
        new = (word.astype(np.uint64) * np.uint64(top)) >> np.uint64(32)
        if not sgd.replacement:
            known = np.any([old == new for old in batch], axis=0) if batch else np.zeros(new.shape, bool)
            new = np.where(known, top - 1, new)
        batch.append(new.astype(int))
    return np.array(batch)


def twin_walk(sgd, x, seed, steps):
    """Positions (steps + 1, d, paths)."""
    paths = np.arange(x.shape[1])
    states = [x]
    for step in range(steps):
        gradients = sgd.landscape.example_gradients(states[-1])
        picked = gradients[twin_picks(sgd, seed, paths, step), :, paths].mean(axis=0)  # (paths, d)
        states.append(states[-1] - sgd.learning_rate * picked.T)
    return np.array(states)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize(("land", "size"), [(REGRESSION, 3), (LOGISTIC, 20)], ids=["regression", "logistic"])
def test_kernel_and_twin(land, size, sampling):
    sgd = MiniBatchSGD(land, 0.1, size, sampling)
    start = np.random.default_rng(0).standard_normal((land.dimension, 300))
    expected = twin_walk(sgd, start, seed=2**40 + 5, steps=10)
    got = simulate_batches(sgd, start, iterations=10, paths=300, save_every=1, seed=2**40 + 5)
    np.testing.assert_allclose(got.x, expected.transpose(0, 2, 1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(got.time, 0.1 * np.arange(11))


@pytest.mark.parametrize(("sampling", "noise"), [("with-replacement", 2.0), ("reshuffled", 2.5)])
def test_exits_and_twin(sampling, noise, monkeypatch):
    """A call of the kernel ends in the middle of an epoch, lanes take new paths: the paths are those of the twin."""
    monkeypatch.setattr("fpsim.paths.exit_pool.FIRST_CALL", 7)
    monkeypatch.setattr("fpsim.kernels.pacing.GROWTH", 1)
    sgd = MiniBatchSGD(PerExampleDoubleWell(noise=noise), 0.1, 2, sampling)
    states = twin_walk(sgd, np.full((1, 300), -1.0), seed=4, steps=400)[:, 0]
    inside = states >= 0.5
    expected = np.where(inside.any(axis=0), inside.argmax(axis=0), np.inf)
    sample = exit_iterations(sgd, -1.0, 0.5, 300, seed=4, horizon=400)
    assert 30 < sample.censored.sum() < 270
    np.testing.assert_array_equal(sample.censored, np.isinf(expected))
    np.testing.assert_array_equal(sample.exits, expected[~sample.censored])
    places = states[np.where(sample.censored, 400, sample.times).astype(int), np.arange(300)]
    np.testing.assert_allclose(sample.places[:, 0], places, atol=1e-12)


@pytest.mark.parametrize("sampling", SAMPLINGS[1:])
def test_paths_do_not_depend_on_company(sampling):
    sgd = MiniBatchSGD(PerExampleDoubleWell(noise=1.5), 0.15, 2, sampling)
    many, few = (exit_iterations(sgd, -1.0, 1.0, n, seed=9, threads=t) for n, t in ((3000, 2), (700, 1)))
    np.testing.assert_array_equal(many.times[:700], few.times)
    x = [simulate_batches(sgd, -1.0, 40, n, seed=9, keep="final", threads=t).x for n, t in ((5000, 2), (300, 1))]
    np.testing.assert_array_equal(x[0][0, :300], x[1][0])


def test_batches_without_replacement_are_all_equally_likely():
    """Gradient 4^j of example j: one step shows how often each was drawn."""
    land = DatasetLandscape.from_expression("x*s", data={"s": 4.0 ** np.arange(8)})
    sgd = MiniBatchSGD(land, 1.0, 3, "without-replacement")
    total = np.rint(-3 * simulate_batches(sgd, 0.0, 1, 50_000, seed=1, keep="final").x[0, :, 0]).astype(int)
    counts = np.array([(total // 4**j) % 4 for j in range(8)])
    assert counts.max() == 1
    assert np.all(counts.sum(axis=0) == 3)
    sets, seen = np.unique(total, return_counts=True)
    assert sets.size == math.comb(8, 3)
    expected = 50_000 / sets.size
    chi2 = np.sum((seen - expected) ** 2 / expected)
    assert abs(chi2 - 55) < 5 * math.sqrt(2 * 55)
    free = simulate_batches(MiniBatchSGD(land, 1.0, 3), 0.0, 1, 50_000, seed=1, keep="final").x[0, :, 0]
    counts = np.array([(np.rint(-3 * free).astype(int) // 4**j) % 4 for j in range(8)])
    repeated = np.mean(counts.max(axis=0) > 1)
    p = 1 - 8 * 7 * 6 / 8**3
    assert abs(repeated - p) < 5 * math.sqrt(p * (1 - p) / 50_000)


def test_an_epoch_is_every_example_once_in_any_order():
    """Gradient 5^j of example j, S = 2 of m = 5: two batches and one left over; all orders are equally likely."""
    land = DatasetLandscape.from_expression("x*s", data={"s": 5.0 ** np.arange(5)})
    sgd, n = MiniBatchSGD(land, 1.0, 2, "reshuffled"), 24_000
    x = simulate_batches(sgd, 0.0, 4, n, save_every=1, seed=1).x[:, :, 0]
    totals = np.rint(-2 * np.diff(x, axis=0)).astype(int)  # (steps, paths)
    for first in (0, 2):
        counts = np.array([(totals[first : first + 2].sum(axis=0) // 5**j) % 5 for j in range(5)])
        assert counts.max() == 1 and np.all(counts.sum(axis=0) == 4)
    pairs, seen = np.unique(totals.T, axis=0, return_counts=True)
    assert len(pairs) == 30**2  # C(5, 2) C(3, 2) = 30 ordered pairs of batches in each epoch, independently
    chi2 = np.sum((seen - n / 900) ** 2 / (n / 900))
    assert abs(chi2 - 899) < 5 * math.sqrt(2 * 899)


def test_reshuffled_batches_cancel_over_an_epoch():
    """For gradients without curvature every epoch ends where gradient descent does, to rounding."""
    land = DatasetLandscape.from_expression("x*s", data={"s": np.linspace(-1, 3, 12)})
    ends = simulate_batches(MiniBatchSGD(land, 0.1, 3, "reshuffled"), 0.0, 40, 500, save_every=4, seed=2).x[:, :, 0]
    np.testing.assert_allclose(ends, np.repeat(-0.1 * np.arange(0, 44, 4)[:, None], 500, axis=1), atol=1e-12)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_covariance_of_batch_gradients(sampling):
    """C = C1/S, times (1 - S/m) m/(m - 1) without replacement: m = 7, S = 3, a factor 2/3."""
    sgd = MiniBatchSGD(REGRESSION, 1.0, 3, sampling)
    x, n = np.array([0.3, -0.8]), 100_000
    moved = x - simulate_batches(sgd, x, 1, n, seed=6, keep="final").x[0]
    g = moved - moved.mean(axis=0)
    measured = g.T @ g / n
    error = np.einsum("ni,nj->nij", g, g).std(axis=0) / math.sqrt(n)
    exact = (1.0 if sgd.replacement else 2 / 3) * REGRESSION.gradient_covariance(x[:, None])[..., 0] / 3
    assert np.all(np.abs(measured - exact) < 5 * error)
    assert np.all(np.abs(np.diag(measured - 1.2 * exact)) > 5 * np.diag(error))  # the test can tell
    assert np.all(np.abs(moved.mean(axis=0) - REGRESSION.gradient(x[:, None])[:, 0]) < 5 * np.sqrt(np.diag(exact) / n))


@pytest.mark.parametrize("sampling", SAMPLINGS[:2])
def test_stationary_covariance_of_linear_regression(sampling):
    """d = 10, m = 400, S = 4, eta = 0.05: noise frozen at the optimum and Mandt's limit are up to 10 % away.

    Real batches have multiplicative noise, and their second moments close exactly: with residuals r_j, M = I - eta A,
    Sig = M Sig M + eta^2 f/S [(1/m) sum_j (r_j^2 + u_j^T Sig u_j) u_j u_j^T - A Sig A].
    """
    land = LinearRegression.random(dimension=10, examples=400, seed=0)
    sgd = MiniBatchSGD(land, 0.05, 4, sampling)
    u, d, m = land.inputs, 10, 400
    optimum = np.linalg.lstsq(u, land.targets, rcond=None)[0]
    a, c1 = u.T @ u / m, (u * (land.targets - u @ optimum)[:, None] ** 2).T @ u / m
    strength, shrink = sgd.covariance_factor / 4, np.eye(d) - 0.05 * a
    pairs = np.einsum("mi,mj->mij", u, u).reshape(m, -1)
    step = np.kron(shrink, shrink) + 0.05**2 * strength * (pairs.T @ pairs / m - np.kron(a, a))
    exact = np.linalg.solve(np.eye(d * d) - step, 0.05**2 * strength * c1.ravel()).reshape(d, d)
    frozen, limit = (stationary_covariance(a, strength * c1, 0.05, discrete) for discrete in (True, False))
    n = 20_000
    y = simulate_batches(sgd, optimum, 500, n, seed=11, keep="final").x[0] - optimum
    error = np.einsum("ni,nj->nij", y, y).std(axis=0) / math.sqrt(n)
    assert np.all(np.abs(y.T @ y / n - exact) < 5 * error)
    size = np.sum(y**2, axis=1)
    trace_error = size.std() / math.sqrt(n)
    assert abs(size.mean() - np.trace(exact)) < 5 * trace_error
    assert size.mean() - np.trace(frozen) > 5 * trace_error
    assert size.mean() - np.trace(limit) > 10 * trace_error


def test_moments_agree_with_paths():
    sgd = MiniBatchSGD(LOGISTIC, 0.5, 2)
    paths = simulate_batches(sgd, [0.0] * 3, 30, 1000, save_every=10, seed=3).x
    moments = simulate_batches(sgd, [0.0] * 3, 30, 1000, save_every=10, seed=3, keep="moments")
    np.testing.assert_allclose(moments.mean, paths.mean(axis=1), atol=1e-12)
    np.testing.assert_allclose(moments.variance, paths.var(axis=1, ddof=1), atol=1e-12)


def test_exits_in_the_plane():
    sgd = MiniBatchSGD(REGRESSION, 0.1, 1)
    sample = exit_iterations(sgd, [3.0, 3.0], Ball(REGRESSION.default_start, 1.0), 500, seed=2)
    assert np.all(np.linalg.norm(sample.places - np.array(REGRESSION.default_start), axis=1) <= 1.0)


def test_refusals():
    with pytest.raises(TypeError, match="DatasetLandscape"):
        MiniBatchSGD(DoubleWell(), 0.1, 1)
    for size in (0, 1.5, True):
        with pytest.raises(ValueError, match="whole number"):
            MiniBatchSGD(REGRESSION, 0.1, size)
    with pytest.raises(ValueError, match="different examples"):
        MiniBatchSGD(REGRESSION, 0.1, 8, "reshuffled")
    with pytest.raises(ValueError, match="sampling is one of"):
        MiniBatchSGD(REGRESSION, 0.1, 2, "sometimes")
    with pytest.raises(ValueError, match="learning_rate"):
        MiniBatchSGD(REGRESSION, 0.0, 1)
    well = MiniBatchSGD(PerExampleDoubleWell(), 0.1, 1)
    with pytest.raises(ValueError, match="already lie"):
        exit_iterations(well, np.array([[0.0, 2.0]]), 1.0, 2)
    with pytest.raises(ValueError, match="level function"):
        exit_iterations(well, -1.0, lambda x: x[0] - 1, 10)
    with pytest.raises(BatchDivergenceError, match="iteration"):
        simulate_batches(MiniBatchSGD(PerExampleDoubleWell(), 3.0, 1), 2.0, 40, 10)
    with pytest.raises(BatchDivergenceError, match="reduce"):
        exit_iterations(MiniBatchSGD(PerExampleDoubleWell(), 3.0, 1), -2.0, 1e200, 10)
