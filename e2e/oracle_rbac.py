"""What a filter chain of istiod's answer says of one request: allowed or refused, as Envoy would evaluate it.

Real: the chain. Simulated: Envoy; how its filters decide is written down here (RBAC, JWT authentication,
external authorization), independently of `migrator.exposure`. A request is a mapping of the fields that
policies name (`migrator.exposure.verdict.identity` lists those of an identity), as the peer sends them.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

_MANAGER = "HttpConnectionManager"
_PROVIDER = re.compile(r"istio-ext-authz-(?P<provider>.*?)-ns\[")
_HOLE = re.compile(r"\*\*?")
_PSEUDO = {":method": "method", ":authority": "host", ":path": "path"}
Request = Mapping[str, str | None]
Filter = Mapping[str, Any]


class UnknownFilterError(Exception):
    """The chain holds something whose meaning is not written down here."""


def allows(filters: Iterable[Filter], request: Request) -> bool:
    """Whether the request passes the filters of a chain, in their order; inner ones of HTTP included."""
    passing = _Passing(request)
    return all(passing.passes(one) for one in filters)


def passes_token_on(filters: Iterable[Filter], issuer: str) -> bool:
    """Whether a token of the issuer is still there for the next hop."""
    return all(
        provider.get("forward", False)
        for one in filters
        if _kind(one) == "JwtAuthentication"
        for provider in (one.get("providers") or {}).values()
        if provider.get("issuer") == issuer
    )


class _Passing:
    """A request on its way through the filters: what they found out about it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._claims: dict[str, str] = {}
        self._asked: set[str] = set()  # external authorizers

    def passes(self, one: Filter) -> bool:
        check = self._CHECKS.get(_kind(one))
        return check is None or check(self, one)

    def _rbac(self, one: Filter) -> bool:
        self._asked |= {
            found["provider"]
            for name, body in ((one.get("shadowRules") or {}).get("policies") or {}).items()
            if (found := _PROVIDER.match(name)) and self._meets(body)
        }
        if "rules" not in one:
            return True
        rules = one["rules"]
        met = any(self._meets(body) for body in (rules.get("policies") or {}).values())
        return {"ALLOW": met, "DENY": not met, "LOG": True}[rules.get("action", "ALLOW")]

    def _authorizer(self, _: Filter) -> bool:
        return not any(self._request.get(f"authorizer:{name}") for name in self._asked)

    def _token(self, one: Filter) -> bool:
        """Requirements as Istio writes them: one of the issuers, or no token at all."""
        token = self._request.get("token")
        if token is None:
            return True
        issuer, _, subject = token.rpartition("/")
        if issuer not in {p.get("issuer") for p in (one.get("providers") or {}).values()}:
            return False
        self._claims = {"iss": issuer, "sub": subject}
        claims = {k: v for k, v in self._request.items() if k.startswith("claim:")}
        self._claims |= {k.removeprefix("claim:"): v for k, v in claims.items() if v is not None}
        return True

    _CHECKS: Mapping[str, Callable[["_Passing", Filter], bool]] = {
        "RBAC": _rbac,
        "ExtAuthz": _authorizer,
        "JwtAuthentication": _token,
    }

    def _meets(self, policy: Mapping[str, Any]) -> bool:
        return all(any(map(self._holds, policy[part])) for part in ("permissions", "principals"))

    def _holds(self, matcher: Mapping[str, Any]) -> bool:  # noqa: C901, PLR0911, PLR0912  one case a matcher
        ((kind, body),) = matcher.items()
        match kind:
            case "any":
                return bool(body)
            case "andRules" | "andIds":
                return all(map(self._holds, next(iter(body.values()))))
            case "orRules" | "orIds":
                return any(map(self._holds, next(iter(body.values()))))
            case "notRule" | "notId":
                return not self._holds(body)
            case "destinationPort":
                return str(body) == self._request["port"]
            case "urlPath":
                return _text(body["path"], self._request.get("path"))
            case "uriTemplate":
                return _template(body["typedConfig"]["pathTemplate"], self._request.get("path"))
            case "header":
                return self._header(body)
            case "authenticated":
                return _text(body["principalName"], self._peer)
            case "filterState" if body["key"] == "io.istio.peer_principal":
                return _text(body["stringMatch"], self._peer)
            case "directRemoteIp" | "remoteIp":
                key = "source.ip" if kind == "directRemoteIp" else "remote.ip"
                return _within(body, self._request[key] or "")
            case "metadata" if body["filter"] == "envoy.filters.http.jwt_authn":
                names = [part["key"] for part in body["path"]]
                return _value(body["value"], self._claims.get("][".join(names[1:])))
            case _:
                raise UnknownFilterError(matcher)

    @property
    def _peer(self) -> str | None:
        principal = self._request.get("principal")
        return f"spiffe://{principal}" if principal else None

    def _header(self, matcher: Mapping[str, Any]) -> bool:
        name = matcher["name"]
        key = _PSEUDO.get(name, f"header:{name.lower()}")
        found = self._request.get(key)
        if "presentMatch" in matcher:
            met = (found is not None) is matcher["presentMatch"]
        else:
            met = _text(matcher["stringMatch"], found)
        return met is not matcher.get("invertMatch", False)


def _text(matcher: Mapping[str, Any], value: str | None) -> bool:
    """Envoy's StringMatcher; what is absent meets none."""
    if value is None:
        return False
    folded = matcher.get("ignoreCase", False)
    kind, wanted = next((k, v) for k, v in matcher.items() if k != "ignoreCase")
    if kind == "safeRegex":
        return re.fullmatch(wanted["regex"], value, re.DOTALL) is not None
    left, right = (value.lower(), wanted.lower()) if folded else (value, wanted)
    match kind:
        case "exact":
            return bool(left == right)
        case "prefix":
            return bool(left.startswith(right))
        case "suffix":
            return bool(left.endswith(right))
        case _:
            raise UnknownFilterError(matcher)


def _value(matcher: Mapping[str, Any], value: str | None) -> bool:
    """Envoy's ValueMatcher, of a claim that is a text or a list of one."""
    ((kind, body),) = matcher.items()
    match kind:
        case "stringMatch":
            return _text(body, value)
        case "listMatch":
            return _value(body["oneOf"], value)
        case "orMatch":
            return any(_value(one, value) for one in body["valueMatchers"])
        case _:
            raise UnknownFilterError(matcher)


@cache
def _expression(template: str) -> re.Pattern[str]:
    parts, holes = _HOLE.split(template), _HOLE.findall(template)
    text = re.escape(parts[0])
    for hole, part in zip(holes, parts[1:], strict=True):
        text += (r"[^/]+" if hole == "*" else r".*") + re.escape(part)
    return re.compile(text)


def _template(template: str, path: str | None) -> bool:
    return path is not None and _expression(template).fullmatch(path) is not None


def _within(block: Mapping[str, Any], address: str) -> bool:
    text = f"{block['addressPrefix']}/{block.get('prefixLen', 0)}"
    return ip_address(address) in ip_network(text, strict=False)


def _kind(config: Filter) -> str:
    return str(config.get("@type", "")).rpartition(".")[2]
