"""`migrate scan` as data: namespaces and workloads with what acts on them."""

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from migrator import __version__
from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.pods.probes import probes
from migrator.istio.policies.authz import is_dry_run
from migrator.istio.workloads import Workload
from migrator.model.resource import Frozen, Resource

from .contract import IstioView, ObjectView, UnreadView, WaypointView, istio_view, waypoint_views

_POLICIES = (kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION)
_EXTENSIONS = (
    kinds.ENVOY_FILTER, kinds.WASM_PLUGIN, kinds.TRAFFIC_EXTENSION, kinds.TELEMETRY, kinds.SIDECAR,
    kinds.PROXY_CONFIG,
)  # fmt: skip


class InjectionView(Frozen):
    """`label`: what the labels ask for. `fact`: whether pods have, or would have, a sidecar."""

    label: bool
    fact: bool
    seen: bool
    revision: str
    decided_by: str
    reason: str


class ProbeView(Frozen):
    """One probe of one container."""

    container: str
    phase: str
    type: str
    port: str


class MtlsView(Frozen):
    """The effective PeerAuthentication mode, and of ports with one of their own."""

    mode: str
    ports: dict[str, str]


class PolicyView(Frozen):
    """A policy in force on the workload; `effect` is what ztunnel alone would make of it."""

    kind: str
    namespace: str
    name: str
    action: str
    level: str
    effect: str


class DataPlaneView(Frozen):
    """The mode, and whether it was seen on running pods or predicted from labels and templates."""

    mode: str
    seen: bool
    detail: str


class WorkloadView(Frozen):
    """One workload."""

    namespace: str
    kind: str
    group: str
    name: str
    role: str
    replicas: int | None
    pods: int
    host_network: bool
    service_account: str
    injection: InjectionView
    ambient_label: str
    data_plane: DataPlaneView
    probes: tuple[ProbeView, ...]
    services: tuple[str, ...]
    mtls: MtlsView
    policies: tuple[PolicyView, ...]
    routes: tuple[ObjectView, ...]
    extensions: tuple[ObjectView, ...]


class NamespaceView(Frozen):
    """One namespace and the labels that decide its data plane."""

    name: str
    injection_label: str
    revision: str
    dataplane_mode: str
    use_waypoint: str
    workloads: int
    with_sidecar: int


class Inventory(Frozen):
    """The whole answer of `migrate scan`."""

    schema_: Literal["migrate/inventory/v1"] = Field(default="migrate/inventory/v1", alias="schema")
    tool: str = f"migrate {__version__}"
    digest: str
    complete: bool
    unread: tuple[UnreadView, ...]
    unknown: dict[str, int]
    istio: IstioView
    namespaces: tuple[NamespaceView, ...]
    inventory: tuple[WorkloadView, ...]
    waypoints: tuple[WaypointView, ...]

    model_config = Frozen.model_config | {"populate_by_name": True, "serialize_by_alias": True}


def inventory(mesh: Mesh, namespaces: Iterable[str] = ()) -> Inventory:
    """The inventory of `mesh`, of all namespaces or of those named."""
    wanted = set(namespaces)
    chosen = tuple(w for w in mesh.workloads if not wanted or w.namespace in wanted)
    return Inventory(
        digest=mesh.snapshot.digest(),
        complete=mesh.snapshot.complete,
        unread=tuple(UnreadView.of(unread) for unread in mesh.snapshot.unread),
        unknown=dict(mesh.snapshot.unknown),
        istio=istio_view(mesh),
        namespaces=tuple(_namespace(mesh, n) for n in mesh.namespaces if not wanted or n in wanted),
        inventory=tuple(_workload(mesh, workload) for workload in chosen),
        waypoints=waypoint_views(mesh, wanted),
    )


def _namespace(mesh: Mesh, name: str) -> NamespaceView:
    labels = mesh.namespace(name).labels
    workloads = mesh.workloads_in(name)
    return NamespaceView(
        name=name,
        injection_label=labels.get(names.INJECTION, ""),
        revision=labels.get(names.REVISION, ""),
        dataplane_mode=labels.get(names.DATAPLANE_MODE, ""),
        use_waypoint=labels.get(names.USE_WAYPOINT, ""),
        workloads=len(workloads),
        with_sidecar=sum(mesh.has_sidecar(w) for w in workloads),
    )


def _workload(mesh: Mesh, workload: Workload) -> WorkloadView:
    injection, state = mesh.injection(workload), mesh.state(workload)
    mtls = mesh.mtls(workload)
    services = mesh.services.of_workload(workload)
    routes = {
        route.ref
        for service in services
        for route in (
            *mesh.routing.virtual_services_for(service),
            *mesh.routing.routes_for(service),
            *mesh.routing.ingress_routes_for(service),
            *mesh.routing.destination_rules_for(service),
        )
    }
    return WorkloadView(
        namespace=workload.namespace,
        kind=workload.ref.kind,
        group=workload.ref.group,
        name=workload.name,
        role=workload.role.value,
        replicas=workload.replicas,
        pods=len(workload.pods),
        host_network=workload.host_network,
        service_account=workload.service_account,
        injection=InjectionView(
            label=injection.injected,
            fact=mesh.has_sidecar(workload),
            seen=state.seen,
            revision=injection.revision,
            decided_by=injection.decided_by,
            reason=injection.reason,
        ),
        ambient_label=_ambient_label(mesh, workload),
        data_plane=DataPlaneView(mode=state.mode.value, seen=state.seen, detail=state.detail),
        probes=tuple(
            ProbeView(container=p.container, phase=p.phase, type=p.kind, port=str(p.port or ""))
            for p in probes(workload)
        ),
        services=tuple(service.name for service in services),
        mtls=MtlsView(mode=mtls.mode, ports={str(p): m for p, m in sorted(mtls.ports.items())}),
        policies=tuple(
            _policy(mesh, policy)
            for kind in _POLICIES
            for policy in mesh.attachments.on_workload(kind, workload)
        ),
        routes=tuple(ObjectView.of(ref) for ref in sorted(routes)),
        extensions=tuple(
            ObjectView.of(resource.ref)
            for kind in _EXTENSIONS
            for resource in mesh.attachments.on_workload(kind, workload)
        ),
    )


def _ambient_label(mesh: Mesh, workload: Workload) -> str:
    own = workload.labels.get(names.DATAPLANE_MODE)
    return own or mesh.namespace(workload.namespace).labels.get(names.DATAPLANE_MODE, "")


def _policy(mesh: Mesh, policy: Resource) -> PolicyView:
    kind = policy.ref.group_kind
    action, level, effect = "", "L4", "faithful"
    if kind == kinds.AUTHORIZATION_POLICY:
        evaluation = mesh.effect(policy)
        action = evaluation.action + (" (dry run)" if is_dry_run(policy) else "")
        level, effect = evaluation.level.value, evaluation.effect.value
    elif kind == kinds.REQUEST_AUTHENTICATION:
        level, effect = "L7", "ignored"
    return PolicyView(
        kind=kind.kind,
        namespace=policy.namespace,
        name=policy.name,
        action=action,
        level=level,
        effect=effect,
    )
