"""Noise models: the tensor D(x) in dX = drift dt + sqrt(2 D(x)) dB.

    SGLD                    D = T I                                          (ConstantDiffusion)
    SGD, Hessian-shaped     D = eta/(2S) (|H(x)| + floor I) + T I            (HessianDiffusion)
    SGD, measured noise     D = eta/(2S) C1(x)                               (GradientNoise)
    SGD, squared loss       D = eta h/S L(x) I                               (LossScaledDiffusion)
    heavy tails             no D: alpha-stable jumps                         (LevyNoise)
    rare large examples     no D: white noise and jumps                      (JumpNoise)
    anything else           D = D(x)                                         (DiffusionField)

Each is a frozen description.  Given a landscape it yields the tensor as arrays, its divergence (what a convention
other than Ito adds to the drift) and, where the landscape is a formula, the tensor as a formula for compiled kernels.
Hessian-shaped noise: Xie, Sato, Sugiyama 2021 (arXiv 2002.03495), equation 7, with |H| away from the minimum.
"""

from __future__ import annotations

from fpsim.noise.constant import ConstantDiffusion
from fpsim.noise.field import DiffusionField
from fpsim.noise.gradient import GradientNoise
from fpsim.noise.hessian import HessianDiffusion
from fpsim.noise.jump import JumpNoise
from fpsim.noise.levy import LevyNoise
from fpsim.noise.loss_fit import LossScaling, loss_scaling
from fpsim.noise.loss_scaled import LossScaledDiffusion
from fpsim.noise.model import Diffusion, Structure, SymbolicTensor

__all__ = [
    "ConstantDiffusion",
    "Diffusion",
    "DiffusionField",
    "GradientNoise",
    "HessianDiffusion",
    "JumpNoise",
    "LevyNoise",
    "LossScaledDiffusion",
    "LossScaling",
    "Structure",
    "SymbolicTensor",
    "loss_scaling",
]
