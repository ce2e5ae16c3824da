"""AMB712, configuration that acts on nothing."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.policies.attachment import selector_labels
from migrator.istio.selectors import has_labels
from migrator.istio.traffic.hosts import fqdn
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule

_SELECTING = (
    kinds.AUTHORIZATION_POLICY, kinds.REQUEST_AUTHENTICATION, kinds.PEER_AUTHENTICATION,
    kinds.ENVOY_FILTER, kinds.WASM_PLUGIN, kinds.TELEMETRY, kinds.SIDECAR,
)  # fmt: skip


class UnusedConfig(Rule):
    """A policy selects no workload of the source, or a DestinationRule names no Service of it.

    ## Why
    It has nothing to act on, with sidecars or in ambient, and no other rule speaks of it. Often it is a
    leftover, or its selector has a mistake and does not protect what somebody thinks it protects.

    ## Fix
    Remove it, or correct its selector or host, before the migration.

    ## References
    - https://istio.io/latest/docs/reference/config/analysis/ist0101/
    """

    code = "AMB712"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = (kinds.WORKLOADS - kinds.NAMESPACES) | kinds.CONFIG_SOURCES | kinds.SERVICES | {
        *_SELECTING, kinds.DESTINATION_RULE, kinds.SERVICE_ENTRY,
    }  # fmt: skip

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for kind in _SELECTING:
            for policy in mesh.of(kind):
                wanted = selector_labels(policy)
                everywhere = policy.namespace == mesh.config.root_namespace
                reached = mesh.workloads if everywhere else mesh.workloads_in(policy.namespace)
                at_home = mesh.workloads_in(policy.namespace)  # else its pods are not in the source
                if wanted and at_home and not any(has_labels(wanted, w.labels) for w in reached):
                    said = ", ".join(f"{key}={value}" for key, value in sorted(wanted.items()))
                    yield self.finding(
                        policy,
                        f"{policy.ref} selects {said}, and no workload that it could reach has it.",
                        fix="Remove it, or correct its selector.",
                        path="spec.workloadSelector"
                        if "workloadSelector" in policy.spec
                        else "spec.selector",
                    )
        yield from self._destination_rules(mesh)

    def _destination_rules(self, mesh: Mesh) -> Iterator[Finding]:
        entries = {
            host for one in mesh.of(kinds.SERVICE_ENTRY) for host in one.spec.get("hosts") or ()
        }
        for rule in mesh.of(kinds.DESTINATION_RULE):
            host = rule.spec.get("host", "")
            name, _, rest = fqdn(host, rule.namespace).partition(".")
            namespace = rest.removesuffix(".svc.cluster.local")
            known = mesh.services.in_namespace(namespace)
            missing = name != "*" and not any(one.name == name for one in known)
            if known and host not in entries and missing:
                yield self.finding(
                    rule,
                    f"{rule.ref} is about {host}, and namespace {namespace} has no Service {name}.",
                    fix="Remove it, or correct its host.",
                    path="spec.host",
                )
