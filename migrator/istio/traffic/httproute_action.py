"""What a route of a VirtualService does, in the terms of an HTTPRoute, or why it has none.

What Istio makes of an HTTPRoute: istio/istio pilot/pkg/config/kube/gateway/conversion.go
(`convertHTTPRoute`, `createRedirectFilter`, `createRewriteFilter`, `createMirrorFilter`), and of both kinds
pilot/pkg/networking/core/route/route.go (`TranslateRoute`). Retries are in Gateway API's experimental
channel only.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from migrator.istio.services import Service
from migrator.model.fieldpath import below

from .httproute_match import Misfits, is_header

Filter = dict[str, Any]

_DURATION = re.compile(r"(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}")
_GO_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|m|us|s)")
_MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1, "us": 0.001}
_HOSTNAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_ENTRIES, _VALUE_LENGTH, _PATH_LENGTH, _BACKENDS = 16, 4096, 1024, 16
_CODES = frozenset({301, 302, 303, 307, 308})
_HTTP = 80
_MILLION = 1_000_000
_FULL = 100
_WITHOUT = {
    "delegate": "an HTTPRoute does not delegate",
    "directResponse": "an HTTPRoute does not answer by itself",
    "fault": "an HTTPRoute injects no faults",
    "retries": "retries of an HTTPRoute are in the experimental channel, and mean something else",
    "corsPolicy": "an HTTPRoute answers preflights of other origins itself",
}


class Place(NamedTuple):
    """Where a route acts: its namespace, the port of the Service, and how Services are found."""

    namespace: str
    port: int
    service_of: Callable[[str], Service | None]


class Action(NamedTuple):
    """The rest of an HTTPRoute's rule beside its matches."""

    filters: tuple[Filter, ...]
    backends: tuple[dict[str, Any], ...]
    timeout: str

    def as_rule(self) -> dict[str, Any]:
        rule: dict[str, Any] = {}
        if self.filters:
            rule["filters"] = list(self.filters)
        if self.backends:
            rule["backendRefs"] = list(self.backends)
        if self.timeout:
            rule["timeouts"] = {"request": self.timeout}
        return rule


def converted(route: Mapping[str, Any], path: str, place: Place, said: Misfits) -> Action:
    """The action of `route` at `path`."""
    for name, why in _WITHOUT.items():
        if route.get(name):
            said.say(below(path, name), why)
    filters = [*_headers(route.get("headers") or {}, below(path, "headers"), said)]
    if route.get("redirect"):
        filters.append(_redirect(route["redirect"], below(path, "redirect"), place, said))
        return Action(tuple(filters), (), "")
    if route.get("rewrite"):
        filters.append(_rewrite(route, path, said))
    filters += _mirrors(route, path, place, said)
    backends = tuple(_backends(route.get("route") or (), below(path, "route"), place, said))
    return Action(tuple(filters), backends, _timeout(route, path, said))


def _timeout(route: Mapping[str, Any], path: str, said: Misfits) -> str:
    """Nothing for `0s`: then there is no timeout, as without the field."""
    asked = route.get("timeout") or ""
    total = sum(float(n) * _MILLISECONDS[unit] for n, unit in _GO_DURATION.findall(asked))
    if total == 0:
        return ""
    if _DURATION.fullmatch(asked):
        return str(asked)
    seconds, rest = divmod(round(total), 1000)
    found = f"{seconds}s" * bool(seconds) + f"{rest}ms" * bool(rest)
    if total != round(total) or not _DURATION.fullmatch(found):
        said.say(below(path, "timeout"), f"an HTTPRoute cannot write {asked}")
    return found


def _headers(headers: Mapping[str, Any], path: str, said: Misfits) -> Iterator[Filter]:
    for side, name in (
        ("request", "requestHeaderModifier"),
        ("response", "responseHeaderModifier"),
    ):
        asked = headers.get(side) or {}
        found: dict[str, Any] = {}
        for change in ("set", "add"):
            if asked.get(change):
                values = asked[change]
                _check_headers(values, below(path, side, change), said)
                found[change] = [{"name": key, "value": values[key]} for key in sorted(values)]
        if asked.get("remove"):
            _check_headers(dict.fromkeys(asked["remove"], "-"), below(path, side, "remove"), said)
            found["remove"] = list(dict.fromkeys(asked["remove"]))
        if found:
            yield {"type": name[0].upper() + name[1:], name: found}


def _check_headers(values: Mapping[str, str], path: str, said: Misfits) -> None:
    if len(values) > _ENTRIES:
        said.say(path, f"an HTTPRoute takes {_ENTRIES} headers")
    for name, value in values.items():
        if not is_header(name) or not 0 < len(value) <= _VALUE_LENGTH:
            said.say(below(path, name), "an HTTPRoute does not take this header and value")


def _rewrite(route: Mapping[str, Any], path: str, said: Misfits) -> Filter:
    rewrite, at = route["rewrite"], below(path, "rewrite")
    found: dict[str, Any] = {}
    if rewrite.get("uriRegexRewrite"):
        said.say(below(at, "uriRegexRewrite"), "an HTTPRoute rewrites by no regular expression")
    if rewrite.get("authority"):
        found["hostname"] = _hostname(rewrite["authority"], below(at, "authority"), said)
    if rewrite.get("uri"):
        found["path"] = _full_path(rewrite["uri"], below(at, "uri"), said)
        if not _is_exact(route):
            said.say(
                below(at, "uri"),
                "an HTTPRoute replaces whole segments of a path, a VirtualService any prefix",
            )
    return {"type": "URLRewrite", "urlRewrite": found}


def _is_exact(route: Mapping[str, Any]) -> bool:
    matches: Sequence[Mapping[str, Any]] = route.get("match") or ({},)
    return all((match.get("uri") or {}).get("exact") for match in matches)


def _full_path(uri: str, path: str, said: Misfits) -> dict[str, str]:
    """Istio puts it into the substitution of a regular expression, where a backslash has a meaning."""
    if "\\" in uri or not uri.startswith("/") or len(uri) > _PATH_LENGTH:
        said.say(path, f"an HTTPRoute does not take {uri!r} as a path")
    return {"type": "ReplaceFullPath", "replaceFullPath": uri}


def _hostname(host: str, path: str, said: Misfits) -> str:
    if not _HOSTNAME.fullmatch(host):
        said.say(path, f"an HTTPRoute does not take {host!r} as a host name")
    return host


def _redirect(asked: Mapping[str, Any], path: str, place: Place, said: Misfits) -> Filter:
    found: dict[str, Any] = {}
    if asked.get("prefixRewrite"):
        said.say(below(path, "prefixRewrite"), "an HTTPRoute replaces whole segments of a path")
    if asked.get("scheme"):
        found["scheme"] = asked["scheme"]
    if asked.get("authority"):
        found["hostname"] = _hostname(asked["authority"], below(path, "authority"), said)
    if asked.get("uri"):
        found["path"] = {"type": "ReplaceFullPath", "replaceFullPath": asked["uri"]}
    port = _redirect_port(asked, place)
    derived = 0 if asked.get("scheme") or place.port == _HTTP else place.port  # without a port
    if port != derived:
        found["port"] = port
    if port == 0 != derived:
        said.say(path, f"an HTTPRoute would name the request's port, {place.port}, in the answer")
    found["statusCode"] = asked.get("redirectCode") or 301
    if found["statusCode"] not in _CODES or asked.get("scheme") not in {None, "http", "https"}:
        said.say(path, "an HTTPRoute does not redirect with this code or scheme")
    return {"type": "RequestRedirect", "requestRedirect": found}


def _redirect_port(asked: Mapping[str, Any], place: Place) -> int:
    """The port that the answer names, 0 for none (`ApplyRedirect`)."""
    derived = asked.get("derivePort") == "FROM_REQUEST_PORT"
    port = int(asked.get("port") or (place.port if derived else 0))
    usual = 443 if asked.get("scheme") == "https" else _HTTP
    return 0 if port == usual else port


def _mirrors(route: Mapping[str, Any], path: str, place: Place, said: Misfits) -> Iterator[Filter]:
    asked = [
        (one.get("destination") or {}, below(path, "mirrors", i), one.get("percentage"))
        for i, one in enumerate(route.get("mirrors") or ())
    ]
    if route.get("mirror"):
        share = route.get("mirrorPercentage")
        if share is None and route.get("mirrorPercent") is not None:
            share = {"value": route["mirrorPercent"]}
        asked.insert(0, (route["mirror"], below(path, "mirror"), share))
    for destination, at, share in asked:
        percent = _FULL if share is None else share.get("value") or 0
        if percent:
            filter_ = {"backendRef": _backend(destination, at, place, said), **_share(percent)}
            yield {"type": "RequestMirror", "requestMirror": filter_}


def _share(percent: float) -> dict[str, Any]:
    if percent == _FULL:
        return {}
    if percent == int(percent):
        return {"percent": int(percent)}
    numerator = round(percent * _MILLION / _FULL)
    return {"fraction": {"numerator": numerator, "denominator": _MILLION}}


def _backends(
    route: Sequence[Mapping[str, Any]], path: str, place: Place, said: Misfits
) -> Iterator[dict[str, Any]]:
    if len(route) > _BACKENDS:
        said.say(path, f"an HTTPRoute takes {_BACKENDS} destinations")
    for i, one in enumerate(route):
        at = below(path, i)
        found = _backend(one.get("destination") or {}, below(at, "destination"), place, said)
        found["weight"] = one.get("weight", 0) if len(route) > 1 else 1
        filters = list(_headers(one.get("headers") or {}, below(at, "headers"), said))
        yield {**found, **({"filters": filters} if filters else {})}


def _backend(
    destination: Mapping[str, Any], path: str, place: Place, said: Misfits
) -> dict[str, Any]:
    """A Service with its port; without one it is the listener's. Where the Service has only another one,
    a waypoint takes that and a sidecar finds no cluster: no HTTPRoute says both.
    """
    host = destination.get("host", "")
    service = place.service_of(host)
    if destination.get("subset"):
        said.say(
            below(path, "subset"),
            f"an HTTPRoute leads to Services, not to subsets such as {destination['subset']}",
        )
    if service is None:
        said.say(path, f"{host} is no Service of the source")
        return {"group": "", "kind": "Service", "name": host, "port": place.port}
    port = (destination.get("port") or {}).get("number") or place.port
    if port not in {one.number for one in service.ports}:
        said.say(path, f"{host} has no port {port}")
    found = {"group": "", "kind": "Service", "name": service.name, "port": port}
    if service.namespace != place.namespace:
        found["namespace"] = service.namespace
    return found
