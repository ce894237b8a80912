"""tmp"""
from __future__ import annotations
from dataclasses import dataclass
from typing import Any
import numpy as np
@dataclass(frozen=True)
class Chain:
    landscape: Any
    noise: Any
    learning_rate: float | None = None
    @property
    def eta(self): return self.noise.learning_rate
    def line(self, x):
        p=x[None]; return x+self.eta*self.landscape.drift(p)[0], np.sqrt(2*self.eta*self.noise.tensor(self.landscape,p)[0,0])
