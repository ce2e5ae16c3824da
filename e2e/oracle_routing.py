"""Which VirtualServices and DestinationRules istiod tells the proxies for each Service, against the model.

Of every HTTP port: the objects that a sidecar's or a waypoint's routes and cluster come from, as istiod names
them in metadata, and those that `migrator.exposure.routing` lets act for such a caller. Real: every answer.
Gateways are not asked: their listeners are no part of the model.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from migrator.exposure.calling import Caller
from migrator.exposure.routing import Behaviour, Bound, Client, behaviours
from migrator.exposure.state import Readiness, State
from migrator.istio.services import Service
from migrator.model.resource import Ref

from .api import Reachable
from .oracle import CLUSTER, LISTENER, ROUTE, Answer, Oracle, proxy_node
from .oracle_told import has_sidecar, is_waypoint, running
from .route_tables import Table, at_sidecar, at_waypoint

_GATEWAY = "gateway.networking.k8s.io/gateway-name"
Names = frozenset[str]  # namespace/name


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
            elif has_sidecar(pod):
                yield from self._at_sidecar(state, Client(Caller.SIDECAR, namespace, labels), pod)

    def _at_sidecar(self, state: State, client: Client, pod: Mapping[str, Any]) -> Iterator[str]:
        answer = self._oracle.ask(proxy_node(pod), (LISTENER, ROUTE, CLUSTER))
        name = f"sidecar of {client.namespace}/{pod['metadata']['name']}"
        for service in state.mesh.services.all:
            (acting,) = behaviours(state.mesh, client, service, Bound())
            tables = at_sidecar(answer, service.host)
            yield from self._compared(service, acting, answer, tables, (name, "outbound|{}||{}"))

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
                tables = at_waypoint(answer, service.host)
                where = (f"waypoint {name}", "inbound-vip|{}|http|{}")
                yield from self._compared(service, acting, answer, tables, where)

    def _compared(
        self,
        service: Service,
        acting: Behaviour,
        answer: Answer,
        tables: Mapping[int, Table],
        where: tuple[str, str],
    ) -> Iterator[str]:
        name, cluster = where
        for port in service.ports:
            if not port.is_http or port.number not in tables:
                continue
            self.counts[name.partition(" ")[0]] += 1
            told = _origins(tables[port.number])
            model = _texts(acting.obeyed)
            self.counts["routes"] += len(model)
            if told != model:
                yield f"{name}: {service.host} has routes of {sorted(told)}, the model {sorted(model)}"
            found = answer[CLUSTER].get(cluster.format(port.number, service.host)) or {}
            rules, said = _origins([found]), _texts(acting.destination_rules)
            self.counts["rules"] += len(said)
            if bool(rules) != bool(said) or not rules <= said:
                yield f"{name}: {service.host} is under {sorted(rules)}, the model {sorted(said)}"


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
