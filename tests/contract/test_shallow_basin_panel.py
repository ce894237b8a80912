"""The panel of SGD in all parameters with invented measurements: verdicts, tables, figures, data and pieces."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
pytestmark = pytest.mark.network

from fpsim.networks import quench  # noqa: E402
from fpsim.storage import dataset  # noqa: E402
from validation.shallow_basin import around  # noqa: E402
from validation.shallow_basin.measures import Size  # noqa: E402
from validation.shallow_basin.minimum import NETWORK, load  # noqa: E402
from validation.shallow_basin.run import STUDY  # noqa: E402
from validation.study.pieces import Pieces  # noqa: E402

SIZE = Size(
    2, ((0.1, 4), (0.2, 4), (0.4, 2)), 8, 50, ((0.5, 1), (0.5, 4), (1.0, 1)), 20, 30,
    ((1.0, 1, 100, 10), (1.0, 2, 400, 10), (0.5, 1, 400, 10)), 30, ("gaussian", "isotropic"),
)  # fmt: skip


@pytest.fixture
def invented(monkeypatch):
    """Measurements as theory has them: excess 1 + 8 x^2, times exp(3 S/kappa) and shorter at equal eta/S."""
    calls = []
    counted = {}

    def excess(around, seed, kappa, batch_size, noise, replicas, iterations):
        calls.append("excess")
        x = kappa / batch_size
        facts = {"kappa": kappa, "batch_size": batch_size, "noise": noise, "learning_rate": kappa / 7}
        tail = {"replicas": replicas, "lost": 0, "back": replicas, "undecided": 0}
        late = {"late_excess": x * (1 + 8 * x**2), "late_error": 0.02 * x, "late_linear": x}
        points = [{"excess": x * n / 50, "error": 0.02 * x, "linear": x * n / 50, "iterations": n} for n in (25, 50)]
        return [{**facts, **point, **tail, **late} for point in points]

    def border(around, seed, kappa, batch_size, replicas, iterations):
        calls.append("boundary")
        left = min(replicas, round(8 * kappa / batch_size))
        row = {
            "kappa": kappa, "batch_size": batch_size, "learning_rate": kappa / 7, "iterations": iterations,
            "replicas": replicas, "inside": replicas - left, "undecided": 0, "unstable": 0, "left": left,
            "share": left / replicas, "second_moment_factor": 2 * kappa / batch_size,
        }  # fmt: skip
        return [row]

    def leave(around, seed, kappa, batch_size, noise, replicas, horizon, every):
        calls.append("exits")
        mean = np.inf if noise == "isotropic" else 20 * counted.get("law", {}).get((kappa, batch_size), 1.0)
        times = mean * -np.log(1 - (np.arange(replicas) + 0.5) / replicas)
        return [
            {
                "noise": noise, "kappa": kappa, "batch_size": batch_size, "learning_rate": kappa / 7, "replica": r,
                "iterations": float(min(t, horizon)), "half_width": 5.0 if t < horizon else 0.0,
                "outcome": "left" if t < horizon else "inside", "distance": 2.0, "horizon": horizon,
            }
            for r, t in enumerate(times)
        ]  # fmt: skip

    def over(around, seed, kappa, batch_size, multiple, replicas, horizon):
        calls.append("threshold")
        row = {
            "kappa": kappa, "batch_size": batch_size, "threshold": 0.3, "multiple": multiple, "mean": 9.0, "low": 7.0,
            "high": 12.0, "over": 30, "replicas": replicas, "back": counted.get("back", 27), "undecided": 1,
        }  # fmt: skip
        return [row]

    def basin(engine, exact, a, seed, trials, largest, curvatures):
        calls.append("minimum")
        return quench.Basin(a, 2.0, 1e-8, curvatures, 0.5, trials)

    def spectrum(exact, a):
        values = np.linspace(0.01, 7.3, len(a))
        entries = {"curvature": ("direction", values, "", "c"), "gradient_spread": ("direction", values / 5, "", "s")}
        return dataset(entries, curvature_spread=3.0)

    for name, function in (
        ("excess_rows", excess), ("boundary_rows", border), ("exits_rows", leave), ("threshold_rows", over),
        ("spectrum", spectrum),
    ):  # fmt: skip
        monkeypatch.setattr(around, name, function)
    monkeypatch.setattr(quench, "calibrate", basin)
    counted["law"] = {(1.0, 1): 1.0, (1.0, 2): 8.0, (0.5, 1): 15.0}
    return calls, counted


def test_a_panel_is_part_of_a_report_and_is_computed_once(invented, tmp_path):
    calls, _ = invented
    shares = []
    found = STUDY.run(SIZE, 3, None, lambda share, name="": shares.append(share), Pieces(tmp_path / "kept.sweep"))
    assert shares == sorted(shares) and shares[0] >= 0 and shares[-1] < 1
    assert calls.count("excess") == 3 and calls.count("boundary") == 3 and calls.count("exits") == 5
    assert found.as_expected
    assert [v.holds for v in found.verdicts] == [True, False, True, True, True, False, False]
    assert "27 of 30" in found["full-space-threshold"].measured
    assert "no exit of 30" in found["full-space-isotropic"].measured
    written = found.save(tmp_path / "report")
    assert {path.name for path in written} >= {"full-space-excess.png", "full-space-exits.png", "data.nc"}
    assert "378 parameters" in found.to_markdown()
    again = STUDY.run(SIZE, 3, pieces=Pieces(tmp_path / "kept.sweep"))
    assert calls.count("minimum") == 1 and calls.count("exits") == 5
    assert again.verdicts == found.verdicts
    STUDY.run(SIZE, 4, pieces=Pieces(tmp_path / "kept.sweep"))
    assert calls.count("exits") == 10


def test_verdicts_follow_the_numbers(invented):
    _, counted = invented
    counted["law"] = {(1.0, 1): 1.0, (1.0, 2): 1.1, (0.5, 1): 8.0}
    counted["back"] = 0
    found = STUDY.run(SIZE, 3)
    assert not found["full-space-larger-batch-at-1"].as_expected
    assert not found["full-space-sde-0.5-1-2"].as_expected
    threshold = found["full-space-threshold"]
    assert threshold.holds and not threshold.as_expected


def test_the_minimum_that_is_kept_is_one():
    """Gradient and curvatures of the parameters in the package, whatever the machine."""
    landscape, a = NETWORK.landscape(), load()
    assert np.linalg.norm(landscape.gradient(a)) < 1e-6
    values = around.spectrum(landscape, a)["curvature"].values
    assert 0.005 < values[0] < 0.01
    assert 7 < values[-1] < 7.6
    top = landscape.hessian_vector(a, np.ones(len(a)))
    np.testing.assert_allclose(around._hessian(landscape, a) @ np.ones(len(a)), top, rtol=1e-6, atol=1e-6)
