"""The study of the escape law with invented measurements: verdicts follow the numbers, parts add up."""

import math
from dataclasses import asdict, replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from fpsim.sweeps.answers import answer_of  # noqa: E402
from fpsim.sweeps.store import Store  # noqa: E402
from fpsim.sweeps.task import Outcome  # noqa: E402
from validation.full_space import laws, times  # noqa: E402
from validation.full_space.kept import kept, stored  # noqa: E402
from validation.full_space.measures import CARD, ONCE, SPLITTING, EscapeLaw, measure, plan  # noqa: E402
from validation.full_space.places import FIRST, SECOND, TWINS  # noqa: E402
from validation.full_space.run import STUDY  # noqa: E402
from validation.full_space.size import (  # noqa: E402
    BATCHES,
    CONFIRMING,
    FAR,
    FOURS,
    GAUSSIAN,
    MAIN,
    NEAR,
    TWOS,
    WIDER,
    Size,
)
from validation.study.pieces import Pieces  # noqa: E402
from validation.study.run import Run  # noqa: E402

SLOPES = {
    MAIN: {
        "cramer": 0.135, "gauss": 0.12, "floor, cramer": 0.09, "floor, gauss": 0.083, "kramers, C(b)": 0.122,
        "kramers, C(a)": 0.066, "isotropic": 0.033,
    },
    NEAR: {
        "cramer": 0.0245, "gauss": 0.0244, "floor, cramer": 0.0243, "floor, gauss": 0.0242, "kramers, C(b)": 0.029,
        "kramers, C(a)": 0.02, "isotropic": 0.01,
    },
}  # fmt: skip


def part(
    place, eta, size, noise, method, log, error=0.03, side=TWINS, seed=CONFIRMING, exits=0, walked=0.0, start=None
):  # fmt: skip
    return {
        "network": place[0], "decay": place[1], "side": side, "eta": eta, "S": size, "noise": noise, "method": method,
        "seed": seed, "ln(iterations)": log, "error": error, "exits": exits, "walked": walked, "note": "",
        times.FROM_START: log if start is None else start, times.ITS_ERROR: error,
    }  # fmt: skip


def law(
    main=0.135, near=0.0244, gauss=0.5, window=(4, 5, 6, 8, 10), front=3.5, distinct=0.0, shuffled=6.0, ball=0.38,
    even=5.0,
):  # fmt: skip
    """Measured times with given slopes, and mini-batches that leave later than Gaussian noise by ``gauss`` at MAIN.

    Batches of different examples leave later by what they spare of the noise and ``distinct``, reshuffled ones by
    ``shuffled``, a heavy ball by ``ball``; isotropic noise leaves earlier by ``even``.
    """
    rows = []
    for place, eta, sizes, slope in (
        (MAIN, 0.04, window, main), (MAIN, 0.02, (2, 3, 4, 5), main), (NEAR, 0.04, (16, 20, 24), near),
    ):  # fmt: skip
        for size in sizes:
            rows.append(part(place, eta, size, BATCHES, "splitting", slope * size / eta + 3 - math.log(eta)))
    for noise, shift in ((BATCHES, 0.0), (GAUSSIAN, -gauss)):
        rows.append(part(MAIN, 0.04, 2, noise, "plain", 0.0, exits=40_000, walked=40_000 * math.exp(10 + shift)))
        rows.append(part(NEAR, 0.04, 12, noise, "plain", 0.0, exits=400, walked=400 * math.exp(10)))
    spared = 0.135 * 2 / 0.04 * 1 / (128 - 2)
    for noise, shift in (
        ("without-replacement", spared + distinct), ("reshuffled", shuffled), ("momentum 0.9", ball),
        ("isotropic", -even),
    ):  # fmt: skip
        rows.append(part(MAIN, 0.04, 2, noise, "plain", 0.0, exits=40_000, walked=40_000 * math.exp(10 + shift)))
    rows.append(part(MAIN, 0.04, 5, GAUSSIAN, "splitting", main * 5 / 0.04 + 3 - math.log(0.04) - gauss))
    for side, log in ((FIRST, 18.0), (SECOND, 19.0)):
        rows.append(part(MAIN, 0.04, 6, BATCHES, "splitting", log, side=side))
    theories = [
        {
            "network": n, "decay": d, "side": TWINS, "eta": 0.04, "theory": name, "S": 0, "slope": slope,
            "error": 1e-4, "ln prefactor": front - math.log(0.04), "by steps": -0.4, "per S": 0.0, "note": "",
        }
        for (n, d), several in SLOPES.items()
        for name, slope in several.items()
    ]  # fmt: skip
    theories += [{**theories[0], "side": side, "slope": slope} for side, slope in ((FIRST, 0.11), (SECOND, 0.15))]
    places = [
        {
            "network": MAIN[0], "decay": MAIN[1], "side": side, "curvature along e at a": bend, "barrier": 1e-3,
            "examples": 128, "gradient norm at a": 1e-12, "gradient norm at b": 1e-12, "lowest curvature of b": -0.07,
            "next curvature of b": 0.03, "lowest curvature of a": 0.03,
        }
        for side, bend in ((TWINS, 0.17), (FIRST, 0.18), (SECOND, 0.16))
    ]  # fmt: skip
    noise = [{"symmetry": s, "spread across": v, "mean": 0.0} for s, v in (("mirror", 0.16), ("swap", 1e-17))]
    return EscapeLaw(places, noise, theories, times.together(rows))


def test_what_theory_says_is_as_expected():
    report = STUDY.report(law())
    assert report.as_expected, "\n".join(str(v) for v in report.verdicts if not v.as_expected)
    assert {"certified", "noise-across", "eta-over-S", "sharper-sooner-6"} <= {v.key for v in report.verdicts}
    assert sum(v.key.startswith("slope-") for v in report.verdicts) == 13
    assert "by splitting" in report["surrogate-resnet-39-0.04"].measured
    assert "400 and 400 exits" in report["surrogate-resnet-39-0.055"].measured
    assert report["slope-resnet-39-0.04-cramer"].holds and not report["slope-resnet-39-0.04-gauss"].holds


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"main": 0.12}, "slope-resnet-39-0.04-cramer"),
        ({"main": 0.12}, "slope-resnet-39-0.04-gauss"),
        ({"main": 0.09}, "slope-resnet-39-0.04-floor-cramer"),
        ({"near": 0.029}, "slope-resnet-39-0.055-kramers-cb"),
        ({"gauss": 0.1}, "surrogate-resnet-39-0.04"),
        ({"distinct": 0.2}, "law-without-replacement"),
        ({"shuffled": 0.0}, "law-reshuffled"),
        ({"ball": 0.0}, "law-momentum-0.9"),
        ({"even": 0.0}, "law-isotropic"),
        ({"front": 4.2}, "absolute-resnet-39-0.04-0.04"),
        ({"front": 4.0}, "absolute-resnet-39-0.04-0.02"),
    ],
)
def test_verdicts_follow_the_numbers(change, key):
    assert not STUDY.report(law(**change))[key].as_expected


@pytest.mark.parametrize(("main", "holds"), [(0.118, True), (0.091, False)])
def test_below_the_window_a_slope_is_a_lower_bound(main, holds):
    """As at the quick size: only theories that are too flat are told."""
    keys = {v.key: v for v in STUDY.report(law(main, window=(3, 4, 5))).verdicts}
    assert keys["steeper-resnet-39-0.04"].holds == holds and keys["slope-resnet-39-0.055-cramer"].holds
    assert not any(key.startswith("slope-resnet-39-0.04-") for key in keys)


@pytest.mark.parametrize(("start", "holds"), [(13.0, True), (12.8, False)])
def test_splitting_is_held_against_the_mean_from_the_start(start, holds):
    found = law(window=(3, 4, 5))
    log = next(r["ln(iterations)"] for r in found.times if r["S"] == 3 and r["eta"] == 0.04)
    walked = 400 * math.exp(log - 0.3)
    rows = [part(MAIN, 0.04, 3, BATCHES, "plain", 0.0, exits=400, walked=walked, start=log + start - 13.0)]
    verdict = STUDY.report(replace(found, times=found.times + times.together(rows)))["splitting-plain"]
    assert verdict.holds == holds and "S = 3" in verdict.measured


def test_a_bent_line_is_not_exponential():
    found = law()
    for row in found.times:
        if row["method"] == "splitting" and row["side"] == TWINS and row["eta"] == 0.04:
            row["ln(iterations)"] -= 3e-3 * (row["S/eta"] - 175) ** 2 / 100
    assert not STUDY.report(found)["exponential-resnet-39-0.04"].holds


def test_parts_add_up():
    """Means by splitting with equal weights, exits over all that was walked; nothing becomes of no exit."""
    logs = np.log([1e6, 3e6])
    rows = [part(MAIN, 0.04, 4, BATCHES, "splitting", log, 0.2, seed=k, start=log + 0.1) for k, log in enumerate(logs)]
    rows += [part(MAIN, 0.04, 4, BATCHES, "plain", 0.0, exits=k, walked=w) for k, w in ((3, 5e6), (1, 3e6))]
    rows += [part(MAIN, 0.04, 5, BATCHES, "plain", 0.0, exits=0, walked=5e6)]
    split, plain, none = times.together(rows)
    assert split["ln(iterations)"] == pytest.approx(math.log(2e6)) and split["parts"] == 2
    assert split[times.FROM_START] == pytest.approx(math.log(2e6) + 0.1) and none["error"] == math.inf
    assert split["error"] == split[times.ITS_ERROR] == pytest.approx(0.2 * math.hypot(1, 3) / 4)
    assert plain["ln(iterations)"] == pytest.approx(math.log(2e6)) and plain["error"] == 0.5
    assert none["ln(iterations)"] == math.inf
    assert not laws.slopes([none, plain, split])


def test_the_most_important_pieces_come_first_and_a_stopped_run_is_reported(tmp_path):
    """Of the full plan: the main window is first, seeds confirm, and a store with two pieces makes a report."""
    pieces = plan(Run(Size.of(False)), card=True)
    splits = [p for _, p in pieces if p.name == SPLITTING]
    once = [p.settings for _, p in pieces if p.name == ONCE]
    assert [s["decay"] for s in once if s["noise"] == GAUSSIAN] == [MAIN[1], NEAR[1]]
    assert [s["size"] for s in once if s["network"] == WIDER[0]] == [8, 10, 12]
    assert {s["seed"] for s in once} == {CONFIRMING} and {s["particles"] for s in once} == {512}
    assert {p.settings["size"] for p in splits[:5]} == {4, 5, 6, 8, 10} and splits[0].settings["decay"] == MAIN[1]
    assert all(p.settings["seed"] >= CONFIRMING for p in splits)
    assert {p.name for _, p in plan(Run(Size.of(True)))} == {
        SPLITTING, "plain", "theories", "place", "noise across"
    }  # fmt: skip
    assert any(p.name == CARD for _, p in pieces)
    store, rows = tmp_path / "stopped.sweep", []
    for log, piece in zip((20.0, 21.0), splits[:2], strict=True):
        wanted = {k: piece.settings[k] for k in ("network", "decay", "side", "eta", "noise", "seed")}
        row = {**part(MAIN, 0.04, piece.settings["size"], BATCHES, "splitting", log), **wanted}
        rows.append(Outcome(Pieces(store, measure)._task(piece), answer_of([row]), "", "", 1.0))
    Store(store).land(rows)
    found, made, of = kept(store)
    assert (made, of) == (2, len(pieces)) and [r["ln(iterations)"] for r in found.times] == [20.0, 21.0]
    assert STUDY.report(found, asdict(Size.of(False))).to_markdown()


def test_what_is_kept_says_what_the_page_says():
    """Local slopes of the times simulated on a GPU, between the actions of Gauss and of Cramer at 0.04."""
    found = stored()
    plain = [r for r in found.times if (r["method"], r["noise"]) == ("plain", BATCHES) and r["exits"] > 10]
    plain = {(r["decay"], r["S"]): r for r in plain}
    assert {key: r["exits"] for key, r in plain.items()} == {
        (0.04, 2): 331, (0.04, 3): 6769, (0.04, 4): 644, (0.04, 5): 218, (0.05, 6): 1783, (0.05, 8): 163, (0.05, 10): 15
    }  # fmt: skip
    logs = {key: r["ln(iterations)"] for key, r in plain.items()}
    assert (logs[0.04, 4] - logs[0.04, 3]) / 25 == pytest.approx(0.1162, abs=1e-4)
    assert (logs[0.04, 5] - logs[0.04, 4]) / 25 == pytest.approx(0.1296, abs=1e-4)
    slopes = {(t["network"], t["decay"], t["theory"]): t["slope"] for t in found.theories}
    assert slopes[(*MAIN, "gauss")] == pytest.approx(0.1203, abs=1e-3)
    assert slopes[(*MAIN, "cramer")] == pytest.approx(0.1353, abs=2e-4)
    report = STUDY.report(found)
    assert (
        report.as_expected
        and report["splitting-plain"].holds
        and report["slope-resnet-39-of-4-and-9-0.055-cramer"].holds
    )


def test_slopes_on_other_digits_and_at_another_rate_are_what_the_page_says():
    lines = {(n["network"], n["decay"], n["eta"]): n for n in laws.slopes(stored().times) if n["method"] == "splitting"}
    said = {
        (*MAIN, 0.04): (0.1320, 0.0010), (*MAIN, 0.02): (0.1342, 0.0024), (*FOURS, 0.04): (0.2269, 0.0025),
        (*TWOS, 0.04): (0.2118, 0.0033),
    }  # fmt: skip
    for key, (slope, error) in said.items():
        assert lines[key]["slope"] == pytest.approx(slope, abs=1e-4)
        assert lines[key]["error"] == pytest.approx(error, abs=1e-4)
    assert lines[(*FAR, 0.04)]["curvature z"] == pytest.approx(4.6, abs=0.1)
