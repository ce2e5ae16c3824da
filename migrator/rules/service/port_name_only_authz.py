"""AMB618, a target port that is only a name."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.effective import port_uses
from migrator.istio.services import Service
from migrator.istio.traffic.destinationrules import has_waypoint
from migrator.istio.traffic.virtualservices import apps
from migrator.istio.workloads import Workload
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.rules.base import Rule


class PortNameOnlyAuthz(Rule):
    """A policy names ports of the workload, and the Service in front names its target port by a name.

    ## Why
    At the waypoint the policy has to name the Service's port. Which number the name stands for is not in the
    pods' manifests, or differs between them: the port cannot be mapped.

    ## Fix
    Write the number as `targetPort`, or declare the named port in every container.

    ## References
    - istio/istio pilot/pkg/networking/core/listener_waypoint.go
    - https://kubernetes.io/docs/concepts/services-networking/service/#field-spec-ports
    """

    code = "AMB618"
    severity = Severity.BLOCKER
    inputs = kinds.WAYPOINT_REASONS

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for policy, _, apps_ in mesh.enforced:
            if not port_uses(policy):
                continue
            services = {s.ref: s for w in apps_ for s in mesh.services.of_workload(w)}
            for ref in sorted(services):
                service = services[ref]
                for path, name in _unclear(mesh, service) if has_waypoint(mesh, service) else ():
                    yield self.finding(
                        service.resource,
                        f"AuthorizationPolicy {policy.namespace}/{policy.name} names ports of the "
                        f"workload, and targetPort {name} is not the same one number in all pods "
                        "behind.",
                        fix="Write the number as targetPort.",
                        path=path,
                        affects=apps(mesh, [service]),
                        callers=["ambient"],
                    )


def _unclear(mesh: Mesh, service: Service) -> Iterator[tuple[str, str]]:
    """(path, name) of target ports that are names of no port, or of several."""
    for i, port in enumerate(service.resource.spec.get("ports") or ()):
        name = port.get("targetPort")
        if not isinstance(name, str) or name.isdigit():
            continue
        numbers = {
            next(iter(_numbers(workload, name)), None)
            for workload in mesh.services.workloads(service)
        }
        if len(numbers) != 1 or None in numbers:
            yield field("spec", "ports", i, "targetPort"), name


def _numbers(workload: Workload, name: str) -> Iterator[int]:
    for container in workload.containers:
        for port in container.get("ports") or ():
            if port.get("name") == name:
                yield port["containerPort"]
