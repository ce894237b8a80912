"""How do I keep a result, and run it again a year later?

A result is a netCDF file that knows its problem, route and settings: `load` reads any kind, `repeat` runs it again,
with other settings if you like.  The exact time from -1 to the top of the double well at T = 0.1 is 30.8213024727.
"""

import tempfile
from pathlib import Path

import fpsim
import landscapes

sde = fpsim.SDE(landscapes.DoubleWell(), fpsim.ConstantDiffusion(0.1))
problem = fpsim.EscapeProblem(sde, start=-1.0, target=0.0)

with tempfile.TemporaryDirectory() as folder:
    file = problem.by_paths(paths=500, seed=7).save(Path(folder) / "escape.nc")
    kept = fpsim.load(file)

again, more = kept.repeat(), kept.repeat(paths=2000, seed=8)
print(kept, more, sep="\n")
assert again.mean == kept.mean  # bit by bit: a path is a function of seed and number
assert abs(more.mean - 30.8213024727) < 5 * more.error
