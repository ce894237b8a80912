"""One part of ``make bench`` runs, and its table says what the README says of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def said(*command: str) -> str:
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = [sys.executable, *command]
    done = subprocess.run(run, cwd=ROOT, env=settings, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_steps_at_equal_bias_are_the_readme_s(tmp_path: Path) -> None:
    file = tmp_path / "cpu.json"
    said("benchmarks/run.py", "equal_bias", "--quick", "--output", str(file))
    report = json.loads(file.read_text())
    rows = {row["bias"]: row for row in report["equal_bias"]["rows"]}
    assert rows[1e-3]["steps"] == {"euler-maruyama": 237, "weak-2": 24}
    assert rows[1e-4]["steps"] == {"euler-maruyama": 2361, "weak-2": 71}
    assert report["quick"] and report["machine"]["versions"]["numpy"]
    shown = said("benchmarks/table.py", str(file))
    assert "QUICK" in shown and "| 0.001 | 237 | 24 |" in shown
