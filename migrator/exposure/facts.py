"""What each enforcer of a state has, computed once: policies by pods, by Service, and who listens where."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.pods.dataplane import SIDECAR_MODES, Mode
from migrator.istio.policies import mtls, mtls_at_ztunnel
from migrator.istio.policies.targets import targets
from migrator.istio.services import HTTP_PROTOCOLS, UNDECLARED, Service
from migrator.istio.workloads import Workload
from migrator.model.resource import GroupKind, Ref, Resource

from .clientside import ClientSide
from .enforcing import By, Enforcing, Tokens
from .policies import Compiled, Compiler, Level
from .providers import Providers
from .state import Pods, State, born_with

_BY_REQUEST = (kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION)
_CLASS = Ref(*kinds.GATEWAY_CLASS, "", names.WAYPOINT_CLASS)


class Facts:
    """The enforcers of one state."""

    @classmethod
    def of(cls, state: State) -> "Facts":
        """Those of `state`, computed once."""
        if cls not in state.kept:
            state.kept[cls] = cls(state)
        found: Facts = state.kept[cls]
        return found

    def __init__(self, state: State) -> None:
        self.state = state
        config = state.mesh.config
        aliases = config.get("trustDomainAliases")
        domains = (config.trust_domain, *(aliases if isinstance(aliases, list) else ()))
        self._compiler = Compiler(state.mesh.istio_version, tuple(map(str, domains)))
        self._providers = Providers(state.mesh)
        self._servers: dict[tuple[Ref, Pods], Enforcing | None] = {}
        self._waypoints: dict[tuple[Ref, Ref], Enforcing] = {}
        self._modes: dict[str, str] = {}
        self.client_side = ClientSide(state.mesh)

    def server(self, workload: Workload, pods: Pods) -> Enforcing | None:
        """What enforces at the pods: their sidecar, ztunnel, the gateway itself, or nobody."""
        key = (workload.ref, pods)
        if key not in self._servers:
            self._servers[key] = self._server(born_with(workload, pods), pods.mode)
        return self._servers[key]

    def _server(self, workload: Workload, mode: Mode) -> Enforcing | None:
        by = By.SIDECAR if mode in SIDECAR_MODES else _BY_MODE.get(mode)
        if by is None:
            return None
        attached = self.state.mesh.attachments
        policies = attached.acting_on(kinds.AUTHORIZATION_POLICY, workload)
        if by == By.ZTUNNEL:
            http = tcp = self._compiler.compile(policies, Level.ZTUNNEL)
            tokens = Tokens()
        else:
            if by == By.GATEWAY:
                policies = (*policies, *self._of_gateway(kinds.AUTHORIZATION_POLICY, workload))
            http, tcp = self._both(policies)
            tokens = Tokens(attached.acting_on(kinds.REQUEST_AUTHENTICATION, workload))
        mtls_mode, ports, source = self._mtls_at(by, workload)
        unusable = self._providers.unusable(policies)
        return Enforcing(
            by, workload.ref, http, tcp, tokens, ports, mtls_mode, source, unusable
        )  # fmt: skip

    def _mtls_at(self, by: str, workload: Workload) -> tuple[str, Mapping[int, str], Ref | None]:
        """The mode, that of single ports, and the policy that decides."""
        if by == By.GATEWAY:
            return "PERMISSIVE", {}, None
        found = self._mtls(workload)
        source = found.sources[0].ref if found.sources else None
        if by == By.ZTUNNEL:
            mode, ports = mtls_at_ztunnel.modes(*self._peers(workload), workload)
            return mode, ports, source
        return found.mode, found.ports, source

    def attached(self, workload: Workload, pods: Pods) -> tuple[Resource, ...]:
        """The policies that select these pods, whoever reads them; one PeerAuthentication: that counts."""
        own, attached = born_with(workload, pods), self.state.mesh.attachments
        found = [policy for kind in _BY_REQUEST for policy in attached.acting_on(kind, own)]
        return (*found, *self._mtls(own).sources[:1])

    def _mtls(self, workload: Workload) -> mtls.Mtls:
        return mtls.effective(*self._peers(workload), workload)

    def mtls_of(self, namespace: str) -> str:
        """The mode that callers take a Service's pods to have: `GetNamespaceMutualTLSMode` of
        pilot/pkg/model/authentication.go. Policies with a selector do not count.
        """
        if namespace not in self._modes:
            mesh = self.state.mesh
            homes = (mesh.config.root_namespace, namespace)
            wide = (mesh.attachments.wide(kinds.PEER_AUTHENTICATION, home) for home in homes)
            self._modes[namespace] = mtls.strongest(*(next(iter(found), None) for found in wide))
        return self._modes[namespace]

    def _peers(self, workload: Workload) -> tuple[tuple[Resource, ...], str]:
        peers = self.state.mesh.attachments.acting_on(kinds.PEER_AUTHENTICATION, workload)
        return peers, self.state.mesh.config.root_namespace

    def bound_to(self, service: Service | None) -> tuple[Resource, ...]:
        """The policies for the Service at the waypoint that it is bound to."""
        gateway = self.state.waypoint_of(service)[0] if service else None
        if service is None or gateway is None:
            return ()
        return tuple(p for kind in _BY_REQUEST for p in self._targeting(kind, service, gateway))

    def as_written(self, policy: Resource, level: Level) -> Compiled | None:
        """The policy as a proxy reads it; None for one that only logs."""
        return next(iter(self._compiler.compile((policy,), level)), None)

    def _both(self, policies: Iterable[Resource]) -> tuple[tuple[Compiled, ...], ...]:
        known = tuple(policies)
        return (
            self._compiler.compile(known, Level.HTTP),
            self._compiler.compile(self._providers.on_tcp(known), Level.TCP),
        )

    def _of_gateway(self, kind: GroupKind, workload: Workload) -> Iterator[Resource]:
        name = workload.labels.get(names.GATEWAY_NAME)
        if name:
            own = Ref(*kinds.GATEWAY, workload.namespace, name)
            yield from self._by_target(kind).get(own, ())

    def waypoint(self, service: Service, gateway: Ref) -> Enforcing:
        """What the waypoint enforces for the Service."""
        key = (service.ref, gateway)
        if key not in self._waypoints:
            http, tcp = self._both(self._targeting(kinds.AUTHORIZATION_POLICY, service, gateway))
            tokens = Tokens(tuple(self._targeting(kinds.REQUEST_AUTHENTICATION, service, gateway)))
            unusable = self._providers.unusable(one.policy for one in http)
            self._waypoints[key] = Enforcing(
                By.WAYPOINT, gateway, http, tcp, tokens, unusable=unusable
            )
        return self._waypoints[key]

    def _targeting(self, kind: GroupKind, service: Service, gateway: Ref) -> tuple[Resource, ...]:
        index, root = self._by_target(kind), self.state.mesh.config.root_namespace
        own = Ref(*kinds.SERVICE, service.namespace, service.name)
        found = {p.ref: p for p in index.get(_CLASS, ()) if p.namespace == root}
        found |= {p.ref: p for p in index.get(gateway, ()) if p.namespace == gateway.namespace}
        found |= {p.ref: p for p in index.get(own, ())}
        return tuple(found.values())

    def _by_target(self, kind: GroupKind) -> Mapping[Ref, list[Resource]]:
        if kind not in self._targets:
            found: dict[Ref, list[Resource]] = {}
            for policy in self.state.mesh.of(kind):
                for ref, _ in targets(policy):
                    found.setdefault(ref, []).append(policy)
            self._targets[kind] = found
        return self._targets[kind]

    @cached_property
    def _targets(self) -> dict[GroupKind, Mapping[Ref, list[Resource]]]:
        return {}


_BY_MODE = {Mode.AMBIENT: By.ZTUNNEL, Mode.GATEWAY: By.GATEWAY}


def is_http(protocol: str) -> bool | None:
    """Whether proxies read requests on a port of this protocol; None where it is what comes."""
    return None if protocol == UNDECLARED else protocol in HTTP_PROTOCOLS
