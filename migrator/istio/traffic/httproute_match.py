"""A match block of a VirtualService in the terms of an HTTPRoute, or why it has none.

What Istio makes of an HTTPRoute: istio/istio pilot/pkg/config/kube/gateway/conversion.go
(`createURIMatch`, `createHeadersMatch`, `createQueryParamsMatch`, `createMethodMatch`), and of both kinds
pilot/pkg/networking/core/route/route.go (`TranslateRouteMatch`). The limits are those of the CRD
(kubernetes-sigs/gateway-api config/crd/standard).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from migrator.model.fieldpath import below

Match = dict[str, Any]

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
_PATH = re.compile(r"(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+")
_NO_PATH = re.compile(r"//|/\.\.?/|/\.\.?\Z|%2[fF]")
_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]{1,256}")
_META = re.compile(r"[\\.+*?()|\[\]{}^$]")
_PATH_LENGTH, _QUERY_LENGTH, _HEADER_LENGTH, _ENTRIES = 1024, 1024, 4096, 16
_WITHOUT = {
    "scheme": "an HTTPRoute does not match schemes",
    "authority": "the hostnames of a route with a Service as parent are not compared",
    "sourceLabels": "an HTTPRoute is the same for every caller",
    "sourceNamespace": "an HTTPRoute is the same for every caller",
    "withoutHeaders": "an HTTPRoute has no negated match",
    "statPrefix": "an HTTPRoute has no name for statistics",
}


class Misfit(NamedTuple):
    """A field that an HTTPRoute cannot say, and why."""

    path: str
    why: str


class Misfits(list[Misfit]):
    """What was found so far."""

    def say(self, path: str, why: str) -> None:
        self.append(Misfit(path, why))


def is_header(name: str) -> bool:
    return bool(_NAME.fullmatch(name))


def converted(match: Mapping[str, Any], path: str, said: Misfits, *, bare: str) -> list[Match]:
    """The matches that together ask what the block asks, ports aside; each names its path.

    `bare`: how a block says that any path will do, `PathPrefix` or `RegularExpression`. Istio ranks the
    rules of an HTTPRoute by it.
    """
    for name, why in _WITHOUT.items():
        if match.get(name):
            said.say(below(path, name), why)
    if match.get("ignoreUriCase") and match.get("uri"):
        said.say(below(path, "ignoreUriCase"), "an HTTPRoute compares paths with their case")
    found: Match = {"path": _uri(match.get("uri") or {}, below(path, "uri"), said, bare)}
    for name, limit in (("headers", _HEADER_LENGTH), ("queryParams", _QUERY_LENGTH)):
        entries = list(_entries(match.get(name) or {}, below(path, name), said, limit))
        if entries:
            found[name] = entries
    methods = _methods(match.get("method") or {}, below(path, "method"), said)
    return [{**found, "method": method} if method else dict(found) for method in methods]


def _uri(uri: Mapping[str, str], path: str, said: Misfits, bare: str) -> dict[str, str]:
    """A prefix of a VirtualService covers `/apis` by `/api`, one of an HTTPRoute does not: so it becomes a
    regular expression.
    """
    kind, value = next(iter(uri.items()), ("prefix", "/"))
    if (kind, value) == ("prefix", "/"):
        return {"type": bare, "value": "/" if bare == "PathPrefix" else "/.*"}
    if kind == "regex":
        return _regular(value, path, said)
    if not value.startswith("/"):
        said.say(path, f"{value!r} is no path")
    if kind == "prefix":
        return _regular(f"{quoted(value)}.*", path, said)
    if len(value) > _PATH_LENGTH or not _PATH.fullmatch(value) or _NO_PATH.search(value):
        said.say(path, f"an HTTPRoute does not take {value!r} as a path")
    return {"type": "Exact", "value": value}


def _regular(value: str, path: str, said: Misfits) -> dict[str, str]:
    if len(value) > _PATH_LENGTH:
        said.say(path, f"an HTTPRoute takes {_PATH_LENGTH} characters for a path")
    return {"type": "RegularExpression", "value": value}


def quoted(text: str) -> str:
    """`text` as a regular expression that matches nothing else."""
    return _META.sub(r"\\\g<0>", text)


def _entries(
    asked: Mapping[str, Mapping[str, str]], path: str, said: Misfits, limit: int
) -> Iterator[dict[str, str]]:
    if len(asked) > _ENTRIES:
        said.say(path, f"an HTTPRoute takes {_ENTRIES} of them in a match")
    for name, value in asked.items():
        if not is_header(name):
            said.say(below(path, name), f"an HTTPRoute takes no name like {name}")
        kind, text = _text(value)
        if not text or len(text) > limit:
            said.say(below(path, name), f"an HTTPRoute compares with 1 to {limit} characters")
        yield {"type": kind, "name": name, "value": text}


def _text(value: Mapping[str, str]) -> tuple[str, str]:
    """Nothing asked, or `*` as a regular expression, asks that it is there
    (`canBeConvertedToPresentMatch`).
    """
    kind, text = next(iter(value.items()), ("regex", "*"))
    match kind:
        case "exact":
            return "Exact", text
        case "prefix":
            return "RegularExpression", f"{quoted(text)}.*"
        case _:
            return "RegularExpression", ".*" if text == "*" else text


def _methods(method: Mapping[str, str], path: str, said: Misfits) -> tuple[str, ...]:
    """The methods; one that is empty where all are meant."""
    kind, value = next(iter(method.items()), ("exact", ""))
    found = tuple(value.split("|")) if kind == "regex" else (value,)
    if method and (kind == "prefix" or not set(found) <= set(METHODS)):
        said.say(path, f"an HTTPRoute does not match methods by {kind} {value!r}")
    return tuple(dict.fromkeys(found))
