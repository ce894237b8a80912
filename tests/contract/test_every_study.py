"""What every study promises.  `check` holds for anybody's: give it a study, a small size and an empty folder."""

import inspect
import json
import re
import subprocess
import sys
from dataclasses import asdict, is_dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from fpsim.sweeps.store import Store
from validation import EXPERIMENTS, NEEDS, experiment
from validation.annealing.measures import Size as Annealing
from validation.central_limit.measures import Size as CentralLimit
from validation.escape_formula.measures import Size as EscapeFormula
from validation.full_space.size import Size as FullSpace
from validation.gradient_noise.measures import Size as GradientNoise
from validation.noise_covariance.measures import Size as NoiseCovariance
from validation.resnet.size import Size as ResNet
from validation.resnet.slices import Rule
from validation.sharp_flat.measures import Size as SharpFlat
from validation.sharpness.size import Size as Sharpness
from validation.study import stamp
from validation.study.pieces import Pieces
from validation.study.report import Report, Verdict

ROOT = Path(__file__).parents[2]
SIZES = {
    "central-limit": CentralLimit((1.25, 1.5, 3.0), (1, 4, 16, 64, 256), 500, 4),
    "sharp-flat": SharpFlat((1.0, 4.0), (1.0,), 10, 1e6, 5, 50, 80),
    "annealing": Annealing((0.4, 1.0, 1.6), (1e2, 1e4), 80, 200),
    "escape-formula": EscapeFormula.of(quick=True),
    "full-space": FullSpace(
        (), (("resnet-39", 0.04, 0.04, 1, "with-replacement", 8, 400),), (), (), (), 1, 8, 2, 16, 8, 1e-5, False
    ),
    "noise-covariance": NoiseCovariance(2000, 3, 4, 400, None, None, 21),
    "sharpness": Sharpness(60, 2, 40, 10, 8, 40, (0.25, 1.0, 4.0), (1.0, 1.25), 20, 20),
    "resnet": ResNet((), Rule(), 2, 1e4, 100, 10, 1, (1.0,), ((0.5, (1, 2)),), False),
    "gradient-noise": GradientNoise(8, 24, (2, 4, 8), 16, 8, 3, coordinates=1024, watched=16, sketch=1024),
}
"""A size of some seconds at which each study runs: a new one adds its own."""


def test_the_tables_hold_the_same_studies():
    assert set(SIZES) == set(EXPERIMENTS)


EACH = [pytest.param(name, marks=[pytest.mark.network] if name in NEEDS else []) for name in EXPERIMENTS]
"""Every study; those that import packages of an extra are marked."""


@pytest.mark.parametrize("name", EACH)
def test_a_study_keeps_its_promises(name, tmp_path):
    for package in NEEDS.get(name, ()):
        pytest.importorskip(package, reason=f"{package} (extra `network`) is not installed")
    check(experiment(name), SIZES[name], tmp_path)


@pytest.fixture(autouse=True)
def coarse_pictures(monkeypatch):
    monkeypatch.setitem(pytest.importorskip("matplotlib").rcParams, "savefig.dpi", 30)


def check(study, size, folder, seed=1):
    """One contract to run it, data that tell all, and pieces that only measuring code makes anew."""
    shares = []
    store = folder / "pieces.sweep"
    pieces = Pieces(store)
    report = study.run(size, seed, 1, lambda share, name="": shares.append(share), pieces)
    assert shares and 0 <= min(shares) <= max(shares) <= 1 and not pieces.found
    assert report.as_expected or size != study.size(True, seed)  # smaller ones decide nothing
    contract(study)
    words(report, study, seed)
    told_from_data(study, report, folder / "saved")
    kept = Store(store).states()
    again = Pieces(store)
    assert study.run(size, seed, 1, None, again).to_json() == report.to_json()
    assert again.found and Store(store).states() == kept


def contract(study):
    """Called with the same arguments, at a quick and at a full size that JSON can keep."""
    assert list(inspect.signature(study).parameters) == ["quick", "seed", "threads", "progress", "pieces"]
    quick, full = study.size(True, 0), study.size(False, 0)
    assert type(quick) is type(full) and is_dataclass(quick) and quick != full
    assert json.dumps(asdict(full)) and study.measure.__doc__
    assert sys.modules[study.measure.__module__].__doc__ and study.found.__doc__


def words(report, study, seed):
    """Verdicts with keys of their own, plain sentences, tables, and what is needed to repeat it."""
    assert (report.name, report.title, report.seed) == (study.name, study.title, seed)
    assert report.verdicts and report.tables and report.summary.strip().endswith(".")
    for verdict in report.verdicts:
        assert re.fullmatch(r"[a-z0-9.]+(-[a-z0-9.]+)*", verdict.key) and report[verdict.key] is verdict
        assert verdict.claim and not verdict.claim.endswith(".") and verdict.measured
        assert str(verdict) in str(report)
    assert all(table.title and table.rows for table in report.tables)
    facts = report.data.attrs
    assert facts["experiment"] == study.name and facts["seed"] == seed and facts["fpsim_version"]
    assert all(variable.attrs["long_name"] for variable in report.data.variables.values())


def told_from_data(study, report, folder):
    """What was saved is judged, told and drawn anew without measuring, to the last digit and dot."""

    def measured_again(run):
        raise AssertionError("a stored study is told from its data")

    files = {file.name for file in report.save(folder)}
    assert files == {"report.md", "report.json", "data.nc", *(f"{name}.png" for name in report.pictures)}
    back = replace(study, measure=measured_again).load(folder)
    assert back.to_json() == report.to_json() and back.to_markdown() == report.to_markdown()
    assert back.data.identical(report.data) and list(back.pictures) == list(report.pictures)
    for name, draw in back.pictures.items():
        figure = draw()
        assert figure.axes and all(axes.has_data() for axes in figure.axes), name
    plain = Report.load(folder)
    assert plain.to_json() == report.to_json() and set(plain.pictures) == set(report.pictures)


@pytest.mark.parametrize("name", EACH)
def test_a_study_is_found_by_name(name):
    study = experiment(name.replace("-", " ").upper())
    assert study is experiment(name.replace("-", "_")) and study.name == name
    assert EXPERIMENTS[name][1].endswith((".", "?"))
    for panel in (study, *study.panels):
        assert 0 < panel.share <= 1
    assert sum(panel.share for panel in (study, *study.panels)) == pytest.approx(1)


@pytest.mark.parametrize("name", EACH)
def test_only_measuring_code_makes_pieces_anew(name, monkeypatch):
    """A change of colours, words, tolerances or of the command line keeps the pieces; one of what measures does not."""
    for study in (experiment(name), *experiment(name).panels):
        rests_on = stamp.sources(study.measure)
        folder = rests_on[0].parent
        telling = [folder / f"{part}.py" for part in ("pictures", "verdicts", "run")]
        telling += [ROOT / "validation/study" / f"{part}.py" for part in ("report", "study", "panels")]
        telling += [ROOT / "fpsim/plotting/style.py", ROOT / "landscapes/look.py", *(ROOT / "fpsim/cli").glob("*.py")]
        measuring = [file for file in folder.glob("*.py") if file in rests_on]
        assert measuring and all(file.is_file() for file in telling)
        changed(monkeypatch, None)
        before = stamp.stamp(study.measure)
        for file in (*telling, *measuring, ROOT / "fpsim/storage.py"):
            changed(monkeypatch, file)
            assert (stamp.stamp(study.measure) == before) == (file in telling), file


def changed(monkeypatch, file):
    """Read one file as if a line had been added to it."""
    monkeypatch.undo()
    read = stamp._content
    if file is not None:
        monkeypatch.setattr(stamp, "_content", lambda one: read(one) + (b"\n# other\n" if one == file else b""))


@pytest.mark.network  # some studies import torch
def test_code_and_data_that_a_measurement_rests_on():
    """Imports inside functions and data files count; imports for types and whatever draws do not."""
    names = {file.relative_to(ROOT).as_posix() for file in stamp.sources(experiment("gradient-noise").measure)}
    used = "validation/gradient_noise/network.py", "fpsim/statistics/record.py", "landscapes/networks/images.py"
    assert set(used) <= names and "fpsim/escape.py" not in names
    assert not {name for name in names if "/plotting/" in name or "/cli/" in name}
    names = {file.relative_to(ROOT).as_posix() for file in stamp.sources(experiment("sharpness").measure)}
    assert {"landscapes/data/resnet_slice.nc", "fpsim/escape.py"} <= names
    in_tables_of_words = "fpsim/routes/grid.py", "fpsim/routes/formulas/cramer.py"
    assert {*in_tables_of_words, "fpsim/density/grid.py", "fpsim/sgd/cramer.py"} <= names


OWN = {
    "mine/__init__.py": "",
    "mine/measures.py": "from mine import helper\n\ndef rows():\n    import fpsim\n\n    return [{'x': helper.ONE}]\n",
    "mine/helper.py": "ONE = 1\n",
    "mine/pictures.py": "from mine import measures\n",
}


def test_pieces_of_ones_own_package(tmp_path, monkeypatch):
    """A change of its helper makes the piece anew, one of its pictures does not; what else lies near never counts."""
    (tmp_path / "mine").mkdir()
    for name, text in OWN.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "other.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    from mine import measures

    found = {file.name for file in stamp.sources(measures.rows)}
    assert {"measures.py", "helper.py", "escape.py", "minibatch.py"} <= found and "other.py" not in found
    stamps = [stamp.stamp(measures.rows)]
    for name in ("mine/pictures.py", "mine/helper.py"):
        (tmp_path / name).write_text(OWN[name] + "TWO = 2\n")
        for cached in (stamp._closure, stamp._content):
            cached.cache_clear()
        stamps.append(stamp.stamp(measures.rows))
    assert stamps[0] == stamps[1] != stamps[2]
    made = [Pieces(tmp_path / "kept.sweep").rows("one", measures.rows, seed=1)]
    (tmp_path / "mine/helper.py").write_text("ONE = 2\n")
    stamp._content.cache_clear()
    again = Pieces(tmp_path / "kept.sweep")
    made.append(again.rows("one", lambda: [{"x": 2}], seed=1))
    assert [rows[0]["x"] for rows in made] == [1, 2] and not again.found
    with pytest.raises(ValueError, match="must stand in a file"):
        Pieces(tmp_path / "kept.sweep").rows("one", dict, seed=1)


def test_a_report_wants_a_key_for_each_verdict():
    twice = (Verdict("one", "a", True, ""), Verdict("one", "b", True, ""))
    with pytest.raises(ValueError, match="uses twice: one"):
        Report("small", "", "", twice, (), {}, None)
    with pytest.raises(KeyError, match="no verdict 'two'; there are one"):
        Report("small", "", "", twice[:1], (), {}, None)["two"]


def test_findings_come_back_with_their_types(tmp_path):
    from fpsim.storage import read, write
    from validation.central_limit.measures import Sums

    first = {"a|b": 1 / 3, "n": 2, "word": "x", "yes": True, "gap": np.nan}
    rows = [first, {"a|b": 1, "n": 3, "word": "", "yes": False, "gap": 0.5}]
    found = Sums(rows, [], [{"one": 1}], [])
    back = Sums.from_xarray(read(write(found.to_xarray(seed=1), tmp_path / "f.nc")))
    assert repr(back) == repr(replace(found, sums=[rows[0], {**rows[1], "a|b": 1.0}]))
    with pytest.raises(ValueError, match="two columns"):
        Sums([{"a b": 1, "a/b": 2}], [], [], []).to_xarray()


def test_importing_all_studies_loads_nothing_that_draws():
    program = (
        "import sys; from validation import EXPERIMENTS; from importlib import import_module\n"
        "for module, _ in EXPERIMENTS.values(): import_module(module)\n"
        "print(*sorted({'matplotlib', 'manim'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert done.returncode == 0 and done.stdout.strip() == "", done.stderr + done.stdout
