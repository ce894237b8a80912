"""Settings that every test relies on; they must be in place before numpy, numba or matplotlib load."""

import os
import subprocess
import sys
import warnings

import pytest
from hypothesis import settings

# The suite runs one process per core, so no process needs a second thread of linear algebra, or of torch.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MPLBACKEND"] = "Agg"

# No test is timed, and a run today and a run tomorrow try the same examples.
settings.register_profile("fpsim", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("fpsim")


@pytest.fixture(scope="session")
def radial_time():
    """Mean time of an isotropic problem from one radius to another, by two nested one-dimensional integrals.

    T(r0) = (1 / D) int_R^r0 dy y^(1-d) e^phi(y) int_y^inf z^(d-1) e^-phi(z) dz,        phi = L / D
    """
    import numpy as np
    from scipy.integrate import quad

    def time(phi, noise, dimension, start, radius, far):
        inward = radius < start

        def weight(y):
            def inner(z):
                return np.exp(phi(y) - phi(z)) * (z / y) ** (dimension - 1)

            return quad(inner, *((y, far) if inward else (0.0, y)), epsabs=0, epsrel=1e-11, limit=400)[0]

        ends = (radius, start) if inward else (start, radius)
        return quad(weight, *ends, epsabs=0, epsrel=1e-10, limit=400)[0] / noise

    return time


@pytest.fixture
def command(monkeypatch, capsys):
    """The command line in this process, which spares each call a second of start: ``command("escape", ..., cwd=...)``.

    It answers as ``subprocess.run`` does, with ``returncode``, ``stdout`` and ``stderr``.
    """
    from fpsim.cli import main

    def run(*words, cwd=None, **variables):
        with monkeypatch.context() as here, warnings.catch_warnings():
            warnings.simplefilter("default")  # as the command shows them, in a line
            for name in ("FPSIM_QUIET", "FPSIM_VERBOSE", "FPSIM_CONFIG"):
                here.setenv(name, variables.pop(name, ""))
            for name, value in variables.items():
                here.setenv(name, value)
            if cwd is not None:
                here.chdir(cwd)
            here.setattr(sys, "argv", ["fpsim", *words])
            capsys.readouterr()
            try:
                main()
            except SystemExit as end:
                code = end.code
            out, err = capsys.readouterr()
            return subprocess.CompletedProcess(words, code, out, err)

    return run
