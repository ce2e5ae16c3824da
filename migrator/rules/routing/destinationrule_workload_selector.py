"""AMB221, a policy of chosen clients."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.clientpolicy import fields
from migrator.istio.selectors import has_labels
from migrator.istio.traffic.destinationrules import shapes
from migrator.istio.traffic.egress import entries_of
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Severity
from migrator.model.resource import Resource
from migrator.rules.base import Rule


class DestinationruleWorkloadSelector(Rule):
    """A DestinationRule is for chosen clients (`workloadSelector`), and no waypoint is ever one of them.

    ## Why
    The selector names the proxies that apply it: sidecars of its namespace. ztunnel reads no DestinationRule,
    and a waypoint does not carry the application's labels.

    ## Fix
    State for the destination what all callers should get; else give these clients a Service of their own.

    ## References
    - istio/istio pilot/pkg/model/sidecar.go (`DestinationRule`)
    - istio.io/api networking/v1alpha3/destination_rule.proto (`workload_selector`)
    """

    code = "AMB221"
    severity = Severity.BLOCKER
    inputs = kinds.INJECTION | {kinds.DESTINATION_RULE, kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        meshed = {w.ref for w in mesh.meshed}
        for rule in mesh.of(kinds.DESTINATION_RULE):
            wanted = (rule.spec.get("workloadSelector") or {}).get("matchLabels") or {}
            if not wanted or not shapes(rule) or _only_originates(mesh, rule):
                continue
            clients = [
                w
                for w in mesh.workloads_in(rule.namespace)
                if has_labels(wanted, w.labels) and w.ref in meshed
            ]
            if not clients:
                continue
            said = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
            yield self.finding(
                rule,
                f"It shapes calls of pods with {said} to {rule.spec.get('host', '')}. In ambient "
                "no proxy has these labels: nobody applies it.",
                fix="State it for the destination, or give these clients a Service of their own.",
                path=field("spec", "workloadSelector"),
                affects=clients,
                callers=["ambient"],
            )


def _only_originates(mesh: Mesh, rule: Resource) -> bool:
    """Whether it is no more than TLS to an external host, of which another rule speaks."""
    names = {one.name for one in fields(rule)}
    return names == {"tls"} and bool(entries_of(mesh, rule.spec.get("host", "")))
