"""The study of gradient noise: the data that ship, every measured number against dense gradients, and resumption."""

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from validation.gradient_noise.measures import SIZES, STATES, GradientNoise, Size
from validation.gradient_noise.run import STUDY, load_gradient_noise
from validation.gradient_noise.verdicts import verdicts
from validation.study.pieces import Pieces
from validation.study.run import Run

network = pytest.mark.network
TINY = Size(
    width=2, examples=24, sizes=(2, 4, 8), batches=16, block=8, steps=3, coordinates=4096, watched=64, sketch=1024
)


def quiet(share, name=""):
    pass


# --- what ships -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    return load_gradient_noise()


def test_data_load_without_torch():
    program = (
        "import sys\n"
        "from validation.gradient_noise.run import STUDY, load_gradient_noise\n"
        "assert STUDY.of_data(load_gradient_noise()).as_expected\n"
        "assert 'torch' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stderr


def test_shipped_data_are_those_of_resnet_18(shipped):
    assert shipped.attrs["parameters"] == 11_175_370 and shipped.attrs["width"] == 64
    assert tuple(shipped.batch_size.values) == SIZES and tuple(shipped.state.values) == STATES
    assert shipped.sizes["batch"] == shipped.attrs["batches"] == 96
    assert shipped.attrs["seed"] == 0 and "fpsim_version" in shipped.attrs
    for name, variable in shipped.data_vars.items():
        assert variable.attrs["long_name"] and np.isfinite(variable).all(), name
    assert (shipped.accuracy.sel(state="trained") > 0.8) and (shipped.accuracy.sel(state="initial") < 0.3)


def test_shipped_histograms_are_densities(shipped):
    for name, x, outside in (
        ("parameter_density", "parameter_value", "parameter_outside"),
        ("coordinate_density", "coordinate_value", "coordinate_outside"),
    ):
        total = shipped[name].sum(x) * float(np.diff(shipped[x])[0]) + shipped[outside]
        np.testing.assert_allclose(total, 1, atol=1e-9)
    step = float(np.diff(np.log(shipped.magnitude))[0])
    total = shipped.magnitude_density.sum("magnitude") * step
    assert float(total.min()) > 0.99 and float(total.max()) < 1 + 1e-9


def test_report_of_the_shipped_data(shipped, tmp_path):
    report = STUDY.of_data(shipped)
    assert report.as_expected, str(report)
    assert set(report.pictures) == {"scaling", "histograms-initial", "histograms-trained"}
    few = replace(report, pictures={name: report.pictures[name] for name in ("scaling", "histograms-trained")})
    files = {f.name for f in few.save(tmp_path)}
    assert files == {"report.md", "report.json", "data.nc", "scaling.png", "histograms-trained.png"}
    assert f"{shipped.attrs['parameters']:,} parameters" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("name", "change", "key"),
    [
        ("norm_rms", lambda v: v * np.sqrt(v.batch_size / 16) ** 0.5, "norm"),
        ("kurtosis_batches", lambda v: v + 10 * v.max(), "kurtosis"),
        ("effective_rank", lambda v: 3 * v + 100, "rank"),
        ("index_surrogate", lambda v: 0 * v + 2.0, "gaussian-index"),
        ("index_formula", lambda v: 1.05 * v, "anisotropy-formula"),
        ("index_parameters", lambda v: 1.05 * v, "anisotropy"),
        ("index_batches", lambda v: 0 * v + 1.0, "redrawn"),
        ("index_batches", lambda v: 0 * v + 2.0, "small-batch"),
        ("index_batches", lambda v: 0 * v + 1.0, "large-batch"),
    ],
)
def test_verdicts_change_with_the_numbers(shipped, name, change, key):
    """A verdict is worth something only if other numbers would change it."""
    right, wrong = (
        {v.key: v.as_expected for v in verdicts(GradientNoise(data))}
        for data in (shipped, shipped.assign({name: change(shipped[name])}))
    )
    assert right[key] and not wrong[key]


# --- measuring --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def digits():
    pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    from validation.gradient_noise.network import DigitNetwork, threads_of_torch

    with threads_of_torch(1):
        yield DigitNetwork(TINY.width, TINY.examples, 1)


@pytest.fixture(scope="module")
def dense(digits):
    """Gradients (m, d) of all examples by `NeuralLandscape`, in double precision."""
    from landscapes.networks.landscape import NeuralLandscape

    place = NeuralLandscape(digits.network, digits.inputs.numpy(), digits.labels.numpy())
    return place.example_gradients(place.initial)


@pytest.fixture(scope="module")
def population(digits):
    from validation.gradient_noise.population import Population

    return Population.of(digits, TINY.probe | {"seed": 1}, quiet)


@network
def test_gradients_are_those_of_the_landscape(digits, dense):
    scale = np.abs(dense).max()
    chosen = np.array([3, 7, 7, 23])
    np.testing.assert_allclose(digits.gradient(chosen), dense[chosen].mean(axis=0), atol=2e-5 * scale)
    np.testing.assert_allclose(digits.full_gradient(), dense.mean(axis=0), atol=2e-5 * scale)


@network
def test_population_against_dense_gradients(population, dense):
    """Traces, rank, deviations and kurtosis from the (m, d) array, whole."""
    noise = dense - dense.mean(axis=0)
    live = np.flatnonzero(np.any(dense != 0, axis=0))
    np.testing.assert_array_equal(population.live, live)
    assert len(live) < 0.6 * dense.shape[1]  # the last stage's kernels meet padding
    facts, probe = population.facts, population.probe(TINY.probe | {"seed": 1})
    gram = noise @ noise.T
    assert facts["trace"] == pytest.approx(np.trace(gram) / 24, rel=1e-4)
    assert facts["fourth_norm"] == pytest.approx(np.mean(np.diag(gram) ** 2), rel=1e-4)
    assert facts["trace_of_square"] == pytest.approx(np.mean(gram**2), rel=0.03)  # through a sketch of 1024
    chosen = noise[:, live[probe.sample]]
    variance = np.mean(chosen**2, axis=0)
    np.testing.assert_allclose(population.deviation, np.sqrt(variance), rtol=1e-2)
    kurtosis = np.mean(np.mean(chosen**4, axis=0) / variance**2) - 3
    assert facts["examples_kurtosis"] == pytest.approx(kurtosis, rel=1e-3)
    np.testing.assert_allclose(population.watched, (chosen / np.sqrt(variance))[:, :64], atol=2e-2)
    losses = -math.log(0.1)
    assert 0.3 * losses < facts["loss"] < 5 * losses and 0 <= facts["accuracy"] <= 1


@network
def test_batches_are_means_of_drawn_examples_and_nested(digits, population, dense):
    """Sizes 2 and 4 are disjoint parts of the draw of 8; the sizes' noises are the means over them."""
    from validation.gradient_noise.batches import chunks_of, noises

    assert chunks_of([2, 4, 8]) == [2, 4, 2] and chunks_of([2, 4]) == [2, 2] and chunks_of([4, 8, 12]) == [4, 8]
    with pytest.raises(ValueError, match="at least the sum"):
        chunks_of([4, 8, 10])
    noise = (dense - dense.mean(axis=0))[:, population.live]
    draws = np.random.Generator(np.random.Philox([1, 7, 0]))
    for found in noises(digits, population, (2, 4, 8), 3, [1, 7, 0]):
        chosen = draws.integers(0, 24, 8)
        for u, part in zip(found, (chosen[:2], chosen[2:6], chosen), strict=True):
            np.testing.assert_allclose(u, noise[part].mean(axis=0), atol=3e-5 * np.abs(noise).max())


@network
def test_redrawn_batches_know_the_law(population):
    """Kurtosis of redrawn batches against the sum rule kurtosis/S; Gaussian examples have index 2."""
    from validation.gradient_noise.redraws import redrawn

    gaussian = np.random.default_rng(2).standard_normal((4000, 50))
    found = redrawn(gaussian, 16, 96, 8, 20, 3)
    assert abs(found.index.value - 2) < 5 * found.index.error < 0.1
    assert found.index_spread == pytest.approx(found.index.error * math.sqrt(20))
    assert found.rejected < 0.25
    heavy = redrawn(population.watched, 2, 96, 8, 20, 3)
    assert heavy.index.value < 1.9 and heavy.rejected > 0.2


@network
def test_interrupted_study_goes_on_where_it_stopped(tmp_path, digits, monkeypatch):
    """Stopped in the second state and taken up again, it says what an uninterrupted one says."""
    from validation.gradient_noise import dataset as gradient_noise_dataset
    from validation.gradient_noise.measures import measure

    monkeypatch.setattr(gradient_noise_dataset, "REDRAWS", 6)

    def stops(share, name=""):
        if share > 0.9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure(Run(TINY, 1, 1, stops, Pieces(tmp_path / "kept.sweep")))
    again = Pieces(tmp_path / "kept.sweep")
    resumed = measure(Run(TINY, 1, 1, quiet, again)).data
    assert again.found == ["examples-initial", "batches-initial-0", "batches-initial-8", "training",
                           "examples-trained", "batches-trained-0"]  # fmt: skip
    whole = measure(Run(TINY, 1, 1, quiet)).data
    assert resumed.identical(whole)
    report = STUDY.of_data(whole)
    assert len(report.verdicts) == 9 and report.settings["width"] == 2
    np.testing.assert_allclose(
        whole.norm_rms.sel(state="initial") * np.sqrt(whole.batch_size),
        math.sqrt(whole.trace.sel(state="initial")), rtol=0.5,
    )  # fmt: skip
