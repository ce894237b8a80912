"""The toolkit on a neural landscape: Gaussian noise of a slice's own covariance C1(x), by three independent routes.

dX = -L'(X) dt + sqrt(2 D(X)) dB,      D = eta C1 / (2 S)        (Ito)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpsim.escape import EscapeProblem
from fpsim.kernels.random_numbers import own_seed
from fpsim.sgd.minibatch import MiniBatchSGD
from validation.resnet.escapes import fingerprint
from validation.resnet.slices import Case, Climb
from validation.study.findings import Row, Rows

if TYPE_CHECKING:
    from validation.resnet.size import Size
    from validation.study.run import Run

EXPONENT = 3.5
"""int 2 S L'/(eta C1) dx of the escapes, which sets eta/S: paths are affordable there."""


def surrogate_routes(run: Run[Size], case: Case, side: str, climb: Climb) -> Row:
    """Mean escape time of the SDE with the slice's own C1(x), by quadrature, grid and random paths.

    Only eta/S enters; it is set so that the exponent is `EXPONENT`.
    """
    rate, paths = climb.gaussian / EXPONENT, run.size.route_paths
    seed = own_seed(run.seed, case.name, side)

    def make() -> Rows:
        """The row of the table, by the three routes."""
        problem = EscapeProblem(MiniBatchSGD(case.line, rate, 1).surrogate(), climb.start, climb.target)
        exact, grid = problem.by_quadrature(), problem.by_grid()
        sampled = problem.by_paths(paths, problem.default_step / 2, seed, threads=run.threads)
        return [
            {
                "slice": case.name, "from": side, "eta/S": rate, "quadrature": exact.mean, "grid": grid.mean,
                "grid / quadrature - 1": grid.mean / exact.mean - 1, "grid's own error": grid.error / exact.mean,
                "paths": sampled.mean, "standard error": sampled.standard_error,
                "step error": sampled.systematic_error, "z": sampled.z_score(exact),
            }
        ]  # fmt: skip

    key: dict[str, Any] = {"slice": fingerprint(case.line), "start": climb.start, "rate": rate, "paths": paths}
    (row,) = run.pieces.rows(f"{case.name}-routes", make, seed=seed, **key)
    return row
