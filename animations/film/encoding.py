"""Pictures (height, width, 3) of bytes as a film, gif by Pillow or mp4 by PyAV; stills as png, svg and pdf."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
VECTORS = ("svg", "pdf")
STILLS = ("png", *VECTORS)
FORMATS = ("gif", "mp4", *STILLS)
COLOURS = 64
"""Colours of a gif."""
NEAR = 8
"""Least distance of its colours from those that it has exactly."""


class Drawing(Protocol):
    """A stage with everything on it."""

    def picture(self, frame: int) -> Picture:
        """The picture (height, width, 3) of one frame of its part."""
        ...

    def draw(self, frame: int, path: Path) -> None:
        """The same as SVG or PDF."""
        ...


def write_film(pictures: Iterable[Picture], path: str | Path, rate: float, kept: Sequence[str] = ()) -> Path:
    """Write ``pictures`` at ``rate`` per second to ``path``; its ending says how.  A gif has the colours ``kept``.

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
    writer: Any = {"gif": partial(_gif, kept=kept), "mp4": _mp4, "png": _png}[kind]
    return _written(path, lambda part: writer(chain([first], frames), part, rate))


def write_still(drawing: Drawing, frame: int, path: str | Path) -> Path:
    """Write one frame as svg or pdf; the ending of ``path`` says which."""
    check_path(Path(path))
    return _written(Path(path), lambda part: drawing.draw(frame, part))


def _written(path: Path, write: Callable[[Path], object]) -> Path:
    """A file that is there whole or not at all."""
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        write(part)
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


def _gif(frames: Iterator[Picture], path: Path, rate: float, kept: Sequence[str]) -> None:
    """One palette for all frames, no dither, so that what stands still costs nothing; delays add up exactly."""
    from PIL import Image

    packed, shape = [], (0, 0, 0)
    for frame in frames:  # the palette is chosen among them all, which do not fit into memory as they are
        shape = frame.shape
        packed.append(zlib.compress(frame.tobytes(), 1))

    def picture(number: int) -> Any:
        """One of them, unpacked."""
        return Image.frombytes("RGB", (shape[1], shape[0]), zlib.decompress(packed[number]))

    chosen = [picture(i) for i in np.linspace(0, len(packed) - 1, min(6, len(packed))).astype(int)]
    sheet = Image.new("RGB", (chosen[0].width, chosen[0].height * len(chosen)))
    for i, one in enumerate(chosen):
        sheet.paste(one, (0, i * one.height))
    palette = _palette(sheet, kept)
    flat = (picture(i).quantize(palette=palette, dither=Image.Dither.NONE) for i in range(len(packed)))
    ends = np.rint(np.arange(len(packed) + 1) * 100 / rate).astype(int) * 10  # a gif counts in hundredths of a second
    next(flat).save(path, save_all=True, append_images=flat, duration=np.diff(ends).tolist(), loop=0, optimize=False)


def _palette(sheet: Any, kept: Sequence[str]) -> Any:
    """The colours ``kept``, and a median cut of what is there."""
    from PIL import Image

    exact = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in dict.fromkeys(kept)]).reshape(-1, 3)
    others = COLOURS - len(exact)
    rest = np.array(sheet.quantize(others, method=Image.Quantize.MEDIANCUT).getpalette()[: 3 * others]).reshape(-1, 3)
    if len(exact):  # Pillow tells colours apart by eights: a near one would stand for the exact one
        rest = rest[np.abs(rest[:, None] - exact).max(axis=2).min(axis=1) >= NEAR]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.concatenate([exact, rest]).ravel().tolist())
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
