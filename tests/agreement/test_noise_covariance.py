"""Gradient noise against curvature: the study's measures by other routes, and C = H where and only where it holds."""

import numpy as np
import pytest

import landscapes
from validation.noise_covariance import regressions
from validation.noise_covariance.directions import Directions, jackknife


def z_scores(found, errors, ratio=None):
    c, h = np.diag(found.covariance), found.hessian
    return (c - h) / errors[0] if ratio is None else (c / h - ratio) / errors[1]


# --- the regressions are the landscapes of the same name ---


@pytest.mark.parametrize("logistic", [False, True])
def test_regressions_are_the_landscapes(logistic):
    made = regressions.logistic(300, 3, 1) if logistic else regressions.linear(300, 3, 1)
    kind = landscapes.LogisticRegression if logistic else landscapes.LinearRegression
    land = kind(made.inputs, made.targets, **({"penalty": 0.0} if logistic else {}))
    x = made.optimum()
    assert np.linalg.norm(land.gradient(x)) < 1e-12
    off = x + np.array([0.3, -0.2, 0.1])
    np.testing.assert_allclose(made.gradients(off), land.example_gradients(off), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(made.hessian(off), land.hessian(off), rtol=1e-10)
    found, basis, _ = made.directions(np.array([0.3, -0.2, 0.1]))
    np.testing.assert_allclose(basis.T @ land.gradient_covariance(off) @ basis, found.covariance, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(np.diag(basis.T @ land.hessian(off) @ basis), found.hessian, rtol=1e-9)
    np.testing.assert_allclose(found.fisher, np.diag(found.hessian), rtol=1e-9, atol=1e-12)  # F = H for both
    assert found.gradient_norm == pytest.approx(np.linalg.norm(land.gradient(off)))


def test_separable_labels_are_refused():
    u = np.linspace(-1, 1, 20)[:, None]
    with pytest.raises(ValueError, match="separable"):
        regressions.Regression(u, np.sign(u[:, 0]), True).optimum()
    with pytest.raises(ValueError, match="'right', 'loud' or 'uneven'"):
        regressions.linear(10, 2, 0, "quiet")


# --- where C = H holds, and where it cannot ---


@pytest.mark.parametrize("make", [regressions.linear, regressions.logistic])
@pytest.mark.parametrize("seed", [0, 1])
def test_right_model_at_its_optimum(make, seed):
    """C = H/S within 5 errors in every direction, and nothing beside the diagonal but chance."""
    found, _, errors = make(8000, 6, seed).directions()
    assert np.abs(z_scores(found, errors)).max() < 5
    assert np.all(errors[1] < 0.05)
    facts = found.measures()
    assert facts["off-diagonal"] < 4 * facts["off-diagonal by chance"] < 0.01
    assert facts["log-log slope"] == pytest.approx(1, abs=5 * facts["slope error"])


@pytest.mark.parametrize(("law", "ratio"), [("loud", [4, 4, 4, 4]), ("uneven", [3, 1, 1, 1])])
def test_wrong_law_of_the_noise(law, ratio):
    found, _, errors = regressions.linear(10_000, 4, 0, law).directions()
    assert np.abs(z_scores(found, errors)).max() > 10
    assert np.abs(z_scores(found, errors, np.array(ratio))).max() < 5


def test_off_the_optimum_as_isserlis_says():
    shift = np.array([0.5, -1.0, 2.0, 4.0])
    found, basis, errors = regressions.linear(10_000, 4, 0).directions(shift)
    exact = regressions.shifted_ratio(found.hessian, basis.T @ shift)
    assert np.abs(z_scores(found, errors, exact)).max() < 5 < np.abs(z_scores(found, errors)).max()


def test_wrong_labels():
    found, _, errors = regressions.logistic(20_000, 6, 0, wrong=0.2).directions()
    assert np.abs(z_scores(found, errors)).max() > 5
    assert found.measures()["|F - H|/|H|"] < 1e-12  # the chain breaks at C = F, not at F = H


# --- errors ---


def test_the_jackknife_of_a_mean_and_of_a_variance():
    """For a mean it is s/m^(1/2), for a variance ((mu_4 - sigma^4)/m)^(1/2); 50 groups know them to about 10 %."""
    values = np.random.default_rng(1).exponential(size=40_000)
    assert jackknife(lambda k: values[k].mean(), 40_000) == pytest.approx(1 / 200, rel=0.35)
    assert jackknife(lambda k: values[k].var(), 40_000) == pytest.approx(np.sqrt(8) / 200, rel=0.35)
    exact = values[:60]  # as many groups as examples: the formula itself
    found = jackknife(lambda k: exact[k].mean(), 60, groups=60)
    assert found == pytest.approx(exact.std(ddof=1) / np.sqrt(60), rel=1e-12)


@pytest.mark.parametrize("make", [regressions.linear, regressions.logistic])
def test_errors_are_calibrated(make):
    """Over 20 data sets the z-scores of C - H have an rms of 1, within 5 of its standard errors."""
    z = []
    for seed in range(20):
        found, _, errors = make(800, 3, 50 + seed).directions()
        z.append(z_scores(found, errors))
    assert np.sqrt(np.mean(np.square(z))) == pytest.approx(1, abs=5 / np.sqrt(2 * 20))


def test_measures_of_known_matrices():
    """Eight examples with the gradients +-2 e_1, +-e_2: C = diag(1, 1/4), no mean, nothing beside the diagonal."""
    gradients = np.array([[2, 0], [-2, 0], [0, 1], [0, -1]] * 2, dtype=float)
    found = Directions(gradients, np.tile([1.0, 0.25], (8, 1)), np.diag([2.0, 0.5]), 0.0)
    np.testing.assert_allclose(found.covariance, np.diag([2.0, 0.5]))
    facts = found.measures()
    assert facts["off-diagonal"] == 0 and facts["|C - G|/|G|"] == 0
    assert facts["cosine C, H"] == pytest.approx(1) and facts["log-log slope"] == pytest.approx(1)
    assert facts["C/H median"] == pytest.approx(2)
    assert facts["|F - H|/|H|"] == facts["|C - H|/|H|"] == pytest.approx(1)


def test_off_diagonal_by_chance():
    """Independent directions: what is beside the diagonal is what a finite sample leaves there."""
    draws = np.random.default_rng(4)
    shares = []
    for _ in range(30):
        curvatures = np.tile(np.arange(1.0, 13), (500, 1))
        found = Directions(draws.normal(size=(500, 12)), curvatures, np.eye(12), 0.0).measures()
        shares.append(found["off-diagonal"] / found["off-diagonal by chance"])
    assert np.mean(shares) == pytest.approx(1, abs=5 * np.std(shares) / np.sqrt(30))


# --- networks ---


@pytest.fixture
def networks():
    pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    from fpsim.networks.one_thread import one_thread
    from validation.noise_covariance import networks as noise_networks

    with one_thread():
        yield noise_networks


@pytest.mark.network
def test_directions_of_a_network_are_its_dense_matrices(networks):
    from landscapes.networks.fisher import model_fisher
    from validation.noise_covariance.directions import along

    training = networks.Training(80, 2, 3, 6, 5, 0)
    land = networks.mlp(training, 0)
    x = land.initial + 0.1
    basis = np.linalg.qr(np.random.default_rng(0).normal(size=(land.dimension, 6)))[0]
    found = along(land, x, basis)
    likelihood = land.hessian(x) - networks.PENALTY * np.eye(land.dimension)
    np.testing.assert_allclose(found.hessian, np.diag(basis.T @ likelihood @ basis), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.covariance, basis.T @ land.gradient_covariance(x) @ basis, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.fisher, basis.T @ model_fisher(land, x) @ basis, rtol=1e-9, atol=1e-12)
    g = land.example_gradients(x) @ basis
    np.testing.assert_allclose(found.outer_products, g.T @ g / 80, rtol=1e-9)
    assert found.gradient_norm == pytest.approx(np.linalg.norm(land.gradient(x)))
    top = networks.network_directions(land, x, networks.Training(80, 2, 3, 6, 5, 0, directions=4), 0)
    every = networks.network_directions(land, x, training, 0)
    np.testing.assert_allclose(top.hessian, every.hessian[:4], rtol=1e-6)
    assert every.measures()["directions"] == land.dimension


@pytest.mark.network
@pytest.mark.parametrize("seed", [0, 1])
def test_a_network_on_its_own_labels(networks, seed):
    """At the truth C = H on average over labels: within 5 errors in every direction; away from it not."""
    found = networks.teacher_directions(4000, seed)
    assert np.abs(z_scores(found, found.errors())).max() < 5
    assert len(found.hessian) == 7 * 5 + 6 * 3 - 6  # of 53 parameters 6 only add one number to all outputs
    facts = found.measures()
    assert abs(facts["tr C"] / facts["tr F model"] - 1) < 0.05
    away = networks.teacher_directions(4000, seed, shift=2.0)
    assert np.abs(z_scores(away, away.errors())).max() > 5


@pytest.mark.network
def test_same_seed_same_parameters(networks):
    training = networks.Training(60, 2, 3, 6, 5, 1)
    one, two, other = (networks.trained_mlp(training, seed) for seed in (3, 3, 4))
    assert all(np.array_equal(one[stage], two[stage]) for stage in networks.STAGES)
    assert not np.array_equal(one["minimum"], other["minimum"])
