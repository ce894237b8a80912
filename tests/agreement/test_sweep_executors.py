"""A sweep gives the same bits whoever computes it: in line, threads, processes, Dask; and whole or in parts."""

import os
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from fpsim import Sweep
from fpsim.sweeps.escape import escape_time
from fpsim.sweeps.workers import ClusterLostError

ROOT = Path(__file__).parents[2]
WORK = """
    import os, time

    def draw(x, seed):
        import numpy as np
        return {"mean": x + np.random.default_rng(seed).normal(size=100).mean(), "standard_error": 0.1}

    def deadly(x):
        if x == 3:
            os.kill(os.getpid(), 9)
        time.sleep(0.01)
        return x * 2

    def slow(x):
        time.sleep(0.05)
        return float(x)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    (tmp_path / "drawing.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    sys.modules.pop("drawing", None)
    import drawing

    yield drawing
    sys.modules.pop("drawing", None)


def values(found):
    return found.to_xarray()["mean"].values.tobytes()


def test_every_executor_gives_the_same_bits(tmp_path, work):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    what = {"x": [float(x) for x in range(20)]}

    def sweep(name):
        return Sweep(work.draw, what, seeds=3, store=tmp_path / f"{name}.sweep")

    first = values(sweep("serial").run("serial"))
    assert values(sweep("threads").run("threads", workers=3)) == first
    assert values(sweep("processes").run("processes", workers=2)) == first
    with ThreadPoolExecutor(2) as pool:
        assert values(sweep("own").run(pool)) == first
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # so that points beside the deadly one suffer
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        assert values(sweep("dask").run(cluster=client)) == first
        found = Sweep(work.deadly, {"x": list(range(8))}, store=tmp_path / "deadly.sweep").run(cluster=client)
        rows = list(found.rows())  # workers die at one point; the others run elsewhere
        assert [row.value for row in rows if not row.error] == [2.0 * x for x in range(8) if x != 3]
        assert "KilledWorker" in rows[3].error


def test_a_scheduler_that_goes_away_costs_what_was_in_flight_only(tmp_path, work):
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    log = tmp_path / "scheduler"
    code = (
        "from distributed import LocalCluster\nimport time\n"
        "if __name__ == '__main__':\n"
        "    cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=':0')\n"
        f"    open({str(log)!r}, 'w').write(cluster.scheduler_address)\n"
        "    time.sleep(60)\n"
    )
    (tmp_path / "cluster.py").write_text(code)
    process = subprocess.Popen([sys.executable, str(tmp_path / "cluster.py")], stderr=subprocess.DEVNULL)
    try:
        while not (log.exists() and log.read_text()):
            assert process.poll() is None
            time.sleep(0.05)
        found = Sweep(work.slow, {"x": list(range(60))}, store=tmp_path / "lost.sweep")

        def progress(now):
            if now.done >= 5:
                process.kill()

        with pytest.raises(ClusterLostError, match="run again"):
            found.run(cluster=log.read_text(), progress=progress)
    finally:
        process.kill()
        process.wait()
    done = found.status()
    assert 5 <= done.done < 60 and done.failed == 0 and done.running == 0
    assert (found.run("threads", workers=8).to_xarray().value == np.arange(60)).all()


def test_a_cluster_that_is_not_there_is_one_sentence(tmp_path, work, monkeypatch):
    pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    monkeypatch.setattr("fpsim.sweeps.workers.CONNECTING", 1.0)
    with pytest.raises(ClusterLostError, match=r"no Dask scheduler answers at 'tcp://127.0.0.1:1'"):
        Sweep(work.slow, {"x": [1]}, store=tmp_path / "none.sweep").run(cluster="tcp://127.0.0.1:1")


def test_a_point_goes_on_with_its_own_stream_until_its_tolerance(tmp_path, work):
    """The parts are the same whether asked for at once or in two runs, and the error is that of their mean."""
    what, store = {"x": [1.0, 10.0]}, tmp_path / "parts.sweep"
    Sweep(work.draw, what, seeds=1, store=store).run("serial", tolerance=0.05)
    steps = Sweep(work.draw, what, seeds=1, store=store).run("serial", tolerance=0.02)
    once = Sweep(work.draw, what, seeds=1, store=tmp_path / "once.sweep").run("threads", tolerance=0.02)
    assert values(steps) == values(once)
    table = steps.to_xarray().squeeze()
    assert (table.standard_error <= 0.02 * abs(table["mean"])).all()
    assert np.allclose(table["mean"], [1.0, 10.0], atol=5 * 0.02 * 10)
    first, second = steps.rows()
    count = first.answer.facts["parts"]
    assert 20 < count < 40 and "parts" not in second.answer.facts  # 0.1 is 1 % of 10
    assert first.answer.numbers["standard_error"] == pytest.approx(0.1 / np.sqrt(count))


def test_escape_times_over_a_sweep_are_those_of_their_routes(tmp_path):
    """Check values of the quartic well (relative 1e-9), by quadrature; paths cover them within 5 sigma."""
    what = {"landscape": "double-well", "temperature": [0.05, 0.1, 0.25], "target": 0.0}
    exact = Sweep(escape_time, what, store=tmp_path / "e.sweep").run("threads").to_xarray()
    assert np.allclose(exact["mean"], [361.903759501, 30.8213024727, 5.7434370680], rtol=1e-9)
    what |= {"route": "paths", "paths": 2000, "temperature": [0.1, 0.25]}
    paths = Sweep(escape_time, what, seeds=1, store=tmp_path / "e.sweep").run("threads").to_xarray().squeeze()
    apart = abs(paths["mean"].values - exact["mean"].values[1:])
    assert (apart < 5 * paths.standard_error.values + paths.systematic_error.values).all()


def test_a_budget_ends_a_point(tmp_path, work):
    found = Sweep(work.draw, {"x": [1e-9]}, seeds=1, store=tmp_path / "b.sweep")
    found.run("serial", tolerance=1e-6, budget=0.05)
    (row,) = found.rows()
    assert 2 < row.answer.facts["parts"] < 10_000
