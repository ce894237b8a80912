"""An assumption that a result states is looked at: none is written down as true without a case in which it is false."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2] / "fpsim"
FILES = [file for file in sorted(ROOT.rglob("*.py")) if "Assumption(" in file.read_text(encoding="utf-8")]


def literal(call: ast.Call) -> tuple[str, bool] | None:
    """Key and truth of an assumption whose truth is written down, not computed."""
    held = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "holds"), None)
    if not isinstance(held, ast.Constant):
        return None
    return next(ast.unparse(k.value) for k in call.keywords if k.arg == "key"), bool(held.value)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_what_is_called_true_may_be_false(file: Path):
    for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        found = [literal(c) for c in calls if getattr(c.func, "id", "") == "Assumption"]
        said = {pair for pair in found if pair is not None}
        assert all((key, False) in said for key, holds in said if holds), f"{function.name}: {said}"
