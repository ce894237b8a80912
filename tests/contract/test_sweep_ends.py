"""A sweep ends, in one sentence: after Ctrl-C, with calls that never return, without a guard, without workers."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fpsim import Sweep
from fpsim.sweeps.store import Store

ROOT = Path(__file__).parents[2]
WORK = """
    import os, sys, time

    def forever(x):
        open("begun", "w").close()
        while True:
            time.sleep(0.01)

    def odd(x):
        if x == 1:
            sys.exit(3)
        if x == 2:
            raise GeneratorExit("no exception of the usual kind")
        return float("nan") if x == 3 else float(x)

    def deadly_when_quick(x):
        if x == 300:
            time.sleep(0.2)  # what else was sent lands first
            os.kill(os.getpid(), 9)
        return x
"""
STUDY = """
[sweep]
name = "for ever"
function = "endless:forever"
[axes]
x = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
"""
SLOW_ENDS = """
    import time
    from concurrent.futures import process

    def wakeup(self):
        if not self._closed:
            time.sleep(0.3 if process._global_shutdown else 0)
            self._writer.send_bytes(b"")

    process._ThreadWakeup.wakeup = wakeup  # a pool that is not through when Python ends is caught at it
"""


@pytest.fixture
def endless(tmp_path, monkeypatch):
    (tmp_path / "endless.py").write_text(textwrap.dedent(WORK))
    (tmp_path / "study.toml").write_text(STUDY)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    sys.modules.pop("endless", None)
    import endless

    yield endless
    sys.modules.pop("endless", None)


def running_in(group):
    """Commands of a group of processes that are not over."""
    table = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = [line.split(None, 2) for line in table.splitlines()]
    return [row for row in rows if row[0] == str(group) and not row[1].startswith("Z")]


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_ctrl_c_ends_calls_that_never_return(tmp_path, endless, executor):
    """At a terminal Ctrl-C goes to the whole group of processes: one sentence, exit code 130, nobody left behind."""
    (tmp_path / "sitecustomize.py").write_text(textwrap.dedent(SLOW_ENDS))
    command = [sys.executable, "-m", "fpsim.cli", "sweep", "study.toml", "--executor", executor, "--workers", "2"]
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (tmp_path / "begun").exists():
        time.sleep(0.02)
    time.sleep(0.2)
    os.killpg(process.pid, signal.SIGINT)
    try:
        said = process.communicate(timeout=15)[1].decode()
    finally:
        process.kill()
    assert process.returncode == 130
    assert [line for line in said.splitlines() if line.strip()] == [
        "fpsim: interrupted; what is finished is kept in study.sweep, and the same command goes on from there"
    ]
    time.sleep(0.3)
    assert running_in(process.pid) == []
    assert Store("study.sweep").claimed() == 0 and Store("study.sweep").states() == {}


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_whatever_a_function_raises_ends_its_point_only(endless, executor):
    rows = list(Sweep(endless.odd, {"x": [0, 1, 2, 3, 4]}, store=f"{executor}.sweep").run(executor).rows())
    assert [row.value for row in rows] == [0.0, None, None, None, 4.0]
    assert [row.error for row in rows[1:3]] == ["SystemExit: 3", "GeneratorExit: no exception of the usual kind"]
    assert "returned nan and nothing else" in rows[3].error
    assert "sys.exit(3)" in rows[1].trace and rows[0].trace == ""


@pytest.mark.parametrize("where", ['"processes"', 'cluster="local"'])
def test_a_script_without_a_guard_is_told_so(tmp_path, endless, where):
    if "cluster" in where:
        pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    text = f"import fpsim\nfpsim.Sweep('endless:odd', {{'x': [1, 2]}}, store='s.sweep').run({where}, workers=1)\n"
    (tmp_path / "script.py").write_text(text)
    process = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True, timeout=40, check=False)
    assert process.returncode == 1
    last = process.stderr.strip().splitlines()[-1]
    assert "NoWorkersError: worker processes end as soon as they start" in last and "__main__" in last


def test_a_scheduler_without_workers_is_one_sentence(tmp_path, endless, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    from fpsim.sweeps.workers import ClusterLostError

    monkeypatch.setattr("fpsim.sweeps.workers.CONNECTING", 3.0)
    with (
        distributed.LocalCluster(n_workers=0, dashboard_address=":0") as cluster,
        pytest.raises(ClusterLostError, match=r"has no workers; start some with 'dask worker tcp://"),
    ):
        Sweep(endless.odd, {"x": [0]}, store="none.sweep").run(cluster=cluster.scheduler_address)


def test_a_worker_of_a_cluster_that_dies_takes_no_quick_neighbours_along(endless):
    """Quick calls travel together; the one that kills its worker is found among them."""
    distributed = pytest.importorskip("distributed", reason="the extra 'cluster' is not installed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),  # two deaths instead of four
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        found = Sweep(endless.deadly_when_quick, {"x": list(range(400))}, store="quick.sweep").run(cluster=client)
        assert [row.point["x"] for row in found.rows() if row.error] == [300]
