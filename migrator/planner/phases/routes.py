"""With `--routes httproute`: HTTPRoutes in place of VirtualServices, at the very end of the plan.

Until then waypoints and sidecars obey the VirtualServices as they are. Both kinds answer every request the
same, so nothing changes while both are there, nor when the first goes (docs/adr/0012).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from migrator.istio import kinds
from migrator.istio.traffic.httproute import Fit, fit
from migrator.istio.traffic.virtualservices import concerned
from migrator.model.resource import Resource
from migrator.planner.decisions.layout import Layout
from migrator.steps import AnyStep, CreateObject, DeleteObject, Disruption, Target
from migrator.translate.http_route import http_routes
from migrator.translate.manifest import fresh_name

from . import checks
from .expand import object_ref

_RULE = "AMB249"
_DROPPED = ("resourceVersion", "uid", "generation", "creationTimestamp", "managedFields")


_HTTP = 80


class _Translated(NamedTuple):
    virtual_service: Resource
    fit: Fit


def route_steps(layout: Layout) -> Iterator[AnyStep]:
    """The routes are made, and seen to be accepted, before the VirtualService goes."""
    taken = {f"{r.namespace}/{r.name}" for r in layout.mesh.of(kinds.HTTP_ROUTE)}
    for vs, found in _wanted(layout):
        if _answers_for_sidecars(layout, vs):
            continue
        made = [_create(vs, manifest, taken) for manifest in http_routes(vs, found.routes)]
        yield from made
        if made:
            yield _delete(vs, made)


def stay(layout: Layout) -> Iterator[str]:
    """In a sentence, the VirtualServices that no HTTPRoute can stand for."""
    wanted = list(_wanted(layout))
    for vs, _ in wanted:
        if _answers_for_sidecars(layout, vs):
            yield (
                f"{vs.ref} stays: to workloads that keep a sidecar it answers on port {_HTTP}, which its "
                "Service does not have, and an HTTPRoute would not."
            )
    kept = [str(vs.ref) for vs, found in wanted if found.misfits]
    if kept:
        yield (
            f"No HTTPRoute can say all that {', '.join(kept)} says ({_RULE}): the waypoint goes on reading "
            "it as it is."
        )


def _wanted(layout: Layout) -> Iterator[_Translated]:
    """VirtualServices of the mesh whose Services this plan binds to a waypoint."""
    if layout.options.routes == "keep":
        return
    for vs in layout.mesh.routing.mesh_virtual_services:
        services = concerned(layout.mesh, vs)
        if services and all(service.ref in layout.bound for service in services):
            yield _Translated(vs, fit(layout.mesh, vs))


def _answers_for_sidecars(layout: Layout, vs: Resource) -> bool:
    """Sidecars obey a VirtualService at port 80 though the Service has no such port
    (`buildSidecarVirtualHostsForVirtualService` of istio/istio pilot/pkg/networking/core/route/route.go).
    """
    services = concerned(layout.mesh, vs)
    return bool(layout.staying) and any(
        _HTTP not in {port.number for port in service.ports} for service in services
    )


def _create(vs: Resource, manifest: dict[str, Any], taken: set[str]) -> CreateObject:
    meta = manifest["metadata"]
    name = fresh_name(f"{meta['namespace']}/{meta['name']}", taken).partition("/")[2]
    named = {**manifest, "metadata": {**meta, "name": name}}
    ref = object_ref(named)
    return CreateObject(
        id=f"contract.route.{ref.namespace}.{ref.name}",
        target=Target.of(ref),
        manifest=named,
        why=f"It answers every request as {vs.ref} does, in the form that waypoints support best.",
        rules=("AMB201",),
        before=(checks.absent(ref),),
        after=(checks.exists(ref), checks.route_accepted(ref)),
    )


def _delete(vs: Resource, made: Sequence[CreateObject]) -> DeleteObject:
    return DeleteObject(
        id=f"contract.delete.virtualservice.{vs.namespace}.{vs.name}",
        target=Target.of(vs.ref),
        manifest=as_it_was(vs, vs.spec),
        why="The HTTPRoutes made of it answer every request as it does.",
        rules=("AMB201",),
        requires=tuple(step.id for step in made),
        disruption=Disruption.NONE,
        after=(checks.absent(vs.ref),),
    )


def as_it_was(resource: Resource, spec: Mapping[str, Any]) -> dict[str, Any]:
    """The object with `spec`, as one would create it again."""
    return {
        "apiVersion": resource.body.get("apiVersion", ""),
        "kind": resource.ref.kind,
        "metadata": {k: v for k, v in resource.metadata.items() if k not in _DROPPED},
        "spec": dict(spec),
    }
