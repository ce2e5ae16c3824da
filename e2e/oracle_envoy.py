"""What istiod's answer to a sidecar or waypoint means: filter chains in a normal form.

Of each chain: what it is for, whether it takes TLS, the policies of its RBAC filters, its issuers, its
external authorizers, and its extensions.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .oracle import EXTENSION, LISTENER, Answer

_RBAC = (
    "envoy.extensions.filters.http.rbac.v3.RBAC",
    "envoy.extensions.filters.network.rbac.v3.RBAC",
)
_JWT = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
_AUTHORIZERS = (
    "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    "envoy.extensions.filters.network.ext_authz.v3.ExtAuthz",
)
_MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_WASM = (
    "envoy.extensions.filters.http.wasm.v3.Wasm",
    "envoy.extensions.filters.network.wasm.v3.Wasm",
)
_BAD = "-deny-due-to-bad-CUSTOM-action"
_POLICY = re.compile(
    rf"ns\[(?P<ns>[^]]*)\]-policy\[(?P<name>[^]]*)\]-rule\[(?P<rule>\d+)\](?:{_BAD})?\Z"
)
_INBOUND = "virtualInbound"
_HBONE = "main_internal"


class Rule(NamedTuple):
    """One rule of a policy, as a proxy enforces it, or only logs it (`shadow`)."""

    policy: str  # namespace/name
    index: int
    action: str  # ALLOW, DENY, LOG; CUSTOM where it asks an external authorizer
    shadow: bool
    body: str  # permissions and principals


class Chain(NamedTuple):
    """One filter chain."""

    listener: str
    name: str
    port: int  # 0: all the ports that have no chain of their own
    tls: bool
    raw: bool  # takes plaintext
    http: bool
    rules: frozenset[Rule]
    issuers: frozenset[str]
    authorizers: frozenset[str]
    extensions: frozenset[str]

    @property
    def policies(self) -> frozenset[tuple[str, str]]:
        """Which policies, with which action."""
        return frozenset((rule.policy, rule.action) for rule in self.rules)


def inbound(answer: Answer) -> list[Chain]:
    """What a sidecar does with what arrives, by mTLS or in plaintext."""
    return _chains(answer, _INBOUND)


def hbone(answer: Answer) -> list[Chain]:
    """What a sidecar or a waypoint does with what arrives in a tunnel."""
    return _chains(answer, _HBONE)


def mode(answer: Answer, port: int) -> str:
    """STRICT, PERMISSIVE or DISABLE: which kinds of connection the sidecar takes at a port."""
    chains = inbound(answer)
    own = [c for c in chains if c.port == port] or [c for c in chains if c.port == 0]
    tls, raw = any(c.tls for c in own), any(c.raw for c in own)
    return {(True, False): "STRICT", (True, True): "PERMISSIVE"}.get((tls, raw), "DISABLE")


def _chains(answer: Answer, listener: str) -> list[Chain]:
    body = answer[LISTENER].get(listener) or {}
    chains = list(body.get("filterChains") or ())
    if "defaultFilterChain" in body:
        chains.append(body["defaultFilterChain"])
    return [chain_of(answer, listener, chain) for chain in chains]


def chain_of(answer: Answer, listener: str, chain: Mapping[str, Any]) -> Chain:
    """A chain of a listener in its normal form."""
    match = chain.get("filterChainMatch") or {}
    found = list(filters(answer, chain))
    tls = "transportSocket" in chain
    return Chain(
        listener=listener,
        name=chain.get("name", ""),
        port=match.get("destinationPort", 0),
        tls=tls,
        raw=not tls and match.get("transportProtocol", "raw_buffer") == "raw_buffer",
        http=any(_type(f) == _MANAGER for f in found),
        rules=frozenset(rule for f in found if _type(f) in _RBAC for rule in _rules(f)),
        issuers=frozenset(
            provider.get("issuer", "")
            for f in found
            if _type(f) == _JWT
            for provider in (f.get("providers") or {}).values()
        ),
        authorizers=frozenset(_authorizer(f) for f in found if _type(f) in _AUTHORIZERS),
        extensions=frozenset(_extension(f) for f in found if _type(f) in _WASM),
    )


def filters(answer: Answer, chain: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The configurations of its network filters, and of HTTP filters inside; named ones looked up."""
    for outer in chain.get("filters") or ():
        config = _configuration(answer, outer)
        yield config
        for inner in config.get("httpFilters") or ():
            yield _configuration(answer, inner)


def _configuration(answer: Answer, named: Mapping[str, Any]) -> Mapping[str, Any]:
    if "typedConfig" in named:
        return dict(named["typedConfig"])
    found = (answer.get(EXTENSION) or {}).get(named["name"]) or {}
    return dict(found.get("typedConfig") or {})


def _rules(config: Mapping[str, Any]) -> Iterator[Rule]:
    for field, shadow in (("rules", False), ("shadowRules", True)):
        rules = config.get(field) or {}
        for name, body in (rules.get("policies") or {}).items():
            found = _POLICY.search(name)
            if found is None:
                continue
            custom = name.startswith("istio-ext-authz-")
            yield Rule(
                f"{found['ns']}/{found['name']}",
                int(found["rule"]),
                "CUSTOM" if custom else rules.get("action", "ALLOW"),
                shadow and not custom,
                repr(body),
            )


def _authorizer(config: Mapping[str, Any]) -> str:
    service = config.get("grpcService") or (config.get("httpService") or {}).get("serverUri") or {}
    return str((service.get("envoyGrpc") or {}).get("clusterName") or service.get("cluster", ""))


def _extension(config: Mapping[str, Any]) -> str:
    """`namespace/name` of the WasmPlugin; istiod joins them by a dot, and marks what it translated."""
    return str(config["config"]["name"]).partition("~")[0].replace(".", "/", 1)


def _type(config: Mapping[str, Any]) -> str:
    return str(config.get("@type", "")).rpartition("/")[2]
