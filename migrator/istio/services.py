"""Services: ports with their protocol, and the workloads behind.

Mirrors `ConvertProtocol` in istio/istio pkg/config/kube/conversion.go (names, `appProtocol`, well-known
ports) and Kubernetes' own rule for endpoints: the same namespace, selector within the pod's labels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from migrator.istio.traffic.hosts import fqdn
from migrator.model.fieldpath import field
from migrator.model.resource import Ref, Resource

from . import kinds
from .workloads import Workload

if TYPE_CHECKING:
    from .mesh import Mesh

UNDECLARED = "UNDECLARED"
HTTP_PROTOCOLS = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB", "HTTP_PROXY"})
MULTIPLEXED = frozenset({"HTTP2", "GRPC", "GRPC-WEB"})
_NAMES = frozenset(
    {
        "tcp",
        "udp",
        "grpc",
        "grpc-web",
        "http",
        "http_proxy",
        "http2",
        "https",
        "tls",
        "mongo",
        "redis",
        "mysql",
    }
)
_STANDARD = {"kubernetes.io/h2c": "HTTP2", "kubernetes.io/ws": "HTTP", "kubernetes.io/wss": "HTTPS"}
_WELL_KNOWN_TCP = frozenset({25, 53, 3306, 27017})


@dataclass(frozen=True)
class Port:
    """One port of a Service; `target` is the workload's port, None where its name resolves to nothing."""

    name: str
    number: int
    target: int | None
    protocol: str
    declared: bool  # by appProtocol or by the port's name
    path: str

    @property
    def is_http(self) -> bool:
        return self.protocol in HTTP_PROTOCOLS


@dataclass(frozen=True, eq=False)
class Service:
    """A Service as callers see it."""

    resource: Resource
    ports: tuple[Port, ...]

    @cached_property
    def ref(self) -> Ref:
        return self.resource.ref

    @cached_property
    def namespace(self) -> str:
        return self.resource.namespace

    @cached_property
    def name(self) -> str:
        return self.resource.name

    @cached_property
    def labels(self) -> Mapping[str, str]:
        return self.resource.labels

    @cached_property
    def type(self) -> str:
        return str(self.resource.spec.get("type") or "ClusterIP")

    @cached_property
    def headless(self) -> bool:
        return self.resource.spec.get("clusterIP") == "None"

    @cached_property
    def selector(self) -> Mapping[str, str]:
        return self.resource.spec.get("selector") or {}

    @cached_property
    def host(self) -> str:
        return fqdn(self.name, self.namespace)


class Services:
    """Every Service of the source, found by reference, host and workload."""

    def __init__(self, mesh: "Mesh") -> None:
        self._mesh = mesh

    @cached_property
    def all(self) -> tuple[Service, ...]:
        return tuple(self._service(resource) for resource in self._mesh.of(kinds.SERVICE))

    @cached_property
    def _by_ref(self) -> Mapping[Ref, Service]:
        return {service.ref: service for service in self.all}

    @cached_property
    def _by_host(self) -> Mapping[str, Service]:
        return {service.host: service for service in self.all}

    @cached_property
    def _of_workload(self) -> Mapping[Ref, tuple[Service, ...]]:
        found: dict[Ref, list[Service]] = {}
        for service in self.all:
            for workload in self.workloads(service):
                found.setdefault(workload.ref, []).append(service)
        return {ref: tuple(group) for ref, group in found.items()}

    @cached_property
    def _by_namespace(self) -> Mapping[str, tuple[Service, ...]]:
        found: dict[str, list[Service]] = {}
        for service in self.all:
            found.setdefault(service.namespace, []).append(service)
        return {namespace: tuple(group) for namespace, group in found.items()}

    @cached_property
    def _behind(self) -> Mapping[Ref, tuple[Workload, ...]]:
        return {resource.ref: self._select(resource) for resource in self._mesh.of(kinds.SERVICE)}

    def in_namespace(self, namespace: str) -> tuple[Service, ...]:
        return self._by_namespace.get(namespace, ())

    def get(self, ref: Ref) -> Service | None:
        return self._by_ref.get(ref)

    def by_host(self, host: str) -> Service | None:
        """The Service of a fully qualified host."""
        return self._by_host.get(host)

    def of_workload(self, workload: Workload) -> tuple[Service, ...]:
        """The Services in front of the workload."""
        return self._of_workload.get(workload.ref, ())

    def workloads(self, service: Service) -> tuple[Workload, ...]:
        """The workloads behind the Service, of all roles."""
        return self._behind.get(service.ref, ())

    def apps(self, service: Service) -> tuple[Workload, ...]:
        """Those of `workloads` that are to be moved."""
        return self._apps.get(service.ref, ())

    @cached_property
    def _apps(self) -> Mapping[Ref, tuple[Workload, ...]]:
        meshed = self._mesh.meshed_refs
        return {
            ref: tuple(w for w in behind if w.ref in meshed) for ref, behind in self._behind.items()
        }

    def _select(self, resource: Resource) -> tuple[Workload, ...]:
        selector = resource.spec.get("selector") or {}
        if not selector or resource.spec.get("type") == "ExternalName":
            return ()
        return self._mesh.labelled_in(resource.namespace).carrying(selector)

    def _service(self, resource: Resource) -> Service:
        behind = self._behind.get(resource.ref, ())
        ports = resource.spec.get("ports") or ()
        return Service(resource, tuple(_port(i, port, behind) for i, port in enumerate(ports)))


def _port(index: int, port: Mapping[str, Any], behind: tuple[Workload, ...]) -> Port:
    number = int(port.get("port", 0))
    protocol, declared = protocol_of(port)
    return Port(
        name=port.get("name", ""),
        number=number,
        target=_target(port.get("targetPort"), number, behind),
        protocol=protocol,
        declared=declared,
        path=field("spec", "ports", index),
    )


def protocol_of(port: Mapping[str, Any]) -> tuple[str, bool]:
    """(protocol, declared): what Istio takes a Service port to carry; UNDECLARED is sniffed."""
    if port.get("protocol") in {"UDP", "SCTP"}:
        return str(port["protocol"]), True
    name = port.get("appProtocol")
    if name in _STANDARD:
        return _STANDARD[name], True
    text = str(name if name is not None else port.get("name") or "").lower()
    prefix = "grpc-web" if text.startswith("grpc-web") else text.partition("-")[0]
    if prefix in _NAMES:
        return prefix.upper(), True
    return ("TCP" if port.get("port") in _WELL_KNOWN_TCP else UNDECLARED), False


def _target(target: Any, number: int, behind: tuple[Workload, ...]) -> int | None:
    if target is None or target == 0:
        return number
    if isinstance(target, int):
        return target
    if str(target).isdigit():
        return int(target)
    for workload in behind:
        for container in workload.containers:
            for port in container.get("ports") or ():
                if port.get("name") == target:
                    return int(port["containerPort"])
    return None
