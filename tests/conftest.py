"""Settings that every test relies on; they must be in place before numpy, numba or matplotlib load."""

import os

from hypothesis import settings

# The suite runs one process per core, so no process needs a second thread of linear algebra.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ["MPLBACKEND"] = "Agg"

# No test is timed, and a run today and a run tomorrow try the same examples.
settings.register_profile("fpsim", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("fpsim")
