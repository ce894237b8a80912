"""The main job: one double well, its escape time by every route, and how it grows with barrier / noise.

    L = (x^2 - 1)^2 / 4,   dX = -L' dt + sqrt(2 D) dB,   -1 -> 1

Paths, grid and quadrature must agree within their errors; Kramers' formula must approach them as D falls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fpsim.escape import EscapeProblem
from fpsim.noise import ConstantDiffusion
from fpsim.paths.ensembles import Paths
from fpsim.paths.exit_sample import ExitSample
from fpsim.paths.simulate import simulate
from fpsim.results import Comparison, EscapeTime, as_json
from fpsim.sde.sde import SDE
from landscapes import DoubleWell

BARRIER_OVER_NOISE = (1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 6.0, 8.0)
LAST_BY_PATHS = 4.0
SIGMAS = 5.0


@dataclass(frozen=True)
class DoubleWellReport:
    """What the main job found.

    Attributes:
        problem: the escape that was solved.
        comparison: every route at the chosen noise.
        arrhenius: one row (method, x = barrier / noise, mean, error) per route and noise.
        trajectories: a few paths for the figure.
        seed: seed of all random numbers.
    """

    problem: EscapeProblem
    comparison: Comparison
    arrhenius: tuple[dict[str, Any], ...]
    trajectories: Paths
    seed: int

    @property
    def sample(self) -> ExitSample:
        """The single exits of the route by paths."""
        sample = self.comparison["paths"].sample
        assert sample is not None
        return sample

    @property
    def agrees(self) -> bool:
        """Whether paths and grid lie within 5 sigma (both errors) of the quadrature."""
        exact = self.comparison["quadrature"]
        others = [r for r in self.comparison.routes if r.method in ("paths", "grid")]
        return all(abs(r.z_score(exact)) <= SIGMAS for r in others)

    @property
    def verdict(self) -> str:
        """One sentence."""
        exact = self.comparison["quadrature"].mean
        formula = self.comparison["kramers"].mean
        word = "agree" if self.agrees else "DO NOT agree"
        return (
            f"Simulation and exact integral {word} within {SIGMAS:g} sigma; Kramers' formula is off by "
            f"{100 * (formula / exact - 1):+.1f} % at this noise (its failed assumptions stand above)."
        )

    def __str__(self) -> str:
        return f"{self.comparison}\n{self.verdict}"

    def plot(self, path: Path) -> Path:
        """The figure: landscape and paths, exit times against the exponential law, ln(time) against barrier / noise."""
        from validation.double_well.picture import demo_figure

        well = self.problem.sde.landscape
        demo_figure(well, self.problem, self.trajectories, self.sample, self.comparison, list(self.arrhenius), path)
        return path

    def save(self, folder: Path) -> list[Path]:
        """Figure, table (JSON) and exits (netCDF) in ``folder``; returns the files."""
        table = {**self.comparison.to_dict(), "arrhenius": list(self.arrhenius), "verdict": self.verdict}
        report = folder / "double-well.json"
        report.write_text(as_json(table) + "\n")
        exits = self.comparison["paths"].save(folder / "double-well-exits.nc")
        return [self.plot(folder / "double-well.png"), report, exits]


def double_well(
    temperature: float = 0.1,
    paths: int = 20_000,
    seed: int = 0,
    threads: int | None = None,
    progress: Callable[..., None] | None = None,
) -> DoubleWellReport:
    """Solve the double well's escape by every route; about ten seconds on two cores at the default size."""
    if paths < 20:  # a tenth of them for each point of the figure
        raise ValueError(f"paths must be a whole number >= 20; got {paths}")
    tell = progress or (lambda share, name="": None)
    well = DoubleWell()
    problem = EscapeProblem(SDE(well, ConstantDiffusion(temperature)), -1.0, 1.0)
    comparison = problem.compare(
        budget=120, paths=paths, seed=seed, threads=threads, progress=lambda name, share: tell(share, name)
    )
    rows: list[dict[str, Any]] = []
    for i, ratio in enumerate(BARRIER_OVER_NOISE):
        tell(i / len(BARRIER_OVER_NOISE), "barrier / noise")
        rows += _row(
            EscapeProblem(SDE(well, ConstantDiffusion(0.25 / ratio)), -1.0, 1.0), ratio, paths // 10, seed, threads
        )
    exact = comparison["quadrature"].mean
    trajectories = simulate(problem.sde, -1.0, 2 * exact, 0.01, 6, save_every=20, seed=seed, threads=threads)
    assert isinstance(trajectories, Paths)
    return DoubleWellReport(problem, comparison, tuple(rows), trajectories, seed)


def _row(problem: EscapeProblem, ratio: float, paths: int, seed: int, threads: int | None) -> list[dict[str, Any]]:
    """The routes at one noise; paths only where they are cheap."""
    found: list[EscapeTime] = [
        problem.by_quadrature(),
        problem.by_formula("kramers"),
        problem.by_formula("kramers-next"),
    ]
    if ratio <= LAST_BY_PATHS:
        found.append(problem.by_paths(paths, seed=seed, threads=threads))
    return [{"method": r.method, "x": ratio, "mean": r.mean, "error": r.error} for r in found]
