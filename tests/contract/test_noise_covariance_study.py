"""The studies of noise covariance and sharpness at toy sizes: verdicts, files, resuming; verdicts that can fail."""

import json
from dataclasses import replace

import numpy as np
import pytest

from fpsim.storage import dataset
from validation.noise_covariance import verdicts as noise_judge
from validation.noise_covariance.measures import Size
from validation.noise_covariance.run import STUDY as NOISE_COVARIANCE
from validation.sharpness import verdicts as sharp_judge
from validation.study.pieces import Pieces


def quiet(share, name=""):
    assert 0 <= share <= 1


MLP = dict(examples=120, width=2, early=10, steps=60, polish=60, newton=5)
RESNET = dict(examples=30, width=1, early=3, steps=6, polish=4, newton=0, directions=3)


@pytest.mark.network
def test_noise_covariance_at_a_toy_size(tmp_path):
    """All figures are drawn, all numbers written; a second run reads every piece and gives the same numbers."""
    pytest.importorskip("torch")
    size = Size(2000, 3, 4, 400, MLP, RESNET, 21)
    pieces = Pieces(tmp_path / "pieces.sweep")
    report = NOISE_COVARIANCE.run(size, 0, None, quiet, pieces)
    panels = {name: len(draw().axes) for name, draw in report.pictures.items()}
    assert panels == {"regressions": 2, "networks": 6, "correlations": 7, "slice": 2}
    written = replace(report, pictures={}).save(tmp_path / "report")
    assert [f.name for f in written] == ["report.md", "report.json", "data.nc"]
    facts = json.loads(written[1].read_text())
    stages = [(r["model"], r["stage"]) for r in facts["tables"][0]["rows"]]
    assert ("MLP", "minimum") in stages and ("ResNet", "initialisation") in stages and len(stages) == 14
    assert "MLP at its minimum: C/H is" in report.summary
    assert len(report.verdicts) == 25
    right = "linear-optimum", "logistic-optimum", "teacher-truth", "linear-loud-noise-optimum", "mlp-initialisation"
    for key in ("one-over-s", "ratio-linear-loud-noise-optimum", *(f"equal-{name}" for name in right)):
        assert report[key].as_expected, report[key]
    again = Pieces(tmp_path / "pieces.sweep")
    second = NOISE_COVARIANCE.run(size, 0, None, quiet, again)
    assert len(again.found) == 14 + 2 + 3 and not pieces.found
    assert second.to_json() == report.to_json()


def direction(c, h, error=0.1):
    k = len(c)
    entries = {
        name: ("direction", np.asarray(values, dtype=float), "", name)
        for name, values in (
            ("covariance", c), ("hessian", h), ("difference_error", [error] * k), ("ratio_error", [error] * k),
            ("theory", [1.0] * k),
        )
    }  # fmt: skip
    return dataset(entries)


def test_noise_verdicts_fail_for_wrong_numbers():
    good, bad = direction([1.0, 2.0], [1.1, 1.9]), direction([1.0, 4.0], [1.1, 1.9])
    equal = noise_judge._equal
    assert equal(("linear", "optimum"), good, True).as_expected
    assert not equal(("linear", "optimum"), bad, True).as_expected
    assert not equal(("MLP", "minimum"), good, False).as_expected
    assert "1 of 2 directions beyond 5" in equal(("MLP", "minimum"), bad, False).measured
    assert noise_judge._exact(("linear", "optimum"), good).holds
    assert not noise_judge._exact(("linear", "optimum"), bad).holds
    scores = [{"model": "linear", "rms z": 1.4, "mean z": 0.0}]
    assert not noise_judge._calibrated(scores).holds
    batches = [{"S": 4, "tr C / (factor tr C1 / S)": 1.1, "error": 0.01}]
    assert not noise_judge._one_over_s(batches).holds
    row = {"|gradient|": 0.3, "|C - G|/|G|": 0.2, "|F - H|/|H|": 1e-3}
    rows = [
        {**row, "model": "linear", "stage": "optimum"}, {**row, "model": "MLP", "stage": "initialisation"},
    ]  # fmt: skip
    at_minima, away = noise_judge._centred(rows)
    assert not at_minima.holds and not away.holds and away.as_expected
    linear, network = noise_judge._fisher(rows)
    assert not linear.holds and network.holds and not network.as_expected


def test_sharpness_verdicts_fail_for_wrong_numbers():
    names = ("relative trace", "relative top", "relative flatness of 1", "Fisher-Rao norm")
    row = {
        "a": 1.0, "change of losses": 0.0, "trace": 2.0, "trace by law": 2.0, "top": 1.0, "top by law": 1.0,
        **dict.fromkeys(names, 3.0), "matching rates: distance after the walk": 0.0,
        "one rate: distance after the walk": 0.5,
    }  # fmt: skip
    moved = {**row, "a": 4.0, "trace": 9.0, "trace by law": 9.0, "top": 5.0, "top by law": 5.0}
    assert all(v.as_expected for v in sharp_judge._rescaling([row, moved]))
    for change in (
        {"change of losses": 1e-3}, {"trace": 9.1}, {"Fisher-Rao norm": 3.1}, {"relative top": 2.9},
        {"matching rates: distance after the walk": 1e-3},
    ):  # fmt: skip
        assert sum(not v.as_expected for v in sharp_judge._rescaling([row, {**moved, **change}])) == 1, change
    escape = {
        "k": 1.0, "H": 0.2, "SDE, eta k^2": 100.0, "chain, eta k^2": 90.0, "mini-batches, eta k^2": 95.0, "error": 1.0,
        "SDE, same eta": 100.0, "eta H, eta k^2": 0.2,
    }  # fmt: skip
    longer = {**escape, "k": 2.0, "H": 0.05, "SDE, same eta": 900.0}
    assert all(v.as_expected for v in sharp_judge._escapes([escape, longer]))
    for key, value in (("SDE, eta k^2", 101.0), ("chain, eta k^2", 91.0), ("mini-batches, eta k^2", 120.0)):
        assert not all(v.as_expected for v in sharp_judge._escapes([escape, {**longer, key: value}])), key
