"""A noise model from its name and plain parameters, as the command line, the page and sweeps give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.field import DiffusionField
from fpsim.noise.gradient import GradientNoise
from fpsim.noise.hessian import HessianDiffusion
from fpsim.noise.levy import LevyNoise
from fpsim.noise.loss_scaled import LossScaledDiffusion
from fpsim.noise.model import Diffusion

SGD = ("learning_rate", "batch_size")
NEEDED = {
    "constant": ("temperature",),
    "hessian": (*SGD, "at"),
    "loss-scaled": SGD,
    "heavy-tails": ("alpha", "scale"),
    "gradient": (*SGD, "covariance"),
    "examples": SGD,
}
"""Parameters that each noise must have."""
MORE = {
    "hessian": ("floor", "floor_shape", "climb_fraction", "injected"),
    "loss-scaled": ("curvature", "floor", "floor_shape"),
    "heavy-tails": ("axes",),
}
"""Those that it may have."""
PARAMETERS = tuple({name: None for table in (NEEDED, MORE) for names in table.values() for name in names})
MEANT = {
    "temperature": "for example 0.1",
    "at": "everywhere, minimum or path",
    "alpha": "0 to 2",
    "covariance": "the formula of one example's gradient covariance",
}


def noise_named(kind: str, place: Any, given: Mapping[str, Any], said: Callable[[str], str] = str) -> Diffusion[Any]:
    """The noise of a landscape.

    Args:
        kind: a row of ``NEEDED``.
        place: the landscape, whose examples or coordinates some models take.
        given: its parameters by name.
        said: how the user wrote a name, for sentences.

    Raises:
        ValueError: for parameters that are missing, or belong to another noise.
    """
    if kind not in NEEDED:
        raise ValueError(f"{said('noise')} is one of {', '.join(NEEDED)}; got {kind!r}")
    if strange := [name for name in given if name not in (*NEEDED[kind], *MORE.get(kind, ()))]:
        owners = " or ".join(k for k in NEEDED if strange[0] in (*NEEDED[k], *MORE.get(k, ())))
        told = " and ".join(map(said, strange))
        part = strange == ["temperature"] and "injected" in MORE.get(kind, ())
        instead = f"a constant part of this one is {said('injected')}" if part else "leave it out"
        raise ValueError(f"{told} belongs to {said('noise')} {owners}, not to {kind}; {instead}")
    if missing := [name for name in NEEDED[kind] if name not in given]:
        told = " and ".join(said(name) + (f" ({MEANT[name]})" if name in MEANT else "") for name in missing)
        raise ValueError(f"{said('noise')} {kind} needs {told}")
    if kind == "constant":
        return ConstantDiffusion(given["temperature"])
    if kind == "examples":
        return _of_examples(place, given["learning_rate"], given["batch_size"], said)
    if kind == "gradient":
        field = DiffusionField.from_expression(given["covariance"], variables=" ".join(place.variables))
        return GradientNoise(**{**given, "covariance": field})
    if kind == "loss-scaled":
        return LossScaledDiffusion(shape="hessian" if "floor" in given else "isotropic", **given)
    return LevyNoise(**given) if kind == "heavy-tails" else HessianDiffusion(**given)


def _of_examples(place: Any, learning_rate: float, batch_size: float, said: Callable[[str], str]) -> Diffusion[Any]:
    """The noise of mini-batches drawn with replacement from a landscape's own examples."""
    what = f"{said('noise')} examples"
    if not hasattr(place, "example_gradients"):
        raise ValueError(f"{what} needs a landscape over a data set, such as resnet-slice; not {place}")
    if not float(batch_size).is_integer():
        raise ValueError(f"{what} needs a {said('batch_size')} that is a whole number; got {batch_size:g}")
    return GradientNoise(learning_rate=learning_rate, batch_size=int(batch_size), covariance=place)
