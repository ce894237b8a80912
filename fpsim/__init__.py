"""fpsim: how stochastic gradient descent moves through loss landscapes.

    dtheta = -grad L(theta) dt + sqrt(2 D) dB,      D = eta H / (2 S)   (Ito)

The packages of losses, of experiments and of films are :mod:`landscapes`, :mod:`validation` and :mod:`animations`, also
under the names ``fpsim.landscapes`` and so on.
Random paths (:func:`simulate`), densities (:class:`FokkerPlanck`), escape times (:class:`EscapeProblem`) and the closed
formulas for them, held against each other.  Names load on first use, so that importing the package stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fpsim.roof import PARTS, build

if TYPE_CHECKING:  # the names of _HOMES, for type checkers
    from fpsim.action.minimum import minimum_action as minimum_action
    from fpsim.density.automatic import automatic_grid as automatic_grid
    from fpsim.density.fokker_planck import FokkerPlanck as FokkerPlanck
    from fpsim.density.grid import Grid as Grid
    from fpsim.density.valley_rates import rates as rates
    from fpsim.escape import EscapeProblem as EscapeProblem
    from fpsim.escape_time import EscapeTime as EscapeTime
    from fpsim.noise import ConstantDiffusion as ConstantDiffusion
    from fpsim.noise import DiffusionField as DiffusionField
    from fpsim.noise import GradientNoise as GradientNoise
    from fpsim.noise import HessianDiffusion as HessianDiffusion
    from fpsim.noise import JumpNoise as JumpNoise
    from fpsim.noise import LevyNoise as LevyNoise
    from fpsim.noise import LossScaledDiffusion as LossScaledDiffusion
    from fpsim.paths.simulate import simulate as simulate
    from fpsim.results import Comparison as Comparison
    from fpsim.schedules.scheduled import Scheduled as Scheduled
    from fpsim.sde.sde import SDE as SDE
    from fpsim.sde.underdamped import Underdamped as Underdamped
    from fpsim.sgd.chain import Chain as Chain
    from fpsim.sgd.minibatch import MiniBatchSGD as MiniBatchSGD
    from fpsim.sgd.minibatch import exit_iterations as exit_iterations
    from fpsim.sgd.minibatch import simulate_batches as simulate_batches
    from fpsim.sgd.optimisers import Adam as Adam
    from fpsim.sgd.optimisers import SignSGD as SignSGD
    from fpsim.sgd.settled import settled_time as settled_time
    from fpsim.splitting.settling import settling_iterations as settling_iterations
    from fpsim.storage import load as load
    from fpsim.survival.problem import SurvivalProblem as SurvivalProblem
    from fpsim.targets import Ball as Ball
    from fpsim.targets import HalfSpace as HalfSpace
    from fpsim.targets import Outside as Outside
    from fpsim.valleys.passes import passes as passes
    from fpsim.valleys.saddle import saddle as saddle
    from fpsim.valleys.string import string as string
    from fpsim.walls import Walls as Walls

__version__ = "0.1.0"

_HOMES = {
    "Ball": "fpsim.targets",
    "HalfSpace": "fpsim.targets",
    "Outside": "fpsim.targets",
    "ConstantDiffusion": "fpsim.noise",
    "DiffusionField": "fpsim.noise",
    "GradientNoise": "fpsim.noise",
    "HessianDiffusion": "fpsim.noise",
    "JumpNoise": "fpsim.noise",
    "LevyNoise": "fpsim.noise",
    "LossScaledDiffusion": "fpsim.noise",
    "SDE": "fpsim.sde.sde",
    "Scheduled": "fpsim.schedules.scheduled",
    "SurvivalProblem": "fpsim.survival.problem",
    "Underdamped": "fpsim.sde.underdamped",
    "simulate": "fpsim.paths.simulate",
    "Adam": "fpsim.sgd.optimisers",
    "SignSGD": "fpsim.sgd.optimisers",
    "Chain": "fpsim.sgd.chain",
    "minimum_action": "fpsim.action.minimum",
    "MiniBatchSGD": "fpsim.sgd.minibatch",
    "exit_iterations": "fpsim.sgd.minibatch",
    "simulate_batches": "fpsim.sgd.minibatch",
    "split_iterations": "fpsim.splitting.iterations",
    "settled_time": "fpsim.sgd.settled",
    "settling_iterations": "fpsim.splitting.settling",
    "Walls": "fpsim.walls",
    "EscapeProblem": "fpsim.escape",
    "EscapeTime": "fpsim.escape_time",
    "Comparison": "fpsim.results",
    "Grid": "fpsim.density.grid",
    "automatic_grid": "fpsim.density.automatic",
    "FokkerPlanck": "fpsim.density.fokker_planck",
    "Sweep": "fpsim.sweeps.sweep",
    "passes": "fpsim.valleys.passes",
    "rates": "fpsim.density.valley_rates",
    "saddle": "fpsim.valleys.saddle",
    "string": "fpsim.valleys.string",
    "load": "fpsim.storage",
}
_ROOMS = (*PARTS, "schedules", "statistics")

__all__ = ["__version__", *_HOMES, *_ROOMS]
build()


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"fpsim.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'fpsim' has no attribute '{name}'; it offers {sorted((*_HOMES, *_ROOMS))}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOMES) | set(_ROOMS))
