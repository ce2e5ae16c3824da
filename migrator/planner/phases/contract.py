"""Phase 3: remove what nobody needs any more. The only phase that deletes."""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio.workloads import Role
from migrator.model.resource import Ref, Resource
from migrator.planner.decisions.layout import Layout
from migrator.planner.decisions.protection import is_ambient_already
from migrator.planner.plan import Gate, Phase, PhaseName, Wave
from migrator.steps import AnyStep, DeleteObject, Disruption, Target, UpdateSpec
from migrator.translate import request_authentication

from . import checks
from .expand import object_ref
from .guards import guard_for_all_pods, is_born_without_label
from .handover import HandOver, rule_about
from .routes import as_it_was, route_steps

_QUIET_DAYS = 7
_ROUTES = (kinds.HTTP_ROUTE, kinds.VIRTUAL_SERVICE)


def contract(layout: Layout, handover: HandOver) -> Phase:
    """One wave for each namespace with something left over."""
    steps: dict[tuple[bool, str], list[AnyStep]] = {}
    for step in _steps(layout, handover):
        key = (isinstance(step, DeleteObject), step.target.namespace)
        steps.setdefault(key, []).append(step)
    waves = tuple(
        Wave(
            name=f"{'delete' if deletes else 'settle'}-{namespace}",
            goal=_goal(namespace, found, deletes=deletes),
            steps=tuple(found),
            gates=(
                Gate(kind="checks", says="every check of the wave holds"),
                Gate(kind="person", says="go on; what follows deletes, and can be created again"),
            ),
        )
        for (deletes, namespace), found in sorted(steps.items())
    )
    return Phase(
        name=PhaseName.CONTRACT,
        goal=f"After {_QUIET_DAYS} quiet days: what is deleted can be created again from this plan.",
        waves=waves,
    )


def _goal(namespace: str, steps: list[AnyStep], *, deletes: bool) -> str:
    routes = any(step.target.ref.group_kind in _ROUTES for step in steps)
    if deletes:
        return f"Old policies{' and routes' * routes} of {namespace} are gone."
    also = ", and HTTPRoutes stand beside its VirtualServices" * routes
    return f"What is new in {namespace} no longer hangs on labels of the way{also}."


def _steps(layout: Layout, handover: HandOver) -> Iterator[AnyStep]:
    yield from route_steps(layout)
    guards = dict(_guards(layout, handover))
    yield from (guard for ref, guard in guards.items() if not is_born_without_label(ref))
    copied = [c for c in handover.copies if _is_over(layout, c.policy)]
    for copy in copied:
        if copy.policy.ref.group_kind == kinds.REQUEST_AUTHENTICATION:
            spec = request_authentication.settled(copy.manifest, copy.policy)
            if spec != copy.manifest["spec"]:
                yield _settle(copy.manifest, spec)
    for policy, spec in handover.narrowed.values():
        if _is_over(layout, policy):
            protects = layout.mesh.attachments.workloads_of(policy)
            needs = tuple(guards[w.ref].id for w in protects if w.ref in guards)
            yield _delete(policy, spec, needs)
    for policy in {c.policy.ref: c.policy for c in copied}.values():
        if policy.ref.group_kind != kinds.AUTHORIZATION_POLICY:
            yield _delete(policy, dict(policy.spec), ())


def _guards(layout: Layout, handover: HandOver) -> Iterator[tuple[Ref, UpdateSpec]]:
    for workload in layout.moving:
        if workload.ref in handover.guards and layout.moves_whole(workload.namespace):
            yield workload.ref, guard_for_all_pods(workload, handover.guards[workload.ref])


def _is_over(layout: Layout, policy: Resource) -> bool:
    """Whether everybody whom it protected has moved. Never for one without selector, which is also the
    default for workloads that come later, nor for one that protects a gateway, or who is ambient today.
    """
    if not (policy.spec.get("selector") or {}).get("matchLabels"):
        return False
    protects = layout.mesh.attachments.workloads_of(policy)
    moving, meshed, bound = layout.moving_refs, layout.meshed_refs, layout.behind_waypoints
    return all(
        w.role is Role.APP
        and not is_ambient_already(layout.mesh, w)
        and (w.ref not in meshed or (w.ref in moving and w.ref in bound))
        for w in protects
    )


def _settle(manifest: dict[str, object], spec: dict[str, object]) -> UpdateSpec:
    ref = object_ref(manifest)
    old = manifest["spec"]
    return UpdateSpec(
        id=f"contract.settle.{ref.namespace}.{ref.name}",
        target=Target.of(ref),
        spec=spec,
        old=dict(old) if isinstance(old, dict) else {},
        why="No sidecar validates the token a second time any more; the policy's own setting holds again.",
        rules=("AMB119",),
        after=(checks.exists(ref),),
    )


def _delete(policy: Resource, spec: dict[str, object], requires: tuple[str, ...]) -> DeleteObject:
    return DeleteObject(
        id=f"contract.delete.{policy.ref.kind.lower()}.{policy.namespace}.{policy.name}",
        target=Target.of(policy.ref),
        manifest=as_it_was(policy, spec),
        why="Every workload that it protected is behind its waypoint, where the copies are enforced.",
        rules=(rule_about(policy),),
        requires=requires,
        disruption=Disruption.NONE,
        after=(checks.absent(policy.ref),),
    )
