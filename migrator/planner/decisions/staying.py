"""Who stays behind, in sidecar mode, and why: whom a finding stops, and what is said of that."""

from collections.abc import Iterable, Iterator, Mapping

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Scope, Severity
from migrator.model.resource import Ref
from migrator.planner.plan import Exclusion
from migrator.steps import Target


def concerns(finding: Finding, namespaces: set[str]) -> bool:
    """Whether the finding is about one of these namespaces, or about the whole mesh."""
    if finding.severity is Severity.INFO:
        return False
    if finding.scope is Scope.CLUSTER:
        return True
    return bool(_namespaces_of(finding) & namespaces)


def _namespaces_of(finding: Finding) -> set[str]:
    touched = {ref.namespace or ref.name for ref in finding.affects}
    if touched:
        return touched
    subject = finding.subject
    return {subject.name if subject.group_kind == kinds.NAMESPACE else subject.namespace}


def stopped_by(finding: Finding, mesh: Mesh, wanted: Mapping[Ref, Workload]) -> Iterable[Ref]:
    """Who stays behind for it. A finding that names no workload stops its whole namespace."""
    if finding.scope is Scope.CLUSTER:
        return ()
    if finding.scope is Scope.WORKLOAD:
        touched = {finding.subject, *finding.affects}
        behind = {
            w.ref
            for ref in touched
            if (service := mesh.services.get(ref)) is not None
            for w in mesh.services.workloads(service)
        }
        named = touched | behind
        if any(mesh.workload(ref) is not None for ref in named):
            return sorted(named & wanted.keys())
    homes = _namespaces_of(finding)
    return [w.ref for home in sorted(homes) for w in mesh.meshed_in(home) if w.ref in wanted]


def excluded_by(workload: Workload, findings: list[Finding]) -> Exclusion:
    """It stays for these findings."""
    found = sorted(findings, key=lambda f: f.sort_key)
    fixes = [f.fix for f in found]
    return Exclusion(
        target=Target.of(workload.ref),
        reason=" ".join(f"{f.code} {f.rule}: {f.message}" for f in found),
        rules=tuple(sorted({f.code for f in found})),
        fix=" ".join(dict.fromkeys(fixes)),
    )


def excluded_for(workload: Workload, reason: str) -> Exclusion:
    """It stays because no waypoint can stand for its policies."""
    return Exclusion(
        target=Target.of(workload.ref),
        reason=reason,
        fix="Put a ClusterIP Service in front whose workloads all have the same policies.",
    )


def on_the_node(mesh: Mesh, namespaces: set[str]) -> Iterator[Exclusion]:
    """Neighbours of what moves that no data plane ever captures (AMB320): nothing changes for them."""
    for workload in mesh.workloads:
        if workload.namespace in namespaces and workload.host_network:
            yield Exclusion(
                target=Target.of(workload.ref),
                reason="AMB320 host-network-pod: It uses the node's network: it has no sidecar, and the "
                "namespace's label does not capture it.",
                rules=("AMB320",),
                fix="Nothing to do.",
            )
