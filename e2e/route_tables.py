"""Route tables as istiod sends them to a waypoint or a sidecar: what becomes of a request.

Two tables are the same when each request is answered the same: by the first route that matches, with the
same clusters and weights, path and host as rewritten, headers, timeouts, retries and mirrors. Left out are
names of routes, metadata, decorators and the answer for clusters that do not exist.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

from .oracle import LISTENER, ROUTE, Answer

_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_SCALE = {"HUNDRED": 100, "TEN_THOUSAND": 10_000, "MILLION": 1_000_000}
_OPERATIONS = (
    "requestHeadersToAdd", "requestHeadersToRemove", "responseHeadersToAdd", "responseHeadersToRemove",
)  # fmt: skip
_KEPT = ("timeout", "maxGrpcTimeout", "retryPolicy", "hostRewriteLiteral", "hashPolicy")
_LITERAL = re.compile(r"(?:[^\\.+*?()|\[\]{}^$]|\\[^A-Za-z0-9])*")

Route = Mapping[str, Any]
Table = Sequence[Route]


class NotComparedError(Exception):
    """A route asks for something whose meaning is not written down here."""


class Request(NamedTuple):
    """What routes look at."""

    path: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def at_waypoint(answer: Answer, host: str) -> dict[int, Table]:
    """The tables of a Service by port."""
    found: dict[int, Table] = {}
    chains = answer[LISTENER]["main_internal"]["filterChains"]
    for chain in chains:
        kind, _, rest = chain.get("name", "").partition("|")
        if kind != "inbound-vip" or not rest.endswith(f"|http|{host}"):
            continue
        for outer in chain["filters"]:
            config = outer.get("typedConfig") or {}
            if config.get("@type", "").endswith(_MANAGER):
                hosts = config["routeConfig"]["virtualHosts"]
                found[int(rest.partition("|")[0])] = hosts[0]["routes"]
    return found


def at_sidecar(answer: Answer, host: str) -> dict[int, Table]:
    """The same for what is called from a pod with a sidecar."""
    return {
        int(name): virtual["routes"]
        for name, config in answer[ROUTE].items()
        if name.isdigit()
        for virtual in config.get("virtualHosts") or ()
        if host in virtual["domains"] or f"{host}:{name}" in virtual["domains"]
    }


def sources(table: Table) -> set[str]:
    """The objects that the routes come from, as istiod names them; none of its own defaults."""
    configs = (r.get("metadata", {}).get("filterMetadata", {}).get("istio", {}) for r in table)
    return {config["config"].rpartition("/")[2] for config in configs if "config" in config}


def differences(one: Table, other: Table, samples: Sequence[str] = ()) -> list[str]:
    """Requests that the tables answer differently; `samples` are further paths to ask for."""
    found = []
    for request in requests((*one, *other), samples):
        first, second = reply(one, request), reply(other, request)
        if first != second:
            found.append(f"{request}\n  {first}\n  {second}")
    return found


def requests(routes: Sequence[Route], samples: Sequence[str]) -> Iterator[Request]:
    """Requests on both sides of everything that the routes ask for."""
    paths = {"/", "/none", *samples}
    values: dict[str, dict[str, set[str | None]]] = {"headers": {}, "queryParameters": {}}
    for match in (route["match"] for route in routes):
        start = _literal(match)
        paths |= {start, f"{start}x", f"{start}/", f"{start}/x", start[:-1]}
        for kind, found in values.items():
            for asked in match.get(kind) or ():
                text = _sample(asked)
                some = found.setdefault(asked["name"], {None, "", "elsewhere"})
                some |= {text, f"{text}x"}
    methods = values["headers"].pop(":method", {"GET"}) - {None, ""}
    for path, method, headers, query in product(
        sorted(path for path in paths if path.startswith("/")),
        sorted(map(str, methods)),
        _choices(values["headers"]),
        _choices(values["queryParameters"]),
    ):
        yield Request(path, method, headers, query)


def _choices(values: Mapping[str, set[str | None]]) -> list[tuple[tuple[str, str], ...]]:
    names = sorted(values)
    some = product(*(sorted(values[name], key=lambda v: (v is None, v or "")) for name in names))
    return [tuple((n, v) for n, v in zip(names, one, strict=True) if v is not None) for one in some]


def _literal(match: Mapping[str, Any]) -> str:
    """The text that a path begins with."""
    for kind in ("prefix", "path", "pathSeparatedPrefix"):
        if kind in match:
            return str(match[kind])
    literal = _LITERAL.match(match["safeRegex"]["regex"])
    return re.sub(r"\\(.)", r"\1", literal.group() if literal else "") or "/"


def _sample(asked: Mapping[str, Any]) -> str:
    string = asked.get("stringMatch") or {}
    if "safeRegex" in string:
        return re.sub(r"\\(.)|[.*+?]", r"\1", string["safeRegex"]["regex"])
    return str(string.get("exact") or string.get("prefix") or "some")


def reply(table: Table, request: Request) -> Any:
    """What the first route that matches makes of it; 404 where none does."""
    found = next((route for route in table if _matches(route["match"], request)), None)
    return "404" if found is None else _action(found, request)


def _matches(match: Mapping[str, Any], request: Request) -> bool:
    if match.get("dynamicMetadata"):
        message = f"routes by metadata (claims of tokens): {match}"
        raise NotComparedError(message)
    headers = {**dict(request.headers), ":method": request.method}
    return (
        _path_matches(match, request.path)
        and all(_value_matches(one, headers) for one in match.get("headers") or ())
        and all(
            _value_matches(one, dict(request.query)) for one in match.get("queryParameters") or ()
        )
    )


def _path_matches(match: Mapping[str, Any], path: str) -> bool:
    if not match.get("caseSensitive", True):
        message = f"paths without regard to their case: {match}"
        raise NotComparedError(message)
    if "path" in match:
        return bool(path == match["path"])
    if "safeRegex" in match:
        return bool(_compiled(match["safeRegex"]["regex"]).fullmatch(path))
    if "pathSeparatedPrefix" in match:
        start = match["pathSeparatedPrefix"]
        return path == start or path.startswith(f"{start}/")
    return path.startswith(match["prefix"])


def _value_matches(asked: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    value = values.get(asked["name"])
    string = asked.get("stringMatch") or {}
    if value is None:
        return False
    if asked.get("presentMatch"):
        return True
    if "safeRegex" in string:
        return bool(_compiled(string["safeRegex"]["regex"]).fullmatch(value))
    if "prefix" in string:
        return value.startswith(string["prefix"])
    return bool(value == string["exact"])


@cache
def _compiled(regex: str) -> re.Pattern[str]:
    return re.compile(regex)


def _action(route: Route, request: Request) -> Any:
    filters = route.get("typedPerFilterConfig") or {}
    for kind in ("redirect", "directResponse"):
        if kind in route:
            return kind, route[kind], _operations(route, {}), filters
    action = route["route"]
    return {
        "clusters": sorted(_clusters(route, action)),
        "path": _rewritten(route["match"], action, request.path),
        "mirrors": [_mirror(one) for one in action.get("requestMirrorPolicies") or ()],
        "filters": filters,
        **{key: action[key] for key in _KEPT if key in action},
    }


def _clusters(route: Route, action: Mapping[str, Any]) -> Iterator[tuple[str, float, str]]:
    """Name, share, and what is done to headers."""
    if "cluster" in action:
        yield action["cluster"], 1.0, repr(_operations(route, {}))
        return
    weighted = action["weightedClusters"]["clusters"]
    total = sum(one["weight"] for one in weighted)
    for one in weighted:
        yield one["name"], one["weight"] / total, repr(_operations(route, one))


def _operations(route: Route, cluster: Mapping[str, Any]) -> dict[str, Any]:
    found = {key: [*(route.get(key) or ()), *(cluster.get(key) or ())] for key in _OPERATIONS}
    return {**found, "host": cluster.get("hostRewriteLiteral")}


def _mirror(policy: Mapping[str, Any]) -> tuple[str, float]:
    share = policy["runtimeFraction"]["defaultValue"]
    scale = _SCALE[share.get("denominator", "HUNDRED")]
    return policy["cluster"], share.get("numerator", 0) / scale


def _rewritten(match: Mapping[str, Any], action: Mapping[str, Any], path: str) -> str:
    """Envoy takes away what matched: the prefix, or for the other kinds the whole path."""
    if "regexRewrite" in action:
        rewrite = action["regexRewrite"]
        return _compiled(rewrite["pattern"]["regex"]).sub(rewrite["substitution"], path)
    if "prefixRewrite" not in action:
        return path
    start = match.get("prefix") or match.get("pathSeparatedPrefix") or path
    return str(action["prefixRewrite"]) + path[len(start) :]
