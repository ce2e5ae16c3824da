"""VirtualServices of the mesh, listed and drawn: one for a Service each, of which most are HTTPRoutes too.

`{host}` in a destination is the Service itself; `other` is a Service beside it, `far` one of another
namespace with another port.
"""

import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Body = dict[str, Any]

SELF = [{"destination": {"host": "{host}"}}]
OTHER = [{"destination": {"host": "other"}}]
OTHER_AT_80 = [{"destination": {"host": "other", "port": {"number": 80}}}]
FAR = [{"destination": {"host": "far.{elsewhere}.svc.cluster.local", "port": {"number": 9000}}}]
SET = {"request": {"set": {"x-a": "1"}, "add": {"x-b": "2"}, "remove": ["x-c"]}}
BACK = {"response": {"set": {"x-d": "%DOWNSTREAM_REMOTE_ADDRESS%"}, "add": {"x-e": "5"}}}


class Case(NamedTuple):
    """HTTP routes of a VirtualService, and further paths to ask for."""

    name: str
    http: list[Body]
    paths: tuple[str, ...] = ()
    ports: tuple[int, ...] = (80,)


def _of(
    name: str, *http: Body, paths: tuple[str, ...] = (), ports: tuple[int, ...] = (80,)
) -> Case:
    return Case(name, list(http), paths, ports)


def _on(**match: Any) -> Body:
    return {"match": [match], "route": OTHER}


ELSE: Body = {"route": SELF}

LISTED = (
    _of("plain", {"route": OTHER}),
    _of("itself", ELSE),
    _of("far", {"route": FAR}),
    _of("exact", _on(uri={"exact": "/a"}), ELSE),
    _of("exact-alone", _on(uri={"exact": "/a"})),
    _of("prefix", _on(uri={"prefix": "/a"}), ELSE),
    _of("prefix-slash", _on(uri={"prefix": "/a/"}), ELSE),
    _of("prefix-dot", _on(uri={"prefix": "/a.b+c"}), ELSE, paths=("/axbbc",)),
    _of("prefix-of-all", _on(uri={"prefix": "/"})),
    _of(
        "prefix-then-exact",
        _on(uri={"prefix": "/a"}),
        {"match": [{"uri": {"exact": "/b"}}], "route": FAR},
        ELSE,
    ),
    _of(
        "prefixes",
        _on(uri={"prefix": "/a/b"}),
        {"match": [{"uri": {"prefix": "/a"}}], "route": FAR},
        ELSE,
    ),
    _of("regex", _on(uri={"regex": "/a|/b[0-9]+"}), ELSE, paths=("/b7", "/b", "/b7x")),
    _of("regex-alone", _on(uri={"regex": "/v[12]/.*"}), paths=("/v1/x", "/v2/", "/v3/x")),
    _of("method", _on(method={"exact": "POST"}), ELSE),
    _of("methods", _on(method={"regex": "PUT|PATCH"}), ELSE),
    _of("header", _on(headers={"x-user": {"exact": "anna"}}), ELSE),
    _of("header-prefix", _on(headers={"x-user": {"prefix": "a.b"}}), ELSE),
    _of("header-regex", _on(headers={"x-user": {"regex": "ab+"}}), ELSE),
    _of("header-there", _on(headers={"x-user": {}}), ELSE),
    _of("header-star", _on(headers={"x-user": {"regex": "*"}}), ELSE),
    _of("header-host", _on(headers={"host": {"exact": "a.example"}}), ELSE),
    _of(
        "two-headers",
        _on(headers={"x-user": {"exact": "anna"}, "x-age": {"regex": "[0-9]+"}}),
        ELSE,
    ),
    _of("query", _on(queryParams={"page": {"exact": "1"}}), ELSE),
    _of("query-regex", _on(queryParams={"page": {"regex": "1+"}}), ELSE),
    _of("query-prefix", _on(queryParams={"page": {"prefix": "1"}}), ELSE),
    _of("query-there", _on(queryParams={"page": {"regex": "*"}}), ELSE),
    _of(
        "everything",
        _on(
            uri={"exact": "/a"},
            method={"exact": "PUT"},
            headers={"x-user": {"exact": "a"}},
            queryParams={"q": {"exact": "1"}},
        ),
        ELSE,
    ),
    _of(
        "any-of",
        {
            "match": [{"uri": {"exact": "/a"}}, {"headers": {"x-user": {"exact": "a"}}}],
            "route": OTHER,
        },
        ELSE,
    ),
    _of(
        "headers-by-number",
        _on(headers={"x-a": {"exact": "1"}, "x-b": {"exact": "1"}}),
        {"match": [{"headers": {"x-a": {"exact": "1"}}}], "route": FAR},
        ELSE,
    ),
    _of(
        "header-before-path",
        _on(headers={"x-a": {"exact": "1"}}, uri={"prefix": "/a"}),
        {"match": [{"uri": {"prefix": "/a"}}], "route": FAR},
        ELSE,
    ),
    _of("dead-rule", ELSE, _on(uri={"exact": "/a"})),
    _of(
        "dead-block",
        {"match": [{}, {"uri": {"exact": "/a"}}], "route": OTHER},
        {"redirect": {"uri": "/b"}},
    ),
    _of("weights", {"route": [{**SELF[0], "weight": 90}, {**OTHER[0], "weight": 10}]}),
    _of(
        "weights-of-three",
        {"route": [{**SELF[0], "weight": 1}, {**OTHER[0], "weight": 1}, {**FAR[0], "weight": 2}]},
    ),
    _of("weight-of-zero", {"route": [{**SELF[0], "weight": 100}, {**OTHER[0], "weight": 0}]}),
    _of("weight-alone", {"route": [{**OTHER[0], "weight": 50}]}),
    _of(
        "weights-with-headers",
        {
            "route": [
                {**SELF[0], "weight": 9, "headers": SET},
                {**OTHER[0], "weight": 1, "headers": BACK},
            ]
        },
    ),
    _of("headers", {"route": SELF, "headers": {**SET, **BACK}}),
    _of("headers-of-host", {"route": SELF, "headers": {"request": {"set": {"Host": "a.example"}}}}),
    _of("headers-of-destination", {"route": [{**SELF[0], "headers": SET}], "headers": BACK}),
    _of("timeout", {"route": SELF, "timeout": "5s"}),
    _of("timeout-fraction", {"route": SELF, "timeout": "1.5s"}),
    _of(
        "rewrite-exact",
        {"match": [{"uri": {"exact": "/a"}}], "rewrite": {"uri": "/b/c"}, "route": SELF},
        ELSE,
    ),
    _of(
        "rewrite-host",
        {
            "match": [{"uri": {"prefix": "/a"}}],
            "rewrite": {"authority": "a.example"},
            "route": SELF,
        },
    ),
    _of(
        "rewrite-both",
        {
            "match": [{"uri": {"exact": "/a"}}],
            "rewrite": {"uri": "/", "authority": "a.example"},
            "route": SELF,
        },
    ),
    _of("redirect-uri", {"match": [{"uri": {"exact": "/a"}}], "redirect": {"uri": "/b"}}, ELSE),
    _of("redirect-host", {"redirect": {"authority": "a.example", "redirectCode": 302}}),
    _of("redirect-https", {"redirect": {"scheme": "https", "redirectCode": 308}}),
    _of("redirect-port", {"redirect": {"scheme": "https", "port": 8443, "redirectCode": 307}}),
    _of(
        "redirect-own-port",
        {"redirect": {"authority": "a.example", "derivePort": "FROM_REQUEST_PORT"}},
        ports=(8080,),
    ),
    _of("redirect-other-port", {"redirect": {"uri": "/b", "port": 9090}}, ports=(8080,)),
    _of(
        "redirect-https-own-port",
        {"redirect": {"scheme": "https", "derivePort": "FROM_REQUEST_PORT"}},
        ports=(8080,),
    ),
    _of("redirect-with-headers", {"redirect": {"uri": "/b"}, "headers": BACK}),
    _of("mirror", {"route": SELF, "mirror": {"host": "other"}}),
    _of(
        "mirror-share",
        {"route": SELF, "mirror": {"host": "other"}, "mirrorPercentage": {"value": 12.5}},
    ),
    _of(
        "mirror-none",
        {"route": SELF, "mirror": {"host": "other"}, "mirrorPercentage": {"value": 0}},
    ),
    _of(
        "mirrors",
        {
            "route": SELF,
            "mirrors": [
                {"destination": {"host": "other"}, "percentage": {"value": 50}},
                {"destination": FAR[0]["destination"]},
            ],
        },
    ),
    _of(
        "two-ports",
        {"match": [{"port": 80, "uri": {"exact": "/a"}}], "route": OTHER},
        ELSE,
        ports=(80, 8080),
    ),
    _of("one-of-two-ports", {"match": [{"port": 8080}], "route": OTHER_AT_80}, ports=(80, 8080)),
    _of("same-for-two-ports", {"route": OTHER_AT_80, "timeout": "3s"}, ports=(80, 8080)),
)

_PATHS = ("/a", "/a/b", "/a/b/c", "/cart", "/carts", "/v1.0")
_HEADERS = ("x-user", "x-group")


def drawn(seed: int) -> Case:
    """A case by chance: up to four rules, their matches, and what they do."""
    chance = random.Random(seed)  # noqa: S311
    http = [_rule(chance) for _ in range(chance.randint(1, 4))]
    return Case(f"drawn-{seed}", [*http, *([ELSE] if chance.random() < 0.7 else [])])


def _rule(chance: random.Random) -> Body:
    match = [_block(chance) for _ in range(chance.randint(1, 2))]
    action = chance.choice(
        [{"route": SELF}, {"route": OTHER}, {"route": FAR}, {"redirect": {"uri": "/x"}},
         {"route": OTHER, "timeout": "2s"}, {"route": SELF, "headers": SET}]
    )  # fmt: skip
    return {"match": match, **action}


def _block(chance: random.Random) -> Body:
    block: Body = {}
    if chance.random() < 0.8:
        block["uri"] = {chance.choice(("exact", "prefix")): chance.choice(_PATHS)}
    if chance.random() < 0.3:
        block["method"] = {"exact": chance.choice(("GET", "PUT"))}
    if chance.random() < 0.4 or not block:
        kind = chance.choice(("exact", "prefix"))
        block["headers"] = {chance.choice(_HEADERS): {kind: chance.choice(("a", "b"))}}
    return block


def virtual_service(case: Case, host: str, spaces: tuple[str, str]) -> Body:
    """The VirtualService of `case` for Service `host`; `spaces` is where that is, and what is far."""
    home, elsewhere = spaces
    spec = {"hosts": [host], "http": _filled(case.http, {"host": host, "elsewhere": elsewhere})}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": case.name, "namespace": home},
        "spec": spec,
    }


def _filled(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, names) for one in value]
    return value.format(**names) if isinstance(value, str) and "{" in value else value


def cases(count: int) -> Iterator[Case]:
    """The listed ones, and `count` by chance."""
    yield from LISTED
    yield from (drawn(seed) for seed in range(count))
