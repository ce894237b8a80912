"""Can I use a network of my own?

Ten lines: a torch module and its data are a loss over all parameters, with gradients of single examples, Hessian and
noise covariance (extra `network`).  At zero weights a classifier of two classes has the loss ln 2, and the gradient of
its first output's bias is 1/2 minus the share of the first class.
"""

import math

import numpy as np
import torch
from torch import nn

import fpsim
import landscapes

torch.set_num_threads(1)
draws = np.random.default_rng(0)
inputs = draws.normal(size=(80, 3))
labels = (inputs[:, 0] + 0.5 * draws.normal(size=80) > 0).astype(int)
place = landscapes.from_torch(nn.Linear(3, 2), inputs, labels)

zero = np.zeros(place.dimension)
loss, bias = float(place.loss(zero)), float(place.gradient(zero)[6])
print(f"{place.dimension} parameters, loss {loss:.6f} at zero, gradient of the first bias {bias:+.4f}")
assert abs(loss - math.log(2)) < 1e-12
assert abs(bias - (0.5 - (labels == 0).mean())) < 1e-12

sgd = fpsim.MiniBatchSGD(place, learning_rate=0.5, batch_size=8)
paths = fpsim.simulate_batches(sgd, zero, 100, paths=4, seed=1)
final = [float(place.loss(x)) for x in paths.x[-1]]
print("after 100 steps of SGD:", np.round(final, 3))
assert max(final) < loss
