"""Other ways for those whom no order suits, each as steps, and what it opens and closes by the model.

A window: all of their pods stop before any starts anew. A PeerAuthentication that says PERMISSIVE for them
while they move. Guards that admit the callers' own identities beside the waypoint's meanwhile, so that only
what mutual TLS shows is asked for.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from migrator.exposure.callers import principal_of
from migrator.exposure.state import Pods, State
from migrator.istio import kinds
from migrator.istio.mesh import Mesh
from migrator.istio.pods.dataplane import Mode
from migrator.istio.workloads import Workload
from migrator.model.resource import Ref, Resource
from migrator.planner.outlook.world import World
from migrator.planner.phases import checks
from migrator.planner.phases.flip import flip_id
from migrator.planner.phases.prepare import step_name
from migrator.steps import AnyStep, CreateObject, Target, UpdateSpec
from migrator.translate.manifest import manifest

_MOVES = ("move.", "wait.")
_WHY_PERMISSIVE = "Plain text is taken while old and new pods run side by side."
_WHY_STRICT = "Every pod has moved; what held before holds again."
_WHY_GUARD = "The guard asks for the waypoint again: nobody calls from a sidecar any more."


class Passage(NamedTuple):
    """Steps on a part of a mesh, in which `members` move, and their pods' labels for selectors."""

    mesh: Mesh
    steps: tuple[AnyStep, ...]
    members: tuple[Workload, ...]
    selectors: Mapping[Ref, Mapping[str, str]]
    calls: Mapping[Ref, frozenset[Ref]]

    def is_move(self, step: AnyStep) -> bool:
        """Whether the step moves a member."""
        return is_move_of(step, [w.ref for w in self.members])

    @property
    def first(self) -> int:
        """The place of the first step from which on a member may have pods of its new kind."""
        flips = {flip_id(w.namespace) for w in self.members}
        return next(n for n, s in enumerate(self.steps) if self.is_move(s) or s.id in flips)

    def with_around(self, before: Iterable[AnyStep], after: Iterable[AnyStep]) -> "Passage":
        """With steps right before the first of the moves, and right after the last."""
        first = self.first
        last = 1 + max(n for n, step in enumerate(self.steps) if self.is_move(step))
        steps = (
            *self.steps[:first], *before, *self.steps[first:last], *after, *self.steps[last:],
        )  # fmt: skip
        return self._replace(steps=steps)


def is_move_of(step: AnyStep, workloads: Container[Ref]) -> bool:
    """Whether the step is one of those by which a workload leaves its sidecar."""
    return step.target.ref in workloads and step.id.startswith(_MOVES)


def permissive(passage: Passage) -> Passage:
    """With a PeerAuthentication for these pods while they move."""
    mesh = passage.mesh
    before: list[AnyStep] = []
    after: list[AnyStep] = []
    for workload in passage.members:
        acting = mesh.attachments.on_workload(kinds.PEER_AUTHENTICATION, workload)
        own = [one for one in acting if (one.spec.get("selector") or {}).get("matchLabels")]
        if own:
            changes = [_opened(policy) for policy in own]
            before += changes
            after += [_put_back(step, _WHY_STRICT) for step in changes]
        else:
            made = _peer_authentication(workload, passage.selectors[workload.ref])
            before.append(made)
            after.append(_inheriting(made))
    return passage.with_around(_once(before), _once(after))


def with_callers_admitted(passage: Passage) -> Passage | None:
    """With guards that admit the members' own identities until the last has moved; None without guards."""
    domain = passage.mesh.config.trust_domain
    admitted = sorted(
        {principal_of(domain, w.namespace, w.service_account) for w in passage.members}
    )
    ids = {f"guard.{step_name(w.ref)}" for w in passage.members}
    steps: list[AnyStep] = []
    after: list[AnyStep] = []
    for step in passage.steps:
        if step.id in ids and isinstance(step, CreateObject):
            wider = {**step.manifest, "spec": _admitting(step.manifest["spec"], admitted)}
            steps.append(step.model_copy(update={"manifest": wider}))
            after.append(_narrowed(step, wider["spec"]))
        else:
            steps.append(step)
    if not after:
        return None
    return passage._replace(steps=tuple(steps)).with_around((), after)


def stopped(passage: Passage) -> tuple[State, State]:
    """The mesh at the start, and while all of the members' pods are gone."""
    world = World(passage.mesh)
    start = world.state
    for step in passage.steps[: passage.first]:
        world.begin(step)
        world.end(step)
    gone = frozenset({Pods(Mode.PENDING, ())})
    state = world.state
    pods = {**state.pods, **{w.ref: gone for w in passage.members}}
    return start, State(state.mesh, pods, state.waypoints)


def _opened(policy: Resource) -> UpdateSpec:
    spec = {k: v for k, v in policy.spec.items() if k != "portLevelMtls"}
    return UpdateSpec(
        id=f"permissive.{policy.namespace}.{policy.name}",
        target=Target.of(policy.ref),
        spec={**spec, "mtls": {"mode": "PERMISSIVE"}},
        old=dict(policy.spec),
        why=_WHY_PERMISSIVE,
        after=(checks.exists(policy.ref),),
    )


def _peer_authentication(workload: Workload, selector: Mapping[str, str]) -> CreateObject:
    spec = {"selector": {"matchLabels": dict(selector)}, "mtls": {"mode": "PERMISSIVE"}}
    name = f"permissive-{workload.name}"
    ref = Ref(*kinds.PEER_AUTHENTICATION, workload.namespace, name)
    return CreateObject(
        id=f"permissive.{step_name(workload.ref)}",
        target=Target.of(ref),
        manifest=manifest(kinds.PEER_AUTHENTICATION, ref.namespace, name, spec=spec),
        why=_WHY_PERMISSIVE,
        before=(checks.absent(ref),),
        after=(checks.exists(ref),),
    )


def _inheriting(made: CreateObject) -> UpdateSpec:
    """The namespace's mode, or the mesh's, holds again."""
    old = made.manifest["spec"]
    return UpdateSpec(
        id=made.id.replace("permissive.", "strict.", 1),
        target=made.target,
        spec={**old, "mtls": {"mode": "UNSET"}},
        old=old,
        why=_WHY_STRICT,
        after=(checks.exists(made.target.ref),),
    )


def _put_back(step: UpdateSpec, why: str) -> UpdateSpec:
    name = step.id.replace("permissive.", "strict.", 1)
    return step.model_copy(update={"id": name, "spec": step.old, "old": step.spec, "why": why})


def _admitting(spec: Mapping[str, Any], principals: Sequence[str]) -> dict[str, Any]:
    """The guard, with more identities that it lets pass."""
    (rule,) = spec["rules"]
    (one,) = rule["from"]
    known = one["source"]["notPrincipals"]
    wider = {"notPrincipals": sorted({*known, *principals})}
    return {**spec, "rules": [{"from": [{"source": wider}]}]}


def _narrowed(guard: CreateObject, wider: dict[str, Any]) -> UpdateSpec:
    return UpdateSpec(
        id=guard.id.replace("guard.", "waypoint-only.", 1),
        target=guard.target,
        spec=guard.manifest["spec"],
        old=wider,
        why=_WHY_GUARD,
        after=(checks.exists(guard.target.ref),),
    )


def _once(steps: Iterable[AnyStep]) -> Iterator[AnyStep]:
    yield from {step.id: step for step in steps}.values()
