"""Traffic that a pod template keeps out of the sidecar, by the annotations `traffic.sidecar.istio.io/…`.

Defaults mirror manifests/charts/istio-control/istio-discovery/files/injection-template.yaml: inbound
ports and outbound ranges are `*` unless said otherwise, and a proxy's own ports are always excluded.
`includeOutboundPorts` only adds to what is captured, so it keeps nothing out.
"""

from collections.abc import Iterator
from typing import NamedTuple

from migrator.istio.workloads import Workload

_PREFIX = "traffic.sidecar.istio.io/"
_OWN_PORTS = frozenset({15020, 15021, 15090})
_OUTBOUND = (
    ("excludeOutboundPorts", ""),
    ("excludeOutboundIPRanges", ""),
    ("includeOutboundIPRanges", "*"),
    ("excludeInterfaces", ""),
)


class Exclusion(NamedTuple):
    """One annotation that keeps something out of the sidecar.

    `ports` are the inbound ports kept out, as far as they are known; empty with `inbound` means all.
    """

    annotation: str
    value: str
    inbound: bool
    ports: tuple[int, ...] = ()


def exclusions(workload: Workload) -> tuple[Exclusion, ...]:
    """Every annotation of the template that differs in effect from the default."""
    return (*_inbound(workload), *_outbound(workload))


def _inbound(workload: Workload) -> Iterator[Exclusion]:
    name = _PREFIX + "excludeInboundPorts"
    value = workload.annotations.get(name, "")
    ports = tuple(port for port in _ports(value) if port not in _OWN_PORTS)
    if ports:
        yield Exclusion(name, value, inbound=True, ports=ports)
    name = _PREFIX + "includeInboundPorts"
    included = workload.annotations.get(name, "*")
    if included.strip() == "*":
        return
    without = tuple(port for port in _declared(workload) if port not in _ports(included))
    if without or not _ports(included):
        yield Exclusion(name, included, inbound=True, ports=without if _ports(included) else ())


def _outbound(workload: Workload) -> Iterator[Exclusion]:
    for name, default in _OUTBOUND:
        value = workload.annotations.get(_PREFIX + name, default)
        if value != default:
            yield Exclusion(_PREFIX + name, value, inbound=False)


def _ports(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.replace(" ", "").split(",") if part.isdecimal())


def _declared(workload: Workload) -> tuple[int, ...]:
    ports = (p for c in workload.containers for p in c.get("ports") or ())
    tcp = (p.get("containerPort") for p in ports if p.get("protocol", "TCP") == "TCP")
    return tuple(dict.fromkeys(port for port in tcp if port and port not in _OWN_PORTS))
