"""istiod serves ambient, and the Gateway API is there for waypoints."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.meshconfig import DEFAULT_REVISION, ControlPlane, control_planes, mesh_config
from migrator.istio.yamltext import is_true
from migrator.model.resource import Ref, Resource
from migrator.model.snapshot import Snapshot
from migrator.model.verdict import Verdict
from migrator.ports import ClusterReader
from migrator.steps import AnyStep, Check

from .bodies import condition, holds, ref_of, spec_of, together, words
from .rolled_out import readiness

_HBONE = ("defaultConfig", "proxyMetadata", "ISTIO_META_ENABLE_HBONE")
_CRDS = ("gatewayclasses", "gateways", "httproutes")


def istiod_ambient(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:  # noqa: ARG001
    """Of every revision: a sidecar's injector, and who tells ztunnel, may be any of them."""
    bodies = cluster.list(kinds.DEPLOYMENT, labels={"app": "istiod"})
    planes = control_planes(
        Snapshot(Resource(ref_of(body, kinds.DEPLOYMENT), body) for body in bodies)
    )
    if not planes:
        return Verdict.waiting("there is no Deployment with the label app=istiod; one is awaited")
    verdicts = [verdict for plane in planes for verdict in _serves(plane, cluster)]
    return together(
        verdicts, f"{', '.join(str(p.resource.ref) for p in planes)}: rolled out, with ambient"
    )


def gateway_api_present(check: Check, step: AnyStep, cluster: ClusterReader) -> Verdict:  # noqa: ARG001
    verdicts = [_crd(f"{plural}.{kinds.GATEWAY.group}", cluster) for plural in _CRDS]
    verdicts.append(_class(cluster))
    return together(
        verdicts, f"the Gateway API is served, and GatewayClass {names.WAYPOINT_CLASS} is Accepted"
    )


def _serves(plane: ControlPlane, cluster: ClusterReader) -> Iterator[Verdict]:
    ref = plane.resource.ref
    if plane.ambient is not True:
        found = plane.env.get("PILOT_ENABLE_AMBIENT", "absent")
        yield Verdict.waiting(f"{ref}: env PILOT_ENABLE_AMBIENT is {found}; true is awaited")
    yield _sends_hbone(plane, cluster)
    yield readiness(ref, plane.resource.body)


def _sends_hbone(plane: ControlPlane, cluster: ClusterReader) -> Verdict:
    name = "istio" if plane.revision == DEFAULT_REVISION else f"istio-{plane.revision}"
    ref = Ref(*kinds.CONFIG_MAP, plane.namespace, name)
    body = cluster.get(ref)
    if body is None:
        return Verdict.waiting(f"{ref} is not there; the mesh config is awaited in it")
    found = mesh_config(Snapshot([Resource(ref, body)])).get(*_HBONE)
    says = f"{ref}: {'.'.join(_HBONE)} is {'absent' if found is None else found}"
    if found is not None and is_true(str(found)):
        return Verdict.done(says)
    return Verdict.waiting(f"{says}; true is awaited")


def _crd(name: str, cluster: ClusterReader) -> Verdict:
    ref = Ref(*kinds.CRD, "", name)
    body = cluster.get(ref)
    if body is None:
        return Verdict.waiting(f"{ref} is not there; it is awaited")
    if not holds(body, "Established"):
        found = words(condition(body, "Established"))
        return Verdict.waiting(f"{ref}: condition Established is {found}; True is awaited")
    served = [v["name"] for v in spec_of(body).get("versions") or () if v.get("served")]
    if "v1" not in served:
        return Verdict.waiting(f"{ref}: serves {', '.join(served) or 'nothing'}; v1 is awaited")
    return Verdict.done(f"{ref} is served")


def _class(cluster: ClusterReader) -> Verdict:
    ref = Ref(*kinds.GATEWAY_CLASS, "", names.WAYPOINT_CLASS)
    body = cluster.get(ref)
    if body is None:
        return Verdict.waiting(f"{ref} is not there; istiod makes it once the CRDs are there")
    found = condition(body, "Accepted")
    says = f"{ref}: condition Accepted is {words(found)}"
    if found.get("status") == "True":
        return Verdict.done(says)
    return Verdict.waiting(f"{says}; True is awaited")
