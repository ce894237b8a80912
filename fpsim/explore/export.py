"""One self-contained page: scripts, styles and a grid of settings computed beforehand, in a file that needs no server.

Each step of the story (or one landscape of the user's) has one slider, and its values are all that was computed.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from fpsim.explore.catalogue import FIELDS
from fpsim.explore.clock import clock
from fpsim.explore.comparison import REFUSALS, at_once
from fpsim.explore.heavy import exits, fields
from fpsim.explore.movie import movie
from fpsim.explore.picture import picture
from fpsim.explore.presets import PRESETS, Preset
from fpsim.explore.server import PAGE, page_file, plotly_script
from fpsim.explore.settings import Settings
from fpsim.noise.by_name import NEEDED

PARTICLES = 80
EVERY = 3
"""Frames of the film that are kept: every third."""
END = "<\\/script"
"""The end of a script within one."""
FACTORS = (0.6, 0.7, 0.85, 1.0, 1.2, 1.4, 1.7)
"""Of the slider's value, for a landscape of the user's own."""


def export_page(
    path: Path,
    settings: Settings | None,
    progress: Callable[[float, str], None] | None = None,
    steps: int | None = None,
) -> Path:
    """Write the page; the story where ``settings`` are ``None``.

    Args:
        path: the file.
        settings: what is shown instead of the story.
        progress: called with the finished share and the name of what is computed.
        steps: how many of the slider's values are computed; all by default.

    Raises:
        ValueError: for settings that are no problem.
    """
    presets = PRESETS if settings is None else (_of(settings),)
    entries: dict[str, Any] = {}
    values = {preset.key: preset.slider[1][:steps] for preset in presets}
    total = sum(len(each) for each in values.values())
    for preset in presets:
        for value in values[preset.key]:
            if progress is not None:
                progress(len(entries) / total, preset.title)
            entries[f"{preset.key}/{value}"] = _entry(replace(preset.read(value), particles=PARTICLES))
    stored = {"presets": [{**p.to_dict(), "values": values[p.key], "label": _label(p)} for p in presets]}
    path.write_text(_joined({**stored, "entries": entries, "particles": PARTICLES}), encoding="utf-8")
    return path


def _of(settings: Settings) -> Preset:
    """The settings of a user as a story of one step; its slider is the first number of its noise."""
    name = NEEDED[settings.noise][0]
    value = float(getattr(settings, name))
    most = FIELDS[name][2]
    steps = tuple(f"{min(value * factor, most):.4g}" for factor in FACTORS)
    text = f"These settings for {len(steps)} values of one slider."
    return Preset("own", str(settings.problem.sde.landscape.name), text, tuple(settings.pairs()), (name, steps))


def _label(preset: Preset) -> str:
    name = preset.slider[0]
    return FIELDS[name][0] if name in FIELDS else name.removeprefix("p.")


def _entry(settings: Settings) -> dict[str, Any]:
    """What the page would ask the server for, all of it."""
    found = picture(settings)
    problem = settings.problem
    frames, shown = _frames(settings, found["clock"]["frames"])
    found["clock"]["frames"] = shown
    entry = {"picture": found, "movie": frames}
    for name, work in (("exits", exits), ("fields", fields)):
        if name == "exits" or problem.sde.dimension == 2:
            try:
                entry[name] = work(settings, lambda share, stage: None)
            except REFUSALS as error:
                found["table"]["notes"].append(" ".join(str(error).split()))
    return entry


def _frames(settings: Settings, count: int) -> tuple[str, int]:
    """Every third frame of the film in base64, and how many steps it has."""
    problem = settings.problem
    try:
        pieces = [piece[4:] for piece in movie(settings, problem, clock(settings, problem, at_once(problem)))]
    except REFUSALS:
        return "", count // EVERY
    frames = np.frombuffer(b"".join(pieces), dtype="<f4").reshape(count + 1, -1)[::EVERY]
    return base64.b64encode(np.ascontiguousarray(frames).tobytes()).decode("ascii"), len(frames) - 1


def _joined(stored: dict[str, Any]) -> str:
    """The page with everything inside; a script that was written into HTML may not hold its own end."""
    page = page_file("index.html")
    page = page.replace('<link rel="stylesheet" href="/page/page.css">', f"<style>\n{page_file('page.css')}</style>")
    scripts = [f"const FPSIM_STORED = {json.dumps(stored, allow_nan=False)};", plotly_script()]
    scripts += [page_file(name) for name in PAGE if name.endswith(".js")]
    head = [line for line in page.splitlines() if not line.startswith("<script ")]
    body = "\n".join("<script>\n" + text.replace("</script", END) + "\n</script>" for text in scripts)
    return "\n".join(head).replace("</body>", f"{body}\n</body>")
