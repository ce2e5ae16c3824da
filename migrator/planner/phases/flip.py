"""The namespace's own labels: from injection to ambient in one patch, after keep-out labels."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.workloads import Role, Workload
from migrator.model.resource import Ref, Resource
from migrator.planner.decisions.layout import Layout
from migrator.planner.decisions.protection import is_ambient_already
from migrator.steps import AnyStep, Disruption, PatchTemplate, SetLabels, Target

from . import checks
from .prepare import step_name


def flip_id(namespace: str) -> str:
    return f"flip.{namespace}"


def flip_steps(layout: Layout, namespace: str) -> Iterator[AnyStep]:
    """Keep out, write revisions on Gateways, then flip."""
    kept = [_keep_out(w) for w in uninjected(layout, namespace)]
    yield from kept
    owned = [_own_revision(layout, g) for g in _gateways_without_revision(layout, namespace)]
    yield from owned
    labels = layout.mesh.namespace(namespace).labels
    wanted: dict[str, str | None] = {names.DATAPLANE_MODE: names.AMBIENT}
    for key in (names.INJECTION, names.REVISION):
        if key in labels:
            wanted[key] = None
    if layout.mesh.injection_by_default():
        wanted[names.INJECTION] = "disabled"
    ref = Ref(*kinds.NAMESPACE, "", namespace)
    yield SetLabels(
        id=flip_id(namespace),
        target=Target.of(ref),
        labels=wanted,
        old={key: labels.get(key) for key in wanted},
        why="New pods are ambient and get no sidecar. Both keys change in one request: no pod is created "
        "with neither. Pods that have a sidecar are left alone until they restart; pods without one "
        "are captured at once, therefore the keep-out labels come first.",
        rules=("AMB301",),
        requires=tuple(step.id for step in (*kept, *owned)),
        disruption=Disruption.NEW_CONNECTIONS,
        before=(checks.nodes_ready(),),
        after=(checks.labels_set(ref),),
    )


def uninjected(layout: Layout, namespace: str) -> tuple[Workload, ...]:
    """Workloads without a sidecar that the namespace label would capture, and that nothing captures yet."""
    mesh = layout.mesh
    return tuple(
        w
        for w in mesh.workloads_in(namespace)
        if not mesh.has_sidecar(w)
        and not is_ambient_already(mesh, w)
        and not _is_proxy(w)
        and not w.host_network
        and w.labels.get(names.DATAPLANE_MODE) is None
    )


def _is_proxy(workload: Workload) -> bool:
    """Waypoints and managed gateways opt out by themselves, injected gateways by their sidecar status."""
    if workload.role is Role.WAYPOINT or names.GATEWAY_NAME in workload.labels:
        return True
    return workload.role is Role.GATEWAY and bool(workload.annotations.get(names.TEMPLATES))


def _keep_out(workload: Workload) -> PatchTemplate:
    gateway = workload.role is Role.GATEWAY
    path = "" if workload.ref.group_kind == kinds.JOB else workload.template_path
    return PatchTemplate(
        id=f"keep-out.{step_name(workload.ref)}",
        target=Target.of(workload.ref),
        template_path=path,
        labels={names.DATAPLANE_MODE: "none"},
        old_labels={names.DATAPLANE_MODE: workload.labels.get(names.DATAPLANE_MODE)},
        live_pods=True,
        why="It is a gateway, which ambient does not capture."
        if gateway
        else "It has no sidecar today; the namespace label would capture its running pods at once, and "
        "STRICT would then hold for it. It stays as it is; enrol it later by its own decision.",
        rules=("AMB301",),
        disruption=Disruption.RESTART if path else Disruption.NONE,
        after=(checks.labels_set(workload.ref),),
    )


def _gateways_without_revision(layout: Layout, namespace: str) -> tuple[Resource, ...]:
    if names.REVISION not in layout.mesh.namespace(namespace).labels:
        return ()
    return tuple(
        g
        for g in layout.mesh.of(kinds.GATEWAY)
        if g.namespace == namespace and names.REVISION not in g.labels
    )


def _own_revision(layout: Layout, gateway: Resource) -> SetLabels:
    revision = layout.mesh.namespace(gateway.namespace).labels[names.REVISION]
    return SetLabels(
        id=f"revision.{gateway.namespace}.{gateway.name}",
        target=Target.of(gateway.ref),
        labels={names.REVISION: revision},
        old={names.REVISION: None},
        why="The namespace's label also says which istiod looks after its Gateways; it is about to go.",
        rules=("AMB306",),
        after=(checks.labels_set(gateway.ref),),
    )
