"""`migrate scan` for a person."""

from collections.abc import Iterator
from itertools import groupby

from . import reading_text
from .inventory import Inventory, NamespaceView, PolicyView, ProbeView, WorkloadView
from .text import plural, safe, wrap

Line = tuple[str, str]


def lines(view: Inventory, columns: int) -> Iterator[Line]:
    """Namespace by namespace, workload by workload."""
    by_namespace = {
        n: list(g)
        for n, g in groupby(sorted(view.inventory, key=_order), key=lambda w: w.namespace)
    }
    for namespace in view.namespaces:
        yield wrap(_head(namespace), "  ", columns, first=""), "bold"
        for workload in by_namespace.get(namespace.name, ()):
            yield from _workload(workload, columns)
        yield "", ""
    yield from reading_text.unread(view.unread, columns)
    yield wrap(_total(view), "  ", columns, first=""), "bold"
    yield from reading_text.unknown(view.unknown, columns)


def _order(workload: WorkloadView) -> tuple[str, str, str]:
    return (workload.namespace, workload.kind, workload.name)


def _head(namespace: NamespaceView) -> str:
    labels = [
        f"{key}={value}"
        for key, value in (
            ("istio-injection", namespace.injection_label),
            ("istio.io/rev", namespace.revision),
            ("istio.io/dataplane-mode", namespace.dataplane_mode),
            ("istio.io/use-waypoint", namespace.use_waypoint),
        )
        if value
    ]
    said = ", ".join(labels) or "no mesh label"
    count = plural(namespace.workloads, "workload")
    return f"{namespace.name}: {said}; {count}, {namespace.with_sidecar} with sidecar"


def _workload(workload: WorkloadView, columns: int) -> Iterator[Line]:
    size = f" x{workload.replicas}" if workload.replicas is not None else ""
    how = "seen" if workload.data_plane.seen else "predicted"
    role = "" if workload.role == "app" else f", {workload.role}"
    host = ", host network" if workload.host_network else ""
    name, mode = f"{workload.kind}/{workload.name}{size}", workload.data_plane.mode
    said = safe(f"  {name}  {mode} ({how}){role}{host}")
    yield said if len(said) <= columns else wrap(said, "    ", columns, first="  "), ""
    for title, text in _facts(workload):
        if text:
            yield wrap(f"{title}: {text}", "        ", columns, first="      "), "dim"


def _facts(workload: WorkloadView) -> Iterator[tuple[str, str]]:
    injection = workload.injection
    revision = f", revision {injection.revision}" if injection.revision else ""
    asked = "yes" if injection.label else "no"
    yield "injection asked for", f"{asked}, {injection.reason}{revision}"
    yield "dataplane-mode", workload.ambient_label
    yield "services", ", ".join(workload.services)
    ports = "".join(f", port {port} {mode}" for port, mode in workload.mtls.ports.items())
    yield "mTLS", f"{workload.mtls.mode}{ports}"
    yield "probes", ", ".join(_probe(p) for p in workload.probes)
    yield (
        "policies",
        ", ".join(_policy(p) for p in workload.policies if p.kind != "PeerAuthentication"),
    )
    yield "routes", ", ".join(str(r) for r in workload.routes)
    yield "extensions", ", ".join(str(e) for e in workload.extensions)


def _probe(probe: ProbeView) -> str:
    return f"{probe.phase} {probe.type}" + (f" {probe.port}" if probe.port else "")


def _policy(policy: PolicyView) -> str:
    action = f" {policy.action}" if policy.action else ""
    name = f"{policy.kind}/{policy.namespace}/{policy.name}"
    return f"{name}{action} {policy.level}, at ztunnel {policy.effect}"


def _total(view: Inventory) -> str:
    if not view.inventory:
        return "No workloads."
    sidecars = sum(w.injection.fact for w in view.inventory)
    return (
        f"{plural(len(view.inventory), 'workload')} in {plural(len(view.namespaces), 'namespace')}, "
        f"{sidecars} with sidecar."
    )
