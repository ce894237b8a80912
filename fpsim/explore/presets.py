"""The story in five steps: what noise does to a valley, from white noise to the mini-batches of a trained network.

Each step is settings of the page, a few sentences, and the slider that is worth moving.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from fpsim.explore.settings import Settings


@dataclass(frozen=True)
class Preset:
    """One step of the story.

    Attributes:
        key: its name in addresses.
        title: a few words for its button.
        text: what is seen, and what to try.
        settings: of the page, as in an address.
        slider: the setting that is worth moving, and its values in an exported page.
    """

    key: str
    title: str
    text: str
    settings: tuple[tuple[str, str], ...]
    slider: tuple[str, tuple[str, ...]]

    def read(self, value: str | None = None) -> Settings:
        """Its settings, with the slider at ``value``."""
        pairs = dict(self.settings)
        if value is not None:
            pairs[self.slider[0]] = value
        return Settings.read(pairs.items())

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the page."""
        return {**asdict(self), "settings": dict(self.settings)}


def _hessian(landscape: str, eta: str, floor: str) -> tuple[tuple[str, str], ...]:
    return (
        ("landscape", landscape), ("noise", "hessian"), ("at", "everywhere"), ("learning_rate", eta),
        ("batch_size", "1"), ("floor", floor),
    )  # fmt: skip


PRESETS = (
    Preset(
        "white-noise",
        "White noise",
        "Gradient descent with the same noise everywhere. Particles jiggle in their valley until one lucky run of "
        "kicks carries them over the top: Kramers' problem. A little less temperature and they wait exponentially "
        "longer; watch the mean time while you move the temperature.",
        (("landscape", "double-well"), ("noise", "constant"), ("temperature", "0.08")),
        ("temperature", ("0.05", "0.06", "0.07", "0.08", "0.1", "0.12", "0.15")),
    ),
    Preset(
        "hessian-noise",
        "SGD's noise",
        "The noise of SGD follows the curvature: D = η/(2S) (|H| + floor). It is strong in the valley and weak "
        "where the curve is straight, as the picture of D shows. The ratio η/S is its temperature: move it.",
        _hessian("double-well", "0.12", "0.5"),
        ("learning_rate", ("0.08", "0.1", "0.12", "0.15", "0.2", "0.25", "0.3")),
    ),
    Preset(
        "sharp-flat",
        "Sharp against flat",
        "Two valleys of the same depth, one eight times sharper. In the sharp one the noise is stronger, so SGD leaves "
        "it soon and comes back late: compare the two mean times, there and back. Noise that is the same everywhere "
        "would not tell the two apart like this: switch the noise to constant.",
        _hessian("sharp-flat-well", "0.08", "0.5"),
        ("p.sharp", ("1", "2", "3", "4", "6", "8", "12")),
    ),
    Preset(
        "gate",
        "The gate",
        "Where the Hessian changes sign, its noise dies, and no path gets through: a gate that only the floor opens. "
        "Particles and density pile up before it (the dashed line is where the density settles). Lower the floor, "
        "and the escape time grows like a power of it, without end.",
        _hessian("double-well", "0.3", "0.05"),
        ("floor", ("0.005", "0.01", "0.02", "0.05", "0.1", "0.2", "0.5")),
    ),
    Preset(
        "mini-batches",
        "Mini-batches",
        "A slice through the loss of a trained ResNet, between two of its minima. The noise is no model here: D is the "
        "measured covariance of its 512 examples' gradients, divided by the batch size. Smaller batches, "
        "more noise: move S, and see what the formulas make of it.",
        (("landscape", "resnet-slice"), ("noise", "examples"), ("learning_rate", "4"), ("batch_size", "4")),
        ("batch_size", ("2", "3", "4", "5", "6", "8", "10")),
    ),
)  # fmt: skip
