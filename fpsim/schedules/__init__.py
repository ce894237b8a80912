"""Learning rate, batch size, temperature and parameters of the loss as functions of time.

sde = fpsim.Scheduled(sde, learning_rate=fpsim.schedules.cosine(0.1, 0.01, duration=500))
"""

from fpsim.schedules.curve import Curve
from fpsim.schedules.curves import (
    cosine,
    exponential,
    formula,
    function,
    inverse_time,
    logarithmic,
    steps,
    table,
    warm_up,
    wave,
)

__all__ = [
    "Curve",
    "cosine",
    "exponential",
    "formula",
    "function",
    "inverse_time",
    "logarithmic",
    "steps",
    "table",
    "warm_up",
    "wave",
]
