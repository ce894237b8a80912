"""Schedules as text: ``learning_rate=cosine(0.2, 0.02, 8000)``, or any formula in t; parsed, never evaluated."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from fpsim import schedules

if TYPE_CHECKING:
    from fpsim.schedules import Curve
    from fpsim.schedules.scheduled import Scheduled
    from fpsim.sde.sde import SDE

KNOWN = ("cosine", "exponential", "inverse_time", "logarithmic", "steps", "table", "warm_up", "wave")
MOVED = ("learning_rate", "batch_size", "temperature")
WANTED = (
    f"a schedule is NAME=CURVE, NAME one of {', '.join(MOVED)}, CURVE such as cosine(0.2, 0.02, 8000), "
    "warm_up(0.01, 0.2, 500).then(inverse_time(0.2, 1000), 500) or a formula in t"
)


def scheduled(sde: SDE, given: list[str]) -> Scheduled:
    """``sde`` under the schedules ``given``; ``clock=time`` or ``clock=iterations`` says what t is.

    By default t counts iterations where a learning rate moves, and is time where none does.

    Raises:
        ValueError: in one sentence, for a text that is no schedule or one that does not fit the noise.
    """
    from fpsim.schedules.scheduled import Scheduled

    curves: dict[str, Any] = {}
    clock: Any = None
    for text in given:
        name, _, words = (part.strip() for part in text.partition("="))
        name = name.replace("-", "_")
        if name == "clock" and words in ("time", "iterations"):
            clock = words
        elif name in MOVED and words:
            curves[name] = curve(words)
        else:
            raise ValueError(f"{WANTED}; or clock=time, clock=iterations; got '{text}'")
    return Scheduled(sde, **curves, clock=clock or ("iterations" if "learning_rate" in curves else "time"))


def curve(text: str) -> Curve:
    """The curve that ``text`` names, or its formula in t."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise ValueError(f"{WANTED}; got '{text}'") from None
    head: Any = node
    while isinstance(head, ast.Call | ast.Attribute):
        head = head.func if isinstance(head, ast.Call) else head.value
    if not (isinstance(node, ast.Call) and isinstance(head, ast.Name) and head.id in KNOWN):
        return schedules.formula(text)
    found: Curve = _built(node, text)
    return found


def _built(node: Any, text: str) -> Any:
    """A number, a list of numbers, or a curve."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_built(node.operand, text)
    if isinstance(node, ast.List | ast.Tuple):
        return [_built(one, text) for one in node.elts]
    if isinstance(node, ast.Call):
        made: Any = None
        if isinstance(node.func, ast.Name) and node.func.id in KNOWN:
            made = getattr(schedules, node.func.id)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "then":
            made = _built(node.func.value, text).then
        if made is not None:
            words = {word.arg: _built(word.value, text) for word in node.keywords if word.arg}
            try:
                return made(*(_built(one, text) for one in node.args), **words)
            except TypeError as error:
                raise ValueError(f"{WANTED}; '{text}': {error}") from None
    raise ValueError(f"{WANTED}; got '{text}'")
