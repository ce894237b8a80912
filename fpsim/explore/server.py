"""The requests that the page makes, and their answers; every refusal is one sentence.

    GET  /                      the page            GET    /api/picture?...        numbers and curves of settings
    GET  /api/choices           what there is       GET    /api/movie?...          frames of particles, streamed
    POST /api/jobs/KIND?...     heavy work          GET    /api/jobs/N, DELETE     its progress; its end
    GET  /api/data.nc?..., /api/TABLE.csv?...       what is on the page, as files

The address of every request but the first two holds the settings, so that the server keeps no state of any page.
Nothing that computes is imported here before it is asked for, so that the page loads while the rest does.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from functools import lru_cache, wraps
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fpsim.explore.guard import Guard
from fpsim.explore.jobs import BusyError, Jobs, sentence
from fpsim.explore.quick import Quick

if TYPE_CHECKING:
    from fpsim.explore.settings import Settings

PAGE = {
    "page.css": "text/css", "source.js": "text/javascript", "controls.js": "text/javascript",
    "stored.js": "text/javascript", "film.js": "text/javascript", "charts.js": "text/javascript",
    "page.js": "text/javascript",
}  # fmt: skip
"""Files of the page and their types, scripts in the order in which they load."""
FILMS = 6
"""Films that are computed at once."""
REFUSALS = (ValueError, TypeError, ArithmeticError, MemoryError)


def application(token: str | None = None, jobs: Jobs | None = None, pictures: Quick | None = None) -> Any:
    """The page as an ASGI application."""
    from starlette.applications import Starlette
    from starlette.exceptions import HTTPException
    from starlette.routing import Route

    server = _Server(jobs or Jobs(), pictures or Quick(pictured))

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        yield
        server.jobs.close()

    routes = [
        Route("/", server.page),
        Route("/page/{name}", server.part),
        Route("/plotly.min.js", server.plotly),
        Route("/api/choices", server.choices),
        Route("/api/picture", _explained(server.picture)),
        Route("/api/movie", _explained(server.movie)),
        Route("/api/jobs/{kind:str}", _explained(server.start), methods=["POST"]),
        Route("/api/jobs/{number:int}", _explained(server.ask), methods=["GET"]),
        Route("/api/jobs/{number:int}", _explained(server.stop), methods=["DELETE"]),
        Route("/api/data.nc", _explained(server.netcdf)),
        Route("/api/{table:str}.csv", _explained(server.csv)),
    ]
    handlers: dict[Any, Any] = {HTTPException: _no_such_page, Exception: _our_fault}
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
    return Guard(app, token)


class _Server:
    """State of one server: what is remembered, and what runs."""

    def __init__(self, jobs: Jobs, pictures: Quick) -> None:
        self.jobs, self.pictures = jobs, pictures
        self.films = threading.Semaphore(FILMS)

    def page(self, request: Any) -> Any:
        return _file("index.html", "text/html")

    def part(self, request: Any) -> Any:
        name = request.path_params["name"]
        if name not in PAGE:
            return _said(404, "there is no such page")
        return _file(name, PAGE[name])

    def plotly(self, request: Any) -> Any:
        from starlette.responses import Response

        headers = {"cache-control": "max-age=86400"}
        return Response(plotly_script(), media_type="text/javascript", headers=headers)

    def choices(self, request: Any) -> Any:
        from starlette.responses import JSONResponse

        from fpsim.explore.catalogue import choices

        return JSONResponse(choices())

    def picture(self, request: Any) -> Any:
        return _json(self.pictures(_settings(request)))

    def movie(self, request: Any) -> Any:
        """The stream of moving particles; what makes paths impossible is an answer of its own."""
        from starlette.responses import StreamingResponse

        from fpsim.explore.movie import movie

        settings = _settings(request)
        problem, time = settings.problem, self._clock(settings)
        pieces = self._in_turn(movie(settings, problem, time))
        first = next(pieces)  # what makes paths impossible is said here
        return StreamingResponse(_to_the_end(first, pieces), media_type="application/octet-stream")

    def _clock(self, settings: Settings) -> Any:
        from fpsim.explore.clock import Clock, step_of

        shown = json.loads(self.pictures(settings))["clock"]
        return Clock(shown["film"], step_of(settings.problem, shown["film"]), shown["survival"])

    def _in_turn(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Few films at once: each piece takes a turn of its own, so that a reader who waits holds up nobody."""
        while True:
            if not self.films.acquire(timeout=10):
                raise BusyError("too many films are asked for at once; try again in a while")
            try:
                piece = next(pieces, None)
            finally:
                self.films.release()
            if piece is None:
                return
            yield piece

    def start(self, request: Any) -> Any:
        """Begin a job in the background, and say its number."""
        from fpsim.explore.heavy import JOBS

        kind, settings = request.path_params["kind"], _settings(request)
        if kind not in JOBS:
            raise ValueError(f"there is no job '{kind[:40]}'; known are {', '.join(JOBS)}")
        _ = settings.problem  # what is no problem is said now
        job = self.jobs.start((kind, settings), lambda tell: JOBS[kind](settings, tell))
        return _json(json.dumps(job.to_dict(), allow_nan=False).encode())

    def ask(self, request: Any) -> Any:
        try:
            job = self.jobs.find(request.path_params["number"])
        except KeyError:
            return _said(404, "there is no such job, or nobody asked after it for a while; start it again")
        return _json(json.dumps(job.to_dict(), allow_nan=False).encode())

    def stop(self, request: Any) -> Any:
        try:
            self.jobs.find(request.path_params["number"]).cancel.set()
        except KeyError:
            return _said(404, "there is no such job")
        return _json(b"{}")

    def netcdf(self, request: Any) -> Any:
        from starlette.responses import Response

        from fpsim.explore.downloads import as_netcdf

        data = as_netcdf(json.loads(self.pictures(_settings(request))))
        return Response(data, media_type="application/x-netcdf", headers=_attached("fpsim.nc"))

    def csv(self, request: Any) -> Any:
        from starlette.responses import Response

        from fpsim.explore.downloads import as_csv

        name = request.path_params["table"]
        text = as_csv(json.loads(self.pictures(_settings(request))), name)
        return Response(text, media_type="text/csv", headers=_attached(f"fpsim-{name}.csv"))


def page_file(name: str) -> str:
    """The text of a file of the page."""
    return (files("fpsim.explore") / "page" / name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def plotly_script() -> str:
    """plotly.js as the installed package ``plotly`` ships it."""
    return (files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def pictured(settings: Settings) -> dict[str, Any]:
    """:func:`fpsim.explore.picture.picture`, loaded when it is first wanted."""
    from fpsim.explore.picture import picture

    return picture(settings)


def _settings(request: Any) -> Settings:
    from fpsim.explore.settings import Settings

    return Settings.read((name, value) for name, value in request.query_params.multi_items() if name != "token")


def _explained(endpoint: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """An endpoint whose refusals become one sentence."""

    @wraps(endpoint)
    def answered(request: Any) -> Any:
        try:
            return endpoint(request)
        except BusyError as error:
            return _said(503, sentence(error))
        except REFUSALS as error:
            return _said(400, _without_flags(sentence(error)))

    return answered


def _without_flags(text: str) -> str:
    """A sentence about options of the command line, whose fields have no dashes on the page."""
    return re.sub(r"--([a-z][a-z-]*)", lambda flag: flag[1].replace("-", " "), text)


def _to_the_end(first: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    from fpsim.explore.movie import stopped

    yield first
    try:
        yield from pieces
    except REFUSALS as error:
        yield stopped(error)


def _file(name: str, kind: str) -> Any:
    from starlette.responses import Response

    return Response(page_file(name), media_type=kind, headers={"cache-control": "no-cache"})


def _json(body: bytes) -> Any:
    from starlette.responses import Response

    return Response(body, media_type="application/json")


def _said(status: int, text: str) -> Any:
    from starlette.responses import JSONResponse

    return JSONResponse({"error": text}, status)


def _attached(name: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="{name}"'}


def _no_such_page(request: Any, error: Any) -> Any:
    known = {404: "there is no such page", 405: "this page is not asked like that"}
    return _said(error.status_code, known.get(error.status_code, str(error.detail)))


def _our_fault(request: Any, error: Exception) -> Any:
    return _said(500, f"this is a fault of fpsim, not of the settings ({type(error).__name__}); please report it")
