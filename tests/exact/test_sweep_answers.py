"""What a sweep keeps: values of every kind come back as they were, keys know what they depend on, costs are learned."""

import functools
import math
import sqlite3

import numpy as np
import pytest

import fpsim
from fpsim import ConstantDiffusion, EscapeProblem, Sweep, simulate
from fpsim.plotting.sweeps import slope_of
from fpsim.storage import dataset
from fpsim.sweeps.answers import Answer, answer_of, pooled, relative_error, value_of
from fpsim.sweeps.costs import Costs
from fpsim.sweeps.design import as_design
from fpsim.sweeps.keys import key_of, stream_of, words_of
from fpsim.sweeps.store import Store
from fpsim.sweeps.task import Outcome, Task
from landscapes import DoubleWell

SDE = fpsim.SDE(DoubleWell(), ConstantDiffusion(0.1))


def test_values_come_back():
    assert value_of(answer_of(1.5)) == 1.5 and value_of(answer_of(np.float32(0.1))) == np.float32(0.1)
    assert value_of(answer_of([1, 2])).tolist() == [1, 2]
    both = value_of(answer_of({"a": 2, "b": np.eye(2)}))
    assert both["a"] == 2.0 and (both["b"] == np.eye(2)).all()
    time = EscapeProblem(SDE, -1.0, 0.0).by_quadrature()
    again = value_of(answer_of(time))
    assert again.mean == time.mean and again.assumptions == time.assumptions and str(again) == str(time)
    paths = simulate(SDE, -1.0, 0.1, 1e-2, paths=3, seed=1)
    assert (value_of(answer_of(paths)).x == paths.x).all()
    for wrong in ("a word", ["a word"], [{"a": object()}], {}, {"a": "word"}, object()):
        with pytest.raises(TypeError, match=r"function of a sweep returns|returned nothing|rows hold"):
            answer_of(wrong)


def test_rows_and_datasets_come_back_bit_for_bit(tmp_path):
    """From a store too: every digit, infinity, NaN, words, truth values; what numpy has becomes Python's own."""
    first = {"x": 0.1 + 0.2, "n": 2**60 + 1, "word": "a|b", "yes": True, "none": None, "most": math.inf, "list": (1, 2)}
    rows = [first, {**first, "x": np.nextafter(1.0, 2.0), "n": np.int64(3), "yes": np.False_, "gap": math.nan}]
    data = dataset({"x": ("row", np.array([1 / 3, np.nan, -0.0]), "m", "x"), "one": ((), 2.5, "", "one")}, seed=1)
    store = Store(tmp_path / "kept.sweep")
    answers = [answer_of(value) for value in (rows, [], data)]
    store.land([Outcome(Task(bytes([k]), {}, None, 0, None), a, "", "", 0.0) for k, a in enumerate(answers)])
    assert answers[2].numbers == {"one": 2.5}
    again = [kept.answer for kept in store.rows([bytes([k]) for k in range(3)])]
    for one in (answers, again):
        listed, nothing, back = map(value_of, one)
        assert repr(listed[0]) == repr({**first, "list": [1, 2]}) and nothing == []
        assert repr(listed[1]["x"]) == "1.0000000000000002" and math.isnan(listed[1]["gap"])
        assert listed[1]["n"] == 3 and listed[1]["yes"] is False
        assert back.identical(data) and back.x.values.tobytes() == data.x.values.tobytes()
    with pytest.raises(TypeError, match="returned none"):
        relative_error(answers[0])


def test_keys_and_streams_know_what_they_depend_on():
    words = words_of({"b": 0.1, "a": (1, "x")})
    assert words == words_of({"a": (1, "x"), "b": 0.1})
    keys = [
        key_of("f", "c", words, 0, 0), key_of("g", "c", words, 0, 0), key_of("f", "d", words, 0, 0),
        key_of("f", "c", words_of({"b": np.nextafter(0.1, 1).item(), "a": (1, "x")}), 0, 0),
        key_of("f", "c", words, 1, 0), key_of("f", "c", words, 0, 1), key_of("f", "c", words, None, 0),
    ]  # fmt: skip
    assert len(set(keys)) == len(keys)
    streams = {stream_of(words_of({"x": x}), seed, part) for x in range(10) for seed in range(10) for part in range(10)}
    assert len(streams) == 1000 and all(0 <= stream < 2**48 for stream in streams)


def test_functions_are_found_by_name(tmp_path):
    for wrong in (lambda x: x, functools.partial(len), 3):
        with pytest.raises(TypeError, match="found by its name"):
            Sweep(wrong, {"x": [1, 2]}, store=tmp_path / "s.sweep")
    assert Sweep("math:sqrt", {"x": [1, 2]}, store=tmp_path / "s.sweep").function(4) == 2


def test_parts_are_pooled_as_means():
    parts = [Answer({"mean": m, "standard_error": e, "seconds": 1.0}) for m, e in ((1.0, 0.3), (2.0, 0.4))]
    found = pooled(parts)
    assert found.numbers == {"mean": 1.5, "standard_error": 0.25, "seconds": 2.0}
    assert relative_error(found) == pytest.approx(0.25 / 1.5)
    plain = pooled([Answer({"value": v}) for v in (1.0, 2.0, 6.0)])
    assert plain.numbers["standard_error"] == pytest.approx(np.std([1, 2, 6], ddof=1) / np.sqrt(3))
    assert relative_error(Answer({"value": 1.0})) == np.inf


def test_costs_are_learned_from_what_is_finished():
    """Seconds ~ n^2 / h, and twice as long by one of two routes: predicted within a tenth from ten points."""
    design = as_design({"n": [1, 2, 4, 8, 16], "h": [0.1, 0.2, 0.4], "route": ["a", "b"]})
    costs = Costs(design, 1)

    def true(k):
        return design[k]["n"] ** 2 / design[k]["h"] * (1 + (design[k]["route"] == "b")) * 1e-3

    for k in np.random.default_rng(0).permutation(30)[:10].tolist():
        costs.add(k, true(k))
    assert costs.predicted(np.arange(30)) == pytest.approx([true(k) for k in range(30)], rel=0.1)


def test_a_line_through_a_series():
    x = np.arange(5.0)
    slope, error, constant = slope_of(x, 2 * x + 1, np.full(5, 0.1))
    assert (slope, constant) == (pytest.approx(2), pytest.approx(1)) and error == pytest.approx(0.1 / np.sqrt(10))
    assert slope_of(x[:2], x[:2], x[:2]) is None


def test_status_knows_the_seconds_of_all_parts_and_a_run_counts_what_is_kept(tmp_path):
    """Two seeds of two points, one of them in three parts, one failed, one not there: 15 s; the rest is to do."""
    found = Sweep("math:hypot", {"x": [1.0, 2.0]}, seeds=2, store=tmp_path / "s.sweep")
    kept = [(0, 0, 1.0, ""), (0, 1, 2.0, ""), (0, 2, 4.0, ""), (1, 0, 8.0, "refused")]
    found._store.land(
        [Outcome(found._task(n, k), None if e else Answer({"mean": 1.0}), e, "", s) for n, k, s, e in kept]
    )
    now = found.status()
    assert (now.done, now.failed, now.total, now.seconds) == (1, 1, 4, 15.0) and "15 s of computing" in str(now)
    rows = list(found.rows())
    assert rows[0].answer.facts["parts"] == 3 and rows[1].error == "refused" and rows[2].answer is None
    counts, queue = found._plan(found._store.states(), retry=False)
    assert counts == [1, 1] and queue.tolist() == [2, 3]
    counts, queue = found._plan(found._store.states(), retry=True)
    assert counts == [1, 0] and queue.tolist() == [1, 2, 3]


def test_a_table_of_a_large_sweep_opens_its_store_a_few_times_only(tmp_path, monkeypatch):
    found = Sweep("math:sqrt", {"x": list(range(2000))}, seeds=1, store=tmp_path / "s.sweep")
    found._store.land([Outcome(found._task(k), Answer({"value": float(k)}), "", "", 0.0) for k in range(2000)])
    opened = []
    connect = sqlite3.connect
    monkeypatch.setattr("sqlite3.connect", lambda *a, **k: opened.append(a) or connect(*a, **k))
    assert (found.to_xarray().value.values[:, 0] == np.arange(2000)).all() and len(opened) < 10
