"""Who may ask: only pages that this server itself served, under a name of this machine, or who knows the token.

A page of another site can make a browser send requests to 127.0.0.1; its Origin tells.  A name that another site lets
point to 127.0.0.1 (DNS rebinding) is told by the Host.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, urlsplit

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
COOKIE = "fpsim_token"
SHORTEST_TOKEN = 12
LONGEST_QUERY = 6000
HEADERS = {
    "content-security-policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'; "
        "base-uri 'none'; form-action 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
}


def is_loopback(host: str) -> bool:
    """Whether an address is one of this machine's own."""
    return host in ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Guard:
    """Refuses requests before anything else looks at them.

    Args:
        app: what answers the others.
        token: the word that everybody must know; ``None``: loopback only, by its names.
    """

    app: Any
    token: str | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on, or refuse it in one sentence."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        query = scope["query_string"]
        found = self._refusal(scope["path"], query, headers)
        if found is not None:
            await _answer(send, *found)
            return
        welcome = self.token is not None and self._token(query.decode("latin-1"), {}) == self.token

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                extra = dict(HEADERS)
                if welcome:
                    extra["set-cookie"] = f"{COOKIE}={self.token}; HttpOnly; SameSite=Strict; Path=/"
                message["headers"] = [*message["headers"], *_encoded(extra)]
            await send(message)

        await self.app(scope, receive, with_headers)

    def _refusal(self, path: str, query: bytes, headers: dict[str, str]) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if len(query) > LONGEST_QUERY:
            return 414, f"the address has {len(query)} characters of settings; at most {LONGEST_QUERY} are read"
        if self.token is None and host.rpartition(":")[0] not in LOOPBACK and host not in LOOPBACK:
            return 403, "this page answers under 127.0.0.1 or localhost only; open it under that address"
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "requests from pages of other origins are refused; open the page itself"
        site = headers.get("sec-fetch-site", "none")
        if site not in ("none", "same-origin") and not (path == "/" and headers.get("sec-fetch-mode") == "navigate"):
            return 403, "requests from pages of other sites are refused; open the page itself"
        if self.token is not None:
            given = self._token(query.decode("latin-1"), headers)
            if not hmac.compare_digest((given or "").encode(), self.token.encode()):
                return 403, "this page needs its token; open the address that fpsim explore printed"
        return None

    def _token(self, query: str, headers: dict[str, str]) -> str | None:
        try:
            cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
        except CookieError:
            cookie = None
        asked = parse_qs(query).get("token")
        return asked[0] if asked else cookie.value if cookie is not None else None


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in headers.items()]


async def _answer(send: Any, status: int, sentence: str) -> None:
    import json

    body = json.dumps({"error": sentence}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(body)), **HEADERS}
    await send({"type": "http.response.start", "status": status, "headers": _encoded(headers)})
    await send({"type": "http.response.body", "body": body})
