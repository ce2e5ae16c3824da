"""Which VirtualServices and DestinationRules istiod tells the proxies for each Service, against the model.

Of every HTTP port: the objects that a sidecar's or a waypoint's routes and cluster come from, as istiod names
them in metadata, and those that `migrator.exposure.routing` lets act for such a caller. Real: every answer.
Gateways are not asked: their listeners are no part of the model. Nor are sidecars whose namespace has a
Sidecar resource with `egress`: what they see less by it the model does not look at, and says so.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from migrator.exposure.calling import Caller
from migrator.exposure.routing import Behaviour, Bound, Client, behaviours
from migrator.exposure.state import Readiness, State
from migrator.istio import kinds
from migrator.istio.services import Service
from migrator.model.resource import Ref

from .api import Reachable
from .oracle import CLUSTER, LISTENER, ROUTE, Oracle, proxy_node
from .oracle_told import has_sidecar, is_waypoint, running
from .route_tables import Table, at_sidecar, at_waypoint

_GATEWAY = "gateway.networking.k8s.io/gateway-name"
Names = frozenset[str]  # namespace/name


class _Told(NamedTuple):
    """What a proxy has for one Service. `cluster`: how the names of its clusters begin, by port."""

    name: str
    cluster: str
    clusters: Mapping[str, Mapping[str, Any]]
    tables: Mapping[int, Table]
    subsets: frozenset[str] = frozenset()


class RoutingAgreement:
    """Compares moments of the same namespaces."""

    def __init__(self, plane: Reachable, oracle: Oracle, namespaces: Iterable[str]) -> None:
        self.counts: Counter[str] = Counter()
        self._plane, self._oracle, self._names = plane, oracle, tuple(namespaces)

    def differences(self, state: State) -> list[str]:
        """In words; empty where both say the same."""
        return [words for words in self._differences(state) if words]

    def _differences(self, state: State) -> Iterator[str]:
        asked: set[object] = set()
        for namespace, pod in running(self._plane, self._names):
            labels = pod["metadata"].get("labels") or {}
            own = {k: v for k, v in labels.items() if not k.endswith("-hash")}
            key = (namespace, *sorted(own.items()))
            if key in asked:
                continue
            asked.add(key)
            if is_waypoint(pod):
                yield from self._at_waypoint(state, f"{namespace}/{labels[_GATEWAY]}", pod)
            elif has_sidecar(pod) and not _sees_less(state, namespace):
                yield from self._at_sidecar(state, Client(Caller.SIDECAR, namespace, labels), pod)

    def _at_sidecar(self, state: State, client: Client, pod: Mapping[str, Any]) -> Iterator[str]:
        answer = self._oracle.ask(proxy_node(pod), (LISTENER, ROUTE, CLUSTER))
        name = f"sidecar of {client.namespace}/{pod['metadata']['name']}"
        for service in state.mesh.services.all:
            (acting,) = behaviours(state.mesh, client, service, Bound())
            tables = at_sidecar(answer, service.host)
            told = _Told(name, "outbound|{}|", answer[CLUSTER], tables)
            yield from self._compared(service, acting, told)

    def _at_waypoint(self, state: State, name: str, pod: Mapping[str, Any]) -> Iterator[str]:
        answer = self._oracle.ask(proxy_node(pod), (LISTENER, CLUSTER))
        caller = Client(Caller.AMBIENT, pod["metadata"]["namespace"])
        for service in state.mesh.services.all:
            bound = Bound.of(state, service)
            gateway = bound.gateway
            if gateway is None or f"{gateway.namespace}/{gateway.name}" != name:
                continue
            if bound.readiness is Readiness.READY:
                (acting,) = behaviours(state.mesh, caller, service, bound)
                acting, subsets = _without_policy(state, acting)
                tables = at_waypoint(answer, service.host)
                told = _Told(
                    f"waypoint {name}", "inbound-vip|{}|http", answer[CLUSTER], tables, subsets
                )
                yield from self._compared(service, acting, told)

    def _compared(self, service: Service, acting: Behaviour, told: _Told) -> Iterator[str]:
        for port in service.ports:
            if not port.is_http or port.number not in told.tables:
                continue
            at = f"{told.name}: {service.host}"
            self.counts[told.name.partition(" ")[0]] += 1
            routes, model = _origins(told.tables[port.number]), _texts(acting.obeyed)
            self.counts["routes"] += len(model)
            if routes != model:
                yield f"{at} has routes of {sorted(routes)}, the model {sorted(model)}"
            begin, end = told.cluster.format(port.number), f"|{service.host}"
            found = {  # subsets have clusters of their own
                key: body
                for key, body in told.clusters.items()
                if key.startswith(begin) and key.endswith(end)
            }
            rules, said = _origins(found.values()), _texts(acting.destination_rules)
            self.counts["rules"] += len(said) + len(told.subsets)
            missing = {one for one in told.subsets if f"{begin}/{one}{end}" not in found}
            if missing:
                yield f"{at} has no clusters for the subsets {sorted(missing)}"
            if bool(rules) != bool(said) or not rules <= said:
                yield f"{at} is under {sorted(rules)}, the model {sorted(said)}"


def _sees_less(state: State, namespace: str) -> bool:
    """Whether a Sidecar resource may hide something from sidecars there."""
    homes = {namespace, state.mesh.config.root_namespace}
    found = state.mesh.of(kinds.SIDECAR)
    return any(one.namespace in homes and one.spec.get("egress") for one in found)


def _without_policy(state: State, acting: Behaviour) -> tuple[Behaviour, frozenset[str]]:
    """At a waypoint: what acts without the DestinationRules that only name subsets, and these subsets.

    istiod leaves no name of them there (`buildWaypointInboundVIPCluster`, pilot/pkg/networking/core).
    """
    found = {r.ref: r.spec for r in state.mesh.of(kinds.DESTINATION_RULE)}
    named, subsets = [], set[str]()
    for ref in acting.destination_rules:
        own = found[ref].get("subsets") or ()
        if any("trafficPolicy" in one for one in (found[ref], *own)):
            named.append(ref)
        else:
            subsets |= {one["name"] for one in own}
    return replace(acting, destination_rules=tuple(named)), frozenset(subsets)


def _texts(refs: Iterable[Ref]) -> Names:
    return frozenset(f"{ref.namespace}/{ref.name}" for ref in refs)


def _origins(found: Iterable[Mapping[str, Any]]) -> Names:
    """The objects that istiod names in the metadata."""
    configs = (
        one.get("metadata", {}).get("filterMetadata", {}).get("istio", {}).get("config")
        for one in found
    )
    parts = (config.split("/") for config in configs if config)
    return frozenset(f"{one[-3]}/{one[-1]}" for one in parts)
