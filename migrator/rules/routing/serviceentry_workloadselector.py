"""AMB237, a host made of pods."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.selectors import has_labels
from migrator.istio.traffic.destinationrules import listed
from migrator.model.fieldpath import field
from migrator.model.finding import Finding, Remedy, Severity
from migrator.rules.base import Rule


class ServiceentryWorkloadselector(Rule):
    """A ServiceEntry takes its endpoints by labels (`workloadSelector`), which ambient supports.

    ## Why
    ztunnel gets the pods and WorkloadEntries that the selector finds, with HBONE where they speak it.

    ## Fix
    Nothing.

    ## References
    - istio/istio pilot/pkg/serviceregistry/ambient/workloads.go
    """

    code = "AMB237"
    severity = Severity.INFO
    remedy = Remedy.NONE
    inputs = kinds.INJECTION | {kinds.SERVICE_ENTRY}

    def check(self, mesh: Mesh) -> Iterator[Finding]:
        for entry in mesh.of(kinds.SERVICE_ENTRY):
            wanted = (entry.spec.get("workloadSelector") or {}).get("labels") or {}
            found = [w for w in mesh.workloads_in(entry.namespace) if has_labels(wanted, w.labels)]
            chosen = [w for w in found if mesh.has_sidecar(w)] if wanted else []
            if chosen:
                yield self.finding(
                    entry,
                    f"It takes {listed(str(w.ref) for w in chosen)} as endpoints of "
                    f"{', '.join(entry.spec.get('hosts') or ())}; ambient does the same.",
                    fix="Nothing.",
                    path=field("spec", "workloadSelector"),
                    affects=chosen,
                    callers=["ambient"],
                )
