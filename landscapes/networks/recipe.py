"""How the slice of a residual network's loss that ships with the package was made.

    theta(x) = theta_a + x (theta_b - theta_a)/|theta_b - theta_a|,      L(x) = (1/m) sum_j l_j(theta(x))

A norm-free ResNet-8 of width 2 is trained on 8 x 8 digits, some with wrong labels, to a minimum a.  From there a branch
of Adam steps leads over a barrier, and L-BFGS and Newton steps down to another minimum b.  To make the file again:

    OMP_NUM_THREADS=1 python -m landscapes.networks.recipe FILE.nc        (extra ``network``; about four minutes)

Other numbers of threads, libraries and processors round differently, which training amplifies: places and heights of
minima and barrier then differ, the kind of slice does not.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscapes.evaluation import Array
from landscapes.examples.sampled import SampledLandscape

if TYPE_CHECKING:
    from landscapes.networks.landscape import NeuralLandscape


@dataclass(frozen=True)
class Recipe:
    """How a slice is made; the defaults made the one that ships.

    Attributes:
        examples, label_noise, data_seed: the training set, digits of 8 x 8 pixels.
        width, activation, network_seed: the ResNet-8.
        weight_decay: coefficient of |theta|^2/2 in every example's loss.
        trunk_steps, trunk_rate, trunk_batch: Adam from the initial weights towards a.
        branch_steps, branch_rate, branch_batch, branch_seed: Adam from a; more steps, a higher rate and smaller batches
            give higher barriers.
        polish_steps, newton_steps: L-BFGS steps at both ends, in single and then half as many in double precision; and
            Newton steps after them.
        margin, nodes: how far the table reaches beyond a and b, in units of their distance, and its number of nodes.
    """

    examples: int = 512
    label_noise: float = 0.3
    data_seed: int = 1
    width: int = 2
    activation: str = "gelu"
    network_seed: int = 0
    weight_decay: float = 1e-2
    trunk_steps: int = 300
    trunk_rate: float = 0.01
    trunk_batch: int = 64
    branch_steps: int = 100
    branch_rate: float = 0.015
    branch_batch: int = 128
    branch_seed: int = 101
    polish_steps: int = 400
    newton_steps: int = 8
    margin: float = 0.5
    nodes: int = 193

    def landscape(self, dtype: Any = "float64") -> NeuralLandscape:
        """The network's loss over all its parameters."""
        from landscapes.networks.architectures import resnet
        from landscapes.networks.images import digits
        from landscapes.networks.landscape import NeuralLandscape

        data = digits().subset(self.examples, self.data_seed)
        data = data.with_label_noise(self.label_noise, self.data_seed + 1).standardized()
        network = resnet(8, self.width, activation=self.activation, seed=self.network_seed)
        return NeuralLandscape(
            network, data.images, data.labels, weight_decay=self.weight_decay, dtype=dtype, name="ResNet-8 on digits"
        )

    def minima(self) -> tuple[Array, Array]:
        """Train; return the parameters a and b, shape (d,) each."""
        a = self.first_minimum()
        return a, self.second_minimum(a)

    def first_minimum(self) -> Array:
        """Train from the initial weights to a, shape (d,)."""
        from landscapes.networks.training import adam

        fast = self.landscape("float32")
        trunk = adam(fast, fast.initial, self.trunk_steps, self.trunk_rate, self.trunk_batch, self.data_seed)
        return self._settled(fast, trunk)

    def second_minimum(self, a: Array) -> Array:
        """Branch off a and go down again to b, shape (d,)."""
        from landscapes.networks.training import adam

        fast = self.landscape("float32")
        branch = adam(fast, a, self.branch_steps, self.branch_rate, self.branch_batch, self.branch_seed)
        return self._settled(fast, branch)

    def _settled(self, fast: NeuralLandscape, x: Array) -> Array:
        from landscapes.networks.training import polish

        x = polish(fast, x, self.polish_steps, newton=0)
        return polish(self.landscape(), x, self.polish_steps // 2, self.newton_steps)

    def make(self) -> SampledLandscape:
        """Train and tabulate; the facts hold recipe, gradient norms and what the slice looks like.

        Raises:
            ValueError: if the line does not have two minima with one barrier between them.
        """
        return self.cut(*self.minima())

    def cut(self, a: Array, b: Array) -> SampledLandscape:
        """Tabulate the line through two minima."""
        exact = self.landscape()
        line = SampledLandscape.between(exact, a, b, self.margin, self.nodes)
        minima, saddles = line.minima, line.saddles
        if len(minima) != 2 or len(saddles) != 1:
            raise ValueError(f"the line has {len(minima)} minima and {len(saddles)} barriers; try another branch_seed")
        places = [float(point.x[0]) for point in (minima[0], saddles[0], minima[1])]
        norms = [float(np.linalg.norm(exact.gradient(point))) for point in (a, b)]
        facts: dict[str, Any] = {"recipe": asdict(self), "parameters": exact.dimension}
        facts |= {"gradient_norms": norms, "accuracies": [exact.accuracy(a), exact.accuracy(b)]}
        facts |= {"minimum_barrier_minimum": places, "distance": float(np.linalg.norm(b - a))}
        name = "ResNet-8 on digits, slice between two minima"
        return SampledLandscape(line.nodes, line.values, None, name, places[0], places[2], facts)


def describe(line: SampledLandscape) -> str:
    """The heights, curvatures and gradient covariances at minima and barrier, as text."""
    rows = [f"{line}: spline error {line.spline_error:.1e}"]
    for point in (*line.minima, *line.saddles):
        curvature, spread = float(point.eigenvalues[0]), float(line.gradient_covariance(point.x[:, None])[0, 0, 0])
        place = f"{point.kind} at {point.x[0]:.6g}: L = {point.loss:.6g}, H = {curvature:.4g}"
        rows.append(f"{place}, C1 = {spread:.4g}, C1/|H| = {spread / abs(curvature):.4g}")
    return "\n".join([*rows, *(f"{key}: {value}" for key, value in line.facts.items())])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m landscapes.networks.recipe FILE.nc")
    made = Recipe().make()
    print(describe(made))
    print(f"saved as {made.save(sys.argv[1])}")
