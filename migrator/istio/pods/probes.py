"""The kubelet's probes of a workload's own containers, by the way they reach the application.

In ambient the kubelet's HTTP, TCP and gRPC probes are accepted in the pod: istio-cni rewrites their
source to 169.254.7.127 (cni/pkg/iptables/iptables.go). An exec probe never uses the network.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from migrator.istio.workloads import Workload

SIDECAR_CONTAINERS = frozenset({"istio-proxy", "istio-init", "istio-validation"})
_PHASES = (
    ("startupProbe", "startup"),
    ("readinessProbe", "readiness"),
    ("livenessProbe", "liveness"),
)


class ProbeKind(StrEnum):
    """How the kubelet asks."""

    HTTP = "HTTP"
    TCP = "TCP"
    GRPC = "gRPC"
    EXEC = "exec"


_HANDLERS = (
    ("httpGet", ProbeKind.HTTP),
    ("tcpSocket", ProbeKind.TCP),
    ("grpc", ProbeKind.GRPC),
    ("exec", ProbeKind.EXEC),
)


class Probe(NamedTuple):
    """One probe. `port` is a number (None for exec, and for a name that no container port has).

    `path` is the HTTP path, `field_path` where the probe's handler stands in the manifest.
    """

    kind: ProbeKind
    phase: str  # startup|readiness|liveness
    container: str
    port: int | None
    path: str
    field_path: str

    @property
    def over_network(self) -> bool:
        return self.kind is not ProbeKind.EXEC


def probes(workload: Workload) -> tuple[Probe, ...]:
    """Every probe of the application's containers; the sidecar's own are not among them."""
    return tuple(
        probe
        for path, container in own_containers(workload)
        for probe in _of_container(path, container)
    )


def own_containers(
    workload: Workload, *, init: bool = True
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The application's containers, and its init containers unless `init` is off, with their paths."""
    for path, container in workload.all_containers:
        if container.get("name") in SIDECAR_CONTAINERS or (not init and ".initContainers[" in path):
            continue
        yield path, container


def _of_container(path: str, container: Mapping[str, Any]) -> Iterator[Probe]:
    for key, phase in _PHASES:
        probe = container.get(key) or {}
        for handler, kind in _HANDLERS:
            if handler in probe:
                action = probe[handler] or {}
                yield Probe(
                    kind,
                    phase,
                    container.get("name", ""),
                    _number(action.get("port"), container),
                    action.get("path") or ("/" if kind is ProbeKind.HTTP else ""),
                    f"{path}.{key}.{handler}",
                )


def _number(port: int | str | None, container: Mapping[str, Any]) -> int | None:
    """Resolve a port given by number, or by the name that one of the container's ports has."""
    if isinstance(port, str) and not port.isdecimal():
        named = (p for p in container.get("ports") or () if p.get("name") == port)
        return next((p.get("containerPort") for p in named), None)
    return int(port) if port is not None else None
