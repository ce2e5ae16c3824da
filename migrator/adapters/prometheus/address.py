"""Where Prometheus is, and who asks: credentials never reach a message, a plan or a file."""

import base64
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

TOKEN = "MIGRATE_PROMETHEUS_TOKEN"  # noqa: S105  the name of a variable


@dataclass(frozen=True)
class Address:
    """`place` may be shown; `authorization` is the header's value, or empty."""

    place: str
    authorization: str = field(default="", repr=False)


def parse_address(url: str, token: str = "") -> Address:
    """The address in `url`, with its credentials or `token`. Raises ValueError without repeating `url`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in {"http", "https"}:
        msg = "this is no http:// or https:// address of a Prometheus"
        raise ValueError(msg)
    if parts.query or parts.fragment:
        msg = "the address of a Prometheus has no query and no fragment"
        raise ValueError(msg)
    named = f"[{host}]" if ":" in host else host
    place = urlunsplit(
        (parts.scheme, f"{named}:{port}" if port else named, parts.path.rstrip("/"), "", "")
    )
    if parts.username is None and parts.password is None:
        return Address(place, _bearer(token) if token else "")
    if token:
        msg = f"credentials stand in the address and in {TOKEN}; use one of them"
        raise ValueError(msg)
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return Address(place, "Basic " + base64.b64encode(pair.encode()).decode())


def _bearer(token: str) -> str:
    if not token.isascii() or not token.isprintable() or " " in token:
        msg = f"{TOKEN} holds what no token holds: a space, a line break or a letter beyond ASCII"
        raise ValueError(msg)
    return f"Bearer {token}"
