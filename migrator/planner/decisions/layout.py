"""Who moves, who stays behind, what is bound to a waypoint: every decision before the order.

Blockers stop the scope that they touch and nothing else: a mesh-wide one stops the plan, one of a
namespace or workload leaves that behind, in sidecar mode, with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from migrator.istio.mesh import Mesh
from migrator.istio.services import Service
from migrator.istio.workloads import Workload
from migrator.model.finding import Finding, Remedy, Scope, Severity
from migrator.model.resource import Ref
from migrator.planner.options import PlanOptions
from migrator.planner.plan import Acknowledgement, Exclusion

from .binding import bound, cannot_hand_over
from .grouping import grouped
from .handled import HANDLED, PREPARED
from .judging import acknowledgement, of_owner
from .keepout import keeps_out, kept_out
from .protection import is_guarded
from .staying import concerns, excluded_by, excluded_for, on_the_node, stopped_by

WITHOUT_ORDER = frozenset({"AMB347", "AMB607"})  # statefulset-peers, headless-mixed-endpoints


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

    @cached_property
    def better_last(self) -> frozenset[Ref]:
        """Those whose callers with a sidecar lose them as soon as one of their pods is ambient."""
        return frozenset(ref for f in self.findings if f.code in WITHOUT_ORDER for ref in f.affects)

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
    relevant = tuple(f for f in findings if concerns(f, homes))
    judged = tuple(
        (f, reason) for f, reason in suppressed if concerns(f, homes) and not _handled(f)
    )
    blocking = [f for f in relevant if _blocks(f, options)]
    stays: dict[Ref, list[Finding]] = {}
    for finding in blocking:
        for ref in stopped_by(finding, mesh, by_ref):
            stays.setdefault(ref, []).append(finding)
    exclusions = [excluded_by(by_ref[ref], found) for ref, found in stays.items()]
    kept = [kept_out(w) for w in wanted if keeps_out(w) and w.ref not in stays]
    exclusions.extend(kept)
    stays.update({one.target.ref: [] for one in kept})
    guarded_all = frozenset(w.ref for w in wanted if is_guarded(mesh, w))
    for workload in wanted:
        if workload.ref in guarded_all and workload.ref not in stays:
            reason = cannot_hand_over(mesh, workload)
            if reason:
                stays[workload.ref] = []
                exclusions.append(excluded_for(workload, reason))
    moving = tuple(w for w in wanted if w.ref not in stays)
    guarded = frozenset(w.ref for w in moving if w.ref in guarded_all)
    exclusions.extend(on_the_node(mesh, {w.namespace for w in moving}))
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
        bound=bound(mesh, moving, guarded, options.waypoints),
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
