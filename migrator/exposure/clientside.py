"""What DestinationRules make of the TLS that sidecars and gateways send, by their namespace."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from migrator.istio import kinds
from migrator.istio.traffic.clienttls import ClientTls, client_tls, says_tls
from migrator.istio.traffic.exporting import exported_to

from .calling import Caller, Sending, Target

if TYPE_CHECKING:
    from migrator.istio.mesh import Mesh
    from migrator.istio.services import Service
    from migrator.model.resource import Ref

_READ_RULES = frozenset({Caller.SIDECAR, Caller.GATEWAY})
_NOTHING = ClientTls()


class ClientSide:
    """Of one mesh, each answer computed once."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known: dict[tuple[Ref, str, int], ClientTls] = {}
        self._homes: dict[Ref, frozenset[str]] = {}

    def tls(self, sending: Sending, target: Target) -> ClientTls:
        """What is said of a call; nothing of one to the pods themselves."""
        if target.service is None or sending.caller not in _READ_RULES:
            return _NOTHING
        return self._of(target.service, sending.home, target.port)

    def unsure(self, sending: Sending, target: Target) -> str:
        """Why nobody can tell how a call is sent; empty where that is known."""
        tls = self.tls(sending, target)
        if tls.unsure:
            return f"DestinationRules decide how {sending.caller} callers send to it: {tls.unsure}"
        if tls.originates and (target.http is not False or tls.mode != "SIMPLE"):
            return (
                f"a DestinationRule has {sending.caller} callers send TLS of their own ({tls.mode})"
            )
        return ""

    @cached_property
    def is_automatic(self) -> bool:
        """Whether Istio decides where no rule does (`enableAutoMtls` of the mesh configuration)."""
        return self._mesh.config.get("enableAutoMtls") is not False

    def homes(self, service: Service | None) -> frozenset[str]:
        """The namespaces whose proxies send to the Service in another way than those of all others."""
        if service is None or not self._rules_count:
            return frozenset()
        if service.ref not in self._homes:
            ports = [port.number for port in service.ports]
            self._homes[service.ref] = frozenset(
                home
                for home in self._candidates(service)
                if any(self._of(service, home, n) != self._of(service, "", n) for n in ports)
            )
        return self._homes[service.ref]

    def _candidates(self, service: Service) -> set[str]:
        rules = self._mesh.routing.destination_rules_for(service)
        named = {one for rule in rules for one in exported_to(self._mesh, rule)}
        return {*(rule.namespace for rule in rules), *named} - {"*", "."}

    @cached_property
    def _rules_count(self) -> bool:
        return any(says_tls(rule) for rule in self._mesh.of(kinds.DESTINATION_RULE))

    def _of(self, service: Service, home: str, port: int) -> ClientTls:
        if not self._rules_count:
            return _NOTHING
        key = (service.ref, home, port)
        if key not in self._known:
            self._known[key] = self._computed(service, home, port)
        return self._known[key]

    def _computed(self, service: Service, home: str, port: int) -> ClientTls:
        routing = self._mesh.routing
        chosen = [
            rule
            for rule in routing.destination_rules_for(service)
            if rule.namespace == home and rule.spec.get("workloadSelector") and says_tls(rule)
        ]
        if chosen:
            return ClientTls(unsure=f"{chosen[0].ref} counts for some of its namespace only")
        return client_tls(routing.destination_rules_at(service, home), port)
