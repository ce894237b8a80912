"""fpsim validate NAME, the catalogue of experiments, and what a report writes."""

import json
import math
import subprocess
import sys

import pytest

from fpsim.storage import dataset
from fpsim.sweeps.store import Store
from validation import EXPERIMENTS, experiment
from validation.study.pieces import Pieces
from validation.study.report import Report, Table, Verdict


def small_report(*verdicts):
    def draw():
        from fpsim.plotting.style import new_figure

        figure = new_figure(2, 1.5)
        figure.add_subplot().plot([0, 1], [1, 2])
        return figure

    return Report(
        name="small", title="A small report", summary="Nothing is measured.", verdicts=verdicts,
        tables=(Table.of("Numbers", [{"x": 1.0, "y": math.nan, "converges": True}]),), pictures={"line": draw},
        data=dataset({"x": ("row", [1.0, 2.0], "", "x")}), settings={"quick": True}, seed=3,
    )  # fmt: skip


def test_unknown_experiment_is_one_sentence(tmp_path, command):
    with pytest.raises(ValueError, match="did you mean 'sharp-flat'"):
        experiment("sharp-fat")
    done = command("validate", "sharp-fat", cwd=tmp_path)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("fpsim: ") and len(done.stderr.splitlines()) == 1


def test_without_a_name_all_are_listed(tmp_path, command):
    done = command("validate", cwd=tmp_path)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(EXPERIMENTS)


def test_verdicts_know_what_was_expected():
    words = {
        (True, True): "holds", (False, False): "fails, as theory says", (False, True): "FAILS",
        (True, False): "HOLDS, against theory",
    }  # fmt: skip
    for (holds, expected), word in words.items():
        verdict = Verdict("key", "a claim", holds, "1 +- 0.1", expected)
        assert verdict.word == word and verdict.as_expected == (holds == expected)
    good, bad = Verdict("a", "a", False, "", False), Verdict("b", "b", False, "", True)
    assert small_report(good).as_expected and not small_report(good, bad).as_expected


def test_report_writes_text_figures_json_and_data(tmp_path):
    import xarray

    report = small_report(Verdict("one", "one is one", True, "1 = 1"))
    files = report.save(tmp_path / "new" / "folder")
    assert [f.name for f in files] == ["report.md", "report.json", "data.nc", "line.png"]
    text = files[0].read_text()
    assert text.startswith("# A small report") and "**holds**: 1 = 1" in text and "![line](line.png)" in text
    assert "| 1 | - | yes |" in text and "- seed: 3" in text
    found = json.loads(files[1].read_text())
    assert found["as_expected"] and found["verdicts"][0]["holds"] is True
    assert found["tables"][0]["rows"] == [{"x": 1.0, "y": None, "converges": True}]
    with xarray.open_dataset(files[2], engine="h5netcdf") as data:
        assert data.x.values.tolist() == [1.0, 2.0]
    assert files[3].read_bytes().startswith(b"\x89PNG")
    assert "1 of 1 verdicts" in str(report)


@pytest.mark.slow
def test_command_runs_an_experiment(tmp_path, command):
    """The whole of central-limit at its quick size: every verdict is what theory expects."""
    done = command("validate", "central-limit", "--quick", "--json", "--output", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout)
    assert report["as_expected"] and len(report["verdicts"]) == 5 and report["seed"] == 0
    files = {f.name for f in (tmp_path / "out").iterdir()}
    assert files == {"report.md", "report.json", "data.nc", "sums.png", "pieces.sweep"}


def test_exit_code_says_when_theory_is_wrong(tmp_path):
    """A verdict against theory ends with exit code 1, after the report."""
    program = (
        "import sys, validation, tests_report\n"
        "validation.experiment = lambda name: lambda **kw: tests_report.report\n"
        "sys.argv = ['fpsim', 'validate', 'small']\n"
        "from fpsim.cli import main\nmain()"
    )
    (tmp_path / "tests_report.py").write_text(
        "from fpsim.storage import dataset\n"
        "from validation.study.report import Report, Table, Verdict\n"
        "report = Report('small', 'Small', '', (Verdict('it', 'it holds', False, '2 != 1'),), (), {}, None)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 1, done.stderr
    assert "[FAILS] it holds" in done.stdout and "0 of 1 verdicts" in done.stdout and not done.stderr


def test_finished_pieces_are_read_and_others_computed(tmp_path):
    """Same name and settings: the same piece; other settings: another one. Numbers come back with all their digits."""
    calls = []

    def make():
        calls.append(1)
        return [{"slope": 1 / 3, "error": math.nan, "word": "a|b", "count": 3}]

    first = Pieces(tmp_path / "new" / "pieces.sweep").rows("one", make, seed=1)
    again = Pieces(tmp_path / "new" / "pieces.sweep")
    second = again.rows("one", make, seed=1)
    assert len(calls) == 1 and again.found == ["one"]
    assert first[0]["slope"] == second[0]["slope"] == 1 / 3 and math.isnan(second[0]["error"])
    again.rows("one", make, seed=2)
    again.rows("two", make, seed=1)
    assert len(calls) == 3 and again.found == ["one"]
    Pieces().rows("one", make, seed=1)
    assert len(calls) == 4 and len(Store(tmp_path / "new" / "pieces.sweep").states()) == 3

    def stops():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        again.rows("three", stops, seed=1)
    assert len(Store(tmp_path / "new" / "pieces.sweep").states()) == 3

    def numbers():
        calls.append(1)
        return dataset({"x": ("row", [1 / 3, math.inf], "", "x")}, seed=1)

    kept = [again.data("four", numbers, seed=1) for _ in range(2)]
    assert len(calls) == 5 and kept[0].identical(kept[1])
    assert again.found == ["one"]  # what this run has made itself does not count
