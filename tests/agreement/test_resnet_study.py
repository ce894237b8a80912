"""The study of SGD on slices, on slices whose exponents are known: assembly, resumption, slopes within five sigma."""

import itertools
import json
import math
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial

import numpy as np
import pytest
from scipy.stats import poisson

import fpsim
from fpsim.sgd.minibatch import MiniBatchSGD
from landscapes.examples.sampled import SampledLandscape
from landscapes.networks.recipe import Recipe
from validation.resnet import tables
from validation.resnet import verdicts as judge
from validation.resnet.escapes import Sweep, batch_sizes, measured, swept, theories
from validation.resnet.measures import _least, escapes
from validation.resnet.run import STUDY
from validation.resnet.size import Size
from validation.resnet.slices import Case, Outcome, Rule, _judged, _next_length, climbs
from validation.resnet.toolkit_check import surrogate_routes
from validation.study.pieces import Pieces
from validation.study.run import Run

QUIET = lambda share, name="": None  # noqa: E731
HEIGHT, PUSH, RARE = 0.06, 0.25, 0.2


def skewed_slice(height=HEIGHT):
    """A quartic double well of that barrier, the gradients of whose examples are L' + u: u = PUSH (1 - RARE)/RARE for
    a share RARE of them, and -PUSH else. C1 is constant and the third moment is not zero."""
    x = np.linspace(-2.2, 2.2, 65)
    u = np.where(np.arange(20) < 20 * RARE, PUSH * (1 - RARE) / RARE, -PUSH)
    return SampledLandscape(x, height * (x**2 - 1) ** 2 + u[:, None] * x, name="skewed")


@pytest.fixture(scope="module")
def case():
    line = skewed_slice()
    left, right = climbs(line)
    return Case("one", line, right, left)


@pytest.fixture(scope="module")
def size():
    return Size((), Rule(slope=1.0), 3, 1e5, 100, 200, 2, (2.0, 1.0), ((0.5, (1, 2)),), False)


def test_climbs_know_their_exponents(case):
    """C1 = u^2 average is constant, so the Gaussian exponent is 2 dL/C1; Cramer's by its equation at one point."""
    for climb, side in ((case.climb, 1), (case.back, -1)):
        assert climb.start == pytest.approx(side, abs=1e-4) and climb.top == pytest.approx(0, abs=1e-6)
        assert climb.barrier == pytest.approx(HEIGHT, rel=1e-4)
        assert climb.curvature == pytest.approx(8 * HEIGHT, rel=1e-3)
        variance = PUSH**2 * (1 - RARE) / RARE
        assert climb.covariance == pytest.approx(variance, rel=1e-6)
        assert climb.gaussian == pytest.approx(2 * HEIGHT / variance, rel=1e-4)
        x = np.linspace(climb.start, 0, 20_001)
        slope, (big, small) = 4 * HEIGHT * x * (x**2 - 1), (PUSH * (1 - RARE) / RARE, -PUSH)
        q = np.full_like(x, 0.0)
        q = 2 * slope / variance
        for _ in range(60):  # Newton for ln(p exp(-q (L' + big)) + (1 - p) exp(-q (L' + small))) = 0
            w = RARE * np.exp(-q * big), (1 - RARE) * np.exp(-q * small)
            value, bend = np.log(sum(w)) - q * slope, -(w[0] * big + w[1] * small) / sum(w) - slope
            q = np.where(np.abs(slope) < 1e-12, 0.0, q - value / np.where(bend == 0, 1, bend))
        assert climb.exponent == pytest.approx(abs(np.trapezoid(q, x)), rel=1e-3)


def test_the_rule_looks_at_theory_only(case):
    line, climb = case.line, case.climb
    assert Rule(slope=1.6, gap=0.01).outcome(line, climb) is Outcome.TAKEN
    assert Rule(slope=0.2, gap=0.01).outcome(line, climb) is Outcome.STEEP
    assert Rule(slope=1.6, gap=0.9).outcome(line, climb) is Outcome.CLOSE
    assert Rule(slope=1.6, table_error=-1.0).outcome(line, climb) is Outcome.COARSE
    assert Rule().outcome(line, replace(climb, exponent=math.inf)) is Outcome.BLOCKED
    assert _next_length(60, Outcome.STEEP) == _next_length(60, Outcome.COARSE) == 36
    assert _next_length(60, Outcome.SHAPELESS) == 90


def test_branches_are_judged_with_their_reasons(case):
    from fpsim.storage import dataset

    def cut(losses):
        entries = {"loss": (("example", "node"), losses, "", "")}
        return dataset(entries, {"x": ("node", case.line.nodes, "", "")}, distance=2.0)

    outcome, _, found = _judged("one", Recipe(), cut(case.line.values), Rule(slope=1.6, gap=0.01))
    assert found is not None and outcome is Outcome.TAKEN and found.climb.gap >= found.back.gap
    outcome, row, found = _judged("one", Recipe(), cut(case.line.values), Rule(gap=0.9))
    assert found is None and outcome is Outcome.CLOSE and row["barrier"] > 0
    bowl = np.tile(case.line.nodes**2, (4, 1))
    outcome, row, found = _judged("one", Recipe(), cut(bowl), Rule())
    assert found is None and outcome is Outcome.SHAPELESS and math.isnan(row["barrier"])
    assert "1 minima and 0 barriers" in row["verdict"]


def test_slopes_of_theories_and_of_exact_lines(case):
    """A sweep whose 'measurements' are Cramer's own times has his slope; the leading exponents are linear in 1/eta."""
    rate = case.climb.exponent / 1.6
    rows = []
    for size in (1, 2, 3, 4):
        log = 5 + 1.6 * size
        theory = dict.fromkeys(("ln corrected", "ln cramer", "ln sde", "ln chain", "ln kramers", "ln xie"), log)
        rows.append({"S": size, "iterations": math.exp(log), "error": 0.01 * math.exp(log), **theory})
    sweep = Sweep("one", "with-replacement", rate, case.climb, tuple(rows))
    line, slopes = sweep.line(), sweep.theory_slopes()
    assert line.slope == pytest.approx(1.6) and line.slope_error == pytest.approx(0.01 / math.sqrt(5))
    assert slopes["Cramer"] == pytest.approx(1.6) and slopes["Cramer, exponent"] == pytest.approx(1.6)
    assert slopes["theorem 3.2, s = 1"] == pytest.approx(2 * HEIGHT / rate / (8 * HEIGHT), rel=1e-3)
    assert slopes["theorem 3.2, s = 0"] == pytest.approx(2 * HEIGHT / rate / (4 * HEIGHT), rel=1e-3)
    assert sweep.s_needed() == pytest.approx(
        (1.6 - slopes["theorem 3.2, s = 0"]) / (slopes["theorem 3.2, s = 1"] - slopes["theorem 3.2, s = 0"])
    )
    assert sweep.chi_squared < 1e-20
    assert sweep.agrees(1.6) and not sweep.agrees(1.62 + sweep.allowance)


def test_sgd_has_cramers_slope_and_gaussian_noise_that_of_its_chain(case, size):
    """Five sigma and the square of the step; the Gaussian chain against its transfer matrix within five sigma."""
    rate = case.climb.exponent / 1.6
    sizes = batch_sizes(case.line, case.climb, rate, 4, 1, 1e7)
    assert np.all(np.diff(sizes) == 1) and sizes[0] * 1.6 >= 3
    many = Run(replace(size, budget=1e7, most_paths=400), 1, 1)
    real = swept(many, case, "with-replacement", rate, (1, 2, 3, 4))
    assert all(row["paths"] >= 100 and not row["censored"] for row in real.rows)
    line, slopes = real.line(), real.theory_slopes()
    assert abs(line.slope - slopes["Cramer, corrected"]) < 5 * line.slope_error + real.allowance
    assert abs(line.slope - slopes["SDE"]) > 3 * line.slope_error + real.allowance  # it can be told apart
    few = Run(replace(size, budget=1e6, most_paths=600), 1, 1)
    noise = swept(few, case, "gaussian", rate, sizes[:2])
    for row in noise.rows:
        assert abs(row["iterations"] - math.exp(row["ln chain"])) < 5 * row["error"]


def test_the_correction_is_that_of_small_noise(case):
    """ln(exact SDE time / small-noise formula) falls like 1/S; Cramer's own formula is left as it is."""
    rate = case.climb.exponent / 1.6
    gaps = []
    for size in (4, 8, 16):
        row = theories(case.line, case.climb, rate, size)
        gaps.append(row["ln corrected"] - row["ln cramer"])
        problem = fpsim.EscapeProblem(MiniBatchSGD(case.line, rate, size).surrogate(), 1.0, -1.0)
        exact, formula = problem.by_quadrature().mean, problem.by_formula("state-dependent").mean
        assert gaps[-1] == pytest.approx(math.log(exact / formula), abs=1e-6)
        assert row["ln cramer"] == pytest.approx(math.log(problem.by_formula("cramer").mean / rate), abs=1e-6)
    assert all(0.4 < later / earlier < 0.6 for earlier, later in itertools.pairwise(gaps))


def test_toolkit_on_a_slice(case, size):
    row = surrogate_routes(Run(replace(size, route_paths=1000), 2, 1), case, "right", case.climb)
    assert abs(row["grid / quadrature - 1"]) < 1e-3 and abs(row["z"]) < 5


def test_the_whole_study_goes_on_where_it_stopped(case, size, tmp_path):
    """Interrupted after the routes, then finished: the same numbers as without a stop, and finished pieces are read."""

    def stops(share, name=""):
        if name.startswith("reshuffled"):
            raise KeyboardInterrupt

    cases = (replace(case, name="first"), case)
    with pytest.raises(KeyboardInterrupt):
        escapes(Run(size, 3, 1, stops, Pieces(tmp_path / "kept.sweep")), cases)
    again = Pieces(tmp_path / "kept.sweep")
    found = escapes(Run(size, 3, 1, QUIET, again), cases)
    assert {"first-routes", "one-routes", "one-with-replacement", "one-without-replacement"} <= set(again.found)
    assert "one-reshuffled" not in again.found
    report = STUDY.report(found, seed=3)
    third = Pieces(tmp_path / "kept.sweep")
    assert STUDY.report(escapes(Run(size, 3, 1, QUIET, third), cases), seed=3).to_json() == report.to_json()
    with closing(sqlite3.connect(tmp_path / "kept.sweep")) as base:
        kept = {json.loads(words)["piece"] for (words,) in base.execute("select parameters from results")}
    assert len(set(third.found)) == len(kept)
    _check(report, tmp_path / "out")


def _check(report, folder):
    files = report.save(folder)
    assert {f.name for f in files} == {
        "report.md", "report.json", "data.nc", "slices.png", "toolkit.png", "slopes.png", "laws-and-rates.png",
    }  # fmt: skip
    found = {t["title"]: t["rows"] for t in json.loads(report.to_json())["tables"]}
    slopes = found["Slope of ln(iterations) per example in the batch"]
    assert {row["law"] for row in slopes} == {"with-replacement", "without-replacement", "reshuffled", "gaussian"}
    assert all(row["slope error"] > 0 for row in slopes if row["slope"] is not None)
    words = {row["theory"] for row in found["Distance of SGD's slope from every theory, in standard errors"]}
    assert {"Cramer", "SDE", "Gaussian chain", "Kramers with C1(a)", "theorem 3.2, s = 1/2"} <= words
    assert report["paths"].holds and report["grid"].holds
    assert "## Verdicts" in files[0].read_text()


def test_verdicts_change_with_the_numbers(case):
    route = {"slice": "one", "z": 4.0, "grid / quadrature - 1": 2e-3}
    assert not any(v.holds for v in judge._toolkit([route]))
    rows = [
        {
            "slice": "one", "from": side, "H": h, "Cramer exponent": e, "iterations": t, "error": t / 10,
            "at least": 5e4, "too large for Cramer": "",
        }
        for side, h, e, t in (("left", 2.0, 0.5, math.nan), ("right", 1.0, 0.2, 900.0))
    ]  # fmt: skip
    lower, sharper = judge._sharp(rows)
    assert lower.holds and lower.as_expected and not sharper.holds and sharper.as_expected
    rows[0] |= {"iterations": 10.0, "error": 1.0}
    lower, sharper = judge._sharp(rows)
    assert not lower.as_expected and sharper.holds and not sharper.as_expected
    assert judge._sharp([rows[0] | {"iterations": 800.0, "error": 80.0}, rows[1]]) == []  # a tie within its errors
    assert judge._sharp([rows[0], rows[1] | {"too large for Cramer": "small steps"}]) == []
    assert [tables._grade(r, 0.2, 3.0) for r in ([1.1, 0.9], [0.5, 2.0], [0.2])] == ["holds", "bends", "fails"]


def test_without_exits_the_mean_has_a_lower_bound():
    """Nothing in a time T: a mean below T/3 would have shown an exit with probability 1 - exp(-3) = 95 %."""
    none = {"paths": 200, "censored": 200, "per exit": 9e6}
    assert _least(none) == pytest.approx(9e6 / -math.log(0.05), rel=1e-12)
    four = _least({"paths": 200, "censored": 196, "per exit": 2e6})
    assert poisson.cdf(4, 8e6 / four) == pytest.approx(0.05, rel=1e-9)


def test_too_few_exits_are_said_not_guessed(case):
    rate = case.climb.exponent / 1.6
    row = measured(case.line, case.climb, rate, 8, "with-replacement", 50, 200.0, 0, 1)
    assert math.isnan(row["iterations"]) and row["censored"] == 50 and row["per exit"] == pytest.approx(50 * 200)


@pytest.mark.network
def test_a_trained_slice_is_the_same_each_time(tmp_path):
    """Training, branch and table of a tiny network: kept as pieces, and equal when made again."""
    from validation.resnet.slices import fresh_case
    from validation.resnet.training import branched, trained

    recipe = Recipe(
        examples=48,
        width=1,
        trunk_steps=20,
        branch_steps=10,
        branch_batch=16,
        polish_steps=10,
        newton_steps=0,
        nodes=33,
    )
    open_rule = Rule(tries=1, networks=1)
    made = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        pieces = Pieces(folder / "kept.sweep")
        try:
            fresh_case("tiny", recipe, open_rule, pieces, QUIET, False)
        except ValueError as error:
            assert "none of 1 branches of tiny passed" in str(error)  # so short a training makes no barrier
        again = Pieces(folder / "kept.sweep")
        plain = asdict(recipe)
        first = again.data("tiny-network", partial(trained, recipe), recipe=plain)
        branch = partial(branched, recipe, first["parameters"].values)
        cut = again.data("tiny-branch-0", branch, root=plain, recipe=plain)
        made.append([first["parameters"].values, cut["x"].values, cut["loss"].values])
        assert again.found == ["tiny-network", "tiny-branch-0"]
    for one, two in zip(*made, strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.network
def test_both_ends_of_a_spectrum_by_matrix_and_by_lanczos(monkeypatch):
    """The two ways agree to Lanczos' own 1 %, and the lowest end is that of differences of gradients."""
    torch = pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    from landscapes import from_torch
    from validation.resnet import training

    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(8, 12), torch.nn.Tanh(), torch.nn.Linear(12, 3)).double()
    place = from_torch(network, torch.randn(40, 8).numpy(), torch.randint(3, (40,)).numpy())
    x = place.initial
    low, high = training.spectrum_ends(place, x)
    assert low < 0 < high
    monkeypatch.setattr(training, "WHOLE", 0)
    np.testing.assert_allclose(training.spectrum_ends(place, x), (low, high), rtol=0.02)
    for end in (low, high):
        values, vectors = np.linalg.eigh(place.hessian(x))
        way = vectors[:, np.argmin(np.abs(values - end))]
        bend = (place.gradient(x + 1e-4 * way) - place.gradient(x - 1e-4 * way)) @ way / 2e-4
        assert end == pytest.approx(bend, rel=1e-4)
