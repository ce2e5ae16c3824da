"""AMB709, Knative in the mesh."""

from collections.abc import Iterator

from migrator.istio import kinds, labels
from migrator.istio.mesh import Mesh
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class KedaKnative(Rule):
    """A Knative Service runs in a namespace of the mesh.

    ## Why
    Knative's activator and queue-proxy reach its pods by their addresses and by routes that
    net-istio writes for sidecars. Ambient callers apply none of them; nobody tests the combination.

    ## Fix
    Leave the namespace with its sidecars, or move Knative to another network layer first.

    ## References
    - https://knative.dev/docs/serving/setting-up-custom-ingress-gateway/
    """

    code = "AMB709"
    severity = Severity.BLOCKER
    inputs = kinds.MESHED | {kinds.KNATIVE_SERVICE}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = mesh.meshed_namespaces
        for service in mesh.of(kinds.KNATIVE_SERVICE):
            above = mesh.namespace(service.namespace).labels
            asks = above.get(labels.INJECTION) == "enabled" or labels.REVISION in above
            if _refuses(service) or not (asks or service.namespace in meshed):
                continue
            yield self.finding(
                service,
                f"{service.ref} of Knative is in namespace {service.namespace} of the mesh: its routes "
                "are written for sidecars.",
                fix="Leave it with its sidecar until Knative's network layer supports ambient.",
                affects=[service],
            )


def _refuses(service: Resource) -> bool:
    """Whether its pods ask to have no sidecar."""
    template = (service.spec.get("template") or {}).get("metadata") or {}
    asked = [(template.get(kind) or {}).get(labels.INJECT) for kind in ("labels", "annotations")]
    return "false" in asked
