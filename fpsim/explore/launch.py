"""Serve the page on this machine and open a browser on it."""

from __future__ import annotations

import socket
import threading
import warnings
import webbrowser
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fpsim.explore.guard import SHORTEST_TOKEN, is_loopback
from fpsim.explore.kept import Kept
from fpsim.explore.quick import Quick
from fpsim.explore.server import REFUSALS, application, pictured

if TYPE_CHECKING:
    from fpsim.explore.settings import Settings

CONNECTIONS = 100
"""At once; more are refused by the server."""


def checked_host(host: str, token: str | None) -> None:
    """Refuse to serve other machines without a token.

    Raises:
        ValueError: where the host is none of this machine's own addresses and the token is missing or short.
    """
    if token is not None and len(token) < SHORTEST_TOKEN:
        raise ValueError(f"--token needs at least {SHORTEST_TOKEN} characters; it has {len(token)}")
    if token is not None and not (token.isascii() and token.replace("-", "").replace("_", "").isalnum()):
        raise ValueError("--token takes letters, digits, '-' and '_' only")
    if not is_loopback(host) and token is None:
        raise ValueError(
            f"--host {host} would let other machines in; give --token WORD too ({SHORTEST_TOKEN} characters or more), "
            "or leave --host out"
        )


def opened(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    Raises:
        ValueError: if the port is taken or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(CONNECTIONS)  # a browser that comes before the server is ready waits
    except OSError as error:
        listener.close()
        raise ValueError(f"cannot listen on {host}, port {port} ({error.strerror}); try another --port") from None
    return listener


def address(host: str, port: int, settings: Settings | None, token: str | None) -> str:
    """Where the page is, with its settings and token."""
    name = "127.0.0.1" if host == "0.0.0.0" else f"[{host}]" if ":" in host else host
    pairs = [*(settings.pairs() if settings else []), *([("token", token)] if token else [])]
    return f"http://{name}:{port}/" + (f"?{urlencode(pairs)}" if pairs else "")


def serve(settings: Settings | None, host: str, port: int, token: str | None, browser: bool) -> None:
    """Serve until Ctrl-C.

    Raises:
        ValueError: for a host or port that cannot be served.
    """
    checked_host(host, token)
    listener = opened(host, port)
    pictures = Quick(pictured, disk=Kept())
    server = page_server(token, pictures)
    found = address(host, listener.getsockname()[1], settings, token)
    warnings.simplefilter("ignore")  # what is doubtful is said on the page
    print(f"fpsim explore: {found}  (Ctrl-C ends it)", flush=True)
    threading.Thread(target=_first, args=(pictures, settings), daemon=True).start()
    if browser:
        threading.Thread(target=webbrowser.open, args=(found,), daemon=True).start()
    with suppress(KeyboardInterrupt):  # the way to end it
        server.run(sockets=[listener])


def page_server(token: str | None = None, pictures: Quick | None = None) -> Any:
    """The server, ready to ``run(sockets=[...])``; asked to exit, it waits two seconds for what is still streaming."""
    import logging

    import uvicorn

    logging.getLogger("uvicorn.error").addFilter(_is_a_fault)
    return uvicorn.Server(
        uvicorn.Config(
            application(token, pictures=pictures), log_level="warning", limit_concurrency=CONNECTIONS,
            timeout_keep_alive=30, ws="none", timeout_graceful_shutdown=2,
        )
    )  # fmt: skip


def _is_a_fault(record: Any) -> bool:
    """Whether a record of the log is more than that streams were cut off at the end."""
    from asyncio import CancelledError

    cut = record.exc_info and isinstance(record.exc_info[1], CancelledError)
    return not (cut or "graceful shutdown exceeded" in str(record.msg))


def _first(pictures: Quick, settings: Settings | None) -> None:
    """Load what computes while the browser still starts, the first picture at the head of it.

    The page's own request finds that picture, or waits for it.
    """
    from fpsim.explore.presets import PRESETS

    first = settings or PRESETS[0].read()
    with suppress(*REFUSALS):  # the page says it
        pictures(first)
        pictured(first)
