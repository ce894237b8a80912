"""A sweep loses nothing and does nothing twice, whatever ends it: SIGKILL, a dead worker, a full disk, two at once."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from fpsim import Sweep
from fpsim.sweeps.store import Store, StoreError

ROOT = Path(__file__).parents[2]
WORK = """
    import os, time

    def slow(x, seed):
        time.sleep(0.004)
        with open(os.environ["CALLS"], "a") as file:
            file.write(f"{x}\\n")
        return (x + seed % 1000) ** 0.5

    def deadly(x):
        if x == 3:
            os.kill(os.getpid(), 9)
        return x * 2

    def wide(x):
        import numpy as np
        return np.full(20_000, float(x))
"""
RUN = """
    import sys
    sys.path.insert(0, {folder!r})
    import work
    from fpsim.sweeps.sweep import Sweep
    Sweep(work.slow, {{"x": list(range(120))}}, seeds=1, store={store!r}).run({executor!r}, workers=3)
"""


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A module of one's own with functions to sweep, in this process and in others."""
    (tmp_path / "work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    sys.modules.pop("work", None)
    import work

    yield work
    sys.modules.pop("work", None)


def begin(folder, store, executor="threads"):
    code = textwrap.dedent(RUN).format(folder=str(folder), store=str(store), executor=executor)
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, start_new_session=True)


def values_in(store):
    base = sqlite3.connect(store)
    found = dict(base.execute("select parameters, numbers from results"))
    assert base.execute("pragma integrity_check").fetchone() == ("ok",)
    base.close()
    return found


def calls(tmp_path):
    return (tmp_path / "calls").read_text().split()


def test_twenty_kills_lose_nothing_and_repeat_only_what_was_in_flight(tmp_path, work):
    store, draws, kept = tmp_path / "killed.sweep", random.Random(3), {}
    for kills in range(20):
        process = begin(tmp_path, store)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and process.poll() is None:
            if (tmp_path / "calls").exists() and len(calls(tmp_path)) > 5 * kills:
                break
            time.sleep(0.01)
        time.sleep(draws.uniform(0.0, 0.06))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if store.exists():
            now = values_in(store)
            assert kept.items() <= now.items()  # what was there is there, bit for bit
            kept = now
    undisturbed = Sweep(work.slow, {"x": list(range(120))}, seeds=1, store=tmp_path / "quiet.sweep").run("serial")
    resumed = Sweep(work.slow, {"x": list(range(120))}, seeds=1, store=store)
    before = len(calls(tmp_path))
    assert resumed.status().done == len(kept) < 120  # the test did interrupt it
    resumed.run("threads", workers=3)
    assert len(calls(tmp_path)) - before == 120 - len(kept)  # nothing twice
    assert np.array_equal(resumed.to_xarray().value, undisturbed.to_xarray().value)
    assert resumed.status().running == 0


def test_two_at_once_share_the_work(tmp_path, work):
    store = tmp_path / "shared.sweep"
    both = [begin(tmp_path, store), begin(tmp_path, store)]
    assert [process.communicate()[1].decode() for process in both] == ["", ""]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(calls(tmp_path), key=int) == [str(x) for x in range(120)]  # each point once
    assert len(values_in(store)) == 120


def test_a_worker_that_dies_fails_its_point_only(tmp_path, work):
    found = Sweep(work.deadly, {"x": list(range(8))}, store=tmp_path / "deadly.sweep").run("processes", workers=2)
    rows = list(found.rows())
    assert [row.value for row in rows] == [0.0, 2.0, 4.0, None, 8.0, 10.0, 12.0, 14.0]
    assert "killed" in rows[3].error and not any(row.error for row in rows if row.point["x"] != 3)


def test_a_disk_that_fills_keeps_what_had_landed(tmp_path, work):
    """A limit on the size of files stands for the full disk; with the limit gone the sweep goes on."""
    code = f"""
        import resource, sys
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, resource.RLIM_INFINITY))
        import work
        from fpsim import Sweep
        Sweep(work.wide, {{"x": list(range(30))}}, store={str(tmp_path / "full.sweep")!r}).run("serial")
    """
    process = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert process.returncode == 1 and "what was finished before is kept; make room" in process.stderr
    kept = len(values_in(tmp_path / "full.sweep"))
    assert 0 < kept < 30
    found = Sweep(work.wide, {"x": list(range(30))}, store=tmp_path / "full.sweep")
    assert found.status().done == kept
    table = found.run("serial").to_xarray()
    assert (table.value.mean("value_0") == np.arange(30.0)).all()


def test_a_store_that_cannot_be_written_says_so_and_one_on_a_read_only_disk_is_read(tmp_path, work):
    store = tmp_path / "read.sweep"
    Sweep(work.deadly, {"x": [1, 2]}, store=store).run("serial")
    other = Store(store)
    with other._reading() as base, pytest.raises(sqlite3.OperationalError):
        base.execute("delete from results")
    with pytest.raises(StoreError, match="cannot be used"):
        Sweep(work.deadly, {"x": [1, 2]}, store="/proc/none/there.sweep").run("serial")
    (tmp_path / "none.sweep").write_text("a diary, not a store; " * 100)
    with pytest.raises(ValueError, match="is no store of a sweep"):
        Sweep(work.deadly, {"x": [1]}, store=tmp_path / "none.sweep").run("serial")


def test_a_store_of_version_one_is_read_for_ever():
    with sqlite3.connect(f"file:{Path(__file__).parent / 'data' / 'version1.sweep'}?mode=ro", uri=True) as base:
        assert base.execute("select value from about where name = 'format'").fetchone() == ("1",)
        keys = [key for (key,) in base.execute("select key from results order by parameters")]
    store = Store(Path(__file__).parent / "data" / "version1.sweep")
    kept = list(store.rows(keys))
    assert [k.answer.numbers["mean"] for k in kept if k.answer] == [729.670691942, 66.2686263649]
    assert kept[0].answer.arrays["exits"].tolist() == [1.0, 2.0]
    assert kept[2].error == "ValueError: refused" and kept[2].answer is None


def test_ctrl_c_keeps_what_is_finished(tmp_path, work):
    store = tmp_path / "stopped.sweep"
    process = begin(tmp_path, store)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and not ((tmp_path / "calls").exists() and len(calls(tmp_path)) > 20):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    assert "KeyboardInterrupt" in process.communicate()[1].decode()
    found = Sweep(work.slow, {"x": list(range(120))}, seeds=1, store=store)
    done = found.status().done
    assert done >= len(calls(tmp_path)) - 1 and found.status().running == 0
    found.run("threads")
    assert len(calls(tmp_path)) <= 121
