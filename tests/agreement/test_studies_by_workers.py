"""A study gives the same report whoever makes its pieces, and loses none that were made."""

import os
import sys
import textwrap
from functools import partial
from pathlib import Path

import pytest

from fpsim.sweeps.store import Store
from validation import experiment
from validation.noise_covariance.measures import Size
from validation.study.pieces import Piece, PieceFailedError, Pieces

ROOT = Path(__file__).parents[2]
PROCESSES = {"executor": "processes", "count": 2}
WORK = """
    import os
    from pathlib import Path

    def square(folder, x):
        with open(Path(folder) / f"made-{x}", "a") as file:
            file.write("once ")
        if x == 2 and not (Path(folder) / "mended").exists():
            raise ValueError("two is not square")
        return [{"x": x, "root": x**0.5, "process": os.getpid()}]
"""


@pytest.fixture
def squares(tmp_path, monkeypatch):
    """Five pieces by a module of one's own."""
    (tmp_path / "squaring.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    import squaring

    yield [Piece("square", partial(squaring.square, str(tmp_path), x), {"x": x}) for x in range(5)]
    sys.modules.pop("squaring")


@pytest.mark.network
def test_processes_and_one_process_report_the_same(tmp_path):
    """Datasets and rows of regressions and a network, to the last bit; a second run reads all pieces."""
    pytest.importorskip("torch", reason="torch (extra `network`) is not installed")
    study, size = experiment("noise-covariance"), Size(2000, 3, 4, 400, None, None, 21)
    shares = []
    alone = study.run(size, 1, 1, None, Pieces(tmp_path / "alone.sweep"))
    crew = Pieces(tmp_path / "crew.sweep", crew=PROCESSES)
    many = study.run(size, 1, 1, lambda share, name="": shares.append(share), crew)
    assert many.to_json() == alone.to_json() and many.data.identical(alone.data)
    assert shares == sorted(shares) and shares[-1] <= 1 and not crew.found
    assert Store(tmp_path / "crew.sweep").states() == Store(tmp_path / "alone.sweep").states()
    again = Pieces(tmp_path / "crew.sweep")
    assert study.run(size, 1, 1, None, again).to_json() == alone.to_json()
    assert len(again.found) == len(Store(tmp_path / "crew.sweep").states())


def test_a_piece_that_fails_costs_no_other(tmp_path, squares):
    """It is named with its error, the others are kept, and the next run makes it alone: there, or in this process."""
    file = tmp_path / "kept.sweep"
    with pytest.raises(PieceFailedError, match="could not make the piece 'square': ValueError: two is not square"):
        Pieces(file, crew=PROCESSES).many(squares)
    assert sorted(Store(file).states().values()) == [False, True, True, True, True]
    (tmp_path / "mended").touch()
    again = Pieces(file)
    rows = [row for found in again.many(squares) for row in found]
    assert [row["root"] for row in rows] == [x**0.5 for x in range(5)] and again.found == ["square"] * 4
    assert [row["process"] == os.getpid() for row in rows] == [False, False, True, False, False]
    assert [len((tmp_path / f"made-{x}").read_text().split()) for x in range(5)] == [1, 1, 2, 1, 1]


def test_an_interrupted_study_keeps_what_was_made(tmp_path, squares):
    def stops(share, name):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Pieces(tmp_path / "kept.sweep", crew=PROCESSES).many(squares[:2], stops)
    kept = Store(tmp_path / "kept.sweep")
    assert 1 <= sum(kept.states().values()) <= 2 and kept.claimed() == 0


def test_what_cannot_run_is_said(tmp_path):
    """Closures do not travel, workers need a file, and torch counts its threads for the whole process."""
    nothing = [Piece("closure", lambda: [], {"x": x}) for x in range(2)]
    with pytest.raises(PieceFailedError, match=r"the piece 'closure': .*pickle"):
        Pieces(tmp_path / "kept.sweep", crew=PROCESSES).many(nothing)
    assert Pieces(tmp_path / "kept.sweep").many(nothing) == [[], []]
    with pytest.raises(ValueError, match="are kept in a file"):
        Pieces(crew=PROCESSES)
    with pytest.raises(ValueError, match="processes or a cluster"):
        Pieces(tmp_path / "kept.sweep", crew={"executor": "threads"})
