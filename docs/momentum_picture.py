"""The picture of docs/momentum.md, Kramers' turnover by routes and formulas:  python docs/momentum_picture.py."""

import sys

import numpy as np

import fpsim
import landscapes
from fpsim.plotting.style import BLACK, BLUE, GREEN, ORANGE, VERMILLION, new_figure, tidy

TEMPERATURE = 0.1  # 0.4 of the barrier
LINES = (("kramers-low", ORANGE, ":"), ("kramers-moderate", BLACK, "--"), ("melnikov-meshkov", VERMILLION, "-"))


def problem(friction: float) -> fpsim.EscapeProblem:
    """The escape of a quartic double well of mass 1."""
    sde = fpsim.Underdamped(landscapes.DoubleWell(), fpsim.ConstantDiffusion(TEMPERATURE), friction)
    return fpsim.EscapeProblem(sde, -1.0, 1.0)


def main(file: str) -> None:
    """Compute, print, draw."""
    frictions = np.geomspace(0.03, 10, 7)
    grids = [problem(f).by_grid(cells=160) for f in frictions]
    paths = [problem(f).by_paths(paths=10_000, seed=k) for k, f in enumerate(frictions)]
    for f, g, p in zip(frictions, grids, paths, strict=True):
        gap = 100 * (p.mean / g.mean - 1)
        turnover = problem(f).by_formula("melnikov-meshkov").mean / g.mean
        values = f"grid {g.mean:8.2f} +- {g.error:.2g}  paths {p.mean:8.2f} +- {p.error:.2g}  {gap:+.1f} %"
        print(f"friction {f:7.3g}  {values}  melnikov-meshkov / grid {turnover:.3f}")
    drawn = new_figure(5.2, 3.6)
    axes, fine = drawn.add_subplot(), np.geomspace(0.02, 15, 60)
    for name, colour, style in LINES:
        axes.loglog(fine, [problem(f).by_formula(name).mean for f in fine], style, color=colour, lw=1.2, label=name)
    axes.errorbar(frictions, [g.mean for g in grids], [g.error for g in grids], fmt="s", color=GREEN, ms=7, mfc="none",
                  label="grid in (x, v)")  # fmt: skip
    axes.errorbar(frictions, [p.mean for p in paths], [p.error for p in paths], fmt="o", color=BLUE, ms=3,
                  label="paths (BAOAB)")  # fmt: skip
    axes.set_ylim(50, 1000)
    tidy(axes, "friction", "mean escape time")
    axes.legend(frameon=False, fontsize=8)
    drawn.savefig(file, dpi=150)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "momentum.png")
