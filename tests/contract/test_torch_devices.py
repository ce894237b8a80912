"""``device=`` of networks without a second device: `torch_devices_checks`, where no gradient was taken before."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.mark.network
def test_the_checks_pass_in_a_process_of_their_own():
    pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    command = ["-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", str(HERE / "torch_devices_checks.py")]
    settings = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=settings, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout
