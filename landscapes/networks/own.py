"""A network of one's own in two calls: its loss over all parameters, and the line between two of its checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from landscapes.examples.sampled import SampledLandscape
from landscapes.progress import Progress, shows_progress

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape


def from_torch(
    model: Any, x: ArrayLike, y: ArrayLike, *, loss: Any = "cross-entropy", **settings: Any
) -> NeuralLandscape:
    """The loss of a torch network on a data set as a landscape over its parameters: a :class:`NeuralLandscape`.

    Args:
        model: a ``torch.nn.Module`` in evaluation mode (``model.eval()``): dropout is off, batch normalisation uses its
            running statistics, which belong to the checkpoint and are no parameters.
        x, y: inputs (m, ...) and labels (m, ...), arrays or tensors.
        loss: ``"cross-entropy"`` or torch's plain ``nn.CrossEntropyLoss()`` and ``cross_entropy``, ``"squared"`` for
            |output - label|^2 / 2.
        settings: ``weight_decay``, ``dtype``, ``device``, ``chunk``, ``name``, ``buffers`` of :class:`NeuralLandscape`.

    Raises:
        ValueError: for data of wrong shapes, another loss, and a network whose loss is no function of its parameters
            and single examples.
        TypeError: for what is no torch module.
    """
    from landscapes.networks.landscape import NeuralLandscape

    return NeuralLandscape(model, x, y, loss=_named(loss), **settings)


@shows_progress("line")
def slice_between(
    place: Any, first: Any, second: Any, *, margin: float = 0.25, count: int = 257, progress: Progress = None,
    **settings: Any,
) -> SampledLandscape:  # fmt: skip
    """The line from one checkpoint (x = 0) to another (x = their distance): a 1-D landscape that every route takes.

    Args:
        place: what :func:`from_torch` gives, or any landscape with the losses of single examples.
        first, second: torch modules, state dictionaries, or vectors (d,); buffers (running statistics) of modules and
            dictionaries are interpolated with the parameters, which the name of the slice says.
        margin: how far to go beyond both, in units of their distance.
        count: number of nodes.
        progress: ``True`` for a bar, or called with the share that is done.
        settings: ``wall``, ``name``, ``start``, ``target``, ``facts`` of :class:`SampledLandscape`.

    Raises:
        ValueError: for checkpoints of another network, vectors where the loss depends on buffers, or a line whose
            loss falls outward at an end.
        TypeError: for a place without losses of single examples.
    """
    if not hasattr(place, "example_losses"):
        raise TypeError(
            f"a slice is cut out of a landscape with the losses of single examples, such as from_torch(model, x, "
            f"y); got '{type(place).__name__}'"
        )
    return SampledLandscape.between(place, first, second, margin, count, progress=progress, **settings)


def _named(loss: Any) -> Any:
    """The word for a loss that is given as torch gives it; all other values are left to be judged."""
    from landscapes.networks.torch_extra import functional, nn

    if loss is functional.cross_entropy:
        return "cross-entropy"
    if isinstance(loss, nn.CrossEntropyLoss):
        if loss.weight is None and not loss.label_smoothing and loss.ignore_index == -100 and loss.reduction == "mean":
            return "cross-entropy"
        raise ValueError(
            "of torch's cross entropies the plain mean is taken, nn.CrossEntropyLoss(); this one has weights, smoothed "
            "labels, ignored classes or another reduction"
        )
    if loss is functional.mse_loss or isinstance(loss, nn.MSELoss):
        raise ValueError(
            "torch's mean squared error of k outputs is 2/k times loss='squared', |output - label|^2 / 2; give "
            "that, and 2/k times the learning rate: SGD is then the same"
        )
    return loss
