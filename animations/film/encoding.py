"""Pictures (height, width, 3) of bytes, written as a film: gif by Pillow, mp4 by PyAV, png of the last one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fpsim.plotting.style import CYCLE, INK, SHADE

Picture = NDArray[np.uint8]
FORMATS = ("gif", "mp4", "png")
COLOURS = 64
"""Colours of a gif."""
KEPT = ("#FFFFFF", INK, SHADE, *CYCLE, "#8F6200", "#9C4673")
"""Colours with a meaning; a gif has them exactly."""


def write_film(pictures: Iterable[Picture], path: str | Path, rate: float) -> Path:
    """Write ``pictures`` at ``rate`` per second to ``path``; its ending says how.

    Raises:
        ValueError: for another ending, a missing folder, or no pictures.
        ModuleNotFoundError: for mp4 without PyAV.
    """
    path = Path(path)
    kind = check_path(path)
    frames = iter(pictures)
    first = next(frames, None)
    if first is None:
        raise ValueError("a film needs at least one picture")
    writer = {"gif": _gif, "mp4": _mp4, "png": _png}[kind]
    part = path.with_name(f"{path.stem}.part.{kind}")
    try:
        writer(chain([first], frames), part, rate)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def check_path(path: Path) -> str:
    """The format that the ending of ``path`` names; also that it can be written here, before anything is computed."""
    kind = path.suffix.lstrip(".").lower()
    if kind not in FORMATS:
        raise ValueError(f"films are written as {', '.join(FORMATS)}; '{path.name}' ends in neither")
    if not path.parent.is_dir():
        raise ValueError(f"cannot write '{path}': the folder '{path.parent}' does not exist; create it first")
    if kind == "mp4":
        _av()
    return kind


def _av() -> Any:
    try:
        import av
    except ModuleNotFoundError:
        from landscapes.extras import missing

        raise missing("av", "a film in mp4 (--format gif needs nothing more)") from None
    return av


def _gif(frames: Iterator[Picture], path: Path, rate: float) -> None:
    """One palette for all frames, no dither, so that what stands still costs nothing; delays add up exactly."""
    from PIL import Image

    pictures = [Image.fromarray(frame) for frame in frames]
    chosen = [pictures[i] for i in np.linspace(0, len(pictures) - 1, min(6, len(pictures))).astype(int)]
    sheet = Image.new("RGB", (chosen[0].width, chosen[0].height * len(chosen)))
    for i, picture in enumerate(chosen):
        sheet.paste(picture, (0, i * picture.height))
    palette = _palette(sheet)
    flat = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
    ends = np.rint(np.arange(len(flat) + 1) * 100 / rate).astype(int) * 10  # a gif counts in hundredths of a second
    flat[0].save(path, save_all=True, append_images=flat[1:], duration=np.diff(ends).tolist(), loop=0, optimize=False)


def _palette(sheet: Any) -> Any:
    """The colours with a meaning, and a median cut of what is there."""
    from PIL import Image

    exact = [int(colour[i : i + 2], 16) for colour in KEPT for i in (1, 3, 5)]
    others = COLOURS - len(KEPT)
    rest = sheet.quantize(others, method=Image.Quantize.MEDIANCUT).getpalette()[: 3 * others]
    palette = Image.new("P", (1, 1))
    palette.putpalette(exact + rest)
    return palette


def _mp4(frames: Iterator[Picture], path: Path, rate: float) -> None:
    av = _av()
    with av.open(str(path), "w") as container:
        stream = None
        for picture in frames:
            height, width = (size - size % 2 for size in picture.shape[:2])  # H.264 wants even sizes
            if stream is None:
                stream = container.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.options = {"crf": "20", "preset": "medium"}
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture[:height, :width]), format="rgb24")
            container.mux(stream.encode(image))
        assert stream is not None
        container.mux(stream.encode())


def _png(frames: Iterator[Picture], path: Path, rate: float) -> None:
    from PIL import Image

    (last,) = deque(frames, maxlen=1)
    Image.fromarray(last).save(path)
