"""diffrax on the benchmark problems, on one core or a GPU, in float32: prints one JSON object.

    double well     dx   = (x - x^3) dt + sqrt(2 D) dW,  D = 0.25
    coupled wells   dx_i = (x_i - x_i^3 + k (x_{i+1} + x_{i-1} - 2 x_i)) dt + sqrt(2 D) dW_i,  D = 0.25,
                    a ring of 10 with k = 0.5
    exits           the double well with D = 0.1, from x = -1 until x >= 0

Euler steps with `UnsafeBrownianPath`, diffrax's fastest noise.  Plain names are the documented way, one solve
per path under vmap; "one_state" integrates all paths as one vector, an undocumented way that is faster.
Compilation is not counted.  Run it with the rivals' interpreter:

    benchmarks/.venv-rivals/bin/python benchmarks/rivals_diffrax.py [--gpu] [--quick]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from typing import Any

from measuring import timed

# XLA reads these when jax is imported.
if "--gpu" in sys.argv:
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # the card is shared with the program that asks
    os.environ["JAX_PLATFORMS"] = "cuda"
else:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"

import diffrax
import jax
import jax.numpy as jnp
import lineax
import numpy as np

GPU = "--gpu" in sys.argv
START = -1.0
STEP = 1e-3
STEPS = 1000
COUPLING = 0.5

Drift = Callable[[Any, Any, Any], Any]
Solver = Callable[[Any], Any]


def double_well(t, x, args):
    return x - x**3


def coupled_wells(t, x, args):
    return x - x**3 + COUPLING * (jnp.roll(x, 1) + jnp.roll(x, -1) - 2 * x)


def final_state(key, drift: Drift, size: int, diffusion: float, one_state: bool):
    """The state after STEPS steps of one solve with `size` components."""
    shape = (size,) if size > 1 else ()
    amplitude = jnp.sqrt(2 * jnp.float32(diffusion))
    path = diffrax.UnsafeBrownianPath(shape, key)
    if size > 1:
        diagonal = jnp.full(shape, amplitude)
        noise = diffrax.ControlTerm(lambda t, x, args: lineax.DiagonalLinearOperator(diagonal), path)
    else:
        noise = diffrax.ControlTerm(lambda t, x, args: amplitude, path)
    solution = diffrax.diffeqsolve(
        diffrax.MultiTerm(diffrax.ODETerm(drift), noise),
        diffrax.Euler(),
        t0=0.0,
        t1=STEPS * STEP,
        dt0=STEP,
        y0=jnp.full(shape, START, jnp.float32),
        saveat=diffrax.SaveAt(t1=True),
        adjoint=diffrax.ForwardMode(),
        max_steps=None if one_state else STEPS + 1,
    )
    return solution.ys[-1]


def exit_time(key, diffusion: float, step: float, horizon: float):
    """The time of the first step with x >= 0, as an event of diffrax."""
    amplitude = jnp.sqrt(2 * jnp.float32(diffusion))
    noise = diffrax.ControlTerm(lambda t, x, args: amplitude, diffrax.UnsafeBrownianPath((), key))
    solution = diffrax.diffeqsolve(
        diffrax.MultiTerm(diffrax.ODETerm(double_well), noise),
        diffrax.Euler(),
        t0=0.0,
        t1=horizon,
        dt0=step,
        y0=jnp.float32(START),
        saveat=diffrax.SaveAt(t1=True),
        adjoint=diffrax.ForwardMode(),
        event=diffrax.Event(lambda t, x, args, **kwargs: x >= 0.0),
        max_steps=None,
    )
    return solution.ts[-1]


def seconds(solve: Solver, keys: list[Any]) -> tuple[list[float], np.ndarray]:
    """Processor time of a call per key, after one that compiles, and the last answer."""
    jax.block_until_ready(solve(keys[0]))
    runs = [timed(lambda key=key: jax.block_until_ready(solve(key))) for key in keys[1:]]
    return [took[0] for _, took in runs], np.asarray(runs[-1][0], dtype=np.float64)


def ensemble(drift: Drift, dimension: int, paths: int, runs: int, one_state: bool = False) -> dict[str, Any]:
    """Path-steps per second of one ensemble, with the moments that show it is the right one."""
    diffusion = 0.25
    if one_state:
        solve = jax.jit(lambda key: final_state(key, drift, paths, diffusion, True))
        keys = [jax.random.key(seed) for seed in range(runs + 1)]
    else:
        solve = jax.jit(jax.vmap(lambda key: final_state(key, drift, dimension, diffusion, False)))
        keys = [jax.random.split(jax.random.key(seed), paths) for seed in range(runs + 1)]
    times, x = seconds(solve, keys)
    median = statistics.median(times)
    squares = (x**2).reshape(paths, -1).mean(axis=1)  # per path: the components of one are not independent
    return {
        "dimension": dimension,
        "paths": paths,
        "steps": STEPS,
        "step": STEP,
        "diffusion": diffusion,
        "runs": runs,
        "seconds": median,
        "path_steps_per_second": paths * STEPS / median,
        "mean_x2": float(np.mean(squares)),
        "mean_x4": float(np.mean(x**4)),
        "standard_error_x2": float(np.std(squares, ddof=1) / np.sqrt(paths)),
    }


def exits(count: int) -> dict[str, Any]:
    """Exits per second: a batch under vmap lasts as long as its slowest path."""
    diffusion, step, horizon = 0.1, 0.01, 1e4  # the mean is 30.8: nothing reaches the horizon
    solve = jax.jit(jax.vmap(lambda key: exit_time(key, diffusion, step, horizon)))
    times, t = seconds(solve, [jax.random.split(jax.random.key(seed), count) for seed in (0, 1)])
    return {
        "paths": count,
        "step": step,
        "diffusion": diffusion,
        "seconds": times[0],
        "exits_per_second": count / times[0],
        "mean": float(np.mean(t)),
        "standard_error": float(np.std(t, ddof=1) / np.sqrt(count)),
        "longest": float(np.max(t)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="diffrax on fpsim's benchmark problems, on one core.")
    parser.add_argument("--quick", action="store_true", help="fewer paths and one run of each")
    parser.add_argument("--gpu", action="store_true", help="on a GPU instead of one core")
    quick = parser.parse_args().quick
    paths, wide, leavers, runs = (10_000, 1_000, 500, 1) if quick else (100_000, 10_000, 10_000, 3)
    if GPU and not quick:
        paths, wide, leavers = 2**22, 2**18, 100_000
    report = {
        "tool": "diffrax",
        "versions": {
            "diffrax": diffrax.__version__,
            "jax": jax.__version__,
            "python": sys.version.split()[0],
        },
        "precision": "float32",
        "device": str(jax.devices()[0]) if GPU else "one core",
        "quick": quick,
        "double_well": ensemble(double_well, 1, paths, runs),
        "double_well_one_state": ensemble(double_well, 1, paths, runs, one_state=True),
        "coupled_wells": ensemble(coupled_wells, 10, wide, runs),
        "exits": exits(leavers),
    }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
