"""AMB506, another ingress controller."""

import re
from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.istio.mesh import Mesh
from migrator.istio.traffic import ingress
from migrator.istio.workloads import Role, Workload
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule

_CONTROLLERS = re.compile(
    r"ingress-nginx/|nginx-ingress|(?:^|/)traefik(?:[:@]|$)|(?:^|/)kong(?:-gateway)?(?:[:@]|$)"
    r"|projectcontour/|haproxy-ingress|haproxytech/kubernetes-ingress|emissary|apisix"
)
_TO_SERVICES = "nginx.ingress.kubernetes.io/service-upstream"


class ThirdPartyIngress(Rule):
    """An ingress controller other than Istio's leads to the mesh, and sends to pods directly, past waypoints.

    ## Why
    Such controllers pick pods by themselves. What goes to a pod's address skips the Service's waypoint, and
    the guard refuses it. What comes from outside is plaintext, which STRICT refuses once they are captured.

    ## Fix
    Let it send to Services (nginx: `service-upstream: "true"`, traefik: `nativeLB`). Annotate its pods
    `ambient.istio.io/bypass-inbound-capture: "true"` under STRICT, or keep them out of ambient.

    ## References
    - https://istio.io/latest/docs/ambient/usage/waypoint/
    """

    code = "AMB506"
    severity = Severity.WARNING
    inputs = kinds.WAYPOINT_REASONS | {kinds.INGRESS, kinds.PEER_AUTHENTICATION}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        past = _past_waypoints(mesh)
        for workload in mesh.workloads:
            path, image = _controller(workload)
            among = path and workload.role is Role.APP and mesh.meshed_in(workload.namespace)
            out = workload.host_network or workload.labels.get(names.DATAPLANE_MODE) == "none"
            if not among or (out and not past):
                continue
            let_in = out or workload.annotations.get(names.BYPASS_INBOUND) == "true"
            why = [f"it leads to {past}, past the waypoint that it needs"] if past else []
            if mesh.mtls(workload).strict and not let_in:
                why.append("STRICT refuses plaintext from outside once it is captured")
            said = " and ".join(why) or "it sends to pods, past any waypoint"
            yield self.finding(
                workload.resource,
                f"{image} is an ingress controller in namespace {workload.namespace}: {said}.",
                fix="Let it send to Services, or keep it out of ambient.",
                path=path,
                severity=Severity.BLOCKER if why else Severity.WARNING,
                affects=[workload],
                callers=["outside"],
            )


def _controller(workload: Workload) -> tuple[str, str]:
    """(path, image) of the container that is an ingress controller."""
    images = ((f"{path}.image", str(c.get("image", ""))) for path, c in workload.all_containers)
    return next((found for found in images if _CONTROLLERS.search(found[1])), ("", ""))


def _past_waypoints(mesh: Mesh) -> str:
    """A Service with a hard reason for a waypoint to whose pods some Ingress sends."""
    for one in mesh.of(kinds.INGRESS):
        if not ingress.is_istio(one) and one.annotations.get(_TO_SERVICES) != "true":
            for ref in ingress.services(one):
                service = mesh.services.get(ref)
                if service is not None and any(r.hard for r in mesh.waypoints.needs(service)):
                    return service.host
    return ""
