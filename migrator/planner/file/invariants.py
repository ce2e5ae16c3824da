"""What every order of steps must keep, checked on the plan alone: the planner's plans, and edited ones.

The numbers are those of the invariants in docs/architecture.md.
"""

from collections.abc import Iterator

from migrator.istio import kinds
from migrator.istio import labels as names
from migrator.planner.plan import PhaseName, Plan
from migrator.steps import (
    AnyStep,
    CreateObject,
    DeleteObject,
    Disruption,
    PatchTemplate,
    RestartWorkload,
    SetLabels,
    UpdateSpec,
)

_INJECTION = (names.INJECTION, names.REVISION)


def broken(plan: Plan) -> tuple[str, ...]:
    """Each invariant that the plan breaks, in a sentence that names the step; empty for a sound plan."""
    steps = [(phase, step) for phase, _, step in plan.steps()]
    checks = (_identity, _one_patch, _components_first, _waypoint_first, _guarded, _kept, _deletes)
    return (*(said for check in checks for said in check(steps)), *_bound(plan))


Steps = list[tuple[PhaseName, AnyStep]]


def enrols(step: AnyStep) -> bool:
    """Whether the step makes pods ambient, now or at their next start."""
    if isinstance(step, SetLabels | PatchTemplate):
        return step.labels.get(names.DATAPLANE_MODE) == names.AMBIENT
    return False


def _is_namespace(step: AnyStep) -> bool:
    return step.target.ref.group_kind == kinds.NAMESPACE


def _identity(steps: Steps) -> Iterator[str]:
    """I11: unique ids; what is required comes before; what is changed can be put back."""
    seen: set[str] = set()
    for _, step in steps:
        if step.id in seen:
            yield f"I11: the id {step.id} stands twice"
        for needed in step.requires:
            if needed not in seen:
                yield f"I11: {step.id} needs {needed}, which does not come before it"
        seen.add(step.id)
        if not step.after and step.disruption is not Disruption.NONE:
            yield f"I11: nothing would show that {step.id} holds"
        if isinstance(step, SetLabels) and step.labels.keys() != step.old.keys():
            yield f"I11: {step.id} does not hold the old value of each label"


def _one_patch(steps: Steps) -> Iterator[str]:
    """I2: no moment in which a new pod would get neither sidecar nor ambient."""
    for _, step in steps:
        if not isinstance(step, SetLabels) or not _is_namespace(step):
            continue
        ends = any(
            key in step.labels and step.labels[key] in {None, "disabled"} for key in _INJECTION
        )
        if ends and not enrols(step):
            yield f"I2: {step.id} ends injection in a request that does not turn ambient on"


def _components_first(steps: Steps) -> Iterator[str]:
    """I3: istio-cni and ztunnel before any enrolment; I4: keep-out labels before the namespace's; I5:
    sidecars receive HBONE before the first ambient caller.
    """
    ready = moving = False
    for _, step in steps:
        ready = ready or step.id == "prepare.dataplane"
        now = enrols(step)
        moving = moving or now
        if now and not ready:
            yield f"I3: {step.id} comes before istio-cni and ztunnel are there"
        if moving and step.id.startswith("hbone."):
            yield f"I5: {step.id} comes after somebody is ambient already"
    enrolled: set[str] = set()
    for _, step in steps:
        if enrols(step) and _is_namespace(step):
            enrolled.add(step.target.name)
        if not isinstance(step, PatchTemplate) or step.labels.get(names.DATAPLANE_MODE) != "none":
            continue
        if step.target.namespace in enrolled:
            yield f"I4: {step.id} comes after the label that captures its pods"


def _waypoint_first(steps: Steps) -> Iterator[str]:
    """I6: a Service is bound after its waypoint is made and seen ready; the waypoint is never deleted."""
    made: set[str] = set()
    for _, step in steps:
        at = step.target
        if isinstance(step, CreateObject) and at.ref.group_kind == kinds.GATEWAY:
            made.add(f"{at.namespace}/{at.name}")
        if isinstance(step, SetLabels) and step.labels.get(names.USE_WAYPOINT):
            waypoint = f"{at.namespace}/{step.labels[names.USE_WAYPOINT]}"
            if waypoint not in made:
                yield f"I6: {step.id} binds to {waypoint}, which no step before it makes"
            if not any(check.predicate == "waypoint-ready" for check in step.before):
                yield f"I6: {step.id} does not wait until the waypoint is ready"
        if isinstance(step, DeleteObject) and at.ref.group_kind == kinds.GATEWAY:
            yield f"I6: {step.id} deletes a Gateway"


def _bound(plan: Plan) -> Iterator[str]:
    """I6: a Service that needs a waypoint is bound to it; an edited plan cannot do without."""
    found = {step.id for _, _, step in plan.steps()}
    for waypoint in plan.waypoints:
        for service in waypoint.services:
            wanted = f"bind.{waypoint.namespace}.{service}"
            if found and wanted not in found:
                yield f"I6: Service {waypoint.namespace}/{service} needs a waypoint, and no {wanted} binds it"


def _guarded(steps: Steps) -> Iterator[str]:
    """I7, I8, I9: copies and ALLOWs before binding, binding before guard, guard before the move."""
    order = {step.id: number for number, (_, step) in enumerate(steps)}
    binds: dict[str, int] = {}
    for number, (_, step) in enumerate(steps):
        if step.id.startswith("bind."):
            binds.setdefault(step.target.namespace, number)
    first_bind = min(binds.values(), default=len(steps))
    is_guarded = False
    for number, (_, step) in enumerate(steps):
        at = step.target
        is_guard = step.id.startswith("guard.")
        if isinstance(step, CreateObject) and at.ref.group_kind == kinds.AUTHORIZATION_POLICY:
            if not is_guard and number > binds.get(at.namespace, first_bind):
                yield f"I7/I8: {step.id} comes after Services of {at.namespace} are bound"
            if is_guard and number > order.get(step.id.replace("guard.", "move.", 1), len(steps)):
                yield f"I9: {step.id} comes after its workload moved"
        if isinstance(step, UpdateSpec) and step.id.startswith("narrow.") and not is_guarded:
            yield f"I9: {step.id} narrows a policy before any guard is there"
        is_guarded = is_guarded or is_guard


def _kept(steps: Steps) -> Iterator[str]:
    """I10: the revision is written on Gateways before the namespace loses it."""
    gone: set[str] = set()
    for _, step in steps:
        if not isinstance(step, SetLabels):
            continue
        if names.REVISION in step.labels and _is_namespace(step):
            gone.add(step.target.name)
        if step.target.ref.group_kind == kinds.GATEWAY and step.target.namespace in gone:
            yield f"I10: {step.id} comes after the namespace lost its revision"


def _deletes(steps: Steps) -> Iterator[str]:
    """I12: only the last phase deletes, pods never; restarts go through templates, enrolment before them."""
    enrolled: set[str] = set()
    for phase, step in steps:
        if isinstance(step, DeleteObject):
            if phase is not PhaseName.CONTRACT:
                yield f"I12: {step.id} deletes outside the last phase"
            if step.target.ref.group_kind == kinds.POD:
                yield f"I12: {step.id} deletes a pod"
        if enrols(step) and _is_namespace(step):
            enrolled.add(step.target.name)
        is_move = isinstance(step, RestartWorkload) and step.id.startswith("move.")
        if is_move and step.target.namespace not in enrolled:
            yield f"I1: {step.id} restarts before {step.target.namespace} is enrolled"
