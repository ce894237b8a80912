"""What the shell offers where a name is asked for; ``fpsim --install-completion`` sets it up."""

from __future__ import annotations


def landscapes(begun: str) -> list[str]:
    """Named landscapes."""
    from landscapes.catalogue.named import catalogue

    return _begin(begun, catalogue())


def scenes(begun: str) -> list[str]:
    """Films."""
    from animations.catalogue import FILMS

    return _begin(begun, FILMS)


def studies(begun: str) -> list[str]:
    """Studies of ``fpsim validate``."""
    from validation import EXPERIMENTS

    return _begin(begun, EXPERIMENTS)


def routes(begun: str) -> list[str]:
    """Routes to an escape time."""
    from fpsim.route import ROUTES

    return _begin(begun, ROUTES)


def _begin(begun: str, names: object) -> list[str]:
    return [name for name in names if name.startswith(begun)]  # type: ignore[attr-defined]
