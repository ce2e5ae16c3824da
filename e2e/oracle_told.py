"""Everything that istiod tells the proxies of some namespaces at one moment, and what they make of a request.

Real: every answer. Simulated: ztunnel and Envoy, whose evaluation `oracle_rbac` and this file write down.
Pods that are alike (workload, mode, labels) are asked for once.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple

from .api import Api, Reachable
from .oracle import LISTENER, Answer, Oracle
from .oracle_envoy import Chain, chain_of, filters
from .oracle_rbac import Request, allows
from .oracle_ztunnel import (
    Authorization,
    Condition,
    ZtunnelWorkload,
    authorizations,
    bound_to,
    service_waypoints,
    workloads,
)

OF_WORKLOAD = "e2e.migrate/workload"  # on pods that no controller made: whose they stand for
_STATUS = "sidecar.istio.io/status"
_REDIRECTION = "ambient.istio.io/redirection"
_GATEWAY = "gateway.networking.k8s.io/gateway-name"
_HASHES = {"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name",
           "apps.kubernetes.io/pod-index", "pod-template-generation"}  # fmt: skip
_ALPN = {("mtls", True): "istio-http/1.1", ("mtls", False): "istio"}
_CONVERTED = ("istio_converted_", "converted_peer_authentication_")  # PeerAuthentications
_LISTENERS = {"mtls": "virtualInbound", "plain": "virtualInbound", "hbone": "main_internal"}


Clusters = Mapping[str, Mapping[str, Any]]
ROLES = ("sidecar", "router")


class Alike(NamedTuple):
    """Pods that are alike. `mode`: sidecar, hbone (a sidecar that takes it), ambient or none."""

    workload: str  # namespace/name
    mode: str
    labels: tuple[tuple[str, str], ...]


class Proxy:
    """A sidecar or a waypoint, as istiod configures it."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._filters: dict[int, tuple[Mapping[str, Any], ...]] = {}

    @cached_property
    def text(self) -> str:
        """The same for proxies that were told the same, but for their own address."""
        told = [self._chains(listener) for listener in sorted(set(_LISTENERS.values()))]
        bare = [
            [{**c, "filterChainMatch": _match(c, {"prefixRanges"})} for c in one] for one in told
        ]
        return json.dumps([bare, self._answer.get(_EXTENSIONS)], sort_keys=True)

    def at(self, connection: str, port: int, *, http: bool) -> Mapping[str, Any] | None:
        """The chain of a sidecar that takes a connection; None where none does."""
        found = self._chains(_LISTENERS[connection])
        own = [c for c in found if _match(c).get("destinationPort", 0) == port]
        transport = "tls" if connection == "mtls" else "raw_buffer"
        kept = [
            c
            for c in own or [c for c in found if "destinationPort" not in _match(c)]
            if _match(c).get("transportProtocol", transport) == transport
        ]
        protocol = _ALPN.get((connection, http), "http/1.1" if http else "")
        named = [c for c in kept if protocol in _match(c).get("applicationProtocols", ())]
        open_ = [c for c in kept if not _match(c).get("applicationProtocols")]
        return next(iter([*named, *open_]), None)

    def of_service(self, host: str, port: int, *, http: bool) -> Mapping[str, Any] | None:
        """The chain of a waypoint for a port of a Service."""
        wanted = f"inbound-vip|{port}|{'http' if http else 'tcp'}|{host}"
        return next((c for c in self._chains("main_internal") if c.get("name") == wanted), None)

    def filters(self, chain: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        if id(chain) not in self._filters:
            self._filters[id(chain)] = tuple(filters(self._answer, chain))
        return self._filters[id(chain)]

    def normal(self, chain: Mapping[str, Any]) -> Chain:
        return chain_of(self._answer, "", chain)

    def http_chains(self) -> list[Chain]:
        """Those of a sidecar that read requests, in their normal form."""
        found = [self.normal(c) for name in _LISTENERS.values() for c in self._chains(name)]
        return [chain for chain in found if chain.http]

    @property
    def takes_hbone(self) -> bool:
        return bool(self._chains("main_internal"))

    def _chains(self, listener: str) -> list[Mapping[str, Any]]:
        body = self._answer[LISTENER].get(listener) or {}
        return [*(body.get("filterChains") or ())]


class Told(NamedTuple):
    """One moment. `services`: the waypoint of each Service by host, as `namespace/name` of its Gateway.
    `clusters`: how a sidecar and a gateway (`router`) reach each port of a Service, by the cluster's name.
    """

    pods: Mapping[Alike, "Server"]
    services: Mapping[str, str]
    waypoints: Mapping[str, Proxy]
    clusters: Mapping[str, Clusters]

    def way_to(self, host: str, port: int, role: str) -> tuple[str, ...]:
        """What it can send to a port of a Service: names of istiod's, `always` before one for any endpoint,
        and `mtls` where that is all.
        """
        cluster = self.clusters[role][f"outbound|{port}||{host}"]
        matches = tuple(
            one["name"] if one.get("match") is not None else f"always {one['name']}"
            for one in cluster.get("transportSocketMatches", ())
        )
        if cluster["type"] != "ORIGINAL_DST":
            return matches
        return ("mtls",) if "transportSocket" in cluster else ("plain",)


class Server(NamedTuple):
    """What acts at pods: their sidecar, or ztunnel's policies where they are ambient, or nothing."""

    proxy: Proxy | None
    ztunnel: frozenset[Authorization]

    @property
    def text(self) -> str:
        """The same for servers at which the same acts."""
        return self.proxy.text if self.proxy else str(sorted(self.ztunnel))

    @property
    def issuers(self) -> frozenset[str]:
        chains = self.proxy.http_chains() if self.proxy else []
        return frozenset(issuer for chain in chains for issuer in chain.issuers)

    @property
    def policies(self) -> frozenset[tuple[str, str]]:
        """AuthorizationPolicies with their actions; those that only log left out."""
        chains = self.proxy.http_chains() if self.proxy else []
        rules = {r for c in chains for r in c.rules if r.action != "LOG" and not r.shadow}
        own = {p for p in self.ztunnel if not p.name.partition("/")[2].startswith(_CONVERTED)}
        return frozenset(
            {*((r.policy, r.action) for r in rules), *((p.name, p.action) for p in own)}
        )


class Asked(NamedTuple):
    """What ztunnel, and proxies that call, are told of the whole mesh."""

    ztunnel: Answer
    clusters: Mapping[str, Clusters]

    @classmethod
    def of(cls, oracle: Oracle) -> "Asked":
        return cls(oracle.ztunnel(), {role: oracle.clusters(role) for role in ROLES})


def tell(
    plane: Reachable, oracle: Oracle, namespaces: Iterable[str], asked: Asked | None = None
) -> Told | None:
    """What is told now; None while a running pod is not known to istiod yet.

    `asked` is what was told of the whole mesh already.
    """
    answer, clusters = asked or Asked.of(oracle)
    policies, known = authorizations(answer), workloads(answer)
    pods: dict[Alike, Server] = {}
    waypoints: dict[str, Proxy] = {}
    for namespace, pod in running(plane, namespaces):
        labels = pod["metadata"].get("labels") or {}
        told = known.get(f"{namespace}/{pod['metadata']['name']}")
        if told is None:
            return None
        if is_waypoint(pod):
            waypoints[f"{namespace}/{labels[_GATEWAY]}"] = Proxy(oracle.envoy(pod))
        elif _GATEWAY not in labels:
            key = _alike(namespace, told, pod)
            if key not in pods:
                pods[key] = _server(oracle, pod, key, frozenset(_bound(told, policies)))
    services = {
        service.partition("/")[2]: _gateway(waypoint)
        for service, waypoint in service_waypoints(answer).items()
    }
    return Told(pods, services, waypoints, clusters)


def ztunnel_allows(policies: Iterable[Authorization], request: Request) -> bool:
    """A DENY that matches refuses; where there is an ALLOW one must match (`assert_rbac`, src/state.rs)."""
    met: dict[str, list[bool]] = {"ALLOW": [], "DENY": []}
    for policy in policies:
        met[policy.action].append(policy.matches(lambda c: _holds(c, request)))
    return not any(met["DENY"]) and (not met["ALLOW"] or any(met["ALLOW"]))


def sidecar_allows(proxy: Proxy, request: Request, connection: str, *, http: bool) -> bool:
    """Whether the connection finds a chain, and the request passes its filters."""
    chain = proxy.at(connection, int(request["port"] or 0), http=http)
    return chain is not None and allows(proxy.filters(chain), request)


_EXTENSIONS = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"


def _match(chain: Mapping[str, Any], without: Iterable[str] = ()) -> dict[str, Any]:
    found = chain.get("filterChainMatch") or {}
    return {k: v for k, v in found.items() if k not in set(without)}


def _bound(told: ZtunnelWorkload, policies: Mapping[str, Authorization]) -> list[Authorization]:
    return [policies[name] for name in bound_to(told, policies)]


def running(plane: Reachable, namespaces: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every pod that runs, with its namespace."""
    api = Api(plane)
    for namespace in namespaces:
        for pod in api.items(f"/api/v1/namespaces/{namespace}/pods"):
            if _runs(pod):
                yield namespace, pod


def is_waypoint(pod: Mapping[str, Any]) -> bool:
    """Whether it is the proxy of a waypoint."""
    labels = pod["metadata"].get("labels") or {}
    return _GATEWAY in labels and "waypoint" in pod["spec"]["containers"][0].get("args", ())


def _runs(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    ending = "deletionTimestamp" in pod["metadata"]
    return status.get("phase") == "Running" and bool(status.get("podIP")) and not ending


def has_sidecar(pod: Mapping[str, Any]) -> bool:
    """Whether it was born with one."""
    return _STATUS in (pod["metadata"].get("annotations") or {})


def _alike(namespace: str, told: ZtunnelWorkload, pod: Mapping[str, Any]) -> Alike:
    meta = pod["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    if has_sidecar(pod):
        mode = "hbone" if labels.get("networking.istio.io/tunnel") == "http" else "sidecar"
    else:
        mode = "ambient" if notes.get(_REDIRECTION) == "enabled" else "none"
    kept = tuple(sorted((k, v) for k, v in labels.items() if k not in _HASHES))
    return Alike(f"{namespace}/{notes.get(OF_WORKLOAD, told.owner)}", mode, kept)


def _server(
    oracle: Oracle, pod: Mapping[str, Any], key: Alike, bound: frozenset[Authorization]
) -> Server:
    if key.mode in {"sidecar", "hbone"}:
        return Server(Proxy(oracle.envoy(pod)), frozenset())
    return Server(None, bound if key.mode == "ambient" else frozenset())


def _gateway(waypoint: str) -> str:
    namespace, _, host = waypoint.partition("/")
    return f"{namespace}/{host.partition('.')[0]}" if waypoint else ""


_TEXTS = {"principals": "principal", "namespaces": "namespace", "serviceAccounts": "account"}


def _holds(condition: Condition, request: Request) -> bool:
    """One field of a Match, as src/rbac.rs compares it."""
    field, values = condition
    if field.startswith("not"):
        return not _holds(Condition(field[3].lower() + field[4:], values), request)
    if field in _TEXTS:
        return any(_is(value, request.get(_TEXTS[field])) for value in values)
    if field == "destinationPorts":
        return request["port"] in values
    if field == "sourceIps":
        return any(_in(value, request["source.ip"]) for value in values)
    message = f"ztunnel has a field that is not written down here: {condition}"
    raise ValueError(message)


def _is(pattern: str, value: str | None) -> bool:
    if value is None:
        return False
    if pattern == "*":
        return bool(value)
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    return value.startswith(pattern[:-1]) if pattern.endswith("*") else value == pattern


def _in(block: str, address: str | None) -> bool:
    return address is not None and ip_address(address) in ip_network(block, strict=False)
