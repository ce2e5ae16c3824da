"""Who moves, who stays behind, what is bound to a waypoint: every decision before the order.

Blockers stop the scope that they touch and nothing else: a mesh-wide one stops the plan, one of a
namespace or workload leaves that behind, in sidecar mode, with its reason.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Ref
from migrator.steps import Target

from .grouping import grouped
from .handled import HANDLED, PREPARED
from .judging import acknowledgement, of_owner
from .keepout import keeps_out, kept_out
from .options import PlanOptions
from .plan import Acknowledgement, Exclusion
from .protection import is_guarded, over_denies
from .ways_out import WITHOUT_ORDER, of_peers


@dataclass(frozen=True)
class Layout:
    """The decisions; `bound` maps Services to be bound to the codes of their reasons."""

    mesh: Mesh
    options: PlanOptions
    moving: tuple[Workload, ...]
    exclusions: tuple[Exclusion, ...]
    blockers: tuple[Acknowledgement, ...]
    acknowledgements: tuple[Acknowledgement, ...]
    bound: Mapping[Ref, tuple[str, ...]]
    guarded: frozenset[Ref]
    findings: tuple[Finding, ...]
    accepted: tuple[Finding, ...]  # blockers that a person acknowledged

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(sorted(self._moving_by_namespace))

    def moving_in(self, namespace: str) -> tuple[Workload, ...]:
        return self._moving_by_namespace.get(namespace, ())

    @cached_property
    def _moving_by_namespace(self) -> Mapping[str, tuple[Workload, ...]]:
        return grouped(self.moving, lambda w: w.namespace)

    @cached_property
    def moving_refs(self) -> frozenset[Ref]:
        return frozenset(w.ref for w in self.moving)

    @cached_property
    def staying(self) -> tuple[Ref, ...]:
        """Who has a sidecar and keeps it."""
        return tuple(w.ref for w in self.mesh.meshed if w.ref not in self.moving_refs)

    @cached_property
    def behind_waypoints(self) -> frozenset[Ref]:
        """Workloads with a Service that is to be bound."""
        return frozenset(w.ref for w in self.moving if self.services_of(w))

    @cached_property
    def meshed_refs(self) -> frozenset[Ref]:
        return frozenset(w.ref for w in self.mesh.meshed)

    def moves_whole(self, namespace: str) -> bool:
        """Whether nobody with a sidecar stays behind in the namespace."""
        meshed = {w.ref for w in self.mesh.meshed_in(namespace)}
        return meshed == {w.ref for w in self.moving_in(namespace)}

    def by_workload(self, namespace: str) -> bool:
        """Mode W: a guarded workload asks for its own moment, and so does one that stays behind."""
        if namespace not in self._by_workload:
            self._by_workload[namespace] = (
                self.options.strategy == "workload"
                or not self.moves_whole(namespace)
                or any(w.ref in self.guarded for w in self.moving_in(namespace))
            )
        return self._by_workload[namespace]

    @cached_property
    def _by_workload(self) -> dict[str, bool]:
        return {}

    def services_of(self, workload: Workload) -> tuple[Service, ...]:
        """Its Services that are to be bound."""
        return tuple(s for s in self.mesh.services.of_workload(workload) if s.ref in self.bound)

    def bound_in(self, namespace: str) -> tuple[Ref, ...]:
        return self._bound_by_namespace.get(namespace, ())

    @cached_property
    def _bound_by_namespace(self) -> Mapping[str, tuple[Ref, ...]]:
        return grouped(sorted(self.bound), lambda ref: ref.namespace)

    @property
    def waypoint_namespaces(self) -> tuple[str, ...]:
        return tuple(sorted(self._bound_by_namespace))

    def found(self, rule: str) -> tuple[Finding, ...]:
        return self._by_rule.get(rule, ())

    @cached_property
    def _by_rule(self) -> Mapping[str, tuple[Finding, ...]]:
        return grouped(self.findings, lambda finding: finding.rule)


def lay_out(
    mesh: Mesh,
    findings: tuple[Finding, ...],
    options: PlanOptions,
    suppressed: tuple[tuple[Finding, str], ...] = (),
) -> Layout:
    """Decide. The order of `findings` does not matter."""
    wanted = tuple(w for w in mesh.meshed if options.wants(w.namespace))
    by_ref, homes = {w.ref: w for w in wanted}, {w.namespace for w in wanted}
    relevant = tuple(f for f in findings if _concerns(f, homes))
    judged = tuple(
        (f, reason) for f, reason in suppressed if _concerns(f, homes) and not _handled(f)
    )
    blocking = [f for f in relevant if _blocks(f, options)]
    stays: dict[Ref, list[Finding]] = {}
    for finding in blocking:
        for ref in stopped_by(finding, mesh, by_ref):
            stays.setdefault(ref, []).append(finding)
    exclusions = [_excluded_by(mesh, by_ref[ref], found) for ref, found in stays.items()]
    kept = [kept_out(w) for w in wanted if keeps_out(w) and w.ref not in stays]
    exclusions.extend(kept)
    stays.update({one.target.ref: [] for one in kept})
    guarded_all = frozenset(w.ref for w in wanted if is_guarded(mesh, w))
    for workload in wanted:
        if workload.ref in guarded_all and workload.ref not in stays:
            reason = _cannot_hand_over(mesh, workload)
            if reason:
                stays[workload.ref] = []
                exclusions.append(_excluded_for(workload, reason))
    moving = tuple(w for w in wanted if w.ref not in stays)
    guarded = frozenset(w.ref for w in moving if w.ref in guarded_all)
    exclusions.extend(_on_the_node(mesh, {w.namespace for w in moving}))
    return Layout(
        mesh=mesh,
        options=options,
        moving=moving,
        exclusions=tuple(sorted(exclusions, key=lambda e: e.target.ref)),
        blockers=tuple(acknowledgement(f, options) for f in blocking if f.scope is Scope.CLUSTER),
        acknowledgements=tuple(
            acknowledgement(f, options)
            for f in relevant
            if (f.severity is Severity.WARNING and not _handled(f))
            or (f.severity is Severity.BLOCKER and not _handled(f) and not _blocks(f, options))
        )
        + tuple(of_owner(f, reason) for f, reason in judged),
        bound=_bound(mesh, moving, guarded, options),
        guarded=guarded,
        findings=relevant,
        accepted=tuple(
            f
            for f in relevant
            if f.severity is Severity.BLOCKER and not _handled(f) and not _blocks(f, options)
        )
        + tuple(f for f, _ in judged if f.severity is Severity.BLOCKER),
    )


def _handled(finding: Finding) -> bool:
    if finding.rule in PREPARED:
        return True
    return finding.remedy is Remedy.AUTOMATIC and finding.rule in HANDLED


def _blocks(finding: Finding, options: PlanOptions) -> bool:
    return (
        finding.severity is Severity.BLOCKER
        and not _handled(finding)
        and not any(a.covers(finding) for a in options.acknowledge)
    )


def _concerns(finding: Finding, namespaces: set[str]) -> bool:
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


def _cannot_hand_over(mesh: Mesh, workload: Workload) -> str:
    services = [s for s in mesh.services.of_workload(workload) if can_bind(s)]
    if not services:
        return (
            "It is protected at HTTP level, and no Service with a cluster IP leads to it, "
            "so that no waypoint can stand in front of it."
        )
    for policy in mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload):
        if over_denies(mesh, policy):
            return (
                f"AuthorizationPolicy {policy.namespace}/{policy.name} also protects a gateway, so it "
                "cannot be narrowed to pods with a sidecar, and ztunnel would deny more by it than it asks."
            )
    for service in services:
        behind = mesh.services.workloads(service)
        for policy in mesh.attachments.on_workload(kinds.AUTHORIZATION_POLICY, workload):
            chosen = {w.ref for w in mesh.attachments.workloads_of(policy)}
            left_out = sorted(w.name for w in behind if w.ref not in chosen)
            if left_out:
                return (
                    f"AuthorizationPolicy {policy.namespace}/{policy.name} protects it and not "
                    f"{', '.join(left_out)}, which Service {service.name} leads to as well; a waypoint "
                    "judges requests by Service and cannot tell them apart."
                )
    return ""


def can_bind(service: Service) -> bool:
    """A waypoint is bound by the Service's virtual IP."""
    return not service.headless and service.type != "ExternalName"


def _bound(
    mesh: Mesh, moving: tuple[Workload, ...], guarded: frozenset[Ref], options: PlanOptions
) -> Mapping[Ref, tuple[str, ...]]:
    bound: dict[Ref, tuple[str, ...]] = {}
    for workload in moving:
        for service in mesh.services.of_workload(workload):
            if not can_bind(service) or service.ref in bound:
                continue
            reasons = mesh.waypoints.needs(service)
            asked = [r for r in reasons if r.hard or options.waypoints == "all"]
            if asked or workload.ref in guarded:
                bound[service.ref] = tuple(sorted({r.code for r in asked}))
    return dict(sorted(bound.items()))


def _excluded_by(mesh: Mesh, workload: Workload, findings: list[Finding]) -> Exclusion:
    found = sorted(findings, key=lambda f: f.sort_key)
    fixes = [f.fix for f in found]
    if any(f.rule in WITHOUT_ORDER for f in found):
        fixes.append(of_peers(mesh, workload))
    return Exclusion(
        target=Target.of(workload.ref),
        reason=" ".join(f"{f.code} {f.rule}: {f.message}" for f in found),
        rules=tuple(sorted({f.code for f in found})),
        fix=" ".join(dict.fromkeys(fixes)),
    )


def _excluded_for(workload: Workload, reason: str) -> Exclusion:
    return Exclusion(
        target=Target.of(workload.ref),
        reason=reason,
        fix="Put a ClusterIP Service in front whose workloads all have the same policies.",
    )


def _on_the_node(mesh: Mesh, namespaces: set[str]) -> Iterator[Exclusion]:
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
