"""The panel of many escape paths with invented measurements: who counts as out over which pass; shares and verdicts."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch")

from landscapes.mirror.crossroads import crossroads
from validation.full_space import crossing, passes
from validation.full_space.passes import CHUNK, EVERY, RATE, ManyPasses

PASSES = [
    {"pass": name, "barrier": 0.02, "gradient norm at a": 1e-12, "gradient norm at b": 1e-16, "parameters": 37,
     "lowest curvature of b": -0.02, "next curvature of b": 0.02, "lowest curvature of a": 0.02, "examples": 64}
    for name in ("up-down", "left-right")
]  # fmt: skip


def exits(over: str, first: int, second: int, walked: float, size: int = 2, followed=(0, 0)) -> dict:
    return {"S": size, "over": over, "exits": first + second, "exits up-down": first, "exits left-right": second,
            "walked": walked, "followed down": followed[0], "in its valley": followed[1]}  # fmt: skip


def way(name: str, slope: float, log: float) -> dict:
    return {"pass": name, "theory": "gauss", "slope": slope, "ln prefactor": log, "per S": 0.0}


def found(first: int = 100, second: int = 300, alone=((100, 0), (0, 300)), inside: int = 200) -> ManyPasses:
    rows = [exits("both", first, second, 4e7, followed=(200, inside))]
    rows += [exits(over, *counts, 4e7) for over, counts in zip(("up-down", "left-right"), alone, strict=True)]
    ways = [way("up-down", 2.0, 3.0 + math.log(3)), way("left-right", 2.0, 3.0)]
    return ManyPasses(PASSES, ways, rows)


def test_shares_and_sums_are_those_of_the_counts() -> None:
    (share,), (total,) = crossing.shares(found()), crossing.sums(found())
    assert share["share of the first"] == 0.25 and share["predicted"] == pytest.approx(0.25)
    assert share["binomial error"] == pytest.approx(math.sqrt(0.25 * 0.75 / 400)) and share["z"] == pytest.approx(0)
    logs = passes.predicted(found().ways, "gauss", 2)
    assert logs == pytest.approx({"up-down": 4 / RATE + 3 + math.log(3), "left-right": 4 / RATE + 3})
    rates = sum(math.exp(-value) for value in logs.values())
    assert share["predicted ln(iterations)"] == pytest.approx(-math.log(rates))
    assert share["ln(iterations)"] == pytest.approx(math.log(1e5)) and share["its error"] == 0.05
    assert total["ln ratio"] == pytest.approx(0) and total["error"] == pytest.approx(math.sqrt(2) * 0.05)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"first": 300, "second": 100}, "passes-share-2-gauss"), ({"alone": ((200, 0), (0, 300))}, "passes-sum-2"),
        ({"inside": 180}, "passes-ends-2"),
    ],
)  # fmt: skip
def test_each_verdict_can_fail(change, key) -> None:
    assert all(one.holds for one in crossing.verdicts(found()))
    failed = {one.key for one in crossing.verdicts(found(**change)) if not one.holds}
    assert key in failed and failed <= {key, "passes-sum-2"}


def test_what_is_found_is_kept() -> None:
    again = ManyPasses.from_xarray(found().to_xarray())
    assert crossing.shares(again) == crossing.shares(found()) and crossing.sums(again) == crossing.sums(found())


def test_who_is_out_first_over_which_pass(monkeypatch) -> None:
    """One path is beyond the first pass at the third look, one beyond the second in the next chunk, one never."""
    places, frames = list(crossroads()), CHUNK // EVERY + 1
    ways = np.stack([place.direction * place.target[1] for place in places]) * 1.01

    def moved(sgd, start, iterations, paths, every, seed, threads):
        x = np.repeat(start.T[None], frames, 0)
        if seed % 1_000_000 == 0:
            x[3:5, 0] = ways[0]  # and back: it has left all the same
        elif seed % 1_000_000 == CHUNK:
            assert paths == 2
            x[5:, 0] = ways[1]
        return SimpleNamespace(x=x)

    monkeypatch.setattr("fpsim.sgd.minibatch.simulate_batches", moved)
    times, which, where = passes._walked(places, 1, 3, 3 * CHUNK, 7)
    assert times.tolist() == [3 * EVERY, CHUNK + 5 * EVERY, 3 * CHUNK] and which.tolist() == [0, 1, -1]
    assert np.allclose(where, [ways[0], ways[1], places[0].minimum])


def test_the_stored_findings_are_told() -> None:
    """What is kept is judged anew: sums within their errors, and places as the shipped ones are."""
    kept = passes.stored()
    assert {row["S"] for row in kept.exits} == {1, 2} and len(kept.ways) == 2
    assert [row["barrier"] for row in kept.passes] == pytest.approx([place.barrier for place in crossroads()])
    held = {one.key: one.holds for one in crossing.verdicts(kept)}
    assert held["passes-certified"] and held["passes-sum-1"] and held["passes-sum-2"] and held["passes-ends-2"]
    assert crossing.told(kept).tables
